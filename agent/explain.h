/* agent/explain.h - everything behind a PUE, as tables: terms, epochs, uncertainty, partial PUEs, racks, balance, events.
 *
 * The tables are made once (explain_tables) and written by one of three writers: text, JSON, HTML.  A cell knows what it is,
 * so that JSON carries integers (mW.h, ms, 1e-6) and people read kW.h, hours and percent.  Nothing is computed here. */
#ifndef AGENT_EXPLAIN_H
#define AGENT_EXPLAIN_H

#include "agent/ctl.h"
#include "agent/setup.h"
#include "core/kpi_baseline.h"
#include "core/kpi_table.h"

/* Before and after a retrofit: information, never a condition. */
struct explain_baseline {
	struct baseline then, now;
	struct baseline_delta delta;
	bool comparable;
	char why[1000];                         /* when it is not */
	struct fact_factor coal;                /* of the configuration, or given by the caller; micro 0: no coal equivalent is printed */
};
struct explain {
	const struct window *window;
	const struct setup *setup;
	const struct ledger_event *events;      /* those of the window; NULL: not at hand */
	size_t n_events;
	const struct explain_baseline *baseline;        /* NULL: none */
};

/* SAID: a sentence of the program, WORD: a name of a vocabulary (publish/said.h): people read them in their language, JSON holds them as they are. */
enum cell_kind { CELL_TEXT, CELL_SAID, CELL_WORD, CELL_INT, CELL_MWH, CELL_ML, CELL_MS, CELL_PPM, CELL_BOOL, CELL_NONE };
struct cell { enum cell_kind kind; const char *text; int64_t value; const char *prefix; };
struct column { const char *key; struct bilingual title; };
struct table_writer {
	/* single: one row, an object rather than a list */
	void (*begin)(void *ctx, const char *key, struct bilingual title, const struct column *columns, size_t n, bool single);
	void (*row)(void *ctx, const struct cell *cells);
	void (*end)(void *ctx);
	void *ctx;
};
void explain_tables(const struct explain *x, const struct table_writer *out);

void explain_text(const struct explain *x, enum lang lang, bool whole, struct buf *out);     /* whole false: KPIs and findings only */
void explain_members(const struct explain *x, struct buf *out);                               /* "kpi":{...},"terms":[...],... */
void explain_html(const struct explain *x, enum lang lang, struct buf *out);
/* Counts and shares at an instant; x->window may be NULL: then nothing measured is known.  list: one row a rack. */
void explain_rack_tables(const struct explain *x, struct wall at, bool list, const struct table_writer *out);
void explain_racks_text(const struct explain *x, struct wall at, bool list, enum lang lang, struct buf *out);
void explain_racks_members(const struct explain *x, struct wall at, bool list, struct buf *out);

#endif
