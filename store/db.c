#include "store/db.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool db_fail(struct db *d, struct err *err)
{
	int code = d->sql ? sqlite3_errcode(d->sql) : SQLITE_NOMEM;
	d->full |= (code & 0xff) == SQLITE_FULL;
	bool damaged = code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
	enum err_kind kind = damaged ? ERR_EVIDENCE : code == SQLITE_NOMEM ? ERR_INTERNAL : code == SQLITE_PERM || code == SQLITE_AUTH ? ERR_DENIED : ERR_IO;
	if (d->sql && sqlite3_extended_errcode(d->sql) == SQLITE_READONLY_ROLLBACK)
		return err_set(err, ERR_IO, "%s: pued ended in the middle of writing it; start pued, it puts that right", d->name);
	return err_set(err, kind, "%s: %s (%d)%s", d->name, d->sql ? sqlite3_errmsg(d->sql) : "out of memory", d->sql ? sqlite3_extended_errcode(d->sql) : 7,
		       damaged ? "; the file is damaged, restore a backup (puectl restore)" : "");
}

bool db_exec(struct db *d, const char *sql, struct err *err)
{
	return sqlite3_exec(d->sql, sql, NULL, NULL, NULL) == SQLITE_OK || db_fail(d, err);
}

bool query_init(struct query *q, struct db *d, const char *sql, struct err *err)
{
	*q = (struct query){ .d = d };
	return sqlite3_prepare_v2(d->sql, sql, -1, &q->stmt, NULL) == SQLITE_OK || db_fail(d, err);
}

void query_int(struct query *q, int64_t v)
{
	q->failed |= sqlite3_bind_int64(q->stmt, ++q->bound, v) != SQLITE_OK;
}

void query_blob(struct query *q, const void *bytes, size_t len)
{
	q->failed |= sqlite3_bind_blob64(q->stmt, ++q->bound, bytes ? bytes : "", len, SQLITE_STATIC) != SQLITE_OK;
}

void query_text(struct query *q, const char *text)
{
	q->failed |= (text ? sqlite3_bind_text(q->stmt, ++q->bound, text, -1, SQLITE_STATIC) : sqlite3_bind_null(q->stmt, ++q->bound)) != SQLITE_OK;
}

int query_step(struct query *q, struct err *err)
{
	int code = q->failed ? SQLITE_ERROR : sqlite3_step(q->stmt);
	if (code == SQLITE_ROW)
		return 1;
	if (code == SQLITE_DONE)
		return 0;
	db_fail(q->d, err);
	return -1;
}

void query_reset(struct query *q)
{
	sqlite3_reset(q->stmt);
	q->bound = 0;
}

bool query_run(struct query *q, struct err *err)
{
	int code;
	while ((code = query_step(q, err)) == 1)
		;
	query_reset(q);
	return code == 0;
}

void query_done(struct query *q)
{
	sqlite3_finalize(q->stmt);
	q->stmt = NULL;
}

bool db_number(struct db *d, const char *sql, int64_t none, int64_t *out, struct err *err)
{
	CLEANUP(query_done) struct query q = { 0 };
	if (!query_init(&q, d, sql, err))
		return false;
	int code = query_step(&q, err);
	if (code < 0)
		return false;
	*out = code == 1 && sqlite3_column_type(q.stmt, 0) != SQLITE_NULL ? sqlite3_column_int64(q.stmt, 0) : none;
	return true;
}

static bool migrate(struct db *d, const struct db_schema *schema, struct err *err)
{
	int64_t have;
	if (!db_number(d, "PRAGMA user_version", 0, &have, err))
		return false;
	if (have > schema->n)
		return err_set(err, ERR_CONFIG, "%s has schema %lld, this pued (%s) knows up to %d; run the newer pued, or restore a backup made by this one",
			       d->name, (long long)have, PUED_VERSION, schema->n);
	if (d->read_only || have == schema->n)
		return have == schema->n || err_set(err, ERR_CONFIG, "%s has schema %lld; start pued once, it brings the store up to schema %d", d->name,
						    (long long)have, schema->n);
	bool good = db_exec(d, "BEGIN IMMEDIATE", err);
	for (int i = (int)have; good && i < schema->n; i++)
		good = db_exec(d, schema->steps[i], err);
	char version[64];
	snprintf(version, sizeof version, "PRAGMA user_version=%d; COMMIT", schema->n);
	if (good && db_exec(d, version, err))
		return true;
	sqlite3_exec(d->sql, "ROLLBACK", NULL, NULL, NULL);
	return false;
}

/* Checkpoints are ours: a reader must not make one in the middle of a tick, and the WAL's size is watched. */
static const char wal_settings[] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0; PRAGMA journal_size_limit=33554432";
static const char rollback_settings[] = "PRAGMA journal_mode=DELETE; PRAGMA synchronous=EXTRA";
static const char write_settings[] = "PRAGMA secure_delete=OFF; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-2048";
static const char common_settings[] = "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA mmap_size=0";

static bool open_file(struct db *d, const char *path, const char *vfs, bool immutable)
{
	int flags = d->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
	CLEANUP(buf_done) struct buf text = { 0 };
	buf_str(&text, "file:");
	for (const char *p = path; *p; p++)
		if (*p == '%' || *p == '?' || *p == '#')
			buf_printf(&text, "%%%02x", (unsigned char)*p);
		else
			buf_add(&text, p, 1);
	buf_str(&text, immutable ? "?immutable=1" : "");
	return !text.failed && sqlite3_open_v2(text.data, &d->sql, flags | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, vfs) == SQLITE_OK;
}

static bool settings(struct db *d, const struct db_schema *schema, struct err *err)
{
	char page[64];
	snprintf(page, sizeof page, "PRAGMA page_size=%d", schema->page_size);
	sqlite3_extended_result_codes(d->sql, 0);
	sqlite3_busy_timeout(d->sql, 5000);
	if (!db_exec(d, common_settings, err))
		return false;
	if (!d->read_only && ((schema->page_size && !db_exec(d, page, err)) || !db_exec(d, schema->rollback ? rollback_settings : wal_settings, err) || !db_exec(d, write_settings, err)))
		return false;
	int64_t n;
	return db_number(d, "SELECT count(*) FROM sqlite_master", 0, &n, err);      /* the first real read */
}

static bool wal_beside(const char *path)
{
	char wal[4200];
	struct stat st;
	snprintf(wal, sizeof wal, "%s-wal", path);
	return stat(wal, &st) == 0 && st.st_size > 0;
}

bool db_open(struct db *d, const char *dir, const char *file, const char *vfs, bool read_only, const struct db_schema *schema, struct err *err)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/%s", dir, file);
	*d = (struct db){ .read_only = read_only };
	if (read_only && !vfs && access(path, F_OK) != 0 && errno == ENOENT)
		return err_set(err, ERR_IO, "%s holds no %s", dir, file);
	snprintf(d->name, sizeof d->name, "%s", file);
	bool good = (open_file(d, path, vfs, false) || db_fail(d, err)) && settings(d, schema, err);
	int code = d->sql ? sqlite3_errcode(d->sql) & 0xff : SQLITE_OK;
	if (!good && read_only && (code == SQLITE_CANTOPEN || code == SQLITE_READONLY) && !wal_beside(path)) {
		/* WAL needs a writable directory; a copy on read-only media without a -wal file does not change under us */
		db_close(d);
		good = (open_file(d, path, vfs, true) || db_fail(d, err)) && settings(d, schema, err);
	}
	if (good && migrate(d, schema, err))
		return true;
	db_close(d);
	return err_wrap(err, "%s", dir);
}

bool db_there(const char *dir, const char *file)
{
	char path[4200];
	struct stat st;
	snprintf(path, sizeof path, "%s/%s", dir, file);
	return stat(path, &st) == 0 ? st.st_size > 0 : errno != ENOENT;         /* what cannot be looked at is told when it is opened */
}

void db_close(struct db *d)
{
	sqlite3_close(d->sql);
	d->sql = NULL;
}
