/* core/discover.h - what a device answered during discovery; shared by core/discover.c and core/bind.c only. */
#ifndef CORE_DISCOVER_H
#define CORE_DISCOVER_H

#include "core/bind.h"
#include "core/type.h"

struct job { enum request_kind kind; const struct oid *oid; uint8_t space; uint16_t address, words; };

/* A variable that came, without the room a struct var needs. */
struct known { struct oid *name; enum var_type type; int64_t integer; double real; uint16_t text_len; char *text; struct oid *oid; };
struct known_words { uint8_t space; uint16_t address, n; uint16_t *words; };

struct discover {
	const struct profile *profile;
	const struct point_override *overrides;
	size_t n_overrides;
	struct job *jobs;
	size_t n_jobs, room_jobs, next, batch;
	struct request request;
	struct oid *oids;            /* of the request */
	struct known *known;         /* sorted by name once finished */
	size_t n_known, room_known;
	struct known_words *words;
	size_t n_words, room_words;
	struct arena arena;
	struct err err;
	size_t max_rows;
	bool lenient;                /* a request without answer is no value, not a failure */
	bool failed, partial, memory;
};

/* A discovery of nothing yet, and the places of tests added to it. */
struct discover *discover_empty(struct err *err);
void discover_tests(struct discover *d, const struct conf_vec *tests);

/* After all answers: lookups. */
void discover_sort(struct discover *d);
const struct known *discover_find(const struct discover *d, const struct oid *name);
/* First entry below `prefix`; the entries below it follow in order. */
const struct known *discover_first(const struct discover *d, const struct oid *prefix);
bool known_number(const struct known *k, const struct coding *c, struct number *out);
const struct known_words *discover_words(const struct discover *d, uint8_t space, uint16_t address);

struct oid *oid_keep(struct arena *a, const struct oid *o);
bool oid_join(const struct oid *prefix, const uint32_t *index, uint32_t n, struct oid *out);

#endif
