#include "core/ledger_state.h"

/* Boot time inside a session, the larger of boot and wall time across sessions (domain.md 2.7 rule 3). */
int64_t read_elapsed(const struct read *a, const struct read *b)
{
	int64_t wall = b->wall_ms - a->wall_ms, boot = b->boot_ms - a->boot_ms;
	if (a->session == SESSION_NONE || b->session == SESSION_NONE)
		return wall;
	if (a->session == b->session)
		return boot;
	return boot > wall ? boot : wall;
}

/* Rule 4: floor(P_max x dt / count) + 1 counts, in units. */
int64_t scale_cap(const struct scale *s, int64_t dt_ms)
{
	if (!s->p_max_mw)
		return INT64_MAX;
	__int128 energy = (__int128)s->p_max_mw * (dt_ms > 0 ? dt_ms : 0), over = (__int128)s->count_num * 3600000, counts;
	if (__builtin_mul_overflow(energy, (__int128)s->count_den, &energy))
		return INT64_MAX;
	counts = div_floor(energy, over) + 1;
	return counts > INT64_MAX / s->fraction ? INT64_MAX : (int64_t)counts * s->fraction;
}

/* Rule 4 (a) to (e), in this order. */
enum step step_judge(const struct scale *s, int64_t previous, int64_t current, int64_t cap, int64_t *units)
{
	__int128 d = (__int128)current - previous;
	if (s->modulus && s->p_max_mw && cap >= s->modulus)
		return STEP_AMBIGUOUS;
	if (d > INT64_MAX || d < -(__int128)INT64_MAX)
		return d > 0 ? STEP_HIGH : STEP_LOW;
	*units = (int64_t)d;
	if (d >= 0)
		return d <= cap ? STEP_ACCEPT : STEP_HIGH;
	if (s->net && -d <= cap)
		return STEP_ACCEPT;
	if (s->modulus && s->p_max_mw && previous >= s->modulus - cap && d + s->modulus <= cap && d + s->modulus >= 0) {
		*units = (int64_t)(d + s->modulus);
		return STEP_WRAP;
	}
	return STEP_LOW;
}

static bool multiply(int64_t num[static 1], int64_t den[static 1], struct ratio by)
{
	if (by.num <= 0 || by.den <= 0)
		return false;
	int64_t a = gcd64(*num, by.den), b = gcd64(by.num, *den);
	return !__builtin_mul_overflow(*num / a, by.num / b, num) && !__builtin_mul_overflow(*den / b, by.den / a, den);
}

static bool stated(struct ratio r) { return r.num > 0 && r.den > 0; }

bool scale_of(const struct meter *m, const struct meter_epoch *e, const struct ledger_wiring *w, struct scale *out)
{
	static const struct ratio one = { 1, 1 };
	struct scale s = { .num = 1, .den = 1, .count_num = 1, .count_den = 1, .fraction = w->fraction > 0 ? w->fraction : 1,
			   .p_max_mw = m->p_max_mw, .net = m->direction == DIRECTION_NET };
	struct ratio profile = stated(w->count_mwh) ? w->count_mwh : one, count = e ? epoch_count(e, profile) : profile;
	struct ratio factor = stated(m->factor) ? m->factor : one, part = { 1, s.fraction };
	int64_t modulus = e && e->modulus ? e->modulus : w->modulus;
	s.modulus = modulus > 0 && modulus <= INT64_MAX / s.fraction ? modulus * s.fraction : 0;
	bool fits = multiply(&s.count_num, &s.count_den, count);
	s.num = s.count_num;
	s.den = s.count_den;
	fits = fits && multiply(&s.num, &s.den, factor) && multiply(&s.num, &s.den, part) && s.den >> 40 == 0;
	*out = s;
	return fits;
}

/* Same meter, same worth of a count: it goes on.  Another worth: the old epoch ends with its last reading. */
bool scale_same(const struct scale *a, const struct scale *b)
{
	return (__int128)a->num * b->den == (__int128)b->num * a->den && (__int128)a->count_num * b->count_den == (__int128)b->count_num * a->count_den &&
	       a->fraction == b->fraction && a->modulus == b->modulus && a->p_max_mw == b->p_max_mw && a->net == b->net;
}
