/* pued --import: a recording folded into the store as back-filled readings, before polling starts. */
#include "agent/daemon.h"
#include "agent/wiring.h"
#include "core/recording.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 4096, FLUSH_EVERY = 200 };

struct import {
	struct daemon *d;
	const char *name;
	struct sample batch[BATCH];
	size_t n;
	uint64_t line, readings, batches;
	uint32_t session;
	uint32_t *next;                  /* series that followed this one last time: recordings repeat their order */
	size_t n_next;
	uint32_t previous;
	struct recording_line span;      /* until.ms 0: not said */
	struct window *month;            /* what the terminal shows */
	struct date month_of;
	struct wall newest, drawn;
};

/* One line a closed month: the first picture of the year. */
static void show_month(struct import *im)
{
	struct kpi k;
	char text[40] = "-", bar[64] = "";
	const struct site *site = im->d->setup.site;
	if (!im->month)
		return;
	window_kpi(im->month, &im->d->setup.zone, &k);
	if (k.kind != KPI_NONE && pue_text(k.total_mwh, k.it_mwh, (struct ratio){ 0, 0 }, 4, text, sizeof text)) {
		/* one mark a hundredth above 1.10, at most forty */
		int64_t hundredths = (int64_t)((__int128)k.total_mwh * 100 / k.it_mwh) - 110;
		for (int64_t i = 0; i < hundredths && i < 40; i++)
			strcat(bar, "#");
	}
	fprintf(stderr, "%s  %04d-%02d  iPUE%d %-7s %s%s\n", im->d->o.progress ? "\r\033[K" : "", im->month_of.year, im->month_of.month, k.category, text, bar,
		site->simulated ? "  模拟数据 / SIMULATED" : "");
}

void daemon_import_interval(void *ctx, const struct interval *iv)
{
	struct import *im = ((struct daemon *)ctx)->import;
	if (!im)
		return;
	const struct zone *zone = &im->d->setup.zone;
	struct date day = zone_date(zone, iv->from), month = { day.year, day.month, 1 };
	if (!im->month || date_compare(month, im->month_of) != 0) {
		struct date after = month.month == 12 ? (struct date){ month.year + 1, 1, 1 } : (struct date){ month.year, (int8_t)(month.month + 1), 1 };
		show_month(im);
		window_free(im->month);
		im->month = window_new(im->d->setup.site, zone_day_start(zone, month), zone_day_start(zone, after), NULL);
		im->month_of = month;
		daemon_show(im->d);
	}
	if (im->month)
		window_push(im->month, iv);
}

static void draw(struct import *im)
{
	int64_t span = im->span.until.ms - im->span.wall.ms, done = im->newest.ms - im->span.wall.ms;
	if (!im->d->o.progress || span <= 0 || im->newest.ms - im->drawn.ms < span / 200)
		return;
	int percent = (int)(done * 100 / span);
	im->drawn = im->newest;
	fprintf(stderr, "\r\033[K  [%-50.*s] %3d %%  %llu readings", percent / 2, "##################################################", percent,
		(unsigned long long)im->readings);
	fflush(stderr);
}

static bool settle(struct import *im, struct err *err)
{
	struct stamp now = im->batch[im->n - 1].at;
	if (!pipeline_push(im->d->pipeline, im->batch, im->n, now, err))
		return false;
	im->n = 0;
	draw(im);
	/* a recording is faster than a disk: wait for it, so that the queue stays short */
	return ++im->batches % FLUSH_EVERY || store_flush(im->d->store, err);
}

static uint32_t series_of(struct import *im, const char *id)
{
	size_t n;
	const struct series *all = registry_series(im->d->registry, &n);
	uint32_t guess = im->previous < im->n_next ? im->next[im->previous] : UINT32_MAX;
	uint32_t number = guess < n && !strcmp(all[guess].id, id) ? guess : registry_find(im->d->registry, id);
	if (number != UINT32_MAX && im->previous < im->n_next)
		im->next[im->previous] = number;
	im->previous = number;
	return number;
}

static bool value_of(const struct import *im, uint32_t series, const struct recording_line *line, int64_t *value)
{
	struct ratio f = wiring_raw_factor(im->d->registry, series);
	int64_t scaled;
	if (!f.num)
		f = (struct ratio){ 1, 1 };
	if (!recording_value(line, f.num, &scaled) || scaled % f.den)
		return false;
	*value = scaled / f.den;
	return true;
}

static bool take_reading(struct import *im, const struct recording_line *line, struct err *err)
{
	uint32_t series = series_of(im, line->id);
	if (series == UINT32_MAX)
		return true;            /* a series this site does not use */
	struct sample *s = &im->batch[im->n];
	*s = (struct sample){ .series = series, .quality = (uint8_t)line->quality, .reason = line->has_value ? REASON_NONE : REASON_NOT_POLLED,
			      .at = { .wall = line->wall, .boot = { line->has_boot ? line->boot.ms : line->wall.ms }, .session = im->session, .synced = true } };
	if (line->has_value && !value_of(im, series, line, &s->value))
		return err_set(err, ERR_INPUT, "the value of %s has more digits than its register", line->id);
	im->readings++;
	if (line->wall.ms > im->newest.ms)
		im->newest = line->wall;
	im->n++;
	/* a batch is what was read at one time: the fold does not depend on it, the journal's size does */
	bool full = im->n == BATCH || (im->n > 1 && im->batch[0].at.wall.ms != s->at.wall.ms && im->n >= 256);
	return !full || settle(im, err);
}

static bool take_line(struct import *im, const char *line, size_t len, struct err *err)
{
	struct recording_line r = { 0 };
	switch (recording_parse(line, len, &r, err)) {
	case RECORDING_READING: return take_reading(im, &r, err);
	case RECORDING_SESSION:
		if (++im->session == im->d->clock.session)
			return err_set(err, ERR_INPUT, "more than %d sessions in one recording; split it", SESSIONS_A_RUN - 1);
		return true;
	case RECORDING_SPAN: im->span = r; return true;
	case RECORDING_NOTHING: return true;
	case RECORDING_BAD: break;
	}
	return false;
}

static bool read_all(struct import *im, FILE *in, struct err *err)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t n;
	bool good = true;
	while (good && (n = getline(&line, &room, in)) >= 0) {
		im->line++;
		if (n && line[n - 1] == '\n')
			n--;
		good = take_line(im, line, (size_t)n, err) || err_wrap(err, "%s:%llu", im->name, (unsigned long long)im->line);
	}
	if (good && ferror(in))
		good = err_set(err, ERR_IO, "%s: %s", im->name, strerror(errno));
	free(line);
	return good && (!im->n || settle(im, err)) && store_flush(im->d->store, err);
}

bool daemon_import(struct daemon *d, struct err *err)
{
	FILE *in = strcmp(d->o.import, "-") ? fopen(d->o.import, "re") : stdin;
	struct import *im = calloc(1, sizeof *im);
	size_t n;
	registry_series(d->registry, &n);
	if (im)
		im->next = calloc(n + 1, sizeof *im->next);
	bool good = im && im->next;
	if (!good)
		err_memory(err);
	else if (!in)
		good = err_set(err, ERR_IO, "%s: %s", d->o.import, strerror(errno));
	if (good) {
		im->d = d;
		im->name = d->o.import;
		im->session = d->clock.session - SESSIONS_A_RUN + 1;
		im->n_next = n;
		im->previous = UINT32_MAX;
		d->import = im;
		good = read_all(im, in, err);
		if (d->o.progress)
			fprintf(stderr, "\r\033[K");
		if (good)
			show_month(im);
		if (good)
			fprintf(stderr, "  %llu readings folded\n", (unsigned long long)im->readings);
	}
	if (im) {
		window_free(im->month);
		free(im->next);
	}
	free(im);
	d->import = NULL;
	if (in && in != stdin)
		fclose(in);
	return good;
}
