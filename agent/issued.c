#include "agent/issued.h"
#include "agent/file.h"
#include "agent/pack_admit.h"
#include "rules/jws.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void issued_done(struct issued_list *l)
{
	free(l->rows);
	*l = (struct issued_list){ 0 };
}

static const struct issued *find(const struct issued_list *l, const char *number)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->rows[i].event == ISSUED && !strcmp(l->rows[i].number, number))
			return &l->rows[i];
	return NULL;
}

static bool is_revoked(const struct issued_list *l, const char *number)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->rows[i].event == REVOKED && !strcmp(l->rows[i].number, number))
			return true;
	return false;
}

static bool keep(struct issued_list *l, const struct issued *row, struct err *err)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->rows[i].sha256, row->sha256))
			return true;            /* the copy of a leaf */
	struct issued *more = realloc(l->rows, (l->n + 1) * sizeof *more);
	if (!more)
		return err_memory(err);
	l->rows = more;
	l->rows[l->n++] = *row;
	return true;
}

static void take(char *to, size_t size, const json_t *object, const char *member)
{
	const char *text = json_string_value(json_object_get(object, member));
	snprintf(to, size, "%s", text ? text : "");
}

struct leaves { struct issued_list *list; struct err *err; bool failed; };
static bool take_leaf(void *ctx, uint64_t index, enum leaf_kind kind, struct wall at, const void *bytes, size_t len)
{
	struct leaves *f = ctx;
	struct issued row = { 0 };
	char event[20];
	(void)index, (void)kind, (void)at;
	json_t *leaf = json_loadb(bytes, len, 0, NULL);
	take(event, sizeof event, leaf, "event");
	take(row.sha256, sizeof row.sha256, leaf, "sha256");
	take(row.number, sizeof row.number, leaf, "number");
	take(row.supersedes, sizeof row.supersedes, leaf, "supersedes");
	take(row.at, sizeof row.at, leaf, "issued");
	take(row.tree_root, sizeof row.tree_root, leaf, "tree_root");
	row.event = !strcmp(event, "revoked") ? REVOKED : ISSUED;
	f->failed = !keep(f->list, &row, f->err);
	json_decref(leaf);
	return !f->failed;
}

/* What a file says of itself; false: it is neither certificate nor revocation, or no trusted key signed it. */
static bool read_copy(const struct trust *trust, const struct buf *text, struct issued *out)
{
	struct jws_result jws = { 0 };
	struct err err;
	struct hash hash;
	*out = (struct issued){ 0 };
	if (!jws_verify(trust, text->data, text->len, NULL, (struct wall){ 0 }, &jws, &err))
		return false;
	json_t *payload = json_read("payload", jws.payload.data, jws.payload.len, &err);
	bool certificate = !strcmp(jws.type, JWS_CERTIFICATE), revocation = !strcmp(jws.type, JWS_REVOCATION);
	out->event = revocation ? REVOKED : ISSUED;
	take(out->number, sizeof out->number, revocation ? payload : json_object_get(payload, "identity"), revocation ? "revokes" : "number");
	take(out->supersedes, sizeof out->supersedes, json_object_get(payload, "validity"), "supersedes");
	take(out->at, sizeof out->at, payload, "issued");
	take(out->tree_root, sizeof out->tree_root, json_object_get(payload, "evidence"), "tree_root");
	sha256(text->data, text->len, &hash);
	hash_hex(&hash, out->sha256);
	json_decref(payload);
	jws_result_done(&jws);
	return certificate || revocation;
}

static int is_json(const struct dirent *e)
{
	size_t len = strlen(e->d_name);
	return e->d_name[0] != '.' && len > 5 && !strcmp(e->d_name + len - 5, ".json");
}

static bool take_copies(const char *state_dir, const struct trust *trust, struct issued_list *list, struct err *err)
{
	char dir[4200], path[4600];
	struct dirent **names;
	bool good = true;
	snprintf(dir, sizeof dir, "%s/certificates", state_dir);
	int n = scandir(dir, &names, is_json, alphasort);
	for (int i = 0; i < n; i++) {
		CLEANUP(buf_done) struct buf text = { 0 };
		struct issued row;
		snprintf(path, sizeof path, "%s/%s", dir, names[i]->d_name);
		good = good && file_read(path, &text, err) && (!read_copy(trust, &text, &row) || keep(list, &row, err));
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	return good;
}

bool issued_read(const char *state_dir, struct reader *reader, struct issued_list *out, struct err *err)
{
	char keys[4200];
	struct trust trust = { 0 };
	struct err untrusted;
	struct leaves f = { out, err, false };
	*out = (struct issued_list){ 0 };
	snprintf(keys, sizeof keys, "%s/keys/trust.json", state_dir);
	bool good = reader_leaves(reader, LEAF_CERTIFICATE, (struct wall){ INT64_MIN }, (struct wall){ INT64_MAX }, take_leaf, &f, err) && !f.failed;
	if (good && trust_load(keys, &trust, &untrusted))
		good = take_copies(state_dir, &trust, out, err);
	trust_done(&trust);
	if (!good)
		issued_done(out);
	return good;
}

static void numbers(const struct issued_list *l, struct buf *out)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->rows[i].event == ISSUED)
			buf_printf(out, "%s%s", out->len ? ", " : "", l->rows[i].number);
}

static bool unknown(const struct issued_list *l, const char *number, struct err *err)
{
	CLEANUP(buf_done) struct buf all = { 0 };
	numbers(l, &all);
	return err_set(err, ERR_USAGE, "no certificate %s was issued here; %s%.300s", number, all.len ? "there are: " : "none was", all.len ? all.data : "");
}

static bool same(const struct issued *i, const struct issued_wish *w)
{
	return !strcmp(i->at, w->at) && !strcmp(i->tree_root, w->tree_root) && !strcmp(i->supersedes, w->supersedes ? w->supersedes : "");
}

bool issued_taken(const struct issued_list *l, const struct issued_wish *w)
{
	const struct issued *there = find(l, w->number);
	return there && !same(there, w);
}

bool issued_allows(const struct issued_list *l, const struct issued_wish *w, struct err *err)
{
	if (issued_taken(l, w))
		return err_set(err, ERR_USAGE, "a certificate %s was issued on %.10s and is another one; give this one another --number, and --supersedes %s if it takes that one's place",
			       w->number, find(l, w->number)->at, w->number);
	if (!w->supersedes)
		return true;
	if (!strcmp(w->supersedes, w->number))
		return err_set(err, ERR_USAGE, "certificate %s cannot supersede itself; give the new one another --number", w->number);
	if (!find(l, w->supersedes))
		return unknown(l, w->supersedes, err);
	if (is_revoked(l, w->supersedes))
		return err_set(err, ERR_USAGE, "certificate %s is revoked: there is nothing to supersede; leave --supersedes out", w->supersedes);
	for (size_t i = 0; i < l->n; i++)
		if (l->rows[i].event == ISSUED && !strcmp(l->rows[i].supersedes, w->supersedes) && strcmp(l->rows[i].number, w->number) != 0)
			return err_set(err, ERR_USAGE, "certificate %s was superseded by %s already; supersede that one", w->supersedes, l->rows[i].number);
	return true;
}

bool issued_revocable(const struct issued_list *l, const char *number, struct err *err)
{
	if (!find(l, number))
		return unknown(l, number, err);
	return !is_revoked(l, number) || err_set(err, ERR_USAGE, "certificate %s is revoked already", number);
}

bool signed_holds(const char *dir, const void *envelope, size_t len, struct err *err)
{
	struct trust trust = { 0 };
	struct jws_result jws = { 0 };
	char path[4200];
	snprintf(path, sizeof path, "%s/trust.json", dir);
	bool good = trust_load(path, &trust, err) && (jws_verify(&trust, envelope, len, NULL, (struct wall){ 0 }, &jws, err) || err_wrap(err, "nothing was written"));
	jws_result_done(&jws);
	trust_done(&trust);
	return good;
}
