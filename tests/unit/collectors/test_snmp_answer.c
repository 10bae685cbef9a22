/* The reader of usual answers: what it reads, and what it leaves to the library.  That both read the same is fuzz_snmp_answer's. */
#include "collectors/snmp_packet.h"
#include "tests/unit/test.h"

#include <string.h>

enum { ID = 0x01020304 };
static struct oid names[] = { { 9, { 1, 3, 6, 1, 4, 1, 99, 1, 0 } }, { 9, { 1, 3, 6, 1, 4, 1, 318000, 2, 0 } } };
static const struct request request = { .kind = REQUEST_SNMP_GET, .oids = names, .n_oids = countof(names) };

#define ONE "\x06\x08\x2b\x06\x01\x04\x01\x63\x01\x00"
#define TWO "\x06\x0a\x2b\x06\x01\x04\x01\x93\xb4\x30\x02\x00"
#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1
#define VAR1(value, length) "\x30" length ONE value
#define VAR2 "\x30\x0f" TWO "\x02\x01\x07"
/* 37 bytes before the variables, VAR2 takes 17 */
#define HEAD(all, pdu, list) "\x30" all "\x02\x01\x01\x04\x06public\xa2" pdu "\x02\x04\x01\x02\x03\x04\x02\x01\x00\x02\x01\x00\x30" list

static const struct row { const char *name; const uint8_t *bytes; size_t len; bool read; enum var_type type; int64_t integer; const char *text; } rows[] = {
	{ "an integer", BYTES(HEAD("\x3b", "\x2e", "\x20") VAR1("\x02\x01\xfe", "\x0d") VAR2), true, VAR_INTEGER, -2, "" },
	{ "a counter above 31 bits", BYTES(HEAD("\x3f", "\x32", "\x24") VAR1("\x41\x05\x00\xff\xff\xff\xfe", "\x11") VAR2), true, VAR_COUNTER32, 4294967294, "" },
	{ "a text", BYTES(HEAD("\x3e", "\x31", "\x23") VAR1("\x04\x04" "28.5", "\x10") VAR2), true, VAR_STRING, 0, "28.5" },
	{ "no such object", BYTES(HEAD("\x3a", "\x2d", "\x1f") VAR1("\x80\x00", "\x0c") VAR2), true, VAR_NO_SUCH_OBJECT, 0, "" },
	{ "long lengths", BYTES(HEAD("\x82\x00\x3d", "\x81\x2f", "\x81\x20") VAR1("\x02\x01\x05", "\x0d") VAR2), true, VAR_INTEGER, 5, "" },
	{ "an object identifier is left", BYTES(HEAD("\x3c", "\x2f", "\x21") VAR1("\x06\x02\x2b\x06", "\x0e") VAR2), false, 0, 0, "" },
	{ "a counter below zero is left", BYTES(HEAD("\x3e", "\x31", "\x23") VAR1("\x41\x04\xff\xff\xff\xfe", "\x10") VAR2), false, 0, 0, "" },
	{ "five bytes of integer are left", BYTES(HEAD("\x3f", "\x32", "\x24") VAR1("\x02\x05\x00\x00\x00\x00\x01", "\x11") VAR2), false, 0, 0, "" },
	{ "an integer of no byte is left", BYTES(HEAD("\x3a", "\x2d", "\x1f") VAR1("\x02\x00", "\x0c") VAR2), false, 0, 0, "" },
	{ "one variable is missing", BYTES(HEAD("\x2a", "\x1d", "\x0f") VAR1("\x02\x01\xfe", "\x0d")), false, 0, 0, "" },
	{ "one variable too many", BYTES(HEAD("\x4c", "\x3f", "\x31") VAR1("\x02\x01\xfe", "\x0d") VAR2 VAR2), false, 0, 0, "" },
	{ "the other order", BYTES(HEAD("\x3b", "\x2e", "\x20") VAR2 VAR1("\x02\x01\xfe", "\x0d")), false, 0, 0, "" },
	{ "a byte behind the message", BYTES(HEAD("\x3b", "\x2e", "\x20") VAR1("\x02\x01\xfe", "\x0d") VAR2 "\x00"), false, 0, 0, "" },
	{ "a byte behind a value", BYTES(HEAD("\x3c", "\x2f", "\x21") VAR1("\x02\x01\xfe\x00", "\x0e") VAR2), false, 0, 0, "" },
	{ "a length that points outside", BYTES(HEAD("\x3b", "\x2e", "\x20") VAR1("\x02\x7f\xfe", "\x0d") VAR2), false, 0, 0, "" },
	{ "an endless length", BYTES(HEAD("\x80", "\x2e", "\x20") VAR1("\x02\x01\xfe", "\x0d") VAR2), false, 0, 0, "" },
	{ "another id", BYTES("\x30\x3b\x02\x01\x01\x04\x06public\xa2\x2e\x02\x04\x01\x02\x03\x05\x02\x01\x00\x02\x01\x00\x30\x20" VAR1("\x02\x01\xfe", "\x0d") VAR2), false, 0, 0, "" },
	{ "another version", BYTES("\x30\x3b\x02\x01\x00\x04\x06public\xa2\x2e\x02\x04\x01\x02\x03\x04\x02\x01\x00\x02\x01\x00\x30\x20" VAR1("\x02\x01\xfe", "\x0d") VAR2), false, 0, 0, "" },
	{ "an error", BYTES("\x30\x3b\x02\x01\x01\x04\x06public\xa2\x2e\x02\x04\x01\x02\x03\x04\x02\x01\x05\x02\x01\x00\x30\x20" VAR1("\x02\x01\xfe", "\x0d") VAR2), false, 0, 0, "" },
	{ "a question", BYTES("\x30\x3b\x02\x01\x01\x04\x06public\xa0\x2e\x02\x04\x01\x02\x03\x04\x02\x01\x00\x02\x01\x00\x30\x20" VAR1("\x02\x01\xfe", "\x0d") VAR2), false, 0, 0, "" },
	{ "nothing", BYTES(""), false, 0, 0, "" },
};

static void test_rows(void **state)
{
	struct packets *p = packets_new();
	struct packet asked;
	uint16_t hint = 0;
	(void)state;
	assert_true(packet_get(p, &hint, 1, "public", &request, &asked));
	assert_int_equal(asked.n_names, countof(names));
	for (size_t i = 0; i < countof(rows); i++) {
		struct var vars[countof(names)] = { 0 };
		bool read = answer_read(&asked, ID, rows[i].bytes, rows[i].len, vars);
		if (read != rows[i].read)
			fail_msg("%s: %s", rows[i].name, read ? "read" : "not read");
		if (read && (vars[0].type != rows[i].type || vars[0].integer != rows[i].integer || strcmp(vars[0].text, rows[i].text) != 0 || vars[1].integer != 7))
			fail_msg("%s: type %d, %lld, '%s'", rows[i].name, (int)vars[0].type, (long long)vars[0].integer, vars[0].text);
	}
	packets_free(p);
}

static bool get(struct packets *p, uint16_t *hint, const char *community, uint32_t last, struct packet *out)
{
	struct oid name = { 4, { 1, 3, 6, last } };
	struct request r = { .kind = REQUEST_SNMP_GET, .oids = &name, .n_oids = 1 };
	return packet_get(p, hint, 1, community, &r, out);
}

/* A hint of another device, another community, a question that gave way to others: never another datagram than the one asked for. */
static void test_kept(void **state)
{
	struct packets *p = packets_new();
	struct packet first, again, other;
	uint16_t hint = 0, wrong;
	(void)state;
	assert_true(get(p, &hint, "public", 5, &first));
	assert_true(get(p, &hint, "public", 5, &again));
	assert_ptr_equal(first.bytes, again.bytes);
	wrong = hint;
	assert_true(get(p, &wrong, "secret", 5, &other));
	assert_ptr_not_equal(first.bytes, other.bytes);
	assert_non_null(memmem(other.bytes, other.len, "secret", 6));
	assert_true(packet_again(p, hint, first.built, &again));
	assert_false(packet_again(p, hint, first.built + 100, &again));
	for (uint32_t i = 6; i < 20000; i++) {
		uint16_t any = (uint16_t)i;
		assert_true(get(p, &any, "public", i, &other));
		const struct span *name = other.names;
		assert_int_equal(other.n_names, 1);
		assert_int_equal(other.bytes[name->at + name->len - 1], i & 127);
	}
	assert_false(packet_again(p, hint, first.built, &again));
	assert_true(get(p, &hint, "public", 5, &again));
	assert_true(again.built != first.built);
	packets_free(p);
}

/* The id is put where the id is, whatever the community looks like. */
static void test_id(void **state)
{
	struct packets *p = packets_new();
	struct packet out;
	uint16_t hint = 0;
	(void)state;
	assert_false(get(p, &hint, "\x02\x04\x5a\x3c\x5a\x3c", 1, &out));
	assert_true(get(p, &hint, "\x5a\x3c\x5a\x3c", 1, &out));
	uint8_t copy[256];
	memcpy(copy, out.bytes, out.len);
	packet_put_id(&out, copy, ID);
	assert_int_equal(out.bytes[out.id_at - 4], 0xa0);
	assert_memory_equal(copy + out.id_at - 2, "\x02\x04\x01\x02\x03\x04", 6);
	packets_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows), cmocka_unit_test(test_kept), cmocka_unit_test(test_id) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
