#include "agent/statement.h"
#include "agent/file.h"

#include <stdio.h>

struct fold { struct statements *out; struct trust trust; struct err err; };
static bool fold_leaf(void *ctx, uint64_t index, enum leaf_kind kind, struct wall at, const void *bytes, size_t len)
{
	struct fold *f = ctx;
	(void)index, (void)kind, (void)at;
	return statements_add(f->out, &f->trust, bytes, len, &f->err);
}

bool statement_read(const char *state_dir, const char *site_id, struct reader *reader, struct statements *out, struct err *err)
{
	char path[600];
	CLEANUP(buf_done) struct buf text = { 0 };
	struct fold f = { .out = out };
	statements_init(out, site_id);
	snprintf(path, sizeof path, "%s/keys/trust.json", state_dir);
	bool good = file_read(path, &text, err) && trust_parse(path, text.data, text.len, &f.trust, err) &&
		    reader_leaves(reader, LEAF_MANUAL, (struct wall){ INT64_MIN }, (struct wall){ INT64_MAX }, fold_leaf, &f, err);
	if (good && f.err.kind != ERR_NONE) {
		*err = f.err;
		good = false;
	}
	trust_done(&f.trust);
	return good;
}
