/* puectl revoke: takes a certificate back, by number, in a signed file that verifiers are given (puectl verify --revoked). */
#include "agent/clock.h"
#include "agent/ctl.h"
#include "agent/file.h"
#include "agent/issued.h"
#include "agent/record.h"
#include "agent/signer.h"

#include <stdio.h>
#include <string.h>

struct words { const char *number, *reason, *site, *keys, *issued, *out, *state; bool simulated; };

static int parse(struct ctl *ctl, struct words *w)
{
	const struct { const char *name; const char **value; } rows[] = {
		{ "--reason", &w->reason }, { "--site", &w->site }, { "--keys", &w->keys }, { "--issued", &w->issued }, { "--out", &w->out }, { "--state", &w->state } };
	for (int i = 1; i < ctl->argc; i++) {
		size_t k = 0;
		while (k < countof(rows) && strcmp(ctl->argv[i], rows[k].name) != 0)
			k++;
		if (strcmp(ctl->argv[i], "--simulated") == 0)
			w->simulated = true;
		else if (k < countof(rows) && i + 1 < ctl->argc)
			*rows[k].value = ctl->argv[++i];
		else if (ctl->argv[i][0] == '-' || w->number)
			return ctl_usage(ctl, "'%s' is not expected here, or its value is missing", ctl->argv[i]);
		else
			w->number = ctl->argv[i];
	}
	return w->number && w->reason && w->site && w->keys && w->out ? 0 : ctl_usage(ctl, "NUMBER, --reason, --site, --keys and --out are needed");
}

/* With a store at hand: only what it issued can be taken back, once. */
static bool revocable(const struct words *w, struct err *err)
{
	struct issued_list list = { 0 };
	struct reader *reader = reader_open(w->state, err);
	bool good = reader && issued_read(w->state, reader, &list, err) && issued_revocable(&list, w->number, err);
	issued_done(&list);
	reader_close(reader);
	return good;
}

static bool make(const struct words *w, struct err *err)
{
	struct clock clock = { 0 };
	struct wall issued = clock_wall(&clock);
	char when[WALL_TEXT];
	CLEANUP(buf_done) struct buf payload = { 0 }, envelope = { 0 };
	if (w->issued && !wall_parse(w->issued, &issued, err))
		return err_wrap(err, "--issued");
	if (w->state && !revocable(w, err))
		return false;
	json_t *root = json_pack("{s:i, s:s, s:s, s:s, s:b, s:s}", "format", 1, "revokes", w->number, "reason", w->reason, "site", w->site, "simulated", w->simulated,
				 "issued", wall_text(issued, when));
	struct signer *signer = root ? signer_open(w->keys, NULL, err) : NULL;
	bool good = signer && json_canonical(root, &payload, err) &&
		    jws_make(signer_ops(signer), JWS_REVOCATION, payload.data, payload.len, true, &envelope, err) &&
		    signed_holds(w->keys, envelope.data, envelope.len, err) && file_write(w->out, envelope.data, envelope.len, 0644, err) &&
		    (!w->state || record_put_certificate(w->state, envelope.data, envelope.len, err));
	signer_free(signer);
	json_decref(root);
	return good;
}

int ctl_revoke(struct ctl *ctl)
{
	struct words w = { 0 };
	struct err err = { 0 };
	int code = parse(ctl, &w);
	if (code)
		return code;
	if (!make(&w, &err))
		return ctl_fail(ctl, &err);
	printf("%s\n", w.out);
	return 0;
}
