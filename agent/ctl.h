/* agent/ctl.h - the verbs of puectl: one file a verb (agent/ctl_NAME.c), which ends with the verb's row and its table of options.
 * A verb returns the exit code (the table in agent/ctl_help.c).  Output to stdout, errors to stderr as one sentence. */
#ifndef AGENT_CTL_H
#define AGENT_CTL_H

#include "core/buf.h"
#include "core/site.h"
#include <stdio.h>

enum lang { LANG_EN, LANG_ZH };
#include "agent/ctl_options.h"

struct ctl {
	int argc;              /* what follows the verb */
	char **argv;
	bool json, help, version;
	const char *lang_name; /* --lang */
	enum lang lang;        /* --lang, else LC_ALL/LANG starting with "zh" */
	const struct verb *verb;
	void *words;           /* the verb's own struct, filled from argv */
};
struct verb {
	const char *name;
	struct bilingual about;              /* one line */
	struct bilingual more;               /* what the table of options does not say; may be NULL */
	int (*run)(struct ctl *ctl);
	const struct ctl_option *options;    /* NULL: none */
	size_t size;                         /* of ctl->words */
};
extern const struct verb *const verbs[];     /* in the order of --help; ends with NULL */

#define SAY(ctl, zh, en) ((ctl)->lang == LANG_ZH ? (zh) : (en))
int ctl_usage(const struct ctl *ctl, const char *fmt, ...) PRINTF(2, 3);    /* prints it and the verb's usage; returns 64 */
int ctl_fail(const struct ctl *ctl, const struct err *err);                  /* prints the sentence; returns its exit code */
const char *say(const struct ctl *ctl, struct bilingual text);
/* What the rooms below say in English, in Chinese where ctl speaks it and publish/web/said.zh.json knows it.  *room holds it. */
const char *ctl_said(const struct ctl *ctl, const char *english, struct buf *room);
/* Profile and pack directories: $PUED_DATA (a source tree or install), else the installed place. Borrowed, static. */
const char *data_dir(const char *kind);      /* "profiles", "packs", "web" */

/* agent/ctl_help.c */
int ctl_help_all(const struct ctl *ctl, FILE *out);
int ctl_help_verb(const struct ctl *ctl, const struct verb *verb);
const struct verb *verb_named(const char *name);
int ctl_unknown_verb(const struct ctl *ctl, const char *word);

extern const struct verb verb_check, verb_probe, verb_scan, verb_profile, verb_reload, verb_status, verb_top, verb_history, verb_export, verb_pue, verb_racks,
	verb_eligibility, verb_certificate, verb_verify, verb_head, verb_revoke, verb_attest, verb_claim, verb_meter, verb_baseline, verb_pack, verb_keys,
	verb_replay, verb_backup, verb_restore, verb_doctor, verb_help;

#endif
