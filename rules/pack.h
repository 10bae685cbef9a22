/* rules/pack.h - a policy pack: a city's rule as data, and the judge that reads it.
 * Language: docs/writing-a-pack.md.  No code, no loops, total and deterministic.  A city's name never stands in C.  Pure. */
#ifndef RULES_PACK_H
#define RULES_PACK_H

#include "rules/facts.h"
#include "rules/jws.h"

struct pack;
/* Reads a pack; NULL with problems in `c`.  `quotes`: the policy text, when at hand, for checking that every quote is a
 * byte-exact substring; NULL skips that check.  Lives in `c`. */
const struct pack *pack_load(struct conf *c, const char *file, const void *bytes, size_t len, const char *quotes);
const char *pack_id(const struct pack *p);
const char *pack_version(const struct pack *p);
bool pack_draft(const struct pack *p);                   /* holds an unverified figure: bears no verdict */
void pack_hash(const struct pack *p, char hex[65]);      /* SHA-256 of the file's bytes */
struct bilingual pack_title(const struct pack *p);
int64_t pack_standard_rack_mw(const struct pack *p);     /* for racks_at(); 0: the pack counts no standard racks */
struct ratio pack_pue_limit(const struct pack *p);       /* the limit the window's PUE is compared with; {0,0}: none */
/* Names of the further windows the pack asks for ("baseline"); the caller computes them. */
size_t pack_windows(const struct pack *p);
const char *pack_window_name(const struct pack *p, size_t i);
/* The facts a pack may ask for, and its statements, a line each. */
void pack_facts_text(const struct pack *p, struct buf *out);
/* Does --assume FACT=VALUE fit: a known fact or statement, a value of its kind and unit? */
bool pack_assumable(const struct pack *p, const char *fact, const char *value, struct err *err) MUST_USE;
json_t *pack_json(const struct pack *p);                 /* what `puectl pack show` prints */

/* Runs the vectors inside the pack; problems go into `out`, a line each.  Returns how many failed. */
size_t pack_test(const struct pack *p, struct buf *out, size_t *run);

/* Signed packs: FILE.yaml.jws beside FILE.yaml is an envelope of type JWS_PACK over {"pack","version","sha256",...}. */
bool pack_statement(const struct pack *p, const char *site, struct wall issued, bool simulated, struct buf *out, struct err *err) MUST_USE;
bool pack_signature_check(const struct pack *p, const struct trust *trust, const void *envelope, size_t len, struct err *err) MUST_USE;

/* The window the pack asks for, given facts about dates; puectl computes the KPI of this window. */
struct pack_window { struct wall from, to; bool annual; struct date first_day, last_day; };
bool pack_window_of(const struct pack *p, const struct site *site, const struct zone *zone, struct date judged, struct pack_window *out, struct err *err) MUST_USE;

/* A further window the pack asks for, beside the main one: the months before it, or those up to its end in which the load was right. */
struct pack_further {
	const char *name;
	struct wall from, to;
	struct date first_day, last_day;
	bool at_load;                       /* only intervals whose IT power lies within `within` of `load` times the racks' rated power */
	struct ratio load, within;
};
void pack_further_of(const struct pack *p, size_t i, const struct pack_window *main, const struct zone *zone, struct pack_further *out);
/* Is the mean IT power of an interval in that band?  Exact; both ends belong to it. */
bool pack_at_load(const struct pack_further *w, int64_t it_mwh, int64_t ms, int64_t rated_mw);

/* When that window will be whole, and whether it can be before the rule ends.  Days are inclusive: the last one measured. */
enum outlook_state { OUTLOOK_ANY_TIME, OUTLOOK_NO_EVENT, OUTLOOK_DATED, OUTLOOK_WHOLE };
struct pack_outlook {
	enum outlook_state state;
	const char *event;                  /* that the window begins with; NULL: none */
	int64_t months;
	struct date interim, whole, last;   /* first whole month (year 0: past, or no interim value), whole window, latest end by the rule (year 0: none) */
	bool too_late;                      /* `whole` is behind `last` */
};
void pack_outlook_of(const struct pack *p, const struct facts *f, struct pack_outlook *out);
void pack_outlook_text(const struct pack_outlook *o, bool chinese, struct buf *out);

enum verdict_kind { VERDICT_ELIGIBLE_ROBUST, VERDICT_ELIGIBLE_UNDER, VERDICT_NOT_ELIGIBLE, VERDICT_INCOMPLETE,
		    VERDICT_INSUFFICIENT_DATA, VERDICT_OUTSIDE_VALIDITY, VERDICT_ALREADY_CLAIMED, VERDICT_N };
extern const char *const verdict_names[VERDICT_N];

/* One reading of a criterion under named choices ("word=text definition=c1"): every reading is printed. */
struct reading_result { const char *choices; enum truth result; const char *value; };
struct criterion {
	const char *id;
	struct bilingual title;
	const char *quote, *locator, *word;      /* statutory text, place, comparison word */
	const char *op;                          /* what the word means: "<", ...; NULL with word */
	enum truth result;
	char value[160], limit[80], margin[80], uncertainty[80];   /* printed exactly once rounded; never contradict `result` */
	struct bilingual why;                    /* a sentence; owned by the verdict */
	const char *evidence;
	const struct reading_result *readings; size_t n_readings;   /* none: the text leaves nothing open */
	const char *const *under; size_t n_under;    /* the choices under which it holds, when not under all */
	bool depends;                            /* holds under some readings only */
};
/* A figure the verdict used, for the method part of a certificate. */
struct verdict_output { const char *id; struct bilingual title; const char *value; };
struct verdict {
	enum verdict_kind kind;
	struct criterion *criteria; size_t n_criteria;
	const char **reasons; size_t n_reasons;          /* failing criteria, missing things or interpretations, ids */
	const struct bilingual *reason_words;            /* the same, for people; as many */
	struct bilingual sentence;                       /* the verdict in words */
	int64_t amount_fen, rate_fen, cap_fen, counted_racks;   /* upper bound, 0 when not eligible */
	struct { const char *who; int64_t fen; struct bilingual title; } split[4]; size_t n_split;   /* fen -1: unspecified */
	bool guarded;                                    /* PUE + U below the limit under both correlation bounds */
	struct buf memory;                               /* unused since texts live in `arena` */
	const struct verdict_output *outputs; size_t n_outputs;      /* further values of the pack: class, charge, saving */
	const struct bilingual *notes; size_t n_notes;   /* overlap, pending claims, other counting of days, unverified figures */
	bool assumed;                                    /* what-if: not evidence */
	bool simulated;
	struct date judged;
	struct conf *arena;                              /* owner of texts */
};
bool judge(const struct pack *p, const struct facts *f, struct verdict *out, struct err *err) MUST_USE;
void verdict_done(struct verdict *v);
int verdict_exit_code(enum verdict_kind kind);           /* 0, 10, 11: domain.md 3.6 rule 10 */
json_t *verdict_json(const struct pack *p, const struct verdict *v);
/* A value as a reader of the language writes it: "976.56 yuan" -> "976.56 元". */
void verdict_value(const char *value, bool chinese, struct buf *out);
/* The trace for people, in one language, a line a criterion. */
void verdict_text(const struct pack *p, const struct verdict *v, bool chinese, struct buf *out);
/* Its reasons alone, a line each, the id behind the words. */
void verdict_reasons_text(const struct verdict *v, bool chinese, struct buf *out);
/* What was judged on: window, energies, completeness, days, statements with who and when, claims. */
void facts_said(const struct pack *p, const struct facts *f, bool chinese, struct buf *out);

#endif
