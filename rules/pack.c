/* Loading a pack: schema, then names, units, words, quotes; a pack that loads can be judged with, whatever the facts. */
#include "rules/pack_fields.h"

#include "core/merkle.h"
#include "rules/lexicon.h"

#include <string.h>

static void load_definitions(struct loading *s)
{
	struct pack *p = s->pack;
	const struct conf_node *n = p->definitions_node;
	struct named *rows = conf_alloc(s->c, (conf_count(n) + 1) * sizeof *rows);
	const char **failed = conf_alloc(s->c, (conf_count(n) + 1) * sizeof *failed);
	if (!rows || !failed || !n)
		return;
	if (conf_kind(n) != CONF_MAPPING)
		conf_problem(s->c, n, "`definitions` is a block of `name: expression` lines");
	p->definitions.items = rows;
	for (size_t i = 0; i < conf_count(n); i++) {
		const char *id = conf_scalar(conf_key(n, i));
		const struct expr *e = id ? expr_load(s, conf_item(n, i)) : NULL;
		/* a definition sees only those above it: no circles */
		p->failed.items = failed;
		if (id && !e)
			failed[p->failed.n++] = id;
		if (e)
			rows[p->definitions.n++] = (struct named){ id, e, conf_item(n, i) };
	}
}

static void load_conditions(struct loading *s, struct conf_vec *list)
{
	struct condition *rows = list->items;
	for (size_t i = 0; i < list->n; i++)
		if (rows[i].test_node && (rows[i].test = expr_load_as(s, rows[i].test_node, TYPE_TRUTH, NULL)) && rows[i].test->choices)
			conf_problem(s->c, rows[i].test_node, "what the text leaves open cannot decide here, where only the default reading would count; make it a criterion");
}

/* The comparison word stands in the text that is quoted, at least under the default reading. */
static bool word_quoted(const struct expr *e, const char *quote)
{
	if (!e)
		return false;
	if (e->eval == eval_compare)
		return e->word && lexicon_stands(quote, e->word);
	for (size_t i = 0; i < e->n; i++)
		if (e->type == TYPE_TRUTH && word_quoted(e->args[i], quote))
			return true;
	for (size_t i = 0; i < e->n_arms; i++)
		if (e->type == TYPE_TRUTH && e->arms[i].then && word_quoted(e->arms[i].then, quote))
			return true;
	return false;
}

static bool compares(const struct expr *e)
{
	if (e->eval == eval_compare)
		return true;
	for (size_t i = 0; i < e->n; i++)
		if (e->args[i]->type == TYPE_TRUTH && compares(e->args[i]))
			return true;
	return false;
}

/* A criterion that asks whether something is known turns what is lacking into a yes or a no. */
static bool asks_known(const struct expr *e)
{
	if (e->eval == eval_known)
		return true;
	for (size_t i = 0; i < e->n; i++)
		if (e->args[i]->type == TYPE_TRUTH && asks_known(e->args[i]))
			return true;
	return false;
}

static size_t readings_of(const struct pack *p, uint32_t mask)
{
	size_t n = 1;
	for (size_t i = 0; i < p->choices.n; i++)
		if (mask >> i & 1)
			n *= ROWS(struct choice, p->choices)[i].options.n;
	return n;
}

/* Says which word the quote has, when it has one. */
static void word_problem(struct loading *s, const struct rule *r)
{
	const char *word = lexicon_first(r->quote);
	enum comparison means;
	if (word && lexicon_operator(word, &means))
		conf_problem(s->c, r->test_node, "no comparison here carries a `word` that stands in the quote as a word of its own; the quote says '%s', which means %s: "
			     "write op: \"%s\", word: %s", word, comparison_names[means], comparison_names[means], word);
	else
		conf_problem(s->c, r->test_node, "no comparison here carries a `word` that stands in the quote, and the quote has none that is known; quote the words that compare");
}

static void load_criteria(struct loading *s)
{
	struct rule *rows = s->pack->criteria.items;
	for (size_t i = 0; i < s->pack->criteria.n; i++) {
		struct rule *r = &rows[i];
		if (r->test_node)
			r->test = expr_load_as(s, r->test_node, TYPE_TRUTH, NULL);
		if (r->test && r->quote && compares(r->test) && !word_quoted(r->test, r->quote))
			word_problem(s, r);
		if (r->test && asks_known(r->test))
			conf_problem(s->c, r->test_node, "`known` makes a yes or a no of what is lacking; a criterion stays undecided then: what must be known goes into `requires`, "
				     "a `required` statement or `sufficiency`");
		if (r->test && !r->test->asks)
			conf_problem(s->c, r->test_node, "this asks for no fact and no statement: it would say the same of every site");
		if (r->test && readings_of(s->pack, r->test->choices) > READINGS_MAX)
			conf_problem(s->c, r->test_node, "more than %d readings; join some choices into one", READINGS_MAX);
		else if (r->test && readings_of(s->pack, r->test->choices) * r->test->size > EXPR_WORK_MAX)
			conf_problem(s->c, r->test_node, "too much to evaluate under every reading; make it smaller");
	}
}

/* `decide`: criteria with all, any, at_least and not; nothing else, so that its lattice is known. */
static bool decide_shape(const struct expr *e)
{
	bool good = e->eval == eval_criterion || e->eval == eval_all || e->eval == eval_any || e->eval == eval_at_least || e->eval == eval_not;
	for (size_t i = 0; i < e->n && good; i++)
		good = decide_shape(e->args[i]);
	return good;
}

static void load_decide(struct loading *s)
{
	struct pack *p = s->pack;
	if (!p->decide_node)
		return;
	s->criteria_names = true;
	p->decide = expr_load_as(s, p->decide_node, TYPE_TRUTH, NULL);
	s->criteria_names = false;
	if (p->decide && !decide_shape(p->decide))
		conf_problem(s->c, p->decide_node, "`decide` joins criteria by all, any, at_least and not; put other tests into a criterion");
}

static const struct expr *load_part(struct loading *s, const struct conf_node *n, const struct unit *unit)
{
	return n ? expr_load_as(s, n, TYPE_NUMBER, unit) : NULL;
}

static void load_amount(struct loading *s)
{
	struct pack *p = s->pack;
	struct unit yuan, plain;
	const struct conf_node *at = conf_get(s->root, "amount");
	if (!p->amount.stated || !unit_parse("yuan", &yuan) || !unit_parse("", &plain))
		return;
	bool product = p->amount.rate_node && p->amount.count_node;
	if (product == (p->amount.value_node != NULL) || (p->amount.rate_node != NULL) != (p->amount.count_node != NULL))
		conf_problem(s->c, at, "`amount` has either `rate` and `count`, or `value`");
	p->amount.rate = load_part(s, p->amount.rate_node, &yuan);
	p->amount.count = load_part(s, p->amount.count_node, &plain);
	p->amount.cap = load_part(s, p->amount.cap_node, &yuan);
	p->amount.value = load_part(s, p->amount.value_node, &yuan);
	p->amount.bound_figure = pack_figure(p, p->amount.bound);
	if (p->amount.bound && (!p->amount.bound_figure || !dim_equal(p->amount.bound_figure->unit.dim, yuan.dim)))
		conf_problem(s->c, conf_get(at, "bound"), "amount.bound names a figure in yuan: the most an authority may set as rate");
}

static void load_outputs(struct loading *s)
{
	struct output *rows = s->pack->outputs.items;
	for (size_t i = 0; i < s->pack->outputs.n; i++)
		if (rows[i].value_node)
			rows[i].value = expr_load(s, rows[i].value_node);
}

const char *const verdict_names[VERDICT_N] = { "ELIGIBLE_ROBUST", "ELIGIBLE_UNDER", "NOT_ELIGIBLE", "INCOMPLETE", "INSUFFICIENT_DATA",
					       "OUTSIDE_VALIDITY", "ALREADY_CLAIMED" };

static void load_sentences(struct loading *s)
{
	const struct conf_node *n = s->pack->sentences_node;
	for (size_t i = 0; i < conf_count(n); i++) {
		const char *key = conf_scalar(conf_key(n, i));
		size_t k = 0;
		while (k < VERDICT_N && (!key || strcmp(verdict_names[k], key) != 0))
			k++;
		if (k == VERDICT_N)
			conf_problem(s->c, conf_key(n, i), "'%s' is no verdict; docs/writing-a-pack.md lists them", key ? key : "");
		else if (!pack_bilingual(s->c, conf_item(n, i), &s->pack->sentences[k]))
			continue;
	}
}

/* Every quote of the pack, wherever it stands, is in the text to the byte. */
static void check_quotes(struct conf *c, const struct conf_node *n, const char *text)
{
	for (size_t i = 0; i < conf_count(n); i++) {
		const char *key = conf_scalar(conf_key(n, i)), *value = conf_scalar(conf_item(n, i));
		if (key && value && (strcmp(key, "quote") == 0 || strcmp(key, "cap_quote") == 0) && !strstr(text, value))
			conf_problem(c, conf_item(n, i), "this quote is not in the text of the policy, to the byte");
		check_quotes(c, conf_item(n, i), text);
	}
}

static void load_parts(struct loading *s)
{
	load_definitions(s);
	load_conditions(s, &s->pack->sufficiency);
	load_conditions(s, &s->pack->reservations);
	load_conditions(s, &s->pack->exclusions);
	load_criteria(s);
	load_decide(s);
	s->criteria_loaded = true;
	load_amount(s);
	load_outputs(s);
	load_sentences(s);
}

/* What a Chinese keyboard writes where YAML wants its own colon: the parser can only say that one is missing. */
static void full_width_colon(struct conf *c, const char *file, const char *text, size_t len)
{
	static const char colon[] = "\xef\xbc\x9a";
	int line = 1;
	for (size_t i = 0; i < len; line++) {
		size_t end = i, at;
		while (end < len && text[end] != '\n')
			end++;
		for (at = i; at < end && strchr(" -{_abcdefghijklmnopqrstuvwxyz", text[at]);)
			at++;
		if (at > i && end - at >= 3 && memcmp(text + at, colon, 3) == 0)
			conf_problem_at(c, (struct conf_place){ conf_copy(c, file), line, (int)(at - i) + 1 }, "a full-width colon stands behind this key; write ': ', the half-width colon and a space");
		i = end + 1;
	}
}

/* The format first: a newer pack is refused by its number, not by keys that are not known yet. */
static bool format_known(struct conf *c, const struct conf_node *root)
{
	const struct conf_node *format = conf_get(root, "format");
	const char *text = format ? conf_scalar(format) : NULL;
	if (text && strcmp(text, "1") == 0)
		return true;
	if (format)
		conf_problem(c, format, "pack format '%s' is not known here, which reads format 1; use a newer pued or an older pack", text ? text : "");
	else
		conf_problem(c, root, "this is no policy pack: key 'format' is missing; a pack begins with the line `format: 1`");
	return false;
}

/* What a name with '$' stands for hangs on the options: without them nothing below can be read. */
static bool choices_whole(const struct pack *p)
{
	for (size_t i = 0; i < p->choices.n; i++)
		if (ROWS(struct choice, p->choices)[i].options.n == 0)
			return false;
	return true;
}

static void load_root(struct loading *s, const struct conf_node *root, const char *quotes)
{
	struct pack *p = s->pack;
	/* expressions are read even where a key is wrong, so that all errors are told at once: whatever is missing is NULL or empty */
	conf_struct(s->c, root, p, pack_fields);
	pack_check(s);
	if (choices_whole(p))
		load_parts(s);
	if (quotes)
		check_quotes(s->c, root, quotes);
	/* a pack made from second-hand material waits for somebody who reads the text itself (domain.md section 8) */
	if (!p->draft_figure && p->source.status && strcmp(p->source.status, "S") != 0)
		p->draft_figure = "source";
	p->draft = p->draft_figure != NULL;
}

const struct pack *pack_load(struct conf *c, const char *file, const void *bytes, size_t len, const char *quotes)
{
	size_t before = conf_problem_count(c);
	const char *manual = conf_manual(c);
	const struct conf_node *root = conf_parse(c, file, bytes, len);
	struct pack *p = conf_alloc(c, sizeof *p);
	struct loading s = { .c = c, .pack = p, .root = root };
	if (!root)
		full_width_colon(c, file, bytes, len);
	if (!root || !p || !format_known(c, root))
		return NULL;
	conf_set_manual(c, "docs/writing-a-pack.md");
	p->file = conf_copy(c, file);
	sha256(bytes, len, &p->hash);
	load_root(&s, root, quotes);
	conf_set_manual(c, manual);
	return conf_problem_count(c) == before ? p : NULL;
}

/* Reading a loaded pack */

const char *pack_id(const struct pack *p) { return p->id; }
const char *pack_version(const struct pack *p) { return p->version; }
bool pack_draft(const struct pack *p) { return p->draft; }
void pack_hash(const struct pack *p, char hex[65]) { hash_hex(&p->hash, hex); }
struct bilingual pack_title(const struct pack *p) { return p->title; }
int64_t pack_standard_rack_mw(const struct pack *p) { return p->standard_rack_mw; }
size_t pack_windows(const struct pack *p) { return p->windows.n; }
const char *pack_window_name(const struct pack *p, size_t i) { return i < p->windows.n ? p->window_names[i] : NULL; }

/* The first criterion that compares the PUE with a fixed number. */
struct ratio pack_pue_limit(const struct pack *p)
{
	struct env env = { .pack = p };
	for (size_t i = 0; i < p->choices.n; i++)
		env.option[i] = (uint8_t)ROWS(struct choice, p->choices)[i].first;
	for (size_t i = 0; i < p->criteria.n; i++) {
		const struct expr *e = expr_comparison(ROWS(struct rule, p->criteria)[i].test, &env);
		int64_t num, den;
		if (!e || e->args[0]->eval != eval_fact || strcmp(e->args[0]->refs[0].name, "pue") != 0 || e->args[1]->eval != eval_literal)
			continue;
		struct exact v = e->args[1]->literal.lo;
		if (exact_int64((struct exact){ v.num, 1 }, &num) && exact_int64((struct exact){ v.den, 1 }, &den))
			return (struct ratio){ num, den };
	}
	return (struct ratio){ 0, 0 };
}
