/* core/amend.h - what people state about meters, on top of the configuration: exchanges, which end one epoch and begin the next,
 * and manual readings, which stand in for energy that nothing measured (class M).
 *
 * Words are the objects of signed statements (docs/formats.md, "statement"), in the vocabulary of the configuration's `epochs`.
 * They count in the order of the evidence; one that contradicts the configuration or an earlier one does not count, and its `why`
 * says so.  The fold, uncertainty, meter schedule and every recomputation use the amended site.  Pure. */
#ifndef CORE_AMEND_H
#define CORE_AMEND_H

#include "core/site.h"

struct meter_words {
	const char *id, *by;            /* of the statement; who says so */
	const char *json;               /* {"id","at","last","first",...} or {"id","from","to","energy",...} */
	bool reading;                   /* a manual reading; else an exchange */
	bool counts;                    /* out */
	char why[400];                  /* out: why it does not count; "" when it does */
};

/* Energy of a meter in a time, by a person's word. */
struct manual_reading { uint32_t meter; struct wall from, to; int64_t energy_mwh; const char *id, *by, *reason; };

struct amendment;
/* NULL only without memory.  Borrows `site` for its life, and the words only for the call. */
struct amendment *amend(const struct site *site, struct meter_words *words, size_t n, struct err *err);
void amendment_free(struct amendment *a);
const struct site *amended_site(const struct amendment *a);      /* same meters in the same order; lives as long as `a` */
const struct manual_reading *amended_readings(const struct amendment *a, size_t *n);
/* Which exchange a word is: its meter and when the epoch before it ends.  Of one that counts. */
struct exchange_place { uint32_t meter; struct wall at; };
bool amended_place(const struct amendment *a, const char *id, struct exchange_place *out);

#endif
