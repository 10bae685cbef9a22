/* core/profile_read.h - the readers of a profile's parts; used by core/profile.c and core/profile_case.c only. */
#ifndef CORE_PROFILE_READ_H
#define CORE_PROFILE_READ_H

#include "core/type.h"

struct state_list { const char *name; struct conf_vec states; };

/* A profile while its library is being closed: rows are read when the parent's rows are known. */
struct draft {
	struct profile p;            /* first: a draft is its profile */
	struct conf_vec drop;        /* const char *: the parent's points that this one does not have */
	int64_t address_base;
	struct conf_vec state_lists; /* struct state_list; the parent's behind one's own */
	const struct draft *parent;
	const struct conf_node *points, *defaults, *cases;
	bool bad, linked, busy;
};

extern const struct conf_field draft_fields[], point_fields[];
extern const struct point point_start;           /* every member as if not written */

bool read_place_text(const char *text, struct place *out, struct conf *c);      /* "holding 0x34", "column e.318.1 @ $1" */
bool read_place(struct conf *c, const struct conf_node *n, void *out, const void *arg);
bool read_cases(struct conf *c, const struct conf_node *n, struct conf_vec *out);

#endif
