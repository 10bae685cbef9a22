/* tests/sim/verbs.h - the verbs of pued-sim and what they share. */
#ifndef SIM_VERBS_H
#define SIM_VERBS_H

#include "core/time.h"

bool verb_run(int argc, char **argv, struct err *err);
bool verb_history(int argc, char **argv, struct err *err);
bool verb_site(int argc, char **argv, struct err *err);
bool verb_truth(int argc, char **argv, struct err *err);
bool verb_snmprec(int argc, char **argv, struct err *err);
bool verb_faults(int argc, char **argv, struct err *err);

/* `--name VALUE` pairs and plain words.  Unknown options, missing values and a second plain word are ERR_USAGE. */
struct option_row { const char *name; const char **value; bool flag; };
bool options_parse(int argc, char **argv, const struct option_row *rows, size_t n, const char **plain, struct err *err) MUST_USE;
bool number_parse(const char *option, const char *text, int64_t low, int64_t high, int64_t *out, struct err *err) MUST_USE;
bool duration_parse(const char *option, const char *text, int64_t *ms, struct err *err) MUST_USE;

/* What makes a simulated site: the same options give the same site in every verb. */
enum { SETUP_FAULTS = 64 };
struct setup { const char *seed, *scale, *racks, *extra; const char *fault_texts[SETUP_FAULTS]; size_t n_faults; };
#define SETUP_OPTIONS(s) { "--seed", &(s).seed, false }, { "--scale", &(s).scale, false }, { "--racks-polled", &(s).racks, false }, \
			 { "--extra", &(s).extra, false }
struct model;
struct fleet;
/* Takes the --fault options (they may repeat) out of argv. */
bool setup_split(struct setup *s, int *argc, char **argv, struct err *err) MUST_USE;
/* Fault times in seconds count from `start` (site time). */
bool setup_fleet(const struct setup *s, struct wall start, struct model **model, struct fleet **fleet, struct err *err) MUST_USE;
/* The model of a --seed (NULL: 1). */
bool model_of_seed(const char *seed, struct model **out, struct err *err) MUST_USE;

/* A UDP or TCP listener on 127.x.y.z, non-blocking; -1 with err.  *port 0: the kernel chooses and *port says which. */
int listener(int type, uint32_t address, uint16_t *port, struct err *err);

/* Is fd a pipe or socket, so that a program may speak to us?  A terminal would stop a process in the background. */
bool speaks_through(int fd);

#endif
