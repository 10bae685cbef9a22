/* E_T and E_IT of window and months, computed again from the interval leaves a certificate carries: cumulative energies
 * telescope, so the leaves at the ends are enough.  Leaf format: docs/evidence-format.md. */
#include "rules/cert_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct leaf_sums { int64_t from, to; bool known; int64_t mwh[2], cumulative[2]; };
struct leaves {
	struct leaf_sums *rows;
	size_t n, corrections;
	bool corrections_omitted;                  /* what they lifted is not known here */
	struct { int64_t from, to; } *corrected;   /* spans of corrections: what a boundary inside one does not show */
};

static bool fail(struct cert_check *out, struct err *err, const char *pointer, const char *what)
{
	snprintf(out->pointer, sizeof out->pointer, "%s", pointer);
	return err_set(err, ERR_EVIDENCE, "%s: %s", pointer, what);
}

static bool hash_parse(const json_t *v, struct hash *out)
{
	const char *hex = json_string_value(v);
	if (!hex || strlen(hex) != 64 || strspn(hex, "0123456789abcdef") != 64)
		return false;
	for (int i = 0; i < 32; i++) {
		char two[3] = { hex[2 * i], hex[2 * i + 1], 0 };
		out->bytes[i] = (uint8_t)strtoul(two, NULL, 16);
	}
	return true;
}

static bool integer_at(const json_t *object, const char *member, int64_t *out)
{
	const json_t *v = json_object_get(object, member);
	*out = json_integer_value(v);
	return json_is_integer(v);
}

/* Is the leaf in the tree whose root the certificate names? */
static bool included(const json_t *row, uint64_t size, const struct hash *root)
{
	const json_t *leaf = json_object_get(row, "leaf"), *path = json_object_get(row, "path"), *index = json_object_get(row, "index");
	struct hash hash, hashes[64];
	size_t n = json_array_size(path);
	int64_t kind, at;
	if (!integer_at(row, "kind", &kind) || !integer_at(row, "at", &at) || kind < 0 || kind > UINT8_MAX)
		return false;
	if (!json_is_string(leaf) || !json_is_array(path) || n > 64 || !json_is_integer(index) || json_integer_value(index) < 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!hash_parse(json_array_get(path, i), &hashes[i]))
			return false;
	merkle_record((uint8_t)kind, (struct wall){ at }, json_string_value(leaf), json_string_length(leaf), &hash);
	return merkle_verify_inclusion(&hash, (uint64_t)json_integer_value(index), size, hashes, n, root);
}

static bool sums_of(const json_t *leaf, struct leaf_sums *out)
{
	const json_t *sides[2] = { json_object_get(leaf, "total"), json_object_get(leaf, "it") };
	if (!integer_at(leaf, "from", &out->from) || !integer_at(leaf, "to", &out->to))
		return false;
	for (int i = 0; i < 2; i++)
		if (!integer_at(sides[i], "mwh", &out->mwh[i]) || !integer_at(sides[i], "cumulative", &out->cumulative[i]))
			return false;
	out->known = json_is_true(json_object_get(sides[0], "known")) && json_is_true(json_object_get(sides[1], "known"));
	return true;
}

static bool add_correction(const json_t *leaf, struct leaves *l)
{
	int64_t from, to;
	const char *kind = json_string_value(json_object_get(leaf, "kind"));
	if (!kind || strcmp(kind, "correction") != 0)
		return true;
	if (!integer_at(leaf, "from", &from) || !integer_at(leaf, "to", &to))
		return false;
	l->corrected[l->corrections].from = from;
	l->corrected[l->corrections++].to = to;
	return true;
}

static bool read_leaf(const json_t *row, struct leaves *l)
{
	int64_t kind = json_integer_value(json_object_get(row, "kind"));
	if (kind != CERT_LEAF_INTERVAL && kind != CERT_LEAF_EVENT)
		return true;
	json_t *leaf = json_loadb(json_string_value(json_object_get(row, "leaf")), json_string_length(json_object_get(row, "leaf")), JSON_REJECT_DUPLICATES, NULL);
	bool good = leaf != NULL;
	if (good && kind == CERT_LEAF_INTERVAL)
		good = sums_of(leaf, &l->rows[l->n]) && ++l->n;
	else if (good)
		good = add_correction(leaf, l);
	json_decref(leaf);
	return good;
}

/* Leaves of a kind stand in the order of the tree, each once. */
static bool in_order(const json_t *row, int64_t behind[UINT8_MAX + 1])
{
	int64_t kind = json_integer_value(json_object_get(row, "kind")), index = json_integer_value(json_object_get(row, "index")), before = behind[kind];
	behind[kind] = index;
	return index > before;
}

static bool read_leaves(const json_t *evidence, struct leaves *l, struct cert_check *out, struct err *err)
{
	const json_t *rows = json_object_get(evidence, "leaves");
	size_t n = json_array_size(rows);
	struct hash root;
	int64_t size, behind[UINT8_MAX + 1];
	char pointer[64];
	if (!integer_at(evidence, "tree_size", &size) || size < 0 || !hash_parse(json_object_get(evidence, "tree_root"), &root) || !json_is_array(rows))
		return fail(out, err, "/evidence", "tree size, tree root and leaves are needed");
	l->rows = calloc(n + 1, sizeof *l->rows);
	l->corrected = calloc(n + 1, sizeof *l->corrected);
	if (!l->rows || !l->corrected)
		return err_memory(err);
	memset(behind, -1, sizeof behind);
	for (size_t i = 0; i < n; i++) {
		snprintf(pointer, sizeof pointer, "/evidence/leaves/%zu", i);
		if (!included(json_array_get(rows, i), (uint64_t)size, &root))
			return fail(out, err, pointer, "this leaf is not in the evidence tree of the certificate");
		if (!in_order(json_array_get(rows, i), behind))
			return fail(out, err, pointer, "this leaf is not behind the one of its kind before it: order and number of statements and events count");
		if (!read_leaf(json_array_get(rows, i), l))
			return fail(out, err, pointer, "this leaf is not as evidence leaves are written");
	}
	l->corrections_omitted = json_integer_value(json_object_get(json_object_get(evidence, "omitted"), "corrections")) != 0;
	out->leaves = n;
	return true;
}

/* Cumulative energies at an instant: of the leaf that ends there, or before the one that begins there. */
static bool cumulative_at(const struct leaves *l, int64_t at, int64_t out[2])
{
	for (size_t i = 0; i < l->n; i++) {
		const struct leaf_sums *s = &l->rows[i];
		for (int k = 0; k < 2; k++)
			if (s->to == at)
				out[k] = s->cumulative[k];
			else if (s->from == at && __builtin_sub_overflow(s->cumulative[k], s->mwh[k], &out[k]))
				return false;
		if (s->to == at || s->from == at)
			return true;
	}
	return false;
}

static bool crossed(const struct leaves *l, int64_t at)
{
	for (size_t i = 0; i < l->corrections; i++)
		if (l->corrected[i].from < at && at < l->corrected[i].to)
			return true;
	return false;
}

enum telescoped { TELESCOPE_MATCHES, TELESCOPE_OPEN, TELESCOPE_DIFFERS };

static enum telescoped telescope(const struct leaves *l, int64_t from, int64_t to, const int64_t stated[2], int *side)
{
	int64_t a[2], b[2], sum;
	if (!cumulative_at(l, from, a) || !cumulative_at(l, to, b))
		return TELESCOPE_OPEN;
	for (int k = 0; k < 2; k++)
		if (__builtin_sub_overflow(b[k], a[k], &sum) || sum != stated[k]) {
			*side = k;
			return l->corrections_omitted || crossed(l, from) || crossed(l, to) ? TELESCOPE_OPEN : TELESCOPE_DIFFERS;
		}
	return TELESCOPE_MATCHES;
}

static const char *const side_names[2] = { "total", "it" };

static bool fail_at(struct cert_check *out, struct err *err, const char *prefix, const char *member, const char *what)
{
	char pointer[200];
	snprintf(pointer, sizeof pointer, "%s/%s", prefix, member);
	return fail(out, err, pointer, what);
}

/* What counts for the PUE: all of a window that is wholly known, else all but the intervals that are not. */
static bool check_counted(const struct leaves *l, const struct kpi *k, const char *prefix, struct cert_check *out, struct err *err)
{
	int64_t left[2] = { k->known_total_mwh, k->known_it_mwh }, counted[2] = { k->total_mwh, k->it_mwh }, excluded = 0;
	for (size_t i = 0; i < l->n; i++) {
		const struct leaf_sums *s = &l->rows[i];
		if (s->known || s->from < k->from.ms || s->to > k->to.ms)
			continue;
		excluded++;
		for (int side = 0; side < 2; side++)
			if (__builtin_sub_overflow(left[side], s->mwh[side], &left[side]))
				return fail(out, err, prefix, "energies out of range");
	}
	/* intervals that became known later are told by corrections, which these leaves do not hold row by row */
	if (l->corrections || l->corrections_omitted || k->kind == KPI_NONE)
		return true;
	if (k->intervals - k->intervals_known != excluded)
		return fail_at(out, err, prefix, "intervals_known", "not the number that follows from the attached leaves");
	for (int side = 0; side < 2; side++)
		if (left[side] != counted[side])
			return fail_at(out, err, prefix, side ? "it_mwh" : "total_mwh", "not what the attached leaves add up to");
	return true;
}

/* One window, the whole or a month. */
static bool check_window(const struct leaves *l, const struct kpi *k, const char *prefix, struct cert_check *out, struct err *err)
{
	const int64_t stated[2] = { k->known_total_mwh, k->known_it_mwh };
	char member[32];
	int side = 0;
	switch (telescope(l, k->from.ms, k->to.ms, stated, &side)) {
	case TELESCOPE_DIFFERS:
		snprintf(member, sizeof member, "known_%s_mwh", side_names[side]);
		return fail_at(out, err, prefix, member, "not the difference of the cumulative energies in the attached leaves");
	case TELESCOPE_MATCHES:
		out->from_evidence = true;
		return check_counted(l, k, prefix, out, err);
	default:
		out->from_evidence = false;
		return true;
	}
}

/* A month's row is made again from its own figures: its texts follow from them, and they from the leaves. */
static bool check_month(const struct leaves *l, const json_t *row, size_t i, const struct facts *f, struct ratio limit, struct cert_check *out, struct err *err)
{
	struct kpi k;
	char prefix[48], pointer[256], member[180];
	bool reached = out->from_evidence;
	snprintf(prefix, sizeof prefix, "/results/months/%zu", i);
	if (!cert_month_parse(row, &k, err) || !f->zone)
		return fail(out, err, prefix, f->zone ? "not a month's figures" : "facts without a time zone");
	json_t *made = cert_month_json(&k, f->site, f->zone, limit);
	bool differs = json_difference(made, row, member, sizeof member);
	json_decref(made);
	if (differs) {
		snprintf(pointer, sizeof pointer, "%s%s", prefix, member);
		return fail(out, err, pointer, "not what follows from the month's own figures");
	}
	bool good = check_window(l, &k, prefix, out, err);
	out->from_evidence = reached;
	return good;
}

/* The limit printed is checked elsewhere; here it only decides how the months' values are rounded. */
static struct ratio limit_of(const json_t *cert)
{
	const char *text = json_string_value(json_object_get(json_object_get(json_object_get(cert, "results"), "pue"), "limit"));
	struct ratio r = { 0, 0 };
	return text && ratio_parse(text, &r) ? r : (struct ratio){ 0, 0 };
}

static bool check_months(const struct leaves *l, const json_t *cert, const struct facts *f, struct cert_check *out, struct err *err)
{
	const json_t *months = json_object_get(json_object_get(cert, "results"), "months");
	for (size_t i = 0; i < json_array_size(months); i++)
		if (!check_month(l, json_array_get(months, i), i, f, limit_of(cert), out, err))
			return false;
	return true;
}

/* Cumulative energy of one meter in a leaf; false when the leaf has no such row. */
static bool meter_in(const json_t *leaf, const char *id, int64_t *energy, int64_t *cumulative)
{
	const json_t *rows = json_object_get(leaf, "meters");
	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);
		const char *name = json_string_value(json_array_get(row, 0));
		if (!name || strcmp(name, id) != 0)
			continue;
		*energy = json_integer_value(json_array_get(row, 1));
		*cumulative = json_integer_value(json_array_get(row, 2));
		return true;
	}
	return false;
}

static json_t *leaf_at(const json_t *cert, int64_t at, bool ends)
{
	const json_t *rows = json_object_get(json_object_get(cert, "evidence"), "leaves");
	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);
		if (json_integer_value(json_object_get(row, "kind")) != CERT_LEAF_INTERVAL)
			continue;
		json_t *leaf = json_loads(json_string_value(json_object_get(row, "leaf")), JSON_REJECT_DUPLICATES, NULL);
		int64_t t;
		if (integer_at(leaf, ends ? "to" : "from", &t) && t == at && json_object_get(leaf, "meters"))
			return leaf;
		json_decref(leaf);
	}
	return NULL;
}

/* A meter's energy over the window follows from the rows of the first and the last leaf. */
static bool check_meters(const struct leaves *l, const json_t *cert, const struct kpi *k, struct cert_check *out, struct err *err)
{
	const json_t *meters = json_object_get(cert, "meters");
	json_t *before = leaf_at(cert, k->from.ms, true), *first = before ? NULL : leaf_at(cert, k->from.ms, false), *last = leaf_at(cert, k->to.ms, true);
	bool good = true;
	for (size_t i = 0; i < json_array_size(meters) && good && last && (before || first) && !l->corrections && !l->corrections_omitted; i++) {
		const char *id = json_string_value(json_object_get(json_array_get(meters, i), "id"));
		int64_t stated, e, a, b, sum;
		char prefix[40];
		if (!id || !integer_at(json_array_get(meters, i), "energy_mwh", &stated) || !meter_in(before ? before : first, id, &e, &a) || !meter_in(last, id, &sum, &b))
			continue;
		snprintf(prefix, sizeof prefix, "/meters/%zu", i);
		if (__builtin_sub_overflow(b, a, &sum) || (!before && __builtin_add_overflow(sum, e, &sum)) || sum != stated)
			good = fail_at(out, err, prefix, "energy_mwh", "not the difference of the meter's cumulative energies in the attached leaves");
	}
	json_decref(before);
	json_decref(first);
	json_decref(last);
	return good;
}

static bool check_figures(const struct leaves *l, const json_t *cert, const struct facts *f, struct cert_check *out, struct err *err)
{
	return check_window(l, &f->kpi, "/facts/kpi", out, err) && check_months(l, cert, f, out, err) && check_meters(l, cert, &f->kpi, out, err);
}

bool cert_recheck_evidence(const json_t *cert, struct cert_check *out, struct err *err)
{
	struct leaves l = { 0 };
	struct facts f;
	json_t *root = NULL;
	CLEANUP(buf_done) struct buf text = { 0 };
	*out = (struct cert_check){ 0 };
	const json_t *facts = json_object_get(cert, "facts");
	if (!json_is_object(facts) || !json_canonical(facts, &text, err) || !facts_parse("facts", text.data, text.len, &f, &root, err))
		return fail(out, err, "/facts", "no facts that can be read");
	bool good = read_leaves(json_object_get(cert, "evidence"), &l, out, err) && check_figures(&l, cert, &f, out, err);
	free(l.rows);
	free(l.corrected);
	facts_done(&f);
	json_decref(root);
	return good;
}
