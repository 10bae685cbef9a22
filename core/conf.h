/* core/conf.h - YAML read by schema tables: site, profiles and packs.
 *
 * libyaml makes document nodes that keep line and column; a table of fields fills structs.  Every problem is collected
 * (never only the first) as "FILE:LINE:COL: what is wrong; next step".  Unknown keys get "did you mean".
 * All memory that reading hands out (texts, lists) belongs to the `struct conf` and lives until conf_free().
 *
 *	static const struct conf_field meter_fields[] = {
 *		{ "id",     conf_text, offsetof(struct meter, id), CONF_REQUIRED },
 *		{ "role",   conf_enum, offsetof(struct meter, role), CONF_REQUIRED, meter_roles },
 *		{ "p_max",  conf_power_mw, offsetof(struct meter, p_max_mw) },
 *		{ NULL }
 *	};
 * Pure: it parses bytes. */
#ifndef CORE_CONF_H
#define CORE_CONF_H

#include "core/buf.h"
#include "core/time.h"

struct conf;
struct conf_node;             /* a borrowed node, valid until conf_forget() or conf_free() */
struct conf_place { const char *file; int line, column; };     /* 1-based */

enum conf_kind { CONF_NULL, CONF_SCALAR, CONF_SEQUENCE, CONF_MAPPING };

struct conf *conf_new(void);
void conf_set_manual(struct conf *c, const char *page);          /* named where a key is not known; borrowed; docs/configuration.md unless set */
const char *conf_manual(const struct conf *c);
void conf_free(struct conf *c);
/* Gives the nodes back; texts, lists and problems stay.  Whoever kept a node must not look at it again. */
void conf_forget(struct conf *c);

/* Parses one document; NULL (with a problem recorded) when it is not YAML.  `file` is copied.  Duplicate keys,
 * aliases, several documents and more than 64 levels are problems. */
const struct conf_node *conf_parse(struct conf *c, const char *file, const void *bytes, size_t len);

/* Problems, in the order found; conf_report() puts them into `out`, one a line, sorted by file, line and column. */
void conf_problem(struct conf *c, const struct conf_node *at, const char *fmt, ...) PRINTF(3, 4);
void conf_problem_at(struct conf *c, struct conf_place place, const char *fmt, ...) PRINTF(3, 4);   /* CSV cells; place.file outlives c */
void conf_warning(struct conf *c, const struct conf_node *at, const char *fmt, ...) PRINTF(3, 4);
size_t conf_problem_count(const struct conf *c);                /* raised: grows with every failure, also one said just before */
size_t conf_said(const struct conf *c, bool warnings);          /* different ones, as people count them */
size_t conf_warning_count(const struct conf *c);
void conf_report(const struct conf *c, struct buf *out);
typedef void conf_finding_fn(void *ctx, struct conf_place place, bool warning, const char *text);   /* place.file NULL: none */
void conf_each(const struct conf *c, conf_finding_fn *fn, void *ctx);   /* the same, one by one */
bool conf_ok(const struct conf *c, struct err *err) MUST_USE;   /* false, and err = the report (cut), when there are problems */

/* Walking by hand. */
enum conf_kind conf_kind(const struct conf_node *n);
struct conf_place conf_place(const struct conf_node *n);
const char *conf_scalar(const struct conf_node *n);             /* NULL when not a scalar; `no` stays "no" */
bool conf_quoted(const struct conf_node *n);
size_t conf_count(const struct conf_node *n);                   /* entries of a sequence or mapping */
const struct conf_node *conf_item(const struct conf_node *n, size_t i);     /* i-th value */
const struct conf_node *conf_key(const struct conf_node *n, size_t i);      /* i-th key node of a mapping */
const struct conf_node *conf_get(const struct conf_node *n, const char *key);
const char *conf_path(struct conf *c, const struct conf_node *n);           /* "devices[3].endpoint", owned by c */

/* Nodes made by a program (rows of a CSV file, members of a group): owned by c like parsed ones, with the place they came from.
 * conf_make: room for `room` children; NULL after a problem.  conf_add: key NULL in a sequence; the key is shared, not moved.
 * conf_adopt: gives a root the path of `like`. */
struct conf_node *conf_make(struct conf *c, struct conf_place place, enum conf_kind kind, size_t room);
struct conf_node *conf_make_scalar(struct conf *c, struct conf_place place, const char *text);
void conf_add(struct conf_node *parent, const struct conf_node *key, struct conf_node *value);
void conf_adopt(struct conf_node *n, const struct conf_node *like);
/* Deep copy in which `rewrite` gives each scalar's text; NULL when it returned NULL (after a problem). */
typedef const char *conf_rewriter(struct conf *c, const struct conf_node *n, void *ctx);
struct conf_node *conf_clone(struct conf *c, const struct conf_node *n, conf_rewriter *rewrite, void *ctx);

void *conf_alloc(struct conf *c, size_t size);                  /* zeroed; aborts never: NULL sets a problem */
void *conf_scratch(struct conf *c, size_t size);                /* the same, with the nodes: until conf_forget() */
char *conf_copy(struct conf *c, const char *text);

/* A reader turns one node into *out; false after it recorded a problem.  `arg` comes from the field row. */
typedef bool conf_reader(struct conf *c, const struct conf_node *n, void *out, const void *arg);

enum { CONF_REQUIRED = 1, CONF_DEPRECATED = 2, CONF_CLEARABLE = 4 };      /* the last: null is no problem, nothing is read */
struct conf_field {
	const char *key;          /* NULL ends the table */
	conf_reader *read;
	size_t offset;
	unsigned flags;
	const void *arg;
	size_t seen;              /* with CONF_SEEN(member): offset + 1 of a bool set when the key is present; 0: none */
};
#define CONF_SEEN(type, member) (offsetof(type, member) + 1)

struct conf_name { const char *name; int value; };              /* NULL name ends */
struct conf_range { int64_t min, max; };
struct conf_list { conf_reader *read; size_t size; const void *arg; size_t min, max; };   /* max 0: no limit */
struct conf_vec { void *items; size_t n; };                     /* what conf_list_of fills: array of `size` each */

/* Reports the keys of a mapping that neither `fields` nor `also` knows. */
bool conf_known_keys(struct conf *c, const struct conf_node *n, const struct conf_field *fields, const char *also);
bool conf_struct(struct conf *c, const struct conf_node *n, void *out, const void *fields);   /* arg: conf_field[] */
bool conf_list_of(struct conf *c, const struct conf_node *n, void *out, const void *list);    /* out: conf_vec; arg: conf_list */
bool conf_text(struct conf *c, const struct conf_node *n, void *out, const void *arg);        /* const char * */
bool conf_id(struct conf *c, const struct conf_node *n, void *out, const void *arg);          /* const char *, [A-Za-z0-9._-]{1,64} */
bool conf_bool(struct conf *c, const struct conf_node *n, void *out, const void *arg);        /* bool; true/false only */
bool conf_int(struct conf *c, const struct conf_node *n, void *out, const void *range);       /* int64_t; 0x.. allowed */
bool conf_enum(struct conf *c, const struct conf_node *n, void *out, const void *names);      /* int */
bool conf_duration_ms(struct conf *c, const struct conf_node *n, void *out, const void *range);   /* int64_t; 10ms 5s 15m 1h 1d */
bool conf_wall(struct conf *c, const struct conf_node *n, void *out, const void *arg);        /* struct wall */
bool conf_date(struct conf *c, const struct conf_node *n, void *out, const void *arg);        /* struct date */
bool conf_node_of(struct conf *c, const struct conf_node *n, void *out, const void *arg);     /* const struct conf_node *: keep for later */
/* "4 MW", "2.5kW", "300 W" -> mW; "100 kW.h" -> mWh; the number is exact or it is a problem. */
bool conf_power_mw(struct conf *c, const struct conf_node *n, void *out, const void *range);
bool conf_energy_mwh(struct conf *c, const struct conf_node *n, void *out, const void *range);

/* An exact decimal: 0.01 -> 1/100, 1e-3, 12.5, also "1/3".  num/den is in lowest terms, den > 0. */
struct ratio { int64_t num, den; };
bool conf_ratio(struct conf *c, const struct conf_node *n, void *out, const void *arg);
bool ratio_parse(const char *text, struct ratio *out);
bool conf_count_mwh(struct conf *c, const struct conf_node *n, void *out, const void *arg);   /* struct ratio, mWh above 0; "1/3000 kWh" is fine */
/* "5s", "15m": a duration as conf_duration_ms reads it; not negative. */
bool duration_ms_parse(const char *text, int64_t *ms);

/* Nearest candidate by edit distance (at most 2, less than half of the word; two neighbours exchanged count as one), else the
 * first that begins with it; NULL when none is near.  `word` is not empty. */
const char *conf_nearest(const char *word, const char *const *candidates, size_t n);

#endif
