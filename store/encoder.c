/* Batches become the rows of one second.  A chain of differences lives per shard from one key row to the next. */
#include "store/journal.h"

#include <stdlib.h>
#include <string.h>

struct shard {
	struct row_writer w;
	int64_t last[SHARD_SERIES];
	uint64_t group;                 /* no / CHAIN_TICKS + 1 of its last row; 0: begin with a key row */
	bool open;
};

struct encoder {
	struct shard **shards;
	size_t n_shards, n_open, bytes;
	struct tick_writer tick;
	uint64_t no, position, n;
	struct wall from, to;
	bool open, failed;
};

struct encoder *encoder_new(uint64_t no)
{
	struct encoder *e = calloc(1, sizeof *e);
	if (e)
		e->no = no;
	return e;
}

void encoder_free(struct encoder *e)
{
	if (!e)
		return;
	for (size_t i = 0; i < e->n_shards; i++)
		if (e->shards[i]) {
			row_done(&e->shards[i]->w);
			free(e->shards[i]);
		}
	free(e->shards);
	buf_done(&e->tick.out);
	free(e);
}

static struct shard *shard_at(struct encoder *e, uint32_t index)
{
	if (index >= e->n_shards) {
		size_t n = index + 16;
		struct shard **more = realloc(e->shards, n * sizeof *more);
		if (!more)
			return NULL;
		memset(more + e->n_shards, 0, (n - e->n_shards) * sizeof *more);
		e->shards = more;
		e->n_shards = n;
	}
	struct shard *s = e->shards[index];
	if (!s && (s = e->shards[index] = calloc(1, sizeof *s)))
		s->w.last = s->last;
	return s;
}

static void cover(struct encoder *e, struct wall t)
{
	if (t.ms < e->from.ms)
		e->from = t;
	if (t.ms > e->to.ms)
		e->to = t;
}

static void begin(struct encoder *e, uint64_t position)
{
	e->open = true;
	e->position = position;
	e->n = 0;
	e->from.ms = INT64_MAX;
	e->to.ms = INT64_MIN;
	e->n_open = 0;
	tick_reset(&e->tick);
}

void encoder_batch(struct encoder *e, uint64_t position, const struct sample *samples, size_t n, struct stamp now)
{
	if (!e->open)
		begin(e, position);
	for (size_t i = 0; i < n; i++) {
		struct shard *s = shard_at(e, samples[i].series >> SHARD_BITS);
		if (!s) {
			e->failed = true;
			break;
		}
		if (!s->open) {
			uint64_t group = e->no / CHAIN_TICKS + 1;
			row_begin(&s->w, s->group != group);
			s->group = group;
			s->open = true;
			e->n_open++;
		}
		row_sample(&s->w, position + i, samples[i].series & (SHARD_SERIES - 1), &samples[i]);
		cover(e, samples[i].at.wall);
	}
	cover(e, now.wall);
	tick_batch(&e->tick, n, now);
	e->n = position + n - e->position;
}

uint64_t encoder_next(const struct encoder *e)
{
	return e->position + e->n;
}

size_t encoder_bytes(const struct encoder *e)
{
	return e->open ? e->tick.out.len + (size_t)e->n * 3 + 1 : 0;
}

static bool take_row(struct second *s, struct shard *shard, uint32_t index)
{
	struct shard_row *row = &s->rows[s->n_rows];
	row_end(&shard->w);
	uint8_t sum[BODY_SUM];
	int64_t key = (int64_t)(s->no << SHARD_KEY_BITS | index);
	body_sum(key, shard->w.out.data, shard->w.out.len, sum);
	row->len = shard->w.out.len + BODY_SUM;
	row->bytes = shard->w.out.failed ? NULL : malloc(row->len);
	if (!row->bytes)
		return false;
	memcpy(row->bytes, shard->w.out.data, shard->w.out.len);
	memcpy(row->bytes + shard->w.out.len, sum, BODY_SUM);
	row->shard = index;
	s->n_rows++;
	s->bytes += row->len;
	return true;
}

struct second *encoder_close(struct encoder *e, struct loss *lost)
{
	*lost = (struct loss){ 0 };
	if (!e->open)
		return NULL;
	struct second *s = calloc(1, sizeof *s);
	bool good = s && !e->failed && (s->rows = calloc(e->n_open + 1, sizeof *s->rows));
	if (good) {
		*s = (struct second){ .no = e->no, .position = e->position, .n = e->n, .from = e->from, .to = e->to, .rows = s->rows };
		uint8_t sum[BODY_SUM];
		buf_add(&s->tick, e->tick.out.data, e->tick.out.len);
		tick_sum(&(struct tick_columns){ s->no, s->position, s->n, s->from, s->to }, s->tick.data, s->tick.len, sum);
		buf_add(&s->tick, sum, sizeof sum);
		s->bytes = s->tick.len + sizeof *s;
		good = !s->tick.failed && !e->tick.out.failed;
	}
	for (size_t i = 0; i < e->n_shards; i++)
		if (e->shards[i] && e->shards[i]->open) {
			good = good && take_row(s, e->shards[i], (uint32_t)i);
			e->shards[i]->open = false;
		}
	e->open = false;
	e->no++;
	if (good)
		return s;
	*lost = (struct loss){ e->position, e->n, e->from, e->to };
	second_free(s);
	encoder_restart(e);
	return NULL;
}

void encoder_restart(struct encoder *e)
{
	for (size_t i = 0; i < e->n_shards; i++)
		if (e->shards[i])
			e->shards[i]->group = 0;
	e->failed = false;
}

void second_free(struct second *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n_rows; i++)
		free(s->rows[i].bytes);
	free(s->rows);
	buf_done(&s->tick);
	free(s);
}
