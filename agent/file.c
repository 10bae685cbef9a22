#include "agent/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

bool file_read(const char *path, struct buf *out, struct err *err)
{
	int fd = strcmp(path, "-") == 0 ? dup(0) : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, errno == EACCES ? ERR_DENIED : ERR_IO, "%s: %s", path, strerror(errno));
	char block[65536];
	ssize_t n;
	while ((n = read(fd, block, sizeof block)) > 0)
		buf_add(out, block, (size_t)n);
	int saved = errno;
	close(fd);
	if (n < 0)
		return err_set(err, ERR_IO, "%s: %s", path, strerror(saved));
	if (!out->data)
		buf_add(out, "", 0);
	return out->failed ? err_memory(err) : true;
}

static bool write_all(int fd, const char *p, size_t len)
{
	while (len) {
		ssize_t n = write(fd, p, len);
		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		}
	}
	return true;
}

/* The new name too survives the power: a key that evidence knows must not be gone.  A directory that may not be read cannot be synced. */
static bool sync_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	CLEANUP(buf_done) struct buf dir = { 0 };
	if (slash)
		buf_add(&dir, path, (size_t)(slash - path + 1));
	else
		buf_str(&dir, ".");
	int fd = dir.failed ? -1 : open(dir.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool good = fd < 0 || fsync(fd) == 0 || errno == EINVAL;
	int saved = errno;
	if (fd >= 0)
		close(fd);
	errno = saved;
	return good;
}

bool file_write(const char *path, const void *bytes, size_t len, unsigned mode, struct err *err)
{
	CLEANUP(buf_done) struct buf beside = { 0 };
	buf_printf(&beside, "%s.new-%d", path, getpid());
	if (beside.failed)
		return err_memory(err);
	int fd = open(beside.data, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, (mode_t)mode);
	if (fd < 0)
		return err_set(err, errno == EACCES ? ERR_DENIED : ERR_IO, "%s: cannot write: %s", path, strerror(errno));
	bool good = write_all(fd, bytes, len) && fsync(fd) == 0;
	int saved = errno;
	if (close(fd) != 0 && good) {
		good = false;
		saved = errno;
	}
	if (good && rename(beside.data, path) != 0) {
		good = false;
		saved = errno;
	}
	if (!good) {
		unlink(beside.data);
		return err_set(err, ERR_IO, "%s: cannot write: %s; the old file is unchanged", path, strerror(saved));
	}
	return sync_directory(path) || err_set(err, ERR_IO, "%s: written, but its directory was not synced: %s", path, strerror(errno));
}

static bool read_beside(void *ctx, const char *path, struct buf *out, struct err *err)
{
	const char *base = ctx, *slash = strrchr(base, '/');
	CLEANUP(buf_done) struct buf full = { 0 };
	if (path[0] != '/' && slash)
		buf_add(&full, base, (size_t)(slash - base + 1));
	buf_str(&full, path);
	return full.failed ? err_memory(err) : file_read(full.data, out, err);
}

struct file_reader file_reader_beside(const char *base)
{
	return (struct file_reader){ .read = read_beside, .ctx = (void *)(uintptr_t)base };
}

static int32_t offset_at(int64_t unix_s)
{
	time_t t = (time_t)unix_s;
	struct tm local;
	return localtime_r(&t, &local) ? (int32_t)local.tm_gmtoff : 0;
}

static bool zone_known(const char *name)
{
	char path[160];
	struct stat st;
	if (!name || strstr(name, "..") || name[0] == '/' || strlen(name) > 60)
		return false;
	snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", name);
	return strcmp(name, "UTC") == 0 || (stat(path, &st) == 0 && S_ISREG(st.st_mode));
}

/* libc has no call for a zone's transitions: each week is compared with the next and the change found by bisection. */
bool zone_load(const char *name, struct zone *out, struct err *err)
{
	enum { WEEK = 7 * 86400 };
	const int64_t end = 4102444800;   /* 2100-01-01 */
	if (!zone_known(name))
		return err_set(err, ERR_CONFIG, "time zone '%s' is not known here; install tzdata or write an IANA name such as Asia/Shanghai", name);
	setenv("TZ", name, 1);
	tzset();
	size_t n = 0, room = 16;
	struct zone_shift *shifts = malloc(room * sizeof *shifts);
	if (!shifts)
		return err_memory(err);
	shifts[n++] = (struct zone_shift){ { INT64_MIN }, offset_at(0) };
	for (int64_t t = 0; t < end; t += WEEK) {
		if (offset_at(t + WEEK) == offset_at(t))
			continue;
		int64_t lo = t, hi = t + WEEK;
		while (hi - lo > 1) {
			int64_t mid = lo + (hi - lo) / 2;
			if (offset_at(mid) == offset_at(t))
				lo = mid;
			else
				hi = mid;
		}
		if (n == room) {
			struct zone_shift *more = realloc(shifts, (room *= 2) * sizeof *shifts);
			if (!more) {
				free(shifts);
				return err_memory(err);
			}
			shifts = more;
		}
		shifts[n++] = (struct zone_shift){ { hi * 1000 }, offset_at(hi) };
	}
	*out = (struct zone){ .shifts = shifts, .n = n };
	snprintf(out->name, sizeof out->name, "%s", name);
	return true;
}

void zone_done(struct zone *z)
{
	free((void *)(uintptr_t)z->shifts);
	*z = (struct zone){ 0 };
}
