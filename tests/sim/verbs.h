/* tests/sim/verbs.h - the verbs of pued-sim and what they share. */
#ifndef SIM_VERBS_H
#define SIM_VERBS_H

#include "core/time.h"

bool verb_snmprec(int argc, char **argv, struct err *err);

/* `--name VALUE` pairs and plain words.  Unknown options, missing values and a second plain word are ERR_USAGE. */
struct option_row { const char *name; const char **value; bool flag; };
bool options_parse(int argc, char **argv, const struct option_row *rows, size_t n, const char **plain, struct err *err) MUST_USE;
bool number_parse(const char *option, const char *text, int64_t low, int64_t high, int64_t *out, struct err *err) MUST_USE;

/* A UDP or TCP listener on 127.x.y.z, non-blocking; -1 with err.  *port 0: the kernel chooses and *port says which. */
int listener(int type, uint32_t address, uint16_t *port, struct err *err);

#endif
