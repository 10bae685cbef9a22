/* agent/record.h - evidence leaves of what is no reading: configuration, pack, profiles, keys, clock, certificates.
 *
 * One leaf a change: a record is written when it differs from the last one of its kind and subject (a profile's name, a key's
 * kid) in the store.  Members of each: docs/evidence-format.md.  On the loop thread. */
#ifndef AGENT_RECORD_H
#define AGENT_RECORD_H

#include "agent/pipeline.h"

struct record;
/* Learns what the store says already. */
struct record *record_new(struct reader *reader, struct err *err);
void record_free(struct record *r);

/* Each writes its leaf through pipeline_note() where something changed. */
bool record_setup(struct record *r, struct pipeline *p, const struct setup *s, struct wall at, struct err *err) MUST_USE;
bool record_profile(struct record *r, struct pipeline *p, const struct library *library, const struct profile *profile, struct wall at, struct err *err) MUST_USE;
/* The keys of DIR/trust.json, each with the statement by which its predecessor names it; then the keys in use that it lacks. */
bool record_keys(struct record *r, struct pipeline *p, const char *dir, const struct signer_ops *signer, struct wall at, struct err *err) MUST_USE;
/* Certificates and revocations that puectl left in STATE/certificates, where a trusted key of DIR signed them. */
bool record_certificates(struct record *r, struct pipeline *p, const char *state_dir, struct wall at, struct err *err) MUST_USE;
/* State of the clock: at the start of a run and when its synchronisation comes or goes. */
bool record_clock(struct record *r, struct pipeline *p, const struct zone *zone, struct stamp now, bool offset_known, int64_t offset_us, struct err *err) MUST_USE;

/* Between the files of this module: takes the object, one canonical line of it is the leaf. */
bool record_json(struct record *r, struct pipeline *p, enum leaf_kind kind, const char *subject, struct wall at, json_t *object, struct err *err) MUST_USE;
bool record_knows(struct record *r, enum leaf_kind kind, const char *subject);
bool record_changed(struct record *r, int64_t changed);      /* mtime of STATE/certificates, ns: another one than at the last call? */

/* For puectl: leaves an envelope for record_certificates(). */
bool record_put_certificate(const char *state_dir, const void *envelope, size_t len, struct err *err) MUST_USE;

#endif
