#include "tests/sim/queue.h"
#include <stdlib.h>

static bool before(const struct queued *a, const struct queued *b)
{
	return a->due_us != b->due_us ? a->due_us < b->due_us : a->order < b->order;
}

void queue_push(struct queue *q, struct queued *item)
{
	if (q->n == q->room) {
		q->room = q->room ? q->room * 2 : 256;
		q->heap = realloc(q->heap, q->room * sizeof *q->heap);
		if (!q->heap)
			abort();
	}
	item->order = q->order++;
	size_t at = q->n++;
	for (; at && before(item, q->heap[(at - 1) / 2]); at = (at - 1) / 2)
		q->heap[at] = q->heap[(at - 1) / 2];
	q->heap[at] = item;
}

struct queued *queue_pop(struct queue *q, int64_t now_us)
{
	if (!q->n || q->heap[0]->due_us > now_us)
		return NULL;
	struct queued *first = q->heap[0], *last = q->heap[--q->n];
	size_t at = 0;
	for (size_t child; (child = at * 2 + 1) < q->n; at = child) {
		if (child + 1 < q->n && before(q->heap[child + 1], q->heap[child]))
			child++;
		if (!before(q->heap[child], last))
			break;
		q->heap[at] = q->heap[child];
	}
	q->heap[at] = last;
	return first;
}

int64_t queue_next(const struct queue *q)
{
	return q->n ? q->heap[0]->due_us : INT64_MAX;
}

void queue_done(struct queue *q)
{
	while (q->n)
		free(q->heap[--q->n]);
	free(q->heap);
	*q = (struct queue){ 0 };
}
