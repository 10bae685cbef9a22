#include "agent/judge_thread.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct judge_thread {
	struct setup *setup;     /* under the lock */
	struct reader *reader;
	char dir[600];
	struct wall (*wall)(void *ctx);
	void *ctx;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool asked, stop, running;
	struct judgement *latest;
	struct err err;
};

static void *run(void *arg)
{
	struct judge_thread *t = arg;
	pthread_mutex_lock(&t->lock);
	while (!t->stop) {
		if (!t->asked) {
			pthread_cond_wait(&t->wake, &t->lock);
			continue;
		}
		t->asked = false;
		struct setup *setup = setup_get(t->setup);
		pthread_mutex_unlock(&t->lock);
		struct err err = { 0 };
		struct judgement *j = judgement_make(setup, t->dir, t->reader, zone_date(&setup->zone, t->wall(t->ctx)), NULL, &err);
		if (j) {
			j->keeps = setup_get(setup);
			judgement_settle(j);
		}
		pthread_mutex_lock(&t->lock);
		if (setup != t->setup) {         /* another configuration came meanwhile: it was asked again for that */
			judgement_put(j);
		} else {
			t->err = err;
			if (j) {
				judgement_put(t->latest);
				t->latest = j;
			}
		}
		setup_put(setup);
	}
	pthread_mutex_unlock(&t->lock);
	return NULL;
}

struct judge_thread *judge_start(struct setup *setup, const char *dir, struct wall (*wall)(void *ctx), void *ctx, struct err *err)
{
	struct judge_thread *t = calloc(1, sizeof *t);
	if (!t) {
		err_memory(err);
		return NULL;
	}
	*t = (struct judge_thread){ .setup = setup_get(setup), .wall = wall, .ctx = ctx, .asked = true };
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->wake, NULL);
	snprintf(t->dir, sizeof t->dir, "%s", dir);
	t->reader = reader_open(dir, err);
	t->running = t->reader && pthread_create(&t->thread, NULL, run, t) == 0;
	if (!t->running) {
		if (t->reader)
			err_set(err, ERR_INTERNAL, "cannot start the judging thread");
		judge_stop(t);
		return NULL;
	}
	return t;
}

void judge_setup(struct judge_thread *t, struct setup *setup, bool same_meters)
{
	pthread_mutex_lock(&t->lock);
	struct setup *old = t->setup;
	t->setup = setup_get(setup);
	t->asked = true;
	if (!same_meters) {
		judgement_put(t->latest);
		t->latest = NULL;
	}
	pthread_cond_signal(&t->wake);
	pthread_mutex_unlock(&t->lock);
	setup_put(old);
}

void judge_wake(struct judge_thread *t)
{
	pthread_mutex_lock(&t->lock);
	t->asked = true;
	pthread_cond_signal(&t->wake);
	pthread_mutex_unlock(&t->lock);
}

struct judgement *judge_latest(struct judge_thread *t, char *sentence, size_t size)
{
	pthread_mutex_lock(&t->lock);
	struct judgement *j = t->latest ? judgement_get(t->latest) : NULL;
	snprintf(sentence, size, "%s", t->err.text);
	pthread_mutex_unlock(&t->lock);
	return j;
}

void judge_stop(struct judge_thread *t)
{
	if (!t)
		return;
	pthread_mutex_lock(&t->lock);
	t->stop = true;
	pthread_cond_signal(&t->wake);
	pthread_mutex_unlock(&t->lock);
	if (t->running)
		pthread_join(t->thread, NULL);
	judgement_put(t->latest);
	setup_put(t->setup);
	reader_close(t->reader);
	pthread_cond_destroy(&t->wake);
	pthread_mutex_destroy(&t->lock);
	free(t);
}
