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
extern const struct ctl_option from_store_rows[];        /* --config, --state; who judges adds --pack and --date */
bool from_store_open(const struct from_store_options *o, struct from_store *out, struct err *err) MUST_USE;
/* Says on stderr when signed statements wait to become evidence: what was judged does not know them. */
void from_store_note_waiting(const struct ctl *ctl, const struct from_store *f);
void from_store_close(struct from_store *f);

#endif
