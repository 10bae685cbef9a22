/* Online copies and their return.  A restored store looks whole by itself: its new epoch is what shows it to a witness. */
#include "store/impl.h"
#include "store/window.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* In this order: the journal is never behind the checkpoint, and what moves into a segment meanwhile is in both, never in none. */
static const struct { const char *name; const struct db_schema *schema; } files[] = { { "evidence.db", &evidence_schema }, { "journal.db", &journal_schema } };

/* In one step: a copy in several would begin anew with every commit of the living store. */
static bool copy_file(const char *dir, const char *to, const char *name, const struct db_schema *schema, struct err *err)
{
	struct db from, into = { .sql = NULL };
	char path[4200];
	if (!db_open(&from, dir, name, NULL, true, schema, err))
		return false;
	snprintf(path, sizeof path, "%s/%s", to, name);
	snprintf(into.name, sizeof into.name, "%.23s", name);
	bool good = sqlite3_open(path, &into.sql) == SQLITE_OK || db_fail(&into, err);
	sqlite3_backup *b = good ? sqlite3_backup_init(into.sql, "main", from.sql, "main") : NULL;
	if (good && b) {
		sqlite3_backup_step(b, -1);
		good = sqlite3_backup_finish(b) == SQLITE_OK || db_fail(&into, err);
	} else if (good) {
		good = db_fail(&into, err);
	}
	/* settles the copy in one file, so that it can be moved alone */
	good = good && db_exec(&into, "PRAGMA synchronous=FULL; PRAGMA journal_mode=DELETE", err);
	db_close(&into);
	db_close(&from);
	return good || err_wrap(err, "%s", path);
}

/* Segments of a directory, one after the other; false from fn ends it. */
static bool each_segment(const char *dir, bool (*fn)(const char *dir, const char *other, const char *name, struct err *err), const char *other, struct err *err)
{
	char **names;
	size_t n = segment_list(dir, &names);
	bool good = true;
	for (size_t i = 0; i < n; i++) {
		good = good && fn(dir, other, names[i], err);
		free(names[i]);
	}
	free(names);
	return good;
}

static bool unlink_one(const char *dir, const char *other, const char *name, struct err *err)
{
	char path[4200];
	(void)other, (void)err;
	snprintf(path, sizeof path, "%s/%s", dir, name);
	unlink(path);
	return true;
}

static bool wipe(const char *dir)
{
	for (size_t i = 0; i < countof(files); i++)
		unlink_one(dir, NULL, files[i].name, NULL);
	unlink_one(dir, NULL, "rollup.db", NULL);
	return each_segment(dir, unlink_one, NULL, NULL);
}

static void discard(const char *dir)
{
	wipe(dir);
	rmdir(dir);
}

static bool copy_segment(const char *dir, const char *to, const char *name, struct err *err)
{
	return copy_file(dir, to, name, &segment_schema, err);
}

/* A closed segment is copied byte by byte: its hash is evidence. */
static bool copy_closed(const char *dir, const char *to, const char *name, struct err *err)
{
	enum { BLOCK = 1 << 20 };
	char from[4200], into[4200];
	snprintf(from, sizeof from, "%s/%s", dir, name);
	snprintf(into, sizeof into, "%s/%s", to, name);
	int in = open(from, O_RDONLY | O_CLOEXEC), out = in < 0 ? -1 : open(into, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (in < 0 && errno == ENOENT)
		return true;            /* dropped by retention meanwhile */
	uint8_t *block = malloc(BLOCK);
	ssize_t n = 0;
	bool good = in >= 0 && out >= 0 && block;
	while (good && (n = read(in, block, BLOCK)) > 0)
		good = write(out, block, (size_t)n) == n;
	good = good && n == 0 && fsync(out) == 0;
	int code = errno;
	free(block);
	if (in >= 0)
		close(in);
	if (out >= 0 && close(out) != 0)
		good = false;
	return good || err_set(err, ERR_IO, "%s: %s", into, strerror(code));
}

/* rollup.db ahead of the segments: what it calls closed is then in the segment that is copied after it. */
static bool copy_rollup(const char *dir, const char *to, struct err *err)
{
	return !db_there(dir, "rollup.db") || copy_file(dir, to, "rollup.db", &segment_schema, err);
}

static bool copy_segments(const char *dir, const char *to, struct err *err)
{
	char **names;
	size_t n = segment_list(dir, &names);
	bool good = true;
	for (size_t i = 0; i < n; i++) {
		good = good && (!db_there(dir, names[i]) || (i + 1 < n ? copy_closed : copy_segment)(dir, to, names[i], err));
		free(names[i]);
	}
	free(names);
	return good;
}

static bool copy_all(const char *dir, const char *to, struct err *err)
{
	for (size_t i = 0; i < countof(files); i++)
		if (!copy_file(dir, to, files[i].name, files[i].schema, err))
			return false;
	return copy_rollup(dir, to, err) && copy_segments(dir, to, err);
}

static bool make_new(const char *dir, struct err *err)
{
	if (mkdir(dir, 0700) == 0)
		return true;
	return err_set(err, errno == EACCES ? ERR_DENIED : ERR_IO, "%s: %s", dir, errno == EEXIST ? "exists already; name a new directory" : strerror(errno));
}

static bool refuse_bad(const char *dir, const char *what, struct err *err)
{
	struct store_audit audit;
	if (!db_there(dir, "evidence.db"))
		return err_set(err, ERR_IO, "%s: holds no evidence.db; name the directory of a store or of a backup", dir);
	if (!store_audit(dir, NULL, &audit, err))
		return err_wrap(err, "%s", what);
	return !audit.first_bad[0] || err_set(err, ERR_EVIDENCE, "%s: %s: %s", what, dir, audit.first_bad);
}

bool store_backup(const char *dir, const char *name, struct err *err)
{
	char part[4096], to[4000];
	size_t len = strlen(name);
	while (len > 1 && name[len - 1] == '/')
		len--;
	snprintf(to, sizeof to, "%.*s", (int)len, name);
	struct stat st;
	if (stat(to, &st) == 0)
		return err_set(err, ERR_IO, "%s: exists already; name a new directory", to);
	snprintf(part, sizeof part, "%s.part-%d", to, getpid());
	if (!make_new(part, err))
		return false;
	bool good = copy_all(dir, part, err) && refuse_bad(part, "the copy does not verify", err) &&
		    dir_sync(part, err) && (rename(part, to) == 0 || err_set(err, ERR_IO, "%s: %s", to, strerror(errno)));
	if (!good)
		discard(part);
	return good && dir_sync_parent(to, err);
}

/* The new epoch, and a leaf that says where it comes from. */
static bool begin_epoch(const char *dir, struct wall now, uint64_t *epoch, struct err *err)
{
	struct evidence e;
	if (!evidence_open(&e, dir, NULL, false, 0, err))
		return false;
	uint64_t old = e.state.epoch, seconds = (uint64_t)(now.ms / 1000);
	char text[200];
	*epoch = seconds > old ? seconds : old + 1;
	int n = snprintf(text, sizeof text, "{\"epoch\":%llu,\"event\":\"restored\",\"previous_epoch\":%llu}", (unsigned long long)*epoch, (unsigned long long)old);
	struct leaf leaf = { LEAF_SESSION, now, text, (size_t)n };
	struct hash hash;
	leaf_hash(&leaf, &hash);
	struct entry entry = { .kind = ENTRY_COMMIT, .serial = e.state.serial + 1, .commit = { .leaves = &leaf, .n_leaves = 1 }, .hashes = &hash };
	struct entry *list[] = { &entry };
	e.state.epoch = *epoch;
	bool good = evidence_apply(&e, list, 1, (struct evidence_limits){ 0 }, err);
	evidence_close(&e);
	return good;
}

static bool rename_one(const char *dir, const char *other, const char *name, struct err *err)
{
	char from[4200], to[4200];
	snprintf(from, sizeof from, "%s/%s", dir, name);
	snprintf(to, sizeof to, "%s/%s", other, name);
	return rename(from, to) == 0 || err_set(err, ERR_IO, "%s: %s", to, strerror(errno));
}

/* evidence.db last: see begin_anew(). */
static bool move_in(const char *part, const char *dir, struct err *err)
{
	static const char *const leftovers[] = { "journal.db-wal", "journal.db-shm", "evidence.db-wal", "evidence.db-shm" };
	for (size_t i = 0; i < countof(leftovers); i++)
		unlink_one(dir, NULL, leftovers[i], NULL);
	char rollup[4200];
	snprintf(rollup, sizeof rollup, "%s/rollup.db", part);
	bool good = dir_sync(part, err) && each_segment(part, rename_one, dir, err) && (access(rollup, F_OK) != 0 || rename_one(part, dir, "rollup.db", err));
	for (size_t i = countof(files); good && i-- > 0;)
		good = dir_sync(dir, err) && rename_one(part, dir, files[i].name, err);
	if (good)
		rmdir(part);
	return good && dir_sync(dir, err);
}

/* Readings of another life among the restored ones would be a store that nobody can read. */
static bool refuse_others(const char *dir, struct err *err)
{
	static const char *const names[] = { "evidence.db", "journal.db", "rollup.db" };
	char **segments, path[4200] = "";
	size_t n = segment_list(dir, &segments);
	for (size_t i = 0; i < countof(names) && !path[0]; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, names[i]);
		if (access(path, F_OK) != 0)
			path[0] = 0;
	}
	if (n && !path[0])
		snprintf(path, sizeof path, "%s/%s", dir, segments[0]);
	for (size_t i = 0; i < n; i++)
		free(segments[i]);
	free(segments);
	return !path[0] || err_set(err, ERR_IO, "%s exists already; move evidence.db, journal.db, rollup.db and all raw-*.db away first, they are evidence too", path);
}

/* A restore that the power ended had found an empty directory, and moves its evidence.db last: what lies there without one is its own. */
static bool begin_anew(const char *part, const char *dir)
{
	char ended[4200], there[4200];
	snprintf(ended, sizeof ended, "%s/evidence.db", part);
	snprintf(there, sizeof there, "%s/evidence.db", dir);
	if (access(ended, F_OK) == 0 && access(there, F_OK) != 0)
		wipe(dir);
	discard(part);
	return true;
}

bool store_restore(const char *backup, const char *dir, struct wall now, uint64_t *epoch, struct err *err)
{
	char part[4096];
	if (!refuse_bad(backup, "this backup does not verify, it is not restored", err))
		return false;
	if (!dir_make(dir, err))
		return false;
	int lock = store_lock(dir, err);
	if (lock < 0)
		return false;
	snprintf(part, sizeof part, "%s/restore.part", dir);
	bool good = begin_anew(part, dir) && refuse_others(dir, err);
	if (good && (good = make_new(part, err))) {
		good = copy_all(backup, part, err) && begin_epoch(part, now, epoch, err) && move_in(part, dir, err);
		if (!good)
			discard(part);
	}
	close(lock);
	return good;
}

bool store_new_epoch(const char *dir, struct wall now, uint64_t *epoch, struct err *err)
{
	if (!refuse_bad(dir, "no new epoch is begun on evidence that does not hold", err))
		return false;
	int lock = store_lock(dir, err);
	if (lock < 0)
		return false;
	bool good = begin_epoch(dir, now, epoch, err);
	close(lock);
	return good;
}
