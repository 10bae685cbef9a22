/* agent/ctl.h - the verbs of puectl: one row and one file a verb (agent/ctl_NAME.c).  Help and completion come from the table.
 * A verb returns the exit code (design.md section 5).  Output to stdout, errors to stderr as one sentence. */
#ifndef AGENT_CTL_H
#define AGENT_CTL_H

#include "core/buf.h"
#include "core/site.h"

enum lang { LANG_EN, LANG_ZH };
struct ctl {
	int argc;              /* argv[0] is the verb; --json and --lang are taken out already */
	char **argv;
	bool json;
	enum lang lang;        /* --lang, else LC_ALL/LANG starting with "zh" */
	const struct verb *verb;
};
struct verb {
	const char *name, *args;             /* "probe", "ENDPOINT [--profile NAME]" */
	struct bilingual about;              /* one line */
	struct bilingual more;               /* options, one a line; may be NULL */
	int (*run)(struct ctl *ctl);
};
extern const struct verb verbs[];            /* ends with name NULL */

/* One option of a verb: a flag (bool) or a value (const char *) at this offset of the verb's struct.  name NULL ends. */
struct ctl_option { const char *name; size_t offset; bool flag; };
/* Reads argv[from..] by the table; the one word without a dash goes to *word.  0, or the exit code of a usage error. */
int ctl_options(struct ctl *ctl, int from, const struct ctl_option *rows, void *out, const char **word);

int ctl_usage(const struct ctl *ctl, const char *fmt, ...) PRINTF(2, 3);    /* prints it and the verb's usage; returns 64 */
int ctl_fail(const struct ctl *ctl, const struct err *err);                  /* prints the sentence; returns its exit code */
const char *say(const struct ctl *ctl, struct bilingual text);
/* Profile and pack directories: $PUED_DATA (a source tree or install), else the installed place. Borrowed, static. */
const char *data_dir(const char *kind);      /* "profiles", "packs", "web" */

int ctl_check(struct ctl *), ctl_probe(struct ctl *), ctl_profile(struct ctl *), ctl_status(struct ctl *), ctl_pue(struct ctl *),
	ctl_racks(struct ctl *), ctl_eligibility(struct ctl *), ctl_certificate(struct ctl *), ctl_verify(struct ctl *),
	ctl_keys(struct ctl *), ctl_replay(struct ctl *), ctl_pack(struct ctl *), ctl_history(struct ctl *), ctl_export(struct ctl *),
	ctl_attest(struct ctl *), ctl_claim(struct ctl *), ctl_meter(struct ctl *), ctl_scan(struct ctl *), ctl_top(struct ctl *),
	ctl_backup(struct ctl *), ctl_restore(struct ctl *), ctl_doctor(struct ctl *), ctl_reload(struct ctl *), ctl_revoke(struct ctl *),
	ctl_head(struct ctl *);

#endif
