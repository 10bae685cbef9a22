#include "tests/sim/verbs.h"
#include "tests/sim/fleet.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Lines are put together by hand: a year is four million of them. */
enum { LINE_MAX_BYTES = 160, CHUNK = 1 << 20 };

struct writer { FILE *file; char *chunk; size_t len; bool failed; };

static void flush(struct writer *w)
{
	w->failed = w->failed || (w->len && fwrite(w->chunk, 1, w->len, w->file) != w->len);
	w->len = 0;
}

static void put(struct writer *w, const char *text, size_t len)
{
	memcpy(w->chunk + w->len, text, len);
	w->len += len;
}

static void put_number(struct writer *w, int64_t value)
{
	char digits[24], *at = digits + sizeof digits;
	uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	do
		*--at = (char)('0' + left % 10);
	while (left /= 10);
	if (value < 0)
		*--at = '-';
	put(w, at, (size_t)(digits + sizeof digits - at));
}

struct span { struct wall from, to; int64_t step_ms; bool all; };

static bool write_step(struct writer *w, struct fleet *f, const struct span *span, struct wall t, struct err *err)
{
	char time[WALL_TEXT];
	if (!model_at(f->model, t, err))
		return false;
	wall_text_at(t, SIM_OFFSET_S, time);
	size_t time_len = strlen(time);
	for (size_t i = 0; i < f->n; i++) {
		const struct sim_device *d = &f->devices[i];
		int64_t counts;
		if (!(d->meter || (span->all && classes[d->class].energy_point)) || fleet_fault(d, FAULT_DEAD, t))
			continue;
		if (!fleet_register(f, d, t, &counts))
			return err_set(err, ERR_RANGE, "%s: its fault begins outside the simulated years", d->id);
		if (w->len + LINE_MAX_BYTES > CHUNK)
			flush(w);
		put(w, time, time_len);
		put(w, " ", 1);
		put(w, d->id, strlen(d->id));
		put(w, "/", 1);
		put(w, classes[d->class].energy_point, strlen(classes[d->class].energy_point));
		put(w, " ", 1);
		put_number(w, counts);
		put(w, " good ", 6);
		put_number(w, t.ms - span->from.ms);
		put(w, "\n", 1);
	}
	return !w->failed || err_set(err, ERR_IO, "writing: %s", strerror(errno));
}

/* Every step from `from`, and `to` itself: what runs live from there joins without a hole. */
static bool write_history(struct writer *w, struct fleet *f, const struct span *span, struct err *err)
{
	char from[WALL_TEXT], to[WALL_TEXT], head[3 * WALL_TEXT];
	int len = snprintf(head, sizeof head, "# span %s %s\n", wall_text_at(span->from, SIM_OFFSET_S, from), wall_text_at(span->to, SIM_OFFSET_S, to));
	put(w, head, (size_t)len);
	for (struct wall t = span->from; t.ms < span->to.ms; t.ms += span->step_ms)
		if (!write_step(w, f, span, t, err))
			return false;
	if (!write_step(w, f, span, span->to, err))
		return false;
	flush(w);
	return (!w->failed && !fflush(w->file)) || err_set(err, ERR_IO, "writing: %s", strerror(errno));
}

static bool to_file(const char *out, struct fleet *f, const struct span *span, struct err *err)
{
	struct writer w = { .file = strcmp(out, "-") ? fopen(out, "w") : stdout, .chunk = malloc(CHUNK) };
	bool good = false;
	if (!w.file)
		err_set(err, ERR_IO, "%s: %s", out, strerror(errno));
	else if (!w.chunk)
		err_memory(err);
	else
		good = write_history(&w, f, span, err);
	free(w.chunk);
	if (w.file && w.file != stdout && fclose(w.file) && good)
		return err_set(err, ERR_IO, "%s: %s", out, strerror(errno));
	return good;
}

bool verb_history(int argc, char **argv, struct err *err)
{
	struct setup setup = { 0 };
	struct span span = { .step_ms = 900000 };
	const char *from = NULL, *to = NULL, *step = "15m", *out = "-", *all = NULL;
	const struct option_row rows[] = {
		{ "--from", &from, false }, { "--to", &to, false }, { "--step", &step, false }, { "--out", &out, false },
		{ "--all", &all, true }, SETUP_OPTIONS(setup),
	};
	if (!setup_split(&setup, &argc, argv, err) || !options_parse(argc, argv, rows, countof(rows), NULL, err))
		return false;
	if (!from || !to)
		return err_set(err, ERR_USAGE, "give --from and --to, RFC 3339 with an offset");
	if (!wall_parse(from, &span.from, err) || !wall_parse(to, &span.to, err) || !duration_parse("--step", step, &span.step_ms, err))
		return false;
	if (span.to.ms < span.from.ms)
		return err_set(err, ERR_USAGE, "--to is before --from");
	span.all = all;
	struct model *m = NULL;
	struct fleet *f = NULL;
	if (!setup_fleet(&setup, span.from, &m, &f, err))
		return false;
	bool good = to_file(out, f, &span, err);
	fleet_free(f);
	model_free(m);
	return good;
}
