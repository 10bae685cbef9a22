/* agent/pack_admit.h - which packs may bear a verdict: those that came with the program, byte for byte, and those that a
 * publisher in the trust store has signed (FILE.yaml.jws beside FILE.yaml).  An edited or unsigned pack is refused by name. */
#ifndef AGENT_PACK_ADMIT_H
#define AGENT_PACK_ADMIT_H

#include "rules/pack.h"

/* Was this file, to the byte, in the tree the program was built from? */
bool pack_shipped(const struct pack *p);
/* `path`: of the pack; `trust` may be NULL.  ERR_EVIDENCE (12) naming the pack and what is wrong. */
bool pack_admit(const struct pack *p, const char *path, const struct trust *trust, struct err *err) MUST_USE;
/* Trust from a file, or from all *.json of a directory. */
bool trust_load(const char *path, struct trust *out, struct err *err) MUST_USE;
/* By id from /etc/pued/packs or the program's own, or a path; *path gets where it was.  The conf owns it. */
const struct pack *pack_find(struct conf *conf, const char *id, char *path, size_t size, struct err *err);
/* The pack with these very bytes: FILE when given (not NULL), else any *.yaml of the two directories, so that old versions can be kept
 * beside new ones under any name.  NULL with *found: a pack of that id and version has other bytes, or there is none. */
enum pack_search { PACK_FOUND, PACK_EDITED, PACK_UNKNOWN };
struct pack_wanted { const char *id, *version, *sha256; };
const struct pack *pack_by_hash(struct conf *conf, const struct pack_wanted *wanted, const char *file, char *path, size_t size, enum pack_search *found,
				struct err *err);
/* The only pack of the program that bears verdicts; NULL with err naming all when there is none or more than one. */
const char *pack_only(char *id, size_t size, struct err *err);

#endif
