/* agent/daemon.h - the running pued: what it owns, in the order it is made. */
#ifndef AGENT_DAEMON_H
#define AGENT_DAEMON_H

#include "agent/aside.h"
#include "agent/clock.h"
#include "agent/history_page.h"
#include "agent/judge_thread.h"
#include "agent/log.h"
#include "agent/picture.h"
#include "agent/record.h"
#include "agent/secret.h"
#include "agent/traps.h"

/* Sessions ascend: a run's recordings (one session each '# session') come before its own boot clock. */
enum { SESSIONS_A_RUN = 1024, IMPORT_STEP_MS = 900000 };

struct daemon_options {
	const char *config, *state_dir, *import;     /* state_dir, import: NULL: not given */
	int64_t clock_offset_ms, import_step_ms, http_port;   /* http_port -1: the configuration's */
	bool progress;                               /* stderr is a terminal */
	bool import_only, step_given;
};

struct daemon {
	struct daemon_options o;
	struct setup *setup;
	char *state_dir;
	struct secrets *secrets;
	struct clock clock;
	struct store *store;
	struct reader *reader;
	struct signer *signer;                       /* NULL: no key may sign now; reports wait */
	char keys_dir[600];
	int64_t keys_seen;                           /* mtime of it, ns */
	struct record *record;
	struct registry *registry;
	struct tree tree;
	struct ledger_wiring *wiring;
	struct amending *amending;
	struct pipeline *pipeline;
	struct judge_thread *judge;
	struct snapshot_slot *slot;
	struct snapshot *draft;                      /* the next picture, in the making; NULL: none */
	struct http *http;
	struct history_page history;
	struct mqtt *mqtt;
	struct setup *mqtt_setup;                    /* what it was made from; it borrows that */
	sd_event *loop;
	struct poller *poller;
	struct device_events *events;
	struct traps *traps;
	struct wall loaded;
	int64_t statements_seen, broker_away_s;
	struct buf limits;                           /* text lent to the poller */
	char phase[120];
	void *import;                                /* while history is folded */
	bool signing_failed;                         /* told in the log */
	struct reloading *reloading;                 /* NULL: none goes on */
	unsigned seconds;                            /* of this run */
	size_t unused;                               /* free bytes of the heap that were given back */
	bool closed;                                 /* an interval was committed since the readers were told */
};

/* Folds a recording (pued --import) into the store before polling starts; shows progress. */
bool daemon_import(struct daemon *d, struct err *err) MUST_USE;
void daemon_import_interval(void *daemon, const struct interval *iv);
/* The ledger's pipeline, restored from the store; again after an import. */
bool daemon_pipeline(struct daemon *d, bool reports, struct err *err) MUST_USE;
/* agent/daemon_record.c.  Keys again when their directory changed: rotation and revocation hold within a second. */
bool daemon_keys(struct daemon *d, struct stamp now, struct err *err) MUST_USE;
/* Leaves of what changed: certificates, clock; and one line when signing stops or goes on. */
void daemon_record(struct daemon *d, struct stamp now);
/* After the pipeline is new: what it is set up with. */
bool daemon_record_setup(struct daemon *d, struct stamp now, struct err *err) MUST_USE;
void daemon_record_profile(struct daemon *d, const struct profile *profile);
/* A new snapshot for pages and metrics. */
void daemon_show(struct daemon *d);
/* The numbered series go to the store before the first sample of theirs. */
bool daemon_tell_store(struct daemon *d, struct err *err) MUST_USE;
bool daemon_open_pages(struct daemon *d, struct err *err) MUST_USE;
bool daemon_open_mqtt(struct daemon *d, struct err *err) MUST_USE;
bool daemon_open_traps(struct daemon *d, struct err *err) MUST_USE;

/* daemon.c: configuration, store and ledger; the recording that comes first, if any; then everything that runs; and the end. */
bool daemon_start(struct daemon *d, struct err *err) MUST_USE;
bool daemon_import_first(struct daemon *d, struct err *err) MUST_USE;
bool daemon_go_live(struct daemon *d, struct err *err) MUST_USE;
void daemon_stop(struct daemon *d);
/* daemon_second.c: timers and signals. */
bool daemon_open_loop(struct daemon *d, struct err *err) MUST_USE;
/* daemon_poll.c */
bool daemon_open_poller(struct daemon *d, struct err *err) MUST_USE;
/* A device was discovered and said what its counts are worth: the ledger goes on with the register wired. */
bool daemon_wire_discovered(struct daemon *d, struct err *err) MUST_USE;
void daemon_push(struct daemon *d, const struct sample *samples, size_t n, struct stamp now);

/* reload.c: takes a changed configuration in while everything runs (SIGHUP). */
void daemon_reload(struct daemon *d);
void reloading_free(struct reloading *r);            /* NULL is fine */

#endif
