/* What a closed segment leaves in the evidence, and what it is made of. */
#include "store/closed.h"
#include "core/digest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void closed_leaf_put(const struct closed_leaf *l, struct buf *out)
{
	const struct month *m = &l->month;
	char file[65], rollups[65];
	hash_hex(&l->file, file);
	hash_hex(&l->rollups, rollups);
	buf_printf(out, "{\"event\":\"%s\",\"segment\":\"%s\",\"from\":%lld,\"to\":%lld", l->dropped ? "dropped" : "closed", m->segment, (long long)m->from.ms, (long long)m->to.ms);
	if (l->dropped)
		buf_printf(out, ",\"reason\":\"%s\"}", l->reason);
	else
		buf_printf(out, ",\"first\":%llu,\"last\":%llu,\"days\":%llu,\"readings\":%llu,\"bytes\":%llu,\"sha256\":\"%s\",\"rollups\":\"%s\"}", (unsigned long long)m->id,
			   (unsigned long long)m->id_to, (unsigned long long)m->windows, (unsigned long long)m->readings, (unsigned long long)l->bytes, file, rollups);
}

static bool get_closed(const char *text, struct closed_leaf *l)
{
	unsigned long long id, id_to, windows, readings, bytes;
	long long from, to;
	char file[65], rollups[65];
	int end = 0;
	if (sscanf(text, "{\"event\":\"closed\",\"segment\":\"%23[^\"]\",\"from\":%lld,\"to\":%lld,\"first\":%llu,\"last\":%llu,\"days\":%llu,\"readings\":%llu,\"bytes\":%llu,"
		   "\"sha256\":\"%64[0-9a-f]\",\"rollups\":\"%64[0-9a-f]\"}%n", l->month.segment, &from, &to, &id, &id_to, &windows, &readings, &bytes, file, rollups, &end) != 10 || text[end] || !end)
		return false;
	l->month.from.ms = from;
	l->month.to.ms = to;
	l->month.id = id;
	l->month.id_to = id_to;
	l->month.windows = windows;
	l->month.readings = readings;
	l->bytes = bytes;
	return hash_of_hex(file, &l->file) && hash_of_hex(rollups, &l->rollups);
}

static bool get_dropped(const char *text, struct closed_leaf *l)
{
	long long from, to;
	int end = 0;
	if (sscanf(text, "{\"event\":\"dropped\",\"segment\":\"%23[^\"]\",\"from\":%lld,\"to\":%lld,\"reason\":\"%39[^\"]\"}%n", l->month.segment, &from, &to, l->reason, &end) != 4 || text[end] || !end)
		return false;
	l->month.from.ms = from;
	l->month.to.ms = to;
	l->dropped = true;
	return true;
}

bool closed_leaf_get(const void *bytes, size_t len, struct closed_leaf *out)
{
	char text[700];
	if (len >= sizeof text)
		return false;
	CLEANUP(buf_done) struct buf again = { 0 };
	memcpy(text, bytes, len);
	text[len] = 0;
	*out = (struct closed_leaf){ .bytes = 0 };
	if (!(get_closed(text, out) || get_dropped(text, out)) || !segment_is(out->month.segment))
		return false;
	closed_leaf_put(out, &again);           /* sscanf() takes blanks and signs too; there is one form */
	return !again.failed && again.len == len && memcmp(again.data, bytes, len) == 0;
}

struct months { struct month *list; size_t n; bool failed; };

static bool add_window(void *ctx, const struct window *w)
{
	struct months *m = ctx;
	char name[SEGMENT_NAME];
	segment_name(w->to, name);
	struct month *last = m->n ? &m->list[m->n - 1] : NULL;
	if (last && strcmp(name, last->segment) <= 0) {         /* never into an older one: store/segment.c */
		last->from.ms = w->from.ms < last->from.ms ? w->from.ms : last->from.ms;
		last->to.ms = w->to.ms > last->to.ms ? w->to.ms : last->to.ms;
		last->id_to = w->id_to;
		last->windows++;
		last->readings += w->n;
		return true;
	}
	struct month *more = realloc(m->list, (m->n + 1) * sizeof *more);
	m->failed = !more;
	if (!more)
		return false;
	m->list = more;
	more[m->n] = (struct month){ .from = w->from, .to = w->to, .id = w->id, .id_to = w->id_to, .windows = 1, .readings = w->n };
	memcpy(more[m->n++].segment, name, sizeof name);
	return true;
}

bool months_list(struct db *rollup, struct month **list, size_t *n, struct err *err)
{
	struct months m = { .list = NULL };
	bool good = window_list(rollup, add_window, &m, err) && (!m.failed || err_memory(err));
	*list = m.list;
	*n = m.n;
	return good;
}

bool rollups_hash(struct db *rollup, const struct month *m, struct hash *out, struct err *err)
{
	CLEANUP(query_done) struct query q = { 0 };
	if (!query_init(&q, rollup, "SELECT key,body FROM block WHERE key>=? AND key<? ORDER BY key", err))
		return false;
	query_int(&q, (int64_t)(m->id << WINDOW_KEY_BITS));
	query_int(&q, (int64_t)((m->id_to + 1) << WINDOW_KEY_BITS));
	struct digest *d = digest_new();
	int code = -1;
	while (d && (code = query_step(&q, err)) == 1) {
		uint64_t numbers[] = { (uint64_t)sqlite3_column_int64(q.stmt, 0), (uint64_t)sqlite3_column_bytes(q.stmt, 1) };
		uint8_t head[sizeof numbers];
		for (size_t i = 0; i < sizeof head; i++)
			head[i] = (uint8_t)(numbers[i / 8] >> (56 - 8 * (i % 8)));
		digest_add(d, head, sizeof head);
		digest_add(d, sqlite3_column_blob(q.stmt, 1), (size_t)numbers[1]);
	}
	if (code == 0)
		return digest_end(d, out) || err_memory(err);
	digest_free(d);
	return d ? false : err_memory(err);
}
