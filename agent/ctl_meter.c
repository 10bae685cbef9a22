/* puectl meter: what people state about meters, signed: an exchange, which ends one epoch and begins the next, and a manual reading,
 * which stands in for energy that nothing measured.  Checked here against configuration and evidence, and once more by pued. */
#include "agent/ctl.h"
#include "agent/stating.h"
#include "agent/statement.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct words {
	struct stating common;
	bool reading;
	const char *meter, *at, *from, *to, *last, *first, *energy, *reason, *document, *serial, *model, *class_, *ct_class, *pt_class, *ct, *pt, *applied_by,
		*count, *modulus, *certificate, *calibrated_until;
};

/* Which members the object of a statement may have, and of what kind. */
enum { TEXT, NUMBER };
static const struct member { const char *option, *key; size_t offset; int kind; bool exchange, reading; } members_of[] = {
#define WORD(name) offsetof(struct words, name)
	{ "--at", "at", WORD(at), TEXT, true, false },
	{ "--from", "from", WORD(from), TEXT, true, true },
	{ "--to", "to", WORD(to), TEXT, false, true },
	{ "--last", "last", WORD(last), NUMBER, true, true },
	{ "--first", "first", WORD(first), NUMBER, true, true },
	{ "--energy", "energy", WORD(energy), TEXT, false, true },
	{ "--reason", "reason", WORD(reason), TEXT, true, true },
	{ "--document", "document", WORD(document), TEXT, false, true },
	{ "--serial", "serial", WORD(serial), TEXT, true, false },
	{ "--model", "model", WORD(model), TEXT, true, false },
	{ "--class", "class", WORD(class_), TEXT, true, false },
	{ "--ct-class", "ct_class", WORD(ct_class), TEXT, true, false },
	{ "--pt-class", "pt_class", WORD(pt_class), TEXT, true, false },
	{ "--ct", "ct", WORD(ct), TEXT, true, false },
	{ "--pt", "pt", WORD(pt), TEXT, true, false },
	{ "--applied-by", "applied_by", WORD(applied_by), TEXT, true, false },
	{ "--count", "count", WORD(count), TEXT, true, false },
	{ "--modulus", "modulus", WORD(modulus), NUMBER, true, false },
	{ "--certificate", "certificate", WORD(certificate), TEXT, true, false },
	{ "--calibrated-until", "calibrated_until", WORD(calibrated_until), TEXT, true, false },
};

static const char **word_at(struct words *w, size_t offset) { return (const char **)(void *)((char *)w + offset); }

static const char **option_of(struct words *w, const char *name)
{
	const struct { const char *name; const char **value; } common[] = {
		{ "--keys", &w->common.keys }, { "--role", &w->common.role }, { "--by", &w->common.by }, { "--text", &w->common.text },
		{ "--issued", &w->common.issued }, { "--revoke", &w->common.revoke },
	};
	for (size_t i = 0; i < countof(common); i++)
		if (strcmp(common[i].name, name) == 0)
			return common[i].value;
	for (size_t i = 0; i < countof(members_of); i++)
		if (strcmp(members_of[i].option, name) == 0 && (w->reading ? members_of[i].reading : members_of[i].exchange))
			return word_at(w, members_of[i].offset);
	return NULL;
}

static int parse(struct ctl *ctl, struct words *w)
{
	struct err err = { 0 };
	if (!from_store_arguments(ctl, &w->common.store, &err))
		return ctl_usage(ctl, "%s", err.text);
	if (ctl->argc < 2 || (strcmp(ctl->argv[1], "exchange") && strcmp(ctl->argv[1], "reading")))
		return ctl_usage(ctl, "exchange or reading?");
	w->reading = strcmp(ctl->argv[1], "reading") == 0;
	for (int i = 2; i < ctl->argc; i++) {
		const char **value = option_of(w, ctl->argv[i]);
		if (value && i + 1 < ctl->argc)
			*value = ctl->argv[++i];
		else if (value)
			return ctl_usage(ctl, "%s needs a value", ctl->argv[i]);
		else if (ctl->argv[i][0] == '-' || w->meter)
			return ctl_usage(ctl, "'%s' is not expected here", ctl->argv[i]);
		else
			w->meter = ctl->argv[i];
	}
	return w->meter || w->common.revoke ? 0 : ctl_usage(ctl, "which meter?");
}

static bool put_number(json_t *o, const struct member *m, const char *text, struct err *err)
{
	char *end;
	errno = 0;
	long long v = strtoll(text, &end, 10);
	if (!strcmp(text, "none"))
		return json_object_set_new(o, m->key, json_string(text)) == 0;
	if (errno || *end || end == text)
		return err_set(err, ERR_USAGE, "%s %s: write the register's count, a whole number", m->option, text);
	return json_object_set_new(o, m->key, json_integer(v)) == 0;
}

/* Words of the evidence and the new ones: what pued will say to them. */
static bool check_words(const struct words *w, const struct site *site, struct statements *s, const char *json, struct err *err)
{
	struct meter_words *words;
	size_t n;
	if (!statements_words(s, &words, &n, err))
		return false;
	words[n++] = (struct meter_words){ .id = "statement", .by = w->common.by, .json = json, .reading = w->reading };
	struct amendment *a = amend(site, words, n, err);
	bool good = a && (words[n - 1].counts || err_set(err, ERR_INPUT, "%s", words[n - 1].why));
	amendment_free(a);
	free(words);
	return good;
}

/* An exchange before the end of what is closed would rewrite evidence. */
static bool check_closed(const struct words *w, const struct site *site, struct reader *reader, struct err *err)
{
	uint64_t index;
	struct wall last, at;
	struct err none = { 0 };
	char text[WALL_TEXT];
	if (w->reading || !reader_last(reader, LEAF_INTERVAL, &index, &last, &none) || !wall_parse(w->at, &at, err))
		return w->reading || none.kind != ERR_NONE;
	last.ms += site->interval_ms;
	return at.ms >= last.ms || err_set(err, ERR_INPUT, "--at %s: the evidence is closed up to %s and is not rewritten. The register is counted on from its next "
					   "readings; state what was lost with puectl meter reading (class M), and put a new serial, ratio or count into the "
					   "configuration's epochs (puectl reload)", w->at, wall_text(last, text));
}

static bool check(const struct words *w, const struct site *site, const char *json, struct err *err)
{
	const char *state = w->common.store.state_dir ? w->common.store.state_dir : site->state_dir;
	char path[700];
	struct statements s;
	snprintf(path, sizeof path, "%s/evidence.db", state);
	statements_init(&s, site->id);
	bool store = access(path, F_OK) == 0;
	struct reader *reader = store ? reader_open(state, err) : NULL;
	bool good = !store || reader;
	if (reader) {
		statements_done(&s);
		good = statement_read(state, site->id, reader, &s, err);
	}
	good = good && check_words(w, site, &s, json, err) && (!reader || check_closed(w, site, reader, err));
	reader_close(reader);
	statements_done(&s);
	return good;
}

static bool members(const void *words, const struct site *site, json_t *o, struct err *err)
{
	struct words w = *(const struct words *)words;
	json_t *about = json_object();
	CLEANUP(buf_done) struct buf text = { 0 };
	json_object_set_new(o, w.reading ? "reading" : "meter", about);
	stating_set(about, "id", w.meter);
	for (size_t i = 0; i < countof(members_of); i++) {
		const struct member *m = &members_of[i];
		const char *value = *word_at(&w, m->offset);
		if (value && m->kind == TEXT)
			stating_set(about, m->key, value);
		else if (value && !put_number(about, m, value, err))
			return false;
	}
	return json_canonical(about, &text, err) && check(&w, site, text.data, err);
}

int ctl_meter(struct ctl *ctl)
{
	struct words w = { .common = { .members = members } };
	int code = parse(ctl, &w);
	if (code)
		return code;
	w.common.kind = w.reading ? "reading" : "meter";
	w.common.words = &w;
	return stating_run(ctl, &w.common);
}
