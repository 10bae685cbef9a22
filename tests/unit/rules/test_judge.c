/* Properties of judging, and packs that must not load.  The pack's own vectors are the table of rows; see test_pack. */
#include "tests/unit/test.h"
#include "tests/unit/rules/cert_world.h"

#include <stdlib.h>

static char *pack_text;
static size_t pack_len;
static struct conf *conf;
static const struct pack *pack;

static int setup(void **state)
{
	(void)state;
	pack_text = world_slurp(PACK, &pack_len);
	conf = conf_new();
	pack = pack_text ? pack_load(conf, "pack.yaml", pack_text, pack_len, NULL) : NULL;
	return pack ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	free(pack_text);
	conf_free(conf);
	return 0;
}

static char *replaced(const char *from, const char *to)
{
	const char *at = strstr(pack_text, from);
	CLEANUP(buf_done) struct buf out = { 0 };
	if (!at)
		fail_msg("'%s' is not in the pack", from);
	buf_add(&out, pack_text, (size_t)(at - pack_text));
	buf_str(&out, to);
	buf_str(&out, at + strlen(from));
	return buf_take(&out);
}

static const struct bad_row { const char *name, *from, *to, *says; } bad_rows[] = {
	{ "unknown key", "requires:", "requiers:", "unknown key 'requiers'" },
	{ "newer format", "format: 1\npack", "format: 2\npack", "pack format '2' is not known here" },
	{ "no format", "format: 1\npack", "pack", "key 'format' is missing" },
	{ "word and operator part", "op: \">\", word: 大于", "op: \">=\", word: 大于", "'大于' means >, not >=" },
	{ "unknown word", "word: 大于", "word: 大概", "no comparison word" },
	{ "a word that the quote does not hold", "word: 低于, limit: pue_limit}\n        guarded: {compare: pue_guarded, op: \"<\", word: 低于", "word: 不满, limit: pue_limit}\n        guarded: {compare: pue_guarded, op: \"<\", word: 不满", "stands in the quote" },
	{ "unit missing", "value: 1000 yuan, source: 二(一)2", "value: \"1000\", source: 二(一)2", "do not measure the same" },
	{ "wrong unit", "value: 1000000 yuan", "value: 1000000 kW.h", "is needed here" },
	{ "unknown unit", "value: 1000 yuan, source: 二(一)2", "value: 1000 yuans, source: 二(一)2", "known unit" },
	{ "unknown fact", "compare: racks.$count,", "compare: rack.$count,", "is no fact" },
	{ "unknown choice in a name", "compare: racks.$count,", "compare: racks.$counts,", "unknown choice" },
	{ "unknown name", "limit: rack_limit}", "limit: rack_limits}", "did you mean 'rack_limit'" },
	{ "a number with a day", "limit: completed}", "limit: rack_limit}", "cannot be compared" },
	{ "a truth where a number is needed", "count: racks.installed", "count: pue_defined", "a number is needed here" },
	{ "an option missing", "guarded: {compare: pue_guarded", "guardet: {compare: pue_guarded", "option 'guarded'" },
	{ "default is no option", "default: simple", "default: plain", "the default is none of the options" },
	{ "figure without source", "{id: cap, value: 1000000 yuan, source: 二(一)2,", "{id: cap, value: 1000000 yuan,", "key 'source' is missing" },
	{ "unknown status", "status: \"P:16\"", "status: sure", "'sure' is no status" },
	{ "figure twice", "{id: cap, value", "{id: rate_limit, value", "stands twice" },
	{ "shares do not add up", "en: the district}, share: 50 %", "en: the district}, share: 40 %", "do not add up to 1" },
	{ "odd fen to nobody", "odd_to: city", "odd_to: moon", "needs `odd_to`" },
	{ "unknown verdict word", "name: 999 racks in every count", "names: 999 racks in every count", "unknown key 'names'" },
	{ "unknown validity event", "events: [completed, applied, window.to]", "events: [completed, born]", "'born' is none of" },
	{ "validity ends before it begins", "until: 2027-01-24\n", "until: 2020-01-24\n", "ends before it begins" },
	{ "rate without count", "  count: racks.installed\n", "", "either `rate` and `count`, or `value`" },
	{ "not YAML", "criteria:", "criteria: [", "not YAML" },
	{ "no operator", "test: {not: window.annual}", "test: {nod: window.annual}", "is no operator; did you mean 'not'?" },
	{ "a key too many in an operator", "test: {not: window.annual}", "test: {not: window.annual, or: x}", "unknown key 'or'" },
	{ "truth where a number is compared", "compare: category, op", "compare: pue_defined, op", "cannot be compared" },
	{ "division step of zero", "to: 0.01 yuan", "to: 0 yuan", "a step above 0" },
	{ "rounding mode unknown", "mode: down", "mode: sideways", "is not known for" },
};

static void bad_packs_are_named(void **state)
{
	(void)state;
	for (const struct bad_row *r = bad_rows; r < bad_rows + countof(bad_rows); r++) {
		CLEANUP(buf_done) struct buf report = { 0 };
		char *text = replaced(r->from, r->to);
		struct conf *c = conf_new();
		const struct pack *p = pack_load(c, "pack.yaml", text, strlen(text), NULL);
		conf_report(c, &report);
		if (p)
			fail_msg("row \"%s\": loaded", r->name);
		if (!report.data || !strstr(report.data, r->says) || !strstr(report.data, "pack.yaml"))
			fail_msg("row \"%s\": says: %s", r->name, report.data ? report.data : "nothing");
		conf_free(c);
		free(text);
	}
}

/* The vectors are no ornament: an edited threshold makes some of them fail. */
static const struct mutation { const char *name, *from, *to; } mutations[] = {
	{ "share limit", "value: 70 %,", "value: 71 %," },
	{ "PUE limit", "id: pue_limit, value: \"1.25\"", "id: pue_limit, value: \"1.26\"" },
	{ "PUE limit, less", "id: pue_limit, value: \"1.25\"", "id: pue_limit, value: \"1.2499\"" },
	{ "rack limit", "id: rack_limit, value: \"1000\"", "id: rack_limit, value: \"1001\"" },
	{ "rate", "value: 1000 yuan, source: 二(一)2", "value: 999 yuan, source: 二(一)2" },
	{ "cap", "value: 1000000 yuan", "value: 1000001 yuan" },
	{ "last day", "until: 2027-01-24\n", "until: 2027-01-25\n" },
	{ "first day", "  from: 2024-01-25\n", "  from: 2024-01-26\n" },
	{ "completeness", "id: complete_min, value: 99 %", "id: complete_min, value: 98.9 %" },
	{ "an event of validity", "events: [completed, applied, window.to]", "events: [completed, window.to]" },
	{ "a statement not required", "    role: operator\n    required: true", "    role: operator\n    required: false" },
	{ "no once", "once: {per: site, quote: 一次性, locator: 二(一)2}\n", "" },
	{ "no reservation for interim", "test: {not: window.annual}", "test: false" },
};

static void edited_thresholds_fail_the_vectors(void **state)
{
	(void)state;
	char before[65], after[65];
	pack_hash(pack, before);
	for (const struct mutation *m = mutations; m < mutations + countof(mutations); m++) {
		CLEANUP(buf_done) struct buf out = { 0 };
		char *text = replaced(m->from, m->to);
		struct conf *c = conf_new();
		size_t run;
		const struct pack *p = pack_load(c, "pack.yaml", text, strlen(text), NULL);
		row_check(m, p != NULL);
		row_check(m, pack_test(p, &out, &run) > 0);
		pack_hash(p, after);
		row_check(m, strcmp(before, after) != 0);
		conf_free(c);
		free(text);
	}
}

static void a_draft_bears_no_verdict(void **state)
{
	(void)state;
	char *text = replaced("status: \"P:16\"", "status: m?");
	struct conf *c = conf_new();
	struct facts f;
	struct verdict v;
	struct err err = { 0 };
	const struct pack *p = pack_load(c, "pack.yaml", text, strlen(text), NULL);
	assert_non_null(p);
	assert_true(pack_draft(p));
	facts_unknown(&f);
	assert_false(judge(p, &f, &v, &err));
	assert_int_equal(err.kind, ERR_CONFIG);
	assert_non_null(strstr(err.text, "standard_rack_power is not verified"));
	conf_free(c);
	free(text);
}

/* Facts at random around the limits, with nothing lacking. */
struct site_of_chance { struct site site; struct facts facts; struct attestation statements[3]; };

static uint64_t next(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return *seed >> 20;
}

static void make_site(struct site_of_chance *s, uint64_t *seed)
{
	static const char *const names[] = { "retrofit", "cloud_center", "operator" };
	struct facts *f = &s->facts;
	/* one in three lies just inside every limit, so that robust verdicts are met too */
	int64_t inside = next(seed) % 3 == 0;
	memset(s, 0, sizeof *s);
	facts_unknown(f);
	s->site.id = "s";
	s->site.jurisdiction = "city_district";
	f->site = &s->site;
	for (int i = 0; i < 3; i++)
		s->statements[i] = (struct attestation){ .name = names[i], .value = TRUTH_YES, .date = { 2025, 1, 1 }, .role = i == 2 ? "operator" : "applicant", .signed_ = true };
	f->attestations = s->statements;
	f->n_attestations = 3;
	f->judged = (struct date){ 2026, 6, 1 };
	f->window_from = (struct date){ 2025, 1, 1 };
	f->window_to = (struct date){ 2025, 12, 31 };
	f->completed = (struct date){ 2024, 6, 1 };
	f->applied = (struct date){ 2026, 1, 1 };
	struct kpi *k = &f->kpi;
	*k = (struct kpi){ .kind = KPI_PUE, .category = 2, .intervals = 35040, .intervals_known = 35040 };
	k->it_mwh = k->known_it_mwh = 1000000 + (int64_t)(next(seed) % 1000);
	k->total_mwh = k->known_total_mwh = k->it_mwh * (1200 + (int64_t)(next(seed) % (inside ? 45 : 100))) / 1000;
	k->complete_time_ppm[0] = k->complete_time_ppm[1] = k->complete_energy_ppm[0] = k->complete_energy_ppm[1] = 1000000;
	k->u_ppm_rho0 = (int64_t)(next(seed) % (inside ? 3000 : 20000));
	k->u_ppm_rho1 = inside || next(seed) % 8 ? k->u_ppm_rho0 + (int64_t)(next(seed) % 5000) : -1;
	struct racks *r = &f->racks;
	*r = (struct racks){ .installed = 990 + 20 * inside + (int64_t)(next(seed) % 20) };
	r->in_use = r->installed - (int64_t)(next(seed) % 10);
	r->metered = inside || next(seed) % 4 ? r->in_use : -1;
	r->standard_milli = r->installed * 1600;
	for (int id = 0; id <= SHARE_C3; id++)
		for (int n = 0; n < 2; n++)
			for (int e = 0; e < 2; e++) {
				int64_t lo = 60 + 11 * inside + (int64_t)(next(seed) % 20), hi = lo + (int64_t)(next(seed) % 4 ? 0 : next(seed) % 15);
				r->share[id][n][e] = (struct share){ lo, 100, hi, 100, true };
			}
}

/* Order in which a better site may only rise: NOT_ELIGIBLE, then UNDER, then ROBUST. */
static int rank(enum verdict_kind k)
{
	return k == VERDICT_ELIGIBLE_ROBUST ? 2 : k == VERDICT_ELIGIBLE_UNDER ? 1 : k == VERDICT_NOT_ELIGIBLE ? 0 : -1;
}

static int judged(const struct facts *f, int64_t *fen)
{
	struct verdict v;
	struct err err = { 0 };
	if (!judge(pack, f, &v, &err))
		fail_msg("%s", err.text);
	int r = rank(v.kind);
	int64_t sum = 0;
	for (size_t i = 0; i < v.n_split; i++)
		sum += v.split[i].fen;
	if (r > 0)
		assert_int_equal(sum, v.amount_fen);
	assert_true(v.amount_fen >= 0 && v.amount_fen <= 100000000);
	*fen = v.amount_fen;
	verdict_done(&v);
	return r;
}

static void improve(struct facts *f, int what, uint64_t *seed)
{
	struct racks *r = &f->racks;
	int64_t more = 1 + (int64_t)(next(seed) % 5);
	switch (what) {
	case 0:
		f->kpi.total_mwh -= more * 1000;
		f->kpi.known_total_mwh = f->kpi.total_mwh;
		break;
	case 1:
		r->installed += more;
		r->in_use += more;
		r->standard_milli += more * 1000;
		r->metered += r->metered >= 0 ? more : 0;
		break;
	case 2:
		for (int id = 0; id <= SHARE_C3; id++)
			for (int n = 0; n < 2; n++)
				for (int e = 0; e < 2; e++) {
					r->share[id][n][e].lo_num += more;
					r->share[id][n][e].hi_num += more;
				}
		break;
	default:
		f->kpi.u_ppm_rho0 -= f->kpi.u_ppm_rho0 / 2;
		f->kpi.u_ppm_rho1 -= f->kpi.u_ppm_rho1 > 0 ? f->kpi.u_ppm_rho1 / 2 : 0;
	}
}

static void a_better_site_never_loses(void **state)
{
	(void)state;
	uint64_t seed = 20240125;
	int seen[3] = { 0 };
	for (int i = 0; i < 4000; i++) {
		struct site_of_chance s;
		int64_t before_fen, after_fen;
		make_site(&s, &seed);
		int before = judged(&s.facts, &before_fen);
		assert_true(before >= 0);
		seen[before]++;
		improve(&s.facts, i % 4, &seed);
		int after = judged(&s.facts, &after_fen);
		if (after < before)
			fail_msg("step %d: improving %d took the verdict from %d to %d", i, i % 4, before, after);
	}
	/* the property is tested on every verdict, not on one */
	assert_true(seen[0] > 100 && seen[1] > 100 && seen[2] > 3);
}

static void doubtful_data_is_never_decided(void **state)
{
	(void)state;
	uint64_t seed = 7;
	for (int i = 0; i < 1000; i++) {
		struct site_of_chance s;
		int64_t fen;
		make_site(&s, &seed);
		struct kpi *k = &s.facts.kpi;
		switch (i % 6) {
		case 0:
			k->total_mwh = k->it_mwh;
			break;
		case 1:
			k->it_mwh = 0;
			break;
		case 2:
			k->findings = 1;
			break;
		case 3:
			k->complete_energy_ppm[1] = -1;
			break;
		case 4:
			k->substituted_mwh[0][CLASS_N] = 1;
			break;
		default:
			k->kind = KPI_NONE;
		}
		assert_int_equal(judged(&s.facts, &fen), -1);
		assert_int_equal(fen, 0);
	}
}

static void the_same_facts_give_the_same_bytes(void **state)
{
	(void)state;
	uint64_t seed = 99;
	for (int i = 0; i < 200; i++) {
		struct site_of_chance s;
		struct verdict a, b;
		struct facts again;
		struct err err = { 0 };
		json_t *root;
		make_site(&s, &seed);
		json_t *json = facts_json(&s.facts);
		char *text = json_dumps(json, JSON_SORT_KEYS | JSON_COMPACT);
		if (!facts_parse("facts", text, strlen(text), &again, &root, &err))
			fail_msg("%s", err.text);
		json_t *json2 = facts_json(&again);
		assert_true(json_equal(json, json2));
		assert_true(judge(pack, &s.facts, &a, &err) && judge(pack, &again, &b, &err));
		json_t *va = verdict_json(pack, &a), *vb = verdict_json(pack, &b);
		assert_true(json_equal(va, vb));
		json_decref(va);
		json_decref(vb);
		verdict_done(&a);
		verdict_done(&b);
		facts_done(&again);
		json_decref(root);
		json_decref(json);
		json_decref(json2);
		free(text);
	}
}

static const struct exit_row { enum verdict_kind kind; int code; } exit_rows[] = {
	{ VERDICT_ELIGIBLE_ROBUST, 0 }, { VERDICT_ELIGIBLE_UNDER, 11 }, { VERDICT_INCOMPLETE, 11 }, { VERDICT_INSUFFICIENT_DATA, 11 },
	{ VERDICT_NOT_ELIGIBLE, 10 },	{ VERDICT_OUTSIDE_VALIDITY, 10 }, { VERDICT_ALREADY_CLAIMED, 10 } };

static void exit_codes(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(exit_rows); i++)
		assert_int_equal(verdict_exit_code(exit_rows[i].kind), exit_rows[i].code);
}

static const struct window_row { const char *name; struct date completed, judged; const char *from, *to; bool annual; } window_rows[] = {
	{ "twelve whole months before the day", { 2024, 1, 1 }, { 2026, 1, 10 }, "2025-01-01", "2025-12-31", true },
	{ "on the first of a month", { 2024, 1, 1 }, { 2026, 1, 1 }, "2025-01-01", "2025-12-31", true },
	{ "on the last of a month: it is not over", { 2024, 1, 1 }, { 2026, 1, 31 }, "2025-01-01", "2025-12-31", true },
	{ "too soon for a year: interim since completion", { 2025, 6, 15 }, { 2026, 1, 10 }, "2025-07-01", "2025-12-31", false },
	{ "completed on the first", { 2025, 7, 1 }, { 2026, 1, 10 }, "2025-07-01", "2025-12-31", false },
	{ "no whole month yet: the year that is not decidable", { 2025, 12, 15 }, { 2026, 1, 10 }, "2025-01-01", "2025-12-31", true },
	{ "after the measures ended: the last whole months inside them", { 2024, 6, 1 }, { 2030, 1, 1 }, "2026-01-01", "2026-12-31", true },
	{ "completion not stated", { 0 }, { 2026, 1, 10 }, "2025-01-01", "2025-12-31", true },
};

static void windows_of_the_pack(void **state)
{
	(void)state;
	static const struct zone_shift shifts[] = { { { 0 }, 28800 } };
	const struct zone zone = { "Asia/Shanghai", shifts, 1 };
	for (const struct window_row *r = window_rows; r < window_rows + countof(window_rows); r++) {
		struct site site = { .retrofit_completed = r->completed };
		struct pack_window w;
		struct err err = { 0 };
		char from[DATE_TEXT], to[DATE_TEXT];
		row_check(r, pack_window_of(pack, &site, &zone, r->judged, &w, &err));
		if (strcmp(date_text(w.first_day, from), r->from) != 0 || strcmp(date_text(w.last_day, to), r->to) != 0)
			fail_msg("row \"%s\": %s..%s", r->name, from, date_text(w.last_day, to));
		row_check(r, w.annual == r->annual);
		row_check(r, zone_day_start(&zone, w.first_day).ms == w.from.ms);
	}
}

static void a_pack_is_signed_by_a_publisher(void **state)
{
	(void)state;
	struct test_signer s = { 0 };
	struct trust trust;
	struct err err = { 0 };
	CLEANUP(buf_done) struct buf statement = { 0 }, envelope = { 0 }, store = { 0 }, other_store = { 0 };
	test_signer_add_ed25519(&s, 3);
	s.ops.ctx = &s;
	s.ops.keys = s.pubs;
	assert_true(pack_statement(pack, "publisher", (struct wall){ 1700000000000 }, false, &statement, &err));
	assert_true(jws_make(&s.ops, JWS_PACK, statement.data, statement.len, true, &envelope, &err));
	trust_text(&store, &s, ",\"role\":\"publisher\"");
	assert_true(trust_parse("t", store.data, store.len, &trust, &err));
	if (!pack_signature_check(pack, &trust, envelope.data, envelope.len, &err))
		fail_msg("%s", err.text);
	/* the same signature beside an edited file */
	char *text = replaced("value: 70 %,", "value: 60 %,");
	struct conf *c = conf_new();
	const struct pack *edited = pack_load(c, "pack.yaml", text, strlen(text), NULL);
	assert_false(pack_signature_check(edited, &trust, envelope.data, envelope.len, &err));
	assert_int_equal(err.kind, ERR_EVIDENCE);
	assert_non_null(strstr(err.text, "was changed after it was signed"));
	conf_free(c);
	free(text);
	trust_done(&trust);
	/* a key of another role */
	trust_text(&other_store, &s, ",\"role\":\"agent\"");
	assert_true(trust_parse("t", other_store.data, other_store.len, &trust, &err));
	assert_false(pack_signature_check(pack, &trust, envelope.data, envelope.len, &err));
	trust_done(&trust);
	test_signer_done(&s);
}

static const struct facts_row { const char *name, *json, *says; } bad_facts[] = {
	{ "not JSON", "{", "not JSON" },
	{ "a list", "[]", "not a JSON object" },
	{ "no format", "{\"site\":{\"id\":\"a\"},\"judged\":\"2026-01-01\"}", "/format" },
	{ "format 2", "{\"format\":2,\"site\":{\"id\":\"a\"},\"judged\":\"2026-01-01\"}", "/format" },
	{ "no site", "{\"format\":1,\"judged\":\"2026-01-01\"}", "/site" },
	{ "no day of judging", "{\"format\":1,\"site\":{\"id\":\"a\"}}", "/judged" },
	{ "unknown member", "{\"format\":1,\"site\":{\"id\":\"a\"},\"judged\":\"2026-01-01\",\"x\":1}", "unknown member 'x'" },
	{ "unknown member inside", "{\"format\":1,\"site\":{\"id\":\"a\"},\"judged\":\"2026-01-01\",\"kpi\":{\"pue\":1}}", "unknown member 'pue'" },
	{ "a real number", "{\"format\":1,\"site\":{\"id\":\"a\"},\"judged\":\"2026-01-01\",\"kpi\":{\"it_mwh\":1.5}}", "/kpi/it_mwh" },
	{ "a member twice", "{\"format\":1,\"format\":1,\"site\":{\"id\":\"a\"},\"judged\":\"2026-01-01\"}", "duplicate" },
	{ "no such day", "{\"format\":1,\"site\":{\"id\":\"a\"},\"judged\":\"2026-02-30\"}", "not a day" },
	{ "negative racks", "{\"format\":1,\"site\":{\"id\":\"a\"},\"judged\":\"2026-01-01\",\"racks\":{\"installed\":-1}}", "below 0" },
	{ "denominator 0", "{\"format\":1,\"site\":{\"id\":\"a\"},\"judged\":\"2026-01-01\",\"racks\":{\"shares\":[{\"id\":\"c1\",\"network\":\"in\",\"empty\":\"in\",\"lo\":[1,0],\"hi\":[1,1]}]}}", "/shares/0" },
	{ "statement without a name", "{\"format\":1,\"site\":{\"id\":\"a\"},\"judged\":\"2026-01-01\",\"attestations\":[{}]}", "/attestations/0" },
	{ "a rate of nothing", "{\"format\":1,\"site\":{\"id\":\"a\"},\"judged\":\"2026-01-01\",\"approved_rate_fen\":0}", "/approved_rate_fen" },
};

static void bad_facts_are_named(void **state)
{
	(void)state;
	for (const struct facts_row *r = bad_facts; r < bad_facts + countof(bad_facts); r++) {
		struct facts f;
		json_t *root;
		struct err err = { 0 };
		row_check(r, !facts_parse("facts.json", r->json, strlen(r->json), &f, &root, &err));
		if (err.kind != ERR_INPUT || !strstr(err.text, r->says))
			fail_msg("row \"%s\": says: %s", r->name, err.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_packs_are_named), cmocka_unit_test(edited_thresholds_fail_the_vectors), cmocka_unit_test(a_draft_bears_no_verdict),
		cmocka_unit_test(a_better_site_never_loses), cmocka_unit_test(doubtful_data_is_never_decided),
		cmocka_unit_test(the_same_facts_give_the_same_bytes), cmocka_unit_test(exit_codes), cmocka_unit_test(windows_of_the_pack),
		cmocka_unit_test(a_pack_is_signed_by_a_publisher), cmocka_unit_test(bad_facts_are_named),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
