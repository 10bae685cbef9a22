/* agent/series_page.h - /api/v1/sum, /api/v1/latest, /api/v1/energy: docs/openapi.yaml.  As agent/history_page.h, `page` is a struct history_page. */
#ifndef AGENT_SERIES_PAGE_H
#define AGENT_SERIES_PAGE_H

#include "agent/history_page.h"
#include "core/err.h"

bool sum_answer(void *page, const char *query, struct buf *out, struct err *err);
bool latest_answer(void *page, const char *query, struct buf *out, struct err *err);
bool energy_answer(void *page, const char *query, struct buf *out, struct err *err);

/* from=, to=, step= of a query: the last day and a 500th of it when they are not given. */
struct page_span { struct wall from, to; int64_t step_ms; };
bool page_span(const struct history_page *page, const char *query, struct page_span *out, struct err *err);

#endif
