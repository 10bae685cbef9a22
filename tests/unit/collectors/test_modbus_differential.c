/* Our parser against libmodbus: the same bytes, the same question.  What we take, libmodbus takes with the same words; what libmodbus
 * takes and we refuse is only what it is known not to check (requirements.md section 3: length, unit, protocol of a TCP answer). */
#include "tests/unit/test.h"
#include "collectors/modbus_rtu.h"
#include "core/jitter.h"

#include <errno.h>
#include <fcntl.h>
#include <modbus.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ROUNDS = 1500, SEED = 20260801 };

static const char *const unchecked[] = { "unit", "protocol id", "length field", "size of the answer", "behind", "byte count" };

struct verdict { int n; uint16_t words[125]; };       /* n < 0: -errno */

/* libmodbus asks over one end of a pair; the answer waits there already. */
static struct verdict theirs(bool rtu, const struct modbus_request *q, const uint8_t *bytes, size_t len)
{
	struct verdict v = { 0 };
	int pair[2];
	modbus_t *m = rtu ? modbus_new_rtu("/dev/null", 9600, 'N', 8, 1) : modbus_new_tcp("127.0.0.1", 1502);
	assert_non_null(m);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(write(pair[1], bytes, len), (ssize_t)len);
	shutdown(pair[1], SHUT_WR);       /* what is missing never comes: no waiting */
	modbus_set_socket(m, pair[0]);
	modbus_set_slave(m, q->unit);
	modbus_set_response_timeout(m, 0, 20000);
	modbus_set_byte_timeout(m, 0, 20000);
	uint8_t bits[128];
	int rc = q->function == 1 ? modbus_read_bits(m, q->address, q->count, bits) : q->function == 2 ? modbus_read_input_bits(m, q->address, q->count, bits) :
		 q->function == 3 ? modbus_read_registers(m, q->address, q->count, v.words) : modbus_read_input_registers(m, q->address, q->count, v.words);
	v.n = rc < 0 ? -errno : rc;
	for (int i = 0; i < v.n && q->function <= 2; i++)
		v.words[i] = bits[i];
	modbus_set_socket(m, -1);
	modbus_free(m);
	close(pair[0]);
	close(pair[1]);
	return v;
}

static size_t make_answer(bool rtu, const struct modbus_request *q, uint64_t *seed, uint8_t *out)
{
	uint8_t pdu[256] = { q->function };
	size_t n = 2 + (q->function <= 2 ? (q->count + 7u) / 8u : q->count * 2u);
	pdu[1] = (uint8_t)(n - 2);
	for (size_t i = 2; i < n; i++)
		pdu[i] = (uint8_t)jitter_next(seed);
	if (jitter_next(seed) % 6 == 0) {
		pdu[0] |= 0x80;
		pdu[1] = (uint8_t)(1 + jitter_next(seed) % 11);
		n = 2;
	}
	size_t head = rtu ? 1 : 7;
	if (!rtu)
		memcpy(out, (uint8_t[]){ 0, 1, 0, 0, (uint8_t)((n + 1) >> 8), (uint8_t)(n + 1) }, 6);
	out[head - 1] = q->unit;
	memcpy(out + head, pdu, n);
	n += head;
	if (rtu) {
		uint16_t crc = rtu_crc(out, n);
		out[n++] = (uint8_t)crc;
		out[n++] = (uint8_t)(crc >> 8);
	}
	return n;
}

static enum frame ours(bool rtu, const struct modbus_request *q, const uint8_t *bytes, size_t len, struct modbus_answer *a, struct err *err)
{
	size_t skip;
	return rtu ? rtu_parse(bytes, len, q, &skip, a, err) : modbus_parse(bytes, len, q, a, err);
}

static void compare(bool rtu, const struct modbus_request *q, const uint8_t *bytes, size_t len, unsigned round, size_t counts[3])
{
	static struct words words;
	struct modbus_answer a = { 0 };
	struct err err = { 0 };
	enum frame frame = ours(rtu, q, bytes, len, &a, &err);
	struct verdict v = theirs(rtu, q, bytes, len);
	if (frame == FRAME_DONE) {
		counts[0]++;
		modbus_words(a.pdu, q, &words);
		size_t n = q->function <= 2 ? q->count : (size_t)q->count;
		if (v.n != (int)n || memcmp(words.at, v.words, n * sizeof *words.at) != 0)
			fail_msg("round %u: we take %u values, libmodbus says %d (%s)", round, q->count, v.n, v.n < 0 ? modbus_strerror(-v.n) : "other words");
	} else if (frame == FRAME_EXCEPTION) {
		counts[1]++;
		bool known = a.exception < MODBUS_EXCEPTION_MAX;
		if (v.n >= 0 || (known && -v.n != MODBUS_ENOBASE + a.exception))
			fail_msg("round %u: exception %u, libmodbus says %d", round, a.exception, v.n);
	} else if (v.n >= 0) {
		counts[2]++;
		bool excused = frame == FRAME_OTHER;
		for (size_t i = 0; i < countof(unchecked); i++)
			excused = excused || strstr(err.text, unchecked[i]);
		if (rtu || (!excused && frame != FRAME_MORE))
			fail_msg("round %u: libmodbus takes what we refuse: %s", round, err.text);
	}
}

static void agrees(bool rtu)
{
	uint64_t seed = SEED;
	size_t counts[3] = { 0 };
	print_message("seed %d\n", SEED);
	for (unsigned round = 0; round < ROUNDS; round++) {
		uint8_t bytes[300];
		struct modbus_request q = { .transaction = 1, .unit = (uint8_t)(1 + jitter_next(&seed) % 247), .function = (uint8_t)(1 + jitter_next(&seed) % 4),
					    .address = (uint16_t)(jitter_next(&seed) % 60000), .count = (uint16_t)(1 + jitter_next(&seed) % 125) };
		size_t n = make_answer(rtu, &q, &seed, bytes);
		unsigned flips = (unsigned)(jitter_next(&seed) % 3);
		for (unsigned i = 0; i < flips; i++)
			bytes[jitter_next(&seed) % (i ? n : n < 10 ? n : 10)] ^= (uint8_t)(1u << jitter_next(&seed) % 8);
		compare(rtu, &q, bytes, n, round, counts);
	}
	print_message("%zu taken, %zu exceptions, %zu that only libmodbus takes\n", counts[0], counts[1], counts[2]);
	assert_true(counts[0] > ROUNDS / 5 && counts[1] > ROUNDS / 50);
}

static void tcp(void **state)
{
	(void)state;
	agrees(false);
}

static void rtu(void **state)
{
	(void)state;
	agrees(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(tcp), cmocka_unit_test(rtu) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
