#include "tests/unit/store/faultvfs.h"
#include "tests/unit/store/kit.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct image { uint8_t *bytes; size_t len, room; };
struct change { struct change *next; size_t at, len; bool truncate; uint8_t bytes[]; };
enum { SHM_LOCKS = SQLITE_SHM_NLOCK, SHM_REGIONS = 64, MAX_FILES = 32 };
struct file {
	char name[512];
	bool exists, on_disk;           /* on_disk: the directory entry is synced */
	bool reborn;                    /* made anew while the directory may still name the old one, whose content `disk` is */
	struct image now, disk;
	struct change *changes, **tail;
	int shared, reserved, pending, exclusive;
	void *regions[SHM_REGIONS];
	int lock_shared[SHM_LOCKS], lock_exclusive[SHM_LOCKS];
};
struct handle { sqlite3_file base; struct file *file; int level; uint16_t shm_shared, shm_exclusive; bool delete_on_close, sync_directory; };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t released = PTHREAD_COND_INITIALIZER;
static struct file files[MAX_FILES];
static struct { uint64_t op, cut_at, fail_from, fail_times, waiting; int code; int64_t quota; bool dead, hold; struct rng rng; } disk = { .quota = -1 };

static void set_size(struct image *i, size_t len)
{
	if (len > i->room) {
		size_t room = i->room ? i->room : 65536;
		while (room < len)
			room *= 2;
		i->bytes = realloc(i->bytes, room);
		i->room = room;
	}
	if (len > i->len)
		memset(i->bytes + i->len, 0, len - i->len);
	i->len = len;
}

static void put(struct image *i, size_t at, const void *bytes, size_t len)
{
	if (at + len > i->len)
		set_size(i, at + len);
	if (len)
		memcpy(i->bytes + at, bytes, len);
}

static void forget_changes(struct file *f)
{
	for (struct change *next; f->changes; f->changes = next) {
		next = f->changes->next;
		free(f->changes);
	}
	f->tail = &f->changes;
}

static void note(struct file *f, size_t at, const void *bytes, size_t len, bool truncate)
{
	struct change *c = malloc(sizeof *c + len);
	*c = (struct change){ .at = at, .len = len, .truncate = truncate };
	if (len)
		memcpy(c->bytes, bytes, len);
	*f->tail = c;
	f->tail = &c->next;
}

/* One change of the disk: SQLITE_OK, or how it fails. */
static int operation(void)
{
	if (disk.dead)
		return SQLITE_IOERR;
	disk.op++;
	if (disk.cut_at && disk.op >= disk.cut_at) {
		disk.dead = true;
		return SQLITE_IOERR;
	}
	return disk.code && disk.op >= disk.fail_from && disk.op < disk.fail_from + disk.fail_times ? disk.code : SQLITE_OK;
}

static int64_t used(void)
{
	int64_t sum = 0;
	for (size_t i = 0; i < MAX_FILES; i++)
		sum += files[i].exists ? (int64_t)files[i].now.len : 0;
	return sum;
}

static struct handle *of(sqlite3_file *f)
{
	return (struct handle *)(void *)f;
}
#define LOCK() pthread_mutex_lock(&mutex)
#define UNLOCK() pthread_mutex_unlock(&mutex)

static int f_read(sqlite3_file *sf, void *out, int n, sqlite3_int64 at)
{
	struct file *f = of(sf)->file;
	LOCK();
	int code = disk.dead ? SQLITE_IOERR_READ : SQLITE_OK;
	size_t have = (size_t)at < f->now.len ? f->now.len - (size_t)at : 0, want = (size_t)n;
	if (have > want)
		have = want;
	if (have)
		memcpy(out, f->now.bytes + at, have);
	if (have < want) {
		memset((char *)out + have, 0, want - have);
		code = code ? code : SQLITE_IOERR_SHORT_READ;
	}
	UNLOCK();
	return code;
}

static int f_write(sqlite3_file *sf, const void *bytes, int n, sqlite3_int64 at)
{
	struct file *f = of(sf)->file;
	LOCK();
	bool was_dead = disk.dead;
	int code = operation();
	size_t end = (size_t)at + (size_t)n;
	if (code == SQLITE_OK && disk.quota >= 0 && end > f->now.len && used() + (int64_t)(end - f->now.len) > disk.quota)
		code = SQLITE_FULL;
	if (code == SQLITE_OK || (disk.dead && !was_dead))      /* the power goes in the middle: it may be there, or in part */
		note(f, (size_t)at, bytes, (size_t)n, false);
	if (code == SQLITE_OK)
		put(&f->now, (size_t)at, bytes, (size_t)n);
	UNLOCK();
	return code == SQLITE_IOERR ? SQLITE_IOERR_WRITE : code;
}

static int f_truncate(sqlite3_file *sf, sqlite3_int64 size)
{
	struct file *f = of(sf)->file;
	LOCK();
	int code = operation();
	if (code == SQLITE_OK) {
		note(f, (size_t)size, NULL, 0, true);
		set_size(&f->now, (size_t)size);
	}
	UNLOCK();
	return code ? SQLITE_IOERR_TRUNCATE : code;
}

/* As SQLite's unix VFS does with the first sync of a new journal or WAL: what was made and deleted before is so for good. */
static void sync_directory(void)
{
	for (size_t i = 0; i < MAX_FILES; i++) {
		struct file *f = &files[i];
		if (!f->exists || f->reborn)
			set_size(&f->disk, 0);
		f->reborn = false;
		f->on_disk = f->exists;
	}
}

static int f_sync(sqlite3_file *sf, int flags)
{
	(void)flags;
	struct file *f = of(sf)->file;
	LOCK();
	disk.waiting++;
	while (disk.hold)
		pthread_cond_wait(&released, &mutex);
	disk.waiting--;
	int code = operation();
	if (code == SQLITE_OK && of(sf)->sync_directory) {
		sync_directory();
		of(sf)->sync_directory = false;
	}
	if (code == SQLITE_OK) {
		set_size(&f->disk, f->now.len);
		if (f->now.len)
			memcpy(f->disk.bytes, f->now.bytes, f->now.len);
		f->on_disk = true;
		f->reborn = false;
		forget_changes(f);
	}
	UNLOCK();
	return code ? SQLITE_IOERR_FSYNC : code;
}

static int f_size(sqlite3_file *sf, sqlite3_int64 *out)
{
	LOCK();
	*out = (sqlite3_int64)of(sf)->file->now.len;
	UNLOCK();
	return SQLITE_OK;
}

/* The lock levels of https://www.sqlite.org/lockingv3.html */
static int f_lock(sqlite3_file *sf, int level)
{
	struct handle *h = of(sf);
	struct file *f = h->file;
	int code = SQLITE_OK;
	LOCK();
	if (level <= h->level) {
	} else if (level == SQLITE_LOCK_SHARED) {
		code = f->pending || f->exclusive ? SQLITE_BUSY : SQLITE_OK;
		f->shared += code == SQLITE_OK;
	} else if (level == SQLITE_LOCK_RESERVED) {
		code = f->reserved ? SQLITE_BUSY : SQLITE_OK;
		f->reserved |= code == SQLITE_OK;
	} else {
		if (h->level < SQLITE_LOCK_RESERVED && f->reserved)
			code = SQLITE_BUSY;
		else if (f->shared > 1)
			code = SQLITE_BUSY;
		else
			f->exclusive = 1;
	}
	if (code == SQLITE_OK && level > h->level)
		h->level = level;
	UNLOCK();
	return code;
}

static int f_unlock(sqlite3_file *sf, int level)
{
	struct handle *h = of(sf);
	struct file *f = h->file;
	LOCK();
	if (h->level > SQLITE_LOCK_RESERVED && level <= SQLITE_LOCK_SHARED)
		f->exclusive = 0;
	if (h->level >= SQLITE_LOCK_RESERVED && level <= SQLITE_LOCK_SHARED)
		f->reserved = 0;
	if (h->level >= SQLITE_LOCK_SHARED && level < SQLITE_LOCK_SHARED)
		f->shared--;
	h->level = level < h->level ? level : h->level;
	UNLOCK();
	return SQLITE_OK;
}

static int f_reserved(sqlite3_file *sf, int *out)
{
	*out = of(sf)->file->reserved;
	return SQLITE_OK;
}

static int f_control(sqlite3_file *sf, int op, void *arg)
{
	(void)sf, (void)op, (void)arg;
	return SQLITE_NOTFOUND;
}

static int f_sector(sqlite3_file *sf)
{
	(void)sf;
	return 512;
}

static int f_character(sqlite3_file *sf)
{
	(void)sf;
	return 0;       /* no promise: neither atomic writes nor order */
}

static int shm_map(sqlite3_file *sf, int page, int size, int extend, void volatile **out)
{
	struct file *f = of(sf)->file;
	LOCK();
	if (!f->regions[page] && extend)
		f->regions[page] = calloc(1, (size_t)size);
	*out = f->regions[page];
	UNLOCK();
	return SQLITE_OK;
}

static int shm_lock(sqlite3_file *sf, int first, int n, int flags)
{
	struct handle *h = of(sf);
	struct file *f = h->file;
	int code = SQLITE_OK;
	LOCK();
	for (int i = first; i < first + n && code == SQLITE_OK; i++) {
		uint16_t bit = (uint16_t)(1u << i);
		int others_shared = f->lock_shared[i] - ((h->shm_shared & bit) != 0), others_exclusive = f->lock_exclusive[i] - ((h->shm_exclusive & bit) != 0);
		if (!(flags & SQLITE_SHM_LOCK))
			continue;
		if (others_exclusive || ((flags & SQLITE_SHM_EXCLUSIVE) && others_shared))
			code = SQLITE_BUSY;
	}
	for (int i = first; i < first + n && code == SQLITE_OK; i++) {
		uint16_t bit = (uint16_t)(1u << i);
		uint16_t *mine = flags & SQLITE_SHM_SHARED ? &h->shm_shared : &h->shm_exclusive;
		int *all = flags & SQLITE_SHM_SHARED ? f->lock_shared : f->lock_exclusive;
		if ((flags & SQLITE_SHM_LOCK) && !(*mine & bit)) {
			*mine |= bit;
			all[i]++;
		} else if ((flags & SQLITE_SHM_UNLOCK) && (*mine & bit)) {
			*mine &= (uint16_t)~bit;
			all[i]--;
		}
	}
	UNLOCK();
	return code;
}

static void shm_barrier(sqlite3_file *sf)
{
	(void)sf;
	__sync_synchronize();
}

static void drop_shm(struct file *f)
{
	for (int i = 0; i < SHM_REGIONS; i++) {
		free(f->regions[i]);
		f->regions[i] = NULL;
	}
}

static int shm_unmap(sqlite3_file *sf, int delete)
{
	struct handle *h = of(sf);
	LOCK();
	for (int i = 0; i < SHM_LOCKS; i++) {
		h->file->lock_shared[i] -= h->shm_shared >> i & 1;
		h->file->lock_exclusive[i] -= h->shm_exclusive >> i & 1;
	}
	h->shm_shared = h->shm_exclusive = 0;
	if (delete)
		drop_shm(h->file);
	UNLOCK();
	return SQLITE_OK;
}

static void remove_file(struct file *f, bool synced)
{
	f->exists = f->reborn = false;
	set_size(&f->now, 0);
	forget_changes(f);
	if (synced) {
		f->on_disk = false;
		set_size(&f->disk, 0);
	}
}

static int f_close(sqlite3_file *sf)
{
	struct handle *h = of(sf);
	f_unlock(sf, SQLITE_LOCK_NONE);
	LOCK();
	if (h->delete_on_close)
		remove_file(h->file, true);
	UNLOCK();
	return SQLITE_OK;
}

static const sqlite3_io_methods methods = {
	.iVersion = 2, .xClose = f_close, .xRead = f_read, .xWrite = f_write, .xTruncate = f_truncate, .xSync = f_sync, .xFileSize = f_size, .xLock = f_lock,
	.xUnlock = f_unlock, .xCheckReservedLock = f_reserved, .xFileControl = f_control, .xSectorSize = f_sector, .xDeviceCharacteristics = f_character,
	.xShmMap = shm_map, .xShmLock = shm_lock, .xShmBarrier = shm_barrier, .xShmUnmap = shm_unmap,
};

static struct file *find(const char *name, bool make)
{
	struct file *unused = NULL;
	for (size_t i = 0; i < MAX_FILES; i++) {
		if (files[i].name[0] && strcmp(files[i].name, name) == 0)
			return &files[i];
		if (!files[i].name[0] && !unused)
			unused = &files[i];
	}
	if (make && unused) {
		snprintf(unused->name, sizeof unused->name, "%s", name);
		unused->tail = &unused->changes;
	}
	return make ? unused : NULL;
}

static int v_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *sf, int flags, int *out_flags)
{
	(void)vfs;
	struct handle *h = of(sf);
	static unsigned temporary;
	char temp[32];
	memset(h, 0, sizeof *h);
	LOCK();
	snprintf(temp, sizeof temp, "temp-%u", temporary++ % 4);
	struct file *f = find(name ? name : temp, (flags & SQLITE_OPEN_CREATE) != 0);
	int code = disk.dead ? SQLITE_IOERR : !f || (!f->exists && !(flags & SQLITE_OPEN_CREATE)) ? SQLITE_CANTOPEN : SQLITE_OK;
	if (code == SQLITE_OK && !f->exists) {
		code = operation();
		f->reborn = f->on_disk;
		h->sync_directory = (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) != 0;
	}
	if (code == SQLITE_OK) {
		f->exists = true;
		h->file = f;
		h->base.pMethods = &methods;
		h->delete_on_close = (flags & SQLITE_OPEN_DELETEONCLOSE) != 0;
		if (out_flags)
			*out_flags = flags;
	}
	UNLOCK();
	return code ? SQLITE_CANTOPEN : SQLITE_OK;
}

static int v_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
	(void)vfs;
	LOCK();
	struct file *f = find(name, false);
	int code = !f || !f->exists ? SQLITE_IOERR_DELETE_NOENT : operation();
	if (code == SQLITE_OK)
		remove_file(f, sync != 0);
	UNLOCK();
	return code == SQLITE_IOERR ? SQLITE_IOERR_DELETE : code;
}

static int v_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
	(void)vfs, (void)flags;
	LOCK();
	struct file *f = find(name, false);
	*out = f && f->exists && (flags != SQLITE_ACCESS_EXISTS || f->now.len > 0);
	UNLOCK();
	return SQLITE_OK;
}

static int v_path(sqlite3_vfs *vfs, const char *name, int n, char *out)
{
	(void)vfs;
	snprintf(out, (size_t)n, "%s", name);
	return SQLITE_OK;
}

static int v_random(sqlite3_vfs *vfs, int n, char *out)
{
	(void)vfs;
	LOCK();
	for (int i = 0; i < n; i++)
		out[i] = (char)rng_next(&disk.rng);
	UNLOCK();
	return n;
}

/* SQLite's own pause while another thread holds a lock: without it a hundred tries pass before that thread runs ("locking protocol"). */
static int v_sleep(sqlite3_vfs *vfs, int us)
{
	(void)vfs;
	nanosleep(&(struct timespec){ us / 1000000, us % 1000000 * 1000L }, NULL);
	return us;
}

static int v_time(sqlite3_vfs *vfs, sqlite3_int64 *out)
{
	(void)vfs;
	*out = 212584176000000;
	return SQLITE_OK;
}

static int v_error(sqlite3_vfs *vfs, int n, char *out)
{
	(void)vfs, (void)n, (void)out;
	return 0;
}

void fault_register(void)
{
	static sqlite3_vfs vfs = { .iVersion = 2, .szOsFile = sizeof(struct handle), .mxPathname = 500, .zName = FAULTVFS, .xOpen = v_open, .xDelete = v_delete,
				   .xAccess = v_access, .xFullPathname = v_path, .xRandomness = v_random, .xSleep = v_sleep, .xCurrentTimeInt64 = v_time, .xGetLastError = v_error };
	sqlite3_vfs_register(&vfs, 0);
}

void fault_format(void)
{
	LOCK();
	for (size_t i = 0; i < MAX_FILES; i++) {
		forget_changes(&files[i]);
		drop_shm(&files[i]);
		free(files[i].now.bytes);
		free(files[i].disk.bytes);
		files[i] = (struct file){ .exists = false };
	}
	memset(&disk, 0, sizeof disk);
	disk.quota = -1;
	UNLOCK();
}

/* Sectors of a write, each there or not: in one piece, torn at one place, or with holes. */
static void land(struct image *image, const struct change *c, struct rng *rng)
{
	uint64_t how = rng_next(rng) % 4;
	if (how == 0)
		return;
	for (size_t at = 0; at < c->len;) {
		size_t sector = 512 - (c->at + at) % 512, len = c->len - at < sector ? c->len - at : sector;
		if (how == 1 || (how == 2 && rng_next(rng) % 4) || (how == 3 && rng_next(rng) % 2))
			put(image, c->at + at, c->bytes + at, len);
		else if (how == 2)
			break;
		at += len;
	}
}

void fault_power_on(uint64_t seed)
{
	struct rng rng = { seed };
	LOCK();
	for (size_t i = 0; i < MAX_FILES; i++) {
		struct file *f = &files[i];
		bool there = f->exists ? f->on_disk || rng_next(&rng) % 2 : f->on_disk && rng_next(&rng) % 2;
		bool old = f->reborn && rng_next(&rng) % 2;     /* the directory still names the file that was deleted */
		if (f->reborn && !old)
			set_size(&f->disk, 0);
		f->reborn = false;
		for (const struct change *c = f->changes; c && there && !old; c = c->next) {
			if (!c->truncate)
				land(&f->disk, c, &rng);
			else if (rng_next(&rng) % 2)
				set_size(&f->disk, c->at);
		}
		forget_changes(f);
		if (!there)
			set_size(&f->disk, 0);
		set_size(&f->now, 0);
		put(&f->now, 0, f->disk.bytes ? f->disk.bytes : (uint8_t *)"", f->disk.len);
		f->exists = f->on_disk = there;
		f->shared = f->reserved = f->pending = f->exclusive = 0;
		memset(f->lock_shared, 0, sizeof f->lock_shared);
		memset(f->lock_exclusive, 0, sizeof f->lock_exclusive);
		drop_shm(f);
	}
	disk.dead = false;
	disk.cut_at = 0;
	disk.code = 0;
	UNLOCK();
}

uint64_t fault_ops(void)
{
	LOCK();
	uint64_t n = disk.op;
	UNLOCK();
	return n;
}

void fault_cut_at(uint64_t op)
{
	LOCK();
	disk.cut_at = op;
	UNLOCK();
}

void fault_fail(uint64_t op, uint64_t times, int code)
{
	LOCK();
	disk.fail_from = op;
	disk.fail_times = times;
	disk.code = code;
	UNLOCK();
}

void fault_quota(int64_t bytes)
{
	LOCK();
	disk.quota = bytes;
	UNLOCK();
}

int64_t fault_used(void)
{
	LOCK();
	int64_t n = used();
	UNLOCK();
	return n;
}

void fault_hold_syncs(bool hold)
{
	LOCK();
	disk.hold = hold;
	pthread_cond_broadcast(&released);
	UNLOCK();
}

uint64_t fault_syncs_waiting(void)
{
	LOCK();
	uint64_t n = disk.waiting;
	UNLOCK();
	return n;
}

size_t fault_file_size(const char *name_end)
{
	size_t size = 0, n = strlen(name_end);
	LOCK();
	for (size_t i = 0; i < MAX_FILES; i++) {
		size_t len = strlen(files[i].name);
		if (len >= n && files[i].exists && strcmp(files[i].name + len - n, name_end) == 0)
			size = files[i].now.len;
	}
	UNLOCK();
	return size;
}

void fault_export(void)
{
	LOCK();
	for (size_t i = 0; i < MAX_FILES; i++) {
		struct file *f = &files[i];
		FILE *out = f->exists && f->name[0] == '/' ? fopen(f->name, "wb") : NULL;
		if (!out)
			continue;
		if (f->now.len && fwrite(f->now.bytes, 1, f->now.len, out) != f->now.len)
			abort();
		fclose(out);
	}
	UNLOCK();
}
