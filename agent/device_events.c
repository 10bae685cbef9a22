#include "agent/device_events.h"
#include "core/buf.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PERIOD_MS = 60000, LINES = 10, NAMES = 3, KINDS = 24, SENTENCE = 600 };

struct kept { uint64_t n; struct wall at; char device[80], kind[24], sentence[SENTENCE]; };

/* One device's events of one kind. */
struct cause { struct cause *next; char *name; int64_t from_ms; uint64_t held; char last[SENTENCE]; bool waits; };

struct kind { char name[24]; int64_t from_ms; unsigned lines; uint64_t over; char names[NAMES][80]; };

struct device_events {
	void (*line)(void *ctx, bool good, const char *text);
	void *ctx;
	struct kept ring[DEVICE_EVENTS_KEPT];
	uint64_t n;
	void *causes;            /* tsearch(3) tree of struct cause */
	struct cause *waiting;   /* with something held */
	struct kind kinds[KINDS];
	size_t n_kinds;
};

struct device_events *device_events_new(void (*line)(void *ctx, bool good, const char *text), void *ctx)
{
	struct device_events *e = calloc(1, sizeof *e);
	if (e)
		*e = (struct device_events){ .line = line, .ctx = ctx };
	return e;
}

static void free_cause(void *c)
{
	free(((struct cause *)c)->name);
	free(c);
}

void device_events_free(struct device_events *e)
{
	if (!e)
		return;
	tdestroy(e->causes, free_cause);
	free(e);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct cause *)a)->name, ((const struct cause *)b)->name);
}

static struct cause *cause_of(struct device_events *e, const char *device, const char *kind)
{
	char name[120];
	snprintf(name, sizeof name, "%s/%s", device, kind);
	struct cause key = { .name = name }, **found = tfind(&key, &e->causes, by_name);
	if (found)
		return *found;
	struct cause *c = calloc(1, sizeof *c);
	if (!c || !(c->name = strdup(name)) || !tsearch(c, &e->causes, by_name)) {
		if (c)
			free(c->name);
		free(c);
		return NULL;
	}
	c->from_ms = INT64_MIN;
	return c;
}

static bool good_news(const char *kind)
{
	static const char *const good[] = { "up", "identified", "plausible", "trap" };
	for (size_t i = 0; i < countof(good); i++)
		if (!strcmp(kind, good[i]))
			return true;
	return false;
}

static void say(struct device_events *e, const char *kind, const char *fmt, ...) PRINTF(3, 4);
static void say(struct device_events *e, const char *kind, const char *fmt, ...)
{
	char text[SENTENCE + 400];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	e->line(e->ctx, good_news(kind), text);
}

/* The minute of a kind is over: how many devices found no line of their own. */
static void close_minute(struct device_events *e, struct kind *k, int64_t now_ms)
{
	CLEANUP(buf_done) struct buf names = { 0 };
	for (size_t i = 0; i < NAMES && i < k->over; i++)
		buf_printf(&names, "%s%s", i ? ", " : "", k->names[i]);
	if (k->over)
		say(e, k->name, "%s: %llu more within a minute: %s%s; `puectl top` and the page show each", k->name, (unsigned long long)k->over,
		    names.data ? names.data : "", k->over > NAMES ? ", ..." : "");
	k->from_ms = now_ms;
	k->lines = 0;
	k->over = 0;
}

/* The last kind's row is shared by all that find none. */
static struct kind *kind_of(struct device_events *e, const char *name)
{
	for (size_t i = 0; i < e->n_kinds; i++)
		if (!strcmp(e->kinds[i].name, name))
			return &e->kinds[i];
	if (e->n_kinds == KINDS)
		return &e->kinds[KINDS - 1];
	struct kind *k = &e->kinds[e->n_kinds++];
	snprintf(k->name, sizeof k->name, "%s", name);
	return k;
}

static void tell(struct device_events *e, const char *device, const char *kind, const char *sentence, uint64_t more, int64_t now_ms)
{
	struct kind *k = kind_of(e, kind);
	if (now_ms - k->from_ms >= PERIOD_MS)
		close_minute(e, k, now_ms);
	if (k->lines == LINES) {
		if (k->over < NAMES)
			snprintf(k->names[k->over], sizeof k->names[0], "%s", device);
		k->over++;
		return;
	}
	k->lines++;
	if (more)
		say(e, kind, "%s: %s (%llu of this kind within a minute)", device, sentence, (unsigned long long)more);
	else
		say(e, kind, "%s: %s", device, sentence);
}

static struct device_event shown(const struct kept *k)
{
	return (struct device_event){ k->n, k->at, k->device, k->kind, k->sentence };
}

struct device_event device_events_take(struct device_events *e, const char *device, const char *kind, const char *sentence, struct stamp now)
{
	struct kept *k = &e->ring[e->n++ % DEVICE_EVENTS_KEPT];
	struct cause *c = cause_of(e, device, kind);
	*k = (struct kept){ .n = e->n, .at = now.wall };
	snprintf(k->device, sizeof k->device, "%s", device);
	snprintf(k->kind, sizeof k->kind, "%s", kind);
	snprintf(k->sentence, sizeof k->sentence, "%s", sentence);
	if (c && c->from_ms != INT64_MIN && now.boot.ms - c->from_ms < PERIOD_MS) {
		c->held++;
		snprintf(c->last, sizeof c->last, "%s", sentence);
		if (!c->waits) {
			c->waits = true;
			c->next = e->waiting;
			e->waiting = c;
		}
		return shown(k);
	}
	if (c)
		c->from_ms = now.boot.ms;
	tell(e, device, kind, sentence, 0, now.boot.ms);
	return shown(k);
}

void device_events_tick(struct device_events *e, struct stamp now)
{
	for (struct cause **at = &e->waiting, *c; (c = *at);) {
		if (now.boot.ms - c->from_ms < PERIOD_MS) {
			at = &c->next;
			continue;
		}
		char device[120];
		size_t n = strcspn(c->name, "/");
		snprintf(device, sizeof device, "%.*s", (int)n, c->name);
		*at = c->next;
		c->waits = false;
		c->from_ms = now.boot.ms;
		uint64_t held = c->held;
		c->held = 0;
		tell(e, device, c->name + n + 1, c->last, held, now.boot.ms);
	}
	for (size_t i = 0; i < e->n_kinds; i++)
		if (e->kinds[i].over && now.boot.ms - e->kinds[i].from_ms >= PERIOD_MS)
			close_minute(e, &e->kinds[i], now.boot.ms);
}

size_t device_events_latest(const struct device_events *e, struct device_event out[DEVICE_EVENTS_KEPT])
{
	size_t n = e->n < DEVICE_EVENTS_KEPT ? (size_t)e->n : DEVICE_EVENTS_KEPT;
	for (size_t i = 0; i < n; i++)
		out[i] = shown(&e->ring[(e->n - 1 - i) % DEVICE_EVENTS_KEPT]);
	return n;
}
