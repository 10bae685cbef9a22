/* A client that lives on between questions: each line of standard input is asked for sysName.0, the answer is a line of output.
 * usage: snmp_client ENDPOINT STATE_DIR */
#include "agent/dialog.h"

#include <stdio.h>
#include <string.h>

static void take(void *ctx, const struct reading *r)
{
	(void)ctx;
	printf("%s\n", r->reason == REASON_NONE && r->n_vars ? r->vars[0].text : r->err.text);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	static const struct oid name = { 9, { 1, 3, 6, 1, 2, 1, 1, 5, 0 } };
	static const struct request get = { .kind = REQUEST_SNMP_GET, .oids = &name, .n_oids = 1 };
	struct endpoint ep;
	struct err err = { 0 };
	char line[64];
	struct secrets *secrets = argc == 3 ? secrets_new(argv[2]) : NULL;
	struct dialog *d = secrets ? dialog_new(secrets, &err) : NULL;
	if (!d || !endpoint_parse(argv[1], &ep, &err)) {
		fprintf(stderr, "usage: snmp_client ENDPOINT STATE_DIR: %s\n", err.text);
		return 64;
	}
	ep.credential = endpoint_option(&ep, "credential");
	if (!dialog_attach(d, &ep, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return 78;
	}
	while (fgets(line, sizeof line, stdin))
		dialog_ask(d, &get, 3000, 0, take, NULL);
	dialog_free(d);
	secrets_free(secrets);
	return 0;
}
