#include "core/window_state.h"
#include "core/level.h"

#include <stdlib.h>
#include <string.h>

struct window *window_new(const struct site *site, struct wall from, struct wall to, struct err *err)
{
	int64_t step = site->interval_ms > 0 ? site->interval_ms : 900000;
	if (to.ms <= from.ms || (to.ms - from.ms) / step > 2000000) {
		err_set(err, ERR_USAGE, "a window must end after it begins and span less than 50 years");
		return NULL;
	}
	struct window *w = calloc(1, sizeof *w);
	if (!w) {
		err_memory(err);
		return NULL;
	}
	*w = (struct window){ .site = site, .from = from, .to = to, .interval_ms = step, .n = (size_t)((to.ms - from.ms + step - 1) / step) };
	w->intervals = calloc(w->n, sizeof *w->intervals);
	w->meters = calloc(site->meters.n + 1, sizeof *w->meters);
	bool made = w->intervals && w->meters ? tree_init(&w->tree, site, err) : err_memory(err);
	if (!made || !((balance_init(w) && partial_init(w)) || err_memory(err))) {
		window_free(w);
		return NULL;
	}
	w->possible[0] = tree_has_total(&w->tree);
	w->possible[1] = tree_has_it(&w->tree);
	for (size_t i = 0; i < site->meters.n; i++) {
		struct window_term *t = &w->meters[i].term;
		*t = (struct window_term){ .meter = (uint32_t)i, .total_sign = w->tree.nodes[i].total_sign, .it_sign = w->tree.nodes[i].it_sign };
		w->meters[i].factor_kind = t->total_sign && site->factors.n ? factor_of_role(site_meters(site)[i].role) : FACTOR_N;
		w->possible[0] &= !t->total_sign || w->tree.nodes[i].measured;
		w->possible[1] &= !t->it_sign || w->tree.nodes[i].measured;
	}
	return w;
}

bool window_extend(struct window *w, struct wall to, struct err *err)
{
	size_t n = (size_t)((to.ms - w->from.ms + w->interval_ms - 1) / w->interval_ms), room = w->room ? w->room : w->n;
	if (to.ms <= w->to.ms)
		return true;
	while (room < n)
		room *= 2;
	struct window_interval *grown = room == w->room ? w->intervals : realloc(w->intervals, room * sizeof *grown);
	if (!grown)
		return err_memory(err);
	w->intervals = grown;
	w->room = room;
	memset(grown + w->n, 0, (n - w->n) * sizeof *grown);
	w->n = n;
	w->to = to;
	return true;
}

void window_free(struct window *w)
{
	if (!w)
		return;
	for (size_t i = 0; w->meters && i < w->site->meters.n; i++) {
		for (size_t k = 0; k < w->meters[i].n_holes; k++)
			free(w->meters[i].holes[k].spans);
		free(w->meters[i].holes);
	}
	tree_done(&w->tree);
	free(w->intervals);
	free(w->meters);
	balance_done(w);
	partial_done(w);
	free(w);
}

static bool keep_hole(struct window *w, struct window_meter *m, size_t ix, const struct interval_row *r)
{
	if (m->n_holes == m->room) {
		size_t room = m->room ? m->room * 2 : 8;
		struct window_hole *h = realloc(m->holes, room * sizeof *h);
		if (!h)
			return !(w->failed = true);
		m->holes = h;
		m->room = room;
	}
	m->holes[m->n_holes++] = (struct window_hole){ (uint32_t)ix, (int32_t)r->missing_ms, r->substituted_mwh, NULL, 0, r->substitute_class };
	return true;
}

static void keep_part(struct window *w, size_t ix, const struct missing_part *p);

/* Leaves come from outside: what does not fit makes the window unusable, never a wrong number. */
static void add(struct window *w, int64_t *sum, int64_t more)
{
	w->failed |= __builtin_add_overflow(*sum, more, sum);
}

/* Each energy with the factor that held at its time. */
static void add_co2(struct window *w, struct window_meter *m, struct wall at, int64_t mwh)
{
	const struct site_factor *f = m->factor_kind < FACTOR_N && mwh ? site_factor_at(w->site, m->factor_kind, at) : NULL;
	m->no_factor |= m->factor_kind < FACTOR_N && mwh && !f;
	m->co2 += f ? (__int128)mwh * f->micro : 0;
}

static void push_row(struct window *w, struct window_interval *in, size_t ix, const struct interval_row *r, int64_t span_ms)
{
	struct window_meter *m = &w->meters[r->meter];
	struct window_term *t = &m->term;
	add(w, &t->energy_mwh, r->energy_mwh);
	add_co2(w, m, (struct wall){ w->from.ms + (int64_t)ix * w->interval_ms }, r->energy_mwh);
	t->known_ms += span_ms - r->missing_ms;
	t->missing_ms += r->missing_ms;
	if (r->class_ < CLASS_COUNT)
		add(w, &t->class_mwh[r->class_], r->energy_mwh);
	if (!r->missing_ms || !keep_hole(w, m, ix, r))
		return;
	add(w, &t->substituted_mwh, r->substituted_mwh);
	in->unknown[0] = (uint16_t)(in->unknown[0] + (t->total_sign != 0));
	in->unknown[1] = (uint16_t)(in->unknown[1] + (t->it_sign != 0));
}

void window_push(struct window *w, const struct interval *iv)
{
	if (iv->from.ms < w->from.ms || iv->to.ms > w->to.ms)
		return;
	size_t ix = (size_t)((iv->from.ms - w->from.ms) / w->interval_ms);
	struct window_interval *in = &w->intervals[ix];
	if (ix >= w->n || in->seen)
		return;
	*in = (struct window_interval){ { iv->total_mwh, iv->it_mwh }, { (int32_t)iv->total_missing_ms, (int32_t)iv->it_missing_ms }, { 0, 0 },
					iv->flags, true, false };
	if (!iv->synced)
		in->flags |= INTERVAL_UNSYNCED;
	for (size_t i = 0; i < iv->n; i++)
		if (iv->rows[i].meter < w->site->meters.n)
			push_row(w, in, ix, &iv->rows[i], iv->to.ms - iv->from.ms);
	for (size_t i = 0; i < iv->n_parts; i++)
		keep_part(w, ix, &iv->parts[i]);
	balance_push(w, iv);
	partial_push(w, ix, iv);
}

int hole_order(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

static struct window_hole *find_hole(const struct window_meter *m, size_t ix)
{
	struct window_hole key = { .interval = (uint32_t)ix };
	return m->n_holes ? bsearch(&key, m->holes, m->n_holes, sizeof key, hole_order) : NULL;
}

/* ---- completeness by time: the union of what terms lack, exact after corrections too ---------------------------------------------- */

static bool add_span(struct window *w, struct window_hole *h, struct span s)
{
	struct span *grown = h->n_spans < UINT16_MAX ? realloc(h->spans, (h->n_spans + 1u) * sizeof *grown) : NULL;
	if (!grown)
		return !(w->failed = true);
	h->spans = grown;
	grown[h->n_spans++] = s;
	return true;
}

static void keep_part(struct window *w, size_t ix, const struct missing_part *p)
{
	struct window_meter *m = p->meter < w->site->meters.n ? &w->meters[p->meter] : NULL;
	struct window_hole *h = m && m->n_holes ? &m->holes[m->n_holes - 1] : NULL;
	if (h && h->interval == ix && p->from_ms >= 0 && p->to_ms > p->from_ms && p->to_ms <= w->interval_ms)
		add_span(w, h, (struct span){ p->from_ms, p->to_ms });
}

/* Takes [from, to) out of what the hole lacks. */
static void cut_spans(struct window *w, struct window_hole *h, int32_t from, int32_t to)
{
	struct span *was = h->spans;
	size_t n = h->n_spans;
	h->spans = NULL;
	h->n_spans = 0;
	for (size_t i = 0; i < n; i++) {
		struct span s = was[i];
		if (s.from_ms < from)
			add_span(w, h, (struct span){ s.from_ms, s.to_ms < from ? s.to_ms : from });
		if (s.to_ms > to)
			add_span(w, h, (struct span){ s.from_ms > to ? s.from_ms : to, s.to_ms });
	}
	free(was);
}

struct lacking { struct span *spans; size_t n, room; int64_t nowhere; };         /* nowhere: not said where */

static bool lack(struct lacking *l, struct span s)
{
	if (l->n == l->room) {
		size_t room = l->room ? l->room * 2 : 64;
		struct span *grown = realloc(l->spans, room * sizeof *grown);
		if (!grown)
			return false;
		l->spans = grown;
		l->room = room;
	}
	l->spans[l->n++] = s;
	return true;
}

static int span_order(const void *a, const void *b)
{
	const struct span *x = a, *y = b;
	return x->from_ms < y->from_ms ? -1 : x->from_ms > y->from_ms;
}

static int64_t union_of(struct lacking *l)
{
	int64_t sum = 0, covered = INT64_MIN;
	if (l->n > 1)
		qsort(l->spans, l->n, sizeof *l->spans, span_order);
	for (size_t i = 0; i < l->n; i++) {
		if (l->spans[i].to_ms <= covered)
			continue;
		sum += l->spans[i].to_ms - (l->spans[i].from_ms > covered ? l->spans[i].from_ms : covered);
		covered = l->spans[i].to_ms;
	}
	return sum;
}

static bool settle_one(const struct window *w, size_t ix, int side, struct lacking *l)
{
	struct window_interval *in = &w->intervals[ix];
	bool good = true;
	l->n = 0;
	l->nowhere = 0;
	for (size_t i = 0; in->unknown[side] && i < w->site->meters.n; i++) {
		const struct window_term *t = &w->meters[i].term;
		const struct window_hole *h = (side ? t->it_sign : t->total_sign) ? find_hole(&w->meters[i], ix) : NULL;
		if (!h || !h->missing_ms)
			continue;
		for (size_t k = 0; k < h->n_spans; k++)
			good = good && lack(l, h->spans[k]);
		if (!h->n_spans && h->missing_ms >= w->interval_ms)
			good = good && lack(l, (struct span){ 0, (int32_t)w->interval_ms });
		else if (!h->n_spans)
			l->nowhere += h->missing_ms;    /* leaves of before: bounded, never too complete */
	}
	int64_t left = union_of(l) + l->nowhere;
	if (good && left < in->missing_ms[side])
		in->missing_ms[side] = (int32_t)left;
	return good;
}

void window_settle(const struct window *w)
{
	struct lacking l = { 0 };
	bool good = true;
	for (size_t i = 0; i < w->n && good; i++) {
		if (!w->intervals[i].stale)
			continue;
		good = settle_one(w, i, 0, &l) && settle_one(w, i, 1, &l);
		w->intervals[i].stale = !good;
	}
	free(l.spans);
}

bool window_missing(const struct window *w, struct wall from, int64_t missing_ms[2])
{
	window_settle(w);
	size_t ix = from.ms < w->from.ms ? w->n : (size_t)((from.ms - w->from.ms) / w->interval_ms);
	if (ix >= w->n || !w->intervals[ix].seen)
		return false;
	for (int side = 0; side < 2; side++)
		missing_ms[side] = w->intervals[ix].missing_ms[side];
	return true;
}

/* True: the interval lacks nothing of this meter any more. */
static bool fill_hole(struct window *w, struct window_meter *m, size_t ix, struct span share)
{
	struct window_hole *h = find_hole(m, ix);
	struct window_term *t = &m->term;
	if (!h || !h->missing_ms)
		return false;
	int32_t filled = share.to_ms - share.from_ms, left = 0;
	bool placed = h->n_spans || h->missing_ms >= w->interval_ms;
	if (placed) {
		if (!h->n_spans)
			add_span(w, h, (struct span){ 0, (int32_t)w->interval_ms });
		cut_spans(w, h, share.from_ms, share.to_ms);
		for (size_t k = 0; k < h->n_spans; k++)
			left += h->spans[k].to_ms - h->spans[k].from_ms;
	}
	filled = placed ? h->missing_ms - left : filled < h->missing_ms ? filled : h->missing_ms;
	h->missing_ms -= filled;
	t->missing_ms -= filled;
	t->known_ms += filled;
	add(w, &t->substituted_mwh, -h->substituted_mwh);
	h->substituted_mwh = 0;
	const int sign[2] = { t->total_sign, t->it_sign };
	for (int side = 0; side < 2; side++)
		if (sign[side])
			w->intervals[ix].unknown[side] = (uint16_t)(w->intervals[ix].unknown[side] - (h->missing_ms == 0));
	w->intervals[ix].stale |= sign[0] || sign[1];
	return h->missing_ms == 0;
}

static void correct_one(struct window *w, const struct ledger_event *ev, size_t ix)
{
	struct window_meter *m = &w->meters[ev->meter];
	int64_t from = w->from.ms + (int64_t)ix * w->interval_ms, to = from + w->interval_ms;
	if (!w->intervals[ix].seen || to > ev->curve.closed_to.ms)
		return;
	int64_t gain = curve_at(ev, (struct wall){ to }) - curve_at(ev, (struct wall){ from });
	add(w, &m->term.energy_mwh, gain);
	add_co2(w, m, (struct wall){ from }, gain);
	add(w, &m->term.class_mwh[ev->curve.class_], gain);
	add(w, &w->intervals[ix].mwh[0], m->term.total_sign * gain);
	add(w, &w->intervals[ix].mwh[1], m->term.it_sign * gain);
	int64_t a = from > ev->from.ms ? from : ev->from.ms, b = to < ev->to.ms ? to : ev->to.ms;
	bool filled = ev->curve.was_missing && b > a && fill_hole(w, m, ix, (struct span){ (int32_t)(a - from), (int32_t)(b - from) });
	partial_correct(w, ix, ev->meter, gain, filled);
}

bool manual_counts(const struct ledger_event *ev, struct wall from, struct wall to, int64_t missing_ms, uint8_t substitute)
{
	int64_t a = from.ms > ev->from.ms ? from.ms : ev->from.ms, b = to.ms < ev->to.ms ? to.ms : ev->to.ms;
	return missing_ms && b > a && substitute != CLASS_I && substitute != CLASS_B && (b - a >= missing_ms || substitute == CLASS_MISSING);
}

int64_t manual_share(const struct ledger_event *ev, struct wall from, struct wall to, int64_t missing_ms)
{
	const struct level none = { 0, 0, 1 }, all = { ev->energy_mwh, 0, 1 };
	int64_t whole = ev->to.ms - ev->from.ms, a = from.ms > ev->from.ms ? from.ms : ev->from.ms, b = to.ms < ev->to.ms ? to.ms : ev->to.ms;
	if (b <= a)
		return 0;
	int64_t energy = level_between(none, all, b - ev->from.ms, whole) - level_between(none, all, a - ev->from.ms, whole);
	return missing_ms < b - a ? (int64_t)div_half_even((__int128)energy * missing_ms, b - a) : energy;
}

/* A person's word in place of P and N, where it speaks of all that is missing. */
static void state_one(struct window *w, const struct ledger_event *ev, size_t ix)
{
	struct window_meter *m = &w->meters[ev->meter];
	struct wall from = { w->from.ms + (int64_t)ix * w->interval_ms }, to = { from.ms + w->interval_ms };
	struct window_hole *h = find_hole(m, ix);
	if (!h || !manual_counts(ev, from, to, h->missing_ms, h->substitute_class))
		return;
	int64_t energy = manual_share(ev, from, to, h->missing_ms);
	add(w, &m->term.substituted_mwh, energy - h->substituted_mwh);
	h->substituted_mwh = energy;
	h->substitute_class = CLASS_M;
}

/* Intervals of the window that share time with [from, to). */
static void touched(const struct window *w, int64_t from_ms, int64_t to_ms, size_t *first, size_t *last)
{
	int64_t a = from_ms > w->from.ms ? (from_ms - w->from.ms) / w->interval_ms : 0;
	int64_t b = to_ms > w->from.ms ? (to_ms - w->from.ms + w->interval_ms - 1) / w->interval_ms : 0;
	*first = a > (int64_t)w->n ? w->n : (size_t)a;
	*last = b > (int64_t)w->n ? w->n : (size_t)b;
}

void window_event(struct window *w, const struct ledger_event *ev)
{
	size_t first, last;
	if ((unsigned)ev->kind >= EVENT_N || ev->to.ms < w->from.ms || ev->from.ms >= w->to.ms)
		return;
	w->events[ev->kind]++;
	touched(w, ev->from.ms, ev->to.ms, &first, &last);
	if (ev->kind == EVENT_LATE)
		for (size_t i = first; i < last || i == first; i++)
			w->intervals[i < w->n ? i : w->n - 1].flags |= INTERVAL_LATE;
	if (ev->kind == EVENT_CORRECTION && ev->meter < w->site->meters.n && ev->curve.class_ < CLASS_COUNT)
		for (size_t i = first; i < last; i++)
			correct_one(w, ev, i);
	if (ev->kind == EVENT_MANUAL && ev->meter < w->site->meters.n && ev->to.ms > ev->from.ms)
		for (size_t i = first; i < last; i++)
			state_one(w, ev, i);
}

bool window_leaf(struct window *w, const void *leaf, size_t len, struct err *err)
{
	struct interval iv;
	struct ledger_event ev;
	switch (ledger_leaf_kind(leaf, len)) {
	case LEDGER_LEAF_INTERVAL:
		if (!interval_of_leaf(w->site, leaf, len, &iv, err))
			return false;
		window_push(w, &iv);
		free((void *)(uintptr_t)iv.rows);
		return true;
	case LEDGER_LEAF_EVENT:
		if (!event_of_leaf(w->site, leaf, len, &ev, err))
			return false;
		window_event(w, &ev);
		return true;
	default:
		return true;
	}
}

void window_term(const struct window *w, uint32_t meter, struct window_term *out) { *out = w->meters[meter].term; }
const struct site *window_site(const struct window *w) { return w->site; }

/* Time of the window in which nothing is known of this meter, intervals that never came included. */
static int64_t not_known(const struct window *w, uint32_t meter)
{
	return w->to.ms - w->from.ms - w->meters[meter].term.known_ms;
}

int64_t window_meter_mwh(const struct window *w, uint32_t meter, bool *complete)
{
	bool all = not_known(w, meter) == 0;
	if (complete)
		*complete = all;
	return all || complete ? w->meters[meter].term.energy_mwh : -1;
}
