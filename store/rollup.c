#include "store/rollup.h"

#include <stdlib.h>
#include <string.h>

enum { VERSION = 1 };

int64_t quarter_of(struct wall t)
{
	return t.ms / QUARTER_MS - (t.ms % QUARTER_MS < 0);
}

void quarter_add(struct quarter *q, const struct sample *s)
{
	q->not_good += s->quality != QUALITY_GOOD;
	if (!sample_has_value(s))
		return;
	q->min = q->n == 0 || s->value < q->min ? s->value : q->min;
	q->max = q->n == 0 || s->value > q->max ? s->value : q->max;
	q->last = s->value;
	q->sum += s->value;
	q->n++;
}

void quarter_merge(struct quarter *q, const struct quarter *later)
{
	q->not_good += later->not_good;
	if (later->n == 0)
		return;
	q->min = q->n == 0 || later->min < q->min ? later->min : q->min;
	q->max = q->n == 0 || later->max > q->max ? later->max : q->max;
	q->last = later->last;
	q->sum = (__int128)((unsigned __int128)q->sum + (unsigned __int128)later->sum);         /* of damaged bytes it may wrap */
	q->n += later->n;
}

bool quarters_of(const struct sample *s, size_t n, struct quarter **out, size_t *room, size_t *n_out)
{
	size_t count = 0;
	for (size_t i = 0; i < n; i++) {
		int64_t at = quarter_of(s[i].at.wall);
		if (count == 0 || (*out)[count - 1].at != at) {
			if (count == *room) {
				size_t more = *room ? 2 * *room : 128;
				struct quarter *grown = realloc(*out, more * sizeof *grown);
				if (!grown)
					return false;
				*out = grown;
				*room = more;
			}
			(*out)[count++] = (struct quarter){ .at = at };
		}
		quarter_add(&(*out)[count - 1], &s[i]);
	}
	*n_out = count;
	return true;
}

static int64_t day_of(const struct quarter *q)
{
	return q->at / QUARTERS_A_DAY - (q->at % QUARTERS_A_DAY < 0);
}

static size_t days_in(const struct quarter *q, size_t n)
{
	size_t days = n > 0;
	for (size_t i = 1; i < n; i++)
		days += day_of(&q[i]) != day_of(&q[i - 1]);
	return days;
}

static void put_day(const struct quarter *all, size_t quarters, int64_t before, struct buf *out)
{
	varint_add(out, zigzag(wrap_sub(all->at, before)));
	varint_add(out, quarters);
	varint_add(out, (uint64_t)all->n);
	varint_add(out, (uint64_t)all->not_good);
	if (all->n == 0)
		return;
	varint_add(out, zigzag(all->min));
	varint_add(out, zigzag(all->max));
	varint_add(out, zigzag(all->last));
	varint_add(out, (uint64_t)all->sum);
	varint_add(out, zigzag((int64_t)(all->sum >> 64)));
}

static void put_days(const struct quarter *q, size_t n, struct buf *out)
{
	int64_t before = 0;
	for (size_t i = 0, end; i < n; i = end) {
		struct quarter all = { .at = day_of(&q[i]) };
		for (end = i; end < n && day_of(&q[end]) == all.at; end++)
			quarter_merge(&all, &q[end]);
		put_day(&all, end - i, before, out);
		before = all.at;
	}
}

/* A quarter without a value repeats the numbers before it: that costs nothing. */
enum field { FIELD_AT, FIELD_N, FIELD_NOT_GOOD, FIELD_MIN, FIELD_MAX, FIELD_LAST, FIELD_SUM_LOW, FIELD_SUM_HIGH, FIELD_N_ };

static int64_t field(const struct quarter *q, enum field f, int64_t before)
{
	switch (f) {
	case FIELD_AT: return q->at;
	case FIELD_N: return q->n;
	case FIELD_NOT_GOOD: return q->not_good;
	case FIELD_MIN: return q->n ? q->min : before;
	case FIELD_MAX: return q->n ? q->max : before;
	case FIELD_LAST: return q->n ? q->last : before;
	case FIELD_SUM_LOW: return q->n ? (int64_t)(uint64_t)q->sum : before;
	case FIELD_SUM_HIGH: return q->n ? (int64_t)(q->sum >> 64) : before;
	case FIELD_N_: break;
	}
	return 0;
}

static void set_field(struct quarter *q, enum field f, int64_t v)
{
	int64_t *const places[FIELD_N_] = { &q->at, &q->n, &q->not_good, &q->min, &q->max, &q->last };
	if (places[f])
		*places[f] = f > FIELD_NOT_GOOD && q->n == 0 ? 0 : v;
	else if (f == FIELD_SUM_LOW)
		q->sum = q->n ? (__int128)(uint64_t)v : 0;
	else
		q->sum = q->n ? (__int128)((unsigned __int128)q->sum | (unsigned __int128)(uint64_t)v << 64) : 0;
}

void rollup_put(const struct quarter *q, size_t n, struct buf *out)
{
	int64_t *v = malloc((n + 1) * sizeof *v);
	if (!v) {
		out->failed = true;
		return;
	}
	buf_add(out, &(uint8_t){ VERSION }, 1);
	varint_add(out, n);
	varint_add(out, days_in(q, n));
	put_days(q, n, out);
	for (enum field f = FIELD_AT; f < FIELD_N_; f++) {
		for (size_t i = 0; i < n; i++)
			v[i] = field(&q[i], f, i ? v[i - 1] : 0);
		column_put(v, n, true, out);
	}
	free(v);
}

static bool damaged(struct err *err, const char *what)
{
	return err_set(err, ERR_EVIDENCE, "damaged rollup: %s", what);
}

static bool get_day(struct cursor *in, int64_t before, struct rollup_day *d)
{
	*d = (struct rollup_day){ .all.at = wrap_add(before, unzigzag(varint_get(in))) };
	d->quarters = varint_get(in);
	uint64_t n = varint_get(in), not_good = varint_get(in);
	d->all.n = (int64_t)n;
	d->all.not_good = (int64_t)not_good;
	if (n && !in->bad) {
		d->all.min = unzigzag(varint_get(in));
		d->all.max = unzigzag(varint_get(in));
		d->all.last = unzigzag(varint_get(in));
		uint64_t low = varint_get(in);
		d->all.sum = (__int128)((unsigned __int128)(uint64_t)unzigzag(varint_get(in)) << 64 | low);
	}
	return !in->bad && n < 1u << 31 && not_good < 1u << 31 && d->quarters > 0 && d->quarters <= ROLLUP_QUARTERS;
}

static bool grow(void *at, size_t *room, size_t n, size_t size)
{
	void **list = at;
	if (n <= *room)
		return true;
	void *more = realloc(*list, n * size);
	if (!more)
		return false;
	*list = more;
	*room = n;
	return true;
}

bool rollup_read(struct rollup *r, const void *bytes, size_t len, struct err *err)
{
	r->in = (struct cursor){ bytes, (const uint8_t *)bytes + len, false };
	r->n_quarters = r->n_days = 0;
	if (len < 1 || *r->in.p++ != VERSION)
		return damaged(err, "version");
	uint64_t quarters = varint_get(&r->in), days = varint_get(&r->in), sum = 0;
	if (r->in.bad || quarters > ROLLUP_QUARTERS || days > ROLLUP_DAYS)
		return damaged(err, "counts");
	if (!grow(&r->days, &r->days_room, days, sizeof *r->days))
		return err_memory(err);
	for (uint64_t i = 0; i < days; i++) {
		if (!get_day(&r->in, i ? r->days[i - 1].all.at : 0, &r->days[i]))
			return damaged(err, "day");
		sum += r->days[i].quarters;
	}
	if (sum != quarters)
		return damaged(err, "quarters of the days");
	r->n_quarters = quarters;
	r->n_days = days;
	return true;
}

/* The days ahead are the sums of their quarters: whole days are answered from them alone. */
static bool days_fit(const struct rollup *r)
{
	size_t at = 0;
	for (size_t i = 0; i < r->n_days; i++) {
		const struct rollup_day *d = &r->days[i];
		struct quarter all = { .at = d->all.at };
		for (size_t end = at + d->quarters; at < end; at++) {
			if (day_of(&r->quarters[at]) != d->all.at)
				return false;
			quarter_merge(&all, &r->quarters[at]);
		}
		if (all.n != d->all.n || all.not_good != d->all.not_good || all.min != d->all.min || all.max != d->all.max || all.last != d->all.last || all.sum != d->all.sum)
			return false;
	}
	return true;
}

bool rollup_quarters(struct rollup *r, struct err *err)
{
	size_t n = r->n_quarters;
	int64_t *v = malloc((n + 1) * sizeof *v);
	if (!v || !grow(&r->quarters, &r->quarters_room, n, sizeof *r->quarters)) {
		free(v);
		return err_memory(err);
	}
	bool good = true;
	for (enum field f = FIELD_AT; good && f < FIELD_N_; f++) {
		good = column_get(&r->in, v, n);
		for (size_t i = 0; good && i < n; i++)
			set_field(&r->quarters[i], f, v[i]);
		for (size_t i = 0; good && (f == FIELD_N || f == FIELD_NOT_GOOD) && i < n; i++)
			good = v[i] >= 0 && v[i] < INT32_MAX;
	}
	free(v);
	if (!good || r->in.p != r->in.end)
		return damaged(err, "columns");
	return days_fit(r) || damaged(err, "days");
}

void rollup_done(struct rollup *r)
{
	free(r->days);
	free(r->quarters);
	*r = (struct rollup){ .days = NULL };
}
