/* puectl verify --store DIR [--head FILE]... [--trust KEYS]: walks every leaf, recomputes the root, and compares it with the store's
 * own tree head, with every report that waits in the outbox, and with a head kept elsewhere. */
#include "agent/file.h"
#include "agent/pack_admit.h"
#include "agent/tree_head.h"
#include "agent/verify.h"
#include "rules/jws.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct gather {
	struct store_witness *list;
	size_t n;
	const struct trust *trust;      /* NULL: signatures are not looked at */
	uint64_t signatures;
	struct err err;
};

static bool add(struct gather *g, const struct tree_head *head, bool own, const char *name)
{
	struct store_witness *more = realloc(g->list, (g->n + 1) * sizeof *more);
	if (!more)
		return err_memory(&g->err);
	g->list = more;
	more[g->n] = (struct store_witness){ .size = head->size, .epoch = head->epoch, .root = head->root, .own = own };
	snprintf(more[g->n++].name, sizeof more->name, "%s", name);
	return true;
}

static bool check_signature(struct gather *g, const void *bytes, size_t len, const char *name)
{
	struct jws_result result = { 0 };
	if (!g->trust)
		return true;
	if (!jws_verify(g->trust, bytes, len, NULL, (struct wall){ 0 }, &result, &g->err))
		return err_wrap(&g->err, "%s", name);
	g->signatures += result.n_signatures;
	jws_result_done(&result);
	return true;
}

/* A report or head that the store keeps: what it says of the tree must be so. */
static bool take(struct gather *g, const void *bytes, size_t len, const char *name, uint64_t size_of_row)
{
	struct tree_head head;
	json_t *document = tree_head_document(bytes, len);
	bool there = tree_head_of(document, &head);
	json_decref(document);
	if (!check_signature(g, bytes, len, name))
		return false;
	if (size_of_row && (!there || head.size != size_of_row))
		return err_set(&g->err, ERR_EVIDENCE, "%s: what was signed is not a head of %llu leaves", name, (unsigned long long)size_of_row);
	return !there || add(g, &head, true, name);
}

static bool take_report(void *ctx, uint64_t seq, struct wall at, const void *bytes, size_t len)
{
	char name[64];
	(void)at;
	snprintf(name, sizeof name, "report %llu", (unsigned long long)seq);
	return take(ctx, bytes, len, name, 0);
}

static bool take_signed_head(void *ctx, uint64_t size, struct wall at, const void *bytes, size_t len)
{
	char name[64];
	(void)at;
	snprintf(name, sizeof name, "signed head %llu", (unsigned long long)size);
	return take(ctx, bytes, len, name, size);
}

/* A head kept elsewhere.  A signature is looked at where trust is given and there is one. */
static bool take_head(struct gather *g, const char *path, struct err *err)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	struct tree_head head;
	if (!file_read(path, &text, err))
		return false;
	json_t *document = tree_head_document(text.data, text.len), *outer = json_loadb(text.data, text.len, 0, NULL);
	bool good = tree_head_of(document, &head), is_signed = json_object_get(outer, "signatures") != NULL;
	json_decref(document);
	json_decref(outer);
	/* an envelope in one line: a newline behind it is not part of it */
	size_t len = text.len > 2 && text.data[1] == '"' && text.data[text.len - 1] == '\n' ? text.len - 1 : text.len;
	if (!good)
		return err_set(err, ERR_INPUT, "%s: no tree head in it; wanted is a head (puectl head), a report, a certificate, or {\"size\":N,\"root\":\"64 hex digits\"}", path);
	if ((is_signed && !check_signature(g, text.data, len, path)) || !add(g, &head, false, path)) {
		*err = g->err;
		return false;
	}
	return true;
}

static bool gather_all(struct gather *g, const struct verify_words *w, struct err *err)
{
	struct reader *r = reader_open(w->store, err);
	if (!r)
		return false;
	bool good = reader_reports(r, take_report, g, err) && g->err.kind == ERR_NONE && reader_signed_heads(r, take_signed_head, g, err) && g->err.kind == ERR_NONE;
	reader_close(r);
	if (!good && g->err.kind != ERR_NONE)
		*err = g->err;
	for (size_t i = 0; good && i < w->head.n; i++)
		good = take_head(g, w->head.list[i], err);
	return good;
}

static int print(const struct ctl *ctl, const char *dir, const struct gather *g, const struct store_audit *a)
{
	char root[65];
	bool good = !a->first_bad[0];
	hash_hex(&a->root, root);
	if (ctl->json) {
		json_t *out = json_pack("{s:b,s:s,s:I,s:s,s:I,s:i,s:I,s:s?,s:I,s:I}", "valid", good, "store", dir, "size", (json_int_t)a->leaves, "root", root, "epoch",
					(json_int_t)a->epoch, "witnesses", (int)g->n, "signatures", (json_int_t)g->signatures, "first_bad", good ? NULL : a->first_bad, "segments", (json_int_t)a->segments, "segments_dropped", (json_int_t)a->dropped);
		json_dumpf(out, stdout, JSON_INDENT(1) | JSON_SORT_KEYS);
		putchar('\n');
		json_decref(out);
		return good ? 0 : 12;
	}
	if (!good) {
		printf(ctl->lang == LANG_ZH ? "无效: %s: 第一条有问题的记录: %s\n" : "NOT VALID: %s: first bad record: %s\n", dir, a->first_bad);
		return 12;
	}
	printf(ctl->lang == LANG_ZH ? "有效: %s: %llu 条证据%.0s, 与 %zu 个树头一致%.0s\n" : "VALID: %s: %llu record%s of evidence, consistent with %zu tree head%s\n", dir,
	       (unsigned long long)a->leaves, plural(a->leaves), g->n, plural(g->n));
	printf("  epoch %llu\n  root  %s\n", (unsigned long long)a->epoch, root);
	if (a->segments || a->dropped)
		printf(ctl->lang == LANG_ZH ? "  原始读数: %llu 个已关闭的月份完好, %llu 个已按保留期删除 (有记录; 其一刻钟汇总仍在并已核对)\n"
					    : "  raw readings: closed months unchanged: %llu, dropped as recorded: %llu (their quarters of an hour are kept and checked)\n",
		       (unsigned long long)a->segments, (unsigned long long)a->dropped);
	if (g->trust)
		printf(ctl->lang == LANG_ZH ? "  %llu 个签名%.0s已核验\n" : "  %llu signature%s verified\n", (unsigned long long)g->signatures, plural(g->signatures));
	puts(ctl->lang == LANG_ZH ? "  说明: 整体回退的副本自身看不出来,须用别处保存的树头核对 (--head)"
				  : "  note: a copy rolled back as a whole looks whole by itself; compare with a head kept elsewhere (--head)");
	return 0;
}

int verify_store(struct ctl *ctl, const struct verify_words *w)
{
	struct gather g = { .list = NULL };
	struct store_audit audit = { .leaves = 0 };
	struct trust trust = { 0 };
	struct err err = { 0 };
	bool good = !w->trust || trust_load(w->trust, &trust, &err);
	g.trust = w->trust && good ? &trust : NULL;
	good = good && gather_all(&g, w, &err);
	/* damage that keeps the reader from opening has a name too */
	if (good || err.kind == ERR_EVIDENCE) {
		struct err read_err = err;
		good = store_audit_against(w->store, g.list, g.n, &audit, &err);
		if (good && !audit.first_bad[0] && read_err.kind != ERR_NONE)
			snprintf(audit.first_bad, sizeof audit.first_bad, "%.299s", read_err.text);
	}
	int code = good ? print(ctl, w->store, &g, &audit) : ctl_fail(ctl, &err);
	free(g.list);
	trust_done(&trust);
	return code;
}
