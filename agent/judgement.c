#include "agent/judgement.h"
#include "agent/statement.h"
#include "core/balance.h"
#include "core/site_factors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The windows one pass over the leaves fills. */
struct pass {
	const struct setup *setup;
	struct judgement *j;
	struct window *months[JUDGEMENT_MONTHS + 1];   /* the last one: the current local month */
	size_t n_months;
	struct wall day_from, quarters_from;
	const struct judgement_watch *watch;
	struct err *err;
};

static struct date month_start(struct date d)
{
	return (struct date){ .year = d.year, .month = d.month, .day = 1 };
}

static struct date next_month(struct date d)
{
	return d.month == 12 ? (struct date){ .year = d.year + 1, .month = 1, .day = 1 }
			     : (struct date){ .year = d.year, .month = (int8_t)(d.month + 1), .day = 1 };
}

static struct window *local_window(const struct setup *s, struct date from, struct date to, struct err *err)
{
	return window_new(s->site, zone_day_start(&s->zone, from), zone_day_start(&s->zone, to), err);
}

/* Local months that lie in the asked window, whole or cut by its ends. */
static bool open_months(struct pass *p, struct err *err)
{
	const struct setup *s = p->setup;
	struct wall from = p->j->asked.from, to = p->j->asked.to;
	for (struct date m = month_start(zone_date(&s->zone, from)); zone_day_start(&s->zone, m).ms < to.ms; m = next_month(m)) {
		struct wall a = zone_day_start(&s->zone, m), b = zone_day_start(&s->zone, next_month(m));
		if (p->n_months == JUDGEMENT_MONTHS)
			break;
		a = a.ms < from.ms ? from : a;
		b = b.ms > to.ms ? to : b;
		if (!(p->months[p->n_months] = window_new(s->site, a, b, err)))
			return false;
		p->j->months[p->n_months++] = (struct kpi){ .from = a, .to = b };
	}
	p->j->n_months = p->n_months;
	return true;
}

static void keep_quarter(struct pass *p, const struct interval *iv)
{
	struct judgement *j = p->j;
	if (iv->from.ms < p->quarters_from.ms || j->n_quarters == countof(j->quarters))
		return;
	j->quarters[j->n_quarters].total_mwh = iv->total_mwh;
	j->quarters[j->n_quarters].it_mwh = iv->it_mwh;
	j->quarters[j->n_quarters].from = iv->from;
	j->quarters[j->n_quarters].known = iv->total_known && iv->it_known;
	j->n_quarters++;
}

static bool take_interval(struct pass *p, uint64_t index, struct wall at, const void *bytes, size_t len)
{
	struct interval iv;
	if (!interval_of_leaf(p->setup->site, bytes, len, &iv, p->err))
		return false;
	window_push(p->j->window, &iv);
	window_push(p->j->day_window, &iv);
	further_push(&p->j->further, &iv);
	for (size_t i = 0; i <= p->n_months; i++)
		window_push(p->months[i], &iv);
	keep_quarter(p, &iv);
	bool good = !p->watch || p->watch->interval(p->watch->ctx, p->j, index, at, &iv, bytes, len, p->err);
	free((void *)(uintptr_t)iv.rows);
	return good;
}

/* What is open of a meter's balance, or of its CT, is what its newest event says. */
static void keep_finding(struct judgement *j, const struct ledger_event *ev)
{
	bool ct = ev->finding == FINDING_LOW_LOAD || ev->finding == FINDING_IN_RANGE;
	size_t i = 0;
	while (i < j->n_open && (j->open[i].meter != ev->meter || (j->open[i].finding == FINDING_LOW_LOAD) != ct))
		i++;
	if (!finding_is_open(ev->finding)) {
		if (i < j->n_open)
			j->open[i] = j->open[--j->n_open];
	} else if (i < JUDGEMENT_OPEN) {
		j->open[i] = *ev;
		j->n_open += i == j->n_open;
	}
}

static bool take_event(struct pass *p, const void *bytes, size_t len)
{
	struct judgement *j = p->j;
	struct ledger_event ev;
	if (!event_of_leaf(p->setup->site, bytes, len, &ev, p->err))
		return false;
	window_event(j->window, &ev);
	window_event(j->day_window, &ev);
	further_event(&j->further, &ev);
	for (size_t i = 0; i <= p->n_months; i++)
		window_event(p->months[i], &ev);
	j->latest[j->n_latest++ % JUDGEMENT_LATEST] = ev;
	if (ev.kind == EVENT_FINDING)
		keep_finding(j, &ev);
	if (ev.from.ms >= j->asked.to.ms || ev.to.ms < j->asked.from.ms)
		return true;
	j->event_counts[ev.kind]++;
	if (j->n_events < JUDGEMENT_EVENTS)
		j->events[j->n_events++] = ev;
	return true;
}

static bool take_leaf(void *ctx, uint64_t index, enum leaf_kind kind, struct wall at, const void *bytes, size_t len)
{
	struct pass *p = ctx;
	bool good = kind == LEAF_INTERVAL ? take_interval(p, index, at, bytes, len) : kind == LEAF_EVENT ? take_event(p, bytes, len) : true;
	if (!good)
		err_wrap(p->err, "evidence leaf %llu", (unsigned long long)index);
	return good;
}

static bool read_leaves(struct pass *p, struct reader *reader, struct err *err)
{
	struct wall from = p->j->asked.from, month = zone_day_start(&p->setup->zone, month_start(zone_date(&p->setup->zone, p->day_from)));
	if (month.ms < from.ms)
		from = month;
	p->quarters_from.ms = p->j->last.ms - 96 * p->setup->site->interval_ms;
	if (p->quarters_from.ms < from.ms)
		from = p->quarters_from;
	from = further_from(&p->j->further, from);
	struct err inner = { 0 };
	p->err = &inner;
	if (!reader_leaves(reader, -1, from, (struct wall){ INT64_MAX }, take_leaf, p, err))
		return false;
	if (inner.kind != ERR_NONE) {
		*err = inner;
		return false;
	}
	return true;
}

static bool open_windows(struct pass *p, struct date today, struct err *err)
{
	const struct setup *s = p->setup;
	struct judgement *j = p->j;
	struct date day = j->last.ms ? zone_date(&s->zone, (struct wall){ j->last.ms - 1 }) : today;
	p->day_from = zone_day_start(&s->zone, day);
	if (s->pack) {
		if (!pack_window_of(s->pack, s->site, &s->zone, today, &j->asked, err))
			return false;
	} else {
		j->asked = (struct pack_window){ .from = zone_day_start(&s->zone, (struct date){ day.year, 1, 1 }),
						 .to = zone_day_start(&s->zone, (struct date){ day.year + 1, 1, 1 }), .annual = false };
	}
	if (!further_open(s, &j->asked, &j->further, err) || !open_months(p, err))
		return false;
	struct date month = month_start(day);
	return (j->window = window_new(s->site, j->asked.from, j->asked.to, err)) &&
	       (j->day_window = local_window(s, day, date_of_days(date_days(day) + 1), err)) &&
	       (p->months[p->n_months] = local_window(s, month, next_month(month), err));
}

static bool keep_day(struct judgement *j)
{
	size_t n = j->setup.site->meters.n;
	bool complete;                  /* the day is not over, so it never is */
	if (!(j->day_mwh = malloc((n + 1) * sizeof *j->day_mwh)))
		return false;
	for (size_t i = 0; i < n; i++)
		j->day_mwh[i] = window_meter_mwh(j->day_window, (uint32_t)i, &complete);
	return true;
}

static void close_windows(struct pass *p)
{
	struct judgement *j = p->j;
	const struct zone *zone = &p->setup->zone;
	window_kpi(j->window, zone, &j->kpi);
	window_kpi(j->day_window, zone, &j->day);
	further_close(&j->further, zone);
	window_kpi(p->months[p->n_months], zone, &j->month);
	for (size_t i = 0; i < p->n_months; i++)
		window_kpi(p->months[i], zone, &j->months[i]);
}

static bool reach_verdict(struct judgement *j, const struct setup *s, struct date today)
{
	struct facts *f = &j->facts;
	int64_t standard = s->pack ? pack_standard_rack_mw(s->pack) : 2500000;
	facts_unknown(f);
	f->site = s->site;
	f->zone = &s->zone;
	f->kpi = j->kpi;
	f->judged = today;
	f->simulated = s->site->simulated;
	f->window_from = zone_date(&s->zone, j->asked.from);
	f->window_to = zone_date(&s->zone, (struct wall){ j->asked.to.ms - 1 });
	f->completed = s->site->retrofit_completed;
	const struct site_factor *coal = site_factor_at(s->site, FACTOR_COAL, (struct wall){ j->asked.to.ms - 1 });
	if (coal)
		f->coal = (struct fact_factor){ coal->micro, coal->source, coal->status };
	racks_at(s->site, (struct wall){ j->asked.to.ms - 1 }, j->window, standard, &f->racks);
	racks_least(s->site, j->asked.from, j->asked.to, j->window, standard, &f->racks_min);
	selection_of(s->site, &s->zone, j->window, j->asked.from, j->asked.to, &f->selection);
	f->windows = j->further.named;
	f->n_windows = j->further.n;
	statements_into(&j->statements, f);
	if (!s->pack) {
		snprintf(j->not_judged, sizeof j->not_judged, "%.*s", (int)sizeof j->not_judged - 1,
			 s->pack_refused[0] ? s->pack_refused : "the configuration names no policy pack; add 'pack: NAME'");
		return true;
	}
	struct err why = { 0 };
	j->judged = judge(s->pack, f, &j->verdict, &why);
	if (!j->judged)
		snprintf(j->not_judged, sizeof j->not_judged, "%.*s", (int)sizeof j->not_judged - 1, why.text);
	return true;
}

struct judgement *judgement_make(const struct setup *setup, const char *state_dir, struct reader *reader, struct date today, const struct judgement_watch *watch,
				 struct err *err)
{
	struct judgement *j = calloc(1, sizeof *j);
	struct pass p = { .setup = j ? &j->setup : NULL, .j = j, .watch = watch };
	if (!j) {
		err_memory(err);
		return NULL;
	}
	j->references = 1;
	uint64_t index;
	struct err none = { 0 };
	bool any = reader_last(reader, LEAF_INTERVAL, &index, &j->last, &none);
	if (any)
		j->last.ms += setup->site->interval_ms;
	else if (none.kind != ERR_RANGE)
		*err = none;
	bool good = (any || none.kind == ERR_RANGE) && statement_read(state_dir, setup->site->id, reader, &j->statements, err) &&
		    (j->amendment = statement_amend(setup->site, &j->statements, err));
	j->setup = *setup;
	if (good)
		j->setup.site = amended_site(j->amendment);
	good = good && reader_head(reader, &j->head, &j->epoch, err) && open_windows(&p, today, err) &&
		    read_leaves(&p, reader, err);
	if (good) {
		close_windows(&p);
		good = keep_day(j) ? reach_verdict(j, &j->setup, today) : err_memory(err);
	}
	for (size_t i = 0; i <= p.n_months; i++)
		window_free(p.months[i]);
	if (!good) {
		judgement_put(j);
		return NULL;
	}
	return j;
}

void judgement_settle(struct judgement *j)
{
	window_free(j->window);
	window_free(j->day_window);
	j->window = j->day_window = NULL;
}

struct judgement *judgement_get(struct judgement *j)
{
	__atomic_add_fetch(&j->references, 1, __ATOMIC_RELAXED);
	return j;
}

void judgement_put(struct judgement *j)
{
	if (!j || __atomic_sub_fetch(&j->references, 1, __ATOMIC_ACQ_REL))
		return;
	if (j->judged)
		verdict_done(&j->verdict);
	judgement_settle(j);
	free(j->day_mwh);
	further_done(&j->further);
	statements_done(&j->statements);
	amendment_free(j->amendment);
	setup_put(j->keeps);
	free(j);
}
