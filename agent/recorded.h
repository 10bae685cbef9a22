/* agent/recorded.h - a recording's lines as samples of a registry's series: what `puectl replay` and `pued --import` have in
 * common, so that both fold the same readings. */
#ifndef AGENT_RECORDED_H
#define AGENT_RECORDED_H

#include "agent/registry.h"
#include "core/recording.h"

#include <stdio.h>

struct recorded {
	const struct registry *registry;
	size_t n_series;
	uint32_t session;
	bool has_boot, was_restarted;         /* was_restarted: seen from the clock, so lines of before may still come late */
	int64_t boot_ms, boot_offset;   /* the newest boot time of the session and its wall - boot */
	int64_t stepped_offset;         /* the session's offset before its last clock step */
	int64_t last_offset;            /* of the session before, at its end */
	uint32_t *follows, previous;    /* series that came after this one last time: recordings repeat their order */
	int *places;                    /* of registers that no profile describes: decimals seen by recorded_look() */
};
/* Series that the registry gets later are not read.  Undo with recorded_done(), also after failure. */
bool recorded_init(struct recorded *r, const struct registry *registry, uint32_t session, struct err *err) MUST_USE;
void recorded_done(struct recorded *r);

enum recorded_result { RECORDED_SAMPLE, RECORDED_IGNORED, RECORDED_BAD };       /* ignored: a series this site does not use */
enum recorded_result recorded_sample(struct recorded *r, const struct recording_line *line, struct sample *out, struct err *err);
/* "# session": the monotonic clock begins anew.  A line whose monotonic time falls back while time goes on says the same by itself. */
void recorded_session(struct recorded *r);
/* Remembers how many decimals a register without profile has. */
void recorded_look(struct recorded *r, const struct recording_line *line);
/* Units of sample.value in one count of a register without profile; 0 where the profile says it. */
int64_t recorded_fraction(const struct recorded *r, uint32_t series);

/* The "# poll" line before a file's first reading: how far apart its readings are; 0 where there is none, or for "-". */
bool recorded_poll(const char *file, int64_t *poll_ms, struct err *err) MUST_USE;
/* Met while folding: it must say no other distance than the one folded with (standard input is read only once). */
bool recorded_poll_fits(const struct recording_line *line, int64_t poll_ms, struct err *err) MUST_USE;

/* Every line of `in` to take(), at most `most`; an error gets "NAME:LINE: ". */
typedef bool recorded_take(void *ctx, const char *text, size_t len, struct err *err);
bool recorded_lines(FILE *in, const char *name, uint64_t most, recorded_take *take, void *ctx, uint64_t *lines, struct err *err) MUST_USE;

#endif
