#include "agent/export_recording.h"
#include "agent/setup.h"
#include "agent/wiring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { DAY_MS = 86400000, HOUR_MS = 3600000, FEW = 64 };        /* of more series an hour is held at a time, not a day */

struct part {
	const struct readings *r;
	const struct registry *registry;
	struct wall from, to;
	struct sample *samples;
	size_t n, room;
	bool failed;
};

static bool take(void *ctx, const struct sample *samples, size_t n, struct stamp now)
{
	struct part *p = ctx;
	(void)now;
	for (size_t i = 0; i < n && !p->failed; i++) {
		const struct readings_series *row = readings_find(p->r, samples[i].series);
		if (!row || !row->wanted || samples[i].at.wall.ms < p->from.ms || samples[i].at.wall.ms >= p->to.ms || registry_find(p->registry, row->id) == UINT32_MAX)
			continue;
		if (p->n == p->room) {
			size_t room = p->room ? p->room * 2 : 4096;
			struct sample *grown = realloc(p->samples, room * sizeof *grown);
			p->failed = !grown;
			if (p->failed)
				return false;
			p->samples = grown;
			p->room = room;
		}
		p->samples[p->n++] = samples[i];
	}
	return true;
}

static int by_time(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;
	const int64_t keys[][2] = { { x->at.session, y->at.session }, { x->at.boot.ms, y->at.boot.ms }, { x->series, y->series } };
	for (size_t i = 0; i < countof(keys); i++)
		if (keys[i][0] != keys[i][1])
			return keys[i][0] < keys[i][1] ? -1 : 1;
	return 0;
}

/* raw * factor = value, as the fold will do it again. */
static bool raw_text(const struct part *p, const struct readings_series *row, const struct sample *s, struct buf *out, struct err *err)
{
	struct registry_facts f = registry_facts(p->registry, registry_find(p->registry, row->id));
	struct ratio inverse = { f.raw_factor.den, f.raw_factor.num };
	if (f.raw_factor.num <= 0)
		return err_set(err, ERR_RANGE, "%s: its profile alone does not say what one count of its register is, so it cannot be written as the device gave it", row->id);
	if ((__int128)f.row.count.num * row->s.count.den != (__int128)row->s.count.num * f.row.count.den)
		return err_set(err, ERR_RANGE, "%s was stored with another count than its profile has now; give the configuration of that time with --config, or its days with --from and --to", row->id);
	quantity_text(Q_NONE, s->value, inverse, out);
	return true;
}

static bool write_part(struct part *p, uint32_t *session, FILE *out, struct err *err)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct sample *s = &p->samples[i];
		const struct readings_series *row = readings_find(p->r, s->series);
		CLEANUP(buf_done) struct buf line = { 0 };
		char at[WALL_TEXT];
		if (*session && s->at.session != *session)
			buf_str(&line, "# session\n");
		*session = s->at.session;
		buf_printf(&line, "%s %s ", wall_text(s->at.wall, at), row->id);
		if (!sample_has_value(s))
			buf_str(&line, "-");
		else if (!raw_text(p, row, s, &line, err))
			return false;
		buf_printf(&line, " %s %lld\n", quality_text((enum quality)s->quality), (long long)s->at.boot.ms);
		if (line.failed || fwrite(line.data, 1, line.len, out) != line.len)
			return line.failed ? err_memory(err) : err_set(err, ERR_IO, "output: %s", strerror(errno));
	}
	return true;
}

static bool first_leaf(void *ctx, uint64_t index, enum leaf_kind kind, struct wall at, const void *bytes, size_t len)
{
	(void)index, (void)kind, (void)bytes, (void)len;
	*(struct wall *)ctx = at;
	return false;
}

/* What there is: a day more than the evidence, on both sides. */
static bool span(const struct readings *r, const struct readings_words *w, struct wall *from, struct wall *to, struct err *err)
{
	uint64_t index;
	struct wall first = { INT64_MAX }, last;
	if (!reader_last(r->reader, LEAF_INTERVAL, &index, &last, err) ||
	    !reader_leaves(r->reader, LEAF_INTERVAL, (struct wall){ INT64_MIN }, (struct wall){ INT64_MAX }, first_leaf, &first, err))
		return false;
	from->ms = w->from.ms > first.ms - DAY_MS ? w->from.ms : (first.ms / DAY_MS - 1) * DAY_MS;
	to->ms = w->to.ms < last.ms + 2 * DAY_MS ? w->to.ms : last.ms + 2 * DAY_MS;
	return true;
}

static bool all_parts(struct part *p, const struct readings_words *w, FILE *out, uint64_t *lines, struct err *err)
{
	struct wall from, to;
	uint32_t session = 0;
	bool good = span(p->r, w, &from, &to, err);
	int64_t length = p->r->n_wanted <= FEW ? DAY_MS : HOUR_MS;
	for (int64_t at = from.ms; good && at < to.ms; at += length) {
		p->n = 0;
		p->from.ms = at;
		p->to.ms = at + length < to.ms ? at + length : to.ms;
		good = reader_readings(p->r->reader, p->from, p->to, take, p, err) && (!p->failed || err_memory(err));
		if (good && p->n)
			qsort(p->samples, p->n, sizeof *p->samples, by_time);
		good = good && write_part(p, &session, out, err);
		*lines += p->n;
		readings_progress("export", (uint64_t)(p->to.ms - from.ms), (uint64_t)(to.ms - from.ms));
	}
	return good;
}

bool export_recording(const struct readings *r, const struct readings_words *w, FILE *out, uint64_t *lines, struct err *err)
{
	struct setup setup;
	struct ledger_wiring *wiring = NULL;
	if (!setup_load(w->config, &setup, NULL, err))
		return false;
	struct registry *registry = registry_new();
	struct part p = { .r = r, .registry = registry };
	*lines = 0;
	bool good = (registry || err_memory(err)) && wiring_make(setup.site, setup.library, registry, 0, &wiring, err);
	if (good)
		fprintf(out, "# site %s, written by puectl export; times UTC\n", setup.site->id);
	good = good && all_parts(&p, w, out, lines, err);
	free(p.samples);
	free(wiring);
	registry_free(registry);
	setup_done(&setup);
	return good;
}
