/* core/kpi_table.h - the other KPIs of a window, one row each, where their inputs exist.
 * Definitions: ISO/IEC 30134-3 (REF), -6 (ERF), -8 (CUE), -9 (WUE), GB 40879 R_M2, all as quoted in docs/ledger.md.  Exact.  Pure. */
#ifndef CORE_KPI_TABLE_H
#define CORE_KPI_TABLE_H

#include "core/kpi.h"

enum kpi_row_id { KPI_ROW_R_M2, KPI_ROW_OVERHEAD, KPI_ROW_LOAD, KPI_ROW_REF, KPI_ROW_ERF, KPI_ROW_WUE, KPI_ROW_CUE, KPI_ROW_N };
struct kpi_row {
	const char *id, *unit, *formula;
	bool defined, interim;          /* interim: the window is not 12 continuous months, which is what the standards define it for */
	__int128 num, den;              /* exact */
	int64_t u_ppm;                  /* U (k=2) in 1e-6 of the value's unit; -1 not stated */
	const char *why_not;            /* a sentence when not defined; static */
};
/* Fills rows[KPI_ROW_N].  A sum that lacks anything in the window, on either side of the fraction, gives no number. */
void kpi_rows(const struct window *w, const struct kpi *k, struct kpi_row rows[KPI_ROW_N]);
/* PUE at a load fraction: the wholly known intervals of a window by their IT power over the racks' rated power at the window's end, in
 * tenths; the last holds what is at or above it.  Sums are exact, corrections are in them.  False: no rack states its rated power. */
enum { KPI_LOADS = 11 };
struct kpi_load { int64_t intervals, total_mwh, it_mwh; };
bool kpi_loads(const struct window *w, struct kpi_load loads[KPI_LOADS]);
/* Decimal text with `digits` behind the point, half to even. */
void kpi_row_text(const struct kpi_row *row, int digits, char *out, size_t size);

#endif
