/* pued-sim: a simulated data center for demo, tests and benchmarks. */
#include "tests/sim/verbs.h"
#include <stdio.h>
#include <string.h>

static const struct verb { const char *name; bool (*run)(int argc, char **argv, struct err *err); const char *usage; } verbs[] = {
	{ "run", verb_run, "[--site-clock-offset SECONDS] [--port-base N | --modbus-port N --snmp-port N] [--ports-file FILE]\n"
			   "               [--latency 5ms] [--log FILE] SITE [--fault DEVICE=KIND[:ARG][@FROM..TO]]..." },
	{ "history", verb_history, "--from TIME --to TIME [--step 15m] [--out FILE|-] [--all] SITE" },
	{ "site", verb_site, "--out DIR [--modbus-port N] [--snmp-port N] [--rack-meters] SITE" },
	{ "truth", verb_truth, "--from TIME --to TIME [--seed N]" },
	{ "faults", verb_faults, "  (lists what --fault takes)" },
	{ "snmprec", verb_snmprec, "FILE [--listen 127.0.0.1:PORT] [--community C] [--max-size BYTES]" },
};

static void usage(void)
{
	for (size_t i = 0; i < countof(verbs); i++)
		fprintf(stderr, "%s pued-sim %s %s\n", i ? "      " : "usage:", verbs[i].name, verbs[i].usage);
	fprintf(stderr, "SITE:  [--seed N] [--racks-polled 128] [--scale demo|full] [--extra N]\n");
}

int main(int argc, char **argv)
{
	struct err err = { 0 };
	for (size_t i = 0; argc > 1 && i < countof(verbs); i++) {
		if (strcmp(argv[1], verbs[i].name))
			continue;
		if (verbs[i].run(argc - 2, argv + 2, &err))
			return 0;
		fprintf(stderr, "pued-sim %s: %s\n", argv[1], err.text);
		return err_exit_code(&err);
	}
	usage();
	return 64;
}
