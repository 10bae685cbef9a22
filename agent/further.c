#include "agent/further.h"

#include <stdio.h>
#include <string.h>

static int64_t rated_at_end(const struct setup *s, const struct pack_window *main)
{
	struct racks racks;
	racks_at(s->site, (struct wall){ main->to.ms - 1 }, NULL, pack_standard_rack_mw(s->pack), &racks);
	return racks.rated_mw > 0 ? racks.rated_mw : 0;
}

bool further_open(const struct setup *setup, const struct pack_window *main, struct further *out, struct err *err)
{
	struct further f = { .pack = setup->pack };
	bool good = true;
	if (setup->pack)
		f.rated_mw = rated_at_end(setup, main);
	for (size_t i = 0; setup->pack && good && i < pack_windows(setup->pack) && i < FURTHER_MAX; i++, f.n++) {
		pack_further_of(setup->pack, i, main, &setup->zone, &f.spec[i]);
		good = (f.windows[i] = window_new(setup->site, f.spec[i].from, f.spec[i].to, err)) != NULL;
	}
	*out = f;
	return good || (further_done(out), false);
}

struct wall further_from(const struct further *f, struct wall from)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->spec[i].from.ms < from.ms)
			from = f->spec[i].from;
	return from;
}

void further_push(struct further *f, const struct interval *iv)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct pack_further *w = &f->spec[i];
		if (iv->from.ms < w->from.ms || iv->to.ms > w->to.ms)
			continue;
		if (w->at_load && !(iv->it_known && iv->total_known && pack_at_load(w, iv->it_mwh, iv->to.ms - iv->from.ms, f->rated_mw)))
			continue;
		f->at_load[i]++;
		window_push(f->windows[i], iv);
	}
}

void further_event(struct further *f, const struct ledger_event *ev)
{
	for (size_t i = 0; i < f->n; i++)
		window_event(f->windows[i], ev);
}

static void say_why(const struct further *f, size_t i, struct kpi *k)
{
	const struct pack_further *w = &f->spec[i];
	char a[DATE_TEXT], b[DATE_TEXT];
	if (f->at_load[i])
		return;
	date_text(w->first_day, a);
	date_text(w->last_day, b);
	const char *why = !w->at_load ? "no records" : !f->rated_mw ? "the racks' rated power is not stated" : "in no interval was the load what the rule asks for";
	snprintf(k->why_not, sizeof k->why_not, "window '%s', %s..%s: %s", w->name, a, b, why);
}

void further_close(struct further *f, const struct zone *zone)
{
	for (size_t i = 0; i < f->n; i++) {
		struct named_window *n = &f->named[i];
		*n = (struct named_window){ .name = f->spec[i].name, .from = f->spec[i].first_day, .to = f->spec[i].last_day };
		window_kpi(f->windows[i], zone, &n->kpi);
		say_why(f, i, &n->kpi);
		/* what was chosen by its load is no year, however much of it there is */
		if (f->spec[i].at_load && n->kpi.kind == KPI_PUE)
			n->kpi.kind = KPI_IPUE;
		window_free(f->windows[i]);
		f->windows[i] = NULL;
	}
}

void further_done(struct further *f)
{
	for (size_t i = 0; i < FURTHER_MAX; i++)
		window_free(f->windows[i]);
	*f = (struct further){ 0 };
}
