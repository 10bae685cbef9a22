/* tests/sim/relay/rules.h - what the relay does to what passes: WAY:ACTION[=ARG[+EXTRA]][@FROM..TO][#N]
 *
 * WAY is up (client to server), down, or both.  FROM and TO are seconds since the rules were set (`@1s..2.5s`); #N: only
 * the N-th connection or session, counted from 1.  Percentages are drawn from the seed.  Actions: see relay_actions[]. */
#ifndef RELAY_RULES_H
#define RELAY_RULES_H

#include "core/err.h"

enum action {
	ACTION_DELAY, ACTION_LOSS, ACTION_REORDER, ACTION_DUPLICATE, ACTION_GARBLE, ACTION_TRUNCATE, ACTION_DROP_ABOVE, ACTION_INJECT, ACTION_CUT,
	ACTION_RESET, ACTION_STALL, ACTION_DRIP, ACTION_PARTITION, ACTION_REFUSE, ACTIONS
};
struct action_row { const char *name; int64_t low, high; bool bytes; const char *meaning; };
extern const struct action_row relay_actions[ACTIONS];

enum way { WAY_UP = 1, WAY_DOWN = 2, WAY_BOTH = 3 };
enum { RULES_MAX = 32, INJECT_MAX = 64 };
struct rule {
	enum way way;
	enum action action;
	int64_t arg, extra;        /* extra: jitter of a delay, in ms */
	int64_t from_us, to_us;    /* since the rules were set, half-open */
	int64_t number;            /* 0: every connection */
	uint8_t bytes[INJECT_MAX];
	size_t n_bytes;
};
struct rules { struct rule list[RULES_MAX]; size_t n; int64_t since_us; };

bool rule_parse(const char *text, struct rule *out, struct err *err) MUST_USE;
/* The rule of this action that holds, or NULL. */
const struct rule *rules_find(const struct rules *rules, enum action action, enum way way, int64_t number, int64_t now_us);

#endif
