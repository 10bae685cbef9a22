/* Directories, and that what was made, renamed or removed in them survives the power. */
#include "store/impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool dir_sync(const char *dir, struct err *err)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool good = fd >= 0 && (fsync(fd) == 0 || errno == EINVAL);     /* EINVAL: a file system that cannot, and needs not */
	int code = errno;
	if (fd >= 0)
		close(fd);
	return good || err_set(err, ERR_IO, "%s: %s", dir, strerror(code));
}

bool dir_sync_parent(const char *path, struct err *err)
{
	char parent[4200];
	size_t len = strlen(path);
	while (len > 1 && path[len - 1] == '/')
		len--;
	while (len && path[len - 1] != '/')
		len--;
	snprintf(parent, sizeof parent, "%.*s", len ? (int)len : 1, len ? path : ".");
	return dir_sync(parent, err);
}

bool dir_make(const char *dir, struct err *err)
{
	struct stat st;
	if (mkdir(dir, 0700) == 0)
		return dir_sync_parent(dir, err);
	if (errno != EEXIST)
		return err_set(err, errno == EACCES ? ERR_DENIED : ERR_IO, "%s: cannot make the state directory: %s", dir, strerror(errno));
	return (stat(dir, &st) == 0 && S_ISDIR(st.st_mode)) || err_set(err, ERR_IO, "%s: not a directory", dir);
}
