#include "core/profile.h"
#include "core/site_factors.h"
#include "core/site_fields.h"

#include <stdlib.h>
#include <string.h>

enum { DEFAULT_POLL_MS = 15000, DEFAULT_DEADLINE_MS = 2000, MAX_DEVICES = 60000 };

struct collect { struct conf *c; struct root *root; struct buf meters, devices, racks; };

static void buf_free(struct collect *k)
{
	buf_done(&k->meters);
	buf_done(&k->devices);
	buf_done(&k->racks);
}

static const struct conf_node *at(const struct conf_node *n, const char *key)
{
	return conf_get(n, key) ?: n;
}

static bool need(struct conf *c, const struct conf_node *n, bool given, const char *key)
{
	if (!given)
		conf_problem(c, n, "key '%s' is missing in %s; add it", key, conf_path(c, n));
	return given;
}

/* ---- meters ---- */

static struct ratio plate_ratio(struct plate p)
{
	int64_t a = p.primary, b = p.secondary;
	if (!a)
		return (struct ratio){ 1, 1 };
	while (b) {
		int64_t rest = a % b;
		a = b;
		b = rest;
	}
	return (struct ratio){ p.primary / a, p.secondary / a };
}

static bool ratio_times(struct ratio *a, struct ratio b)
{
	__int128 num = (__int128)a->num * b.num, den = (__int128)a->den * b.den, x = num, y = den;
	while (y) {
		__int128 rest = x % y;
		x = y;
		y = rest;
	}
	if (!x || num / x > INT64_MAX || den / x > INT64_MAX)
		return false;
	*a = (struct ratio){ (int64_t)(num / x), (int64_t)(den / x) };
	return true;
}

struct ratio epoch_count(const struct meter_epoch *e, struct ratio profile_count)
{
	struct ratio r = e->count_mwh;
	if (r.den)
		return r;
	r = profile_count;
	if (!r.den || !ratio_times(&r, e->ct) || !ratio_times(&r, e->pt))
		return (struct ratio){ 0, 0 };
	return r;
}

int point_category(int point)
{
	static const int category[POINT_N] = { [POINT_UPS_OUTPUT] = 1, [POINT_PDU_OUTPUT] = 2, [POINT_ROW_CABINET] = 2,
					       [POINT_RACK_INLET] = 2, [POINT_RACK_OUTLET] = 3, [POINT_IT_INPUT] = 3 };
	return point > 0 && point < POINT_N ? category[point] : 0;
}

void site_finish_ratios(struct conf *c, const struct conf_node *n, const struct conf_node *meter, struct meter_epoch *e)
{
	const struct conf_node *ct = conf_get(n, "ct") ?: conf_get(meter, "ct"), *pt = conf_get(n, "pt") ?: conf_get(meter, "pt");
	if (e->ct_plate.primary && e->ct_plate.primary < e->ct_plate.secondary)
		conf_warning(c, ct ?: n, "a current transformer of %lld/%lld makes currents larger; the plate says primary/secondary, such as 300/5", (long long)e->ct_plate.primary,
			     (long long)e->ct_plate.secondary);
	if ((e->ct_plate.primary || e->pt_plate.primary) && e->applied_by == APPLIED_UNSAID)
		conf_problem(c, ct ?: pt ?: n, "who multiplies by this ratio? add 'applied_by: meter' when the register is primary already, "
			     "'applied_by: pued' when it is secondary");
	bool ours = e->applied_by == APPLIED_PUED;
	e->ct = ours ? plate_ratio(e->ct_plate) : (struct ratio){ 1, 1 };
	e->pt = ours ? plate_ratio(e->pt_plate) : (struct ratio){ 1, 1 };
	e->ct_primary_ma = e->ct_plate.primary * 1000;
	if (e->count_mwh.den && (!ratio_times(&e->count_mwh, e->ct) || !ratio_times(&e->count_mwh, e->pt)))
		conf_problem(c, at(n, "count"), "count x ct x pt is too large; look at the three numbers");
}

static void check_reading(struct conf *c, const struct conf_node *n, const char *key, bool given, bool has_date, const char *date, int64_t value,
			  int64_t modulus)
{
	if (given && !has_date)
		conf_problem(c, at(n, key), "'%s' is the register at '%s', which is missing; add it", key, date);
	if (given && modulus > 0 && (value >= modulus || value <= -modulus))
		conf_problem(c, at(n, key), "a register that rolls over at %lld cannot show %lld", (long long)modulus, (long long)value);
}

static void finish_epoch(struct conf *c, const struct conf_node *n, const struct meter_entry *m, struct meter_epoch *e)
{
	char text[DATE_TEXT];
	site_finish_ratios(c, n, m->node, e);
	if (e->from.ms >= e->to.ms)
		conf_problem(c, at(n, "to"), "this epoch ends before it begins; exchange 'from' and 'to', or correct one");
	check_reading(c, n, "first", e->has_first, e->from.ms != INT64_MIN, "from", e->first, e->modulus);
	check_reading(c, n, "last", e->has_last, e->to.ms != INT64_MAX, "to", e->last, e->modulus);
	if (e->has_first && e->has_last && e->last < e->first && e->modulus <= 0 && m->m.direction != DIRECTION_NET)
		conf_warning(c, at(n, "last"), "the register goes back from %lld to %lld in this epoch; a register that was reset is two epochs", (long long)e->first, (long long)e->last);
	/* one day of slack: the date is local, the zone's table is not at hand here */
	if (e->calibrated_until.year && e->from.ms != INT64_MIN && e->from.ms / 86400000 > date_days(e->calibrated_until) + 1)
		conf_problem(c, at(n, "calibrated_until"), "the calibration ended on %s, before this epoch begins", date_text(e->calibrated_until, text));
	else if (e->calibrated_until.year && e->to.ms != INT64_MAX && e->to.ms / 86400000 > date_days(e->calibrated_until) + 1)
		conf_warning(c, at(n, "to"), "this epoch goes on after its calibration ended on %s", date_text(e->calibrated_until, text));
}

static void check_order(struct conf *c, const struct conf_node *list, const struct meter_epoch *e, size_t i)
{
	char a[WALL_TEXT], b[WALL_TEXT];
	if (e[i - 1].to.ms == INT64_MAX)
		conf_problem(c, conf_item(list, i - 1), "this epoch has no end, but another follows; add 'to'");
	else if (e[i].from.ms == INT64_MIN)
		conf_problem(c, conf_item(list, i), "this epoch has no beginning, but another comes before it; add 'from'");
	else if (e[i].from.ms < e[i - 1].to.ms)
		conf_problem(c, at(conf_item(list, i), "from"), "epochs overlap: this one begins %s, the one before ends %s; one register has one meter at a time, correct 'from' or 'to'", wall_text(e[i].from, a),
			     wall_text(e[i - 1].to, b));
}

static bool same_epoch(const struct meter_epoch *a, const struct meter_epoch *b)
{
#define TEXT(field) offsetof(struct meter_epoch, field)
	static const size_t texts[] = { TEXT(serial), TEXT(model), TEXT(meter_class), TEXT(ct_class), TEXT(pt_class), TEXT(certificate), TEXT(reason), TEXT(by) };
#undef TEXT
	struct meter_epoch x = *a, y = *b;
	for (size_t i = 0; i < countof(texts); i++) {
		const char **p = (const char **)(void *)((char *)&x + texts[i]), **q = (const char **)(void *)((char *)&y + texts[i]);
		if (!*p != !*q || (*p && strcmp(*p, *q) != 0))
			return false;
		*p = *q = NULL;
	}
	return memcmp(&x, &y, sizeof x) == 0;
}

/* A meter that is one epoch for ever.  Thousands in a row are described alike: they share it. */
static void build_epoch(struct collect *k, struct meter_entry *m)
{
	const struct meter_entry *before = k->meters.len ? (const void *)(k->meters.data + k->meters.len - sizeof *before) : NULL;
	struct meter_epoch e = m->installed, *own;
	finish_epoch(k->c, m->node, m, &e);
	if (before && before->m.epochs.n == 1 && same_epoch(before->m.epochs.items, &e))
		m->m.epochs = before->m.epochs;
	else if ((own = conf_alloc(k->c, sizeof e)))
		m->m.epochs = (struct conf_vec){ memcpy(own, &e, sizeof e), 1 };
}

static void build_epochs(struct conf *c, struct meter_entry *m)
{
	const struct conf_node *list = m->epochs;
	size_t n = conf_count(list);
	struct meter_epoch *e = conf_alloc(c, (n ? n : 1) * sizeof *e);
	if (!e)
		return;
	if (conf_kind(list) != CONF_SEQUENCE || !n) {
		conf_problem(c, list, "'epochs' must be a list ('- ...' lines) of at least one epoch");
		return;
	}
	for (size_t i = 0; i < n; i++) {
		const struct conf_node *node = conf_item(list, i);
		e[i] = m->installed;
		if (!conf_struct(c, node, &e[i], epoch_fields))
			continue;
		finish_epoch(c, node, m, &e[i]);
		if (i)
			check_order(c, list, e, i);
	}
	m->m.epochs = (struct conf_vec){ e, n };
}

static const char *point_or_none(const char *given, const char *fallback, bool *by_default)
{
	*by_default = !given;
	return !given ? fallback : strcmp(given, "none") ? given : NULL;
}

static void bus_has_nothing(struct conf *c, const struct conf_node *n)
{
	static const char *const keys[] = { "device", "energy", "power", "epochs", "ct", "pt", "factor" };
	for (size_t i = 0; i < countof(keys); i++)
		if (conf_get(n, keys[i]))
			conf_problem(c, conf_get(n, keys[i]), "a bus is a busbar without a meter; remove '%s', or give it the role of what it measures", keys[i]);
}

static void add_meter(void *ctx, const struct conf_node *n)
{
	struct collect *k = ctx;
	struct meter_entry e = k->root->defaults.meters;
	e.node = n;
	bool good = conf_struct(k->c, n, &e, meter_fields);
	if (conf_kind(n) != CONF_MAPPING)
		return;
	bool has_id = need(k->c, n, e.m.id || conf_get(n, "id"), "id"), has_role = need(k->c, n, e.m.role >= 0 || conf_get(n, "role"), "role");
	if (!has_id || !has_role || !e.m.id)
		return;
	if (e.m.role < 0)
		e.m.role = ROLE_OTHER;          /* its problem is reported; the meter stays known to others */
	e.m.label = e.m.label ?: e.m.id;
	e.m.node = n;
	e.m.place = conf_place(n);
	if (e.m.role == ROLE_BUS) {
		bus_has_nothing(k->c, n);
		e.m.device = e.m.energy = e.m.power = NULL;
	} else {
		bool water = e.m.role == ROLE_WATER;
		e.m.energy = point_or_none(e.m.energy, water ? "total.volume" : "total.energy", &e.m.energy_default);
		e.m.power = point_or_none(e.m.power, water ? NULL : "total.power", &e.m.power_default);
		e.m.device = e.m.device ?: e.m.id;
	}
	if (good && e.epochs)
		build_epochs(k->c, &e);
	else if (good)
		build_epoch(k, &e);
	buf_add(&k->meters, &e, sizeof e);
}

/* ---- devices and racks ---- */

static void add_device(void *ctx, const struct conf_node *n)
{
	struct collect *k = ctx;
	struct device_entry e = k->root->defaults.devices;
	struct device *d = &e.d;
	bool good = conf_struct(k->c, n, &e, device_fields);
	if (conf_kind(n) != CONF_MAPPING)
		return;
	need(k->c, n, d->profile || conf_get(n, "profile"), "profile");
	need(k->c, n, d->endpoint || conf_get(n, "endpoint"), "endpoint");
	if (!need(k->c, n, d->id || conf_get(n, "id"), "id") || !d->id)
		return;
	if (!d->deadline_ms)
		d->deadline_ms = d->poll_ms < DEFAULT_DEADLINE_MS ? d->poll_ms : DEFAULT_DEADLINE_MS;
	if (good && d->deadline_ms > d->poll_ms)
		conf_problem(k->c, at(n, "deadline"), "device '%s': the deadline (%lld ms) is longer than the period (%lld ms); shorten it", d->id,
			     (long long)d->deadline_ms, (long long)d->poll_ms);
	if (e.overrides && !conf_list_of(k->c, e.overrides, &d->overrides, &point_override_list))
		d->overrides = (struct conf_vec){ 0 };
	d->node = n;
	d->place = conf_place(n);
	buf_add(&k->devices, &e, sizeof e);
}

static void add_rack(void *ctx, const struct conf_node *n)
{
	struct collect *k = ctx;
	struct rack_entry e = k->root->defaults.racks;
	bool good = conf_struct(k->c, n, &e, rack_fields);
	if (conf_kind(n) != CONF_MAPPING || !need(k->c, n, e.r.id || conf_get(n, "id"), "id") || !e.r.id)
		return;
	if (good && e.r.installed.ms >= e.r.removed.ms)
		conf_problem(k->c, at(n, "removed"), "rack '%s' is removed before it is installed", e.r.id);
	e.r.place = conf_place(n);
	e.node = n;
	buf_add(&k->racks, &e, sizeof e);
}

/* ---- the file ---- */

static void preset(struct root *root)
{
	struct meter_entry *m = &root->defaults.meters;
	struct rack *r = &root->defaults.racks.r;
	struct site *s = &root->site;
	m->m.role = -1;
	m->m.parent_ix = m->m.device_ix = -1;
	m->m.factor = (struct ratio){ 1, 1 };
	m->installed.from.ms = INT64_MIN;
	m->installed.to.ms = INT64_MAX;
	m->installed.ct = m->installed.pt = (struct ratio){ 1, 1 };
	root->defaults.devices.d.poll_ms = DEFAULT_POLL_MS;
	root->defaults.devices.d.retries = 1;
	*r = (struct rack){ .compute_ppm = -1, .installed = { INT64_MIN }, .removed = { INT64_MAX } };
	s->interval_ms = 900000;
	s->clock_limit_ms = 1000;
	s->standard = "ISO/IEC 30134-2:2026";
	s->mqtt.tls = true;
	s->mqtt.version = 3;
	s->mqtt.topic = "pued/v1";
	s->mqtt.outbox_days = 400;
	s->http.address = "127.0.0.1";
	s->http.port = 8480;
	s->state_dir = "/var/lib/pued";
	s->raw_days = 180;
	s->key_id = "site";
}

static void check_defaults(struct conf *c, const struct conf_node *n)
{
	static const char *const own[] = { "id", "epochs", "serial", "first", "last" };
	for (size_t list = 0; list < conf_count(n); list++)
		for (size_t i = 0; i < countof(own); i++)
			if (conf_get(conf_item(n, list), own[i]))
				conf_problem(c, conf_get(conf_item(n, list), own[i]), "'%s' cannot be the same for all; write it at each entry", own[i]);
}

static void finish_site(struct conf *c, const struct conf_node *n, struct site *s)
{
	if (!s->mqtt.port)
		s->mqtt.port = s->mqtt.tls ? 8883 : 1883;
	if (!s->operator_.name.zh)
		s->operator_ = s->applicant;
	if (s->operation_start.year && s->retrofit_completed.year && date_compare(s->retrofit_completed, s->operation_start) < 0)
		conf_problem(c, conf_get(conf_get(n, "site"), "retrofit_completed"), "the retrofit is completed before operation starts; correct one date");
	site_factors_check(c, conf_get(n, "factors"), s);
	const struct conf_node *mqtt = conf_get(n, "mqtt");
	if (s->mqtt.host && !s->mqtt.cert != !s->mqtt.key)
		conf_problem(c, mqtt, "'cert' and 'key' go together; add the other one");
	if (s->mqtt.host && !s->mqtt.tls && (s->mqtt.ca || s->mqtt.cert))
		conf_problem(c, at(mqtt, "tls"), "'tls: false' and certificates contradict each other; remove one");
	if (s->mqtt.host && !s->mqtt.tls && strcmp(s->mqtt.host, "127.0.0.1") && strcmp(s->mqtt.host, "localhost") && strcmp(s->mqtt.host, "::1"))
		conf_problem(c, at(mqtt, "tls"), "'tls: false' is only for a broker on this machine; remove it and name the CA with 'ca'");
}

/* Lent until buf_free(). */
static bool take(struct conf *c, struct buf *from, struct conf_vec *to, size_t size)
{
	if (from->failed) {
		conf_problem(c, NULL, "out of memory");
		return false;
	}
	*to = (struct conf_vec){ from->data, from->len / size };
	return true;
}

/* Entries become the site's arrays; r keeps where each came from. */
static bool split(struct collect *k, struct resolve *r, struct conf_vec *meter_entries, struct conf_vec *device_entries)
{
	struct conf *c = k->c;
	struct site *s = &k->root->site;
	struct conf_vec rack_entries;
	if (!take(c, &k->meters, meter_entries, sizeof(struct meter_entry)) || !take(c, &k->devices, device_entries, sizeof(struct device_entry)) ||
	    !take(c, &k->racks, &rack_entries, sizeof(struct rack_entry)))
		return false;
	struct meter_entry *me = meter_entries->items;
	struct device_entry *de = device_entries->items;
	struct rack_entry *re = rack_entries.items;
	struct meter *m = conf_alloc(c, meter_entries->n * sizeof *m + 1);
	struct device *d = conf_alloc(c, device_entries->n * sizeof *d + 1);
	struct rack *q = conf_alloc(c, rack_entries.n * sizeof *q + 1);
	const struct conf_node **nodes = conf_scratch(c, (meter_entries->n + device_entries->n + rack_entries.n + 1) * sizeof(*nodes));
	if (!m || !d || !q || !nodes)
		return false;
	r->meter_nodes = nodes;
	r->device_nodes = nodes + meter_entries->n;
	r->rack_nodes = r->device_nodes + device_entries->n;
	for (size_t i = 0; i < meter_entries->n; i++, nodes++) {
		m[i] = me[i].m;
		*nodes = me[i].node;
	}
	for (size_t i = 0; i < device_entries->n; i++, nodes++) {
		d[i] = de[i].d;
		*nodes = de[i].d.node;
	}
	for (size_t i = 0; i < rack_entries.n; i++, nodes++) {
		q[i] = re[i].r;
		*nodes = re[i].node;
	}
	s->meters = (struct conf_vec){ m, meter_entries->n };
	s->devices = (struct conf_vec){ d, device_entries->n };
	s->racks = (struct conf_vec){ q, rack_entries.n };
	return true;
}

static bool collect(struct collect *k, const struct conf_node *n, struct file_reader files)
{
	const struct expansion lists[] = {
		{ k->c, files, "meters", meter_fields, add_meter, k },
		{ k->c, files, "devices", device_fields, add_device, k },
		{ k->c, files, "racks", rack_fields, add_rack, k },
	};
	for (size_t i = 0; i < countof(lists); i++)
		if (conf_get(n, lists[i].list) && conf_kind(conf_get(n, lists[i].list)) != CONF_NULL)
			site_expand(&lists[i], conf_get(n, lists[i].list));
	if (k->devices.len / sizeof(struct device_entry) > MAX_DEVICES) {
		conf_problem(k->c, conf_get(n, "devices"), "more than %d devices; run a second pued", MAX_DEVICES);
		return false;
	}
	return true;
}

static const struct site *finish(struct collect *k, const struct conf_node *n)
{
	struct conf_vec meters, devices;
	struct resolve r = { .c = k->c, .s = &k->root->site, .list = at(n, "meters") };
	if (!split(k, &r, &meters, &devices))
		return NULL;
	site_index(&r);
	site_resolve(&r);
	site_check_tree(&r);
	site_check_devices(&r);
	if (conf_problem_count(k->c))
		return &k->root->site;          /* for looking on: site_read() */
	return site_pack_canonical(k->c, k->root, meters.items, devices.items) ? &k->root->site : NULL;
}

const struct site *site_read(struct conf *c, const char *file, const void *bytes, size_t len, struct file_reader files)
{
	const struct conf_node *n = conf_parse(c, file, bytes, len);
	struct collect k = { .c = c, .root = n ? conf_alloc(c, sizeof *k.root) : NULL };
	if (!k.root)
		return NULL;
	preset(k.root);
	k.root->site.node = n;
	/* whatever is wrong here, the lists are read all the same: all problems at once */
	if (!conf_struct(c, n, k.root, root_fields) && conf_kind(n) != CONF_MAPPING)
		return NULL;
	check_defaults(c, conf_get(n, "defaults"));
	finish_site(c, n, &k.root->site);
	const struct site *s = collect(&k, n, files) ? finish(&k, n) : NULL;
	buf_free(&k);
	return s;
}

const struct site *site_load(struct conf *c, const char *file, const void *bytes, size_t len, struct file_reader files)
{
	const struct site *s = site_read(c, file, bytes, len, files);
	return conf_problem_count(c) ? NULL : s;
}

void site_settle(struct conf *c, const struct site *settled)
{
	struct site *s = (struct site *)(uintptr_t)settled;     /* made here */
	struct meter *meters = s->meters.items;
	struct device *devices = s->devices.items;
	for (size_t i = 0; i < s->meters.n; i++)
		meters[i].node = NULL;
	for (size_t i = 0; i < s->devices.n; i++)
		devices[i].node = NULL;
	s->node = NULL;
	conf_forget(c);
}
