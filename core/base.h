/* core/base.h - the few words every room uses.  Pure. */
#ifndef CORE_BASE_H
#define CORE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
/* CLEANUP(buf_done) struct buf b = { 0 };  calls buf_done(&b) when b leaves its scope. */
#define CLEANUP(done) __attribute__((cleanup(done)))
/* "%zu meter%s": the ending of an English plural. */
static inline const char *plural(uint64_t n) { return n == 1 ? "" : "s"; }
#define countof(a) (sizeof(a) / sizeof((a)[0]))

#endif
