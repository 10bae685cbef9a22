/* The window of a certificate folded again, by the code that folded it first, from the leaves it carries and the configuration in its
 * evidence.  Attached are the leaves at the ends of window and months and every interval that is not plain; what lies between two
 * attached leaves is wholly known, and cumulative energies say how much it was.  That none of those was marked is all that is
 * believed: their leaves are not here. */
#include "rules/cert_parts.h"
#include "core/site_factors.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct measure {
	const json_t *cert;
	const struct pack *pack;
	const struct facts *facts;
	const struct trust *trust;
	struct conf *conf;
	struct statements statements;
	struct amendment *amendment;
	size_t exchanges, readings;      /* that statements brought in */
	const struct site *site;         /* as they amend it */
	struct wall config_at;
	struct interval *intervals;      /* ascending, rows owned */
	size_t n_intervals;
	struct ledger_event *events;     /* in the order of the evidence */
	size_t n_events;
	bool all_events;                 /* every event of the window is attached */
	int64_t marked_omitted, events_omitted, corrections_omitted;
	struct window *window;
	struct cert_notes *notes;
	struct cert_check *out;
	struct err *err;
};

void cert_note(struct cert_notes *notes, const char *zh, const char *en, ...)
{
	va_list args;
	if (notes->n == countof(notes->lines))
		return;
	/* both languages print the same arguments in the same order */
	va_start(args, en);
	vsnprintf(notes->lines[notes->n].zh, sizeof notes->lines[0].zh, zh, args);
	va_end(args);
	va_start(args, en);
	vsnprintf(notes->lines[notes->n].en, sizeof notes->lines[0].en, en, args);
	va_end(args);
	notes->n++;
}

static bool differs(struct measure *m, const char *prefix, const char *inner, const char *what)
{
	snprintf(m->out->pointer, sizeof m->out->pointer, "%s%s", prefix, inner);
	return err_set(m->err, ERR_EVIDENCE, "%s: %s", m->out->pointer, what);
}

/* ---- reading ------------------------------------------------------------------------------------------------------------------- */

static const char *leaf_of(const json_t *row, int *kind, struct wall *at, size_t *len)
{
	const json_t *leaf = json_object_get(row, "leaf");
	*kind = (int)json_integer_value(json_object_get(row, "kind"));
	at->ms = json_integer_value(json_object_get(row, "at"));
	*len = json_string_length(leaf);
	return json_string_value(leaf);
}

static const json_t *leaves(const struct measure *m)
{
	return json_object_get(json_object_get(m->cert, "evidence"), "leaves");
}

/* The newest configuration attached is the one in force: earlier ones are not attached. */
static bool find_site(struct measure *m)
{
	const json_t *named = json_object_get(json_object_get(m->cert, "identity"), "config_sha256");
	struct err why = { 0 };
	char hash[65] = "";
	for (size_t i = 0; i < json_array_size(leaves(m)) && !m->site; i++) {
		int kind;
		size_t len;
		const char *bytes = leaf_of(json_array_get(leaves(m), i), &kind, &m->config_at, &len);
		if (kind != CERT_LEAF_CONFIG || !bytes)
			continue;
		m->site = cert_site_of(m->conf, bytes, len, hash, &why);
		if (!m->site)
			cert_note(m->notes, "机架数、完整率、能量类别与不确定度:系证书所述,未重新计算,原因是所附配置无法读取(%.*s)",
				  "rack counts, completeness, energy classes and U: stated, not recomputed, because the attached configuration cannot be read (%.*s)",
				  (int)strcspn(why.text, "\n"), why.text);
	}
	if (m->site && (!json_is_string(named) || strcmp(json_string_value(named), hash) != 0))
		return differs(m, "/identity/config_sha256", "", "not the SHA-256 of the configuration in the evidence");
	if (!m->site && why.kind == ERR_NONE)
		cert_note(m->notes, "机架数、完整率、能量类别与不确定度:系证书所述,未重新计算,原因是证书未附配置",
			  "rack counts, completeness, energy classes and U: stated, not recomputed, because the configuration is not attached");
	return true;
}

/* Exchanges and manual readings that people signed, on top of the configuration, as the judgement counted them. */
static bool amend_site(struct measure *m)
{
	struct meter_words *words;
	size_t n;
	if (!cert_statements_read(m->cert, m->trust, &m->statements, m->err) || !statements_words(&m->statements, &words, &n, m->err))
		return false;
	m->amendment = amend(m->site, words, n, m->err);
	for (size_t i = 0; m->amendment && i < n; i++)
		*(words[i].reading ? &m->readings : &m->exchanges) += words[i].counts;
	free(words);
	if (m->amendment)
		m->site = amended_site(m->amendment);
	return m->amendment != NULL;
}

static int by_time(const void *a, const void *b)
{
	const struct interval *x = a, *y = b;
	return (x->from.ms > y->from.ms) - (x->from.ms < y->from.ms);
}

static bool read_leaf(struct measure *m, size_t i)
{
	struct wall at;
	int kind;
	size_t len;
	const char *bytes = leaf_of(json_array_get(leaves(m), i), &kind, &at, &len);
	if (kind == CERT_LEAF_INTERVAL)
		return interval_of_leaf(m->site, bytes, len, &m->intervals[m->n_intervals], m->err) && ++m->n_intervals;
	if (kind == CERT_LEAF_EVENT)
		return event_of_leaf(m->site, bytes, len, &m->events[m->n_events], m->err) && ++m->n_events;
	return true;
}

static bool read_leaves(struct measure *m)
{
	size_t n = json_array_size(leaves(m));
	const json_t *omitted = json_object_get(json_object_get(m->cert, "evidence"), "omitted");
	m->intervals = calloc(n + 1, sizeof *m->intervals);
	m->events = calloc(n + 1, sizeof *m->events);
	if (!m->intervals || !m->events)
		return err_memory(m->err);
	for (size_t i = 0; i < n; i++)
		if (!read_leaf(m, i)) {
			m->err->kind = ERR_EVIDENCE;
			snprintf(m->out->pointer, sizeof m->out->pointer, "/evidence/leaves/%zu", i);
			return err_wrap(m->err, "%s: not a leaf of this configuration", m->out->pointer);
		}
	qsort(m->intervals, m->n_intervals, sizeof *m->intervals, by_time);
	m->marked_omitted = json_integer_value(json_object_get(omitted, "intervals"));
	m->events_omitted = json_integer_value(json_object_get(omitted, "events"));
	m->corrections_omitted = json_integer_value(json_object_get(omitted, "corrections"));
	m->all_events = json_is_object(omitted) && m->events_omitted == 0 && m->corrections_omitted == 0;
	return true;
}

/* ---- folding ------------------------------------------------------------------------------------------------------------------- */

/* Wraps: numbers come from outside, and a wrong one is found when it is compared. */
static int64_t less(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a - (uint64_t)b);
}

/* A correction lifts a meter's cumulative energy where the closed intervals end: that step is no interval's energy. */
static int64_t step_between(const struct measure *m, uint32_t meter, struct wall from, struct wall to)
{
	int64_t sum = 0;
	for (size_t i = 0; i < m->n_events; i++) {
		const struct ledger_event *ev = &m->events[i];
		if (ev->kind == EVENT_CORRECTION && ev->meter == meter && from.ms <= ev->curve.closed_to.ms && ev->curve.closed_to.ms <= to.ms)
			sum = less(sum, less(curve_at(ev, ev->from), curve_at(ev, ev->curve.closed_to)));
	}
	return sum;
}

static bool same_rows(const struct interval *a, const struct interval *b)
{
	for (size_t i = 0; a->n == b->n && i < a->n; i++)
		if (a->rows[i].meter != b->rows[i].meter)
			return false;
	return a->n == b->n;
}

/* Intervals that were not attached: the last of them takes the energy of all, which changes no sum. */
static bool push_between(const struct measure *m, struct window *w, const struct interval *a, const struct interval *b)
{
	int64_t step = m->site->interval_ms, total = 0, it = 0;
	struct interval_row *rows = calloc(a->n + 1, sizeof *rows);
	struct interval iv = { .from = a->to, .to = { a->to.ms + step }, .total_known = true, .it_known = true, .synced = true, .rows = rows, .n = a->n };
	bool good = rows && same_rows(a, b) && (b->from.ms - a->to.ms) % step == 0;
	for (size_t i = 0; good && i < a->n; i++)
		rows[i] = (struct interval_row){ .meter = a->rows[i].meter, .class_ = CLASS_R, .substitute_class = CLASS_MISSING };
	for (; good && iv.to.ms < b->from.ms; iv.from = iv.to, iv.to.ms += step)
		window_push(w, &iv);
	for (size_t i = 0; good && i < a->n; i++) {
		struct window_term term;
		int64_t lift = step_between(m, rows[i].meter, a->to, b->from);
		window_term(w, rows[i].meter, &term);
		rows[i].energy_mwh = less(less(less(b->rows[i].cumulative_mwh, b->rows[i].energy_mwh), lift), a->rows[i].cumulative_mwh);
		total = less(total, term.total_sign > 0 ? lift : term.total_sign < 0 ? less(0, lift) : 0);
		it = less(it, term.it_sign > 0 ? lift : term.it_sign < 0 ? less(0, lift) : 0);
	}
	iv.total_mwh = less(less(total, less(b->total_mwh, b->total_cumulative_mwh)), a->total_cumulative_mwh);
	iv.it_mwh = less(less(it, less(b->it_mwh, b->it_cumulative_mwh)), a->it_cumulative_mwh);
	if (good)
		window_push(w, &iv);
	free(rows);
	return good;
}

/* NULL with *why when the attached leaves do not reach. */
static struct window *fold(const struct measure *m, struct wall from, struct wall to, struct bilingual *why)
{
	static const struct bilingual ends = { "所附记录未及窗口两端", "the attached leaves do not reach both ends of the window" },
				      meters = { "窗口内表计有变", "the meters changed inside the window" };
	struct window *w = window_new(m->site, from, to, m->err);
	size_t i = 0;
	while (i < m->n_intervals && m->intervals[i].to.ms < from.ms)
		i++;
	/* nothing is known behind the last leaf, nor ahead of the first */
	bool begins = i == m->n_intervals || m->intervals[i].to.ms == from.ms || m->intervals[i].from.ms == from.ms || i == 0;
	bool reached = w && m->n_intervals && begins;
	*why = ends;
	for (; reached && i < m->n_intervals && m->intervals[i].to.ms <= to.ms; i++) {
		const struct interval *next = &m->intervals[i + 1];
		window_push(w, &m->intervals[i]);
		if (i + 1 == m->n_intervals || next->to.ms > to.ms || next->from.ms <= m->intervals[i].to.ms)
			continue;
		if (!push_between(m, w, &m->intervals[i], next)) {
			*why = meters;
			reached = false;
		}
	}
	/* leaves behind the window say nothing about its end */
	reached = reached && (i == m->n_intervals || (i > 0 && m->intervals[i - 1].to.ms == to.ms));
	for (size_t k = 0; reached && k < m->n_events; k++)
		window_event(w, &m->events[k]);
	if (reached)
		return w;
	window_free(w);
	return NULL;
}

/* ---- comparing ----------------------------------------------------------------------------------------------------------------- */

static bool near(int64_t a, int64_t b)
{
	return less(a, b) <= 1 && less(b, a) <= 1;
}

/* Roots are taken in binary: the last digit of U may differ between machines.  Late arrivals are marked in the order in which they came. */
static void settle(const struct measure *m, struct kpi *made, const struct kpi *stated)
{
	bool late = !m->all_events;
	for (size_t i = 0; i < m->n_events; i++)
		late |= m->events[i].kind == EVENT_LATE;
	if (late)
		made->late_intervals = stated->late_intervals;
	if (near(made->u_ppm_rho0, stated->u_ppm_rho0))
		made->u_ppm_rho0 = stated->u_ppm_rho0;
	if (near(made->u_ppm_rho1, stated->u_ppm_rho1))
		made->u_ppm_rho1 = stated->u_ppm_rho1;
}

static bool same(struct measure *m, json_t *made, const json_t *stated, const char *prefix)
{
	char inner[200];
	bool other = json_difference(made, stated, inner, sizeof inner);
	json_decref(made);
	return !other || differs(m, prefix, inner, "not what follows from the attached leaves and the configuration in the evidence");
}

static const json_t *fact(const struct measure *m, const char *name)
{
	return json_object_get(json_object_get(m->cert, "facts"), name);
}

static bool check_kpi(struct measure *m)
{
	struct kpi k;
	window_kpi(m->window, m->facts->zone, &k);
	settle(m, &k, &m->facts->kpi);
	return same(m, kpi_json(&k), fact(m, "kpi"), "/facts/kpi");
}

static bool check_racks(struct measure *m)
{
	const struct kpi *k = &m->facts->kpi;
	struct racks at, least;
	int64_t standard = pack_standard_rack_mw(m->pack);
	racks_at(m->site, (struct wall){ k->to.ms - 1 }, m->window, standard, &at);
	racks_least(m->site, k->from, k->to, m->window, standard, &least);
	return same(m, racks_json(&at), fact(m, "racks"), "/facts/racks") && same(m, racks_json(&least), fact(m, "racks_min"), "/facts/racks_min");
}

static bool check_zone(struct measure *m)
{
	const char *stated = m->facts->zone->name, *made = m->site->zone;
	return (stated && made && strcmp(stated, made) == 0) || differs(m, "/facts/zone", "/name", "not the time zone of the configuration in the evidence");
}

static bool check_selection(struct measure *m)
{
	const struct kpi *k = &m->facts->kpi;
	struct selection made;
	selection_of(m->site, m->facts->zone, m->window, k->from, k->to, &made);
	return same(m, selection_json(&made), fact(m, "selection"), "/facts/selection");
}

/* The factor that turns energy into coal is the configuration's. */
static bool check_coal(struct measure *m)
{
	const struct site_factor *f = site_factor_at(m->site, FACTOR_COAL, (struct wall){ m->facts->kpi.to.ms - 1 });
	const struct fact_factor *stated = &m->facts->coal;
	bool same = f ? stated->micro == f->micro && stated->source && !strcmp(stated->source, f->source) && stated->status && !strcmp(stated->status, f->status) : !stated->micro;
	return same || differs(m, "/facts/coal_equivalent", "", "not the factor in the configuration in the evidence");
}

/* Months: folded one by one; a month that cannot be is left as stated, and told. */
static size_t fold_months(struct measure *m, struct kpi *months, size_t n, size_t *stated)
{
	const json_t *rows = json_object_get(json_object_get(m->cert, "results"), "months");
	for (size_t i = 0; i < n; i++) {
		struct kpi row;
		struct bilingual why;
		if (!cert_month_parse(json_array_get(rows, i), &row, m->err))
			return 0;
		struct window *w = fold(m, row.from, row.to, &why);
		months[i] = row;
		*stated += w == NULL;
		if (w) {
			window_kpi(w, m->facts->zone, &months[i]);
			settle(m, &months[i], &row);
		}
		window_free(w);
	}
	return n;
}

static void count_events(const struct measure *m, struct cert_inputs *in)
{
	const struct kpi *k = &m->facts->kpi;
	struct ledger_event *kept = calloc(m->n_events + 1, sizeof *kept);
	for (size_t i = 0; kept && i < m->n_events; i++) {
		const struct ledger_event *ev = &m->events[i];
		if (ev->from.ms >= k->to.ms || ev->to.ms < k->from.ms)
			continue;
		in->event_counts[ev->kind]++;
		if (in->n_events < CERT_EVENTS)
			kept[in->n_events++] = *ev;
	}
	in->events = kept;
}

/* Members of the certificate that its builder takes from site and window: made by the builder again. */
static bool check_given(struct measure *m, const struct cert_inputs *in)
{
	static const struct { const char *group, *member; bool event; } rows[] = {
		{ "site", NULL, false }, { "applicant", NULL, false }, { "operator", NULL, false }, { "meters", NULL, false }, { "declarations", NULL, false },
		{ "method", "points", false }, { "method", "interval_ms", false }, { "method", "energy_source", false }, { "method", "window", false },
		{ "identity", "key_id", false },
		{ "results", "carriers", false }, { "results", "flows", false }, { "results", "months", false }, { "results", "balance", false }, { "results", "events", true },
		{ "results", "event_list", true } };
	json_t *made = json_pack("{s:{}, s:{}, s:{}, s:{}}", "identity", "method", "results", "validity");
	bool good = made && cert_add_given(made, in, m->err);
	for (size_t i = 0; i < countof(rows) && good; i++) {
		const json_t *a = json_object_get(made, rows[i].group), *b = json_object_get(m->cert, rows[i].group);
		char prefix[80];
		if (rows[i].event && !m->all_events)
			continue;
		snprintf(prefix, sizeof prefix, "/%s%s%s", rows[i].group, rows[i].member ? "/" : "", rows[i].member ? rows[i].member : "");
		a = rows[i].member ? json_object_get(a, rows[i].member) : a;
		b = rows[i].member ? json_object_get(b, rows[i].member) : b;
		good = b ? same(m, json_incref((json_t *)(uintptr_t)a), b, prefix) : differs(m, prefix, "", "missing");
	}
	json_decref(made);
	return good;
}

static bool check_members(struct measure *m, size_t *months_stated)
{
	size_t n = json_array_size(json_object_get(json_object_get(m->cert, "results"), "months"));
	struct kpi *months = calloc(n + 1, sizeof *months);
	json_t *evidence = json_object_get(m->cert, "evidence");
	struct cert_inputs in = { .site = m->site, .zone = m->facts->zone, .pack = m->pack, .facts = m->facts, .number = "", .months = months,
				  .window = m->window, .evidence = evidence };
	const json_t *number = json_object_get(json_object_get(m->cert, "identity"), "number");
	bool good = months || err_memory(m->err);
	in.n_months = good ? fold_months(m, months, n, months_stated) : 0;
	in.number = json_is_string(number) ? json_string_value(number) : "";
	count_events(m, &in);
	good = good && in.n_months == n && check_given(m, &in);
	free(months);
	free((void *)(uintptr_t)in.events);
	return good;
}

/* The window is the one the pack asks for on the day of judging. */
static bool check_asked(struct measure *m)
{
	const struct facts *f = m->facts;
	struct pack_window asked;
	struct err why = { 0 };
	if (!pack_window_of(m->pack, m->site, f->zone, f->judged, &asked, &why))
		return differs(m, "/facts/window", "", why.text);
	if (date_compare(asked.first_day, f->window_from) != 0 || date_compare(asked.last_day, f->window_to) != 0)
		return differs(m, "/facts/window", "", "not the window that the pack asks for on the day of judging");
	if (asked.from.ms != f->kpi.from.ms || asked.to.ms != f->kpi.to.ms)
		return differs(m, "/facts/kpi", asked.from.ms != f->kpi.from.ms ? "/from" : "/to", "not the window that the pack asks for on the day of judging");
	return true;
}

/* ---- telling ------------------------------------------------------------------------------------------------------------------- */

static size_t inside(const struct measure *m)
{
	size_t n = 0;
	for (size_t i = 0; i < m->n_intervals; i++)
		n += m->intervals[i].from.ms >= m->facts->kpi.from.ms && m->intervals[i].to.ms <= m->facts->kpi.to.ms;
	return n;
}

static void tell(struct measure *m, size_t months_stated)
{
	char day[WALL_TEXT];
	size_t attached = inside(m);
	long long rest = (long long)m->facts->kpi.intervals - (long long)attached;
	cert_note(m->notes, "由 %zu 条所附区间记录和证据中的配置重新计算:电量、完整率、能量类别、平衡发现、不确定度、各月、各表计",
		  "computed again from %zu attached interval leaves and the configuration in the evidence: energies, completeness, energy classes, findings, U, months, meters", attached);
	cert_note(m->notes, "机架数、功能与占比C1..C3:由证据中的配置重新清点", "rack counts, functions and shares C1..C3: counted again from the configuration in the evidence");
	if (rest > 0)
		cert_note(m->notes, "其余 %lld 个区间完整无标记:系证书所述,未重新计算,原因是其记录未附",
			  "that the other %lld intervals were whole and unmarked: stated, not recomputed, because their leaves are not attached", rest);
	cert_note(m->notes, "机架功能、额定功率、表计等级:系证书所述,未重新计算,原因是它们是运营方的配置(自 %s 起在证据中)",
		  "functions and rated powers of racks, classes of meters: stated, not recomputed, because they are the operator's configuration (in the evidence since %s)",
		  wall_text(m->config_at, day));
	if (m->exchanges || m->readings)
		cert_note(m->notes, "换表 %zu 次、人工抄表 %zu 次,按证据中签名的声明计入", "meter exchanges: %zu, manual readings: %zu, as the signed statements in the evidence say",
			  m->exchanges, m->readings);
	if (!m->all_events)
		cert_note(m->notes, "事件清单:系证书所述,未重新计算,原因是有 %lld 条事件记录未附", "the list of events: stated, not recomputed, because %lld event leaves are not attached",
			  (long long)m->events_omitted);
	if (months_stated)
		cert_note(m->notes, "%zu 个月:系证书所述,未重新计算,原因是所附记录未及其两端", "%zu months: stated, not recomputed, because the attached leaves do not reach their ends", months_stated);
	for (size_t i = 0; i < m->facts->n_windows; i++)
		cert_note(m->notes, "窗口“%s”:系证书所述,未重新计算,原因是其记录未附", "window '%s': stated, not recomputed, because its leaves are not attached", m->facts->windows[i].name);
}

/* What keeps the window from being folded, whatever the leaves say. */
static bool cannot(const struct measure *m, struct bilingual *why)
{
	const struct { bool so; struct bilingual text; } rows[] = {
		{ m->marked_omitted, { "有标记的区间过多,未全附", "there are too many marked intervals to attach" } },
		{ m->corrections_omitted, { "更正与人工抄表过多,未全附", "there are too many corrections and manual readings to attach" } },
		{ m->statements.unknown_meters, { "有关表计的声明由信任库中没有的密钥签名,无法核对", "a statement about a meter is signed by a key that the trust given does not have" } } };
	for (size_t i = 0; i < countof(rows); i++)
		if (rows[i].so) {
			*why = rows[i].text;
			return true;
		}
	return false;
}

static bool measure(struct measure *m)
{
	struct bilingual why;
	size_t months_stated = 0;
	if (!find_site(m) || (m->site && (!amend_site(m) || !read_leaves(m))))
		return false;
	if (!m->site)
		return true;
	if (!m->facts->zone)
		return differs(m, "/facts/zone", "", "missing");
	if (!same(m, site_facts_json(m->site), fact(m, "site"), "/facts/site") || !check_asked(m))
		return false;
	if (!cannot(m, &why))
		m->window = fold(m, m->facts->kpi.from, m->facts->kpi.to, &why);
	if (!m->window) {
		cert_note(m->notes, "机架的计量数与C3、完整率、能量类别与不确定度:系证书所述,未重新计算,原因是%.0s%s",
			  "metered racks and C3, completeness, energy classes and U: stated, not recomputed, because %s%.0s", why.en, why.zh);
		return true;
	}
	m->out->measured = m->out->from_evidence = true;
	if (!check_kpi(m) || !check_racks(m) || !check_selection(m) || !check_zone(m) || !check_coal(m) || !check_members(m, &months_stated))
		return false;
	tell(m, months_stated);
	return true;
}

bool cert_recheck_measured(const json_t *cert, const struct pack *pack, const struct trust *trust, struct cert_notes *notes, struct cert_check *out, struct err *err)
{
	struct facts f;
	json_t *root = NULL;
	struct measure m = { .cert = cert, .pack = pack, .trust = trust, .facts = &f, .conf = conf_new(), .notes = notes, .out = out, .err = err };
	CLEANUP(buf_done) struct buf text = { 0 };
	const json_t *facts = json_object_get(cert, "facts");
	*out = (struct cert_check){ .leaves = json_array_size(leaves(&m)) };
	bool good = m.conf || err_memory(err);
	if (good && (!json_is_object(facts) || !json_canonical(facts, &text, err) || !facts_parse("facts", text.data, text.len, &f, &root, err)))
		good = differs(&m, "/facts", "", "no facts that can be read");
	else if (good)
		good = measure(&m);
	for (size_t i = 0; i < m.n_intervals; i++)
		free((void *)(uintptr_t)m.intervals[i].rows);
	free(m.intervals);
	free(m.events);
	window_free(m.window);
	statements_done(&m.statements);
	amendment_free(m.amendment);
	if (root)
		facts_done(&f);
	json_decref(root);
	conf_free(m.conf);
	return good;
}
