/* What stands behind a certificate, step by step: the pack it was made with, its evidence, the statements of people, the verdict. */
#include "agent/pack_admit.h"
#include "agent/verify.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

/* Documents that take others back, by number. */
static bool check_revoked(struct verify *v, const char *number, struct err *err)
{
	for (size_t i = 0; i < v->w->revoked.n; i++) {
		json_t *root = verify_open(v, v->w->revoked.list[i], JWS_REVOCATION, err);
		bool hit = root && strcmp(verify_text(root, "revokes"), number) == 0 && strcmp(verify_site(root), verify_site(v->payload)) == 0;
		if (hit)
			verify_fails(v, CAUSE_REVOKED, err, "certificate %s was revoked on %s: %s", number, verify_text(root, "issued"), verify_text(root, "reason"));
		json_decref(root);
		if (!root || hit)
			return false;
	}
	if (v->w->revoked.n)
		cert_note(&v->trace, "不在 %zu 份撤销声明之列", "not named by the %zu revocations given", v->w->revoked.n);
	return true;
}

static const char *number_of(const json_t *cert)
{
	return verify_text(json_object_get(cert, "identity"), "number");
}

/* Certificates received before: the same number again, or one that takes this one's place. */
static bool check_seen(struct verify *v, const char *number, struct err *err)
{
	for (size_t i = 0; i < v->w->seen.n; i++) {
		json_t *old = verify_open(v, v->w->seen.list[i], JWS_CERTIFICATE, err);
		bool of_site = old && strcmp(verify_site(old), verify_site(v->payload)) == 0;
		bool again = of_site && strcmp(number_of(old), number) == 0;
		bool replaced = of_site && strcmp(verify_text(json_object_get(old, "validity"), "supersedes"), number) == 0;
		if (again)
			verify_fails(v, CAUSE_REPLAYED, err, "certificate %s was received before (%s)%s", number, v->w->seen.list[i],
				     json_equal(old, v->payload) ? "" : ", with other content");
		else if (replaced)
			verify_fails(v, CAUSE_REPLAYED, err, "certificate %s was superseded by %s (%s)", number, number_of(old), v->w->seen.list[i]);
		json_decref(old);
		if (!old || again || replaced)
			return false;
	}
	return true;
}

/* The very bytes the certificate was made with, among all versions that are here. */
static const struct pack *find_pack(struct verify *v, struct conf *conf, char *path, size_t size, struct err *err)
{
	const json_t *named = json_object_get(json_object_get(v->payload, "identity"), "pack");
	struct pack_wanted wanted = { verify_text(named, "id"), verify_text(named, "version"), verify_text(named, "sha256") };
	enum pack_search found;
	const struct pack *p = pack_by_hash(conf, &wanted, v->w->pack, path, size, &found, err);
	if (p)
		return p;
	snprintf(v->pointer, sizeof v->pointer, "/identity/pack/sha256");
	v->cause = found == PACK_EDITED ? CAUSE_PACK_EDITED : CAUSE_PACK_UNKNOWN;
	return NULL;
}

static bool check_pack(struct verify *v, const struct pack *p, const char *path, struct err *err)
{
	if (!pack_admit(p, path, &v->trust, err)) {
		v->cause = CAUSE_PACK_UNSIGNED;
		return false;
	}
	if (!pack_shipped(p))
		cert_note(&v->trace, "规则包 %s %s 不是随程序提供的,由可信的发布方签名", "pack %s %s did not come with this program; a trusted publisher signed it", pack_id(p), pack_version(p));
	return true;
}

static bool failed_at(struct verify *v, const char *pointer)
{
	snprintf(v->pointer, sizeof v->pointer, "%s", pointer);
	return false;
}

static bool judge_again(struct verify *v, const struct pack *p, struct err *err)
{
	char pointer[sizeof v->pointer];
	if (!cert_recheck(v->payload, p, pointer, sizeof pointer, err))
		return failed_at(v, pointer);
	cert_note(&v->trace, "由规则包 %s %s 重新判定:结论、数值与金额由证书中的事实得出", "judged again by pack %s %s: verdict, figures and amount follow from the certificate's facts", pack_id(p),
		  pack_version(p));
	return true;
}

static bool check_evidence(struct verify *v, const struct pack *p, struct err *err)
{
	const json_t *evidence = json_object_get(v->payload, "evidence");
	struct cert_check tree, measured;
	if (!cert_recheck_evidence(v->payload, &tree, err))
		return failed_at(v, tree.pointer);
	cert_note(&v->trace, "%llu 条证据记录在 %lld 条的证据树中,树根 %.16s...", "%llu evidence leaves are in the tree of %lld leaves with root %.16s...",
		  (unsigned long long)tree.leaves, (long long)json_integer_value(json_object_get(evidence, "tree_size")), verify_text(evidence, "tree_root"));
	if (!cert_recheck_measured(v->payload, p, &v->trust, &v->trace, &measured, err))
		return failed_at(v, measured.pointer);
	if (measured.measured)
		return true;
	v->partly = true;
	if (tree.from_evidence)
		cert_note(&v->trace, "窗口与各月的总电量与IT电量由这些记录的累计电量得出", "E_DC and E_IT of window and months follow from the cumulative energies in those leaves");
	else
		cert_note(&v->trace, "窗口的电量:系证书所述,未重新计算,原因是所附记录未及窗口两端",
			  "energies of the window: stated, not recomputed, because the attached leaves do not reach both its ends");
	return true;
}

static bool check_statements(struct verify *v, struct err *err)
{
	struct cert_check check;
	CLEANUP(buf_done) struct buf unchecked = { 0 };
	if (!cert_recheck_statements(v->payload, &v->trust, &unchecked, &check, err))
		return failed_at(v, check.pointer);
	int first = unchecked.len ? (int)strcspn(unchecked.data, "\n") : 0;
	if (unchecked.len)
		cert_note(&v->trace, "人员声明未能全部核对:系证书所述,原因是%.*s", "statements of people: stated, not all checked, because %.*s", first, unchecked.data);
	else
		cert_note(&v->trace, "%llu 份人员声明与申报登记即证据中签名的记录", "%llu statements and claims of people are those in the signed leaves", (unsigned long long)check.leaves);
	return true;
}

static bool check_all(struct verify *v, struct conf *conf, struct err *err)
{
	char path[PATH_MAX];
	const char *number = number_of(v->payload);
	if (!check_revoked(v, number, err) || !check_seen(v, number, err))
		return false;
	const struct pack *p = find_pack(v, conf, path, sizeof path, err);
	return p && check_pack(v, p, path, err) && check_evidence(v, p, err) && check_statements(v, err) && judge_again(v, p, err);
}

/* Information: what the certificate says of before and after.  Checked with the rest: it follows from facts and signed leaves. */
static void tell_before_after(struct verify *v)
{
	const json_t *b = json_object_get(v->payload, "before_after"), *base = json_object_get(b, "baseline"), *coal = json_object_get(b, "coal");
	if (!json_is_object(base))
		return;
	cert_note(&v->trace, "改造前(%s):%s = %s,%s 至 %s,由 %s 声明", "before (%s): %s = %s, %s to %s, by %s", verify_text(base, "source"), verify_text(base, "name"),
		  verify_text(base, "value"), verify_text(base, "first_day"), verify_text(base, "last_day"), verify_text(base, "by"));
	if (json_is_string(json_object_get(b, "delta_pue")))
		cert_note(&v->trace, "PUE变化 %s,节约电量 %s%s%s;仅供参考,不是条件", "change of PUE %s, energy saved %s%s%s; information, no condition", verify_text(b, "delta_pue"),
			  verify_text(b, "saved"), json_is_object(coal) ? ", " : "", json_is_object(coal) ? verify_text(coal, "text") : "");
	else
		cert_note(&v->trace, "不可比:%s", "not comparable: %s", verify_text(b, "why_not"));
}

static void conclude(struct verify *v)
{
	const json_t *verdict = json_object_get(v->payload, "verdict"), *words = json_object_get(verdict, "sentence");
	const json_t *pue = json_object_get(json_object_get(v->payload, "results"), "pue");
	const char *supersedes = json_string_value(json_object_get(json_object_get(v->payload, "validity"), "supersedes")), *number = number_of(v->payload);
	bool simulated = json_is_true(json_object_get(v->payload, "simulated")), interim = strcmp(verify_text(v->payload, "term"), "annual") != 0;
	if (supersedes)
		cert_note(&v->trace, "替代证书 %s", "supersedes certificate %s", supersedes);
	cert_note(&v->trace, "%s", "%s", verify_text(pue, "text"));
	tell_before_after(v);
	cert_note(&v->trace, "%s:%s%.0s", "%s: %.0s%s", verify_text(verdict, "kind"), verify_text(words, "zh"), verify_text(words, "en"));
	snprintf(v->sentence.zh, sizeof v->sentence.zh, "有效:%s证书 %s(场所 %s%s)未被改动,%s", interim ? "中期" : "年度", number, verify_site(v->payload),
		 simulated ? ",模拟数据" : "", v->partly ? "其结论由证书所述事实和规则得出,但部分事实无法由所附证据重新计算,见下" : "其结论由所附证据和规则得出");
	snprintf(v->sentence.en, sizeof v->sentence.en, "VALID: %s certificate %s (site %s%s) is unaltered, and %s",
		 interim ? "interim" : "annual", number, verify_site(v->payload), simulated ? ", SIMULATED" : "",
		 v->partly ? "its verdict follows from the facts it states, of which some cannot be recomputed from what is attached (below)" : "what it says follows from its evidence and its pack");
}

bool verify_certificate(struct verify *v, struct err *err)
{
	struct conf *conf = conf_new();
	bool good = conf ? check_all(v, conf, err) : err_memory(err);
	conf_free(conf);
	if (good)
		conclude(v);
	return good;
}
