#include "agent/learnt.h"
#include "agent/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

bool learnt_put(const char *state_dir, const char *device, const char *limits, struct err *err)
{
	char path[800];
	snprintf(path, sizeof path, "%s/learnt", state_dir);
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
	snprintf(path, sizeof path, "%s/learnt/%s", state_dir, device);
	return file_write(path, limits, strlen(limits), 0600, err);
}

bool learnt_get(const char *state_dir, const char *device, struct buf *out)
{
	char path[800];
	struct err none = { 0 };
	snprintf(path, sizeof path, "%s/learnt/%s", state_dir, device);
	return file_read(path, out, &none) && out->len;
}
