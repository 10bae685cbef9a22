/* puectl verify --store DIR [--head FILE] [--trust KEYS]: walks every leaf, recomputes the root, and compares it with the store's
 * own tree head, with every report that waits in the outbox, and with a head kept elsewhere. */
#include "agent/file.h"
#include "agent/pack_admit.h"
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
	const char *what;               /* "report", "signed head" */
	struct err err;
};

static bool add(struct gather *g, uint64_t size, const struct hash *root, const char *name)
{
	struct store_witness *more = realloc(g->list, (g->n + 1) * sizeof *more);
	if (!more)
		return err_memory(&g->err);
	g->list = more;
	more[g->n] = (struct store_witness){ .size = size, .root = *root };
	snprintf(more[g->n++].name, sizeof more->name, "%s", name);
	return true;
}

/* {"tree":{"size","root"}} of a report or certificate payload, or {"size","root"} of a head; what has neither bears no witness. */
static bool tree_of(const json_t *document, uint64_t *size, struct hash *root)
{
	const json_t *tree = json_object_get(document, "tree"), *evidence = json_object_get(document, "evidence");
	const json_t *n = json_object_get(tree ? tree : document, "size"), *h = json_object_get(tree ? tree : document, "root");
	if (evidence && !n) {
		n = json_object_get(evidence, "tree_size");
		h = json_object_get(evidence, "tree_root");
	}
	if (!json_is_integer(n) || json_integer_value(n) < 0 || !json_is_string(h) || !hash_of_hex(json_string_value(h), root))
		return false;
	*size = (uint64_t)json_integer_value(n);
	return true;
}

/* The payload inside an envelope, or the document itself when it is none. */
static json_t *document_of(const void *bytes, size_t len)
{
	json_t *outer = json_loadb(bytes, len, JSON_REJECT_DUPLICATES, NULL);
	const json_t *payload = json_object_get(outer, "payload");
	CLEANUP(buf_done) struct buf plain = { 0 };
	if (!json_is_string(payload))
		return outer;
	bool good = base64url_decode(json_string_value(payload), json_string_length(payload), &plain);
	json_decref(outer);
	return good ? json_loadb(plain.data, plain.len, JSON_REJECT_DUPLICATES, NULL) : NULL;
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

static bool take(void *ctx, uint64_t key, struct wall at, const void *bytes, size_t len)
{
	struct gather *g = ctx;
	char name[64];
	uint64_t size;
	struct hash root;
	(void)at;
	snprintf(name, sizeof name, "%s %llu", g->what, (unsigned long long)key);
	json_t *document = document_of(bytes, len);
	bool good = check_signature(g, bytes, len, name) && (!tree_of(document, &size, &root) || add(g, size, &root, name));
	json_decref(document);
	return good;
}

static bool take_head(struct gather *g, const char *path, struct err *err)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	uint64_t size;
	struct hash root;
	if (!file_read(path, &text, err))
		return false;
	json_t *document = document_of(text.data, text.len);
	bool good = tree_of(document, &size, &root);
	json_decref(document);
	if (!good)
		return err_set(err, ERR_INPUT, "%s: no tree head in it; wanted is a report, a certificate, or {\"size\":N,\"root\":\"64 hex digits\"}", path);
	return add(g, size, &root, path) || err_memory(err);
}

static bool gather_all(struct gather *g, const char *dir, const char *head, struct err *err)
{
	struct reader *r = reader_open(dir, err);
	if (!r)
		return false;
	g->what = "report";
	bool good = reader_reports(r, take, g, err) && g->err.kind == ERR_NONE;
	g->what = "signed head";
	good = good && reader_signed_heads(r, take, g, err) && g->err.kind == ERR_NONE;
	reader_close(r);
	if (!good && g->err.kind != ERR_NONE)
		*err = g->err;
	return good && (!head || take_head(g, head, err));
}

static int print(const struct ctl *ctl, const char *dir, const struct gather *g, const struct store_audit *a)
{
	char root[65];
	bool good = !a->first_bad[0];
	hash_hex(&a->root, root);
	if (ctl->json) {
		json_t *out = json_pack("{s:b,s:s,s:I,s:s,s:I,s:i,s:I,s:s?}", "valid", good, "store", dir, "size", (json_int_t)a->leaves, "root", root, "epoch",
					(json_int_t)a->epoch, "witnesses", (int)g->n, "signatures", (json_int_t)g->signatures, "first_bad", good ? NULL : a->first_bad);
		json_dumpf(out, stdout, JSON_INDENT(1) | JSON_SORT_KEYS);
		putchar('\n');
		json_decref(out);
		return good ? 0 : 12;
	}
	if (!good) {
		printf(ctl->lang == LANG_ZH ? "无效: %s: 第一条有问题的记录: %s\n" : "NOT VALID: %s: first bad record: %s\n", dir, a->first_bad);
		return 12;
	}
	printf(ctl->lang == LANG_ZH ? "有效: %s: %llu 条证据, 与 %zu 个树头一致\n" : "VALID: %s: %llu records of evidence, consistent with %zu tree heads\n", dir,
	       (unsigned long long)a->leaves, g->n);
	printf("  epoch %llu\n  root  %s\n", (unsigned long long)a->epoch, root);
	if (g->trust)
		printf(ctl->lang == LANG_ZH ? "  %llu 个签名已核验\n" : "  %llu signatures verified\n", (unsigned long long)g->signatures);
	puts(ctl->lang == LANG_ZH ? "  说明: 整体回退的副本自身看不出来,须用别处保存的树头核对 (--head)"
				  : "  note: a copy rolled back as a whole looks whole by itself; compare with a head kept elsewhere (--head)");
	return 0;
}

static const char *option(const struct ctl *ctl, const char *name)
{
	for (int i = 1; i + 1 < ctl->argc; i++)
		if (strcmp(ctl->argv[i], name) == 0)
			return ctl->argv[i + 1];
	return NULL;
}

int verify_store(struct ctl *ctl, const char *dir, const char *head)
{
	struct gather g = { .list = NULL };
	struct store_audit audit = { .leaves = 0 };
	struct trust trust = { 0 };
	struct err err = { 0 };
	const char *keys = option(ctl, "--trust");
	bool good = !keys || trust_load(keys, &trust, &err);
	g.trust = keys && good ? &trust : NULL;
	good = good && gather_all(&g, dir, head, &err);
	/* damage that keeps the reader from opening has a name too */
	if (good || err.kind == ERR_EVIDENCE) {
		struct err read_err = err;
		good = store_audit_against(dir, g.list, g.n, &audit, &err);
		if (good && !audit.first_bad[0] && read_err.kind != ERR_NONE)
			snprintf(audit.first_bad, sizeof audit.first_bad, "%.299s", read_err.text);
	}
	int code = good ? print(ctl, dir, &g, &audit) : ctl_fail(ctl, &err);
	free(g.list);
	trust_done(&trust);
	return code;
}
