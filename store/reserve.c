/* A file that only takes room: given up when the disk is full, so that evidence still finds some. */
#include "store/impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static int64_t wanted(const struct store *s)
{
	return s->o.reserve_bytes < 0 ? 0 : s->o.reserve_bytes ? s->o.reserve_bytes : RESERVE_BYTES;
}

static const char *path_of(const struct store *s, char *out, size_t size)
{
	snprintf(out, size, "%s/reserve", s->dir);
	return out;
}

static int64_t free_bytes(const struct store *s)
{
	struct statvfs v;
	if (s->o.free_bytes)
		return s->o.free_bytes(s->dir);
	return statvfs(s->dir, &v) == 0 ? (int64_t)(v.f_bavail * v.f_frsize) : 0;
}

bool reserve_room(struct store *s)
{
	return free_bytes(s) > 2 * wanted(s);
}

bool reserve_make(struct store *s, struct err *err)
{
	char path[4096];
	struct stat st;
	if (wanted(s) == 0)
		return true;
	int fd = open(path_of(s, path, sizeof path), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int code = fd < 0 || fstat(fd, &st) != 0 ? errno : st.st_size >= wanted(s) ? 0 : posix_fallocate(fd, 0, (off_t)wanted(s));
	if (fd >= 0)
		close(fd);
	if (code == 0)
		return true;
	unlink(path);
	return err_set(err, ERR_IO, "%s: no room for the reserve of %lld bytes: %s", path, (long long)wanted(s), strerror(code));
}

bool reserve_release(struct store *s)
{
	char path[4096];
	return unlink(path_of(s, path, sizeof path)) == 0;
}
