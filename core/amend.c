#include "core/amend.h"
#include "core/level.h"
#include "core/site_fields.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DAY_MS = 86400000 };

struct placed { const char *id; struct exchange_place place; };
struct amendment {
	struct conf **confs; size_t n_confs;    /* one a word: its texts and its problems */
	struct conf *conf;                      /* of the word being read */
	struct site site;
	struct meter *meters;
	struct manual_reading *readings; size_t n_readings;
	struct placed *placed; size_t n_placed;
};

const struct site *amended_site(const struct amendment *a) { return &a->site; }
const struct manual_reading *amended_readings(const struct amendment *a, size_t *n)
{
	*n = a->n_readings;
	return a->readings;
}

bool amended_place(const struct amendment *a, const char *id, struct exchange_place *out)
{
	for (size_t i = 0; i < a->n_placed; i++) {
		if (strcmp(a->placed[i].id, id) == 0) {
			*out = a->placed[i].place;
			return true;
		}
	}
	return false;
}

static bool no(struct meter_words *w, const char *fmt, ...) PRINTF(2, 3);
static bool no(struct meter_words *w, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	vsnprintf(w->why, sizeof w->why, fmt, args);
	va_end(args);
	return false;
}

static bool first_problem(const struct amendment *a, struct meter_words *w)
{
	struct err err = { 0 };
	return no(w, "%.300s", !conf_ok(a->conf, &err) && err.text[0] ? err.text : "not readable");
}

/* The words as a mapping. */
static bool read_words(struct amendment *a, struct meter_words *w, void *entry, const struct conf_field *fields, const struct conf_node **node)
{
	size_t before = conf_problem_count(a->conf);
	*node = conf_parse(a->conf, w->id, w->json, strlen(w->json));
	if (*node && conf_struct(a->conf, *node, entry, fields) && conf_problem_count(a->conf) == before)
		return true;
	return first_problem(a, w);
}

static struct meter *meter_of(struct amendment *a, struct meter_words *w, const char *id)
{
	for (size_t i = 0; i < a->site.meters.n; i++)
		if (strcmp(a->meters[i].id, id) == 0)
			return &a->meters[i];
	no(w, "the site has no meter '%s'", id);
	return NULL;
}

static bool times(struct ratio *a, struct ratio b)
{
	int64_t x = gcd64(a->num, b.den), y = gcd64(b.num, a->den);
	return !__builtin_mul_overflow(a->num / x, b.num / y, &a->num) && !__builtin_mul_overflow(a->den / y, b.den / x, &a->den);
}

/* The epoch that follows `old`: the same installation, another meter in it. */
static struct meter_epoch follower(const struct meter_epoch *old, struct wall from)
{
	struct meter_epoch e = *old;
	e.from = from;
	e.serial = e.certificate = e.reason = e.by = NULL;
	e.calibrated_until = (struct date){ 0 };
	e.has_first = e.has_last = false;
	/* as it was written, before the ratios went into it */
	if (e.count_mwh.den && (!times(&e.count_mwh, (struct ratio){ old->ct.den, old->ct.num }) || !times(&e.count_mwh, (struct ratio){ old->pt.den, old->pt.num })))
		e.count_mwh = (struct ratio){ 0, 0 };
	return e;
}

static bool same_instant(const struct meter_epoch *e, size_t n, struct wall at)
{
	for (size_t i = 0; i + 1 < n; i++)
		if (e[i].to.ms == at.ms)
			return true;
	return false;
}

/* The exchange lies in the last epoch, and not beside another change. */
static bool fits(struct meter_words *w, const struct meter *m, struct wall at, struct wall from)
{
	const struct meter_epoch *e = m->epochs.items, *last = m->epochs.n ? &e[m->epochs.n - 1] : NULL;
	char a[WALL_TEXT], b[WALL_TEXT];
	wall_text(at, a);
	if (!last || m->role == ROLE_BUS || !m->energy)
		return no(w, "meter %s has no register: there is nothing to exchange", m->id);
	if (from.ms < at.ms)
		return no(w, "meter %s: the new meter's first reading (%s) is before the old one's last (%s)", m->id, wall_text(from, b), a);
	if (same_instant(e, m->epochs.n, at))
		return no(w, "meter %s: its change at %s is known already", m->id, a);
	if (last->from.ms != INT64_MIN && at.ms <= last->from.ms)
		return no(w, "meter %s: epochs overlap: %s is not after the beginning of its last epoch (%s)", m->id, a, wall_text(last->from, b));
	if (last->from.ms != INT64_MIN && at.ms - last->from.ms < DAY_MS)
		return no(w, "meter %s: a second exchange within a day (%s after %s); revoke the one that is wrong", m->id, a, wall_text(last->from, b));
	if (from.ms >= last->to.ms)
		return no(w, "meter %s: its last epoch ends %s by the configuration, before %s", m->id, wall_text(last->to, b), a);
	return true;
}

static bool register_shows(struct meter_words *w, const char *meter, const char *what, int64_t value, int64_t modulus)
{
	return modulus <= 0 || (value < modulus && value > -modulus) ||
	       no(w, "meter %s: a register that rolls over at %lld cannot show %lld (%s)", meter, (long long)modulus, (long long)value, what);
}

static bool put_epoch(struct amendment *a, struct meter *m, const struct exchange_entry *x, const struct meter_epoch *next)
{
	const struct meter_epoch *old = m->epochs.items;
	size_t n = m->epochs.n;
	struct meter_epoch *e = conf_alloc(a->conf, (n + 1) * sizeof *e);
	struct placed *placed = realloc(a->placed, (a->n_placed + 1) * sizeof *placed);
	a->placed = placed ?: a->placed;
	if (!e || !placed)
		return false;
	memcpy(e, old, n * sizeof *e);
	e[n - 1].to = x->at;
	e[n - 1].has_last = true;
	e[n - 1].last = x->next.last;
	e[n] = *next;
	m->epochs = (struct conf_vec){ e, n + 1 };
	return true;
}

static const char *reason_with(struct amendment *a, const char *reason, const char *statement)
{
	char text[300];
	snprintf(text, sizeof text, "%.200s (statement %.40s)", reason, statement);
	return conf_copy(a->conf, text);
}

static bool add_exchange(struct amendment *a, struct meter_words *w, bool *memory)
{
	struct exchange_entry x = { 0 }, again;
	const struct conf_node *node;
	if (!read_words(a, w, &x, exchange_fields, &node))
		return false;
	struct meter *m = meter_of(a, w, x.meter);
	struct wall from = x.has_from ? x.next.from : x.at;
	if (!m || !fits(w, m, x.at, from))
		return false;
	const struct meter_epoch *old = &((const struct meter_epoch *)m->epochs.items)[m->epochs.n - 1];
	if (conf_get(node, "count") && !old->count_mwh.den)
		return no(w, "meter %s: what a count is worth comes from the profile of its device; state another count in the configuration", m->id);
	again = (struct exchange_entry){ .next = follower(old, from) };
	if (!read_words(a, w, &again, exchange_fields, &node))
		return false;
	struct meter_epoch next = again.next;
	size_t problems = conf_problem_count(a->conf);
	next.from = from;
	next.to = old->to;
	next.has_last = false;
	next.has_first = true;
	site_finish_ratios(a->conf, node, NULL, &next);
	if (conf_problem_count(a->conf) != problems)
		return first_problem(a, w);
	if (!register_shows(w, m->id, "last", x.next.last, old->modulus) || !register_shows(w, m->id, "first", next.first, next.modulus))
		return false;
	next.by = conf_copy(a->conf, w->by);
	next.reason = reason_with(a, next.reason ? next.reason : "exchanged", w->id);
	if (!next.by || !next.reason || !put_epoch(a, m, &x, &next))
		return *memory = false;
	a->placed[a->n_placed++] = (struct placed){ conf_copy(a->conf, w->id), { (uint32_t)(m - a->meters), x.at } };
	return true;
}

/* ---- manual readings ------------------------------------------------------------------------------------------------------------- */

/* The epoch that holds the whole time: a difference of two registers needs one register. */
static const struct meter_epoch *epoch_over(const struct meter *m, struct wall from, struct wall to)
{
	const struct meter_epoch *e = m->epochs.items;
	for (size_t i = 0; i < m->epochs.n; i++)
		if (e[i].from.ms <= from.ms && to.ms <= e[i].to.ms)
			return &e[i];
	return NULL;
}

static bool by_difference(struct meter_words *w, const struct meter *m, const struct reading_entry *r, int64_t *mwh)
{
	const struct meter_epoch *e = epoch_over(m, r->from, r->to);
	struct ratio count = e ? epoch_count(e, (struct ratio){ 0, 0 }) : (struct ratio){ 0, 0 };
	if (!e)
		return no(w, "meter %s: the meter was changed between the two readings; state the energy, or one statement for each meter", m->id);
	if (!count.den)
		return no(w, "meter %s: what a count is worth comes from the profile of its device; state the energy ('120 kW.h') instead of first and last", m->id);
	struct ratio factor = m->factor.num > 0 && m->factor.den > 0 ? m->factor : (struct ratio){ 1, 1 };
	__int128 counts = (__int128)r->last - r->first, sum;
	bool large = __builtin_mul_overflow(counts, (__int128)count.num, &sum);
	sum = div_half_even(sum, count.den);
	large = large || __builtin_mul_overflow(sum, (__int128)factor.num, &sum);
	sum = div_half_even(sum, factor.den);
	if (large || sum > INT64_MAX || sum < INT64_MIN)
		return no(w, "meter %s: the difference of the two readings is no energy that can be written", m->id);
	*mwh = (int64_t)sum;
	return true;
}

static bool possible(struct meter_words *w, const struct meter *m, const struct reading_entry *r, int64_t mwh)
{
	__int128 most = (__int128)m->p_max_mw * (r->to.ms - r->from.ms);
	if (mwh < 0 && m->direction != DIRECTION_NET)
		return no(w, "meter %s: the energy is negative", m->id);
	if (m->p_max_mw && (mwh < 0 ? -(__int128)mwh : mwh) * 3600000 > most)
		return no(w, "meter %s: more than its circuit can carry in this time (p_max)", m->id);
	return true;
}

static bool add_reading(struct amendment *a, struct meter_words *w, bool *memory)
{
	struct reading_entry r = { 0 };
	const struct conf_node *node;
	int64_t mwh;
	if (!read_words(a, w, &r, reading_fields, &node))
		return false;
	struct meter *m = meter_of(a, w, r.meter);
	if (!m)
		return false;
	if (m->role == ROLE_BUS)
		return no(w, "%s is a busbar without a meter", m->id);
	if (r.to.ms <= r.from.ms || r.to.ms - r.from.ms > 400LL * DAY_MS)
		return no(w, "meter %s: 'to' must come after 'from', by 400 days at most", m->id);
	bool counts = r.has_first && r.has_last;
	if (r.has_energy == counts || r.has_first != r.has_last)
		return no(w, "meter %s: state either the energy, or the register at both ends (first and last)", m->id);
	mwh = r.energy_mwh;
	if ((counts && !by_difference(w, m, &r, &mwh)) || !possible(w, m, &r, mwh))
		return false;
	struct manual_reading *grown = realloc(a->readings, (a->n_readings + 1) * sizeof *grown);
	a->readings = grown ?: a->readings;
	struct manual_reading row = { (uint32_t)(m - a->meters), r.from, r.to, mwh, conf_copy(a->conf, w->id), conf_copy(a->conf, w->by), r.reason };
	if (!grown || !row.id || !row.by)
		return *memory = false;
	a->readings[a->n_readings++] = row;
	return true;
}

/* ---- all of them -------------------------------------------------------------------------------------------------------------------- */

struct amendment *amend(const struct site *site, struct meter_words *words, size_t n, struct err *err)
{
	struct amendment *a = calloc(1, sizeof *a);
	bool memory = a && (a->confs = calloc(n + 1, sizeof *a->confs)) && (a->meters = malloc((site->meters.n + 1) * sizeof *a->meters));
	if (memory) {
		a->site = *site;
		if (site->meters.n)
			memcpy(a->meters, site_meters(site), site->meters.n * sizeof *a->meters);
		a->site.meters.items = a->meters;
	}
	for (size_t i = 0; memory && i < n; i++) {
		words[i].why[0] = 0;
		if (!(a->conf = a->confs[a->n_confs++] = conf_new()))
			memory = false;
		else
			words[i].counts = (words[i].reading ? add_reading : add_exchange)(a, &words[i], &memory);
	}
	if (memory)
		return a;
	err_memory(err);
	amendment_free(a);
	return NULL;
}

void amendment_free(struct amendment *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < a->n_confs; i++)
		conf_free(a->confs[i]);
	free(a->confs);
	free(a->meters);
	free(a->readings);
	free(a->placed);
	free(a);
}
