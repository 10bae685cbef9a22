/* What snmpwalk prints, in its forms, as a recording. */
#include "tests/unit/test.h"
#include "core/walk.h"

static const struct row { const char *name, *text, *snmprec; size_t left_out; } rows[] = {
	{ "-On", ".1.3.6.1.2.1.1.5.0 = STRING: \"ab\"\n", "1.3.6.1.2.1.1.5.0|4x|6162\n" },
	{ "iso in front, CR LF", "iso.3.6.1.4.1.9.1 = INTEGER: -5\r\n", "1.3.6.1.4.1.9.1|2|-5\n" },
	{ "the one subtree every MIB set names", "SNMPv2-SMI::enterprises.318.1.0 = Gauge32: 4294967295\n", "1.3.6.1.4.1.318.1.0|66|4294967295\n" },
	{ "-Os", "enterprises.318.1.0 = Counter32: 7\nsysName.0 = STRING: \"x\"\n", "1.3.6.1.4.1.318.1.0|65|7\n1.3.6.1.2.1.1.5.0|4x|78\n" },
	{ "-Of", ".iso.3.6.1 = INTEGER: 1", "1.3.6.1|2|1\n" },
	{ "named by a MIB", "IF-MIB::ifDescr.1 = STRING: eth0\n.1.3.6.1.9 = INTEGER: 2\n", "1.3.6.1.9|2|2\n", 1 },
	{ "names with indexes (-OX)", "IF-MIB::ifDescr[1] = STRING: eth0\n.1.3.6.1.9 = INTEGER: 2\n", "1.3.6.1.9|2|2\n", 1 },
	{ "enumeration with its number", ".1.3.6.1.9 = INTEGER: up(1)\n", "1.3.6.1.9|2|1\n" },
	{ "units behind", ".1.3.6.1.9 = INTEGER: 230 0.1 Volts\n.1.3.6.2 = Gauge32: 5 %\n", "1.3.6.1.9|2|230\n1.3.6.2|66|5\n" },
	{ "a display hint's point", ".1.3.6.1.9 = INTEGER: 2.30 A\n.1.3.6.1.10 = INTEGER: -.5\n", "1.3.6.1.9|2|230\n1.3.6.1.10|2|-5\n" },
	{ "a Counter64 above 2^63", ".1.3.6.1.9 = Counter64: 18446744073709551615\n", "1.3.6.1.9|70|18446744073709551615\n" },
	{ "time ticks", ".1.3.6.1.9 = Timeticks: (123456) 0:20:34.56\n", "1.3.6.1.9|67|123456\n" },
	{ "quotes and backslashes", ".1.3.6.1.9 = STRING: \"a\\\"b\\\\c\"\n", "1.3.6.1.9|4x|6122625c63\n" },
	{ "a text over lines", ".1.3.6.1.9 = STRING: \"a\nb\n.1.3 = INTEGER: 7\"\n.1.3.6.1.10 = INTEGER: 1\n", "1.3.6.1.9|4x|610a620a2e312e33203d20494e54454745523a2037\n1.3.6.1.10|2|1\n" },
	{ "a text by its display hint, over lines", ".1.3.6.1.9 = STRING: a b\nc\n.1.3.6.1.10 = INTEGER: 1\n", "1.3.6.1.9|4x|6120620a63\n1.3.6.1.10|2|1\n" },
	{ "nothing in it", ".1.3.6.1.9 = \"\"\n.1.3.6.1.10 = STRING: \n.1.3.6.1.11 = STRING: \"\"\n", "1.3.6.1.9|4x|\n1.3.6.1.10|4x|\n1.3.6.1.11|4x|\n" },
	{ "octets over lines", ".1.3.6.1.9 = Hex-STRING: 00 1A \n2B FF \n.1.3.6.1.10 = INTEGER: 1\n", "1.3.6.1.9|4x|001a2bff\n1.3.6.1.10|2|1\n" },
	{ "octets with their letters (-OT)", ".1.3.6.1.9 = Hex-STRING: 41 0A   [A\n]\n42   [B]\n", "1.3.6.1.9|4x|410a42\n" },
	{ "bits", ".1.3.6.1.9 = BITS: 80 01 power(0) fan(15) \n", "1.3.6.1.9|4x|8001\n" },
	{ "object ids", ".1.3.6.1.9 = OID: .1.3.6.1.4.1.318\n.1.3.6.1.10 = OID: SNMPv2-SMI::enterprises.318\n.1.3.6.1.11 = OID: iso.3.6\n", "1.3.6.1.9|6|1.3.6.1.4.1.318\n1.3.6.1.10|6|1.3.6.1.4.1.318\n1.3.6.1.11|6|1.3.6\n" },
	{ "addresses", ".1.3.6.1.9 = IpAddress: 10.0.0.1\n.1.3.6.1.10 = Network Address: 0A:00:00:01\n", "1.3.6.1.9|64|10.0.0.1\n1.3.6.1.10|64|10.0.0.1\n" },
	{ "floats", ".1.3.6.1.9 = Opaque: Float: 230.100006\n.1.3.6.1.10 = Opaque: Float: -0.500000\n", "1.3.6.1.9|68x|9f78044366199a\n1.3.6.1.10|68x|9f7804bf000000\n" },
	{ "another type than the MIB says", ".1.3.6.1.9 = Wrong Type (should be Gauge32 or Unsigned32): INTEGER: 5\n", "1.3.6.1.9|2|5\n" },
	{ "what is not there", ".1.3.6.1.9 = No Such Object available on this agent at this OID\n.1.3.6.1.10 = No Such Instance currently exists at this OID\n.1.3.6.1.11 = NULL\n"
	  ".1.3.6.1.12 = INTEGER: 1\n.1.3.6.1.12 = No more variables left in this MIB View (It is past the end of the MIB tree)\n", "1.3.6.1.12|2|1\n" },
	{ "without types (-OQ)", ".1.3.6.1.1 = 1\n.1.3.6.1.2 = -1\n.1.3.6.1.3 = 4294967295\n.1.3.6.1.4 = 18446744073709551615\n.1.3.6.1.5 = \"230.1 V\"\n.1.3.6.1.6 = .1.3.6.1.4.1.9\n"
	  ".1.3.6.1.7 = 0:0:20:34.56\n.1.3.6.1.8 = \"00 11 22 \"\n.1.3.6.1.9 = \"25 \"\n.1.3.6.1.10 = 10.0.0.1\n.1.3.6.1.11 = 123.456001\n.1.3.6.1.12 = up\n",
	  "1.3.6.1.1|2|1\n1.3.6.1.2|2|-1\n1.3.6.1.3|66|4294967295\n1.3.6.1.4|70|18446744073709551615\n1.3.6.1.5|4x|3233302e312056\n1.3.6.1.6|6|1.3.6.1.4.1.9\n"
	  "1.3.6.1.7|67|123456\n1.3.6.1.8|4x|001122\n1.3.6.1.9|4x|323520\n1.3.6.1.10|64|10.0.0.1\n1.3.6.1.11|68x|9f780442f6e979\n1.3.6.1.12|4x|7570\n" },
	{ "v1's last word", ".1.3.6.1.1 = STRING: a\nEnd of MIB\n", "1.3.6.1.1|4x|61\n" },
	{ "without types and signs (-Oq)", ".1.3.6.1.1 1\n.1.3.6.1.2 \"a\nb\"\n.1.3.6.1.3 No more variables left in this MIB View (It is past the end of the MIB tree)\n", "1.3.6.1.1|2|1\n1.3.6.1.2|4x|610a62\n" },
	{ "a prompt and complaints above, remarks between", "$ snmpwalk -v2c -c x 10.0.0.1 .1\nMIB search path: /usr/share\nBad operator (INTEGER): At line 73 in x\n.1.3.6.1.1 = INTEGER: 1\n\n# by hand\n.1.3.6.1.2 = INTEGER: 2\n",
	  "1.3.6.1.1|2|1\n1.3.6.1.2|2|2\n" },
};

static void walks(void **state)
{
	(void)state;
	for (const struct row *r = rows; r < rows + countof(rows); r++) {
		CLEANUP(buf_done) struct buf out = { 0 };
		struct err err = { 0 };
		size_t left_out;
		row_check(r, walk_is(r->text, strlen(r->text)));
		if (!walk_to_snmprec(r->text, strlen(r->text), &out, &left_out, &err))
			fail_msg("row \"%s\": %s", r->name, err.text);
		if (strcmp(out.data ? out.data : "", r->snmprec))
			fail_msg("row \"%s\":\n%sexpected\n%s", r->name, out.data, r->snmprec);
		row_check(r, left_out == r->left_out);
	}
}

static const struct bad { const char *name, *text, *says; } bad[] = {
	{ "a point without a type", ".1.3.6.1.1 = 1\n.1.3.6.1.2 = 2.30\n", "line 2: '2.30' may be a whole number that the MIB shows with a point, or a text" },
	{ "the walk broke off", ".1.3.6.1.1 = INTEGER: 1\nTimeout: No Response from 10.0.0.1\n", "line 2 is no answer" },
	{ "a number that is none", ".1.3.6.1.1 = INTEGER: many\n", "line 1: 'many' is no INTEGER" },
	{ "half an octet", ".1.3.6.1.1 = Hex-STRING: 00 1\n", "is no Hex-STRING" },
	{ "a quote that never closes", ".1.3.6.1.1 = INTEGER: 4\n.1.3.6.1.2 = STRING: \"a\nb\n", "line 2:" },
	{ "digits without end", ".1.3.6.1.1 = Counter64: 123456789012345678901234567890\n", "is no Counter64" },
};

static void refused(void **state)
{
	(void)state;
	for (const struct bad *r = bad; r < bad + countof(bad); r++) {
		CLEANUP(buf_done) struct buf out = { 0 };
		struct err err = { 0 };
		size_t left_out;
		row_check(r, !walk_to_snmprec(r->text, strlen(r->text), &out, &left_out, &err));
		if (!strstr(err.text, r->says))
			fail_msg("row \"%s\": %s, expected \"%s\"", r->name, err.text, r->says);
	}
}

static void other_files_are_no_walks(void **state)
{
	(void)state;
	static const char *const texts[] = { "1.3.6.1.2.1.1.5.0|4|a = b\n", "# .1.3\nholding 0x34 1 2\n", "silent\n@ 5s\n", "", "object 0 Acme\n", "\n\n", "2025-01-01T00:00:00Z feed-a/total.energy 5\n" };
	for (size_t i = 0; i < countof(texts); i++)
		if (walk_is(texts[i], strlen(texts[i])))
			fail_msg("taken for a walk: %s", texts[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(walks), cmocka_unit_test(refused), cmocka_unit_test(other_files_are_no_walks) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
