/* agent/setup.h - everything a program needs to know before it does anything: site, time zone, profiles, pack. */
#ifndef AGENT_SETUP_H
#define AGENT_SETUP_H

#include "agent/file.h"
#include "core/amend.h"
#include "core/merkle.h"
#include "core/profile.h"
#include "rules/pack.h"

struct setup {
	struct conf *conf, *pack_conf;
	const struct site *site;             /* as statements amend it, once they were read (agent/statement.h) */
	struct amendment *amendment;         /* NULL: none were */
	struct zone zone;
	struct library *library;
	const struct pack *pack;             /* NULL: the site names none, or it was refused */
	char pack_refused[500];              /* why, "" when it was not */
	char config_hash[65];                /* SHA-256 of site->canonical */
	char *path;
	struct buf warnings;
};
/* Reads PATH and what it names.  Every problem of the configuration is in *err (cut at its size) and, whole, in *report. */
bool setup_load(const char *path, struct setup *out, struct buf *report, struct err *err) MUST_USE;
void setup_done(struct setup *s);
/* The same on the heap with references: pictures, judgements and peers made from it keep it while a reload brings the next one. */
struct setup *setup_open(const char *path, struct buf *report, struct err *err);
struct setup *setup_get(struct setup *s);                    /* any thread; of setup_open() only */
void setup_put(struct setup *s);                             /* NULL is fine */

/* The pack's limit of the PUE: every printed PUE stays on its side of it.  {0,0}: none. */
static inline struct ratio setup_pue_limit(const struct setup *s) { return s->pack ? pack_pue_limit(s->pack) : (struct ratio){ 0, 0 }; }

/* All profiles of the library directory and of /etc/pued/profiles. */
struct library *library_load(struct err *err);
/* Adds them to a library that already has files of its own, and closes it. */
bool library_extend(struct library *lib, struct err *err) MUST_USE;
/* Is it a path rather than a profile's name? */
bool is_profile_file(const char *name);
/* The library with one file more, which wins over a profile of the same name; its profile's name in *name.  Every problem of that file is
 * a line of *report; NULL when it holds no usable profile. */
struct library *library_with(const char *path, const char **name, struct buf *report, struct err *err);
/* The pack with this id, from /etc/pued/packs or the packs that came with the program; also a path to a file.  Only a pack
 * that came with the program, or is signed by a publisher in `trust` (a file or a directory; NULL: /etc/pued/trust), is opened. */
const struct pack *pack_open(struct conf *conf, const char *id, const char *trust, struct err *err);

#endif
