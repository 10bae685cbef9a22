/* core/profile.h - a device family as data: where its values are, what they mean, how the device is recognised.
 *
 * A profile is a YAML file (docs/writing-a-profile.md, docs/schema/profile.schema.json); a library is a set of them, linked
 * by `extends`.  Nothing here knows a vendor: one C table row per *type*, never per device.
 *
 * The way of a device (all pure; the caller moves requests and readings between these machines and a collector):
 *
 *	library ── identify_next/push ──► profile ── discover_next/push ──► struct bound (core/bind.h)
 *	        ── plan_make ──► requests (core/plan.h) ── wire ──► reading ── decode_reading ──► samples (core/decode.h)
 *
 * Everything a profile points to belongs to its library and lives until the last library_free().  Pure. */
#ifndef CORE_PROFILE_H
#define CORE_PROFILE_H

#include "core/reading.h"

enum transport { TRANSPORT_MODBUS, TRANSPORT_SNMP };
/* Where a Modbus value lives; the number is the function that reads it. */
enum space { SPACE_NONE, SPACE_COIL = 1, SPACE_DISCRETE = 2, SPACE_HOLDING = 3, SPACE_INPUT = 4 };
enum confidence { CONFIDENCE_RECORDED, CONFIDENCE_DOCUMENTED, CONFIDENCE_REPORTED, CONFIDENCE_INFERRED };
extern const struct conf_name transport_names[], space_names[], confidence_names[];

/* ---- where a value is ---------------------------------------------------------------------------------------------- */

/* "$1.$2", "$row", "$*", "0": which index a joined column is read at, by the parts of the value's own index.  NULL: "$*". */
struct place {
	uint8_t space;               /* Modbus: enum space */
	bool column;                 /* SNMP: a table column (true) or one object with its index (false) */
	uint16_t address;            /* Modbus, zero-based */
	struct oid *oid;             /* SNMP; NULL for Modbus */
	const char *index;           /* joins only */
	bool fresh;                  /* while reading: address_base not applied yet */
};

/* How raw bytes become a number.  One row a type in core/type.h. */
struct type_row;
struct coding {
	const struct type_row *type; /* NULL: by the answer itself (SNMP), u16 (Modbus), bit (coils) */
	const char *order_text;
	uint8_t order[8];            /* byte i of the big-endian value is wire byte order[i] */
	int64_t words;               /* of a string, else the type's */
	int64_t bit_first, bit_last; /* -1: all bits */
	uint16_t parts[4];           /* word addresses, most significant first, when the words are not neighbours */
	uint8_t n_parts;
};

enum scale_as { SCALE_FACTOR, SCALE_DIVISOR, SCALE_DIGITS, SCALE_EXPONENT, SCALE_MAP };   /* n, 1/n, 10^-n, 10^n, table */
struct map_row { const char *key; const char *value; };      /* key: decimal integer or text of the object */
struct map { const struct map_row *rows; size_t n; };
struct scale_source { struct place at; struct coding coding; int as; struct map map; };

/* A test on a sibling object or register; all given members must hold. */
struct test {
	struct place at;
	struct coding coding;        /* Modbus, or `text` columns */
	const char *equals, *not_equals;         /* integer or text */
	const char *matches, *not_matches;       /* globs, case-insensitive, over text */
	const char *version_from, *version_to;   /* dotted numbers, inclusive */
	struct conf_vec range;       /* two int64_t, inclusive, over the raw number */
	struct conf_vec in;          /* const char *: any of these */
	bool exists;                 /* any value at all */
	bool optional;               /* holds where the object does not exist */
};

enum missing_kind { MISSING_RANGE, MISSING_REAL, MISSING_ALL_ONES, MISSING_LARGEST, MISSING_NAN, MISSING_TEXT };
struct missing { enum missing_kind kind; int64_t min, max; double low, high; const char *text; };   /* raw values, before any scale; low, high: MISSING_REAL */

struct state_name { int64_t value; const char *text, *name; };    /* text: key of a string-valued object, else NULL */

struct repeat { int64_t count, stride, first; };

/* One row of a profile: one value, or one value per row of a table or array. */
struct point {
	const char *name;            /* `*` stands for the index: "outlet.*.power" */
	int quantity, scope;         /* enum quantity, enum scope */
	struct place at;
	struct coding coding;
	struct ratio scale;          /* raw * scale = value in `unit` */
	struct ratio offset;         /* added in `unit`, after the scale; {0,1} */
	const char *unit;
	struct conf_vec scale_from;  /* struct scale_source, multiplied */
	struct { struct place at; struct coding coding; struct map map; bool in_text; } unit_from;
	const char *label;           /* with $1 .. $9, $*, $index */
	struct conf_vec label_from;  /* struct place, joined by a space */
	struct conf_vec where;       /* struct test on static columns: rows that fail are not bound */
	struct conf_vec available;   /* struct test read with every value: the value is missing while it fails */
	struct conf_vec missing;     /* struct missing */
	struct conf_vec states;      /* struct state_name */
	const char *states_of;       /* while reading: name of a list in `state_lists` */
	struct conf_vec repeat;      /* struct repeat, outermost first (at most 2) */
	struct conf_vec index_parts; /* const char *: "int", "string", "string:12", "rest"; how the index is shown */
	int64_t suffix;              /* last sub-identifier an instance must have; -1: none */
	const char *plain;           /* the index that is left out of the name: "total.*.power" at 1 is "total.power" */
	int64_t home;                /* first index part that is left out when it has this value (a chain's own unit); -1: none */
	const char *index_shown;     /* template like a join's index: what stands for `*` and in "index"; NULL: $row */
	struct conf_vec range;       /* two struct ratio: plausible, in `unit`; n 0: the quantity's */
	struct ratio modulus;        /* in `unit`; num 0: none */
	bool modulus_of_type;        /* the register's own: 2^32, 10^8, ... */
	bool configured;             /* a setting or rating, not a measurement */
	const char *duplicate_of;    /* glob: where such a point is bound too, this one is the same value: shown, never summed */
	bool resettable;
	int transform;               /* enum transform of core/type.h */
	int confidence;
	const char *source;
	struct conf_place place;     /* in its file */
};

/* ---- how a device is recognised -------------------------------------------------------------------------------------- */

struct rule {                        /* all given members must hold */
	struct oid *object_id;       /* prefix of sysObjectID */
	const char *description;     /* glob over sysDescr */
	const char *vendor, *product, *version;      /* globs over FC 43/14 objects 0, 1, 2 */
	const char *server_id;       /* glob over the FC 17 text */
	struct test test;            /* written in the rule itself */
	struct conf_vec all;         /* struct test: more of them */
};

/* ---- plausibility over one device's values at one time ------------------------------------------------------------------ */

enum check_kind { CHECK_POWER, CHECK_SUM };       /* P <= V * I * factor; total = sum of parts */
struct check {
	int kind;
	const char *power, *voltage, *current, *total, *parts;   /* point names; `*` matches the same index */
	struct ratio factor, tolerance;
};

/* Known words or variables and the values they must decode to: the profile's own test. */
struct test_input { struct place at; const char *value; bool text; const uint16_t *words; size_t n; };
struct test_expect { const char *point, *value; struct conf_place place; };      /* value "none": no value */
struct profile_case { const char *name, *source; struct conf_vec given, expect; struct conf_place place; };

struct profile {
	const char *name, *title, *vendor, *model, *extends, *source;
	int64_t revision;
	int transport, confidence;
	bool abstract;               /* only for others to extend: never identified */
	struct conf_vec rules;       /* struct rule: any of them */
	int64_t priority;            /* added to the score */
	struct conf_vec identity;    /* struct identity_source: where serial, model, firmware are */
	struct conf_vec points;      /* struct point, parents' first */
	struct conf_vec checks;      /* struct check */
	struct conf_vec cases;       /* struct profile_case */
	int64_t max_words, max_bits, max_oids;       /* a request's limits; 0: the protocol's */
	bool no_gaps;                /* the device refuses a read over addresses it does not have */
	struct conf_vec blocks;      /* struct block: addresses that must be read alone or never across */
	char sha256[65];             /* of its file */
	uint8_t digest[32];          /* of its text and its parents' */
	struct conf_place place;
};
struct identity_source { const char *what; struct place at; struct coding coding; };   /* "serial", "model", "firmware", "name" */
struct block { int space; int64_t from, to; };   /* inclusive: no request may cross the edges of a block */

/* The row a point of this name comes from ("outlet.10.power" from "outlet.*.power"), NULL when there is none. */
const struct point *profile_point_named(const struct profile *p, const char *name);
static inline const struct point *profile_points(const struct profile *p) { return p->points.items; }

/* ---- library ------------------------------------------------------------------------------------------------------------ */

struct library;
struct library *library_new(void);                           /* one reference */
struct library *library_get(struct library *lib);           /* one more; any thread */
void library_free(struct library *lib);                      /* drops one; NULL is fine */
/* The same profiles, byte for byte. */
bool library_equal(const struct library *a, const struct library *b);
/* Parses one file; problems are collected.  Order of files is free, but the first of a name hides later ones (a warning): add the
 * site's own directory before the one that came with the program. */
void library_add(struct library *lib, const char *file, const void *bytes, size_t len);
/* Links `extends`, checks every row.  False with all problems in *err (cut) and in library_conf(); profiles without problems
 * are usable all the same, so that one bad file does not stop a site that does not use it. */
bool library_close(struct library *lib, struct err *err) MUST_USE;
struct conf *library_conf(struct library *lib);
const struct profile *library_find(const struct library *lib, const char *name);
size_t library_count(const struct library *lib);
const struct profile *library_at(const struct library *lib, size_t i);      /* by name, ascending */
/* Nearest name for "did you mean"; NULL when none is near. */
const char *library_nearest(const struct library *lib, const char *name);

/* ---- identification ------------------------------------------------------------------------------------------------------ */

/* What the device says it is.  Texts are the device's own: bounded, not trusted; escape at every output. */
struct identity {
	const struct profile *profile;       /* best match; NULL when nothing matched */
	int score;
	char object_id[160], description[256], name[128];
	char vendor[128], model[128], firmware[128], serial[128];
};

/* A machine: while identify_next() gives a request, run it and push its reading (good or failed); then ask the result.
 * The request is borrowed until the next call.  At most a handful of requests: system group, then only the value tests of
 * profiles that are still possible.  Modbus: FC 43/14, FC 17 (both optional for a device), then register signatures. */
struct identify;
struct identify *identify_new(const struct library *lib, enum transport transport, struct err *err);
const struct request *identify_next(struct identify *id);
void identify_push(struct identify *id, const struct reading *reading);
/* False with ERR_UNAVAILABLE when the device answered nothing at all, ERR_INPUT when nothing of the library matches. */
bool identify_result(const struct identify *id, struct identity *out, struct err *err) MUST_USE;
/* All profiles that matched, best first. */
size_t identify_candidates(const struct identify *id, const struct profile **out, int *scores, size_t room);
void identify_free(struct identify *id);

/* ---- site overrides -------------------------------------------------------------------------------------------------------- */

/* What a site says better than the profile.  Read by conf_list_of(.., &point_override_list) into a conf_vec. */
struct point_override {
	const char *point;           /* glob over bound names: "total.power", "phase.*.current", "*" */
	const char *unit;            /* NULL: the profile's */
	const char *order;           /* NULL: the profile's; "cdab" */
	struct ratio scale;          /* den 0: the profile's */
	int space;                   /* SPACE_NONE: the profile's; function code 3 or 4 */
	int64_t address_shift;       /* added to every address: address base 1 against 0, slave n of a chain */
	bool drop;                   /* do not read it */
	struct conf_place place;
};
extern const struct conf_list point_override_list;

/* Case-insensitive glob with * and ?. */
bool glob_match(const char *pattern, const char *text);

#endif
