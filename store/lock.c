#include "store/impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* flock, not a pid alone: it goes away with its holder, whatever ends it. */
int store_lock(const char *dir, struct err *err)
{
	char path[4096], pid[32] = "";
	snprintf(path, sizeof path, "%s/lock", dir);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0) {
		err_set(err, errno == EACCES ? ERR_DENIED : ERR_IO, "%s: %s", path, strerror(errno));
		return -1;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		ssize_t n = pread(fd, pid, sizeof pid - 1, 0);
		err_set(err, ERR_UNAVAILABLE, "%s is in use by process %d; stop it first, one store has one writer", dir, n > 0 ? atoi(pid) : 0);
		close(fd);
		return -1;
	}
	int n = snprintf(pid, sizeof pid, "%d\n", getpid());
	if (ftruncate(fd, 0) != 0 || pwrite(fd, pid, (size_t)n, 0) != n) {
		/* a full disk: the lock holds all the same, only its text is missing */
	}
	return fd;
}
