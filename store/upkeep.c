/* What the writer does beside writing: folds the write-ahead logs back, seals hours, compacts days, closes months.  It is only housekeeping: when it
 * fails, all readings are still there, and it is tried again in a minute. */
#include "store/impl.h"
#include "store/window.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

enum { MINUTE_MS = 60000, COMPACT_MS = 50 };

/* What goes wrong beside the storing itself; "": nothing does. */
void store_housekeeping(struct store *s, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	pthread_mutex_lock(&s->mutex);
	s->status.failures += fmt[0] != 0;
	vsnprintf(s->status.housekeeping, sizeof s->status.housekeeping, fmt, args);
	pthread_mutex_unlock(&s->mutex);
	va_end(args);
}

static int64_t wal_bytes(const struct store *s, const char *file)
{
	char path[4096];
	struct stat st;
	snprintf(path, sizeof path, "%s/%s-wal", s->dir, file);
	return stat(path, &st) == 0 ? st.st_size : 0;
}

/* PASSIVE never waits for a reader; TRUNCATE does for a moment, and is only asked for when the WAL has grown. */
void store_checkpoint(struct store *s, bool last)
{
	struct { struct db *db; const char *file; } files[] = { { &s->journal.db, "journal.db" }, { &s->evidence.db, "evidence.db" } };
	s->wal_held = false;
	for (size_t i = 0; s->open && i < countof(files); i++) {
		bool big = wal_bytes(s, files[i].file) > WAL_TRUNCATE;
		sqlite3_busy_timeout(files[i].db->sql, 50);     /* longer, and readings wait behind somebody else's snapshot */
		sqlite3_wal_checkpoint_v2(files[i].db->sql, NULL, big || last ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
		sqlite3_busy_timeout(files[i].db->sql, 5000);
		int64_t left = wal_bytes(s, files[i].file);
		if (left <= WAL_MAX)
			continue;
		s->wal_held = true;     /* none of our own readers holds a snapshot for long */
		store_housekeeping(s, "%s-wal has %lld MiB: another program reads %s without end; end it (fuser %s/%s)", files[i].file, (long long)(left >> 20), files[i].file, s->dir,
			     files[i].file);
	}
}

static int64_t file_bytes(const struct store *s)
{
	static const char *const files[] = { "journal.db", "journal.db-wal", "evidence.db", "evidence.db-wal" };
	int64_t sum = 0;
	for (size_t i = 0; i < countof(files); i++) {
		char path[4096];
		struct stat st;
		snprintf(path, sizeof path, "%s/%s", s->dir, files[i]);
		sum += stat(path, &st) == 0 ? st.st_size : 0;
	}
	return sum;
}

/* Raw readings older than that may go; INT64_MIN: none. */
static struct wall expire_before(struct store *s)
{
	int64_t newest;
	if (s->o.retention_days <= 0 || !db_number(&s->journal.db, "SELECT max(wall_to) FROM tick", INT64_MIN, &newest, NULL) || newest == INT64_MIN)
		return (struct wall){ INT64_MIN };
	return (struct wall){ newest - s->o.retention_days * 86400000 };
}

static void seal_and_compact(struct store *s)
{
	struct err err = { 0 };
	bool did = false;
	int64_t now = store_clock_ms();
	if (!s->open || s->low || s->retry_at_ms || !s->compaction)
		return;
	bool good = true, due = now >= s->seal_at_ms;
	if (due) {
		s->seal_at_ms = now + s->seal_every_ms;
		good = seal_hour(&s->journal, s->evidence.state.position, &did, &err);
		s->compact_now = good;
	}
	if (good && s->compact_now) {
		good = compaction_step(s->compaction, &s->journal, COMPACT_MS, &did, &err);
		s->compact_now = good && (did || !compaction_idle(s->compaction));
	}
	if (good && compaction_idle(s->compaction) && (did || s->closing_now || now + s->seal_every_ms == s->seal_at_ms))
		good = closing_step(s->closing, &s->evidence, expire_before(s), &s->closing_now, &err);
	if (!good)
		s->compact_now = s->closing_now = false;
	if (!good || (due && !s->wal_held))
		store_housekeeping(s, "%.199s", good ? "" : err.text);
}

void store_upkeep(struct store *s)
{
	seal_and_compact(s);
	int64_t now = store_clock_ms();
	bool big = s->open && (wal_bytes(s, "journal.db") > WAL_TRUNCATE || wal_bytes(s, "evidence.db") > WAL_TRUNCATE);
	if (now < s->checkpoint_at_ms && !(big && now >= s->big_at_ms))
		return;
	s->checkpoint_at_ms = now + MINUTE_MS;
	store_checkpoint(s, false);
	s->big_at_ms = wal_bytes(s, "journal.db") > WAL_TRUNCATE ? store_clock_ms() + 1000 : 0;        /* a reader that holds it up is asked once a second */
	int64_t bytes = file_bytes(s);
	pthread_mutex_lock(&s->mutex);
	s->status.bytes = bytes;
	pthread_mutex_unlock(&s->mutex);
}

void store_upkeep_begin(struct store *s)
{
	int64_t now = store_clock_ms();
	s->checkpoint_at_ms = now + MINUTE_MS;
	s->seal_every_ms = s->o.seal_ms ? s->o.seal_ms : MINUTE_MS;
	s->seal_at_ms = now + s->seal_every_ms;
}
