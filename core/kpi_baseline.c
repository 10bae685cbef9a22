#include "core/kpi_baseline.h"
#include "core/level.h"

#include <math.h>
#include <string.h>

static bool doubtful(const struct baseline *b) { return b->kind == KPI_NONE || b->it_mwh <= 0 || b->it_mwh >= b->total_mwh; }
static bool same_text(const char *a, const char *b) { return a && b && strcmp(a, b) == 0; }

void baseline_of_kpi(const struct kpi *k, const struct site *site, struct baseline *out)
{
	*out = (struct baseline){ .from = k->from, .to = k->to, .kind = k->kind, .category = k->category, .total_mwh = k->total_mwh, .it_mwh = k->it_mwh,
				  .site = site->id, .boundary = site->boundary, .u_ppm_rho0 = k->u_ppm_rho0, .u_ppm_rho1 = k->u_ppm_rho1,
				  .simulated = site->simulated, .standard = site->standard };
}

static bool comparable(const struct baseline *then, const struct baseline *now, struct err *err)
{
	if (!same_text(then->site, now->site))
		return err_set(err, ERR_RANGE, "the baseline is of site %s, not of %s", then->site ? then->site : "?", now->site ? now->site : "?");
	if (!same_text(then->boundary, now->boundary))
		return err_set(err, ERR_RANGE, "the boundary differs (%s, now %s): before and after are not the same thing", then->boundary ? then->boundary : "not stated",
			       now->boundary ? now->boundary : "not stated");
	if (then->category != now->category)
		return err_set(err, ERR_RANGE, "the baseline is of category %d, the window of category %d", then->category, now->category);
	if (then->simulated != now->simulated)
		return err_set(err, ERR_RANGE, "%s is simulated, %s is not", then->simulated ? "the baseline" : "the window", then->simulated ? "the window" : "the baseline");
	if (doubtful(then) || doubtful(now))
		return err_set(err, ERR_RANGE, "%s has no PUE", doubtful(then) ? "the baseline" : "the window");
	return then->to.ms <= now->from.ms || err_set(err, ERR_RANGE, "the baseline ends after the window begins");
}

static int64_t root_of_squares(int64_t a, int64_t b)
{
	return a < 0 || b < 0 ? -1 : (int64_t)ceil(sqrt((double)a * (double)a + (double)b * (double)b));
}

bool baseline_compare(const struct baseline *then, const struct baseline *now, struct baseline_delta *out, struct err *err)
{
	if (!comparable(then, now, err))
		return false;
	/* T/I - t/i over 1e-6: both quotients need their own denominators, so the difference is taken of exact fractions */
	__int128 den = (__int128)now->it_mwh * then->it_mwh, num = (__int128)now->total_mwh * then->it_mwh - (__int128)then->total_mwh * now->it_mwh;
	while (den >> 100 || (num < 0 ? -num : num) >> 100) {
		den >>= 1;      /* the 100 bits that are left see far below 1e-6 */
		num /= 2;
	}
	*out = (struct baseline_delta){
		.delta_micro = (int64_t)div_half_even(num * 1000000, den),
		.u_ppm_rho0 = root_of_squares(then->u_ppm_rho0, now->u_ppm_rho0), .u_ppm_rho1 = root_of_squares(then->u_ppm_rho1, now->u_ppm_rho1),
		.saved_mwh = (int64_t)div_half_even((__int128)now->it_mwh * then->total_mwh - (__int128)now->total_mwh * then->it_mwh, then->it_mwh),
		.seasons = then->kind != KPI_PUE || now->kind != KPI_PUE,
	};
	return true;
}

int64_t coal_grams(int64_t mwh, int64_t micro)
{
	return (int64_t)div_half_even((__int128)mwh * micro, 1000000000);
}
