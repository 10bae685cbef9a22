#include "publish/snapshot.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct snapshot_chunk { struct snapshot_chunk *next; size_t used, room; max_align_t bytes[]; };
struct snapshot_slot { pthread_mutex_t lock; struct snapshot *current; };

enum { CHUNK_ROOM = 16384 };

const int64_t poll_bucket_us[POLL_BUCKETS - 1] = { 1000, 5000, 20000, 50000, 100000, 500000, 1000000, 5000000 };

struct snapshot *snapshot_new(void)
{
	struct snapshot *s = calloc(1, sizeof *s);
	if (s)
		s->references = 1;
	return s;
}

static void snapshot_free(struct snapshot *s)
{
	while (s->chunks) {
		struct snapshot_chunk *next = s->chunks->next;
		free(s->chunks);
		s->chunks = next;
	}
	buf_done(&s->memory);
	if (s->release)
		s->release(s->owner);
	free(s);
}

static void *carve(struct snapshot *s, size_t size)
{
	size = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
	if (!s->chunks || s->chunks->room - s->chunks->used < size) {
		size_t room = size > CHUNK_ROOM ? size : CHUNK_ROOM;
		struct snapshot_chunk *c = calloc(1, sizeof *c + room);
		if (!c)
			return NULL;
		c->room = room;
		c->next = s->chunks;
		s->chunks = c;
	}
	void *p = (char *)s->chunks->bytes + s->chunks->used;
	s->chunks->used += size;
	return p;
}

void *snapshot_array(struct snapshot *s, size_t n, size_t size)
{
	size_t all;
	if (__builtin_mul_overflow(n ? n : 1, size, &all) || all > SIZE_MAX / 2)
		return NULL;
	return carve(s, all);
}

const char *snapshot_text(struct snapshot *s, const char *text)
{
	size_t len = text ? strlen(text) : 0;
	char *p = len ? carve(s, len + 1) : NULL;
	return p ? memcpy(p, text, len + 1) : "";
}

static const char *text_or_null(struct snapshot *s, const char *text)
{
	return text ? snapshot_text(s, text) : NULL;
}

static struct bilingual both(struct snapshot *s, struct bilingual b)
{
	return (struct bilingual){ text_or_null(s, b.zh), text_or_null(s, b.en) };
}

bool snapshot_judged(struct snapshot *s, const struct verdict *v)
{
	struct verdict *copy = carve(s, sizeof *copy);
	struct criterion *criteria = snapshot_array(s, v->n_criteria, sizeof *criteria);
	const char **reasons = snapshot_array(s, v->n_reasons, sizeof *reasons);
	if (!copy || !criteria || !reasons)
		return false;
	*copy = *v;
	copy->memory = (struct buf){ 0 };
	copy->criteria = criteria;
	copy->reasons = reasons;
	copy->sentence = both(s, v->sentence);
	for (size_t i = 0; i < v->n_criteria; i++) {
		struct criterion *c = &criteria[i];
		*c = v->criteria[i];
		c->id = text_or_null(s, c->id);
		c->title = both(s, c->title);
		c->quote = text_or_null(s, c->quote);
		c->locator = text_or_null(s, c->locator);
		c->word = text_or_null(s, c->word);
		c->why = both(s, c->why);
		c->evidence = text_or_null(s, c->evidence);
	}
	for (size_t i = 0; i < v->n_reasons; i++)
		reasons[i] = text_or_null(s, v->reasons[i]);
	for (size_t i = 0; i < countof(copy->split); i++)
		copy->split[i].who = i < v->n_split ? text_or_null(s, v->split[i].who) : NULL;
	s->verdict = copy;
	return true;
}

struct snapshot_slot *snapshot_slot_new(void)
{
	struct snapshot_slot *slot = calloc(1, sizeof *slot);
	if (slot)
		pthread_mutex_init(&slot->lock, NULL);
	return slot;
}

void snapshot_set(struct snapshot_slot *slot, struct snapshot *s)
{
	pthread_mutex_lock(&slot->lock);
	struct snapshot *old = slot->current;
	slot->current = s;
	pthread_mutex_unlock(&slot->lock);
	snapshot_put(old);
}

const struct snapshot *snapshot_get(struct snapshot_slot *slot)
{
	/* Loading the pointer and counting the reference must be one step, else the last holder could free it between. */
	pthread_mutex_lock(&slot->lock);
	struct snapshot *s = slot->current;
	if (s)
		__atomic_add_fetch(&s->references, 1, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&slot->lock);
	return s;
}

void snapshot_put(const struct snapshot *s)
{
	/* The only thing that changes in a published snapshot is its count. */
	struct snapshot *own = (struct snapshot *)(uintptr_t)s;
	if (own && __atomic_sub_fetch(&own->references, 1, __ATOMIC_ACQ_REL) == 0)
		snapshot_free(own);
}

void snapshot_slot_free(struct snapshot_slot *slot)
{
	if (!slot)
		return;
	snapshot_put(slot->current);
	pthread_mutex_destroy(&slot->lock);
	free(slot);
}
