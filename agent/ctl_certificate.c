/* puectl certificate: from the store's evidence to a signed certificate, JSON (the truth) and PDF (its picture). */
#include "agent/certificate.h"
#include "agent/clock.h"
#include "agent/file.h"
#include "agent/issued.h"
#include "agent/record.h"
#include "agent/sheet_file.h"
#include "agent/signer.h"

#include <stdio.h>
#include <string.h>

struct words { struct from_store_options store; const char *out, *number, *supersedes, *issued, *keys; bool no_pdf, no_configuration; };

/* Time of issue: given, or now; a simulated site's certificates carry the day of its own clock, so that they repeat. */
static bool issued_at(const struct words *a, const struct from_store *f, struct wall *out, struct err *err)
{
	struct clock clock = { 0 };
	if (a->issued)
		return wall_parse(a->issued, out, err) || err_wrap(err, "--issued");
	*out = f->setup.site->simulated ? zone_day_start(&f->setup.zone, f->today) : clock_wall(&clock);
	return true;
}

/* A number becomes part of file names, links and other people's registers. */
static bool number_good(const char *number, struct err *err)
{
	for (const unsigned char *c = (const unsigned char *)number; *c; c++)
		if (*c <= ' ' || *c == '/' || *c == '\\' || *c == 0x7f)
			return err_set(err, ERR_USAGE, "--number '%s': no blanks, slashes or control characters", number);
	return (number[0] && number[0] != '.' && number[0] != '-') || err_set(err, ERR_USAGE, "--number '%s': not empty, and not beginning with a dot or dash", number);
}

static int say_done(const struct ctl *ctl, const struct from_store *f, const char *json, const char *pdf)
{
	const struct verdict *v = &f->judgement->verdict;
	if (ctl->json) {
		CLEANUP(buf_done) struct buf b = { 0 };
		buf_str(&b, "{\"certificate\":");
		buf_json(&b, json);
		buf_str(&b, ",\"pdf\":");
		pdf ? buf_json(&b, pdf) : buf_str(&b, "null");
		buf_printf(&b, ",\"verdict\":\"%s\"}\n", verdict_names[v->kind]);
		fputs(b.data, stdout);
		return 0;
	}
	printf("%s\n%s\n", say(ctl, v->sentence), json);
	if (pdf)
		printf("%s\n", pdf);
	return 0;
}

/* A number of our own choosing is counted up until it is free. */
static void number_of_try(const struct from_store *f, int n, char *out, size_t size)
{
	char day[DATE_TEXT], more[16] = "";
	if (n > 1)
		snprintf(more, sizeof more, "-%d", n);
	snprintf(out, size, "%s%s-%s%s", f->setup.site->simulated ? "SIM-" : "", f->setup.site->id, date_text(f->today, day), more);
}

static bool choose_number(const struct words *a, const struct from_store *f, struct wall issued, char *number, size_t size, struct err *err)
{
	struct issued_list before;
	struct hash root;
	char at[WALL_TEXT], tree_root[65];
	struct issued_wish wish = { number, a->supersedes, wall_text(issued, at), tree_root };
	if (a->number && strlen(a->number) >= size)
		return err_set(err, ERR_USAGE, "--number: %zu characters are too many; at most %zu", strlen(a->number), size - 1);
	if (a->number && !number_good(a->number, err))
		return false;
	merkle_root(&f->judgement->head, &root);
	hash_hex(&root, tree_root);
	if (!issued_read(f->state_dir, f->reader, &before, err))
		return false;
	if (a->number)
		snprintf(number, size, "%s", a->number);
	else
		for (int n = 1; number_of_try(f, n, number, size), issued_taken(&before, &wish); n++)
			;
	bool good = issued_allows(&before, &wish, err);
	issued_done(&before);
	return good;
}

static int issue(const struct ctl *ctl, const struct words *a, const struct from_store *f, struct certificate_leaves *leaves)
{
	struct err err = { 0 };
	char keys_of_site[600], number[200], json[600], pdf[600];
	const char *keys = a->keys ? a->keys : keys_of_site;
	struct certificate_options o = { .number = number, .supersedes = a->supersedes, .no_configuration = a->no_configuration };
	CLEANUP(buf_done) struct buf envelope = { 0 };
	snprintf(keys_of_site, sizeof keys_of_site, "%s/keys", f->state_dir);
	struct signer *signer = a->keys ? signer_open(keys, f->setup.site->key_id, &err) : signer_of_site(f->setup.site, keys, &err);
	bool good = signer && issued_at(a, f, &o.issued, &err) && choose_number(a, f, o.issued, number, sizeof number, &err) &&
		    certificate_make(f, leaves, signer_ops(signer), &o, &envelope, &err) && signed_holds(keys, envelope.data, envelope.len, &err);
	signer_free(signer);
	if (good) {
		snprintf(json, sizeof json, "%s.json", a->out ? a->out : number);
		snprintf(pdf, sizeof pdf, "%s.pdf", a->out ? a->out : number);
		good = file_write(json, envelope.data, envelope.len, 0644, &err) &&
		       (a->no_pdf || sheet_file_write(pdf, envelope.data, envelope.len, ctl->lang == LANG_ZH ? "zh" : "en", &err));
	}
	from_store_note_waiting(ctl, f);
	struct err unrecorded = { 0 };
	if (good && !record_put_certificate(f->state_dir, envelope.data, envelope.len, &unrecorded))
		fprintf(stderr, ctl->lang == LANG_ZH ? "注意: 签发未计入证据: %s\n" : "note: its issue is not recorded as evidence: %s\n", unrecorded.text);
	return good ? say_done(ctl, f, json, a->no_pdf ? NULL : pdf) : ctl_fail(ctl, &err);
}

static int run(struct ctl *ctl)
{
	struct words *a = ctl->words;
	struct from_store f;
	struct err err = { 0 };
	struct certificate_leaves *leaves = certificate_leaves_new(&err);
	a->store.watch = leaves ? certificate_leaves_watch(leaves) : NULL;
	bool good = leaves && from_store_open(&a->store, &f, &err);
	int code = good ? issue(ctl, a, &f, leaves) : ctl_fail(ctl, &err);
	if (good)
		from_store_close(&f);
	certificate_leaves_free(leaves);
	return code;
}

static const struct ctl_option options[] = {
	OPT(FILE, "--out", "NAME", out, "写出 NAME.json 与 NAME.pdf;默认为编号", "writes NAME.json and NAME.pdf; the number when not given"),
	OPT(TEXT, "--number", "TEXT", number, "编号;默认由场所与日期组成,已用时加序号", "its number; else made of site and day, counted up when that one is taken"),
	OPT(TIME, "--issued", "TIME", issued, "签发时间;默认现在,模拟场所为判定之日", "time of issue; now, or of a simulated site the day of judging"),
	OPT(TEXT, "--supersedes", "NUMBER", supersedes, "被替代的证书", "the certificate it takes the place of"),
	OPT(FILE, "--pack", "NAME|FILE", store.pack, "规则包;默认取自配置", "the policy pack; else the configuration's"),
	OPT(DAY, "--date", "DAY", store.date, "判定之日;默认最新证据的本地日期", "the day of judging; else the local day of the newest evidence"),
	OPT(FILE, "--keys", "DIR", keys, "签名密钥目录;默认取自站点", "the signing keys; else the site's"),
	OPT(FLAG, "--no-pdf", NULL, no_pdf, "不写 PDF", "no PDF"),
	OPT(FLAG, "--no-configuration", NULL, no_configuration, "证据中不附配置(其中有设备地址);机架数与完整率等即不能由他人重新计算",
	    "leave the configuration out of the evidence (addresses of devices stand in it); rack counts, completeness and U cannot then be recomputed by others"),
	OPT_GROUP(store, from_store_rows),
	{ NULL },
};

const struct verb verb_certificate = { "certificate", { "签发证书(JSON为准,PDF为其图示)", "issue a certificate: JSON is the truth, the PDF its picture" }, { NULL, NULL }, run, options,
				       sizeof(struct words) };
