/* A life as the site describes it: its key, endpoint, profile and overrides; and its end. */
#include "agent/life.h"
#include "core/merkle.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A credential that was written anew makes another device of it; its text stays out of the key. */
static void add_secret(struct poller *p, const char *name, struct buf *out)
{
	const char *secret = name ? poller_secret(p, name) : NULL;
	struct hash digest;
	char hex[65];
	if (!secret)
		return;
	sha256(secret, strlen(secret), &digest);
	hash_hex(&digest, hex);
	buf_printf(out, "|%.16s", hex);
}

char *life_key(struct poller *p, const struct device *d)
{
	struct buf b = { 0 };
	const struct point_override *o = d->overrides.items;
	buf_printf(&b, "%s|%s|%s|%s|%" PRId64 "|%" PRId64 "|%" PRId64 "|%d|%d", d->id, d->endpoint, d->profile ? d->profile : "",
		   d->credential ? d->credential : "", d->deadline_ms, d->min_gap_ms, d->retries, d->any_source, d->allow_weak);
	add_secret(p, d->credential, &b);
	for (size_t i = 0; i < d->overrides.n; i++)
		buf_printf(&b, "|%s,%s,%s,%" PRId64 "/%" PRId64 ",%d,%" PRId64 ",%d", o[i].point, o[i].unit ? o[i].unit : "",
			   o[i].order ? o[i].order : "", o[i].scale.num, o[i].scale.den, o[i].space, o[i].address_shift, o[i].drop);
	return buf_take(&b);
}

static bool find_profile(struct life *l, const struct device *d, struct err *err)
{
	l->auto_profile = !d->profile || strcmp(d->profile, "auto") == 0;
	if (l->auto_profile)
		return true;
	l->profile = library_find(l->library, d->profile);
	return l->profile ? true : err_set(err, ERR_CONFIG, "profile '%s' is not known; `puectl profile list` shows all", d->profile);
}

static const char *copy(const char *text, bool *good)
{
	char *own = text ? strdup(text) : NULL;
	*good = *good && (own || !text);
	return own;
}

static bool copy_overrides(struct life *l, const struct device *d)
{
	const struct point_override *from = d->overrides.items;
	bool good = true;
	if (!d->overrides.n)
		return true;
	l->overrides = calloc(d->overrides.n, sizeof *l->overrides);
	for (; l->overrides && l->n_overrides < d->overrides.n; l->n_overrides++) {
		struct point_override *o = &l->overrides[l->n_overrides];
		*o = from[l->n_overrides];
		o->point = copy(o->point, &good);
		o->unit = copy(o->unit, &good);
		o->order = copy(o->order, &good);
		o->place.file = copy(o->place.file, &good);
	}
	return l->overrides && good;
}

static void free_overrides(struct life *l)
{
	for (size_t i = 0; l->overrides && i < l->n_overrides; i++) {
		const char *const texts[] = { l->overrides[i].point, l->overrides[i].unit, l->overrides[i].order, l->overrides[i].place.file };
		for (size_t k = 0; k < countof(texts); k++)
			free((void *)(uintptr_t)texts[k]);
	}
	free(l->overrides);
}

bool life_fits(const struct life *l, const struct library *library)
{
	if (!l->target)
		return false;           /* what was wrong may be right now */
	const struct profile *now = l->profile ? library_find(library, l->profile->name) : NULL;
	return l->profile ? now && !memcmp(now->digest, l->profile->digest, sizeof now->digest) : l->auto_profile;
}

struct life *life_new(struct poller *p, size_t index, const struct device *d)
{
	struct err err = { 0 };
	struct life *l = calloc(1, sizeof *l);
	if (!l)
		return NULL;
	*l = (struct life){ .p = p, .index = index, .id = strdup(d->id), .endpoint_text = strdup(d->endpoint), .key = life_key(p, d), .ep = calloc(1, sizeof *l->ep), .unit = UINT32_MAX,
			    .deadline_ms = d->deadline_ms, .retries = d->retries, .period_ms = d->poll_ms,
			    .library = library_get(poller_library(p)) };
	if (!l->id || !l->endpoint_text || !l->key || !l->ep || !copy_overrides(l, d)) {
		life_free(l);
		return NULL;
	}
	l->state = "starting";
	if (!endpoint_parse(d->endpoint, l->ep, &err) || !find_profile(l, d, &err)) {
		life_error(l, err.text);
		l->state = "down";
		return l;
	}
	l->ep->credential = d->credential;
	l->ep->min_gap_ms = d->min_gap_ms;
	l->ep->any_source = d->any_source;
	l->ep->allow_weak = d->allow_weak;
	l->snmp = endpoint_is_snmp(l->ep);
	l->stage = l->profile ? STAGE_DISCOVER : STAGE_IDENTIFY;
	const char *kept = poller_limits(l);
	if (kept && !plan_limits_parse(kept, &l->limits, &err))
		life_error(l, err.text);   /* learnt again, at the cost of a few refused requests */
	return l;
}

void life_drop_points(struct life *l)
{
	plan_free(l->own_plan);
	l->own_plan = NULL;
	free(l->series);
	l->series = NULL;
	free(l->held);
	l->held = NULL;
	poller_unshare(l->p, l->shared);
	l->shared = NULL;
}

void life_free(struct life *l)
{
	if (!l)
		return;
	identify_free(l->identify);
	discover_free(l->discover);
	life_drop_points(l);
	plan_limits_done(&l->limits);
	free_overrides(l);
	library_free(l->library);
	free(l->id);
	free(l->endpoint_text);
	free(l->key);
	free(l->ep);
	free(l->bus);
	free(l->serial);
	free(l->model);
	free(l->firmware);
	free(l->error);
	free(l);
}
