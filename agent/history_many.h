/* agent/history_many.h - puectl history --sum, --latest, --energy. */
#ifndef AGENT_HISTORY_MANY_H
#define AGENT_HISTORY_MANY_H

#include "agent/readings.h"

/* The exit code. */
int history_many(struct ctl *ctl, struct readings_words *w);

#endif
