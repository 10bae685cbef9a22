/* agent/readings.h - what history and export have in common: words of the command line, series by name, values as text. */
#ifndef AGENT_READINGS_H
#define AGENT_READINGS_H

#include "agent/ctl.h"
#include "store/store.h"
#include <stdio.h>

struct readings_words {
	const char *state, *format, *out, *series;       /* series: a name, or a pattern with * and ? */
	const char *from_text, *to_text, *energy, *config;      /* energy: a meter */
	bool sum, latest;
	struct wall from, to;
	int64_t step_ms;                /* 0: raw */
};
extern const struct ctl_option readings_rows[];         /* --from, --to, --step, --state */
/* from and to of their texts; 0, or the exit code of a usage error. */
int readings_times(struct ctl *ctl, struct readings_words *w);

struct readings_series { uint32_t number; char *id; struct series s; bool wanted; };
struct readings { struct reader *reader; struct readings_series *rows; size_t n, n_wanted; const char *pattern; };
bool readings_open(const struct readings_words *w, struct readings *out, struct err *err) MUST_USE;
void readings_close(struct readings *r);
const struct readings_series *readings_find(const struct readings *r, uint32_t number);
/* Decimal text of a value in the unit people know; "" when there is none. */
void reading_text(const struct series *s, const struct sample *sample, struct buf *out);
/* A CSV field: quoted where it must be, and where a spreadsheet would take it for a formula. */
void csv_field(struct buf *out, const char *text);

/* Raw readings that were asked for and dropped by retention: said on stderr, with what is left of them. */
bool readings_say_dropped(const struct ctl *ctl, const struct readings *r, const struct readings_words *w, struct err *err) MUST_USE;

/* Output waits in a nameless file until the reading is done: a pager at the end of the pipe must not hold a snapshot of the store
 * open, which would let its write-ahead log grow. */
FILE *readings_spool(struct err *err);
/* To stdout, when it is whole; closes it, NULL is fine; false when it is not whole. */
bool readings_deliver(FILE *spool, bool whole, struct err *err) MUST_USE;

/* Of the reader's own walk. */
void readings_walk_progress(void *ctl, uint64_t done, uint64_t total);
/* A bar on a terminal, nothing elsewhere; call with done == total at the end. */
void readings_progress(const char *what, uint64_t done, uint64_t total);

#endif
