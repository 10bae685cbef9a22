/* puectl head: the evidence tree's head, to be printed or kept elsewhere; and the proofs that somebody without the store asks for. */
#include "agent/ctl.h"
#include "agent/file.h"
#include "agent/tree_head.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct words { const char *state, *out, *since, *leaf; bool is_signed; };

struct view { struct reader *reader; struct merkle tree; struct tree_head head; };

static bool hash_at(void *ctx, uint64_t index, struct hash *out)
{
	return reader_leaf_hash(ctx, index, out);
}

static json_t *head_json(const struct tree_head *head)
{
	char root[65];
	hash_hex(&head->root, root);
	return json_pack("{s:I,s:s,s:I}", "epoch", (json_int_t)head->epoch, "root", root, "size", (json_int_t)head->size);
}

static json_t *path_json(const struct hash *path, size_t n)
{
	json_t *list = json_array();
	char hex[65];
	for (size_t i = 0; i < n; i++) {
		hash_hex(&path[i], hex);
		json_array_append_new(list, json_string(hex));
	}
	return list;
}

/* From a head kept elsewhere to this one (RFC 9162 section 2.1.4); refused when there is no such way. */
static json_t *consistency(const struct view *v, const char *file, struct err *err)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	struct hash path[MERKLE_PATH_MAX];
	struct tree_head old;
	size_t n;
	if (!file_read(file, &text, err))
		return NULL;
	json_t *document = tree_head_document(text.data, text.len);
	bool good = tree_head_of(document, &old);
	json_decref(document);
	if (!good)
		err_set(err, ERR_INPUT, "%s: no tree head in it", file);
	else if (old.size > v->tree.size)
		err_set(err, ERR_EVIDENCE, "%s knows %llu leaves, this store has %llu: no proof leads back", file, (unsigned long long)old.size, (unsigned long long)v->tree.size);
	else if (!merkle_consistency(old.size, v->tree.size, hash_at, v->reader, path, &n))
		err_set(err, ERR_EVIDENCE, "a leaf cannot be read; run puectl verify --store");
	else if (!merkle_verify_consistency(old.size, &old.root, v->tree.size, &v->head.root, path, n))
		err_set(err, ERR_EVIDENCE, "%s: this store's tree does not go on from that head; run puectl verify --store DIR --head %s", file, file);
	else
		return json_pack("{s:o,s:o,s:o}", "from", head_json(&old), "path", path_json(path, n), "to", head_json(&v->head));
	return NULL;
}

struct one { uint64_t index; json_t *out; };
static bool take_leaf(void *ctx, uint64_t index, enum leaf_kind kind, struct wall at, const void *bytes, size_t len)
{
	struct one *o = ctx;
	if (index == o->index)
		o->out = json_pack("{s:I,s:s%,s:I,s:i}", "at", (json_int_t)at.ms, "bytes", bytes, len, "index", (json_int_t)index, "kind", (int)kind);
	return index < o->index;
}

/* One record and its way to the root (RFC 9162 section 2.1.3). */
static json_t *inclusion(const struct view *v, const char *which, struct err *err)
{
	struct hash path[MERKLE_PATH_MAX];
	size_t n;
	char *end;
	struct one o = { strtoull(which, &end, 10), NULL };
	if (*end || end == which || o.index >= v->tree.size) {
		err_set(err, ERR_USAGE, "--leaf %s: leaves are 0 to %lld", which, (long long)v->tree.size - 1);
		return NULL;
	}
	if (!reader_leaves(v->reader, -1, (struct wall){ INT64_MIN }, (struct wall){ INT64_MAX }, take_leaf, &o, err))
		return NULL;
	if (!o.out || !merkle_inclusion(o.index, v->tree.size, hash_at, v->reader, path, &n)) {
		json_decref(o.out);
		err_set(err, ERR_EVIDENCE, "leaf %s cannot be read; run puectl verify --store", which);
		return NULL;
	}
	json_object_set_new(o.out, "head", head_json(&v->head));
	json_object_set_new(o.out, "path", path_json(path, n));
	return o.out;
}

static bool newest(void *ctx, uint64_t size, struct wall at, const void *bytes, size_t len)
{
	struct buf *out = ctx;
	(void)size, (void)at;
	buf_reset(out);
	buf_add(out, bytes, len);
	return true;
}

static bool signed_head(const struct view *v, struct buf *out, struct err *err)
{
	if (!reader_signed_heads(v->reader, newest, out, err))
		return false;
	return out->len || err_set(err, ERR_RANGE, "no head was signed yet; pued signs one an hour and at its start and end");
}

static bool plain(const struct ctl *ctl, const struct view *v, struct buf *out)
{
	char root[65];
	hash_hex(&v->head.root, root);
	buf_printf(out, ctl->lang == LANG_ZH ? "期号 %llu\n证据 %llu 条\n树根 %s\n" : "epoch  %llu\nleaves %llu\nroot   %s\n", (unsigned long long)v->head.epoch,
		   (unsigned long long)v->head.size, root);
	return true;
}

static bool say_it(const struct ctl *ctl, const struct words *w, const struct view *v, struct buf *out, struct err *err)
{
	json_t *o = NULL;
	if (w->is_signed)
		return signed_head(v, out, err);
	if (!w->since && !w->leaf && !ctl->json && !w->out)
		return plain(ctl, v, out);
	o = w->since ? consistency(v, w->since, err) : w->leaf ? inclusion(v, w->leaf, err) : head_json(&v->head);
	bool good = o && json_canonical(o, out, err);
	json_decref(o);
	if (good)
		buf_str(out, "\n");
	return good;
}

static int run(struct ctl *ctl)
{
	const struct words *w = ctl->words;
	struct err err = { 0 };
	struct view v = { NULL };
	CLEANUP(buf_done) struct buf out = { 0 };
	if (w->is_signed + !!w->since + !!w->leaf > 1)
		return ctl_usage(ctl, "%s", SAY(ctl, "--signed、--since、--leaf 只能给其一", "one of --signed, --since and --leaf"));
	bool good = (v.reader = reader_open(w->state, &err)) && reader_head(v.reader, &v.tree, &v.head.epoch, &err);
	if (good) {
		v.head.size = v.tree.size;
		merkle_root(&v.tree, &v.head.root);
		good = say_it(ctl, w, &v, &out, &err) && (!w->out || file_write(w->out, out.data, out.len, 0644, &err));
	}
	reader_close(v.reader);
	if (!good)
		return ctl_fail(ctl, &err);
	if (!w->out)
		fwrite(out.data, 1, out.len, stdout);
	return 0;
}

static const struct ctl_option options[] = {
	OPT(FLAG, "--signed", NULL, is_signed, "最近一次签名的树头", "the newest signed head, as stored"),
	OPT(FILE, "--since", "FILE", since, "从该文件中的树头到现在的一致性证明", "a consistency proof from the head in that file to the present one"),
	OPT(TEXT, "--leaf", "N", leaf, "第 N 条证据及其包含证明", "record N with its inclusion proof"),
	OPT(FILE, "--out", "FILE", out, "写入文件", "into a file"),
	OPT(FILE, "--state", "DIR", state, "存储目录", "the store", "/var/lib/pued"),
	{ NULL },
};

const struct verb verb_head = {
	"head", { "证据树头及其证明,打印或另存", "the head of the evidence tree, to print or keep elsewhere, and proofs from it" },
	{ "核对: puectl verify --store DIR --head FILE; 退出码 12: 不一致", "Compare: puectl verify --store DIR --head FILE.  Exit code 12: no way leads from that head to this store" },
	run, options, sizeof(struct words),
};
