/* Devices of a site: endpoints, what two devices may not share, what no meter uses. */
#include "core/site_fields.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_SHOWN = 5 };

static const struct conf_node *at(const struct conf_node *n, const char *key)
{
	return conf_get(n, key) ?: n;
}

struct scheme { const char *name; int port; bool unit, line; };
static const struct scheme schemes[] = {
	{ "modbus+tcp", 502, true, false }, { "modbus+rtu", 0, true, true }, { "modbus+rtutcp", 502, true, false }, { "snmp", 161, false, false },
	{ "snmpv3", 161, false, false },
};

static const struct scheme *scheme_of(const char *endpoint)
{
	const char *end = strstr(endpoint, "://");
	for (size_t i = 0; end && i < countof(schemes); i++)
		if (strlen(schemes[i].name) == (size_t)(end - endpoint) && !strncmp(schemes[i].name, endpoint, (size_t)(end - endpoint)))
			return &schemes[i];
	return NULL;
}

/* The unit behind the last slash; -1 when there is none. */
static int unit_of(const char *rest, size_t *host_len)
{
	const char *slash = strrchr(rest, '/');
	size_t digits = slash ? strspn(slash + 1, "0123456789") : 0;
	if (!digits || digits > 3 || (slash[1 + digits] && slash[1 + digits] != '?') || atoi(slash + 1) > 255)
		return -1;
	*host_len = (size_t)(slash - rest);
	return atoi(slash + 1);
}

bool endpoint_identity(const char *endpoint, struct buf *out)
{
	const struct scheme *s = scheme_of(endpoint);
	if (!s)
		return false;
	const char *rest = endpoint + strlen(s->name) + 3, *user = strrchr(rest, '@');
	if (user && !s->unit)
		rest = user + 1;
	size_t len = strlen(rest);
	int unit = s->unit ? unit_of(rest, &len) : 0;
	size_t plain = strcspn(rest, s->line ? "?" : "?/");
	len = plain < len ? plain : len;
	if (!len || unit < 0)
		return false;
	bool has_port = s->line;
	for (size_t i = 0; i < len; i++)        /* a colon inside the brackets of an IPv6 address is no port's */
		has_port = rest[i] == ']' ? s->line : has_port || rest[i] == ':';
	buf_printf(out, "%s ", s->unit ? "modbus" : "snmp");
	buf_add(out, rest, len);
	if (!has_port)
		buf_printf(out, ":%d", s->port);
	if (s->unit)
		buf_printf(out, "/%d", unit);
	return !out->failed;
}

static bool is_replay(const char *endpoint)
{
	return !strncmp(endpoint, "replay:", 7) && endpoint[7];
}

static void bad_endpoint(struct resolve *r, const struct device *d, const struct conf_node *n)
{
	const char *names[countof(schemes)], *end = strstr(d->endpoint, "://");
	const struct scheme *s = scheme_of(d->endpoint);
	char word[40] = "";
	for (size_t i = 0; i < countof(schemes); i++)
		names[i] = schemes[i].name;
	if (end && end > d->endpoint && end - d->endpoint < (ptrdiff_t)sizeof word)
		memcpy(word, d->endpoint, (size_t)(end - d->endpoint));
	const char *near = *word && !s ? conf_nearest(word, names, countof(names)) : NULL;
	if (near)
		conf_problem(r->c, n, "device '%s': scheme '%s' is not known; did you mean '%s'?", d->id, word, near);
	else if (s && s->unit)
		conf_problem(r->c, n, "device '%s': endpoint '%s' needs a host and a unit of 0..255; write %s/1", d->id, d->endpoint,
			     s->line ? "modbus+rtu:///dev/ttyS0?baud=9600" : "modbus+tcp://10.0.0.5");
	else
		conf_problem(r->c, n, "device '%s': '%s' is no endpoint; write modbus+tcp://HOST/UNIT, modbus+rtu:///dev/ttyS0/UNIT, snmp://HOST or snmpv3://USER@HOST",
			     d->id, d->endpoint);
}

struct wire { char *identity; uint32_t device; };

static int by_wire(const void *a, const void *b)
{
	const struct wire *x = a, *y = b;
	int d = strcmp(x->identity, y->identity);
	return d ? d : (x->device > y->device) - (x->device < y->device);
}

static void no_device_twice(struct resolve *r, struct wire *wires, size_t n)
{
	const struct device *d = site_devices(r->s);
	if (!n)
		return;
	qsort(wires, n, sizeof *wires, by_wire);
	for (size_t i = 1; i < n; i++)
		if (!strcmp(wires[i].identity, wires[i - 1].identity))
			conf_problem(r->c, at(r->device_nodes[wires[i].device], "endpoint"), "device '%s' is the same device as '%s' (%s); keep one of them, a device may "
				     "serve several meters", d[wires[i].device].id, d[wires[i - 1].device].id, wires[i].identity);
}

static void check_device(struct resolve *r, const struct device *d, const struct conf_node *n)
{
	const struct scheme *s = scheme_of(d->endpoint);
	bool snmp = s && !s->unit, v3 = snmp && !strcmp(s->name, "snmpv3");
	if (snmp && !v3 && strchr(d->endpoint, '@'))
		conf_warning(r->c, at(n, "endpoint"), "device '%s': the community stands in the file; name a credential with 'credential' instead", d->id);
	if (v3 && !d->credential)
		conf_problem(r->c, n, "device '%s': SNMPv3 needs its pass phrases; name them with 'credential'", d->id);
	if (v3 && !strchr(d->endpoint, '@'))
		conf_problem(r->c, at(n, "endpoint"), "device '%s': SNMPv3 needs a user; write snmpv3://USER@HOST", d->id);
	if (d->allow_weak && !v3)
		conf_problem(r->c, at(n, "allow_weak"), "device '%s': 'allow_weak' concerns SNMPv3 only; remove it", d->id);
	if (d->any_source && !snmp)
		conf_problem(r->c, at(n, "any_source"), "device '%s': 'any_source' concerns SNMP only; remove it", d->id);
}

static void unused_devices(struct resolve *r)
{
	const struct site *s = r->s;
	bool *used = calloc(s->devices.n + 1, sizeof *used);
	size_t unused = 0;
	const struct conf_node *first = NULL;
	CLEANUP(buf_done) struct buf names = { 0 };
	for (size_t i = 0; used && i < s->meters.n; i++)
		if (site_meters(s)[i].device_ix >= 0)
			used[site_meters(s)[i].device_ix] = true;
	for (size_t i = 0; used && i < s->devices.n; i++) {
		if (used[i])
			continue;
		first = first ?: r->device_nodes[i];
		if (unused++ < MAX_SHOWN)
			buf_printf(&names, "%s%s", names.len ? ", " : "", site_devices(s)[i].id);
	}
	if (unused)
		conf_warning(r->c, first, "%zu device%s %s read, but no meter uses %s: %s%s", unused, unused > 1 ? "s" : "", unused > 1 ? "are" : "is",
			     unused > 1 ? "them" : "it", names.data ? names.data : "", unused > MAX_SHOWN ? ", ..." : "");
	free(used);
}

void site_check_devices(struct resolve *r)
{
	const struct device *d = site_devices(r->s);
	struct wire *wires = calloc(r->s->devices.n + 1, sizeof *wires);
	size_t n = 0;
	for (uint32_t i = 0; wires && i < r->s->devices.n; i++) {
		struct buf identity = { 0 };
		if (!d[i].endpoint)
			continue;               /* missing: reported */
		check_device(r, &d[i], r->device_nodes[i]);
		if (endpoint_identity(d[i].endpoint, &identity))
			wires[n++] = (struct wire){ buf_take(&identity) ?: strdup(""), i };
		else if (is_replay(d[i].endpoint) && !r->s->simulated)
			conf_problem(r->c, at(r->device_nodes[i], "endpoint"), "device '%s': a recording measures nothing; replay: is for sites with 'simulated: true'", d[i].id);
		else if (!is_replay(d[i].endpoint))
			bad_endpoint(r, &d[i], at(r->device_nodes[i], "endpoint"));
		buf_done(&identity);
	}
	if (wires)
		no_device_twice(r, wires, n);
	for (size_t i = 0; i < n; i++)
		free(wires[i].identity);
	free(wires);
	unused_devices(r);
}
