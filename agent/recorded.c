#include "agent/recorded.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { PLACES_MAX = 6, SAME_OFFSET_MS = 5000 /* core/ledger: more is a clock step */ };

bool recorded_init(struct recorded *r, const struct registry *registry, uint32_t session, struct err *err)
{
	*r = (struct recorded){ .registry = registry, .session = session, .previous = UINT32_MAX };
	r->n_series = registry_count(registry);
	r->follows = malloc((r->n_series + 1) * sizeof *r->follows);
	r->places = calloc(r->n_series + 1, sizeof *r->places);
	if (!r->follows || !r->places)
		return err_memory(err);
	memset(r->follows, 0xff, (r->n_series + 1) * sizeof *r->follows);
	return true;
}

void recorded_done(struct recorded *r)
{
	free(r->follows);
	free(r->places);
	*r = (struct recorded){ 0 };
}

static uint32_t series_of(struct recorded *r, const char *id)
{
	uint32_t guess = r->previous < r->n_series ? r->follows[r->previous] : UINT32_MAX;
	uint32_t number = guess < registry_count(r->registry) && !strcmp(registry_id(r->registry, guess), id) ? guess : registry_find(r->registry, id);
	if (number != UINT32_MAX && r->previous < r->n_series)
		r->follows[r->previous] = number;
	r->previous = number;
	return number;
}

static bool value_of(const struct recorded *r, uint32_t series, const struct recording_line *line, int64_t *value)
{
	struct registry_facts facts = registry_facts(r->registry, series);
	struct ratio factor = facts.raw_factor.num ? facts.raw_factor : (struct ratio){ recording_power(r->places[series]), 1 };
	return recording_value(line, factor, facts.is_float || facts.row.quantity != Q_ENERGY, value);
}

static bool near(int64_t a, int64_t b) { return a - b <= SAME_OFFSET_MS && b - a <= SAME_OFFSET_MS; }

/* The session of a line with both clocks.  Boot time that falls back is a line that comes late when wall - boot is one that the session had,
 * and a machine that was started again when it is not. */
static uint32_t session_of(struct recorded *r, const struct recording_line *line)
{
	int64_t boot = line->boot.ms, offset = line->wall.ms - boot;
	if (!r->has_boot) {
		r->stepped_offset = offset;
	} else if (r->was_restarted && boot > r->boot_ms && near(offset, r->last_offset) && !near(offset, r->boot_offset)) {
		return r->session - 1;
	} else if (boot < r->boot_ms) {
		if (near(offset, r->boot_offset) || near(offset, r->stepped_offset))
			return r->session;
		int64_t before = r->boot_offset;
		recorded_session(r);
		r->was_restarted = true;
		r->last_offset = before;
		r->stepped_offset = offset;
	} else if (!near(offset, r->boot_offset)) {
		r->stepped_offset = r->boot_offset;
	}
	r->has_boot = true;
	r->boot_ms = boot;
	r->boot_offset = offset;
	return r->session;
}

enum recorded_result recorded_sample(struct recorded *r, const struct recording_line *line, struct sample *out, struct err *err)
{
	uint32_t series = series_of(r, line->id);
	if (series >= r->n_series)
		return RECORDED_IGNORED;
	if (line->unreadable) {
		err_set(err, ERR_INPUT, "column %d: %s", line->column, line->unreadable);
		return RECORDED_BAD;
	}
	*out = (struct sample){ .series = series, .quality = (uint8_t)line->quality, .reason = line->has_value ? REASON_NONE : REASON_NOT_POLLED,
				.at = { .wall = line->wall, .synced = true } };
	out->at.session = line->has_boot ? session_of(r, line) : r->session;
	out->at.boot.ms = line->has_boot ? line->boot.ms : line->wall.ms - (r->has_boot ? r->boot_offset : 0);
	if (!line->has_value || value_of(r, series, line, &out->value))
		return RECORDED_SAMPLE;
	err_set(err, ERR_INPUT, "the value of %s has more digits than its register; write its count as the device gives it", line->id);
	return RECORDED_BAD;
}

void recorded_session(struct recorded *r)
{
	r->session++;
	r->has_boot = r->was_restarted = false;
}

void recorded_look(struct recorded *r, const struct recording_line *line)
{
	uint32_t series = line->places ? series_of(r, line->id) : UINT32_MAX;
	if (series < r->n_series && line->places > r->places[series])
		r->places[series] = line->places < PLACES_MAX ? line->places : PLACES_MAX;
}

int64_t recorded_fraction(const struct recorded *r, uint32_t series)
{
	bool by_profile = series >= r->n_series || registry_facts(r->registry, series).raw_factor.num;
	return by_profile ? 0 : recording_power(r->places[series]);
}

bool recorded_lines(FILE *in, const char *name, uint64_t most, recorded_take *take, void *ctx, uint64_t *lines, struct err *err)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t n;
	bool good = true;
	*lines = 0;
	while (good && *lines < most && (n = getline(&line, &room, in)) >= 0) {
		++*lines;
		good = take(ctx, line, (size_t)(n && line[n - 1] == '\n' ? n - 1 : n), err) || err_wrap(err, "%s:%llu", name, (unsigned long long)*lines);
	}
	if (good && ferror(in))
		good = err_set(err, ERR_IO, "%s: %s", name, strerror(errno));
	free(line);
	return good;
}

enum { HEAD_LINES = 200 };
struct search { int64_t poll_ms; bool reading; };

static bool look_for_poll(void *ctx, const char *text, size_t len, struct err *err)
{
	struct search *s = ctx;
	struct recording_line line = { 0 };
	enum recording what = s->reading ? RECORDING_NOTHING : recording_parse(text, len, &line, err);
	s->reading |= what == RECORDING_READING;
	if (what == RECORDING_POLL)
		s->poll_ms = line.poll_ms;
	return what != RECORDING_BAD;
}

bool recorded_poll(const char *file, int64_t *poll_ms, struct err *err)
{
	struct search s = { 0, false };
	uint64_t lines;
	FILE *in = strcmp(file, "-") ? fopen(file, "re") : NULL;
	*poll_ms = 0;
	if (!in)
		return !strcmp(file, "-") || err_set(err, ERR_IO, "%s: %s", file, strerror(errno));
	bool good = recorded_lines(in, file, HEAD_LINES, look_for_poll, &s, &lines, err);
	fclose(in);
	*poll_ms = s.poll_ms;
	return good;
}

bool recorded_poll_fits(const struct recording_line *line, int64_t poll_ms, struct err *err)
{
	return line->poll_ms == poll_ms ||
	       err_set(err, ERR_INPUT, "the recording says its readings are %lld s apart, too late to be used; give it as the option of the step (--step, --import-step) "
		       "or write it before the first reading of a file", (long long)line->poll_ms / 1000);
}
