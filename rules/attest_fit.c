/* Does what a person wants to state fit what a pack asks for?  Asked before it is signed: a statement that counts for nothing, or that
 * no verdict can be given with, is worth a sentence to the person at the keyboard and nothing in the evidence. */
#include "rules/language.h"
#include "rules/statement.h"

#include <string.h>

/* Names with a meaning of their own (rules/statement.h); the others are the pack's. */
static const struct own { const char *name; int kind; } own_names[] = {
	{ "retrofit_completed", STATEMENT_DATE }, { "applied", STATEMENT_DATE }, { "approved_rate", STATEMENT_AMOUNT } };

static const char *const wanted[] = { [STATEMENT_YES_NO] = "yes or no", [STATEMENT_DATE] = "a day, for example 2024-12-20", [STATEMENT_AMOUNT] = "an amount with its unit", [STATEMENT_TEXT] = "yes, with --text" };

static bool has(const struct attestation *a, int kind)
{
	return kind == STATEMENT_YES_NO ? a->value != TRUTH_UNKNOWN : kind == STATEMENT_DATE ? a->date.year && a->value == TRUTH_UNKNOWN && !a->amount
	       : kind == STATEMENT_AMOUNT ? a->amount != NULL : a->text != NULL;
}

/* 0 < rate <= the pack's bound, in whole fen. */
static bool rate_fits(const struct pack *p, const struct attestation *a, struct err *err)
{
	int64_t fen = statement_fen(a->amount);
	const struct figure *bound = p->amount.bound_figure;
	if (fen <= 0)
		return err_set(err, ERR_INPUT, "approved_rate '%s' is no amount in whole fen above 0; write it in yuan, for example '800 yuan'", a->amount);
	if (bound && exact_compare(exact_int(fen), bound->number) > 0)
		return err_set(err, ERR_INPUT, "approved_rate '%s' is above %s, the highest rate that pack %s allows; with it no verdict could be given", a->amount, bound->value, p->id);
	return true;
}

static bool own_fits(const struct pack *p, const struct attestation *a, const struct own *own, struct err *err)
{
	if (!has(a, own->kind))
		return err_set(err, ERR_USAGE, "%s: %s is needed%s%s", a->name, wanted[own->kind], a->amount ? ", not " : "", a->amount ? a->amount : "");
	return own->kind != STATEMENT_AMOUNT || rate_fits(p, a, err);
}

static bool asked_fits(const struct attestation *a, const struct statement *st, struct err *err)
{
	struct exact v;
	struct unit unit;
	if (st->role && strcmp(st->role, a->role) != 0)
		return err_set(err, ERR_USAGE, "%s is stated by the %s, not by the %s: signed so it would not count; add --role %s", a->name, st->role, a->role, st->role);
	if (!has(a, st->kind))
		return err_set(err, ERR_USAGE, "%s: %s is needed%s%s", a->name, wanted[st->kind], a->amount ? ", not " : "", a->amount ? a->amount : "");
	if (st->kind == STATEMENT_AMOUNT && (!exact_parse(a->amount, &v, &unit) || !dim_equal(unit.dim, st->parsed.dim)))
		return err_set(err, ERR_USAGE, "%s: '%s' is not measured in %s", a->name, a->amount, st->unit);
	return true;
}

bool attestation_fits(const struct pack *p, const struct attestation *a, struct err *err)
{
	CLEANUP(buf_done) struct buf names = { 0 };
	for (const struct own *own = own_names; own < own_names + countof(own_names); own++) {
		if (strcmp(own->name, a->name) == 0)
			return own_fits(p, a, own, err);
		buf_printf(&names, "%s%s", names.len ? ", " : "", own->name);
	}
	for (size_t i = 0; i < p->statements.n; i++) {
		const struct statement *st = &ROWS(struct statement, p->statements)[i];
		if (strcmp(st->id, a->name) == 0)
			return asked_fits(a, st, err);
		buf_printf(&names, ", %s", st->id);
	}
	return err_set(err, ERR_USAGE, "pack %s does not ask for '%s', so it would count for nothing; it asks for: %s", p->id, a->name, names.data ? names.data : "");
}
