#include "core/uncertainty.h"
#include "core/ledger_state.h"
#include "core/window_state.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double square(double x) { return x * x; }

double chain_u(const struct chain *c)
{
	double e = (double)(c->energy_mwh < 0 ? -c->energy_mwh : c->energy_mwh), limits = 0;
	const int64_t devices[] = { c->meter_ppm, c->ct_ppm, c->pt_ppm, c->timing_ppm };
	if (c->energy_mwh == 0)
		return 0;
	if (c->load_low)
		return -1;
	for (size_t i = 0; i < countof(devices); i++) {
		if (devices[i] < 0)
			return -1;
		limits += square((double)devices[i] * 1e-6 * e) / 3;
	}
	/* two reads, each uniform over one count: 2 * (count^2 / 12) */
	return sqrt(limits + square((double)c->factor_u_ppm * 1e-6 * e) + square((double)c->count_mwh) / 6);
}

int64_t chain_u_mwh(const struct chain *c)
{
	double u = ceil(chain_u(c));
	return u < 0 ? -1 : u < 9e18 ? (int64_t)u : INT64_MAX;
}

double sum_u(const double *u, size_t n, double rho)
{
	double squares = 0, sum = 0;
	for (size_t i = 0; i < n; i++) {
		squares += square(u[i]);
		sum += u[i];
	}
	return sqrt((1 - rho) * squares + rho * square(sum));
}

double pue_u_mains(double total, double u_total, double it, double u_it, double r)
{
	double a = u_total / total, b = u_it / it, v = a * a + b * b - 2 * r * a * b;
	return total / it * sqrt(v > 0 ? v : 0);
}

double pue_u_overhead(double overhead, double u_overhead, double it, double u_it)
{
	return overhead / it * sqrt(square(u_overhead / overhead) + square(u_it / it));
}

int64_t expanded_ppm(double u, double k)
{
	double ppm = ceil(k * u * 1e6);
	return !(u >= 0) ? -1 : ppm < 9e18 ? (int64_t)ppm : INT64_MAX;
}

static int64_t worse(int64_t a, int64_t b) { return a < 0 || b < 0 ? -1 : a > b ? a : b; }

/* A transformer is there when it has a class, a plate or a ratio; then its class must be stated. */
static int64_t transformer_ppm(const char *class_text, struct plate plate, struct ratio ratio)
{
	bool there = class_text || plate.primary > 0 || (ratio.num > 0 && ratio.num != ratio.den);
	return there ? class_text ? class_limit_ppm(class_text) : -1 : 0;
}

static void epoch_chain(const struct meter_epoch *e, struct chain *c)
{
	c->meter_ppm = worse(c->meter_ppm, e->meter_class ? class_limit_ppm(e->meter_class) : -1);
	c->ct_ppm = worse(c->ct_ppm, transformer_ppm(e->ct_class, e->ct_plate, e->ct));
	c->pt_ppm = worse(c->pt_ppm, transformer_ppm(e->pt_class, e->pt_plate, e->pt));
}

int64_t class_range_ppm(const char *ct_class)
{
	size_t len = ct_class ? strlen(ct_class) : 0;
	return len && ct_class[len - 1] == 'S' ? 50000 : 200000;
}

/* Mean power over what the CT carries at its rated current. */
static void ct_load(const struct window *w, uint32_t meter, const struct meter_epoch *e, struct chain *c)
{
	const struct meter *m = &site_meters(w->site)[meter];
	const struct window_term *t = &w->meters[meter].term;
	double volts = (double)(m->voltage_mv > 0 ? m->voltage_mv : e->pt_plate.primary * 1000) * 1e-3, amperes = (double)e->ct_primary_ma * 1e-3;
	double rated_mw = volts * amperes * (m->phases == 1 ? 1 : sqrt(3)) * 1e3, factor = m->factor.num > 0 ? (double)m->factor.num / (double)m->factor.den : 1;
	if (rated_mw <= 0 || t->known_ms <= 0 || !e->ct_class)
		return;
	double mean_mw = fabs((double)t->energy_mwh) / factor * 3.6e6 / (double)t->known_ms, load = mean_mw / rated_mw * 1e6;
	c->load_ppm = load < 1e9 ? (int64_t)load : 1000000000;
	c->range_ppm = class_range_ppm(e->ct_class);
	c->load_low = c->load_ppm < c->range_ppm && t->energy_mwh != 0;
}

void meter_chain(const struct window *w, uint32_t meter, struct chain *out)
{
	const struct meter *m = &site_meters(w->site)[meter];
	const struct meter_epoch *e = m->epochs.items;
	struct chain c = { .energy_mwh = w->meters[meter].term.energy_mwh, .factor_u_ppm = m->factor_u_ppm, .load_ppm = -1 };
	bool any = false;
	for (size_t i = 0; i < m->epochs.n; i++) {
		if (e[i].to.ms <= w->from.ms || e[i].from.ms >= w->to.ms)
			continue;
		any = true;
		epoch_chain(&e[i], &c);
		ct_load(w, meter, &e[i], &c);
		struct ratio count = epoch_count(&e[i], (struct ratio){ 0, 0 });
		int64_t mwh = count.num > 0 && count.den > 0 ? count.num / count.den : 0;
		c.count_mwh = mwh > c.count_mwh ? mwh : c.count_mwh;
	}
	if (!any)
		c.meter_ppm = -1;
	c.timing_ppm = w->site->clock_limit_ms > 0 ? (int64_t)((double)w->site->clock_limit_ms * 1e6 / (double)(w->to.ms - w->from.ms)) : 0;
	*out = c;
}

bool chain_lacks(const struct site *site, uint32_t meter, const struct chain *c, char *out, size_t size)
{
	const char *what = c->meter_ppm < 0 ? "class" : c->ct_ppm < 0 ? "CT class" : c->pt_ppm < 0 ? "PT class" : NULL;
	if (what && c->energy_mwh)
		snprintf(out, size, "the %s of meter %s is not stated", what, site_meters(site)[meter].id);
	else if (c->load_low)
		snprintf(out, size, "the CT of meter %s carried %lld.%lld %% of its rated current on average; its class holds from %lld %%", site_meters(site)[meter].id,
			 (long long)c->load_ppm / 10000, (long long)c->load_ppm / 1000 % 10, (long long)c->range_ppm / 10000);
	return (what && c->energy_mwh) || c->load_low;
}

/* Standard uncertainties of the terms of one sum; n 0 and *stated false when one is not stated. */
static size_t terms_u(const struct window *w, int side, double *u, bool *stated, char *why, size_t size)
{
	size_t n = 0;
	for (size_t i = 0; i < w->site->meters.n; i++) {
		const struct window_term *t = &w->meters[i].term;
		struct chain c;
		if (!(side ? t->it_sign : t->total_sign))
			continue;
		meter_chain(w, (uint32_t)i, &c);
		if (chain_lacks(w->site, (uint32_t)i, &c, why, size)) {
			*stated = false;
			return 0;
		}
		u[n++] = chain_u(&c);
	}
	return n;
}

void window_uncertainty(const struct window *w, int64_t total_mwh, int64_t it_mwh, int64_t *rho0_ppm, int64_t *rho1_ppm, char *why, size_t size)
{
	double *u = calloc(2 * w->site->meters.n + 1, sizeof *u);
	bool stated = u != NULL;
	*rho0_ppm = *rho1_ppm = -1;
	size_t n = stated ? terms_u(w, 0, u, &stated, why, size) : 0;
	size_t k = stated ? terms_u(w, 1, u + n, &stated, why, size) : 0;
	if (stated && total_mwh > 0 && it_mwh > 0)
		for (int rho = 0; rho <= 1; rho++)
			*(rho ? rho1_ppm : rho0_ppm) = expanded_ppm(pue_u_mains((double)total_mwh, sum_u(u, n, rho), (double)it_mwh, sum_u(u + n, k, rho), 0), 2);
	free(u);
}
