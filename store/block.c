#include "store/block.h"

#include <stdlib.h>
#include <string.h>

enum { VERSION = 1 };
_Static_assert(REASON_N <= 32 && QUALITY_N <= 8, "quality and reason share a byte");

static bool damaged(struct err *err, const char *what)
{
	return err_set(err, ERR_EVIDENCE, "damaged block: %s", what);
}

void stamps_put(const struct sample *s, size_t n, bool tight, struct buf *out)
{
	int64_t *v = malloc((n + 1) * sizeof *v);
	if (!v) {
		out->failed = true;
		return;
	}
	buf_add(out, &(uint8_t){ VERSION }, 1);
	varint_add(out, n);
	for (size_t i = 0; i < n; i++)
		v[i] = s[i].at.wall.ms;
	column_put(v, n, tight, out);
	for (size_t i = 0; i < n; i++)
		v[i] = wrap_sub(s[i].at.boot.ms, s[i].at.wall.ms);
	column_put(v, n, tight, out);
	for (size_t i = 0; i < n; i++)
		v[i] = (int64_t)s[i].at.session << 1 | s[i].at.synced;
	column_put(v, n, tight, out);
	free(v);
}

bool stamps_same(const struct sample *a, const struct sample *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (a[i].at.wall.ms != b[i].at.wall.ms || a[i].at.boot.ms != b[i].at.boot.ms || a[i].at.session != b[i].at.session ||
		    a[i].at.synced != b[i].at.synced)
			return false;
	return true;
}

static void put_qualities(const struct sample *s, size_t n, struct buf *out)
{
	CLEANUP(buf_done) struct buf runs = { 0 };
	size_t count = 0;
	for (size_t i = 0, k; i < n; i = k) {
		for (k = i + 1; k < n && s[k].quality == s[i].quality && s[k].reason == s[i].reason;)
			k++;
		varint_add(&runs, k - i);
		buf_add(&runs, &(uint8_t){ (uint8_t)(s[i].quality | s[i].reason << 3) }, 1);
		count++;
	}
	varint_add(out, count);
	buf_add(out, runs.data, runs.len);
	out->failed |= runs.failed;
}

void block_put(const struct sample *s, size_t n, uint64_t stamps, bool tight, struct buf *out)
{
	int64_t *v = malloc((n + 1) * sizeof *v), min = INT64_MAX, max = INT64_MIN;
	size_t m = 0;
	__int128 sum = 0;
	if (!v) {
		out->failed = true;
		return;
	}
	for (size_t i = 0; i < n; i++) {
		if (!sample_has_value(&s[i]))
			continue;
		v[m++] = s[i].value;
		sum += s[i].value;
		min = s[i].value < min ? s[i].value : min;
		max = s[i].value > max ? s[i].value : max;
	}
	buf_add(out, &(uint8_t){ VERSION }, 1);
	varint_add(out, stamps);
	varint_add(out, n);
	varint_add(out, m);
	if (m) {
		varint_add(out, zigzag(min));
		varint_add(out, zigzag(max));
		varint_add(out, zigzag(v[m - 1]));
		varint_add(out, (uint64_t)sum);
		varint_add(out, zigzag((int64_t)(sum >> 64)));
	}
	put_qualities(s, n, out);
	column_put(v, m, tight, out);
	free(v);
}

static bool get_head(struct cursor *in, struct block_head *out)
{
	*out = (struct block_head){ 0 };
	if (in->p >= in->end || *in->p++ != VERSION)
		return false;
	out->stamps = varint_get(in);
	out->n = varint_get(in);
	out->n_value = varint_get(in);
	if (out->n_value && !in->bad) {
		out->min = unzigzag(varint_get(in));
		out->max = unzigzag(varint_get(in));
		out->last = unzigzag(varint_get(in));
		uint64_t low = varint_get(in);
		out->sum = (__int128)((unsigned __int128)(uint64_t)unzigzag(varint_get(in)) << 64 | low);
	}
	return !in->bad && out->n <= BLOCK_MAX && out->n_value <= out->n;
}

bool block_head(const void *bytes, size_t len, struct block_head *out, struct err *err)
{
	struct cursor in = { bytes, (const uint8_t *)bytes + len, false };
	return get_head(&in, out) || damaged(err, "header");
}

static bool get_count(struct cursor *in, uint64_t *n)
{
	if (in->p >= in->end || *in->p++ != VERSION)
		return false;
	*n = varint_get(in);
	return !in->bad && *n <= BLOCK_MAX;
}

bool stamps_count(const void *bytes, size_t len, uint64_t *n, struct err *err)
{
	struct cursor in = { bytes, (const uint8_t *)bytes + len, false };
	return get_count(&in, n) || damaged(err, "header of stamps");
}

bool stamps_get(const void *bytes, size_t len, struct sample *s, size_t n, struct err *err)
{
	struct cursor in = { bytes, (const uint8_t *)bytes + len, false };
	uint64_t have;
	int64_t *v = malloc((n + 1) * sizeof *v);
	bool good = v && get_count(&in, &have) && have == n && column_get(&in, v, n);
	for (size_t i = 0; good && i < n; i++)
		s[i].at.wall.ms = v[i];
	good = good && column_get(&in, v, n);
	for (size_t i = 0; good && i < n; i++)
		s[i].at.boot.ms = wrap_add(s[i].at.wall.ms, v[i]);
	good = good && column_get(&in, v, n) && in.p == in.end;
	for (size_t i = 0; good && i < n; i++) {
		good = v[i] >= 0 && v[i] >> 1 <= UINT32_MAX;
		s[i].at.session = (uint32_t)(v[i] >> 1);
		s[i].at.synced = v[i] & 1;
	}
	free(v);
	return good || damaged(err, "stamps");
}

bool stamps_first(const void *bytes, size_t len, struct sample *s, size_t k, struct err *err)
{
	struct cursor in = { bytes, (const uint8_t *)bytes + len, false };
	uint64_t n;
	int64_t *v = malloc((k + 1) * sizeof *v);
	bool good = v && get_count(&in, &n) && k <= n && column_first(&in, v, (size_t)n, k);
	for (size_t i = 0; good && i < k; i++)
		s[i] = (struct sample){ .at.wall.ms = v[i] };
	free(v);
	return good || damaged(err, "stamps");
}

static bool get_qualities(struct cursor *in, struct sample *s, size_t n, size_t *with_value)
{
	uint64_t runs = varint_get(in);
	size_t at = 0;
	*with_value = 0;
	for (uint64_t k = 0; k < runs && !in->bad; k++) {
		uint64_t len = varint_get(in);
		if (in->bad || in->p >= in->end || len == 0 || len > n - at)
			return false;
		uint8_t byte = *in->p++;
		if ((byte & 7) >= QUALITY_N || byte >> 3 >= REASON_N)
			return false;
		for (uint64_t i = 0; i < len; i++, at++) {
			s[at].quality = byte & 7;
			s[at].reason = byte >> 3;
			*with_value += sample_has_value(&s[at]);
		}
	}
	return !in->bad && at == n;
}

bool block_first(const void *bytes, size_t len, struct sample *s, size_t n, size_t k, struct err *err)
{
	struct cursor in = { bytes, (const uint8_t *)bytes + len, false };
	struct block_head head;
	struct sample *q = malloc((n + 1) * sizeof *q);
	int64_t *v = malloc((k + 1) * sizeof *v);
	size_t m, some = 0;
	bool good = q && v && get_head(&in, &head) && head.n == n && k <= n && get_qualities(&in, q, n, &m) && m == head.n_value;
	for (size_t i = 0; good && i < k; i++) {
		s[i].quality = q[i].quality;
		s[i].reason = q[i].reason;
		some += sample_has_value(&s[i]);
	}
	good = good && column_first(&in, v, m, some);
	for (size_t i = 0, at = 0; good && i < k; i++)
		s[i].value = sample_has_value(&s[i]) ? v[at++] : 0;
	free(q);
	free(v);
	return good || damaged(err, "values");
}

/* The header is what the values say: sums would believe it. */
static bool head_fits(const struct block_head *head, const int64_t *v, size_t m)
{
	__int128 sum = 0;
	int64_t min = INT64_MAX, max = INT64_MIN;
	for (size_t i = 0; i < m; i++) {
		sum += v[i];
		min = v[i] < min ? v[i] : min;
		max = v[i] > max ? v[i] : max;
	}
	return m == 0 || (head->min == min && head->max == max && head->last == v[m - 1] && head->sum == sum);
}

bool block_get(const void *bytes, size_t len, struct sample *s, size_t n, struct err *err)
{
	struct cursor in = { bytes, (const uint8_t *)bytes + len, false };
	struct block_head head;
	size_t m;
	if (!get_head(&in, &head) || head.n != n || !get_qualities(&in, s, n, &m) || m != head.n_value)
		return damaged(err, "qualities");
	int64_t *v = malloc((m + 1) * sizeof *v);
	bool good = v && column_get(&in, v, m) && in.p == in.end && head_fits(&head, v, m);
	for (size_t i = 0, k = 0; good && i < n; i++)
		s[i].value = sample_has_value(&s[i]) ? v[k++] : 0;
	free(v);
	return good || damaged(err, "values");
}
