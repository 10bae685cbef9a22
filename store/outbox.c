#include "core/outbox.h"
#include "store/impl.h"

#include <stdlib.h>

/* Short snapshots on a connection of its own: the sender's thread never waits for the writer. */
static bool pending(void *store, uint64_t after, size_t max, void (*fn)(void *ctx, const struct outbox_item *), void *ctx, struct err *err)
{
	struct store *s = store;
	struct db d;
	if (!db_open(&d, s->dir, "evidence.db", s->o.vfs, true, &evidence_schema, err))
		return false;
	struct query q;
	bool good = query_init(&q, &d, "SELECT seq,epoch,topic,payload,sent FROM outbox WHERE delivered=0 AND seq>? ORDER BY seq LIMIT ?", err);
	int code = good ? (query_int(&q, after > INT64_MAX ? INT64_MAX : (int64_t)after), query_int(&q, max > INT64_MAX ? INT64_MAX : (int64_t)max), 1) : -1;
	while (good && (code = query_step(&q, err)) == 1) {
		struct outbox_item item = { .epoch = (uint64_t)sqlite3_column_int64(q.stmt, 1), .seq = (uint64_t)sqlite3_column_int64(q.stmt, 0),
					    .topic = (const char *)sqlite3_column_text(q.stmt, 2), .payload = sqlite3_column_blob(q.stmt, 3),
					    .len = (size_t)sqlite3_column_bytes(q.stmt, 3),
					    .sent = { sqlite3_column_int64(q.stmt, 4) } };
		bool settled = false;
		pthread_mutex_lock(&s->mutex);
		for (size_t i = 0; i < countof(s->settled); i++)
			settled |= s->settled[i].mark && s->settled[i].epoch == item.epoch && item.seq >= s->settled[i].from && item.seq <= s->settled[i].to;
		pthread_mutex_unlock(&s->mutex);
		if (!settled)
			fn(ctx, &item);
	}
	query_done(&q);
	db_close(&d);
	return good && code == 0;
}

static void change(struct store *s, struct entry change)
{
	struct entry *e = malloc(sizeof *e);
	struct item *i = calloc(1, sizeof *i);
	if (!e || !i) {         /* forgotten: the row is sent once more, and the receiver knows it by its sequence number */
		free(e);
		free(i);
		return;
	}
	*e = change;
	e->bytes = sizeof *e;
	*i = (struct item){ .kind = ITEM_ENTRY, .entry = e };
	pthread_mutex_lock(&s->mutex);
	s->entry_bytes += e->bytes;
	store_enqueue(s, i);
	for (size_t k = 0; change.kind == ENTRY_DELIVERED && k < countof(s->settled); k++)
		if (s->settled[k].mark == 0) {
			s->settled[k].mark = s->mark;
			s->settled[k].epoch = change.epoch;
			s->settled[k].from = change.from;
			s->settled[k].to = change.to;
			break;
		}
	for (size_t k = 0; change.kind == ENTRY_AGAIN && k < countof(s->settled); k++)
		if (s->settled[k].from <= change.to && s->settled[k].to >= change.from)
			s->settled[k].mark = 0;
	pthread_mutex_unlock(&s->mutex);
}

static void sent(void *store, uint64_t seq, struct wall at)
{
	change(store, (struct entry){ .kind = ENTRY_SENT, .from = seq, .at = at });
}

static void delivered(void *store, uint64_t epoch, uint64_t from, uint64_t to)
{
	change(store, (struct entry){ .kind = ENTRY_DELIVERED, .epoch = epoch, .from = from, .to = to });
}

static void again(void *store, uint64_t epoch, uint64_t from, uint64_t to)
{
	change(store, (struct entry){ .kind = ENTRY_AGAIN, .epoch = epoch, .from = from, .to = to });
}

const struct outbox_ops *store_outbox(void)
{
	static const struct outbox_ops ops = { .pending = pending, .sent = sent, .delivered = delivered, .again = again };
	return &ops;
}
