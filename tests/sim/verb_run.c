#include "tests/sim/verbs.h"
#include "tests/sim/server.h"
#include "agent/file.h"
#include <stdio.h>
#include <time.h>

static bool read_options(struct server_options *o, const char *const texts[5], struct err *err)
{
	int64_t offset_s = 0, base = 0, modbus = 15020, snmp = 16100, latency_ms = 0;
	if (texts[0] && !number_parse("--site-clock-offset", texts[0], -4000000000, 4000000000, &offset_s, err))
		return false;
	if (texts[1] && !number_parse("--port-base", texts[1], 0, 60000, &base, err))
		return false;
	if (texts[1]) {
		modbus = base;
		snmp = base ? base + 1080 : 0;
	}
	if ((texts[2] && !number_parse("--modbus-port", texts[2], 0, 65535, &modbus, err)) ||
	    (texts[3] && !number_parse("--snmp-port", texts[3], 0, 65535, &snmp, err)) ||
	    (texts[4] && !duration_parse("--latency", texts[4], &latency_ms, err)))
		return false;
	o->offset_ms = offset_s * 1000;
	o->modbus_port = (uint16_t)modbus;
	o->snmp_port = (uint16_t)snmp;
	o->latency_us = latency_ms * 1000;
	return true;
}

static bool tell(const char *ports_file, const struct server_options *o, const struct fleet *f, const struct server *s, struct err *err)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	buf_printf(&text, "{\"modbus\": %u, \"snmp\": %u}\n", o->modbus_port, o->snmp_port);
	if (text.failed)
		return err_memory(err);
	if (ports_file && !file_write(ports_file, text.data, text.len, 0644, err))
		return false;
	printf("ready modbus %u snmp %u devices %zu addresses %zu\n", o->modbus_port, o->snmp_port, f->n, server_hosts(s));
	fflush(stdout);
	return true;
}

static struct wall site_time(int64_t offset_ms)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (struct wall){ now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000 + offset_ms };
}

bool verb_run(int argc, char **argv, struct err *err)
{
	struct setup setup = { 0 };
	struct server_options options = { 0 };
	const char *texts[5] = { NULL }, *ports_file = NULL;
	const struct option_row rows[] = {
		{ "--site-clock-offset", &texts[0], false }, { "--port-base", &texts[1], false }, { "--modbus-port", &texts[2], false },
		{ "--snmp-port", &texts[3], false }, { "--latency", &texts[4], false }, { "--ports-file", &ports_file, false },
		{ "--log", &options.log, false }, SETUP_OPTIONS(setup),
	};
	if (!setup_split(&setup, &argc, argv, err) || !options_parse(argc, argv, rows, countof(rows), NULL, err) ||
	    !read_options(&options, texts, err))
		return false;
	struct model *m = NULL;
	struct fleet *f = NULL;
	struct wall now = site_time(options.offset_ms);
	if (!setup_fleet(&setup, now, &m, &f, err))
		return false;
	struct server *s = model_at(m, now, err) ? server_new(f, &options, err) : NULL;
	bool good = s && tell(ports_file, &options, f, s, err) && server_run(s, err);
	server_free(s);
	fleet_free(f);
	model_free(m);
	return good;
}

bool verb_faults(int argc, char **argv, struct err *err)
{
	(void)argv;
	if (argc)
		return err_set(err, ERR_USAGE, "takes no arguments");
	printf("DEVICE[%%N]=KIND[:ARG][@FROM..TO]   DEVICE: id or pattern; times: RFC 3339 or seconds after the start (5s..20s)\n\n");
	for (int i = 0; i < FAULT_KINDS; i++)
		printf("%-20s %s\n", fault_kinds[i].name, fault_kinds[i].meaning);
	return true;
}
