#include "tests/unit/test.h"
#include "collectors/collector.h"

static const struct row { const char *name, *text; bool good; const char *host; unsigned port, unit; const char *user; int version; const char *bus, *option, *says; } rows[] = {
	{ "plain", "modbus+tcp://10.0.0.1/3", true, "10.0.0.1", 502, 3, "", 0, "10.0.0.1:502", NULL, NULL },
	{ "port", "modbus+tcp://gw-3.example:1502/255", true, "gw-3.example", 1502, 255, "", 0, "gw-3.example:1502", NULL, NULL },
	{ "unit 0 of a gateway itself", "modbus+tcp://gw/0", true, "gw", 502, 0, "", 0, "gw:502", NULL, NULL },
	{ "IPv6", "modbus+tcp://[fe80::1]:503/1", true, "fe80::1", 503, 1, "", 0, "[fe80::1]:503", NULL, NULL },
	{ "IPv6 without port", "modbus+tcp://[::1]/1", true, "::1", 502, 1, "", 0, "[::1]:502", NULL, NULL },
	{ "IPv6 without brackets", "modbus+tcp://fe80::1/1", false, NULL, 0, 0, NULL, 0, NULL, NULL, "brackets" },
	{ "no unit", "modbus+tcp://10.0.0.1", false, NULL, 0, 0, NULL, 0, NULL, NULL, "no unit" },
	{ "unit 256", "modbus+tcp://10.0.0.1/256", false, NULL, 0, 0, NULL, 0, NULL, NULL, "unit '256'" },
	{ "unit not a number", "modbus+tcp://10.0.0.1/a", false, NULL, 0, 0, NULL, 0, NULL, NULL, "unit 'a'" },
	{ "port 0", "modbus+tcp://10.0.0.1:0/1", false, NULL, 0, 0, NULL, 0, NULL, NULL, "port '0'" },
	{ "port 65536", "modbus+tcp://10.0.0.1:65536/1", false, NULL, 0, 0, NULL, 0, NULL, NULL, "port '65536'" },
	{ "no host", "modbus+tcp:///1", false, NULL, 0, 0, NULL, 0, NULL, NULL, "no host" },
	{ "two units", "modbus+tcp://h/1/2", false, NULL, 0, 0, NULL, 0, NULL, NULL, "unit '1/2'" },
	{ "serial, unit in the path", "modbus+rtu:///dev/ttyS0/7?baud=9600&parity=even", true, "/dev/ttyS0", 0, 7, "", 0, "/dev/ttyS0", "parity=even", NULL },
	{ "serial, unit behind the options", "modbus+rtu:///dev/ttyS0?baud=9600&parity=even/7", true, "/dev/ttyS0", 0, 7, "", 0, "/dev/ttyS0", "parity=even", NULL },
	{ "serial by id", "modbus+rtu:///dev/serial/by-id/usb-FTDI_A-if00/12", true, "/dev/serial/by-id/usb-FTDI_A-if00", 0, 12, "", 0, "/dev/serial/by-id/usb-FTDI_A-if00", NULL, NULL },
	{ "serial broadcast", "modbus+rtu:///dev/ttyS0/0", false, NULL, 0, 0, NULL, 0, NULL, NULL, "from 1 to 247" },
	{ "serial without path", "modbus+rtu://ttyS0/1", false, NULL, 0, 0, NULL, 0, NULL, NULL, "serial line" },
	{ "RTU over TCP", "modbus+rtutcp://moxa:4001/2", true, "moxa", 4001, 2, "", 0, "moxa:4001", NULL, NULL },
	{ "RTU over TCP has no usual port", "modbus+rtutcp://moxa/2", false, NULL, 0, 0, NULL, 0, NULL, NULL, "HOST:PORT" },
	{ "community", "snmp://public@192.0.2.1", true, "192.0.2.1", 161, 0, "public", 2, "192.0.2.1:161", NULL, NULL },
	{ "community by credential", "snmp://192.0.2.1:1161?v=1", true, "192.0.2.1", 1161, 0, "", 1, "192.0.2.1:1161", "v=1", NULL },
	{ "escaped community", "snmp://p%40ss%2fw@h?v=2c", true, "h", 161, 0, "p@ss/w", 2, "h:161", NULL, NULL },
	{ "community with at sign", "snmp://a@b@h", true, "h", 161, 0, "a@b", 2, "h:161", NULL, NULL },
	{ "bad escape", "snmp://p%4@h", false, NULL, 0, 0, NULL, 0, NULL, NULL, "badly escaped" },
	{ "zero byte in community", "snmp://p%00@h", false, NULL, 0, 0, NULL, 0, NULL, NULL, "badly escaped" },
	{ "version 3 by v=", "snmp://public@h?v=3", false, NULL, 0, 0, NULL, 0, NULL, NULL, "snmpv3://" },
	{ "v3", "snmpv3://mon@h:1161?auth=sha256&priv=aes128", true, "h", 1161, 0, "mon", 3, "h:1161", "auth=sha256", NULL },
	{ "unknown option", "snmp://public@h?vv=1", false, NULL, 0, 0, NULL, 0, NULL, NULL, "'vv' is not known" },
	{ "half an option name", "snmpv3://m@h?aut=sha", false, NULL, 0, 0, NULL, 0, NULL, NULL, "'aut' is not known" },
	{ "option without value", "snmp://public@h?v", false, NULL, 0, 0, NULL, 0, NULL, NULL, "no value" },
	{ "path behind an SNMP host", "snmp://public@h/1", false, NULL, 0, 0, NULL, 0, NULL, NULL, "unexpected" },
	{ "recording", "replay:/tmp/a.snmprec", true, "/tmp/a.snmprec", 0, 0, "", 0, "/tmp/a.snmprec", NULL, NULL },
	{ "recording without name", "replay:", false, NULL, 0, 0, NULL, 0, NULL, NULL, "file name" },
	{ "scheme", "modbus://h/1", false, NULL, 0, 0, NULL, 0, NULL, NULL, "must begin with" },
	{ "empty", "", false, NULL, 0, 0, NULL, 0, NULL, NULL, "must begin with" },
	{ "space in host", "modbus+tcp://a b/1", false, NULL, 0, 0, NULL, 0, NULL, NULL, "not a host" },
};

static void parses(void **state)
{
	(void)state;
	for (const struct row *r = rows; r < rows + countof(rows); r++) {
		struct endpoint ep = { .port = 77 };
		struct err err = { 0 };
		row_check(r, endpoint_parse(r->text, &ep, &err) == r->good);
		if (!r->good) {
			row_check(r, strstr(err.text, r->says));
			row_check(r, ep.port == 77);
			continue;
		}
		row_check(r, strcmp(ep.host, r->host) == 0 && ep.port == r->port && ep.unit == r->unit);
		row_check(r, strcmp(ep.user, r->user) == 0 && ep.version == r->version);
		CLEANUP(buf_done) struct buf bus = { 0 };
		endpoint_bus(&ep, &bus);
		row_check(r, strcmp(bus.data, r->bus) == 0);
		if (r->option) {
			char key[24] = { 0 };
			memcpy(key, r->option, strcspn(r->option, "="));
			row_check(r, strcmp(endpoint_option(&ep, key), strchr(r->option, '=') + 1) == 0);
		}
	}
}

static void community_is_never_in_an_error(void **state)
{
	(void)state;
	struct endpoint ep;
	struct err err = { 0 };
	assert_false(endpoint_parse("snmp://s3cret@host:99999", &ep, &err));
	assert_null(strstr(err.text, "s3cret"));
	assert_non_null(strstr(err.text, "@host"));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(parses), cmocka_unit_test(community_is_never_in_an_error) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
