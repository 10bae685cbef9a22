#include "core/balance.h"
#include "core/level.h"
#include "core/uncertainty.h"
#include "core/window_state.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { K = 3, ASSUMED_PPM = 10000, UPS_MIN_PPM = 850000, UPS_MAX_PPM = 990000 };

static const char *const finding_names[FINDING_N] = {
	[FINDING_NONE] = "closes", [FINDING_MORE_ABOVE] = "more_above", [FINDING_MORE_BELOW] = "more_below",
	[FINDING_UPS_EFFICIENCY] = "ups_efficiency", [FINDING_IT_OVER_TOTAL] = "it_over_total", [FINDING_LOW_LOAD] = "low_load", [FINDING_IN_RANGE] = "in_range",
};
bool finding_is_open(enum finding_kind kind) { return kind != FINDING_NONE && kind != FINDING_IN_RANGE; }
const char *finding_name(enum finding_kind kind) { return (unsigned)kind < FINDING_N ? finding_names[kind] : "?"; }

/* ---- accumulation, interval by interval ---------------------------------------------------------------------------------------- */

static int depth(const struct tree *t, int64_t i)
{
	int d = 0;
	for (int64_t p = t->nodes[i].parent; p >= 0; p = t->nodes[p].parent)
		d++;
	return d;
}

bool balance_init(struct window *w)
{
	size_t n = w->site->meters.n, at = 0;
	int deepest = 0;
	w->order = calloc(n + 1, sizeof *w->order);
	w->sums = calloc(n + 1, sizeof *w->sums);
	w->now = calloc(n + 1, sizeof *w->now);
	w->first_child = malloc((n + 1) * sizeof *w->first_child);
	w->next_child = malloc((n + 1) * sizeof *w->next_child);
	if (!w->order || !w->sums || !w->now || !w->first_child || !w->next_child)
		return false;
	memset(w->first_child, 0xff, (n + 1) * sizeof *w->first_child);
	memset(w->next_child, 0xff, (n + 1) * sizeof *w->next_child);
	for (size_t i = n; i-- > 0;)
		if (w->tree.nodes[i].parent >= 0) {
			w->next_child[i] = w->first_child[w->tree.nodes[i].parent];
			w->first_child[w->tree.nodes[i].parent] = (uint32_t)i;
		}
	for (size_t i = 0; i < n; i++)
		deepest = depth(&w->tree, (int64_t)i) > deepest ? depth(&w->tree, (int64_t)i) : deepest;
	for (int d = deepest; d >= 0; d--)
		for (size_t i = 0; i < n; i++)
			if (depth(&w->tree, (int64_t)i) == d)
				w->order[at++] = (uint32_t)i;
	return true;
}

void balance_done(struct window *w)
{
	free(w->order);
	free(w->sums);
	free(w->now);
	free(w->first_child);
	free(w->next_child);
}

/* Children before parents: what a node without a meter passes on is what it feeds less what else feeds it. */
void balance_push(struct window *w, const struct interval *iv)
{
	size_t n = w->site->meters.n;
	for (size_t i = 0; i < n; i++)
		w->now[i] = (struct window_now){ .known = true };
	for (size_t i = 0; i < iv->n; i++)
		if (iv->rows[i].meter < n) {
			struct window_now *v = &w->now[iv->rows[i].meter];
			v->own = iv->rows[i].energy_mwh;
			v->own_known = !iv->rows[i].missing_ms;
		}
	for (size_t k = 0; k < n; k++) {
		uint32_t i = w->order[k];
		const struct tree_node *node = &w->tree.nodes[i];
		struct window_now *v = &w->now[i];
		struct window_sums *s = &w->sums[i];
		bool through = !node->measured && node->n_children;
		int64_t passed = through ? v->below - v->fed : v->own;
		if (node->n_children && v->known && (node->measured ? v->own_known : v->sources > 0 && node->parent < 0)) {
			s->above += node->measured ? v->own + v->fed : v->fed;
			s->below += v->below;
			s->intervals++;
			s->runs += !s->in_run;
			s->in_run = true;
		} else {
			s->in_run = false;
		}
		if (node->parent < 0 || !node->electric)
			continue;
		struct window_now *up = &w->now[node->parent];
		up->known &= through ? v->known : v->own_known;
		up->sources += node->source;
		*(node->source ? &up->fed : &up->below) += passed;
	}
}

/* ---- judgement ------------------------------------------------------------------------------------------------------------------ */

/* Over the intervals that the node's sums hold: a meter may be known in more of them. */
static double part_u(const struct window *w, uint32_t meter, const struct window_sums *of, bool *assumed)
{
	struct chain c;
	meter_chain(w, meter, &c);
	int64_t *limits[] = { &c.meter_ppm, &c.ct_ppm, &c.pt_ppm };
	for (size_t i = 0; i < countof(limits); i++)
		if (*limits[i] < 0) {
			*limits[i] = ASSUMED_PPM;
			*assumed = true;
		}
	int64_t known = w->meters[meter].term.known_ms / w->interval_ms;
	if (known > of->intervals)
		c.energy_mwh = (int64_t)((__int128)c.energy_mwh * of->intervals / known);
	c.count_mwh *= of->runs;
	c.load_low = false;     /* the class is taken as it stands: too small a limit finds more, never less */
	return chain_u(&c);
}

/* Root of the sum of squares over all meters that stand for the node's children. */
static double below_u(const struct window *w, uint32_t node, const struct window_sums *of, bool *assumed)
{
	double sum = 0;
	for (uint32_t i = w->first_child[node]; i != UINT32_MAX; i = w->next_child[i]) {
		if (!w->tree.nodes[i].electric)
			continue;
		double u = w->tree.nodes[i].measured ? part_u(w, i, of, assumed) : below_u(w, i, of, assumed);
		sum += u * u;
	}
	return sqrt(sum);
}

/* Must the children see everything?  Not below a supply whose overheads have no meter, nor where only some racks have one, nor where
 * what is not IT hangs at an IT meter: the rest is the IT itself. */
static bool must_close(const struct window *w, uint32_t node, const struct window_sums *s)
{
	static const bool overhead[ROLE_N] = { [ROLE_COOLING] = true, [ROLE_LIGHTING] = true, [ROLE_OTHER] = true, [ROLE_OTHER_USE] = true };
	static const bool entry[ROLE_N] = { [ROLE_SUPPLY] = true, [ROLE_BUS] = true, [ROLE_PV] = true, [ROLE_GENERATOR] = true };
	const struct meter *meters = site_meters(w->site);
	bool any_overhead = false, only_racks = true;
	for (uint32_t i = w->first_child[node]; i != UINT32_MAX; i = w->next_child[i]) {
		any_overhead |= overhead[meters[i].role];
		only_racks &= meters[i].role == ROLE_RACK || (meters[i].role == ROLE_NON_IT && meters[node].role == ROLE_IT);
	}
	return only_racks ? s->below * (__int128)2 > s->above : !entry[meters[node].role] || any_overhead;
}

static void judge_node(const struct window *w, uint32_t i, struct balance *b)
{
	const struct window_sums *s = &w->sums[i];
	const struct meter *m = &site_meters(w->site)[i];
	int64_t above = s->above - (int64_t)div_half_even((__int128)s->above * m->loss_ppm, 1000000);
	*b = (struct balance){ .node = i, .above_mwh = above, .below_mwh = s->below, .residual_mwh = above - s->below, .intervals = s->intervals, .suspect = -1 };
	double own = w->tree.nodes[i].measured ? part_u(w, i, s, &b->assumed) : 0, below = below_u(w, i, s, &b->assumed);
	b->u_mwh = (int64_t)ceil(sqrt(own * own + below * below));
	int64_t off = b->residual_mwh < 0 ? -b->residual_mwh : b->residual_mwh;
	bool ups = m->role == ROLE_UPS_INPUT;
	bool efficient = s->below * (__int128)1000000 >= (__int128)s->above * UPS_MIN_PPM && s->below * (__int128)1000000 <= (__int128)s->above * UPS_MAX_PPM;
	if (ups && s->above > 0 && !efficient)
		b->finding = FINDING_UPS_EFFICIENCY;
	else if (off > K * b->u_mwh && (!ups || m->loss_ppm) && (b->residual_mwh < 0 || must_close(w, i, s)))
		b->finding = b->residual_mwh > 0 ? FINDING_MORE_ABOVE : FINDING_MORE_BELOW;
}

/* A meter that is wrong by a factor stands out twice: below its parent and above its children, with opposite signs. */
static int64_t suspect_of(const struct balance *all, size_t n, const struct balance *b, const struct window *w)
{
	for (size_t i = 0; i < n; i++) {
		bool neighbours = w->tree.nodes[all[i].node].parent == (int64_t)b->node, reverse = w->tree.nodes[b->node].parent == (int64_t)all[i].node;
		if (!all[i].finding || !(neighbours || reverse))
			continue;
		int64_t sum = all[i].residual_mwh + b->residual_mwh, off = b->residual_mwh < 0 ? -b->residual_mwh : b->residual_mwh;
		if ((sum < 0 ? -sum : sum) < off / 4)
			return neighbours ? all[i].node : b->node;
	}
	return -1;
}

static void explain(const struct window *w, struct balance *b)
{
	static const char *const what[FINDING_N] = {
		[FINDING_MORE_ABOVE] = "more flows in than the meters below see: a load without a meter, or a wrong CT ratio or direction",
		[FINDING_MORE_BELOW] = "the meters below see more than flows in: a wrong CT ratio, a swapped CT, or a meter counted twice",
		[FINDING_UPS_EFFICIENCY] = "output over input lies outside 0.85..0.99",
	};
	const char *id = site_meters(w->site)[b->node].id;
	if (!b->finding)
		snprintf(b->reason, sizeof b->reason, "%s: residual %lld mW.h, u %lld mW.h: %s", id, (long long)b->residual_mwh, (long long)b->u_mwh,
			 b->residual_mwh > K * b->u_mwh ? "the rest has no meter" : "it closes");
	else
		snprintf(b->reason, sizeof b->reason, "%s%s%s: residual %lld mW.h, 3u %lld mW.h: %s", id, b->suspect >= 0 ? ", suspect " : "",
			 b->suspect >= 0 ? site_meters(w->site)[b->suspect].id : "", (long long)b->residual_mwh, (long long)(K * b->u_mwh), what[b->finding]);
}

static int64_t site_finding(const struct window *w, balance_fn *fn, void *ctx)
{
	int64_t total = 0, it = 0;
	for (size_t i = 0; i < w->n; i++) {
		bool both = w->intervals[i].seen && !w->intervals[i].unknown[0] && !w->intervals[i].unknown[1];
		total += both ? w->intervals[i].mwh[0] : 0;
		it += both ? w->intervals[i].mwh[1] : 0;
	}
	if (!w->possible[0] || !w->possible[1] || it <= total)
		return 0;
	struct balance b = { .node = UINT32_MAX, .above_mwh = total, .below_mwh = it, .residual_mwh = total - it, .finding = FINDING_IT_OVER_TOTAL, .suspect = -1 };
	snprintf(b.reason, sizeof b.reason, "E_IT %lld mW.h is more than E_DC %lld mW.h", (long long)it, (long long)total);
	if (fn)
		fn(ctx, &b);
	return 1;
}

size_t balance_judge(const struct window *w, int64_t least, struct balance *all)
{
	size_t n = 0;
	for (size_t i = 0; i < w->site->meters.n; i++)
		if (w->sums[i].intervals >= least)
			judge_node(w, (uint32_t)i, &all[n++]);
	for (size_t i = 0; i < n; i++) {
		if (all[i].finding)
			all[i].suspect = suspect_of(all, n, &all[i], w);
		explain(w, &all[i]);
	}
	return n;
}

int64_t window_findings(const struct window *w, balance_fn *fn, void *ctx)
{
	int64_t findings = site_finding(w, fn, ctx);
	struct balance *all = calloc(w->site->meters.n + 1, sizeof *all);
	size_t n = all ? balance_judge(w, 1, all) : 0;
	for (size_t i = 0; i < n; i++) {
		findings += all[i].finding != FINDING_NONE;
		if (fn)
			fn(ctx, &all[i]);
	}
	free(all);
	return findings;
}
