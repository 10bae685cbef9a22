/* core/err.h - an error is one sentence with place, cause and next step, and a kind that decides the exit code.
 *
 * A fallible function returns bool, is MUST_USE, takes `struct err *err` last and fills it when it returns false.
 * Each layer adds what it alone knows with err_wrap(): "pdu-07: unit 3, 2 words at 0x0034: timed out".
 * Nothing below main() exits, and nothing below main() prints.  `err` may be NULL: the text is then dropped. */
#ifndef CORE_ERR_H
#define CORE_ERR_H

#include "core/base.h"

enum err_kind {
	ERR_NONE = 0,
	ERR_USAGE,        /* 64: wrong call */
	ERR_UNAVAILABLE,  /* 69: a peer does not answer; a deadline passed */
	ERR_INTERNAL,     /* 70: our own fault; out of memory */
	ERR_IO,           /* 74: disk, socket, library */
	ERR_DENIED,       /* 77: permission */
	ERR_CONFIG,       /* 78: configuration, profile or pack */
	ERR_INPUT,        /* 65: malformed data from outside (frames, recordings, certificates) */
	ERR_RANGE,        /* 11: outside what can be decided or represented */
	ERR_EVIDENCE,     /* 12: evidence or signature does not hold */
};

struct err {
	enum err_kind kind;
	char text[1000];
};

/* Both return false, so that failing is one line.  err_wrap() puts "<text>: " before what is there and keeps the kind. */
bool err_set(struct err *err, enum err_kind kind, const char *fmt, ...) PRINTF(3, 4);
bool err_wrap(struct err *err, const char *fmt, ...) PRINTF(2, 3);
bool err_memory(struct err *err);

/* Process exit code of a kind (design.md section 5); 0 for ERR_NONE. */
int err_exit_code(const struct err *err);

#endif
