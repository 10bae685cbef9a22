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

/* What the evidence says of a meter around the time of an exchange that is stated late. */
struct around { const struct site *site; uint32_t meter; struct wall at, from; bool broke, read_since; };

static bool look_event(void *ctx, uint64_t index, enum leaf_kind kind, struct wall at, const void *bytes, size_t len)
{
	static const bool breaks[EVENT_N] = { [EVENT_RESET] = true, [EVENT_IMPLAUSIBLE] = true, [EVENT_AMBIGUOUS] = true };
	struct around *a = ctx;
	struct ledger_event ev;
	struct err none = { 0 };
	(void)index, (void)kind, (void)at;
	if (ledger_leaf_kind(bytes, len) == LEDGER_LEAF_EVENT && event_of_leaf(a->site, bytes, len, &ev, &none) && ev.meter == a->meter && breaks[ev.kind])
		a->broke |= ev.from.ms <= a->at.ms && a->from.ms <= ev.to.ms;
	return true;
}

static bool look_interval(void *ctx, uint64_t index, enum leaf_kind kind, struct wall at, const void *bytes, size_t len)
{
	struct around *a = ctx;
	struct interval iv;
	struct err none = { 0 };
	(void)index, (void)kind, (void)at;
	if (!interval_of_leaf(a->site, bytes, len, &iv, &none))
		return true;
	for (size_t i = 0; i < iv.n; i++)
		a->read_since |= iv.rows[i].meter == a->meter && iv.from.ms >= a->at.ms && iv.rows[i].missing_ms < iv.to.ms - iv.from.ms;
	free((void *)(uintptr_t)iv.rows);
	return true;
}

/* What is closed is not rewritten: a late exchange can only say what was missing (core/ledger_amend.c).  pued decides; this says at once what the
 * evidence shows already. */
static bool check_closed(const struct words *w, const struct site *site, struct reader *reader, struct err *err)
{
	uint64_t index;
	struct wall last, far = { INT64_MAX };
	struct err none = { 0 };
	char text[WALL_TEXT];
	struct around a = { .site = site, .meter = UINT32_MAX };
	if (w->reading || !reader_last(reader, LEAF_INTERVAL, &index, &last, &none) || !wall_parse(w->at, &a.at, err))
		return w->reading || none.kind != ERR_NONE;
	last.ms += site->interval_ms;
	a.from = a.at;
	if (a.at.ms >= last.ms || (w->from && !wall_parse(w->from, &a.from, err)))
		return a.at.ms >= last.ms;
	for (uint32_t i = 0; i < site->meters.n; i++)
		a.meter = strcmp(site_meters(site)[i].id, w->meter) == 0 ? i : a.meter;
	if (!reader_leaves(reader, LEAF_EVENT, a.at, far, look_event, &a, err) || (!a.broke && !reader_leaves(reader, LEAF_INTERVAL, a.at, far, look_interval, &a, err)))
		return false;
	return a.broke || !a.read_since || err_set(err, ERR_INPUT, "--at %s: the evidence is closed up to %s and is not rewritten, and the register of %s does not break there: what it "
						   "counted is booked as known. State the change in the configuration's epochs and fold the readings (puectl export --format "
						   "recording) into a new store (pued --import), which stands beside this one", w->at, wall_text(last, text), w->meter);
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
