#include "agent/issued.h"
#include "agent/file.h"
#include "core/merkle.h"
#include "rules/jws.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of a certificate or, with `revokes`, of a revocation; texts of payload. */
struct paper { json_t *payload; const char *number, *supersedes, *pack, *issued, *revokes; struct hash hash; };
struct papers { struct paper *rows; size_t n; };

static const char *text_of(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

/* The file is one that puectl left here: who signed it is for a verifier to ask. */
static bool paper_read(const void *envelope, size_t len, struct paper *out)
{
	CLEANUP(buf_done) struct buf bytes = { 0 };
	json_t *outer = json_loadb(envelope, len, JSON_REJECT_DUPLICATES, NULL), *p = NULL;
	const json_t *text = json_object_get(outer, "payload");
	if (json_is_string(text) && base64url_decode(json_string_value(text), json_string_length(text), &bytes))
		p = json_loadb(bytes.data, bytes.len, JSON_REJECT_DUPLICATES, NULL);
	json_decref(outer);
	if (!p)
		return false;
	*out = (struct paper){ .payload = p, .number = text_of(json_object_get(p, "identity"), "number"), .supersedes = text_of(json_object_get(p, "validity"), "supersedes"),
			       .pack = text_of(json_object_get(json_object_get(p, "identity"), "pack"), "id"), .issued = text_of(p, "issued"), .revokes = text_of(p, "revokes") };
	sha256(bytes.data, bytes.len, &out->hash);
	return true;
}

static void papers_done(struct papers *l)
{
	for (size_t i = 0; i < l->n; i++)
		json_decref(l->rows[i].payload);
	free(l->rows);
	*l = (struct papers){ 0 };
}

static bool add_file(struct papers *l, const char *path, struct err *err)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	struct paper *rows = realloc(l->rows, (l->n + 1) * sizeof *rows);
	if (!rows)
		return err_memory(err);
	l->rows = rows;
	if (!file_read(path, &text, err))
		return false;
	l->n += paper_read(text.data, text.len, &rows[l->n]);
	return true;
}

static bool papers_read(const char *state_dir, struct papers *out, struct err *err)
{
	char dir[4200], path[4500];
	bool good = true;
	*out = (struct papers){ 0 };
	snprintf(dir, sizeof dir, "%s/certificates", state_dir);
	DIR *d = opendir(dir);
	if (!d)
		return errno == ENOENT || err_set(err, ERR_IO, "%s: %s", dir, strerror(errno));
	for (struct dirent *e; good && (e = readdir(d));) {
		size_t len = strlen(e->d_name);
		if (e->d_name[0] == '.' || len < 6 || strcmp(e->d_name + len - 5, ".json") != 0)
			continue;
		snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
		good = add_file(out, path, err);
	}
	closedir(d);
	if (!good)
		papers_done(out);
	return good;
}

static bool same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

static const struct paper *successor(const struct papers *l, const char *number)
{
	for (size_t i = 0; i < l->n; i++)
		if (same(l->rows[i].supersedes, number))
			return &l->rows[i];
	return NULL;
}

static bool is_revoked(const struct papers *l, const char *number)
{
	for (size_t i = 0; i < l->n; i++)
		if (same(l->rows[i].revokes, number))
			return true;
	return false;
}

static bool number_fits(const struct papers *l, const struct paper *now, struct err *err)
{
	for (size_t i = 0; i < l->n; i++)
		if (same(l->rows[i].number, now->number) && !hash_equal(&l->rows[i].hash, &now->hash))
			return err_set(err, ERR_INPUT, "certificate %s was issued on %s and says something else: two papers with one number cannot be told apart; give this one "
				       "its own with --number, and --supersedes %s", now->number, l->rows[i].issued ? l->rows[i].issued : "?", now->number);
	return true;
}

static bool supersedes_fits(const struct papers *l, const struct paper *now, struct err *err)
{
	CLEANUP(buf_done) struct buf numbers = { 0 };
	const struct paper *next = successor(l, now->supersedes);
	bool known = false;
	if (same(now->supersedes, now->number))
		return err_set(err, ERR_INPUT, "--supersedes %s: a certificate cannot replace itself; give it a number of its own with --number", now->number);
	for (size_t i = 0; i < l->n; i++) {
		known |= same(l->rows[i].number, now->supersedes);
		if (l->rows[i].number)
			buf_printf(&numbers, "%s%s", numbers.len ? ", " : "", l->rows[i].number);
	}
	if (!known)
		return err_set(err, ERR_INPUT, "--supersedes %s: no certificate of this number was issued from this store; issued: %s", now->supersedes, numbers.data ? numbers.data : "none");
	if (next && !same(next->number, now->number))
		return err_set(err, ERR_INPUT, "--supersedes %s: it was superseded by %s already; name that one", now->supersedes, next->number ? next->number : "?");
	return true;
}

/* One in force, by the same pack, that the new one would stand beside. */
static bool alone(const struct papers *l, const struct paper *now, struct err *err)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct paper *p = &l->rows[i];
		if (p->number && same(p->pack, now->pack) && !same(p->number, now->number) && !same(p->number, now->supersedes) && !successor(l, p->number) && !is_revoked(l, p->number))
			return err_set(err, ERR_INPUT, "certificate %s of %s is in force for this site and pack %s gives one grant a site: a second certificate must replace it, "
				       "--supersedes %s (or revoke it first: puectl revoke %s)", p->number, p->issued ? p->issued : "?", now->pack, p->number, p->number);
	}
	return true;
}

bool issued_fits(const char *state_dir, const void *envelope, size_t len, bool once, struct err *err)
{
	struct papers l;
	struct paper now;
	if (!papers_read(state_dir, &l, err))
		return false;
	bool good = paper_read(envelope, len, &now) || err_memory(err);
	if (good) {
		good = (!now.supersedes || supersedes_fits(&l, &now, err)) && number_fits(&l, &now, err) && (!once || alone(&l, &now, err));
		json_decref(now.payload);
	}
	papers_done(&l);
	return good;
}

bool issued_number(const char *state_dir, const char *number, bool *issued, struct err *err)
{
	struct papers l;
	if (!papers_read(state_dir, &l, err))
		return false;
	*issued = false;
	for (size_t i = 0; i < l.n; i++)
		*issued |= same(l.rows[i].number, number);
	papers_done(&l);
	return true;
}
