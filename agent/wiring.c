#include "agent/wiring.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the profile alone says about a point, without asking the device. */
static bool from_profile(const struct profile *profile, const struct device *device, const char *name, struct registry_facts *out)
{
	struct err ignored = { 0 };
	struct discover *d = discover_new(profile, device->overrides.items, device->overrides.n, &ignored);
	struct bound *bound = d && !discover_next(d) ? discover_finish(d, &ignored) : NULL;
	int64_t i = bound ? bound_find(bound, name) : -1;
	if (i >= 0) {
		*out = registry_facts_of(bound, (size_t)i);
		out->row.label = NULL;   /* belongs to the bound */
	}
	bound_free(bound);
	discover_free(d);
	return i >= 0;
}

/* SNMP: the row of the table whose name fits, when its scale is fixed. */
static bool from_row(const struct profile *profile, const struct device *device, const char *name, struct registry_facts *out)
{
	const struct point *p = profile_point_named(profile, name);
	struct ratio unit;
	int64_t offset;
	if (!p || p->scale_from.n || p->unit_from.at.oid || p->unit_from.in_text || device->overrides.n || !p->unit ||
	    !unit_factor((enum quantity)p->quantity, p->unit, &unit, &offset))
		return false;
	*out = (struct registry_facts){ .row = { .quantity = (uint8_t)p->quantity, .scope = (uint8_t)p->scope, .configured = p->configured, .count = { 1, 1 } } };
	struct ratio factor, counts;
	if (!ratio_mul(p->scale, unit, &factor))
		return false;
	if (p->quantity == Q_ENERGY)
		out->row.count = factor;
	if (p->quantity == Q_ENERGY && p->modulus.num && ratio_mul(p->modulus, unit, &counts) && ratio_div(counts, factor, &counts) && counts.den == 1)
		out->modulus = counts.num;      /* what the device will say, too: then the ledger goes on as it is */
	out->raw_factor = p->quantity == Q_ENERGY ? (struct ratio){ 1, 1 } : factor;
	return true;
}

static uint32_t wire(const struct site *site, const struct library *library, struct registry *registry, const struct meter *m, const char *point,
		     enum quantity quantity, struct registry_facts *facts)
{
	const struct device *device = m->device_ix >= 0 ? &site_devices(site)[m->device_ix] : NULL;
	const struct profile *profile = device && device->profile ? library_find(library, device->profile) : NULL;
	char id[200];
	if (!point || !m->device)
		return UINT32_MAX;
	snprintf(id, sizeof id, "%s/%s", m->device, point);
	uint32_t number = registry_find(registry, id);
	if (number != UINT32_MAX) {
		*facts = registry_facts(registry, number);
		return number;
	}
	*facts = (struct registry_facts){ .row = { .quantity = (uint8_t)quantity, .count = { quantity == Q_ENERGY ? 0 : 1, 1 } } };
	if (profile && !from_profile(profile, device, point, facts))
		from_row(profile, device, point, facts);
	facts->row.device = (uint16_t)(m->device_ix < 0 ? 0 : m->device_ix);
	return registry_reserve(registry, id, facts);
}

/* The register is wired when the profile, the device or an epoch of the configuration says what a count is worth. */
static bool has_count(const struct meter *m, const struct registry_facts *facts)
{
	const struct meter_epoch *epochs = m->epochs.items;
	bool all = m->epochs.n > 0;
	for (size_t i = 0; i < m->epochs.n; i++)
		all = all && epochs[i].count_mwh.num != 0;
	return all || facts->row.count.num != 0;
}

/* Values of a float register are mW.h; where an epoch says what 1.0 of the register is worth, that many values are one count. */
static int64_t values_in_a_count(const struct meter *m, const struct registry_facts *facts)
{
	const struct meter_epoch *epochs = m->epochs.items;
	bool stated = false;
	for (size_t i = 0; i < m->epochs.n; i++)
		stated = stated || epochs[i].count_mwh.num != 0;
	return stated && facts->is_float && facts->raw_factor.den == 1 && facts->raw_factor.num > 0 ? facts->raw_factor.num : 0;
}

bool wiring_make(const struct site *site, const struct library *library, struct registry *registry, int64_t poll_ms,
		 struct ledger_wiring **out, struct err *err)
{
	const struct meter *meters = site_meters(site);
	struct ledger_wiring *rows = calloc(site->meters.n + 1, sizeof *rows);
	if (!rows)
		return err_memory(err);
	for (size_t i = 0; i < site->meters.n; i++) {
		const struct meter *m = &meters[i];
		struct registry_facts energy = { 0 }, power = { 0 };
		rows[i] = (struct ledger_wiring){ .energy_series = wire(site, library, registry, m, m->energy, Q_ENERGY, &energy),
						  .power_series = wire(site, library, registry, m, m->power, Q_ACTIVE_POWER, &power) };
		rows[i].count_mwh = energy.row.count;
		rows[i].modulus = energy.modulus;
		rows[i].is_float = energy.is_float;
		rows[i].fraction = values_in_a_count(m, &energy);
		rows[i].poll_ms = poll_ms ? poll_ms : m->device_ix >= 0 ? site_devices(site)[m->device_ix].poll_ms : 0;
		if (!has_count(m, &energy))
			rows[i].energy_series = UINT32_MAX;
		if (!registry_watch(registry, rows[i].power_series)) {
			free(rows);
			return err_memory(err);
		}
	}
	*out = rows;
	return true;
}

bool wiring_equal(const struct site *site, const struct ledger_wiring *a, const struct ledger_wiring *b)
{
	for (size_t i = 0; i < site->meters.n; i++)
		if (a[i].energy_series != b[i].energy_series || a[i].power_series != b[i].power_series || a[i].modulus != b[i].modulus ||
		    a[i].is_float != b[i].is_float || a[i].count_mwh.num != b[i].count_mwh.num || a[i].count_mwh.den != b[i].count_mwh.den)
			return false;
	return true;
}
