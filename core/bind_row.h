/* core/bind_row.h - one row of a device and its sibling columns; used by core/bind.c only.  Pure. */
#ifndef CORE_BIND_ROW_H
#define CORE_BIND_ROW_H

#include "core/discover.h"

/* One place where a profile row has a value on this device. */
struct instance {
	const struct point *p;
	const struct known *known;           /* SNMP: the value as discovered */
	uint32_t index[OID_MAX], n, n_row;   /* n_row: without the suffix */
	uint16_t address;
	char shown[200];
};

void show_index(struct instance *in);
/* NULL: out of memory. */
char *bound_name(struct arena *a, const struct instance *in);
bool join_oid(const struct place *at, const struct instance *in, struct oid *out);
bool look_up(const struct discover *d, const struct place *at, const struct coding *c, const struct instance *in, struct number *out);
bool row_passes(const struct discover *d, const struct instance *in);
bool row_scale(const struct discover *d, const struct instance *in, struct ratio *scale);
const char *row_unit(const struct discover *d, const struct instance *in, struct buf *room);
char *row_label(const struct discover *d, struct arena *a, const struct instance *in);

#endif
