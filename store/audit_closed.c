/* Closed months: the segment is what its leaf says, or a leaf says that it was dropped; its rollups are what the leaf says, for ever. */
#include "store/closed.h"
#include "core/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void bad(struct store_audit *out, const char *fmt, ...) PRINTF(2, 3);
static void bad(struct store_audit *out, const char *fmt, ...)
{
	va_list args;
	if (out->first_bad[0])
		return;
	va_start(args, fmt);
	vsnprintf(out->first_bad, sizeof out->first_bad, fmt, args);
	va_end(args);
}

static bool file_hash(int fd, struct hash *out, uint64_t *bytes)
{
	enum { BLOCK = 1 << 20 };
	struct digest *d = digest_new();
	uint8_t *block = malloc(BLOCK);
	ssize_t n = -1;
	*bytes = 0;
	while (d && block && (n = read(fd, block, BLOCK)) > 0) {
		digest_add(d, block, (size_t)n);
		*bytes += (uint64_t)n;
	}
	free(block);
	return digest_end(d, out) && n == 0;
}

bool closed_was_dropped(const struct closed_leaf *list, size_t n, const char *segment)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].dropped && strcmp(list[i].month.segment, segment) == 0)
			return true;
	return false;
}

static void check_file(const char *dir, const struct closed_leaf *l, bool dropped, struct store_audit *out)
{
	char path[4200], have_hex[65];
	struct hash have;
	uint64_t bytes;
	snprintf(path, sizeof path, "%s/%s", dir, l->month.segment);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && dropped) {
		out->dropped++;
		return;
	}
	if (fd < 0 && errno == ENOENT)
		bad(out, "%s: missing, and no record says that it was dropped", l->month.segment);
	else if (fd < 0 || !file_hash(fd, &have, &bytes))
		bad(out, "%s: %s", l->month.segment, strerror(errno));
	else if (!hash_equal(&have, &l->file))
		bad(out, "%s: changed since it was closed: its %llu bytes have SHA-256 %.16s..., its record is another", l->month.segment, (unsigned long long)bytes, (hash_hex(&have, have_hex), have_hex));
	else
		out->segments++;
	if (fd >= 0)
		close(fd);
}

static void check_rollups(struct db *rollup, const struct closed_leaf *l, struct store_audit *out)
{
	struct hash have;
	struct err err;
	if (!rollups_hash(rollup, &l->month, &have, &err))
		bad(out, "rollup.db: %.250s", err.text);
	else if (!hash_equal(&have, &l->rollups))
		bad(out, "rollup.db: the quarters of %s changed since it was closed", l->month.segment);
}

void closed_audit(const char *dir, const struct closed_leaf *list, size_t n, struct store_audit *out)
{
	struct db rollup = { .sql = NULL };
	struct err err;
	for (size_t i = 0; i < n && !out->first_bad[0]; i++) {
		if (list[i].dropped)
			continue;
		check_file(dir, &list[i], closed_was_dropped(list, n, list[i].month.segment), out);
		if (!rollup.sql && !db_open(&rollup, dir, "rollup.db", NULL, true, &segment_schema, &err))
			bad(out, "%.250s", err.text);
		else
			check_rollups(&rollup, &list[i], out);
	}
	db_close(&rollup);
}
