/* The site that the ledger's fuzz targets share: two supplies, an IT meter with a rack below, one power-only meter. */
#ifndef FUZZ_SITE_SMALL_H
#define FUZZ_SITE_SMALL_H

#include "core/kpi.h"

#include <string.h>

static struct meter small_meters[] = {
	{ .id = "bus", .role = ROLE_BUS, .parent_ix = -1, .factor = { 1, 1 } },
	{ .id = "a", .role = ROLE_SUPPLY, .parent_ix = 0, .factor = { 1000, 985 }, .p_max_mw = 400000000, .energy = "e" },
	{ .id = "b", .role = ROLE_SUPPLY, .parent_ix = 0, .factor = { 1, 1 }, .energy = "e" },
	{ .id = "it", .role = ROLE_IT, .point = POINT_PDU_OUTPUT, .parent_ix = 0, .factor = { 1, 1 }, .p_max_mw = 200000000, .energy = "e", .direction = DIRECTION_NET },
	{ .id = "rack", .role = ROLE_RACK, .parent_ix = 3, .factor = { 1, 1 }, .power = "p" },
};
static const struct ledger_wiring small_wiring[] = {
	{ UINT32_MAX, UINT32_MAX, { 1, 1 }, 0, false, 0, 1 },
	{ 0, 4, { 10000, 1 }, 1000000, false, 300000, 1 },
	{ 1, UINT32_MAX, { 100, 3 }, 0, false, 900000, 10 },
	{ 2, UINT32_MAX, { 1, 1 }, 0, false, 60000, 1 },
	{ UINT32_MAX, 3, { 1, 1 }, 0, false, 60000, 1 },
};
static const char *const small_series[] = { "a/e", "b/e", "it/e", "rack/p", "a/p" };
static struct site small_site = { .id = "small", .interval_ms = 3600000, .meters = { small_meters, 5 } };

static inline int64_t small_find(const char *id)
{
	for (size_t i = 0; i < countof(small_series); i++)
		if (strcmp(small_series[i], id) == 0)
			return (int64_t)i;
	return -1;
}

#endif
