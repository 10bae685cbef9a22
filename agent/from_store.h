/* agent/from_store.h - what the verbs that judge have in common: configuration, reader on the store, judgement of a day. */
#ifndef AGENT_FROM_STORE_H
#define AGENT_FROM_STORE_H

#include "agent/ctl.h"
#include "agent/judgement.h"

struct from_store {
	struct setup setup;
	const char *state_dir;
	struct reader *reader;
	struct judgement *judgement;
	struct date today;
};
struct from_store_options {
	const char *config;       /* NULL: /etc/pued/pued.yaml */
	const char *state_dir;    /* NULL: the configuration's */
	const char *pack;         /* NULL: the configuration's */
	const char *trust;        /* publishers of packs; NULL: /etc/pued/trust */
	const char *date;         /* day of judging; NULL: the local day of the newest evidence, so that a rerun says the same */
	const struct judgement_watch *watch;
};
/* Takes --config, --state, --pack, --date (and their values) out of argv; what is left stays. */
bool from_store_arguments(struct ctl *ctl, struct from_store_options *o, struct err *err) MUST_USE;
bool from_store_open(const struct from_store_options *o, struct from_store *out, struct err *err) MUST_USE;
/* Says on stderr when signed statements wait to become evidence: what was judged does not know them. */
void from_store_note_waiting(const struct ctl *ctl, const struct from_store *f);
void from_store_close(struct from_store *f);

#endif
