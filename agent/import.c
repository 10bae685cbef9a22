/* pued --import: a recording folded into the store as back-filled readings, before polling starts. */
#include "agent/daemon.h"
#include "agent/recorded.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 4096, FLUSH_EVERY = 200 };

struct import {
	struct daemon *d;
	struct recorded recorded;
	struct sample batch[BATCH];
	size_t n;
	uint64_t lines, readings, batches;
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
	const struct site *site = im->d->setup->site;
	if (!im->month)
		return;
	window_kpi(im->month, &im->d->setup->zone, &k);
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
	const struct zone *zone = &im->d->setup->zone;
	struct date day = zone_date(zone, iv->from), month = { day.year, day.month, 1 };
	if (!im->month || date_compare(month, im->month_of) != 0) {
		struct date after = month.month == 12 ? (struct date){ month.year + 1, 1, 1 } : (struct date){ month.year, (int8_t)(month.month + 1), 1 };
		show_month(im);
		window_free(im->month);
		im->month = window_new(im->d->setup->site, zone_day_start(zone, month), zone_day_start(zone, after), NULL);
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

static bool session_is_free(const struct import *im, struct err *err)
{
	return im->recorded.session < im->d->clock.session ||
	       err_set(err, ERR_INPUT, "more than %d sessions in one recording; split it", SESSIONS_A_RUN - 1);
}

static bool take_reading(struct import *im, const struct recording_line *line, struct err *err)
{
	struct sample *s = &im->batch[im->n];
	enum recorded_result result = recorded_sample(&im->recorded, line, s, err);
	if (result != RECORDED_SAMPLE)
		return result == RECORDED_IGNORED;
	if (!session_is_free(im, err))
		return false;
	im->readings++;
	if (line->wall.ms > im->newest.ms)
		im->newest = line->wall;
	im->n++;
	/* a batch is what was read at one time: the fold does not depend on it, the journal's size does */
	bool full = im->n == BATCH || (im->n > 1 && im->batch[0].at.wall.ms != s->at.wall.ms && im->n >= 256);
	return !full || settle(im, err);
}

static bool take_line(void *ctx, const char *line, size_t len, struct err *err)
{
	struct import *im = ctx;
	struct recording_line r = { 0 };
	switch (recording_parse(line, len, &r, err)) {
	case RECORDING_READING: return take_reading(im, &r, err);
	case RECORDING_SESSION:
		recorded_session(&im->recorded);
		return session_is_free(im, err);
	case RECORDING_SPAN: im->span = r; return true;
	case RECORDING_POLL: return im->d->o.step_given || recorded_poll_fits(&r, im->d->o.import_step_ms, err);
	case RECORDING_NOTHING: return true;
	case RECORDING_BAD: break;
	}
	return false;
}

static bool read_all(struct import *im, FILE *in, struct err *err)
{
	return recorded_lines(in, im->d->o.import, UINT64_MAX, take_line, im, &im->lines, err) && (!im->n || settle(im, err)) &&
	       store_flush(im->d->store, err);
}

bool daemon_import(struct daemon *d, struct err *err)
{
	FILE *in = strcmp(d->o.import, "-") ? fopen(d->o.import, "re") : stdin;
	struct import *im = calloc(1, sizeof *im);
	bool good = im || err_memory(err);
	if (good && !in)
		good = err_set(err, ERR_IO, "%s: %s", d->o.import, strerror(errno));
	good = good && recorded_init(&im->recorded, d->registry, d->clock.session - SESSIONS_A_RUN + 1, err);
	if (good) {
		im->d = d;
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
		recorded_done(&im->recorded);
	}
	free(im);
	d->import = NULL;
	if (in && in != stdin)
		fclose(in);
	return good;
}
