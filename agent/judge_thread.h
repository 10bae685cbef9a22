/* agent/judge_thread.h - judging beside the loop: reads closed leaves from the store and never anything live. */
#ifndef AGENT_JUDGE_THREAD_H
#define AGENT_JUDGE_THREAD_H

#include "agent/judgement.h"

struct judge_thread;
/* Opens a reader of its own on the store directory.  `wall` gives the day of judging. */
struct judge_thread *judge_start(struct setup *setup, const char *dir, struct wall (*wall)(void *ctx), void *ctx, struct err *err);
/* Judges by another configuration from now on.  The newest judgement stays until there is one by it, unless the meters differ:
 * it speaks of them by number. */
void judge_setup(struct judge_thread *t, struct setup *setup, bool same_meters);
void judge_wake(struct judge_thread *t);                      /* an interval was committed; any thread */
/* The newest judgement with a reference of the caller's, NULL when there is none yet; *sentence (if any) is why. */
struct judgement *judge_latest(struct judge_thread *t, char *sentence, size_t size);
void judge_stop(struct judge_thread *t);                      /* NULL is fine */

#endif
