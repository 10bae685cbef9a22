/* store/db.h - SQLite with the settings of design.md decision 11, and its errors as sentences. */
#ifndef STORE_DB_H
#define STORE_DB_H

#include "core/buf.h"
#include "core/err.h"
#include <sqlite3.h>

struct db { sqlite3 *sql; char name[24]; bool read_only, full; };   /* name: file name, for sentences; full: a failure was a full disk */

/* One step a schema version: schema[0] makes version 1, schema[1] turns 1 into 2, ... */
struct db_schema { const char *const *steps; int n, page_size; bool rollback; };        /* page_size of a new file; 0: SQLite's */
/* rollback: a file by itself, without a write-ahead log, whose commits the power cannot take back (synchronous=EXTRA: the directory is synced too,
 * else the rollback journal of a commit could be there again, and with it the state before). */
/* Opens (write: makes, migrates) DIR/FILE.  A newer schema is refused by both numbers.  Read only: never writes, not even
 * recovery of a store on read-only media. */
bool db_open(struct db *d, const char *dir, const char *file, const char *vfs, bool read_only, const struct db_schema *schema, struct err *err) MUST_USE;
/* Is there a file with something in it?  One that SQLite made, and the power took before its first commit, has no bytes. */
bool db_there(const char *dir, const char *file);
void db_close(struct db *d);
bool db_exec(struct db *d, const char *sql, struct err *err) MUST_USE;
/* The sentence of the last failure; ERR_IO, ERR_EVIDENCE for a damaged file. */
bool db_fail(struct db *d, struct err *err);

/* One statement: prepare, bind in order, step. */
struct query { struct db *d; sqlite3_stmt *stmt; int bound; bool failed; };
bool query_init(struct query *q, struct db *d, const char *sql, struct err *err) MUST_USE;
void query_int(struct query *q, int64_t v);
void query_blob(struct query *q, const void *bytes, size_t len);      /* borrowed until the next step; never NULL */
void query_text(struct query *q, const char *text);                  /* borrowed; NULL binds NULL */
/* 1: a row, 0: done, -1: failed (err set).  query_run(): steps to the end and resets for the next round of binding. */
int query_step(struct query *q, struct err *err);
bool query_run(struct query *q, struct err *err) MUST_USE;
void query_reset(struct query *q);
void query_done(struct query *q);
/* One integer; `none` when there is no row or it is NULL. */
bool db_number(struct db *d, const char *sql, int64_t none, int64_t *out, struct err *err) MUST_USE;

#endif
