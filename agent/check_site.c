#include "agent/check_site.h"
#include "collectors/collector.h"
#include "core/busload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUSY_PPM = 800000, MAX_LISTED = 6 };

static const struct conf_node *at(const struct conf_node *n, const char *key)
{
	return conf_get(n, key) ?: n;
}

/* ---- devices ---- */

static void unknown_profile(struct conf *c, const struct device *d, const struct library *lib)
{
	const char *near = library_nearest(lib, d->profile);
	if (near)
		conf_problem(c, at(d->node, "profile"), "device '%s': no profile '%s'; did you mean '%s'?", d->id, d->profile, near);
	else
		conf_problem(c, at(d->node, "profile"), "device '%s': no profile '%s'; `puectl profile list` shows those there are, `puectl probe ENDPOINT` "
			     "finds the right one", d->id, d->profile);
}

static bool speaks(const struct profile *p, const struct endpoint *ep)
{
	return endpoint_is_snmp(ep) == (p->transport == TRANSPORT_SNMP);
}

static void check_overrides(struct conf *c, const struct device *d, const struct profile *p)
{
	const struct point_override *o = d->overrides.items;
	const struct conf_node *list = conf_get(d->node, "overrides");
	for (size_t i = 0; i < d->overrides.n; i++) {
		bool meant = false;
		for (size_t k = 0; k < p->points.n; k++)
			meant = meant || glob_match(o[i].point, profile_points(p)[k].name) || glob_match(profile_points(p)[k].name, o[i].point);
		if (!meant)
			conf_problem(c, at(conf_item(list, i) ?: d->node, "point"), "device '%s': override of '%s', but profile '%s' has no such point", d->id,
				     o[i].point, p->name);
	}
}

/* What core/site has said already about an endpoint is not said again. */
static void check_endpoint(struct conf *c, const struct device *d, const struct profile *p)
{
	CLEANUP(buf_done) struct buf identity = { 0 };
	struct endpoint ep;
	struct err err = { 0 };
	if (!endpoint_parse(d->endpoint, &ep, &err)) {
		if (endpoint_identity(d->endpoint, &identity) || !strncmp(d->endpoint, "replay:", 7))
			conf_problem(c, at(d->node, "endpoint"), "device '%s': %s", d->id, err.text);
	} else if (p && !speaks(p, &ep)) {
		conf_problem(c, at(d->node, "endpoint"), "device '%s': profile '%s' speaks %s, the endpoint %s; change one of them", d->id, p->name,
			     conf_name_of(transport_names, p->transport), ep.scheme);
	}
}

static void check_device(struct conf *c, const struct device *d, const struct library *lib)
{
	const struct profile *p = d->profile ? library_find(lib, d->profile) : NULL;
	if (d->profile && !p)
		unknown_profile(c, d, lib);
	else if (p && p->abstract)
		conf_problem(c, at(d->node, "profile"), "device '%s': profile '%s' is only a part of others; name one that extends it", d->id, p->name);
	else if (p)
		check_overrides(c, d, p);
	if (d->endpoint)
		check_endpoint(c, d, p);
}

/* ---- points of meters ---- */

/* What a register may count for a meter of this role. */
static bool fits(const struct point *p, int role, bool energy)
{
	if (p->configured)
		return false;
	if (!energy)
		return p->quantity == Q_ACTIVE_POWER || p->quantity == Q_COOLING_POWER;
	if (role == ROLE_WATER || role == ROLE_FUEL)
		return p->quantity == Q_VOLUME || p->quantity == Q_ENERGY;
	return p->quantity == Q_ENERGY || (p->quantity == Q_COOLING_ENERGY && (role == ROLE_HEAT || role == ROLE_REUSE));
}

static const char *choices(const struct profile *p, int role, bool energy, struct buf *out)
{
	size_t n = 0;
	for (size_t i = 0; i < p->points.n; i++) {
		if (!fits(&profile_points(p)[i], role, energy))
			continue;
		if (n++ < MAX_LISTED)
			buf_printf(out, "%s%s", n > 1 ? ", " : "", profile_points(p)[i].name);
	}
	if (n > MAX_LISTED)
		buf_printf(out, " and %zu more", n - MAX_LISTED);
	return n ? out->data : NULL;
}

static void check_point(struct conf *c, const struct meter *m, const struct profile *p, bool energy)
{
	const char *key = energy ? "energy" : "power", *name = energy ? m->energy : m->power;
	bool by_default = energy ? m->energy_default : m->power_default;
	const struct point *found = name ? profile_point_named(p, name) : NULL;
	CLEANUP(buf_done) struct buf list = { 0 };
	if (!name || (!found && by_default && !energy))
		return;                 /* power only cross-checks: a device without it is no mistake */
	const char *some = choices(p, m->role, energy, &list);
	if (!found && some)
		conf_problem(c, at(m->node, key), "meter '%s': profile '%s' has no point '%s'; choose '%s' among %s", m->id, p->name, name, key, some);
	else if (!found)
		conf_problem(c, at(m->node, key), "meter '%s': profile '%s' has no %s register; write '%s: none', or use another profile", m->id, p->name, key, key);
	else if (!fits(found, m->role, energy))
		conf_problem(c, at(m->node, key), "meter '%s': point '%s' is %s%s, not %s%s%s", m->id, name, found->configured ? "a setting of " : "",
			     quantities[found->quantity].name, key, some ? "; choose among " : "", some ?: "");
}

void check_devices(struct conf *c, const struct site *s, const struct library *lib)
{
	for (size_t i = 0; i < s->devices.n; i++)
		check_device(c, &site_devices(s)[i], lib);
	for (size_t i = 0; i < s->meters.n; i++) {
		const struct meter *m = &site_meters(s)[i];
		const char *name = m->device_ix < 0 ? NULL : site_devices(s)[m->device_ix].profile;
		const struct profile *p = name ? library_find(lib, name) : NULL;
		if (!p)
			continue;
		check_point(c, m, p, true);
		check_point(c, m, p, false);
	}
}

/* ---- bus time ---- */

struct sweep { const struct profile *profile; int64_t baud, us; };
struct on_bus { char *bus; int64_t us, poll_ms; const struct device *device; };

static int64_t option(const struct endpoint *ep, const char *key)
{
	const char *value = endpoint_option(ep, key);
	return value ? strtoll(value, NULL, 10) : 0;
}

/* Time of one poll; 0 when only the device can say what it has. */
static int64_t sweep_us(const struct device *d, const struct profile *p, int64_t baud)
{
	struct discover *scan = discover_new(p, d->overrides.items, d->overrides.n, NULL);
	struct bound *bound = scan && !discover_next(scan) ? discover_finish(scan, NULL) : NULL;
	struct plan *plan = bound ? plan_make(bound, NULL, NULL) : NULL;
	int64_t us = !plan ? 0 : baud ? plan_serial_us(plan, baud) : plan_cost_us(plan, NULL);
	plan_free(plan);
	bound_free(bound);
	discover_free(scan);
	return us;
}

/* Thousands of devices have a handful of profiles. */
static int64_t sweep_known(struct conf_vec *known, const struct device *d, const struct profile *p, int64_t baud)
{
	struct sweep *k = known->items;
	if (d->overrides.n)
		return sweep_us(d, p, baud);
	for (size_t i = 0; i < known->n; i++)
		if (k[i].profile == p && k[i].baud == baud)
			return k[i].us;
	int64_t us = sweep_us(d, p, baud);
	struct sweep *more = realloc(k, (known->n + 1) * sizeof *k);
	if (more) {
		more[known->n] = (struct sweep){ p, baud, us };
		*known = (struct conf_vec){ more, known->n + 1 };
	}
	return us;
}

static int by_bus(const void *a, const void *b)
{
	const struct on_bus *x = a, *y = b;
	int d = strcmp(x->bus, y->bus);
	return d ? d : (x->device > y->device) - (x->device < y->device);
}

static void warn_bus(struct conf *c, const struct on_bus *first, const struct busload *b)
{
	if (b->busy_ppm < BUSY_PPM)
		return;
	char period[60];
	if (b->mixed)
		snprintf(period, sizeof period, "with the periods given");
	else
		snprintf(period, sizeof period, "at %g s", (double)b->poll_ms / 1000);
	conf_warning(c, at(first->device->node, "endpoint"), "gateway %s: %lld %% busy %s (%zu device%s); poll less often, or divide the bus", first->bus,
		     (long long)(b->busy_ppm / 10000), period, b->devices, b->devices > 1 ? "s" : "");
}

static void warn_buses(struct conf *c, struct on_bus *list, size_t n)
{
	if (n)
		qsort(list, n, sizeof *list, by_bus);
	for (size_t i = 0, k; i < n; i = k) {
		struct busload load = { 0 };
		for (k = i; k < n && !strcmp(list[k].bus, list[i].bus); k++)
			busload_add(&load, list[k].us, list[k].poll_ms);
		warn_bus(c, &list[i], &load);
	}
}

void check_buses(struct conf *c, const struct site *s, const struct library *lib)
{
	struct on_bus *list = calloc(s->devices.n + 1, sizeof *list);
	struct conf_vec known = { 0 };
	size_t n = 0;
	for (size_t i = 0; list && i < s->devices.n; i++) {
		const struct device *d = &site_devices(s)[i];
		const struct profile *p = d->profile ? library_find(lib, d->profile) : NULL;
		struct endpoint ep;
		struct buf bus = { 0 };
		if (!p || p->abstract || p->transport != TRANSPORT_MODBUS || !d->endpoint || !endpoint_parse(d->endpoint, &ep, NULL) || !speaks(p, &ep))
			continue;
		int64_t serial = !strcmp(ep.scheme, "modbus+tcp") ? 0 : option(&ep, "baud") ?: 9600;
		int64_t us = sweep_known(&known, d, p, serial);
		endpoint_bus(&ep, &bus);
		if (us && bus.data)
			list[n++] = (struct on_bus){ buf_take(&bus), us, d->poll_ms, d };
		buf_done(&bus);
	}
	warn_buses(c, list, n);
	for (size_t i = 0; i < n; i++)
		free(list[i].bus);
	free(list);
	free(known.items);
}
