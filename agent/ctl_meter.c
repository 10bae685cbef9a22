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
	const char *action, *meter, *at, *from, *to, *last, *first, *energy, *reason, *document, *serial, *model, *class_, *ct_class, *pt_class, *ct, *pt, *applied_by,
		*count, *modulus, *certificate, *calibrated_until;
};

/* Which members the object of a statement has. */
enum { TEXT, NUMBER };
static const struct member { const char *option, *key; size_t offset; int kind; } members_of[] = {
#define WORD(name) offsetof(struct words, name)
	{ "--at", "at", WORD(at), TEXT },
	{ "--from", "from", WORD(from), TEXT },
	{ "--to", "to", WORD(to), TEXT },
	{ "--last", "last", WORD(last), NUMBER },
	{ "--first", "first", WORD(first), NUMBER },
	{ "--energy", "energy", WORD(energy), TEXT },
	{ "--reason", "reason", WORD(reason), TEXT },
	{ "--document", "document", WORD(document), TEXT },
	{ "--serial", "serial", WORD(serial), TEXT },
	{ "--model", "model", WORD(model), TEXT },
	{ "--class", "class", WORD(class_), TEXT },
	{ "--ct-class", "ct_class", WORD(ct_class), TEXT },
	{ "--pt-class", "pt_class", WORD(pt_class), TEXT },
	{ "--ct", "ct", WORD(ct), TEXT },
	{ "--pt", "pt", WORD(pt), TEXT },
	{ "--applied-by", "applied_by", WORD(applied_by), TEXT },
	{ "--count", "count", WORD(count), TEXT },
	{ "--modulus", "modulus", WORD(modulus), NUMBER },
	{ "--certificate", "certificate", WORD(certificate), TEXT },
	{ "--calibrated-until", "calibrated_until", WORD(calibrated_until), TEXT },
};

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
		const char *value = *(const char *const *)(const void *)((const char *)&w + m->offset);
		if (value && m->kind == TEXT)
			stating_set(about, m->key, value);
		else if (value && !put_number(about, m, value, err))
			return false;
	}
	return json_canonical(about, &text, err) && check(&w, site, text.data, err);
}

static int run(struct ctl *ctl)
{
	struct words *w = ctl->words;
	if (!w->meter && !w->common.revoke)
		return ctl_usage(ctl, "%s", SAY(ctl, "哪一个电表?", "which meter?"));
	w->reading = strcmp(w->action, "reading") == 0;
	w->common.members = members;
	w->common.kind = w->reading ? "reading" : "meter";
	w->common.words = w;
	return stating_run(ctl, &w->common);
}

static const struct ctl_option options[] = {
	OPT(CHOICE, "ACTION", "exchange|reading", action, "换表或人工抄表", "an exchange or a manual reading", .needed = true),
	OPT(ID, "METER", NULL, meter, "电表", "the meter"),
	OPT(TIME, "--at", "TIME", at, "换表时刻", "when the meter was exchanged", .only = "exchange"),
	OPT(TIME, "--from", "TIME", from, "抄表时段起,或停止计量的时刻", "begin of the reading, or when measuring stopped"),
	OPT(TIME, "--to", "TIME", to, "抄表时段止", "end of the reading", .only = "reading"),
	OPT(TEXT, "--last", "N", last, "旧表末次寄存器读数,或 none", "last count of the old register, or none"),
	OPT(TEXT, "--first", "N", first, "新表首次寄存器读数,或 none", "first count of the new register, or none"),
	OPT(TEXT, "--energy", "'120 kW.h'", energy, "时段内的电能", "the energy of that time", .only = "reading"),
	OPT(TEXT, "--reason", "TEXT", reason, "原因", "why"),
	OPT(TEXT, "--document", "D", document, "依据的文件", "the document that shows it", .only = "reading"),
	OPT(TEXT, "--serial", "S", serial, "新表序列号", "the new meter's serial number", .only = "exchange"),
	OPT(TEXT, "--model", "M", model, "新表型号", "its model", .only = "exchange"),
	OPT(TEXT, "--class", "C", class_, "准确度等级", "its accuracy class", .only = "exchange"),
	OPT(TEXT, "--ct-class", "C", ct_class, "电流互感器等级", "class of the current transformers", .only = "exchange"),
	OPT(TEXT, "--pt-class", "C", pt_class, "电压互感器等级", "class of the voltage transformers", .only = "exchange"),
	OPT(TEXT, "--ct", "300/5", ct, "电流互感器变比", "ratio of the current transformers", .only = "exchange"),
	OPT(TEXT, "--pt", "10000/100", pt, "电压互感器变比", "ratio of the voltage transformers", .only = "exchange"),
	OPT(CHOICE, "--applied-by", "meter|pued", applied_by, "变比由谁计入", "who multiplies by the ratios", .only = "exchange"),
	OPT(TEXT, "--count", "'0.1 kW.h'", count, "寄存器一个数的电能", "energy of one count of the register", .only = "exchange"),
	OPT(TEXT, "--modulus", "N", modulus, "寄存器回零的数", "the count at which it wraps", .only = "exchange"),
	OPT(TEXT, "--certificate", "C", certificate, "检定证书", "its calibration certificate", .only = "exchange"),
	OPT(DAY, "--calibrated-until", "DAY", calibrated_until, "检定有效期", "until when it holds", .only = "exchange"),
	OPT_GROUP(common, stating_rows),
	{ NULL },
};

const struct verb verb_meter = {
	"meter", { "签署换表(旧表末次、新表首次读数)与人工抄表", "sign a meter exchange (last reading of the old meter, first of the new) or a manual reading" },
	{ "exchange  在其时刻被关闭之前说明;未给出的沿用旧表\nreading   补充缺失时间的电能(M 类),另计,从不进入已知电能",
	  "exchange  stated before its time is closed; what is not stated stays as with the old meter\nreading   energy for time in which nothing was measured (class M): beside the sums, never in them" },
	run, options, sizeof(struct words),
};
