/* RTU: frames found in noise, and a line (a pseudo terminal) whose other end is scripted.  Virtual time. */
#include "tests/unit/kit.h"
#include "tests/unit/test.h"
#include "collectors/collector.h"
#include "collectors/modbus_rtu.h"

#include <fcntl.h>
#include <pty.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <systemd/sd-event.h>
#include <unistd.h>

/* "GOOD" stands for a correct answer to 2 holding registers of unit 3, "ECHO" for the request itself; "!" breaks the CRC. */
static size_t compose(const char *text, const struct modbus_request *req, uint8_t *out)
{
	static const uint8_t answer[] = { 3, 3, 4, 0x11, 0x22, 0x33, 0x44 };
	size_t n = 0;
	char word[16];
	int used;
	while (sscanf(text, " %15s%n", word, &used) == 1) {
		text += used;
		if (!strcmp(word, "ECHO")) {
			n += rtu_build(req, out + n);
		} else if (!strncmp(word, "GOOD", 4) || !strncmp(word, "UNIT4", 5) || !strcmp(word, "SHORT") || !strcmp(word, "EXC")) {
			uint8_t f[16];
			size_t len = sizeof answer;
			memcpy(f, answer, len);
			if (!strncmp(word, "UNIT4", 5))
				f[0] = 4;
			if (!strcmp(word, "SHORT"))
				f[2] = 2, len = 5;
			if (!strcmp(word, "EXC"))
				f[1] = 0x83, f[2] = 2, len = 3;
			uint16_t crc = rtu_crc(f, len);
			memcpy(out + n, f, len);
			out[n + len] = (uint8_t)crc;
			out[n + len + 1] = (uint8_t)((crc >> 8) ^ (strchr(word, '!') ? 1 : 0));
			n += len + 2;
		} else {
			n += kit_unhex(word, out + n);
		}
	}
	return n;
}

static const struct modbus_request two = { .unit = 3, .function = 3, .address = 0x34, .count = 2 };
static const struct row { const char *name, *bytes; enum frame frame; size_t skip, used; const char *says; } rows[] = {
	{ "good", "GOOD", FRAME_DONE, 0, 9, NULL },
	{ "noise before", "00 ff 03 17 GOOD", FRAME_DONE, 4, 13, NULL },
	{ "noise that begins like an answer", "03 03 04 GOOD", FRAME_DONE, 3, 12, NULL },
	{ "own echo before", "ECHO GOOD", FRAME_DONE, 8, 17, NULL },
	{ "answer of another unit before", "UNIT4 GOOD", FRAME_DONE, 9, 18, NULL },
	{ "broken frame before", "GOOD! GOOD", FRAME_DONE, 9, 18, NULL },
	{ "only an echo", "ECHO", FRAME_MORE, 8, 0, NULL },
	{ "only another unit", "UNIT4", FRAME_MORE, 9, 0, NULL },
	{ "half", "03 03 04 11", FRAME_MORE, 0, 0, NULL },
	{ "noise, then half", "55 aa 03 03 04 11", FRAME_MORE, 2, 0, NULL },
	{ "broken CRC", "GOOD!", FRAME_MORE, 9, 0, NULL },
	{ "exception", "EXC", FRAME_EXCEPTION, 0, 5, "illegal data address" },
	{ "other quantity", "SHORT", FRAME_BAD, 0, 7, "byte count is 2" },
};

static void frames(void **state)
{
	(void)state;
	for (const struct row *r = rows; r < rows + countof(rows); r++) {
		uint8_t bytes[256];
		size_t n = compose(r->bytes, &two, bytes), skip = 0;
		struct modbus_answer a = { 0 };
		struct err err = { 0 };
		row_check(r, rtu_parse(bytes, n, &two, &skip, &a, &err) == r->frame);
		row_check(r, skip == r->skip && a.used == r->used);
		row_check(r, !r->says || strstr(err.text, r->says));
	}
}

static void builds(void **state)
{
	(void)state;
	static const struct modbus_request book = { .unit = 0x11, .function = 3, .address = 0x6b, .count = 3 };   /* the classic example */
	uint8_t out[RTU_MAX], want[8];
	kit_unhex("11 03 00 6b 00 03 76 87", want);
	assert_int_equal(rtu_build(&book, out), 8);
	assert_memory_equal(out, want, 8);
}

/* ---- a line ------------------------------------------------------------------------------------------------------------ */

struct world {
	sd_event *loop;
	int64_t now_ms;
	struct collector_env env;
	void *self;
	int master, slave;         /* the slave is held open, or the master would hang up whenever nobody reads */
	char path[64];
	sd_event_source *source;
	size_t requests, n_answers;
	uint8_t in[64];
	size_t n_in;
	const char *script;        /* what each request is answered with */
	struct { enum reason reason; uint16_t word; char text[1000]; int64_t at_ms; } answers[16];
	int64_t asked_ms[16];
};

static struct stamp now(void *ctx)
{
	struct world *w = ctx;
	return (struct stamp){ .boot = { w->now_ms } };
}

static void sink(void *ctx, void *device, const struct reading *r)
{
	struct world *w = ctx;
	(void)device;
	w->answers[w->n_answers].reason = r->reason;
	w->answers[w->n_answers].word = r->n_words ? r->words[0] : 0;
	w->answers[w->n_answers].at_ms = w->now_ms;
	snprintf(w->answers[w->n_answers++].text, 1000, "%s", r->err.text);
}

static int on_line(sd_event_source *s, int fd, uint32_t revents, void *ctx)
{
	struct world *w = ctx;
	uint8_t out[256];
	(void)s;
	ssize_t got = read(fd, w->in + w->n_in, sizeof w->in - w->n_in);
	if (got <= 0 || (revents & EPOLLHUP))
		return 0;
	w->n_in += (size_t)got;
	if (w->n_in < 8)
		return 0;
	w->n_in = 0;
	w->asked_ms[w->requests++] = w->now_ms;
	size_t n = compose(w->script, &two, out);
	if (n)
		assert_int_equal(write(fd, out, n), (ssize_t)n);
	return 0;
}

static void plug_in(struct world *w)
{
	assert_int_equal(openpty(&w->master, &w->slave, NULL, NULL, NULL), 0);
	assert_int_equal(ttyname_r(w->slave, w->path, sizeof w->path), 0);
	fcntl(w->master, F_SETFL, O_NONBLOCK);
	sd_event_add_io(w->loop, &w->source, w->master, EPOLLIN, on_line, w);
}

static void pull_out(struct world *w)
{
	w->source = sd_event_source_unref(w->source);
	if (w->master >= 0) {
		close(w->master);
		close(w->slave);
	}
	w->master = -1;
}

static void begin(struct world *w)
{
	struct err err = { 0 };
	memset(w, 0, sizeof *w);
	w->now_ms = 5000;
	w->script = "GOOD";
	assert_true(sd_event_new(&w->loop) >= 0);
	plug_in(w);
	w->env = (struct collector_env){ .loop = w->loop, .clock = { now, w }, .sink = sink, .ctx = w, .seed = 7 };
	w->self = modbus_tcp.start(&w->env, &err);
	assert_non_null(w->self);
}

static void end(struct world *w)
{
	modbus_tcp.stop(w->self);
	pull_out(w);
	sd_event_unref(w->loop);
}

static void step(struct world *w)
{
	modbus_tcp.flush(w->self);
	for (int quiet = 0; quiet < 2;) {
		int rc = sd_event_run(w->loop, quiet ? 1000 : 0);
		quiet = rc > 0 ? 0 : quiet + 1;
	}
	w->now_ms += 10;
	modbus_tcp.expire(w->self, (struct mono){ w->now_ms });
}

static struct target *attach(struct world *w, const char *path)
{
	struct endpoint ep;
	struct err err = { 0 };
	char endpoint[128];
	snprintf(endpoint, sizeof endpoint, "modbus+rtu://%s/3?baud=9600&parity=none", path);
	if (!endpoint_parse(endpoint, &ep, &err))
		fail_msg("%s", err.text);
	struct target *t = modbus_tcp.attach(w->self, &ep, w, &err);
	if (!t)
		fail_msg("%s", err.text);
	return t;
}

static const struct request ask_two = { .kind = REQUEST_MODBUS_READ, .function = 3, .address = 0x34, .count = 2 };

static void ask(struct world *w, struct target *t)
{
	size_t n = w->n_answers;
	modbus_tcp.submit(t, &ask_two, (struct mono){ w->now_ms + 300 });
	for (int i = 0; i < 200 && w->n_answers == n; i++)
		step(w);
	assert_int_equal(w->n_answers, n + 1);
}

static const struct line_row { const char *name, *script; enum reason reason; const char *says; } line_rows[] = {
	{ "good", "GOOD", REASON_NONE, NULL },
	{ "R31 echo, foreign frame, noise", "ECHO UNIT4 00 17 GOOD", REASON_NONE, NULL },
	{ "R31 an older answer before the echo", "03 03 04 99 99 99 99 8d 7a ECHO GOOD", REASON_NONE, NULL },
	{ "broken CRC only", "GOOD!", REASON_TIMEOUT, "unit 3, 2 holding registers at 0x0034: no answer" },
	{ "silence", "", REASON_TIMEOUT, "no answer within 300 ms" },
	{ "half an answer", "03 03 04 11", REASON_TIMEOUT, "no answer" },
	{ "exception", "EXC", REASON_EXCEPTION, "exception 2" },
	{ "wrong quantity", "SHORT", REASON_MALFORMED, "byte count" },
};

static void line(void **state)
{
	(void)state;
	for (const struct line_row *r = line_rows; r < line_rows + countof(line_rows); r++) {
		struct world w;
		begin(&w);
		w.script = r->script;
		struct target *t = attach(&w, w.path);
		int64_t start = w.now_ms;
		ask(&w, t);
		if (w.answers[0].reason != r->reason || (r->says && !strstr(w.answers[0].text, r->says)))
			fail_msg("row \"%s\": reason %d, \"%s\"", r->name, w.answers[0].reason, w.answers[0].text);
		row_check(r, w.answers[0].at_ms - start <= 520);        /* 1.1 x 200 ms + 50 ms; the rest is a busy machine */
		row_check(r, r->reason != REASON_NONE || w.answers[0].word == 0x1122);
		w.script = "GOOD";
		ask(&w, t);
		row_check(r, w.answers[1].reason == REASON_NONE && w.answers[1].word == 0x1122);
		/* a line that did not answer is left in peace before it is asked again */
		row_check(r, r->reason != REASON_TIMEOUT || w.asked_ms[1] - w.answers[0].at_ms >= 200);
		modbus_tcp.detach(t);
		end(&w);
	}
}

/* F-net-6: the adapter is pulled out and comes back. */
static void unplugged(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	/* by-id names are links: what they point to may change */
	char link[] = "/tmp/pued-line-XXXXXX";
	assert_true(mkdtemp(link) != NULL);
	char by_id[64];
	snprintf(by_id, sizeof by_id, "%s/by-id", link);
	assert_int_equal(symlink(w.path, by_id), 0);
	struct target *t = attach(&w, by_id);
	ask(&w, t);
	assert_int_equal(w.answers[0].reason, REASON_NONE);
	pull_out(&w);
	unlink(by_id);
	ask(&w, t);
	assert_int_equal(w.answers[1].reason, REASON_UNREACHABLE);
	assert_non_null(strstr(w.answers[1].text, "plugged in"));
	plug_in(&w);
	assert_int_equal(symlink(w.path, by_id), 0);
	for (size_t i = 2; i < 12 && w.answers[w.n_answers - 1].reason != REASON_NONE; i++) {
		for (int k = 0; k < 100; k++)
			step(&w);
		ask(&w, t);
	}
	assert_int_equal(w.answers[w.n_answers - 1].reason, REASON_NONE);
	unlink(by_id);
	rmdir(link);
	modbus_tcp.detach(t);
	end(&w);
}

static void one_line_one_speed(void **state)
{
	(void)state;
	struct world w;
	struct endpoint ep;
	struct err err = { 0 };
	char text[128];
	begin(&w);
	struct target *t = attach(&w, w.path);
	snprintf(text, sizeof text, "modbus+rtu://%s/4?baud=19200", w.path);
	assert_true(endpoint_parse(text, &ep, &err));
	assert_null(modbus_tcp.attach(w.self, &ep, &w, &err));
	assert_non_null(strstr(err.text, "different speed"));
	snprintf(text, sizeof text, "modbus+rtu://%s/4?baud=9601", w.path);
	assert_true(endpoint_parse(text, &ep, &err));
	assert_null(modbus_tcp.attach(w.self, &ep, &w, &err));
	assert_non_null(strstr(err.text, "usual rate"));
	modbus_tcp.detach(t);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(frames), cmocka_unit_test(builds), cmocka_unit_test(line), cmocka_unit_test(unplugged),
					    cmocka_unit_test(one_line_one_speed) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
