/* puectl revoke: takes a certificate back, by number, in a signed file that verifiers are given (puectl verify --revoked). */
#include "agent/clock.h"
#include "agent/ctl.h"
#include "agent/file.h"
#include "agent/issued.h"
#include "agent/pack_admit.h"
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

/* A revocation that nobody will believe takes nothing back: it is checked as a verifier would, with the public side of the same keys. */
static bool believed(const struct words *w, const struct buf *envelope, struct err *err)
{
	char path[700];
	struct trust trust = { 0 };
	struct jws_result r = { 0 };
	snprintf(path, sizeof path, "%s/trust.json", w->keys);
	bool good = trust_load(path, &trust, err) &&
		    (jws_verify(&trust, envelope->data, envelope->len, JWS_REVOCATION, (struct wall){ 0 }, &r, err) || err_wrap(err, "no verifier would take this revocation%s",
		     w->simulated ? "" : " (of a simulated site: --simulated)"));
	jws_result_done(&r);
	trust_done(&trust);
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
	json_t *root = json_pack("{s:i, s:s, s:s, s:s, s:b, s:s}", "format", 1, "revokes", w->number, "reason", w->reason, "site", w->site, "simulated", w->simulated,
				 "issued", wall_text(issued, when));
	struct signer *signer = root ? signer_open(w->keys, NULL, err) : NULL;
	bool good = signer && json_canonical(root, &payload, err) &&
		    jws_make(signer_ops(signer), JWS_REVOCATION, payload.data, payload.len, true, &envelope, err) && believed(w, &envelope, err) &&
		    file_write(w->out, envelope.data, envelope.len, 0644, err) &&
		    (!w->state || record_put_certificate(w->state, envelope.data, envelope.len, err));
	signer_free(signer);
	json_decref(root);
	return good;
}

static void say_revoked(const struct ctl *ctl, const struct words *w)
{
	struct err err = { 0 };
	bool issued = true;
	if (ctl->json) {
		json_t *out = json_pack("{s:s, s:s, s:s, s:s}", "file", w->out, "revokes", w->number, "reason", w->reason, "site", w->site);
		json_dumpf(out, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
		putchar('\n');
		json_decref(out);
	} else {
		printf(ctl->lang == LANG_ZH ? "%s\n  证书 %s(场所 %s)撤销:%s。把此文件交给每个核验方:puectl verify --revoked 文件\n"
					    : "%s\n  certificate %s (site %s) is taken back: %s. Hand this file to everybody who verifies: puectl verify --revoked FILE\n",
		       w->out, w->number, w->site, w->reason);
	}
	if (w->state && issued_number(w->state, w->number, &issued, &err) && !issued)
		fprintf(stderr, ctl->lang == LANG_ZH ? "注意: 此存储未签发过证书 %s;请核对编号\n" : "note: no certificate %s was issued from this store; look at the number again\n", w->number);
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
	say_revoked(ctl, &w);
	return 0;
}
