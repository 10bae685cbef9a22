/* core/tree.h - the electrical tree: which meters are terms of E_T and E_IT, and whether the tree closes.
 *
 * Terms (domain.md 2.7 rule 7): E_T = supplies + pv + generator (output or fuel, once) + heat - export - other uses.
 * E_IT = topmost IT meters minus the topmost non-IT meters below them.  Several supplies meet in a bus without a meter:
 * what feeds it and what it feeds name it as parent.  Pure. */
#ifndef CORE_TREE_H
#define CORE_TREE_H

#include "core/site.h"

struct tree_node {
	int8_t total_sign, it_sign;         /* +1, -1 or 0: the meter as a term of E_T, of E_IT */
	bool source;                        /* feeds what its parent feeds: a supply, pv or generator below a bus or meter */
	bool electric;                      /* carries electricity: a part of the balance */
	bool measured;                      /* has a register (or power) of its own */
	int64_t parent;                     /* -1 none */
	uint32_t n_children;
};
struct tree { size_t n; struct tree_node *nodes; };

/* Refuses what can have no right sum, naming the row: a cycle, a parent that is not there, IT below IT, a supply below a
 * supply, a generator's fuel below its output or the other way round. */
bool tree_init(struct tree *t, const struct site *site, struct err *err) MUST_USE;
void tree_done(struct tree *t);
/* Is `below` somewhere under `above`? */
bool tree_under(const struct tree *t, int64_t below, int64_t above);
/* Has E_T at least one term, has E_IT? */
bool tree_has_total(const struct tree *t);
bool tree_has_it(const struct tree *t);
/* PUE category: the worst measuring point among the IT meters; 0 when there is none or one is not stated. */
int tree_category(const struct tree *t, const struct site *site);

#endif
