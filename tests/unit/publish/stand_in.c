/* Weak stand-ins for names of rooms that are not in the tree yet; the real ones win as soon as they are linked. */
#include "publish/publish.h"
#include <stdio.h>
#define WEAK __attribute__((weak))
WEAK const char *const verdict_names[VERDICT_N] = { "ELIGIBLE_ROBUST", "ELIGIBLE_UNDER", "NOT_ELIGIBLE", "INCOMPLETE", "INSUFFICIENT_DATA", "OUTSIDE_VALIDITY", "ALREADY_CLAIMED" };
WEAK const struct conf_name role_names[] = { { "supply", ROLE_SUPPLY }, { "pv", ROLE_PV }, { "transformer", ROLE_TRANSFORMER }, { "ups_input", ROLE_UPS_INPUT }, { "it", ROLE_IT },
	{ "cooling", ROLE_COOLING }, { "lighting", ROLE_LIGHTING }, { "other", ROLE_OTHER }, { NULL, 0 } };
WEAK const struct conf_name function_names[] = { { "unknown", FUNCTION_UNKNOWN }, { "compute", FUNCTION_COMPUTE }, { "storage", FUNCTION_STORAGE }, { "network", FUNCTION_NETWORK }, { "other", FUNCTION_OTHER }, { "empty", FUNCTION_EMPTY }, { NULL, 0 } };
WEAK const char *ledger_event_name(enum ledger_event_kind k)
{
	static const char *const n[EVENT_N] = { "wrap", "reset", "spike", "drop_return", "ambiguous", "implausible", "frozen", "conflict", "late", "gap", "clock_step", "epoch", "session", "finding", "power_mismatch" };
	return k < EVENT_N ? n[k] : "unknown";
}
WEAK bool pue_text(int64_t t, int64_t i, struct ratio l, int d, char *out, size_t size)
{
	(void)l;
	snprintf(out, size, "%.*f", d, (double)t / (double)i);
	return true;
}
WEAK void kpi_text(const struct kpi *k, const struct site *s, const struct zone *z, struct ratio l, struct buf *out)
{
	(void)z; (void)l;
	if (k->kind == KPI_NONE)
		buf_printf(out, "no value: %s", k->why_not);
	else
		buf_printf(out, "iPUE%d = %.3f, %s", k->category, (double)k->total_mwh / (double)k->it_mwh, s->standard);
}
WEAK const char *pack_id(const struct pack *p) { (void)p; return "made-up"; }
WEAK const char *pack_version(const struct pack *p) { (void)p; return "1"; }
WEAK bool pack_draft(const struct pack *p) { (void)p; return false; }
WEAK void pack_hash(const struct pack *p, char hex[65]) { (void)p; hex[0] = 0; }
