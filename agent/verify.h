/* agent/verify.h - the steps of `puectl verify`, shared by its two files: one sentence, then a trace, in Chinese or English. */
#ifndef AGENT_VERIFY_H
#define AGENT_VERIFY_H

#include "agent/ctl.h"
#include "rules/cert.h"

/* Why a document is not valid.  Each has a word, a sentence and an exit code; the table is in ctl_verify.c. */
enum cause {
	CAUSE_ALTERED, CAUSE_UNKNOWN_KEY, CAUSE_KEY_TIME, CAUSE_CUT, CAUSE_OTHER_SITE, CAUSE_REPLAYED, CAUSE_REVOKED, CAUSE_PACK_UNSIGNED, CAUSE_PACK_EDITED,
	CAUSE_PACK_UNKNOWN, CAUSE_OTHER, CAUSE_N
};

struct verify_words {
	const char *file, *trust, *pack, *site, *store, *at;
	struct ctl_many head, revoked, seen;
};
struct verify {
	const struct ctl *ctl;
	const struct verify_words *w;
	struct trust trust;
	struct jws_result jws;
	struct buf bytes;               /* the file */
	json_t *payload;
	struct cert_notes trace;
	enum cause cause;
	bool partly;                    /* something stands there as stated, because what it follows from is not attached */
	char pointer[256];
	struct { char zh[600], en[600]; } sentence;
};
/* Both fail with v->cause, v->pointer where there is one, and err. */
bool verify_certificate(struct verify *v, struct err *err) MUST_USE;
bool verify_fails(struct verify *v, enum cause cause, struct err *err, const char *fmt, ...) PRINTF(4, 5);   /* false */
const char *verify_text(const json_t *root, const char *member);      /* "?" when it is no text */
const char *verify_site(const json_t *payload);
/* The same checks on another envelope of the trust store's; its payload, or NULL with err. */
json_t *verify_open(struct verify *v, const char *path, const char *type, struct err *err);

/* agent/verify_store.c: the evidence of a store, walked from the first leaf.  The exit code. */
int verify_store(struct ctl *ctl, const struct verify_words *w);

#endif
