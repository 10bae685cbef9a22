/* A client that lives on between questions, for tests of bad wires: a line of standard input is one request, a line of output its end:
 * REASON ELAPSED_MS VALUES.  Requests: "FUNCTION ADDRESS COUNT" or "get OID ..." or "walk OID".
 * usage: wire_client ENDPOINT DEADLINE_MS */
#include "agent/dialog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct end { struct reading r; struct buf values; };

static int64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void take(void *ctx, const struct reading *r)
{
	struct end *e = ctx;
	e->r = *r;
	buf_reset(&e->values);
	for (size_t i = 0; i < r->n_words; i++)
		buf_printf(&e->values, " %u", r->words[i]);
	for (size_t i = 0; i < r->n_vars; i++) {
		buf_str(&e->values, " ");
		oid_text(&r->vars[i].name, &e->values);
		if (r->vars[i].type == VAR_STRING)
			buf_printf(&e->values, "=%zu:%.20s", (size_t)r->vars[i].text_len, r->vars[i].text);
		else
			buf_printf(&e->values, "=%lld", (long long)r->vars[i].integer);
	}
	if (r->reason != REASON_NONE)
		buf_printf(&e->values, " %s", r->err.text);
}

static bool request_of(char *line, struct oid *oids, struct request *out)
{
	char *save = NULL, *word = strtok_r(line, " \n", &save);
	if (!word)
		return false;
	if (strcmp(word, "get") && strcmp(word, "walk")) {
		char *address = strtok_r(NULL, " \n", &save), *count = strtok_r(NULL, " \n", &save);
		*out = (struct request){ .kind = REQUEST_MODBUS_READ, .function = (uint8_t)strtol(word, NULL, 0),
					 .address = (uint16_t)strtol(address ? address : "0", NULL, 0), .count = (uint16_t)strtol(count ? count : "1", NULL, 0) };
		return count != NULL;
	}
	*out = (struct request){ .kind = strcmp(word, "get") ? REQUEST_SNMP_WALK : REQUEST_SNMP_GET, .oids = oids, .max_rows = 500 };
	while (out->n_oids < 200 && (word = strtok_r(NULL, " \n", &save)))
		if (!oid_parse(word, &oids[out->n_oids++]))
			return false;
	return out->n_oids > 0;
}

int main(int argc, char **argv)
{
	static struct oid oids[200];
	static char line[65536];
	struct endpoint ep;
	struct err err = { 0 };
	struct end e = { .values = { 0 } };
	struct secrets *secrets = argc == 3 ? secrets_new("/nonexistent") : NULL;
	struct dialog *d = secrets ? dialog_new(secrets, &err) : NULL;
	if (!d || !endpoint_parse(argv[1], &ep, &err) || !dialog_attach(d, &ep, &err)) {
		fprintf(stderr, "usage: wire_client ENDPOINT DEADLINE_MS: %s\n", err.text);
		return 64;
	}
	while (fgets(line, sizeof line, stdin)) {
		struct request req;
		if (!request_of(line, oids, &req))
			return 64;
		int64_t begun = now_us();
		dialog_ask(d, &req, strtol(argv[2], NULL, 10), 0, take, &e);
		printf("%d %lld%s\n", e.r.reason, (long long)(now_us() - begun) / 1000, e.values.data ? e.values.data : "");
		fflush(stdout);
	}
	buf_done(&e.values);
	dialog_free(d);
	secrets_free(secrets);
	return 0;
}
