#include "store/journal.h"
#include "store/window.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char version_1[] =
	"CREATE TABLE series(sid INTEGER PRIMARY KEY, id TEXT NOT NULL, device INTEGER NOT NULL, quantity INTEGER NOT NULL, scope INTEGER NOT NULL,"
	" configured INTEGER NOT NULL, count_num INTEGER NOT NULL, count_den INTEGER NOT NULL, label TEXT, sum BLOB NOT NULL);"
	"CREATE TABLE tick(no INTEGER PRIMARY KEY, position INTEGER NOT NULL, n INTEGER NOT NULL, wall_from INTEGER NOT NULL, wall_to INTEGER NOT NULL,"
	" body BLOB NOT NULL);"
	"CREATE TABLE journal(key INTEGER PRIMARY KEY, body BLOB NOT NULL);"
	"CREATE TABLE loss(position INTEGER PRIMARY KEY, n INTEGER NOT NULL, wall_from INTEGER NOT NULL, wall_to INTEGER NOT NULL, sum BLOB NOT NULL);"
	WINDOW_TABLES
	"CREATE TABLE state(id INTEGER PRIMARY KEY CHECK(id=1), no INTEGER NOT NULL, position INTEGER NOT NULL);"
	"INSERT INTO state VALUES(1,0,0);";
static const char *const steps[] = { version_1 };
const struct db_schema journal_schema = { steps, countof(steps) };

/* No buffer: a sum must not depend on whether there is memory for one. */
static void sum_of(const struct piece *pieces, size_t n, uint8_t out[BODY_SUM])
{
	struct hash h;
	sha256_pieces(pieces, n, &h);
	memcpy(out, h.bytes, BODY_SUM);
}

void body_sum(int64_t key, const void *bytes, size_t len, uint8_t out[BODY_SUM])
{
	uint8_t head[8];
	put_be64(head, (uint64_t)key);
	const struct piece pieces[] = { { head, sizeof head }, { bytes, len } };
	sum_of(pieces, countof(pieces), out);
}

static bool fits(const uint8_t *want, const void *bytes, size_t *len)
{
	*len -= BODY_SUM;
	return memcmp(want, (const uint8_t *)bytes + *len, BODY_SUM) == 0;
}

bool body_good(int64_t key, const void *bytes, size_t *len)
{
	uint8_t want[BODY_SUM];
	if (*len < BODY_SUM)
		return false;
	body_sum(key, bytes, *len - BODY_SUM, want);
	return fits(want, bytes, len);
}

void tick_sum(const struct tick_columns *t, const void *bytes, size_t len, uint8_t out[BODY_SUM])
{
	const uint64_t numbers[] = { t->no, t->position, t->n, (uint64_t)t->from.ms, (uint64_t)t->to.ms };
	uint8_t head[8 * countof(numbers)];
	for (size_t i = 0; i < countof(numbers); i++)
		put_be64(head + 8 * i, numbers[i]);
	const struct piece pieces[] = { { head, sizeof head }, { bytes, len } };
	sum_of(pieces, countof(pieces), out);
}

bool tick_good(const struct tick_columns *t, const void *bytes, size_t *len)
{
	uint8_t want[BODY_SUM];
	if (*len < BODY_SUM)
		return false;
	tick_sum(t, bytes, *len - BODY_SUM, want);
	return fits(want, bytes, len);
}

void series_sum(const struct stored_series *s, uint8_t out[BODY_SUM])
{
	uint8_t head[8];
	char sid[24], numbers[120];
	put_be64(head, s->sid);
	int n_sid = snprintf(sid, sizeof sid, "%u\n", s->sid);
	int n_numbers = snprintf(numbers, sizeof numbers, "\n%u %u %u %d %lld/%lld\n", s->s.device, s->s.quantity, s->s.scope, s->s.configured, (long long)s->s.count.num,
				 (long long)s->s.count.den);
	const char *label = s->s.label ? s->s.label : "";
	const struct piece pieces[] = { { head, sizeof head }, { sid, (size_t)n_sid }, { s->s.id, strlen(s->s.id) }, { numbers, (size_t)n_numbers }, { label, strlen(label) } };
	sum_of(pieces, countof(pieces), out);
}

void loss_sum(const struct loss *l, uint8_t out[BODY_SUM])
{
	char text[80];
	int n = snprintf(text, sizeof text, "%llu %lld %lld", (unsigned long long)l->n, (long long)l->from.ms, (long long)l->to.ms);
	body_sum((int64_t)l->position, text, (size_t)n, out);
}

bool stored_series_fits(const struct stored_series *have, const struct series *s)
{
	return strcmp(have->s.id, s->id) == 0 && have->s.quantity == s->quantity && have->s.count.num == s->count.num && have->s.count.den == s->count.den;
}

bool journal_open(struct journal *j, const char *dir, const char *vfs, bool read_only, struct err *err)
{
	return db_open(&j->db, dir, "journal.db", vfs, read_only, &journal_schema, err);
}

void journal_close(struct journal *j)
{
	db_close(&j->db);
}

bool journal_end(struct journal *j, uint64_t *no, uint64_t *position, struct err *err)
{
	int64_t last, end, lost, pruned_no, pruned;
	if (!db_number(&j->db, "SELECT max(no) FROM tick", 0, &last, err) || !db_number(&j->db, "SELECT max(position+n) FROM tick", 0, &end, err) ||
	    !db_number(&j->db, "SELECT max(position+n) FROM loss", 0, &lost, err) || !db_number(&j->db, "SELECT no FROM state", 0, &pruned_no, err) ||
	    !db_number(&j->db, "SELECT position FROM state", 0, &pruned, err))
		return false;
	end = lost > end ? lost : end;
	*no = (uint64_t)(last > pruned_no ? last : pruned_no);
	*position = (uint64_t)(pruned > end ? pruned : end);
	return true;
}

static bool write_one_series(struct query *q, const struct stored_series *s, struct err *err)
{
	uint8_t sum[BODY_SUM];
	query_int(q, s->sid);
	query_text(q, s->s.id);
	const int64_t numbers[] = { s->s.device, s->s.quantity, s->s.scope, s->s.configured, s->s.count.num, s->s.count.den };
	for (size_t k = 0; k < countof(numbers); k++)
		query_int(q, numbers[k]);
	query_text(q, s->s.label);
	series_sum(s, sum);
	query_blob(q, sum, sizeof sum);
	return query_run(q, err);
}

static bool write_series(struct journal *j, const struct new_series *series, struct err *err)
{
	CLEANUP(query_done) struct query q = { 0 };
	if (!series)
		return true;
	if (!query_init(&q, &j->db, "INSERT OR IGNORE INTO series(sid,id,device,quantity,scope,configured,count_num,count_den,label,sum) VALUES(?,?,?,?,?,?,?,?,?,?)", err))
		return false;
	bool good = true;
	for (; good && series; series = series->next)
		for (size_t i = 0; good && i < series->n; i++)
			good = write_one_series(&q, &series->rows[i], err);
	return good;
}

struct writes { struct query tick, row, loss; };

static void writes_done(struct writes *w)
{
	query_done(&w->tick);
	query_done(&w->row);
	query_done(&w->loss);
}

static bool write_second(struct writes *w, const struct second *s, struct err *err)
{
	uint8_t sum[BODY_SUM];
	if (s->loss.n) {
		query_int(&w->loss, (int64_t)s->loss.position);
		query_int(&w->loss, (int64_t)s->loss.n);
		query_int(&w->loss, s->loss.from.ms);
		query_int(&w->loss, s->loss.to.ms);
		loss_sum(&s->loss, sum);
		query_blob(&w->loss, sum, sizeof sum);
		if (!query_run(&w->loss, err))
			return false;
	}
	query_int(&w->tick, (int64_t)s->no);
	query_int(&w->tick, (int64_t)s->position);
	query_int(&w->tick, (int64_t)s->n);
	query_int(&w->tick, s->from.ms);
	query_int(&w->tick, s->to.ms);
	query_blob(&w->tick, s->tick.data, s->tick.len);
	if (!query_run(&w->tick, err))
		return false;
	for (size_t i = 0; i < s->n_rows; i++) {
		query_int(&w->row, (int64_t)(s->no << SHARD_KEY_BITS | s->rows[i].shard));
		query_blob(&w->row, s->rows[i].bytes, s->rows[i].len);
		if (!query_run(&w->row, err))
			return false;
	}
	return true;
}

bool journal_write(struct journal *j, const struct new_series *series, const struct second *first, struct err *err)
{
	CLEANUP(writes_done) struct writes w = { .tick = { 0 } };
	bool good = db_exec(&j->db, "BEGIN IMMEDIATE", err) && write_series(j, series, err) &&
		    query_init(&w.tick, &j->db, "INSERT INTO tick(no,position,n,wall_from,wall_to,body) VALUES(?,?,?,?,?,?)", err) &&
		    query_init(&w.row, &j->db, "INSERT INTO journal(key,body) VALUES(?,?)", err) &&
		    query_init(&w.loss, &j->db, "INSERT OR REPLACE INTO loss(position,n,wall_from,wall_to,sum) VALUES(?,?,?,?,?)", err);
	for (; good && first; first = first->next)
		good = write_second(&w, first, err);
	good = good && db_exec(&j->db, "COMMIT", err);
	if (!good)
		sqlite3_exec(j->db.sql, "ROLLBACK", NULL, NULL, NULL);
	return good;
}

bool journal_series(struct journal *j, stored_series_fn *fn, void *ctx, struct err *err)
{
	CLEANUP(query_done) struct query q = { 0 };
	if (!query_init(&q, &j->db, "SELECT sid,id,device,quantity,scope,configured,count_num,count_den,label FROM series ORDER BY sid", err))
		return false;
	int code;
	bool go_on = true;
	while (go_on && (code = query_step(&q, err)) == 1) {
		struct stored_series s = { .sid = (uint32_t)sqlite3_column_int64(q.stmt, 0) };
		s.s = (struct series){ .id = (const char *)sqlite3_column_text(q.stmt, 1), .device = (uint16_t)sqlite3_column_int64(q.stmt, 2),
				       .quantity = (uint8_t)sqlite3_column_int64(q.stmt, 3), .scope = (uint8_t)sqlite3_column_int64(q.stmt, 4),
				       .configured = sqlite3_column_int64(q.stmt, 5) != 0, .count = { sqlite3_column_int64(q.stmt, 6), sqlite3_column_int64(q.stmt, 7) },
				       .label = (const char *)sqlite3_column_text(q.stmt, 8) };
		go_on = fn(ctx, &s);
	}
	return !go_on || code == 0;
}
