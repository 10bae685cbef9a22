#include "agent/tree_head.h"

bool tree_head_payload(const struct site *site, const struct tree_head *head, struct buf *out, struct err *err)
{
	char root[65], made[WALL_TEXT];
	hash_hex(&head->root, root);
	json_t *o = json_pack("{s:I,s:s,s:s,s:s,s:b,s:s,s:I}", "epoch", (json_int_t)head->epoch, "made", wall_text(head->made, made), "root", root, "schema", "pued-head/1",
			      "simulated", site->simulated, "site", site->id, "size", (json_int_t)head->size);
	bool good = o ? json_canonical(o, out, err) : err_memory(err);
	json_decref(o);
	return good;
}

static bool number(const json_t *n, uint64_t *out)
{
	if (!json_is_integer(n) || json_integer_value(n) < 0)
		return false;
	*out = (uint64_t)json_integer_value(n);
	return true;
}

bool tree_head_of(const json_t *document, struct tree_head *out)
{
	const json_t *tree = json_object_get(document, "tree"), *evidence = json_object_get(document, "evidence");
	const json_t *size = json_object_get(tree ? tree : document, "size"), *root = json_object_get(tree ? tree : document, "root");
	struct tree_head head = { 0 };
	if (evidence && !size) {
		size = json_object_get(evidence, "tree_size");
		root = json_object_get(evidence, "tree_root");
	}
	if (!number(size, &head.size) || !json_is_string(root) || !hash_of_hex(json_string_value(root), &head.root))
		return false;
	number(json_object_get(evidence ? evidence : document, "epoch"), &head.epoch);
	*out = head;
	return true;
}

json_t *tree_head_document(const void *bytes, size_t len)
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
