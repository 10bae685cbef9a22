/* rules/pack.h - a policy pack: a city's rule as data, and the judge that reads it.
 * Language: docs/writing-a-pack.md.  No code, no loops, total and deterministic.  A city's name never stands in C.  Pure. */
#ifndef RULES_PACK_H
#define RULES_PACK_H

#include "rules/facts.h"

struct pack;
/* Reads a pack; NULL with problems in `c`.  `quotes`: the policy text, when at hand, for checking that every quote is a
 * byte-exact substring; NULL skips that check.  Lives in `c`. */
const struct pack *pack_load(struct conf *c, const char *file, const void *bytes, size_t len, const char *quotes);
const char *pack_id(const struct pack *p);
const char *pack_version(const struct pack *p);
bool pack_draft(const struct pack *p);                   /* holds an unverified figure: bears no verdict */
void pack_hash(const struct pack *p, char hex[65]);      /* SHA-256 of the file's bytes */

/* The window the pack asks for, given facts about dates; puectl computes the KPI of this window. */
struct pack_window { struct wall from, to; bool annual; };
bool pack_window_of(const struct pack *p, const struct site *site, const struct zone *zone, struct date judged, struct pack_window *out, struct err *err) MUST_USE;

enum verdict_kind { VERDICT_ELIGIBLE_ROBUST, VERDICT_ELIGIBLE_UNDER, VERDICT_NOT_ELIGIBLE, VERDICT_INCOMPLETE,
		    VERDICT_INSUFFICIENT_DATA, VERDICT_OUTSIDE_VALIDITY, VERDICT_ALREADY_CLAIMED, VERDICT_N };
extern const char *const verdict_names[VERDICT_N];

struct criterion {
	const char *id;
	struct bilingual title;
	const char *quote, *locator, *word;      /* statutory text, place, comparison word */
	enum truth result;
	char value[160], limit[80], margin[80], uncertainty[80];   /* printed exactly once rounded; never contradict `result` */
	struct bilingual why;                    /* a sentence; owned by the verdict */
	const char *evidence;
};
struct verdict {
	enum verdict_kind kind;
	struct criterion *criteria; size_t n_criteria;
	const char **reasons; size_t n_reasons;          /* failing criteria, missing things or interpretations, ids */
	struct bilingual sentence;                       /* the verdict in words */
	int64_t amount_fen, rate_fen, cap_fen, counted_racks;   /* upper bound, 0 when not eligible */
	struct { const char *who; int64_t fen; } split[4]; size_t n_split;   /* fen -1: unspecified */
	bool guarded;                                    /* PUE + U below the limit under both correlation bounds */
	struct buf memory;                               /* owner of texts */
};
bool judge(const struct pack *p, const struct facts *f, struct verdict *out, struct err *err) MUST_USE;
void verdict_done(struct verdict *v);
int verdict_exit_code(enum verdict_kind kind);           /* 0, 10, 11: domain.md 3.6 rule 10 */
json_t *verdict_json(const struct pack *p, const struct verdict *v);

#endif
