#include "tests/sim/verbs.h"
#include "tests/sim/model.h"
#include "core/buf.h"
#include <stdio.h>
#include <stdlib.h>

bool model_of_seed(const char *seed, struct model **out, struct err *err)
{
	int64_t number = 1;
	if (seed && !number_parse("--seed", seed, 0, INT64_MAX, &number, err))
		return false;
	*out = model_new((uint64_t)number);
	return *out || err_memory(err);
}

struct truth { int64_t mwh[SIM_NODES_MAX], racks[3], total, it; };

static bool read_truth(struct model *m, struct wall t, struct truth *out, struct err *err)
{
	*out = (struct truth){ 0 };
	if (!model_at(m, t, err))
		return false;
	for (int i = 0; i < model_nodes(m); i++) {
		out->mwh[i] = model_energy_mwh(m, i);
		out->total += model_node(m, i)->kind == NODE_UTILITY ? out->mwh[i] : 0;
		out->it += model_node(m, i)->kind == NODE_ROW ? out->mwh[i] : 0;
		if (model_node(m, i)->kind == NODE_ROW)
			out->racks[model_row_function(model_node(m, i)->row)] += out->mwh[i];
	}
	return true;
}

static void print_truth(struct model *m, struct wall from, struct wall to, const struct truth *a, const struct truth *b)
{
	char text[2][WALL_TEXT];
	int64_t total = b->total - a->total, it = b->it - a->it;
	int64_t ppm = it ? (int64_t)((__int128)total * 1000000 / it) : 0;
	printf("{\"from\": \"%s\", \"to\": \"%s\", \"total_mwh\": %lld, \"it_mwh\": %lld,\n", wall_text_at(from, SIM_OFFSET_S, text[0]),
	       wall_text_at(to, SIM_OFFSET_S, text[1]), (long long)total, (long long)it);
	printf(" \"pue\": {\"numerator\": %lld, \"denominator\": %lld, \"cut_to_6\": \"%lld.%06lld\"},\n", (long long)total, (long long)it,
	       (long long)(ppm / 1000000), (long long)(ppm % 1000000));
	printf(" \"it_by_function_mwh\": {\"compute\": %lld, \"storage\": %lld, \"network\": %lld},\n", (long long)(b->racks[0] - a->racks[0]),
	       (long long)(b->racks[1] - a->racks[1]), (long long)(b->racks[2] - a->racks[2]));
	printf(" \"meters_mwh\": {");
	for (int i = 0; i < model_nodes(m); i++)
		printf("%s\"%s\": %lld", i ? ", " : "", model_node(m, i)->id, (long long)(b->mwh[i] - a->mwh[i]));
	printf("},\n \"cumulative_mwh\": {");
	for (int i = 0; i < model_nodes(m); i++)
		printf("%s\"%s\": %lld", i ? ", " : "", model_node(m, i)->id, (long long)b->mwh[i]);
	printf("}}\n");
}

bool verb_truth(int argc, char **argv, struct err *err)
{
	const char *from_text = NULL, *to_text = NULL, *seed = NULL;
	const struct option_row rows[] = { { "--from", &from_text, false }, { "--to", &to_text, false }, { "--seed", &seed, false } };
	struct wall from = { 0 }, to = { 0 };
	if (!options_parse(argc, argv, rows, countof(rows), NULL, err))
		return false;
	if (!from_text || !to_text)
		return err_set(err, ERR_USAGE, "give --from and --to, RFC 3339 with an offset");
	if (!wall_parse(from_text, &from, err) || !wall_parse(to_text, &to, err))
		return false;
	if (to.ms < from.ms)
		return err_set(err, ERR_USAGE, "--to is before --from");
	struct model *m = NULL;
	if (!model_of_seed(seed, &m, err))
		return false;
	struct truth a, b;
	bool good = read_truth(m, from, &a, err) && read_truth(m, to, &b, err);
	if (good)
		print_truth(m, from, to, &a, &b);
	model_free(m);
	return good;
}
