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

static int run(struct ctl *ctl)
{
	const struct words *w = ctl->words;
	struct err err = { 0 };
	if (!make(w, &err))
		return ctl_fail(ctl, &err);
	printf(ctl->lang == LANG_ZH ? "%s\n  证书 %s(场所 %s)撤销:%s。把此文件交给每个核验方:puectl verify --revoked 文件\n"
				    : "%s\n  certificate %s (site %s) is taken back: %s. Hand this file to everybody who verifies: puectl verify --revoked FILE\n",
	       w->out, w->number, w->site, w->reason);
	return 0;
}

static const struct ctl_option options[] = {
	OPT(TEXT, "NUMBER", NULL, number, "证书编号", "the certificate's number", .needed = true),
	OPT(TEXT, "--reason", "TEXT", reason, "原因", "why", .needed = true),
	OPT(ID, "--site", "ID", site, "证书所属场所", "the site of the certificate", .needed = true),
	OPT(FILE, "--keys", "DIR", keys, "签名密钥目录", "the signing keys", .needed = true),
	OPT(FILE, "--out", "FILE", out, "写出的撤销声明", "the revocation to write", .needed = true),
	OPT(FILE, "--state", "DIR", state, "并留给 pued 计入证据", "leave it for pued too, which makes it evidence"),
	OPT(TIME, "--issued", "TIME", issued, "撤销时间;默认现在", "when it is revoked; now when not given"),
	OPT(FLAG, "--simulated", NULL, simulated, "模拟场所", "of a simulated site"),
	{ NULL },
};

const struct verb verb_revoke = { "revoke", { "撤销一张证书(写出签名的撤销声明)", "take a certificate back: writes a signed revocation" }, { NULL, NULL }, run, options, sizeof(struct words) };
