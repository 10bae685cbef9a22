/* Ages of connections.  libmicrohttpd's own time-out counts inactivity only: a client that sends one byte a second would live for
 * ever.  Here a connection ends when it is too old, and a flood of half-open ones pushes out its own oldest members. */
#include "publish/http_inner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

int64_t http_now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

bool clients_init(struct clients *c, int64_t deadline_ms, struct err *err)
{
	c->first.next = c->first.prev = &c->first;
	c->deadline_ms = deadline_ms > 0 ? deadline_ms : 10000;
	pthread_mutex_init(&c->lock, NULL);
	c->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return c->event >= 0 || err_set(err, ERR_IO, "eventfd: %s", strerror(errno));
}

void clients_done(struct clients *c)
{
	while (c->first.next && c->first.next != &c->first)
		clients_remove(c, c->first.next);
	if (c->event >= 0)
		close(c->event);
	pthread_mutex_destroy(&c->lock);
}

static void end(struct client *x)
{
	/* The descriptor stays open until the library has removed the client: it cannot be another's yet. */
	shutdown(x->fd, SHUT_RDWR);
	x->asked = true;
}

static void evict(struct clients *c)
{
	struct client *victim = NULL;
	for (struct client *x = c->first.next; x != &c->first; x = x->next)
		if (!x->asked || (!victim && !x->stream)) {
			victim = x;
			if (!x->asked)
				break;
		}
	if (!victim)
		return;
	end(victim);
	c->evicted++;
}

struct client *clients_add(struct clients *c, int fd)
{
	struct client *x = calloc(1, sizeof *x);
	if (!x)
		return NULL;
	x->fd = fd;
	x->since_ms = http_now_ms();
	pthread_mutex_lock(&c->lock);
	if (c->n >= HTTP_CLIENTS)
		evict(c);
	x->prev = c->first.prev;
	x->next = &c->first;
	x->prev->next = x->next->prev = x;
	bool wake = c->n++ == 0;
	pthread_mutex_unlock(&c->lock);
	if (wake) {
		uint64_t one = 1;
		ssize_t n = write(c->event, &one, sizeof one);
		(void)n;
	}
	return x;
}

void clients_remove(struct clients *c, struct client *x)
{
	if (!x)
		return;
	pthread_mutex_lock(&c->lock);
	x->prev->next = x->next;
	x->next->prev = x->prev;
	c->n--;
	c->streams -= x->stream;
	pthread_mutex_unlock(&c->lock);
	free(x);
}

int clients_expire(struct clients *c, int64_t now_ms)
{
	int64_t next = now_ms + 500;
	pthread_mutex_lock(&c->lock);
	for (struct client *x = c->first.next; x != &c->first; x = x->next) {
		if (x->stream)
			continue;
		int64_t due = x->since_ms + c->deadline_ms;
		if (due <= now_ms) {
			end(x);
			x->since_ms = INT64_MAX / 2;     /* once */
			c->expired++;
		} else if (due < next) {
			next = due;
		}
	}
	bool none = c->n == 0;
	pthread_mutex_unlock(&c->lock);
	return none ? -1 : (int)(next - now_ms);
}
