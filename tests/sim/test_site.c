/* What `pued-sim site` writes is a good configuration, and says of the site what the model says.  argv[1]: pued-sim. */
#include "tests/unit/test.h"
#include "agent/file.h"
#include "core/conf.h"
#include "core/site.h"
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>

extern char **environ;
static const char *pued_sim;

static const struct row { const char *name, *option, *value; size_t meters, devices; } rows[] = {
	{ "demo", NULL, NULL, 118, 514 },
	{ "with meters at the racks", "--rack-meters", NULL, 118 + 256, 514 },
	{ "few racks polled", "--racks-polled", "32", 118, 118 + 12 + 96 },
	{ "more for benchmarks", "--extra", "300", 118, 514 + 600 },
	{ "full scale", "--scale", "full", 118, 118 + 12 + 3072 + 72 },
};

static void write_site(const struct row *row, const char *dir)
{
	const char *args[] = { pued_sim, "site", "--out", dir, row->option, row->value, NULL };
	pid_t pid;
	int status;
	row_check(row, !posix_spawn(&pid, pued_sim, NULL, NULL, (char *const *)args, environ));
	row_check(row, waitpid(pid, &status, 0) == pid && status == 0);
}

static void check_site(const struct row *row, const struct site *s)
{
	size_t functions[FUNCTION_N] = { 0 }, it = 0, supplies = 0;
	for (size_t i = 0; i < s->racks.n; i++)
		functions[site_racks(s)[i].function]++;
	for (size_t i = 0; i < s->meters.n; i++) {
		it += site_meters(s)[i].role == ROLE_IT;
		supplies += site_meters(s)[i].role == ROLE_SUPPLY;
	}
	row_check(row, s->simulated);
	row_check(row, s->racks.n == 1024 && functions[FUNCTION_COMPUTE] == 24 * 32 && functions[FUNCTION_STORAGE] == 6 * 32 &&
			       functions[FUNCTION_NETWORK] == 2 * 32);
	row_check(row, s->meters.n == row->meters && s->devices.n == row->devices);
	row_check(row, it == 64 && supplies == 2);
}

static void sites_are_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		char dir[] = "/tmp/pued-sim-XXXXXX", command[80];
		CLEANUP(buf_done) struct buf path = { 0 }, text = { 0 }, report = { 0 };
		struct err err = { 0 };
		row_check(&rows[i], mkdtemp(dir));
		write_site(&rows[i], dir);
		buf_printf(&path, "%s/site.yaml", dir);
		row_check(&rows[i], file_read(path.data, &text, &err));
		struct conf *c = conf_new();
		const struct site *s = site_load(c, path.data, text.data, text.len, file_reader_beside(path.data));
		conf_report(c, &report);
		/* PDUs, climate and controllers are read for the page, not for the ledger: one warning says so */
		bool only_that = conf_warning_count(c) == 1 && strstr(report.data, "are read, but no meter uses them");
		if (!s || conf_problem_count(c) || !only_that)
			fail_msg("row \"%s\":\n%.3000s", rows[i].name, report.data);
		check_site(&rows[i], s);
		conf_free(c);
		snprintf(command, sizeof command, "rm -r %s", dir);
		row_check(&rows[i], !system(command));
	}
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 64;
	pued_sim = argv[1];
	const struct CMUnitTest tests[] = { cmocka_unit_test(sites_are_good) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
