#include "agent/replay.h"
#include "agent/recorded.h"
#include "agent/wiring.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 1024, LOOK_LINES = 100000 };

struct replay {
	const struct setup *setup;
	const char *file;
	int64_t step_ms;
	bool step_given;
	struct registry *registry;
	struct ledger_wiring *wiring;
	struct ledger *ledger;
	const struct ledger_sink *sink;
	struct recorded recorded;
	struct sample batch[BATCH];
	size_t n;
	struct replay_stats stats;
};

static void push(struct replay *r)
{
	static const struct stamp none;
	ledger_push(r->ledger, r->batch, r->n, none, r->sink);
	r->n = 0;
}

static void ignore(struct replay *r, const char *id)
{
	r->stats.ignored++;
	if (!r->stats.first_ignored[0])
		snprintf(r->stats.first_ignored, sizeof r->stats.first_ignored, "%s", id);
}

static bool take_reading(struct replay *r, const struct recording_line *line, struct err *err)
{
	enum recorded_result result = recorded_sample(&r->recorded, line, &r->batch[r->n], err);
	if (result == RECORDED_IGNORED)
		ignore(r, line->id);
	if (result != RECORDED_SAMPLE)
		return result == RECORDED_IGNORED;
	r->stats.readings++;
	if (++r->n == BATCH)
		push(r);
	return true;
}

static bool take_line(void *ctx, const char *text, size_t len, struct err *err)
{
	struct replay *r = ctx;
	struct recording_line line = { 0 };
	switch (recording_parse(text, len, &line, err)) {
	case RECORDING_READING: return take_reading(r, &line, err);
	case RECORDING_SESSION: recorded_session(&r->recorded); return true;
	case RECORDING_POLL: return r->step_given || recorded_poll_fits(&line, r->step_ms, err);
	case RECORDING_SPAN:
	case RECORDING_NOTHING: return true;
	case RECORDING_BAD: break;
	}
	return false;
}

/* How many decimals a register without profile has: the most in the first lines. */
static bool look(void *ctx, const char *text, size_t len, struct err *err)
{
	struct recording_line line = { 0 };
	(void)err;
	if (recording_parse(text, len, &line, NULL) == RECORDING_READING)
		recorded_look(&((struct replay *)ctx)->recorded, &line);
	return true;
}

/* Manual readings are known from the beginning; exchanges are epochs of the site already. */
static bool take_readings(struct replay *r, struct err *err)
{
	size_t n = 0;
	const struct manual_reading *m = r->setup->amendment ? amended_readings(r->setup->amendment, &n) : NULL;
	for (size_t i = 0; i < n; i++)
		if (!ledger_manual(r->ledger, &m[i], err))
			return false;
	return true;
}

static bool prepare(struct replay *r, FILE *in, struct err *err)
{
	const struct site *site = r->setup->site;
	if (!(r->registry = registry_new()))
		return err_memory(err);
	if (!wiring_make(site, r->setup->library, r->registry, r->step_ms, &r->wiring, err) || !recorded_init(&r->recorded, r->registry, 1, err))
		return false;
	if (in != stdin && fseek(in, 0, SEEK_SET) == 0) {
		if (!recorded_lines(in, r->file, LOOK_LINES, look, r, &r->stats.lines, err))
			return false;
		rewind(in);
	}
	for (size_t i = 0; i < site->meters.n; i++) {
		int64_t fraction = recorded_fraction(&r->recorded, r->wiring[i].energy_series);
		if (fraction)
			r->wiring[i].fraction = fraction;
	}
	return (r->ledger = ledger_new(site, r->wiring, err)) && take_readings(r, err);
}

bool replay_fold(const struct setup *setup, const char *file, int64_t step_ms, const struct ledger_sink *sink, struct replay_stats *out, struct err *err)
{
	FILE *in = strcmp(file, "-") ? fopen(file, "re") : stdin;
	struct replay *r = calloc(1, sizeof *r);
	bool good = in ? r || err_memory(err) : err_set(err, ERR_IO, "%s: %s", file, strerror(errno));
	if (good) {
		r->setup = setup;
		r->file = file;
		r->sink = sink;
		r->step_ms = step_ms;
		r->step_given = step_ms > 0;
		good = r->step_given || recorded_poll(file, &r->step_ms, err);
		good = good && prepare(r, in, err) && recorded_lines(in, file, UINT64_MAX, take_line, r, &r->stats.lines, err);
	}
	if (good) {
		push(r);
		ledger_finish(r->ledger, sink);
		*out = r->stats;
	}
	if (r) {
		ledger_free(r->ledger);
		registry_free(r->registry);
		free(r->wiring);
		recorded_done(&r->recorded);
	}
	free(r);
	if (in && in != stdin)
		fclose(in);
	return good;
}
