/* Findings as they appear and go: one judgement a UTC day, one event a change. */
#include "core/balance.h"
#include "core/uncertainty.h"
#include "core/window_state.h"
#include "core/zigzag.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)
#define LEAST_MS (DAY_MS / 2)
enum { TIME_BITS = 45 };

/* Of one meter as a node, and of its CT; the site itself stands behind the last meter. */
struct open { uint8_t node, load; };

struct watch {
	const struct site *site;
	struct window *day;             /* its terms and sums; its intervals are not used */
	bool begun;
	int64_t day_ms, to_ms;          /* beginning of the day, end of what it holds */
	int64_t total_mwh, it_mwh, both;        /* over the intervals in which both are known */
	struct open *open;              /* site->meters.n + 1 */
	uint32_t tree_id;
};

/* FNV-1a over all that the sums depend on: a day that began with another tree is not gone on with. */
static uint32_t tree_id(const struct site *site)
{
	uint32_t h = 2166136261u;
	for (size_t i = 0; i < site->meters.n; i++) {
		const struct meter *m = &site_meters(site)[i];
		const char *const words[] = { m->id, m->parent ? m->parent : "", m->energy ? "e" : "", m->power ? "p" : "" };
		for (size_t k = 0; k < countof(words); k++)
			for (const char *p = words[k];; p++) {
				h = (h ^ (unsigned char)*p) * 16777619u;
				if (!*p)
					break;
			}
		h = (h ^ (uint32_t)m->role) * 16777619u;
	}
	return h;
}

struct watch *watch_new(const struct site *site, struct err *err)
{
	int64_t step = site->interval_ms > 0 ? site->interval_ms : 900000;
	struct watch *w = calloc(1, sizeof *w);
	if (!w) {
		err_memory(err);
		return NULL;
	}
	w->site = site;
	w->tree_id = tree_id(site);
	w->open = calloc(site->meters.n + 1, sizeof *w->open);
	if (!w->open || !(w->day = window_new(site, (struct wall){ 0 }, (struct wall){ step }, err))) {
		if (!w->open)
			err_memory(err);
		watch_free(w);
		return NULL;
	}
	partial_done(w->day);           /* its sub-boundaries are nobody's question */
	return w;
}

void watch_free(struct watch *w)
{
	if (!w)
		return;
	window_free(w->day);
	free(w->open);
	free(w);
}

static void begin_day(struct watch *w, int64_t day_ms)
{
	for (size_t i = 0; i < w->site->meters.n; i++) {
		w->day->meters[i].term.energy_mwh = w->day->meters[i].term.known_ms = 0;
		w->day->sums[i] = (struct window_sums){ 0 };
	}
	w->total_mwh = w->it_mwh = w->both = 0;
	w->day_ms = w->to_ms = day_ms;
	w->day->from.ms = day_ms;
	w->day->to.ms = day_ms + DAY_MS;
	w->begun = w->day->failed = false;
}

static void add_interval(struct watch *w, const struct interval *iv)
{
	for (size_t i = 0; i < iv->n; i++) {
		const struct interval_row *r = &iv->rows[i];
		struct window_term *t = &w->day->meters[r->meter].term;
		w->day->failed |= __builtin_add_overflow(t->energy_mwh, r->energy_mwh, &t->energy_mwh);
		t->known_ms += iv->to.ms - iv->from.ms - r->missing_ms;
	}
	if (iv->total_known && iv->it_known) {
		w->day->failed |= __builtin_add_overflow(w->total_mwh, iv->total_mwh, &w->total_mwh) || __builtin_add_overflow(w->it_mwh, iv->it_mwh, &w->it_mwh);
		w->both++;
	}
	balance_push(w->day, iv);
	w->begun = true;
	w->to_ms = iv->to.ms;
}

struct say { struct watch *w; watch_fn *fn; void *ctx; };

/* One event a change; an unchanged finding says nothing. */
static void change(const struct say *s, uint32_t meter, uint8_t *open, enum finding_kind found, int64_t mwh, const char *reason)
{
	enum finding_kind was = *open;
	*open = finding_is_open(found) ? (uint8_t)found : FINDING_NONE;
	if (*open == was)
		return;
	struct ledger_event ev = { .kind = EVENT_FINDING, .meter = meter, .from = { s->w->day_ms }, .to = { s->w->to_ms }, .energy_mwh = mwh, .finding = found };
	snprintf(ev.reason, sizeof ev.reason, "%s: %.360s", *open ? finding_name(found) : "gone", reason);
	if (s->fn)
		s->fn(s->ctx, &ev);
}

static void judge_site(const struct say *s, int64_t least)
{
	struct watch *w = s->w;
	char reason[160];
	struct open *o = &w->open[w->site->meters.n];
	if (w->both < least)
		return;
	bool over = w->it_mwh > w->total_mwh;
	snprintf(reason, sizeof reason, "E_IT %lld mW.h, E_DC %lld mW.h", (long long)w->it_mwh, (long long)w->total_mwh);
	change(s, UINT32_MAX, &o->node, over ? FINDING_IT_OVER_TOTAL : FINDING_NONE, w->total_mwh - w->it_mwh, reason);
}

static void judge_nodes(const struct say *s, int64_t least)
{
	struct watch *w = s->w;
	struct balance *all = calloc(w->site->meters.n + 1, sizeof *all);
	size_t n = all ? balance_judge(w->day, least, all) : 0;
	for (size_t i = 0; i < n; i++)
		change(s, all[i].node, &w->open[all[i].node].node, all[i].finding, all[i].residual_mwh, all[i].reason);
	w->day->failed |= !all;
	free(all);
}

static void percent(int64_t ppm, char out[24])
{
	snprintf(out, 24, "%lld.%lld %%", (long long)ppm / 10000 % 1000000, (long long)ppm / 1000 % 10);
}

static void judge_loads(const struct say *s)
{
	struct watch *w = s->w;
	for (size_t i = 0; i < w->site->meters.n; i++) {
		struct chain c;
		char reason[200], load[24], range[24];
		if (w->day->meters[i].term.known_ms < LEAST_MS)
			continue;
		meter_chain(w->day, (uint32_t)i, &c);
		if (c.load_ppm < 0)
			continue;
		percent(c.load_ppm, load);
		percent(c.range_ppm, range);
		snprintf(reason, sizeof reason, "the CT carries %s of its rated current on average, its class holds from %s on", load, range);
		change(s, (uint32_t)i, &w->open[i].load, c.load_low ? FINDING_LOW_LOAD : FINDING_IN_RANGE, 0, reason);
	}
}

static void judge(struct watch *w, watch_fn *fn, void *ctx)
{
	struct say s = { w, fn, ctx };
	int64_t least = LEAST_MS / w->day->interval_ms;
	if (w->begun && !w->day->failed) {
		judge_site(&s, least);
		judge_nodes(&s, least);
		judge_loads(&s);
	}
	w->begun = false;
}

static int64_t day_of(int64_t ms) { return ms - (ms % DAY_MS + DAY_MS) % DAY_MS; }

void watch_push(struct watch *w, const struct interval *iv, watch_fn *fn, void *ctx)
{
	int64_t day = day_of(iv->from.ms);
	if (w->begun && day != w->day_ms)
		judge(w, fn, ctx);      /* a leap of the clock: that day has no more intervals */
	if (!w->begun)
		begin_day(w, day);
	add_interval(w, iv);
	if (iv->to.ms == day + DAY_MS)
		judge(w, fn, ctx);
}

void watch_finish(struct watch *w, watch_fn *fn, void *ctx)
{
	judge(w, fn, ctx);
}

/* ---- checkpoint ---------------------------------------------------------------------------------------------------------------------- */

static void put_text(struct buf *out, const char *text)
{
	zigzag_put(out, (int64_t)strlen(text));
	buf_str(out, text);
}

static void save_open(const struct watch *w, struct buf *out)
{
	int64_t n = 0;
	for (size_t i = 0; i <= w->site->meters.n; i++)
		n += w->open[i].node || w->open[i].load;
	zigzag_put(out, n);
	for (size_t i = 0; i <= w->site->meters.n; i++) {
		if (!w->open[i].node && !w->open[i].load)
			continue;
		put_text(out, i < w->site->meters.n ? site_meters(w->site)[i].id : "");
		zigzag_put(out, w->open[i].node);
		zigzag_put(out, w->open[i].load);
	}
}

void watch_save(const struct watch *w, struct buf *out)
{
	save_open(w, out);
	zigzag_put(out, w->tree_id);
	zigzag_put(out, w->begun);
	if (!w->begun)
		return;
	const int64_t head[] = { w->day_ms, w->to_ms - w->day_ms, w->total_mwh, w->it_mwh, w->both };
	for (size_t i = 0; i < countof(head); i++)
		zigzag_put(out, head[i]);
	for (size_t i = 0; i < w->site->meters.n; i++) {
		const struct window_sums *s = &w->day->sums[i];
		zigzag_put(out, w->day->meters[i].term.energy_mwh);
		zigzag_put(out, w->day->meters[i].term.known_ms);
		zigzag_put(out, s->intervals ? s->in_run ? 2 : 1 : 0);
		if (!s->intervals)
			continue;
		const int64_t sums[] = { s->above, s->below, s->intervals, s->runs };
		for (size_t k = 0; k < countof(sums); k++)
			zigzag_put(out, sums[k]);
	}
}

struct in { const uint8_t *p, *end; bool bad; };

static int64_t get_in(struct in *in, int64_t min, int64_t max)
{
	int64_t v = zigzag_get(&in->p, in->end, &in->bad);
	in->bad |= v < min || v > max;
	return in->bad ? min : v;
}

/* By id: the configuration may be another one.  "" is the site. */
static struct open *open_named(struct watch *w, const char *id)
{
	size_t n = w->site->meters.n;
	if (!*id)
		return &w->open[n];
	for (size_t i = 0; i < n; i++)
		if (strcmp(site_meters(w->site)[i].id, id) == 0)
			return &w->open[i];
	return NULL;
}

static void load_open(struct watch *w, struct in *in)
{
	int64_t n = get_in(in, 0, 1 << 20);
	for (int64_t i = 0; i < n && !in->bad; i++) {
		char id[80] = "";
		int64_t len = get_in(in, 0, (int64_t)sizeof id - 1);
		in->bad |= len > in->end - in->p;
		if (in->bad)
			return;
		memcpy(id, in->p, (size_t)len);
		in->p += len;
		struct open found = { (uint8_t)get_in(in, 0, FINDING_N - 1), (uint8_t)get_in(in, 0, FINDING_N - 1) }, *o = open_named(w, id);
		if (o && !in->bad)
			*o = found;
	}
}

static void load_day(struct watch *w, struct in *in)
{
	const int64_t time = INT64_C(1) << TIME_BITS, many = DAY_MS / w->day->interval_ms;
	begin_day(w, get_in(in, -time, time));
	in->bad |= w->day_ms != day_of(w->day_ms);
	w->to_ms = w->day_ms + get_in(in, 0, DAY_MS);
	w->total_mwh = get_in(in, INT64_MIN / 4, INT64_MAX / 4);
	w->it_mwh = get_in(in, INT64_MIN / 4, INT64_MAX / 4);
	w->both = get_in(in, 0, many);
	for (size_t i = 0; i < w->site->meters.n && !in->bad; i++) {
		struct window_sums *s = &w->day->sums[i];
		w->day->meters[i].term.energy_mwh = get_in(in, INT64_MIN / 4, INT64_MAX / 4);
		w->day->meters[i].term.known_ms = get_in(in, 0, DAY_MS);
		int64_t has = get_in(in, 0, 2);
		if (!has)
			continue;
		s->in_run = has == 2;
		s->above = get_in(in, INT64_MIN / 4, INT64_MAX / 4);
		s->below = get_in(in, INT64_MIN / 4, INT64_MAX / 4);
		s->intervals = get_in(in, 1, many);
		s->runs = get_in(in, 1, many);
	}
	w->begun = !in->bad;
}

bool watch_load(struct watch *w, const void *bytes, size_t len)
{
	struct in in = { bytes, (const uint8_t *)bytes + len, false };
	load_open(w, &in);
	bool same = get_in(&in, 0, UINT32_MAX) == w->tree_id, begun = get_in(&in, 0, 1);
	if (same && begun)
		load_day(w, &in);
	return !in.bad && (in.p == in.end || !same);
}
