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
