/* Statements about meters, taken into the fold before they become evidence: every exchange that is a leaf is one the fold knows. */
#include "agent/file.h"
#include "agent/statement.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct amending {
	const struct site *base;
	char trust_path[600];
	struct statements statements;
	struct amendment **all;         /* the last one holds; the fold may still read of those before */
	size_t n;
};

struct amendment *statement_amend(const struct site *site, struct statements *s, struct err *err)
{
	struct meter_words *words;
	size_t n;
	if (!statements_words(s, &words, &n, err))
		return NULL;
	struct amendment *a = amend(site, words, n, err);
	for (size_t i = 0; a && i < n; i++)
		if (!words[i].counts)
			buf_printf(&s->findings, "statement %s does not count: %s\n", words[i].id, words[i].why);
	free(words);
	return a;
}

static bool keep(struct amending *a, struct amendment *fresh, struct err *err)
{
	struct amendment **grown = fresh ? realloc(a->all, (a->n + 1) * sizeof *grown) : NULL;
	if (!grown) {
		amendment_free(fresh);
		return err_memory(err);
	}
	a->all = grown;
	a->all[a->n++] = fresh;
	return true;
}

static bool amend_setup(struct setup *setup, struct statements *s, struct buf *findings, struct err *err)
{
	struct amendment *a = statement_amend(setup->site, s, err);
	if (!a)
		return false;
	if (s->findings.len)
		buf_add(findings, s->findings.data, s->findings.len);
	amendment_free(setup->amendment);
	setup->amendment = a;
	setup->site = amended_site(a);
	return true;
}

bool setup_amend_store(struct setup *setup, const char *state_dir, struct reader *reader, struct buf *findings, struct err *err)
{
	struct statements s;
	struct err none = { 0 };
	if (!statement_read(state_dir, setup->site->id, reader, &s, &none)) {
		/* a store without keys has no statements that could be checked */
		buf_printf(findings, "%s\n", none.text);
		statements_done(&s);
		return true;
	}
	bool good = amend_setup(setup, &s, findings, err);
	statements_done(&s);
	return good;
}

struct envelope { struct buf bytes; char *issued; bool revokes; };

static int envelope_order(const void *a, const void *b)
{
	const struct envelope *x = a, *y = b;
	return x->revokes != y->revokes ? x->revokes - y->revokes : strcmp(x->issued, y->issued);
}

static bool read_envelope(const struct setup *setup, const char *path, const struct trust *trust, struct envelope *out, struct err *err)
{
	struct statements one;
	*out = (struct envelope){ 0 };
	if (!file_read(path, &out->bytes, err))
		return false;
	statements_init(&one, setup->site->id);
	bool good = statements_add(&one, trust, out->bytes.data, out->bytes.len, err);
	const char *issued = json_string_value(json_object_get(json_array_get(one.roots, 0), "issued"));
	out->revokes = one.revokes != NULL;
	out->issued = good ? strdup(issued ? issued : "") : NULL;
	statements_done(&one);
	return good && (out->issued || err_memory(err));
}

static int is_json(const struct dirent *e)
{
	size_t len = strlen(e->d_name);
	return e->d_name[0] != '.' && len > 5 && !strcmp(e->d_name + len - 5, ".json");
}

bool setup_amend_files(struct setup *setup, const char *dir, const struct trust *trust, struct buf *findings, struct err *err)
{
	struct dirent **list = NULL;
	char path[900];
	struct statements s;
	int n = scandir(dir, &list, is_json, alphasort), have = 0;
	if (n < 0)
		return err_set(err, ERR_IO, "%s: %s", dir, strerror(errno));
	struct envelope *e = calloc((size_t)n + 1, sizeof *e);
	bool good = e || err_memory(err);
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, list[i]->d_name);
		good = good && read_envelope(setup, path, trust, &e[have++], err);
		free(list[i]);
	}
	free(list);
	if (good && have > 1)
		qsort(e, (size_t)have, sizeof *e, envelope_order);
	statements_init(&s, setup->site->id);
	for (int i = 0; i < have; i++) {
		good = good && statements_add(&s, trust, e[i].bytes.data, e[i].bytes.len, err);
		buf_done(&e[i].bytes);
		free(e[i].issued);
	}
	free(e);
	good = good && amend_setup(setup, &s, findings, err);
	statements_done(&s);
	return good;
}

static bool any_leaf(void *ctx, uint64_t index, enum leaf_kind kind, struct wall at, const void *bytes, size_t len)
{
	(void)index, (void)kind, (void)at, (void)bytes, (void)len;
	*(bool *)ctx = true;
	return false;
}

/* A site that is new has no trust store yet; one with statements in its evidence cannot go on without. */
static bool no_words(const struct amending *a, struct reader *reader)
{
	bool any = false;
	struct err none = { 0 };
	return access(a->trust_path, F_OK) != 0 &&
	       reader_leaves(reader, LEAF_MANUAL, (struct wall){ INT64_MIN }, (struct wall){ INT64_MAX }, any_leaf, &any, &none) && !any;
}

struct amending *amending_load(const char *state_dir, const struct site *site, struct reader *reader, struct err *err)
{
	struct amending *a = calloc(1, sizeof *a);
	if (!a) {
		err_memory(err);
		return NULL;
	}
	a->base = site;
	snprintf(a->trust_path, sizeof a->trust_path, "%s/keys/trust.json", state_dir);
	bool read = no_words(a, reader) ? (statements_init(&a->statements, site->id), true) : statement_read(state_dir, site->id, reader, &a->statements, err);
	struct amendment *first = read ? statement_amend(site, &a->statements, err) : NULL;
	if (first && keep(a, first, err))
		return a;
	amending_free(a);
	return NULL;
}

void amending_free(struct amending *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < a->n; i++)
		amendment_free(a->all[i]);
	free(a->all);
	statements_done(&a->statements);
	free(a);
}

bool amending_rebase(struct amending *a, const struct site *site, struct err *err)
{
	struct amendment *fresh = statement_amend(site, &a->statements, err);
	if (!fresh || !keep(a, fresh, err))
		return false;
	a->base = site;
	return true;
}

const struct site *amending_site(const struct amending *a) { return amended_site(a->all[a->n - 1]); }

static bool load_trust(const struct amending *a, struct trust *out, struct err *err)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	return file_read(a->trust_path, &text, err) && trust_parse(a->trust_path, text.data, text.len, out, err);
}

/* Everything that counted must still count: an exchange that stands on another one holds it. */
static struct amendment *try(struct amending *a, struct meter_words *words, size_t n, struct err *why)
{
	struct amendment *fresh = amend(a->base, words, n, why);
	for (size_t i = 0; fresh && i < n; i++) {
		struct exchange_place was;
		bool counted = i + 1 == n || words[i].reading || amended_place(a->all[a->n - 1], words[i].id, &was);
		if (!counted || words[i].counts)
			continue;
		err_set(why, ERR_INPUT, "%s", words[i].why);
		amendment_free(fresh);
		return NULL;
	}
	return fresh;
}

static const struct manual_reading *reading_of(const struct amendment *a, const char *id)
{
	size_t n;
	const struct manual_reading *r = amended_readings(a, &n);
	for (size_t i = 0; i < n; i++)
		if (strcmp(r[i].id, id) == 0)
			return &r[i];
	return NULL;
}

static bool into_fold(const struct amendment *fresh, const struct meter_words *w, struct pipeline *p, struct err *why)
{
	struct exchange_place place;
	const struct manual_reading *r = w->reading ? reading_of(fresh, w->id) : NULL;
	if (w->reading)
		return r && pipeline_manual(p, r, why);
	return amended_place(fresh, w->id, &place) && pipeline_amend(p, amended_site(fresh), place.meter, place.at, why);
}

static bool take_word(struct amending *a, const struct meter_statement *m, struct pipeline *p, struct err *why)
{
	struct meter_words *words;
	size_t n;
	for (size_t i = 0; i < a->statements.n_meters; i++)
		if (strcmp(a->statements.meters[i].id, m->id) == 0)
			return err_set(why, ERR_INPUT, "statement %s is there already", m->id);
	if (!statements_words(&a->statements, &words, &n, why))
		return false;
	words[n++] = (struct meter_words){ .id = m->id, .by = m->by, .json = m->json, .reading = m->reading };
	struct amendment *fresh = try(a, words, n, why);
	bool good = fresh && into_fold(fresh, &words[n - 1], p, why);
	if (good)
		good = keep(a, fresh, why);
	else
		amendment_free(fresh);
	free(words);
	return good;
}

static bool take_back(struct amending *a, struct meter_statement *m, struct pipeline *p, struct err *why)
{
	struct exchange_place place;
	if (m->reading)
		return err_set(why, ERR_INPUT, "reading %s is counted; state another one for the same time, it takes its place", m->id);
	if (!amended_place(a->all[a->n - 1], m->id, &place))
		return true;
	struct meter_words *words;
	size_t n;
	m->revoked = true;
	struct amendment *fresh = statements_words(&a->statements, &words, &n, why) ? try(a, words, n, why) : NULL;
	bool good = fresh && pipeline_amend(p, amended_site(fresh), place.meter, place.at, why);
	m->revoked = good;
	if (good)
		good = keep(a, fresh, why);
	else
		amendment_free(fresh);
	free(words);
	return good;
}

bool amending_take(struct amending *a, const void *envelope, size_t len, struct pipeline *p, struct err *why)
{
	struct trust trust = { 0 };
	struct statements one;
	struct meter_statement *named = NULL;
	statements_init(&one, a->base->id);
	bool good = load_trust(a, &trust, why) && statements_add(&one, &trust, envelope, len, why);
	for (size_t i = 0; good && one.revokes && i < a->statements.n_meters; i++)
		if (!strcmp(a->statements.meters[i].id, one.revokes) && !a->statements.meters[i].revoked)
			named = &a->statements.meters[i];
	if (good && one.n_meters)
		good = take_word(a, &one.meters[0], p, why) && statements_add(&a->statements, &trust, envelope, len, why);
	else if (good && named)
		good = take_back(a, named, p, why);
	statements_done(&one);
	trust_done(&trust);
	return good;
}
