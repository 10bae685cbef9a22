/* agent/file.h - whole files, for programs. */
#ifndef AGENT_FILE_H
#define AGENT_FILE_H

#include "core/buf.h"
#include "core/site.h"

bool file_read(const char *path, struct buf *out, struct err *err) MUST_USE;
/* Written beside, synced, renamed: the old file or the new one, never half.  mode as open(2). */
bool file_write(const char *path, const void *bytes, size_t len, unsigned mode, struct err *err) MUST_USE;
/* A struct file_reader that resolves relative names beside `base` (a file's path; kept by reference). */
struct file_reader file_reader_beside(const char *base);

/* Transition table of an IANA zone from tzdata through libc (tzset/localtime_r), 1970..2100; the result owns its rows. */
bool zone_load(const char *name, struct zone *out, struct err *err) MUST_USE;
void zone_done(struct zone *z);

#endif
