/* The keys of a pack, one row each. */
#include "rules/pack_fields.h"

#include <stdlib.h>
#include <string.h>

static const struct conf_field bilingual_fields[] = {
	{ "zh", conf_text, offsetof(struct bilingual, zh), CONF_REQUIRED },
	{ "en", conf_text, offsetof(struct bilingual, en), CONF_REQUIRED },
	{ NULL },
};
#define BILINGUAL conf_struct
#define TITLE(type, field, flags) { #field, BILINGUAL, offsetof(type, field), flags, bilingual_fields }
#define QUOTED(type) \
	{ "quote", conf_text, offsetof(type, quote) }, \
	{ "locator", conf_text, offsetof(type, locator) }

static const struct conf_list ids = { .read = conf_id, .size = sizeof(const char *), .min = 1, .max = 32 };
static const struct conf_list texts = { .read = conf_text, .size = sizeof(const char *), .max = 64 };

static const struct conf_field option_fields[] = {
	{ "id", conf_id, offsetof(struct choice_option, id), CONF_REQUIRED },
	TITLE(struct choice_option, title, CONF_REQUIRED),
	{ NULL },
};
static const struct conf_list option_list = { .read = conf_struct, .size = sizeof(struct choice_option), .arg = option_fields, .min = 2, .max = OPTIONS_MAX };
static const struct conf_field choice_fields[] = {
	{ "id", conf_id, offsetof(struct choice, id), CONF_REQUIRED },
	TITLE(struct choice, title, CONF_REQUIRED),
	{ "default", conf_id, offsetof(struct choice, default_), CONF_REQUIRED },
	{ "options", conf_list_of, offsetof(struct choice, options), CONF_REQUIRED, &option_list },
	QUOTED(struct choice),
	{ NULL },
};
static const struct conf_list choice_list = { .read = conf_struct, .size = sizeof(struct choice), .arg = choice_fields, .max = CHOICES_MAX };

static const struct conf_name uses[] = { { "verdict", USE_VERDICT }, { "information", USE_INFORMATION }, { NULL, 0 } };
static const struct conf_field figure_fields[] = {
	{ "id", conf_id, offsetof(struct figure, id), CONF_REQUIRED },
	{ "value", conf_text, offsetof(struct figure, value), CONF_REQUIRED },
	{ "source", conf_text, offsetof(struct figure, source), CONF_REQUIRED },
	{ "status", conf_text, offsetof(struct figure, status), CONF_REQUIRED },
	TITLE(struct figure, title, 0),
	{ "use", conf_enum, offsetof(struct figure, use), 0, uses },
	QUOTED(struct figure),
	{ NULL },
};
static const struct conf_list figure_list = { .read = conf_struct, .size = sizeof(struct figure), .arg = figure_fields, .max = 200 };

static const struct conf_name statement_kinds[] = {
	{ "yes_no", STATEMENT_YES_NO }, { "date", STATEMENT_DATE }, { "amount", STATEMENT_AMOUNT }, { "text", STATEMENT_TEXT }, { NULL, 0 } };
static const struct conf_field statement_fields[] = {
	{ "id", conf_id, offsetof(struct statement, id), CONF_REQUIRED },
	TITLE(struct statement, title, CONF_REQUIRED),
	TITLE(struct statement, how, 0),
	{ "kind", conf_enum, offsetof(struct statement, kind), 0, statement_kinds },
	{ "role", conf_id, offsetof(struct statement, role) },
	{ "unit", conf_text, offsetof(struct statement, unit) },
	{ "required", conf_bool, offsetof(struct statement, required) },
	{ "neutral", conf_bool, offsetof(struct statement, neutral) },
	QUOTED(struct statement),
	{ NULL },
};
static const struct conf_list statement_list = { .read = conf_struct, .size = sizeof(struct statement), .arg = statement_fields, .max = 64 };

static const struct conf_field condition_fields[] = {
	{ "id", conf_id, offsetof(struct condition, id), CONF_REQUIRED },
	TITLE(struct condition, title, CONF_REQUIRED),
	TITLE(struct condition, how, 0),
	{ "test", conf_node_of, offsetof(struct condition, test_node), CONF_REQUIRED },
	QUOTED(struct condition),
	{ NULL },
};
static const struct conf_list condition_list = { .read = conf_struct, .size = sizeof(struct condition), .arg = condition_fields, .max = 64 };

static const struct conf_field open_fields[] = {
	{ "id", conf_id, offsetof(struct rule, open_id), CONF_REQUIRED },
	{ "zh", conf_text, offsetof(struct rule, open.zh), CONF_REQUIRED },
	{ "en", conf_text, offsetof(struct rule, open.en), CONF_REQUIRED },
	{ NULL },
};
static const struct conf_range digit_range = { 0, 9 };
static const struct conf_field rule_fields[] = {
	{ "id", conf_id, offsetof(struct rule, id), CONF_REQUIRED },
	TITLE(struct rule, title, CONF_REQUIRED),
	TITLE(struct rule, how, 0),
	{ "quote", conf_text, offsetof(struct rule, quote), CONF_REQUIRED },
	{ "locator", conf_text, offsetof(struct rule, locator), CONF_REQUIRED },
	{ "test", conf_node_of, offsetof(struct rule, test_node), CONF_REQUIRED },
	{ "digits", conf_int, offsetof(struct rule, digits), 0, &digit_range },
	{ "assumption", conf_struct, 0, 0, open_fields },
	{ NULL },
};

/* digits: -1 unless given */
static bool read_rule(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	struct rule *r = out;
	r->digits = -1;
	r->place = conf_place(n);
	return conf_struct(c, n, out, arg);
}
static const struct conf_list rule_list = { .read = read_rule, .size = sizeof(struct rule), .arg = rule_fields, .min = 1, .max = 64 };

static const struct conf_field output_fields[] = {
	{ "id", conf_id, offsetof(struct output, id), CONF_REQUIRED },
	TITLE(struct output, title, CONF_REQUIRED),
	{ "value", conf_node_of, offsetof(struct output, value_node), CONF_REQUIRED },
	QUOTED(struct output),
	{ NULL },
};
static const struct conf_list output_list = { .read = conf_struct, .size = sizeof(struct output), .arg = output_fields, .max = 32 };

static const struct conf_field share_fields[] = {
	{ "who", conf_id, offsetof(struct split_share, who), CONF_REQUIRED },
	TITLE(struct split_share, title, CONF_REQUIRED),
	{ "share", pack_share, offsetof(struct split_share, share), CONF_REQUIRED },
	{ NULL },
};
static const struct conf_list share_list = { .read = conf_struct, .size = sizeof(struct split_share), .arg = share_fields, .min = 1, .max = 4 };
static const struct conf_field split_row_fields[] = {
	{ "key", conf_id, offsetof(struct split_row, key), CONF_REQUIRED },
	{ "odd_to", conf_id, offsetof(struct split_row, odd_to) },
	{ "shares", conf_list_of, offsetof(struct split_row, shares), CONF_REQUIRED, &share_list },
	QUOTED(struct split_row),
	{ NULL },
};
static const struct conf_list split_rows = { .read = conf_struct, .size = sizeof(struct split_row), .arg = split_row_fields, .min = 1, .max = 16 };
static const struct conf_field split_fields[] = {
	{ "by", conf_text, offsetof(struct pack, split.by), CONF_REQUIRED },
	{ "rows", conf_list_of, offsetof(struct pack, split.rows), CONF_REQUIRED, &split_rows },
	{ "else", conf_text, offsetof(struct pack, split.otherwise), CONF_REQUIRED },
	{ NULL },
};
static const struct conf_field amount_fields[] = {
	{ "value", conf_node_of, offsetof(struct pack, amount.value_node) },
	{ "rate", conf_node_of, offsetof(struct pack, amount.rate_node) },
	{ "count", conf_node_of, offsetof(struct pack, amount.count_node) },
	{ "cap", conf_node_of, offsetof(struct pack, amount.cap_node) },
	{ "bound", conf_id, offsetof(struct pack, amount.bound) },
	{ "cap_quote", conf_text, offsetof(struct pack, amount.cap_quote) },
	{ "quote", conf_text, offsetof(struct pack, amount.quote) },
	{ "locator", conf_text, offsetof(struct pack, amount.locator) },
	{ NULL },
};

static const struct conf_name window_kinds[] = {
	{ "rolling", WINDOW_ROLLING }, { "calendar_year", WINDOW_CALENDAR_YEAR }, { "since", WINDOW_SINCE }, { "snapshot", WINDOW_SNAPSHOT },
	{ "preceding", WINDOW_PRECEDING }, { "load_fraction", WINDOW_LOAD_FRACTION }, { NULL, 0 } };
static const struct conf_name window_events[] = { { "completed", 0 }, { "operation_start", 1 }, { NULL, 0 } };
static const struct conf_range month_range = { 1, 120 };

static bool read_event_name(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	int ignored;
	return conf_enum(c, n, &ignored, arg) && conf_text(c, n, out, NULL);
}

static const struct conf_field window_fields[] = {
	{ "name", conf_id, offsetof(struct pack_window_spec, name) },
	{ "kind", conf_enum, offsetof(struct pack_window_spec, kind), CONF_REQUIRED, window_kinds },
	{ "months", conf_int, offsetof(struct pack_window_spec, months), 0, &month_range },
	{ "not_before", read_event_name, offsetof(struct pack_window_spec, event), 0, window_events },
	{ "interim", conf_bool, offsetof(struct pack_window_spec, interim) },
	{ "end_by", conf_date, offsetof(struct pack_window_spec, end_by) },
	{ "load", pack_share, offsetof(struct pack_window_spec, load) },
	{ "within", pack_share, offsetof(struct pack_window_spec, within) },
	{ NULL },
};
static const struct conf_list window_list = { .read = conf_struct, .size = sizeof(struct pack_window_spec), .arg = window_fields, .max = 8 };

static const struct conf_field source_fields[] = {
	{ "name", conf_text, offsetof(struct pack, source.name), CONF_REQUIRED },
	{ "text", conf_text, offsetof(struct pack, source.text) },
	{ "url", conf_text, offsetof(struct pack, source.url) },
	{ "status", conf_text, offsetof(struct pack, source.status), CONF_REQUIRED },
	{ NULL },
};
static const struct conf_field validity_fields[] = {
	{ "from", conf_date, offsetof(struct pack, validity.from), CONF_REQUIRED },
	{ "until", conf_date, offsetof(struct pack, validity.until) },
	{ "until_other", conf_date, offsetof(struct pack, validity.until_other) },
	{ "other", conf_struct, offsetof(struct pack, validity.other), 0, bilingual_fields },
	{ "events", conf_list_of, offsetof(struct pack, validity.events), CONF_REQUIRED, &ids },
	{ "quote", conf_text, offsetof(struct pack, validity.quote) },
	{ "locator", conf_text, offsetof(struct pack, validity.locator) },
	{ NULL },
};
static const struct conf_field once_fields[] = {
	{ "per", conf_id, offsetof(struct pack, once.per), CONF_REQUIRED },
	{ "quote", conf_text, offsetof(struct pack, once.quote) },
	{ "locator", conf_text, offsetof(struct pack, once.locator) },
	{ NULL },
};
static const struct conf_field overlap_fields[] = {
	{ "rule", conf_id, offsetof(struct pack, overlap.rule), CONF_REQUIRED },
	{ "quote", conf_text, offsetof(struct pack, overlap.quote) },
	{ "locator", conf_text, offsetof(struct pack, overlap.locator) },
	{ NULL },
};
static const struct conf_field vector_fields[] = {
	{ "name", conf_text, offsetof(struct vector, name), CONF_REQUIRED },
	{ "facts", conf_node_of, offsetof(struct vector, facts) },
	{ "set", conf_node_of, offsetof(struct vector, set) },
	{ "verdict", conf_text, offsetof(struct vector, verdict), CONF_REQUIRED },
	{ "amount", conf_text, offsetof(struct vector, amount) },
	{ "reasons", conf_list_of, offsetof(struct vector, reasons), 0, &texts },
	{ "outputs", conf_node_of, offsetof(struct vector, outputs) },
	{ NULL },
};

static bool read_vector(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	((struct vector *)out)->place = conf_place(n);
	return conf_struct(c, n, out, arg);
}
static const struct conf_list vector_list = { .read = read_vector, .size = sizeof(struct vector), .arg = vector_fields, .min = 1, .max = 500 };

const struct conf_field pack_fields[] = {
	{ "format", conf_int, offsetof(struct pack, format), CONF_REQUIRED },
	{ "pack", conf_id, offsetof(struct pack, id), CONF_REQUIRED },
	{ "version", conf_id, offsetof(struct pack, version), CONF_REQUIRED },
	{ "policy", conf_id, offsetof(struct pack, policy), CONF_REQUIRED },
	{ "level", conf_id, offsetof(struct pack, level), CONF_REQUIRED },
	TITLE(struct pack, title, CONF_REQUIRED),
	{ "source", conf_struct, 0, CONF_REQUIRED, source_fields },
	{ "validity", conf_struct, 0, CONF_REQUIRED, validity_fields },
	{ "once", conf_struct, 0, 0, once_fields },
	{ "overlap", conf_struct, 0, 0, overlap_fields },
	{ "window", conf_struct, offsetof(struct pack, window), CONF_REQUIRED, window_fields },
	{ "windows", conf_list_of, offsetof(struct pack, windows), 0, &window_list },
	{ "standard_rack", conf_id, offsetof(struct pack, standard_rack_figure) },
	{ "figures", conf_list_of, offsetof(struct pack, figures), CONF_REQUIRED, &figure_list },
	{ "choices", conf_list_of, offsetof(struct pack, choices), 0, &choice_list },
	{ "statements", conf_list_of, offsetof(struct pack, statements), 0, &statement_list },
	{ "requires", conf_list_of, offsetof(struct pack, requires), 0, &ids },
	{ "definitions", conf_node_of, offsetof(struct pack, definitions_node) },
	{ "sufficiency", conf_list_of, offsetof(struct pack, sufficiency), 0, &condition_list },
	{ "reservations", conf_list_of, offsetof(struct pack, reservations), 0, &condition_list },
	{ "exclusions", conf_list_of, offsetof(struct pack, exclusions), 0, &condition_list },
	{ "criteria", conf_list_of, offsetof(struct pack, criteria), CONF_REQUIRED, &rule_list },
	{ "decide", conf_node_of, offsetof(struct pack, decide_node) },
	{ "amount", conf_struct, 0, 0, amount_fields, CONF_SEEN(struct pack, amount.stated) },
	{ "split", conf_struct, 0, 0, split_fields, CONF_SEEN(struct pack, split.stated) },
	{ "outputs", conf_list_of, offsetof(struct pack, outputs), 0, &output_list },
	{ "sentences", conf_node_of, offsetof(struct pack, sentences_node) },
	{ "facts", conf_node_of, offsetof(struct pack, facts_node) },
	{ "vectors", conf_list_of, offsetof(struct pack, vectors), CONF_REQUIRED, &vector_list },
	{ NULL },
};

bool pack_bilingual(struct conf *c, const struct conf_node *n, struct bilingual *out)
{
	return conf_struct(c, n, out, bilingual_fields);
}

/* "50 %" or "1/3" -> an exact share in [0, 1]. */
bool pack_share(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	(void)arg;
	const char *text = conf_scalar(n);
	struct exact v;
	struct unit unit;
	if (!text || !exact_parse(text, &v, &unit) || !dim_equal(unit.dim, (struct dim){ 0 }) || v.num < 0 || v.num > v.den || v.den > INT32_MAX) {
		conf_problem(c, n, "'%s' is no share between 0 and 1", text ? text : "");
		return false;
	}
	*(struct ratio *)out = (struct ratio){ (int64_t)v.num, (int64_t)v.den };
	return true;
}
