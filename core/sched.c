#include "core/sched.h"
#include "core/jitter.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_SPREAD_MS = 1000, FIRST_A_SPREAD = 2000, TRIAL_SHARE = 20, BUCKETS = 4096 };
enum what { WHAT_UNIT, WHAT_BUS };

const char *const breaker_names[] = { [BREAKER_CLOSED] = "closed", [BREAKER_HALF_OPEN] = "half-open", [BREAKER_OPEN] = "open" };

struct timed { struct timer timer; enum what what; };

struct bus;
struct unit {
	struct timed timed;
	uint32_t number;
	struct bus *bus;
	struct unit *next;                /* of the queue it waits in */
	bool used, queued;
	int64_t period_ms, phase_ms;      /* beats at phase + k * period */
	int64_t due_ms, begun_ms;
	unsigned opened;                  /* trials failed in a row */
	struct sched_state state;
};

struct queue { struct unit *head, **end; };

struct bus {
	struct timed timed;
	struct bus *next, *next_ready;
	char *key;
	unsigned slots, busy;
	size_t units;
	bool ready;
	struct queue normal, trial;
	int64_t trial_from_ms;            /* no trial before: 5 % of the bus's time */
};

struct sched {
	struct sched_options o;
	struct wheel wheel;
	struct unit **units;
	size_t n, room;
	struct bus *buckets[BUCKETS], *ready, **ready_end;
	uint64_t added;
	struct { int64_t from_ms; uint64_t n; } crowd;       /* units whose first cycles are still being spread out */
};

struct sched *sched_new(struct sched_options o, struct mono now)
{
	struct sched *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->o = o;
	s->o.open_after = o.open_after ? o.open_after : 3;
	s->o.trial_ms = o.trial_ms ? o.trial_ms : 60000;
	s->o.trial_max_ms = o.trial_max_ms ? o.trial_max_ms : 120000;
	s->ready_end = &s->ready;
	wheel_init(&s->wheel, now);
	return s;
}

void sched_free(struct sched *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++)
		free(s->units[i]);
	for (size_t i = 0; i < BUCKETS; i++) {
		for (struct bus *b = s->buckets[i], *next; b; b = next) {
			next = b->next;
			free(b->key);
			free(b);
		}
	}
	free(s->units);
	free(s);
}

/* ---- queues ----------------------------------------------------------------------------------------------------------- */

static void queue_add(struct queue *q, struct unit *u)
{
	u->next = NULL;
	*q->end = u;
	q->end = &u->next;
	u->queued = true;
}

static struct unit *queue_take(struct queue *q)
{
	struct unit *u = q->head;
	q->head = u->next;
	if (!q->head)
		q->end = &q->head;
	u->queued = false;
	return u;
}

static void queue_cut(struct queue *q, struct unit *u)
{
	for (struct unit **p = &q->head; *p; p = &(*p)->next) {
		if (*p != u)
			continue;
		*p = u->next;
		if (!u->next)
			q->end = p;
		u->queued = false;
		return;
	}
}

static void make_ready(struct sched *s, struct bus *b)
{
	if (b->ready || b->busy >= b->slots || (!b->normal.head && !b->trial.head))
		return;
	b->ready = true;
	b->next_ready = NULL;
	*s->ready_end = b;
	s->ready_end = &b->next_ready;
}

static struct bus *take_ready(struct sched *s)
{
	struct bus *b = s->ready;
	if (!b)
		return NULL;
	s->ready = b->next_ready;
	if (!s->ready)
		s->ready_end = &s->ready;
	b->ready = false;
	return b;
}

/* ---- units and buses ------------------------------------------------------------------------------------------------------ */

static struct bus **bucket_of(struct sched *s, const char *key)
{
	uint32_t h = 2166136261u;   /* FNV-1a */
	for (const char *p = key; *p; p++)
		h = (h ^ (unsigned char)*p) * 16777619u;
	return &s->buckets[h % BUCKETS];
}

static struct bus *bus_get(struct sched *s, const char *key, unsigned slots)
{
	struct bus **bucket = bucket_of(s, key), *b = *bucket;
	while (b && strcmp(b->key, key) != 0)
		b = b->next;
	if (b)
		return b;
	b = calloc(1, sizeof *b);
	char *copy = strdup(key);
	if (!b || !copy) {
		free(b);
		free(copy);
		return NULL;
	}
	*b = (struct bus){ .timed.what = WHAT_BUS, .next = *bucket, .key = copy, .slots = slots ? slots : 1, .trial_from_ms = INT64_MIN };
	b->normal.end = &b->normal.head;
	b->trial.end = &b->trial.head;
	*bucket = b;
	return b;
}

static void bus_put(struct sched *s, struct bus *b)
{
	if (--b->units)
		return;
	struct bus **p = bucket_of(s, b->key);
	while (*p != b)
		p = &(*p)->next;
	*p = b->next;
	for (struct bus **r = &s->ready; *r; r = &(*r)->next_ready) {
		if (*r != b)
			continue;
		*r = b->next_ready;
		if (!*r)
			s->ready_end = r;
		break;
	}
	wheel_cut(&s->wheel, &b->timed.timer);
	free(b->key);
	free(b);
}

static struct unit *free_unit(struct sched *s)
{
	for (size_t i = s->n; i--;) {
		if (!s->units[i]->used)
			return s->units[i];
		if (s->n - i > 64)
			break;   /* holes further back are not worth the search */
	}
	if (s->n == s->room) {
		size_t room = s->room ? s->room * 2 : 64;
		struct unit **units = realloc(s->units, room * sizeof *units);
		if (!units)
			return NULL;
		s->units = units;
		s->room = room;
	}
	struct unit *u = calloc(1, sizeof *u);
	if (u) {
		u->number = (uint32_t)s->n;
		s->units[s->n++] = u;
	}
	return u;
}

static void set_due(struct sched *s, struct unit *u, int64_t due_ms)
{
	u->due_ms = due_ms;
	u->state.next = (struct mono){ due_ms };
	wheel_set(&s->wheel, &u->timed.timer, u->state.next);
}

/* The first beat behind `after`. */
static int64_t beat_after(const struct unit *u, int64_t after_ms)
{
	int64_t k = (after_ms - u->phase_ms) / u->period_ms;
	int64_t beat = u->phase_ms + k * u->period_ms;
	return beat > after_ms ? beat : beat + u->period_ms;
}

/* A first cycle looks a device over and costs many times a later one: of thousands added together, so many begin in each second. */
static int64_t turn_of_next(struct sched *s, int64_t period_ms, int64_t now_ms)
{
	if (now_ms >= s->crowd.from_ms + (int64_t)(s->crowd.n / FIRST_A_SPREAD + 1) * FIRST_SPREAD_MS) {
		s->crowd.from_ms = now_ms;
		s->crowd.n = 0;
	}
	int64_t n = (int64_t)s->crowd.n++, turn = n / FIRST_A_SPREAD * FIRST_SPREAD_MS;
	if (period_ms >= FIRST_SPREAD_MS)
		return turn;
	int64_t beats = FIRST_SPREAD_MS / period_ms;            /* in that second: one of them */
	return ((turn + period_ms - 1) / period_ms + n % FIRST_A_SPREAD * beats / FIRST_A_SPREAD) * period_ms;
}

uint32_t sched_add(struct sched *s, const char *bus, unsigned slots, int64_t period_ms, struct mono now)
{
	struct bus *b = bus_get(s, bus, slots);
	struct unit *u = b ? free_unit(s) : NULL;
	if (!u)
		return UINT32_MAX;
	uint32_t number = u->number;
	*u = (struct unit){ .timed.what = WHAT_UNIT, .number = number, .bus = b, .used = true, .period_ms = period_ms > 0 ? period_ms : 1 };
	b->units++;
	/* Golden-ratio steps (Weyl sequence): however many units there are, their phases are evenly spread. */
	uint64_t fraction = ++s->added * UINT64_C(0x9e3779b97f4a7c15) >> 32;
	int64_t spread = u->period_ms < FIRST_SPREAD_MS ? u->period_ms : FIRST_SPREAD_MS;
	u->phase_ms = now.ms + (int64_t)((uint64_t)u->period_ms * fraction >> 32);
	set_due(s, u, now.ms + turn_of_next(s, u->period_ms, now.ms) + (int64_t)((uint64_t)spread * fraction >> 32));
	return number;
}

void sched_remove(struct sched *s, uint32_t unit)
{
	struct unit *u = s->units[unit];
	struct bus *b = u->bus;
	wheel_cut(&s->wheel, &u->timed.timer);
	if (u->queued) {
		queue_cut(&b->normal, u);
		queue_cut(&b->trial, u);
	}
	if (u->state.running) {
		b->busy--;
		make_ready(s, b);
	}
	u->used = false;
	bus_put(s, b);
}

void sched_period(struct sched *s, uint32_t unit, int64_t period_ms, struct mono now)
{
	struct unit *u = s->units[unit];
	if (u->period_ms == period_ms)
		return;
	u->period_ms = period_ms > 0 ? period_ms : 1;
	if (timer_is_set(&u->timed.timer) && u->state.breaker == BREAKER_CLOSED)
		set_due(s, u, beat_after(u, now.ms));
}

bool sched_early(struct sched *s, uint32_t unit, struct mono now)
{
	enum { NEAR_MS = 200 };
	struct unit *u = s->units[unit];
	if (u->state.running || u->queued || u->state.breaker != BREAKER_CLOSED || u->due_ms - now.ms < NEAR_MS)
		return false;
	set_due(s, u, now.ms);
	return true;
}

/* ---- cycles ------------------------------------------------------------------------------------------------------------------ */

static void become_due(struct sched *s, struct mono now)
{
	struct timer *t;
	while ((t = wheel_due(&s->wheel, now))) {
		struct timed *timed = (struct timed *)(void *)t;
		if (timed->what == WHAT_BUS) {
			make_ready(s, (struct bus *)(void *)timed);
			continue;
		}
		struct unit *u = (struct unit *)(void *)timed;
		queue_add(u->state.breaker == BREAKER_OPEN ? &u->bus->trial : &u->bus->normal, u);
		make_ready(s, u->bus);
	}
}

/* A trial goes first when the bus can afford it: on a line that is never idle it would otherwise wait for ever. */
static struct unit *choose(struct sched *s, struct bus *b, struct mono now)
{
	if (b->trial.head && now.ms >= b->trial_from_ms)
		return queue_take(&b->trial);
	if (b->normal.head)
		return queue_take(&b->normal);
	if (b->trial.head)
		wheel_set(&s->wheel, &b->timed.timer, (struct mono){ b->trial_from_ms });
	return NULL;
}

bool sched_begin(struct sched *s, struct mono now, uint32_t *unit, bool *trial)
{
	become_due(s, now);
	struct bus *b;
	struct unit *u = NULL;
	while (!u && (b = take_ready(s)))
		u = choose(s, b, now);
	if (!u)
		return false;
	b->busy++;
	make_ready(s, b);
	u->begun_ms = now.ms;
	u->state.running = true;
	u->state.cycles++;
	u->state.delay_ms = now.ms - u->due_ms;
	if (u->state.breaker == BREAKER_OPEN) {
		u->state.breaker = BREAKER_HALF_OPEN;
		u->state.trials++;
	} else if (u->state.delay_ms > u->state.delay_max_ms) {
		u->state.delay_max_ms = u->state.delay_ms;
	}
	*unit = u->number;
	*trial = u->state.breaker == BREAKER_HALF_OPEN;
	return true;
}

static int64_t trial_wait(struct sched *s, const struct unit *u)
{
	int64_t wait = s->o.trial_ms << (u->opened > 8 ? 8 : u->opened);
	wait = wait > s->o.trial_max_ms ? s->o.trial_max_ms : wait;
	wait = wait < s->o.trial_ms ? s->o.trial_ms : wait;
	return wait + (int64_t)(jitter_next(&s->o.seed) % (uint64_t)(wait / 4 + 1));   /* never earlier: one trial a minute is a promise */
}

static void next_beat(struct sched *s, struct unit *u, struct mono now)
{
	int64_t next = beat_after(u, now.ms);
	if ((u->due_ms - u->phase_ms) % u->period_ms != 0 && u->state.cycles == 1) {
		/* The first cycle came early, off the beat: one right behind it would say nothing new, one under it is not missed. */
		if (next - u->begun_ms < u->period_ms / 4)
			next += u->period_ms;
	} else if (u->begun_ms < next - u->period_ms) {
		/* Beats that came while the cycle was still under way. */
		int64_t first = beat_after(u, u->begun_ms > u->due_ms ? u->begun_ms : u->due_ms);
		u->state.late += (uint64_t)((next - first) / u->period_ms);
	}
	set_due(s, u, next);
}

void sched_end(struct sched *s, uint32_t unit, enum cycle result, struct mono now)
{
	struct unit *u = s->units[unit];
	struct bus *b = u->bus;
	u->state.running = false;
	b->busy--;
	make_ready(s, b);
	bool was_trial = u->state.breaker == BREAKER_HALF_OPEN;
	if (result == CYCLE_ANSWERED) {
		u->state.breaker = BREAKER_CLOSED;
		u->state.silent = u->opened = 0;
		if (was_trial)
			set_due(s, u, now.ms);   /* it is back: read it now, not at its next beat */
		else
			next_beat(s, u, now);
		return;
	}
	u->state.silent++;
	if (was_trial)
		b->trial_from_ms = now.ms + (TRIAL_SHARE - 1) * (now.ms - u->begun_ms);
	if (!was_trial && u->state.silent < s->o.open_after) {
		next_beat(s, u, now);
		return;
	}
	u->state.breaker = BREAKER_OPEN;
	set_due(s, u, now.ms + trial_wait(s, u));
	u->opened += was_trial || u->opened ? 1 : 0;
	if (!was_trial)
		u->opened = 1;
}

struct mono sched_next(const struct sched *s)
{
	if (s->ready)
		return (struct mono){ INT64_MIN };
	return wheel_next(&s->wheel);
}

void sched_state(const struct sched *s, uint32_t unit, struct sched_state *out)
{
	*out = s->units[unit]->state;
}
