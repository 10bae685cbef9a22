#include "agent/aside.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct aside {
	void (*work)(void *ctx);
	void (*done)(void *ctx);
	void *ctx;
	pthread_t thread;
	bool running;
	int event;
	sd_event_source *source;
};

static void *run(void *arg)
{
	struct aside *a = arg;
	uint64_t one = 1;
	a->work(a->ctx);
	ssize_t n = write(a->event, &one, sizeof one);
	(void)n;
	return NULL;
}

static int on_end(sd_event_source *source, int fd, uint32_t events, void *ctx)
{
	struct aside *a = ctx;
	(void)source, (void)fd, (void)events;
	pthread_join(a->thread, NULL);
	a->running = false;
	sd_event_source_set_enabled(a->source, SD_EVENT_OFF);
	a->done(a->ctx);
	return 0;
}

struct aside *aside_start(sd_event *loop, void (*work)(void *ctx), void (*done)(void *ctx), void *ctx, struct err *err)
{
	struct aside *a = calloc(1, sizeof *a);
	if (!a) {
		err_memory(err);
		return NULL;
	}
	*a = (struct aside){ .work = work, .done = done, .ctx = ctx, .event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) };
	if (a->event >= 0 && sd_event_add_io(loop, &a->source, a->event, EPOLLIN, on_end, a) >= 0 && pthread_create(&a->thread, NULL, run, a) == 0) {
		a->running = true;
		return a;
	}
	err_set(err, ERR_INTERNAL, "cannot start a thread beside the loop");
	aside_free(a);
	return NULL;
}

void aside_free(struct aside *a)
{
	if (!a)
		return;
	if (a->running)
		pthread_join(a->thread, NULL);
	sd_event_source_disable_unref(a->source);
	if (a->event >= 0)
		close(a->event);
	free(a);
}
