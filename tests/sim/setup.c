#include "tests/sim/verbs.h"
#include "tests/sim/fleet.h"
#include <stdlib.h>
#include <string.h>

static bool setup_option(struct setup *s, int argc, char **argv, int *i, struct err *err)
{
	if (strcmp(argv[*i], "--fault"))
		return false;
	if (*i + 1 >= argc) {
		err_set(err, ERR_USAGE, "--fault needs a value");
		return true;
	}
	if (s->n_faults == SETUP_FAULTS)
		err_set(err, ERR_USAGE, "more than %d faults", SETUP_FAULTS);
	else
		s->fault_texts[s->n_faults++] = argv[*i + 1];
	*i += 1;
	return true;
}

bool setup_split(struct setup *s, int *argc, char **argv, struct err *err)
{
	int kept = 0;
	struct err own = { 0 };
	for (int i = 0; i < *argc; i++)
		if (!setup_option(s, *argc, argv, &i, &own))
			argv[kept++] = argv[i];
	*argc = kept;
	if (own.kind == ERR_NONE)
		return true;
	if (err)
		*err = own;
	return false;
}

static bool add_faults(const struct setup *s, struct fleet *f, struct wall start, struct err *err)
{
	for (size_t i = 0; i < s->n_faults; i++) {
		struct fault fault;
		if (!fault_parse(s->fault_texts[i], start, &fault, err) || !fleet_fault_add(f, &fault, err))
			return false;
	}
	return true;
}

bool setup_fleet(const struct setup *s, struct wall start, struct model **model, struct fleet **fleet, struct err *err)
{
	int64_t racks = 128, seed = 1, extra = 0;
	bool full = s->scale && !strcmp(s->scale, "full");
	if (s->scale && !full && strcmp(s->scale, "demo"))
		return err_set(err, ERR_USAGE, "--scale is demo or full, not `%s`", s->scale);
	if (full)
		racks = SIM_RACKS;
	if (s->racks && !number_parse("--racks-polled", s->racks, 0, SIM_RACKS, &racks, err))
		return false;
	if (s->extra && !number_parse("--extra", s->extra, 0, FLEET_EXTRA_MAX, &extra, err))
		return false;
	if (racks % SIM_ROWS)
		return err_set(err, ERR_USAGE, "--racks-polled is a multiple of %d, the number of rows", SIM_ROWS);
	if (s->seed && !number_parse("--seed", s->seed, 0, INT64_MAX, &seed, err))
		return false;
	if (!model_of_seed(s->seed, model, err))
		return false;
	*fleet = fleet_new(*model, (uint64_t)seed, (struct fleet_size){ (int)racks, (int)extra, full }, err);
	if (*fleet && add_faults(s, *fleet, start, err))
		return true;
	fleet_free(*fleet);
	model_free(*model);
	*fleet = NULL;
	*model = NULL;
	return false;
}

bool duration_parse(const char *option, const char *text, int64_t *ms, struct err *err)
{
	static const struct { const char *unit; int64_t ms; } units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 } };
	char *end;
	long long number = strtoll(text, &end, 10);
	for (size_t i = 0; end != text && number > 0 && number <= 1000000 && i < countof(units); i++) {
		if (!strcmp(end, units[i].unit)) {
			*ms = number * units[i].ms;
			return true;
		}
	}
	return err_set(err, ERR_USAGE, "%s: `%s` is not a duration as 15m, 10s or 500ms", option, text);
}
