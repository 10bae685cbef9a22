#include "store/row.h"

#include <string.h>

enum { RECORD_RUN, RECORD_AT, RECORD_CLOCK, RECORD_QUALITY, RECORD_BITS = 2, RECORD_MASK = 3 };
enum { ROW_VERSION = 1, ROW_KEY = 1 };

/* A buffer that failed for want of memory gets another chance in the next row. */
static void begin(struct buf *b)
{
	if (b->failed)
		buf_done(b);
	buf_reset(b);
}

void row_begin(struct row_writer *w, bool key)
{
	uint8_t head[2] = { ROW_VERSION, key ? ROW_KEY : 0 };
	begin(&w->out);
	begin(&w->values);
	buf_add(&w->out, head, sizeof head);
	if (key)
		memset(w->last, 0, SHARD_SERIES * sizeof *w->last);
	w->clock = (struct row_clock){ 0 };
	w->wall = 0;
	w->next_position = w->run_position = 0;
	w->next_series = w->run_series = 0;
	w->quality = w->reason = 0;
	w->run = 0;
}

static void tag(struct buf *out, unsigned kind, uint64_t argument)
{
	varint_add(out, argument << RECORD_BITS | kind);
}

static void end_run(struct row_writer *w)
{
	if (w->run == 0)
		return;
	tag(&w->out, RECORD_RUN, w->run);
	varint_add(&w->out, w->run_position - w->next_position);
	varint_add(&w->out, zigzag((int64_t)w->run_series - (int64_t)w->next_series));
	buf_add(&w->out, w->values.data, w->values.len);
	w->out.failed |= w->values.failed;
	w->next_position = w->run_position + w->run;
	w->next_series = w->run_series + (uint32_t)w->run;
	w->run = 0;
	buf_reset(&w->values);
}

static struct row_clock clock_of(struct stamp at)
{
	return (struct row_clock){ wrap_sub(at.boot.ms, at.wall.ms), at.session, at.synced };
}

static bool clock_same(struct row_clock a, struct row_clock b)
{
	return a.offset == b.offset && a.session == b.session && a.synced == b.synced;
}

static void add_clock(struct buf *out, struct row_clock c)
{
	varint_add(out, c.synced);
	varint_add(out, zigzag(c.offset));
}

void row_sample(struct row_writer *w, uint64_t position, uint32_t series, const struct sample *s)
{
	struct row_clock clock = clock_of(s->at);
	bool same_clock = clock_same(clock, w->clock), same_quality = s->quality == w->quality && s->reason == w->reason;
	if (!same_clock || !same_quality || s->at.wall.ms != w->wall || position != w->run_position + w->run ||
	    series != w->run_series + w->run)
		end_run(w);
	if (w->run == 0) {
		if (!same_clock) {
			tag(&w->out, RECORD_CLOCK, clock.session);
			add_clock(&w->out, clock);
		}
		if (s->at.wall.ms != w->wall) {
			tag(&w->out, RECORD_AT, 0);
			varint_add(&w->out, zigzag(wrap_sub(s->at.wall.ms, w->wall)));
		}
		if (!same_quality)
			tag(&w->out, RECORD_QUALITY, (uint64_t)s->reason << 3 | s->quality);
		w->clock = clock;
		w->wall = s->at.wall.ms;
		w->quality = s->quality;
		w->reason = s->reason;
		w->run_series = series;
		w->run_position = position;
	}
	w->run++;
	if (sample_has_value(s)) {
		varint_add(&w->values, zigzag(wrap_sub(s->value, w->last[series])));
		w->last[series] = s->value;
	}
}

void row_end(struct row_writer *w)
{
	end_run(w);
}

void row_done(struct row_writer *w)
{
	buf_done(&w->out);
	buf_done(&w->values);
}

struct row_reader {
	struct cursor in;
	int64_t *last;
	struct row_clock clock;
	int64_t wall;
	uint64_t position;
	uint32_t series;
	uint8_t quality, reason;
	row_fn *fn;
	void *ctx;
	bool stopped;
};

static bool read_run(struct row_reader *r, uint64_t n)
{
	r->position += varint_get(&r->in);
	int64_t series = wrap_add((int64_t)r->series, unzigzag(varint_get(&r->in)));
	if (r->in.bad || n == 0 || series < 0 || series >= SHARD_SERIES || n > (uint64_t)(SHARD_SERIES - series))
		return false;
	r->series = (uint32_t)series;
	struct sample s = { .quality = r->quality, .reason = r->reason,
			    .at = { { r->wall }, { wrap_add(r->wall, r->clock.offset) }, r->clock.session, r->clock.synced } };
	bool has_value = sample_has_value(&s);
	for (uint64_t i = 0; i < n && !r->stopped; i++, r->series++, r->position++) {
		if (has_value)
			r->last[r->series] = wrap_add(r->last[r->series], unzigzag(varint_get(&r->in)));
		if (r->in.bad)
			return false;
		s.series = r->series;
		s.value = has_value ? r->last[r->series] : 0;
		r->stopped = !r->fn(r->ctx, r->position, &s);
	}
	return true;
}

static bool read_at(struct row_reader *r, uint64_t argument)
{
	r->wall = wrap_add(r->wall, unzigzag(varint_get(&r->in)));
	return argument == 0;
}

static bool read_clock(struct row_reader *r, uint64_t argument)
{
	uint64_t synced = varint_get(&r->in);
	r->clock = (struct row_clock){ unzigzag(varint_get(&r->in)), (uint32_t)argument, synced == 1 };
	return argument <= UINT32_MAX && synced <= 1;
}

static bool read_quality(struct row_reader *r, uint64_t argument)
{
	r->quality = (uint8_t)(argument & 7);
	r->reason = (uint8_t)(argument >> 3);
	return r->quality < QUALITY_N && argument >> 3 < REASON_N;
}

bool row_read(const void *bytes, size_t len, int64_t last[SHARD_SERIES], row_fn *fn, void *ctx, struct err *err)
{
	static bool (*const records[])(struct row_reader *, uint64_t) = {
		[RECORD_RUN] = read_run, [RECORD_AT] = read_at, [RECORD_CLOCK] = read_clock, [RECORD_QUALITY] = read_quality,
	};
	const uint8_t *p = bytes;
	if (len < 2 || p[0] != ROW_VERSION || p[1] > ROW_KEY)
		return err_set(err, ERR_EVIDENCE, "not a journal row of version %d", ROW_VERSION);
	if (p[1] == ROW_KEY)
		memset(last, 0, SHARD_SERIES * sizeof *last);
	struct row_reader r = { .in = { p + 2, p + len, false }, .last = last, .fn = fn, .ctx = ctx };
	while (r.in.p < r.in.end && !r.stopped) {
		size_t at = (size_t)(r.in.p - p);
		uint64_t t = varint_get(&r.in);
		if (!records[t & RECORD_MASK](&r, t >> RECORD_BITS) || r.in.bad)
			return err_set(err, ERR_EVIDENCE, "damaged journal row, byte %zu of %zu", at, len);
	}
	return true;
}

void tick_reset(struct tick_writer *t)
{
	begin(&t->out);
	t->clock = (struct row_clock){ 0 };
	t->wall = 0;
}

void tick_batch(struct tick_writer *t, size_t n, struct stamp now)
{
	struct row_clock clock = clock_of(now);
	bool changed = !clock_same(clock, t->clock);
	varint_add(&t->out, (uint64_t)n << 1 | changed);
	varint_add(&t->out, zigzag(wrap_sub(now.wall.ms, t->wall)));
	if (changed) {
		varint_add(&t->out, clock.session);
		add_clock(&t->out, clock);
	}
	t->clock = clock;
	t->wall = now.wall.ms;
}

struct tick_reader tick_read(const void *bytes, size_t len)
{
	return (struct tick_reader){ .in = { bytes, (const uint8_t *)bytes + len, false } };
}

bool tick_next(struct tick_reader *t, size_t *n, struct stamp *now)
{
	if (t->in.p >= t->in.end)
		return false;
	uint64_t head = varint_get(&t->in);
	t->wall = wrap_add(t->wall, unzigzag(varint_get(&t->in)));
	if (head & 1) {
		uint64_t session = varint_get(&t->in), synced = varint_get(&t->in);
		t->clock = (struct row_clock){ unzigzag(varint_get(&t->in)), (uint32_t)session, synced == 1 };
		t->in.bad |= session > UINT32_MAX || synced > 1;
	}
	if (t->in.bad)
		return false;
	*n = (size_t)(head >> 1);
	*now = (struct stamp){ { t->wall }, { wrap_add(t->wall, t->clock.offset) }, t->clock.session, t->clock.synced };
	return true;
}
