#include "agent/replay.h"
#include "agent/wiring.h"
#include "core/level.h"
#include "core/recording.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 1024, LOOK_LINES = 100000, PLACES_MAX = 6 };

struct replay {
	const struct setup *setup;
	const char *file;
	struct registry *registry;
	struct ledger_wiring *wiring;
	struct ledger *ledger;
	const struct ledger_sink *sink;
	struct sample batch[BATCH];
	size_t n;
	uint32_t session;
	bool has_boot;
	int64_t boot_offset;            /* wall - boot of the last line that had both */
	uint32_t *follows, previous;    /* series that came after this one last time: recordings repeat their order */
	size_t n_series;
	int *places;                    /* of registers that no profile describes: decimals seen */
	struct replay_stats stats;
};

static uint32_t series_of(struct replay *r, const char *id)
{
	size_t n;
	const struct series *all = registry_series(r->registry, &n);
	uint32_t guess = r->previous < r->n_series ? r->follows[r->previous] : UINT32_MAX;
	uint32_t number = guess < n && !strcmp(all[guess].id, id) ? guess : registry_find(r->registry, id);
	if (number != UINT32_MAX && r->previous < r->n_series)
		r->follows[r->previous] = number;
	r->previous = number;
	return number;
}

static int64_t power_of_ten(int n)
{
	int64_t p = 1;
	while (n-- > 0)
		p *= 10;
	return p;
}

/* value = digits / 10^places * factor.  A float register's last decimals are below its own step and are rounded; a count's never. */
static bool value_of(const struct replay *r, uint32_t series, const struct recording_line *line, int64_t *value)
{
	struct registry_facts facts = registry_facts(r->registry, series);
	struct ratio f = facts.raw_factor.num ? facts.raw_factor : (struct ratio){ power_of_ten(r->places[series]), 1 };
	if (line->places > 18)
		return false;
	__int128 scaled = (__int128)line->digits * f.num, over = (__int128)power_of_ten(line->places) * f.den;
	bool rounds = facts.is_float || facts.row.quantity != Q_ENERGY;
	if (scaled % over && !rounds)
		return false;
	scaled = scaled % over ? div_half_even(scaled, over) : scaled / over;
	*value = (int64_t)scaled;
	return scaled <= INT64_MAX && scaled >= INT64_MIN;
}

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
	uint32_t series = series_of(r, line->id);
	if (series == UINT32_MAX || series >= r->n_series) {
		ignore(r, line->id);
		return true;
	}
	struct sample *s = &r->batch[r->n];
	*s = (struct sample){ .series = series, .quality = (uint8_t)line->quality, .reason = line->has_value ? REASON_NONE : REASON_NOT_POLLED,
			      .at = { .wall = line->wall, .session = r->session, .synced = true } };
	if (line->has_boot) {
		r->has_boot = true;
		r->boot_offset = line->wall.ms - line->boot.ms;
	}
	s->at.boot.ms = line->has_boot ? line->boot.ms : line->wall.ms - (r->has_boot ? r->boot_offset : 0);
	if (line->has_value && !value_of(r, series, line, &s->value))
		return err_set(err, ERR_INPUT, "the value of %s has more digits than its register; write its count as the device gives it", line->id);
	r->stats.readings++;
	if (++r->n == BATCH)
		push(r);
	return true;
}

static bool take_line(struct replay *r, const char *text, size_t len, struct err *err)
{
	struct recording_line line = { 0 };
	switch (recording_parse(text, len, &line, err)) {
	case RECORDING_READING: return take_reading(r, &line, err);
	case RECORDING_SESSION: r->session++; r->has_boot = false; return true;
	case RECORDING_SPAN:
	case RECORDING_NOTHING: return true;
	case RECORDING_BAD: break;
	}
	return false;
}

/* How many decimals a register without profile has: the most in the first lines. */
static bool look(struct replay *r, const char *text, size_t len, struct err *err)
{
	struct recording_line line = { 0 };
	(void)err;
	if (recording_parse(text, len, &line, NULL) != RECORDING_READING || !line.places)
		return true;
	uint32_t series = series_of(r, line.id);
	if (series < r->n_series && line.places > r->places[series])
		r->places[series] = line.places < PLACES_MAX ? line.places : PLACES_MAX;
	return true;
}

static bool each_line(struct replay *r, FILE *in, uint64_t most, bool (*take)(struct replay *, const char *, size_t, struct err *), struct err *err)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t n;
	bool good = true;
	r->stats.lines = 0;
	while (good && r->stats.lines < most && (n = getline(&line, &room, in)) >= 0) {
		r->stats.lines++;
		good = take(r, line, (size_t)(n && line[n - 1] == '\n' ? n - 1 : n), err) ||
		       err_wrap(err, "%s:%llu", r->file, (unsigned long long)r->stats.lines);
	}
	if (good && ferror(in))
		good = err_set(err, ERR_IO, "%s: %s", r->file, strerror(errno));
	free(line);
	return good;
}

static bool prepare(struct replay *r, FILE *in, struct err *err)
{
	const struct site *site = r->setup->site;
	if (!(r->registry = registry_new()))
		return err_memory(err);
	if (!wiring_make(site, r->setup->library, r->registry, 0, &r->wiring, err))
		return false;
	registry_series(r->registry, &r->n_series);
	r->follows = malloc((r->n_series + 1) * sizeof *r->follows);
	r->places = calloc(r->n_series + 1, sizeof *r->places);
	if (!r->follows || !r->places)
		return err_memory(err);
	memset(r->follows, 0xff, (r->n_series + 1) * sizeof *r->follows);
	r->previous = UINT32_MAX;
	if (in != stdin && fseek(in, 0, SEEK_SET) == 0) {
		if (!each_line(r, in, LOOK_LINES, look, err))
			return false;
		rewind(in);
	}
	for (size_t i = 0; i < site->meters.n; i++) {
		struct ledger_wiring *w = &r->wiring[i];
		if (w->energy_series < r->n_series && !registry_facts(r->registry, w->energy_series).raw_factor.num)
			w->fraction = power_of_ten(r->places[w->energy_series]);
	}
	return (r->ledger = ledger_new(site, r->wiring, err)) != NULL;
}

bool replay_fold(const struct setup *setup, const char *file, const struct ledger_sink *sink, struct replay_stats *out, struct err *err)
{
	FILE *in = strcmp(file, "-") ? fopen(file, "re") : stdin;
	struct replay *r = calloc(1, sizeof *r);
	bool good = in ? r || err_memory(err) : err_set(err, ERR_IO, "%s: %s", file, strerror(errno));
	if (good) {
		r->setup = setup;
		r->file = file;
		r->sink = sink;
		r->session = 1;
		good = prepare(r, in, err) && each_line(r, in, UINT64_MAX, take_line, err);
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
		free(r->follows);
		free(r->places);
	}
	free(r);
	if (in && in != stdin)
		fclose(in);
	return good;
}
