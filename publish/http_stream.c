/* Server-Sent Events: one message for each new snapshot, a comment every 15 s to notice who has left, an end after 10 minutes (the
 * browser comes back by itself, with Last-Event-ID). */
#include "publish/http_inner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COMMENT_MS = 15000, LIFE_MS = 600000 };

struct stream {
	struct streams *all;
	struct MHD_Connection *connection;
	bool used, suspended;
	int64_t last_ms;                         /* `at` of the snapshot it saw last */
	int64_t wrote_ms, end_ms;
	struct buf out;
	size_t at;
};

struct streams {
	pthread_mutex_t lock;
	struct snapshot_slot *slot;
	bool stopping;
	struct stream stream[HTTP_STREAMS];
};

struct streams *streams_new(struct snapshot_slot *slot)
{
	struct streams *s = calloc(1, sizeof *s);
	if (s) {
		s->slot = slot;
		pthread_mutex_init(&s->lock, NULL);
	}
	return s;
}

void streams_free(struct streams *s)
{
	if (!s)
		return;
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static void message(struct stream *x, const struct snapshot *s)
{
	buf_reset(&x->out);
	x->at = 0;
	buf_printf(&x->out, "id: %lld\nevent: status\ndata: ", (long long)s->at.wall.ms);
	summary_json(s, &x->out);                /* compact JSON: no line ends inside */
	buf_str(&x->out, "\n\n");
	x->last_ms = s->at.wall.ms;
}

/* Puts what is new into x->out; false when there is nothing. */
static bool next(struct stream *x, int64_t now)
{
	const struct snapshot *s = snapshot_get(x->all->slot);
	bool fresh = s && s->at.wall.ms != x->last_ms;
	if (fresh) {
		message(x, s);
	} else if (now - x->wrote_ms >= COMMENT_MS) {
		buf_reset(&x->out);
		x->at = 0;
		buf_str(&x->out, ": still here\n\n");
		fresh = true;
	}
	snapshot_put(s);
	if (fresh)
		x->wrote_ms = now;
	return fresh && !x->out.failed;
}

static ssize_t reader(void *ctx, uint64_t pos, char *out, size_t max)
{
	struct stream *x = ctx;
	int64_t now = http_now_ms();
	(void)pos;
	pthread_mutex_lock(&x->all->lock);
	ssize_t n = 0;
	if (x->all->stopping || now >= x->end_ms || x->out.failed) {
		n = MHD_CONTENT_READER_END_OF_STREAM;
	} else if (x->at < x->out.len || next(x, now)) {
		n = (ssize_t)(x->out.len - x->at < max ? x->out.len - x->at : max);
		memcpy(out, x->out.data + x->at, (size_t)n);
		x->at += (size_t)n;
	} else {
		x->suspended = true;
		MHD_suspend_connection(x->connection);
	}
	pthread_mutex_unlock(&x->all->lock);
	return n;
}

static void closed(void *ctx)
{
	struct stream *x = ctx;
	pthread_mutex_lock(&x->all->lock);
	buf_done(&x->out);
	x->used = false;
	pthread_mutex_unlock(&x->all->lock);
}

struct MHD_Response *streams_response(struct streams *s, struct MHD_Connection *connection, const char *last_id)
{
	struct stream *x = NULL;
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < HTTP_STREAMS && !s->stopping && !x; i++)
		if (!s->stream[i].used)
			x = &s->stream[i];
	if (x) {
		int64_t now = http_now_ms();
		*x = (struct stream){ .all = s, .connection = connection, .used = true, .wrote_ms = now, .end_ms = now + LIFE_MS,
				      .last_ms = last_id ? strtoll(last_id, NULL, 10) : 0 };
		buf_str(&x->out, "retry: 3000\n\n");
	}
	pthread_mutex_unlock(&s->lock);
	return x ? MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 32768, reader, x, closed) : NULL;
}

void streams_tick(struct streams *s, int64_t now_ms)
{
	const struct snapshot *current = snapshot_get(s->slot);
	int64_t at = current ? current->at.wall.ms : 0;
	snapshot_put(current);
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < HTTP_STREAMS; i++) {
		struct stream *x = &s->stream[i];
		if (x->used && x->suspended && (at != x->last_ms || now_ms - x->wrote_ms >= COMMENT_MS || now_ms >= x->end_ms)) {
			x->suspended = false;
			MHD_resume_connection(x->connection);
		}
	}
	pthread_mutex_unlock(&s->lock);
}

void streams_stop(struct streams *s)
{
	pthread_mutex_lock(&s->lock);
	s->stopping = true;
	for (size_t i = 0; i < HTTP_STREAMS; i++)
		if (s->stream[i].used && s->stream[i].suspended) {
			s->stream[i].suspended = false;
			MHD_resume_connection(s->stream[i].connection);
		}
	pthread_mutex_unlock(&s->lock);
}
