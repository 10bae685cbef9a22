#include "core/reading.h"

#include <string.h>

bool oid_parse(const char *text, struct oid *out)
{
	struct oid o = { 0 };
	const char *p = text + (*text == '.');
	for (;;) {
		uint64_t id = 0;
		if (*p < '0' || *p > '9' || o.n == OID_MAX)
			return false;
		for (; *p >= '0' && *p <= '9'; p++) {
			id = id * 10 + (uint64_t)(*p - '0');
			if (id > UINT32_MAX)
				return false;
		}
		o.ids[o.n++] = (uint32_t)id;
		if (!*p)
			break;
		if (*p++ != '.')
			return false;
	}
	*out = o;
	return true;
}

void oid_text(const struct oid *o, struct buf *out)
{
	for (uint32_t i = 0; i < o->n; i++)
		buf_printf(out, "%s%u", i ? "." : "", o->ids[i]);
}

bool oid_equal(const struct oid *a, const struct oid *b)
{
	return a->n == b->n && !memcmp(a->ids, b->ids, a->n * sizeof *a->ids);
}

int oid_compare(const struct oid *a, const struct oid *b)
{
	uint32_t n = a->n < b->n ? a->n : b->n;
	for (uint32_t i = 0; i < n; i++)
		if (a->ids[i] != b->ids[i])
			return a->ids[i] < b->ids[i] ? -1 : 1;
	return (a->n > b->n) - (a->n < b->n);
}

bool oid_under(const struct oid *o, const struct oid *prefix)
{
	return o->n >= prefix->n && !memcmp(o->ids, prefix->ids, prefix->n * sizeof *o->ids);
}

static void registers_text(const struct request *r, struct buf *out)
{
	static const char *const names[] = { "register", "coil", "discrete input", "holding register", "input register" };
	buf_printf(out, "%u %s%s at 0x%04x", r->count, names[r->function < countof(names) ? r->function : 0], r->count == 1 ? "" : "s", r->address);
}

void request_text(const struct request *r, struct buf *out)
{
	static const char *const names[][2] = { [REQUEST_MODBUS_DEVICE_ID] = { "device identification" }, [REQUEST_MODBUS_SERVER_ID] = { "server id" },
						 [REQUEST_SNMP_GET] = { "get of", "object" }, [REQUEST_SNMP_WALK] = { "walk of", "column" } };
	if (r->kind == REQUEST_MODBUS_READ) {
		registers_text(r, out);
		return;
	}
	buf_str(out, names[r->kind][0]);
	if (!names[r->kind][1])
		return;
	buf_printf(out, " %zu %s%s", r->n_oids, names[r->kind][1], r->n_oids == 1 ? "" : "s");
	if (r->n_oids) {
		buf_str(out, r->n_oids == 1 ? " " : " from ");
		oid_text(&r->oids[0], out);
	}
}
