#include "tests/unit/kit.h"
#include "tests/unit/test.h"
#include "collectors/modbus_frame.h"

#include <stdlib.h>

static const struct modbus_request two = { .transaction = 0x0102, .unit = 3, .function = 3, .address = 0x34, .count = 2 };
static const struct modbus_request bits = { .transaction = 1, .unit = 1, .function = 1, .address = 0, .count = 10 };
static const struct modbus_request ident = { .transaction = 1, .unit = 1, .function = 43 };
static const struct modbus_request server = { .transaction = 1, .unit = 1, .function = 17 };

static const struct build_row { const char *name; const struct modbus_request *req; const char *bytes; } build_rows[] = {
	{ "registers", &two, "01 02 00 00 00 06 03 03 00 34 00 02" },
	{ "coils", &bits, "00 01 00 00 00 06 01 01 00 00 00 0a" },
	{ "device identification", &ident, "00 01 00 00 00 05 01 2b 0e 01 00" },
	{ "server id", &server, "00 01 00 00 00 02 01 11" },
};

static void builds(void **state)
{
	(void)state;
	for (const struct build_row *r = build_rows; r < build_rows + countof(build_rows); r++) {
		uint8_t got[MODBUS_ADU_MAX], want[MODBUS_ADU_MAX];
		size_t n = kit_unhex(r->bytes, want);
		row_check(r, modbus_request_ok(r->req, NULL));
		row_check(r, modbus_build(r->req, got) == n && memcmp(got, want, n) == 0);
	}
}

static const struct ok_row { const char *name; struct modbus_request req; bool ok; } ok_rows[] = {
	{ "125 registers", { .function = 3, .count = 125 }, true },
	{ "126 registers", { .function = 3, .count = 126 }, false },
	{ "2000 bits", { .function = 2, .count = 2000 }, true },
	{ "2001 bits", { .function = 2, .count = 2001 }, false },
	{ "none", { .function = 4 }, false },
	{ "up to the last address", { .function = 4, .address = 0xffff, .count = 1 }, true },
	{ "beyond the last address", { .function = 4, .address = 0xffff, .count = 2 }, false },
	{ "write single coil", { .function = 5, .count = 1 }, false },
	{ "write single register", { .function = 6, .count = 1 }, false },
	{ "write coils", { .function = 15, .count = 1 }, false },
	{ "write registers", { .function = 16, .count = 1 }, false },
	{ "mask write", { .function = 22, .count = 1 }, false },
	{ "read and write", { .function = 23, .count = 1 }, false },
};

static void only_reads(void **state)
{
	(void)state;
	for (const struct ok_row *r = ok_rows; r < ok_rows + countof(ok_rows); r++)
		row_check(r, modbus_request_ok(&r->req, NULL) == r->ok);
}

static const struct parse_row { const char *name; const struct modbus_request *req; const char *bytes; enum frame frame; size_t used; unsigned exception; const char *says; } parse_rows[] = {
	{ "good", &two, "01 02 00 00 00 07 03 03 04 11 22 33 44", FRAME_DONE, 13, 0, NULL },
	{ "good with more behind", &two, "01 02 00 00 00 07 03 03 04 11 22 33 44 01 03", FRAME_DONE, 13, 0, NULL },
	{ "nothing", &two, "", FRAME_MORE, 0, 0, NULL },
	{ "half a header", &two, "01 02 00", FRAME_MORE, 0, 0, NULL },
	{ "header only", &two, "01 02 00 00 00 07", FRAME_MORE, 0, 0, NULL },
	{ "one byte short", &two, "01 02 00 00 00 07 03 03 04 11 22 33", FRAME_MORE, 0, 0, NULL },
	{ "other transaction", &two, "01 01 00 00 00 07 03 03 04 11 22 33 44", FRAME_OTHER, 13, 0, NULL },
	{ "protocol id", &two, "01 02 00 01 00 07 03 03 04 11 22 33 44", FRAME_LOST, 0, 0, "protocol id is 1" },
	{ "protocol id, early", &two, "48 54 54 50", FRAME_LOST, 0, 0, "protocol id" },
	{ "length 0", &two, "01 02 00 00 00 00", FRAME_LOST, 0, 0, "length field is 0" },
	{ "length 2", &two, "01 02 00 00 00 02 03 03", FRAME_LOST, 0, 0, "length field is 2" },
	{ "length 255", &two, "01 02 00 00 00 ff", FRAME_LOST, 0, 0, "length field is 255" },
	{ "length 254 is the longest", &two, "01 02 00 00 00 fe", FRAME_MORE, 0, 0, NULL },
	{ "unit", &two, "01 02 00 00 00 07 04 03 04 11 22 33 44", FRAME_BAD, 13, 0, "unit is 4, not 3" },
	{ "function", &two, "01 02 00 00 00 07 03 04 04 11 22 33 44", FRAME_BAD, 13, 0, "function is 4, not 3" },
	{ "byte count of another quantity", &two, "01 02 00 00 00 05 03 03 02 11 22", FRAME_BAD, 11, 0, "byte count is 2, not 4" },
	{ "byte count lies", &two, "01 02 00 00 00 07 03 03 06 11 22 33 44", FRAME_BAD, 13, 0, "byte count is 6, not 4" },
	{ "bytes behind the data", &two, "01 02 00 00 00 08 03 03 04 11 22 33 44 55", FRAME_BAD, 14, 0, "byte count is 4, not 5" },
	{ "exception", &two, "01 02 00 00 00 03 03 83 02", FRAME_EXCEPTION, 9, 2, "illegal data address" },
	{ "unknown exception", &two, "01 02 00 00 00 03 03 83 63", FRAME_EXCEPTION, 9, 0x63, "unknown exception" },
	{ "exception of another function", &two, "01 02 00 00 00 03 03 84 02", FRAME_BAD, 9, 0, "function is 132" },
	{ "exception of another unit", &two, "01 02 00 00 00 03 04 83 02", FRAME_BAD, 9, 0, "unit is 4" },
	{ "exception too long", &two, "01 02 00 00 00 04 03 83 02 00", FRAME_BAD, 10, 0, "size of the exception" },
	{ "ten bits in two bytes", &bits, "00 01 00 00 00 05 01 01 02 01 02", FRAME_DONE, 11, 0, NULL },
	{ "ten bits in one byte", &bits, "00 01 00 00 00 04 01 01 01 01", FRAME_BAD, 10, 0, "byte count is 1" },
	{ "identification", &ident, "00 01 00 00 00 0f 01 2b 0e 01 01 00 00 02 00 01 41 01 02 42 43", FRAME_DONE, 21, 0, NULL },
	{ "identification cut off", &ident, "00 01 00 00 00 0e 01 2b 0e 01 01 00 00 02 00 01 41 01 02 42", FRAME_BAD, 20, 0, "cut off" },
	{ "identification with a tail", &ident, "00 01 00 00 00 0c 01 2b 0e 01 01 00 00 01 00 01 41 ff", FRAME_BAD, 18, 0, "behind the device" },
	{ "identification of another type", &ident, "00 01 00 00 00 0b 01 2b 0d 01 01 00 00 01 00 01 41", FRAME_BAD, 17, 0, "type 14" },
	{ "server id", &server, "00 01 00 00 00 06 01 11 03 09 41 ff", FRAME_DONE, 12, 0, NULL },
	{ "server id, count lies", &server, "00 01 00 00 00 06 01 11 04 09 41 ff", FRAME_BAD, 12, 0, "byte count" },
};

static void parses(void **state)
{
	(void)state;
	for (const struct parse_row *r = parse_rows; r < parse_rows + countof(parse_rows); r++) {
		uint8_t bytes[MODBUS_ADU_MAX];
		struct modbus_answer answer = { 0 };
		struct err err = { 0 };
		size_t n = kit_unhex(r->bytes, bytes);
		uint8_t *exact = malloc(n ? n : 1);   /* so that the sanitizer sees one byte too many */
		memcpy(exact, bytes, n);
		row_check(r, modbus_parse(exact, n, r->req, &answer, &err) == r->frame);
		row_check(r, answer.used == r->used && answer.exception == r->exception);
		row_check(r, !r->says || strstr(err.text, r->says));
		free(exact);
	}
}

static void every_cut_waits(void **state)
{
	(void)state;
	for (const struct parse_row *r = parse_rows; r < parse_rows + countof(parse_rows); r++) {
		uint8_t bytes[MODBUS_ADU_MAX];
		size_t n = kit_unhex(r->bytes, bytes);
		for (size_t k = 0; r->frame != FRAME_LOST && r->frame != FRAME_MORE && k < r->used && k < n; k++) {
			struct modbus_answer answer;
			row_check(r, modbus_parse(bytes, k, r->req, &answer, NULL) == FRAME_MORE);
		}
	}
}

static void content(void **state)
{
	(void)state;
	uint8_t pdu[64];
	struct words words;
	kit_unhex("03 04 11 22 ff 44", pdu);
	modbus_words(pdu, &two, &words);
	assert_int_equal(words.n, 2);
	assert_int_equal(words.at[0], 0x1122);
	assert_int_equal(words.at[1], 0xff44);
	kit_unhex("01 02 05 02", pdu);
	modbus_words(pdu, &bits, &words);
	assert_int_equal(words.n, 10);
	const uint16_t want[] = { 1, 0, 1, 0, 0, 0, 0, 0, 0, 1 };
	assert_memory_equal(words.at, want, sizeof want);
	struct modbus_objects objects = { 0 };
	size_t n = kit_unhex("2b 0e 01 01 ff 02 02 00 01 41 01 02 42 43", pdu);
	assert_true(modbus_device_id(pdu, n, &objects, NULL));
	assert_int_equal(objects.n, 2);
	assert_string_equal(objects.at[1].text, "BC");
	assert_true(objects.more && objects.next == 2);
	n = kit_unhex("11 07 09 ff 50 4d 35 33 00", pdu);
	modbus_server_id(pdu, n, &objects);
	assert_string_equal(objects.at[0].text, "PM53");
}

static const struct foreign_row { const char *name, *bytes, *speaks; } foreign_rows[] = {
	{ "web server", "HTTP/1.1 400 Bad Request", "HTTP" }, { "ssh", "SSH-2.0-OpenSSH_9.2", "SSH" },
	{ "mail", "220 mail ESMTP", "FTP or SMTP" }, { "telnet", "\xff\xfd\x01", "Telnet" }, { "tls", "\x15\x03\x01", "TLS" },
	{ "banner", "Welcome to ACME\r\n", "a text protocol" }, { "binary", "\x01\x02\x03\x04\x05", NULL },
};

static void names_foreign_protocols(void **state)
{
	(void)state;
	for (const struct foreign_row *r = foreign_rows; r < foreign_rows + countof(foreign_rows); r++) {
		const char *got = modbus_foreign((const uint8_t *)r->bytes, strlen(r->bytes));
		row_check(r, r->speaks ? got && strcmp(got, r->speaks) == 0 : !got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(builds), cmocka_unit_test(only_reads), cmocka_unit_test(parses),
					    cmocka_unit_test(every_cut_waits), cmocka_unit_test(content), cmocka_unit_test(names_foreign_protocols) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
