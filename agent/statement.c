#include "agent/statement.h"
#include "agent/file.h"
#include "agent/log.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

bool statement_put(const char *state_dir, const void *envelope, size_t len, char *path, size_t size, struct err *err)
{
	struct hash hash;
	char hex[65], dir[600];
	snprintf(dir, sizeof dir, "%s/statements", state_dir);
	if (mkdir(dir, 0700) != 0 && errno != EEXIST)
		return err_set(err, errno == EACCES ? ERR_DENIED : ERR_IO, "%s: %s", dir, strerror(errno));
	sha256(envelope, len, &hash);
	hash_hex(&hash, hex);
	snprintf(path, size, "%s/%.32s.json", dir, hex);
	return file_write(path, envelope, len, 0600, err);
}

struct search { struct hash wanted; bool found; };
static bool same_leaf(void *ctx, uint64_t index, enum leaf_kind kind, struct wall at, const void *bytes, size_t len)
{
	struct search *s = ctx;
	struct hash hash;
	(void)index, (void)kind, (void)at;
	sha256(bytes, len, &hash);
	s->found = !memcmp(&hash, &s->wanted, sizeof hash);
	return !s->found;
}

static bool is_leaf(struct reader *reader, const struct buf *text, bool *out, struct err *err)
{
	struct search s = { .found = false };
	sha256(text->data, text->len, &s.wanted);
	if (!reader_leaves(reader, LEAF_MANUAL, (struct wall){ INT64_MIN }, (struct wall){ INT64_MAX }, same_leaf, &s, err))
		return false;
	*out = s.found;
	return true;
}

static void refuse(const char *path, const struct err *why, struct stamp now)
{
	char to[920];
	struct err err = { 0 };
	int stem = (int)strlen(path) - 5;
	snprintf(to, sizeof to, "%.*s.why", stem, path);
	if (!file_write(to, why->text, strlen(why->text), 0600, &err))
		log_line(LOG_ERROR, "statements", now.boot, "%s", err.text);
	snprintf(to, sizeof to, "%.*s.refused", stem, path);
	if (rename(path, to) != 0)
		log_line(LOG_ERROR, "statements", now.boot, "%s: %s", path, strerror(errno));
	log_line(LOG_ERROR, to, now.boot, "statement %s does not count: %s", to, why->text);
}

static bool collect_one(const char *path, struct reader *reader, struct amending *a, struct pipeline *p, struct stamp now, struct err *err)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	bool known;
	struct err why = { 0 };
	if (!file_read(path, &text, err) || !is_leaf(reader, &text, &known, err))
		return false;
	if (known)
		return true;
	if (amending_take(a, text.data, text.len, p, &why))
		pipeline_note(p, LEAF_MANUAL, now.wall, text.data, text.len);
	else if (why.kind == ERR_INPUT)
		refuse(path, &why, now);
	else
		*err = why;     /* no trust store, no memory: not the statement's fault, it stays */
	return err->kind == ERR_NONE;
}

static int is_json(const struct dirent *e)
{
	size_t len = strlen(e->d_name);
	return e->d_name[0] != '.' && len > 5 && !strcmp(e->d_name + len - 5, ".json");
}

bool statement_collect(const char *state_dir, int64_t *seen, struct reader *reader, struct amending *a, struct pipeline *p, struct stamp now, struct err *err)
{
	char dir[600], path[900];
	struct dirent **list;
	struct stat st;
	snprintf(dir, sizeof dir, "%s/statements", state_dir);
	if (stat(dir, &st) != 0)
		return true;
	int64_t changed = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
	if (changed == *seen)
		return true;
	int n = scandir(dir, &list, is_json, alphasort);
	bool good = n >= 0 || err_set(err, ERR_IO, "%s: %s; no statement in it can become evidence", dir, strerror(errno));
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, list[i]->d_name);
		good = good && collect_one(path, reader, a, p, now, err);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	*seen = good ? changed : 0;
	return good;
}

bool statement_waiting(const char *state_dir, struct reader *reader, size_t *out, struct err *err)
{
	char dir[600], path[900];
	struct dirent **list;
	bool good = true, known;
	*out = 0;
	snprintf(dir, sizeof dir, "%s/statements", state_dir);
	int n = scandir(dir, &list, is_json, alphasort);
	if (n < 0)
		return errno == ENOENT || err_set(err, ERR_IO, "%s: %s", dir, strerror(errno));
	for (int i = 0; i < n; i++) {
		CLEANUP(buf_done) struct buf text = { 0 };
		snprintf(path, sizeof path, "%s/%s", dir, list[i]->d_name);
		good = good && file_read(path, &text, err) && is_leaf(reader, &text, &known, err);
		*out += good && !known;
		free(list[i]);
	}
	free(list);
	return good;
}
