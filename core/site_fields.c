/* The tables of core/site_fields.h and the readers that only a site needs. */
#include "core/site_factors.h"
#include "core/site_fields.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct conf_name role_names[] = {
	{ "supply", ROLE_SUPPLY }, { "pv", ROLE_PV }, { "generator", ROLE_GENERATOR }, { "fuel", ROLE_FUEL }, { "heat", ROLE_HEAT },
	{ "export", ROLE_EXPORT }, { "other_use", ROLE_OTHER_USE }, { "transformer", ROLE_TRANSFORMER }, { "ups_input", ROLE_UPS_INPUT },
	{ "distribution", ROLE_DISTRIBUTION }, { "it", ROLE_IT }, { "non_it", ROLE_NON_IT }, { "cooling", ROLE_COOLING },
	{ "lighting", ROLE_LIGHTING }, { "other", ROLE_OTHER }, { "bus", ROLE_BUS }, { "rack", ROLE_RACK }, { "reuse", ROLE_REUSE },
	{ "water", ROLE_WATER }, { "renewable", ROLE_RENEWABLE }, { NULL }
};
const struct conf_name point_names[] = {
	{ "ups_output", POINT_UPS_OUTPUT }, { "pdu_output", POINT_PDU_OUTPUT }, { "row_cabinet", POINT_ROW_CABINET },
	{ "rack_inlet", POINT_RACK_INLET }, { "rack_outlet", POINT_RACK_OUTLET }, { "it_input", POINT_IT_INPUT }, { NULL }
};
const struct conf_name function_names[] = {
	{ "compute", FUNCTION_COMPUTE }, { "storage", FUNCTION_STORAGE }, { "network", FUNCTION_NETWORK }, { "other", FUNCTION_OTHER },
	{ "empty", FUNCTION_EMPTY }, { "unknown", FUNCTION_UNKNOWN }, { NULL }
};
const struct conf_name direction_names[] = {
	{ "import", DIRECTION_IMPORT }, { "export", DIRECTION_EXPORT }, { "net", DIRECTION_NET }, { NULL }
};
const struct conf_name applied_names[] = { { "meter", APPLIED_METER }, { "pued", APPLIED_PUED }, { NULL } };

const char *conf_name_of(const struct conf_name *names, int value)
{
	for (; names->name; names++)
		if (names->value == value)
			return names->name;
	return "?";
}

static bool refuse(struct conf *c, const struct conf_node *n, const char *what)
{
	if (conf_scalar(n))
		conf_problem(c, n, "'%.60s' is not %s", conf_scalar(n), what);
	else
		conf_problem(c, n, "%s must be %s", conf_path(c, n), what);
	return false;
}

/* One line of text for people. */
static bool read_line(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	const char *text = conf_scalar(n);
	(void)arg;
	if (!text)
		return refuse(c, n, "a text");
	if (!*text || strlen(text) > 200)
		return refuse(c, n, "a text of 1 to 200 bytes");
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return refuse(c, n, "one line; remove line breaks and control characters");
	*(const char **)out = text;
	return true;
}

static const struct conf_field bilingual_fields[] = {
	{ "zh", read_line, offsetof(struct bilingual, zh), CONF_REQUIRED },
	{ "en", read_line, offsetof(struct bilingual, en), CONF_REQUIRED },
	{ NULL }
};

static bool read_bilingual(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	struct bilingual *both = out;
	const char *text;
	(void)arg;
	if (conf_kind(n) == CONF_MAPPING)
		return conf_struct(c, n, both, bilingual_fields);
	if (!read_line(c, n, &text, NULL))
		return false;
	*both = (struct bilingual){ text, text };
	return true;
}

/* 统一社会信用代码, GB 32100-2015: 18 characters without I O S V Z; the last makes the sum weighted by 3^i mod 31 vanish. */
static char social_code_check(const char *code)
{
	static const char set[] = "0123456789ABCDEFGHJKLMNPQRTUWXY";
	int sum = 0, weight = 1;
	for (int i = 0; i < 17; i++, weight = weight * 3 % 31) {
		const char *p = strchr(set, code[i]);
		if (!p)
			return 0;
		sum += (int)(p - set) * weight;
	}
	return set[(31 - sum % 31) % 31];
}

static bool read_social_code(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	const char *text;
	if (!read_line(c, n, &text, arg))
		return false;
	if (strlen(text) != 18) {
		conf_warning(c, n, "'%.40s' is no 统一社会信用代码 (18 characters); a company of another country may keep it", text);
	} else if (!social_code_check(text)) {
		return refuse(c, n, "a 统一社会信用代码; it has digits and capital letters without I, O, S, V, Z");
	} else if (social_code_check(text) != text[17]) {
		conf_problem(c, n, "统一社会信用代码 '%s': its check character would be '%c'; look for a typing error", text, social_code_check(text));
		return false;
	}
	*(const char **)out = text;
	return true;
}

static bool read_zone(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	const char *text = conf_scalar(n);
	(void)arg;
	if (!text || !*text || strlen(text) > 60 || text[0] == '/' || strstr(text, "..") ||
	    text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/")])
		return refuse(c, n, "a time zone; write an IANA name such as Asia/Shanghai");
	*(const char **)out = text;
	return true;
}

static bool read_ppm(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	const struct conf_range *range = arg;
	const char *text = conf_scalar(n);
	struct ratio r;
	char digits[32];
	size_t len = text ? strspn(text, "0123456789.+-eE/") : 0;
	if (!text || !len || len >= sizeof digits || strcmp(text + len + strspn(text + len, " "), "%"))
		return refuse(c, n, "a share; write a number and %, such as 1.5 %");
	memcpy(digits, text, len);
	digits[len] = 0;
	if (!ratio_parse(digits, &r) || __builtin_mul_overflow(r.num, 10000, &r.num) || r.num % r.den)
		return refuse(c, n, "a share with at most four decimals, such as 1.5 %");
	int64_t ppm = r.num / r.den;
	if (ppm < range->min || ppm > range->max) {
		conf_problem(c, n, "'%s' is outside %g..%g %%", text, (double)range->min / 10000, (double)range->max / 10000);
		return false;
	}
	*(int64_t *)out = ppm;
	return true;
}

/* Classes of IEC 62053-21/-22 (GB/T 17215), IEC 61869-2/-3, IEC 61557-12; "1 %" where a vendor states no class. */
int64_t class_limit_ppm(const char *text)
{
	static const char *const known[] = { "0.05", "0.1", "0.1S", "0.2", "0.2S", "0.5", "0.5S", "1", "1.5", "2", "2.5", "3", "5" };
	struct ratio r;
	char digits[16];
	size_t len = text ? strspn(text, "0123456789.") : 0;
	if (!len || len >= sizeof digits)
		return -1;
	memcpy(digits, text, len);
	digits[len] = 0;
	bool percent = !strcmp(text + len + strspn(text + len, " "), "%"), listed = false;
	for (size_t i = 0; i < countof(known); i++)
		listed = listed || !strcmp(known[i], text);
	if ((!percent && !listed) || !ratio_parse(digits, &r) || __builtin_mul_overflow(r.num, 10000, &r.num))
		return -1;
	int64_t ppm = r.num / r.den;
	return ppm > 0 && ppm <= 100000 ? ppm : -1;
}

static bool read_class(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	(void)arg;
	if (class_limit_ppm(conf_scalar(n)) < 0)
		return refuse(c, n, "an accuracy class; write 0.2S, 0.5S, 0.2, 0.5, 1, 2, or a limit of error such as 1 %");
	*(const char **)out = conf_scalar(n);
	return true;
}

/* "300/5": the numbers as engraved; 300/5 is not 60/1, since the first is also the rated primary current. */
static bool read_plate(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	const char *text = conf_scalar(n), *slash = text ? strchr(text, '/') : NULL;
	struct plate p = { 0, 0 };
	(void)arg;
	if (slash && slash != text && slash - text < 9 && strlen(slash + 1) < 9 && slash[1] &&
	    strspn(text, "0123456789") == (size_t)(slash - text) && !slash[1 + strspn(slash + 1, "0123456789")])
		p = (struct plate){ strtoll(text, NULL, 10), strtoll(slash + 1, NULL, 10) };
	if (!p.primary || !p.secondary)
		return refuse(c, n, "a ratio as on the name plate; write primary/secondary, such as 300/5 or 10000/100");
	*(struct plate *)out = p;
	return true;
}

static bool read_modulus(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	if (conf_scalar(n) && !strcmp(conf_scalar(n), "none")) {
		*(int64_t *)out = -1;
		return true;
	}
	return conf_int(c, n, out, arg);
}

/* A secret is named, never written down. */
static const struct conf_field secret_fields[] = { { "credential", conf_id, 0, CONF_REQUIRED }, { NULL } };

static bool read_secret(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	(void)arg;
	if (conf_kind(n) == CONF_MAPPING)
		return conf_struct(c, n, out, secret_fields);
	conf_problem(c, n, "a secret does not belong into this file; write {credential: NAME} and give the secret as a credential of that name");
	return false;
}

/* All ids or none: a list with a hole is nobody's. */
static bool whole_list(struct conf *c, const struct conf_node *n, struct conf_vec *out)
{
	static const struct conf_list ids = { conf_id, sizeof(const char *), NULL, 0, 64 };
	if (conf_list_of(c, n, out, &ids))
		return true;
	*out = (struct conf_vec){ 0 };
	return false;
}

/* [a, b], or "a; b" from a CSV cell. */
static bool read_ids(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	const char *text = conf_scalar(n);
	if (!text)
		return whole_list(c, n, out);
	struct conf_node *list = conf_make(c, conf_place(n), CONF_SEQUENCE, 64);
	char *copy = conf_copy(c, text), *rest = copy;
	(void)arg;
	for (char *word; list && copy && (word = strtok_r(rest, "; ", &rest));) {
		struct conf_node *one = conf_make_scalar(c, conf_place(n), word);
		if (!one || conf_count(list) == 64)
			return refuse(c, n, "a list of at most 64 meters");
		conf_add(list, NULL, one);
	}
	return list && copy && whole_list(c, list, out);
}

static bool read_instant(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	struct date day;
	if (conf_scalar(n) && date_parse(conf_scalar(n), &day, NULL))
		return refuse(c, n, "an instant; write the time and the offset too, such as 2025-03-01T00:00:00+08:00");
	return conf_wall(c, n, out, arg);
}

/* A factor changes a number that money hangs on: it needs its source. */
static const struct conf_range u_range = { 0, 500000 };
static const struct conf_field factor_fields[] = {
	{ "value", conf_ratio, offsetof(struct meter, factor), CONF_REQUIRED },
	{ "source", read_line, offsetof(struct meter, factor_source), CONF_REQUIRED },
	{ "uncertainty", read_ppm, offsetof(struct meter, factor_u_ppm), 0, &u_range },
	{ NULL }
};

static bool read_factor(struct conf *c, const struct conf_node *n, void *out, const void *fields)
{
	struct meter *m = out;
	if (conf_kind(n) != CONF_MAPPING) {
		conf_problem(c, n, "a factor needs its source; write {value: %.20s, source: \"where it comes from\", uncertainty: 0.5 %%}",
			     conf_scalar(n) ?: "1.02");
		return false;
	}
	if (!conf_struct(c, n, m, fields))
		return false;
	if (m->factor.num <= 0) {
		conf_problem(c, conf_get(n, "value"), "a factor must be above 0");
		return false;
	}
	return true;
}

/* One of a table's words, kept as text. */
static bool read_word(struct conf *c, const struct conf_node *n, void *out, const void *names)
{
	int known;
	if (!conf_enum(c, n, &known, names))
		return false;
	*(const char **)out = conf_scalar(n);
	return true;
}

static const struct conf_name feed_words[] = { { "compute", 0 }, { "storage", 0 }, { "network", 0 }, { "other", 0 }, { "mixed", 0 }, { NULL } };

static bool read_voltage(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	const struct conf_range *range = arg;
	const char *text = conf_scalar(n);
	size_t len = text ? strspn(text, "0123456789.") : 0;
	const char *unit = text ? text + len + strspn(text + len, " ") : "";
	int64_t scale = !strcmp(unit, "V") ? 1000 : !strcmp(unit, "kV") ? 1000000 : 0, mv;
	struct ratio r;
	char digits[24];
	if (!scale || !len || len >= sizeof digits)
		return refuse(c, n, "a voltage; write a number and V or kV, such as 400 V");
	memcpy(digits, text, len);
	digits[len] = 0;
	if (!ratio_parse(digits, &r) || __builtin_mul_overflow(r.num, scale, &mv) || mv % r.den || mv / r.den < range->min || mv / r.den > range->max)
		return refuse(c, n, "a voltage between 1 V and 500 kV");
	*(int64_t *)out = mv / r.den;
	return true;
}

static bool read_phases(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	const char *text = conf_scalar(n);
	(void)arg;
	if (!text || (strcmp(text, "1") && strcmp(text, "3")))
		return refuse(c, n, "a number of phases; write 1 or 3");
	*(int64_t *)out = text[0] - '0';
	return true;
}

static const struct conf_range voltage_range = { 1000, INT64_C(500000000) };
#define ENTRY(member) offsetof(struct meter_entry, m.member)
#define INSTALLED(base, member) ((base) + offsetof(struct meter_epoch, member))
/* What a meter is, while it is installed: at the meter for all its epochs, or in one. */
#define INSTALLED_FIELDS(base)                                                                                          \
	{ "serial", read_line, INSTALLED(base, serial) },                                                               \
	{ "model", read_line, INSTALLED(base, model) },                                                                 \
	{ "class", read_class, INSTALLED(base, meter_class) },                                                          \
	{ "ct_class", read_class, INSTALLED(base, ct_class) },                                                          \
	{ "pt_class", read_class, INSTALLED(base, pt_class) },                                                          \
	{ "ct", read_plate, INSTALLED(base, ct_plate) },                                                                \
	{ "pt", read_plate, INSTALLED(base, pt_plate) },                                                                \
	{ "applied_by", conf_enum, INSTALLED(base, applied_by), 0, applied_names },                                     \
	{ "count", conf_count_mwh, INSTALLED(base, count_mwh) },                                                            \
	{ "modulus", read_modulus, INSTALLED(base, modulus), 0, &modulus_range },                                       \
	{ "certificate", read_line, INSTALLED(base, certificate) },                                                     \
	{ "calibrated_until", conf_date, INSTALLED(base, calibrated_until) }

static const struct conf_range modulus_range = { 2, INT64_MAX }, p_max_range = { 1000, INT64_C(10000000000000) }, loss_range = { 0, 300000 };
static const struct conf_range any_range = { INT64_MIN, INT64_MAX };

const struct conf_field epoch_fields[] = {
	{ "from", read_instant, offsetof(struct meter_epoch, from) },
	{ "to", read_instant, offsetof(struct meter_epoch, to) },
	{ "first", conf_int, offsetof(struct meter_epoch, first), 0, &any_range, CONF_SEEN(struct meter_epoch, has_first) },
	{ "last", conf_int, offsetof(struct meter_epoch, last), 0, &any_range, CONF_SEEN(struct meter_epoch, has_last) },
	{ "reason", read_line, offsetof(struct meter_epoch, reason) },
	{ "by", read_line, offsetof(struct meter_epoch, by) },
	INSTALLED_FIELDS(0),
	{ NULL }
};

#define NEXT(member) offsetof(struct exchange_entry, next.member)
const struct conf_field exchange_fields[] = {
	{ "id", conf_id, offsetof(struct exchange_entry, meter), CONF_REQUIRED },
	{ "at", read_instant, offsetof(struct exchange_entry, at), CONF_REQUIRED },
	{ "from", read_instant, NEXT(from), 0, NULL, CONF_SEEN(struct exchange_entry, has_from) },
	{ "last", conf_int, NEXT(last), CONF_REQUIRED, &any_range },
	{ "first", conf_int, NEXT(first), CONF_REQUIRED, &any_range },
	{ "reason", read_line, NEXT(reason), CONF_REQUIRED },
	INSTALLED_FIELDS(offsetof(struct exchange_entry, next)),
	{ NULL }
};

#define READING(member) offsetof(struct reading_entry, member)
const struct conf_field reading_fields[] = {
	{ "id", conf_id, READING(meter), CONF_REQUIRED },
	{ "from", read_instant, READING(from), CONF_REQUIRED },
	{ "to", read_instant, READING(to), CONF_REQUIRED },
	{ "energy", conf_energy_mwh, READING(energy_mwh), 0, &any_range, CONF_SEEN(struct reading_entry, has_energy) },
	{ "first", conf_int, READING(first), 0, &any_range, CONF_SEEN(struct reading_entry, has_first) },
	{ "last", conf_int, READING(last), 0, &any_range, CONF_SEEN(struct reading_entry, has_last) },
	{ "reason", read_line, READING(reason), CONF_REQUIRED },
	{ "document", read_line, READING(document) },
	{ NULL }
};

const struct conf_field meter_fields[] = {
	{ "id", conf_id, ENTRY(id) },
	{ "label", read_line, ENTRY(label) },
	{ "role", conf_enum, ENTRY(role), 0, role_names },
	{ "parent", conf_id, ENTRY(parent) },
	{ "point", conf_enum, ENTRY(point), 0, point_names },
	{ "device", conf_id, ENTRY(device) },
	{ "energy", conf_id, ENTRY(energy) },
	{ "power", conf_id, ENTRY(power) },
	{ "direction", conf_enum, ENTRY(direction), 0, direction_names },
	{ "p_max", conf_power_mw, ENTRY(p_max_mw), 0, &p_max_range },
	{ "nominal", conf_power_mw, ENTRY(nominal_mw), 0, &p_max_range },
	{ "factor", read_factor, offsetof(struct meter_entry, m), 0, factor_fields },
	{ "voltage", read_voltage, ENTRY(voltage_mv), 0, &voltage_range },
	{ "phases", read_phases, ENTRY(phases) },
	{ "losses", read_ppm, ENTRY(loss_ppm), 0, &loss_range },
	{ "hall", conf_id, ENTRY(hall) },
	{ "feeds", read_word, ENTRY(feeds), 0, feed_words },
	INSTALLED_FIELDS(offsetof(struct meter_entry, installed)),
	{ "epochs", conf_node_of, offsetof(struct meter_entry, epochs) },
	{ NULL }
};

static const struct conf_range poll_range = { 100, 86400000 }, deadline_range = { 10, 600000 }, gap_range = { 0, 60000 }, retry_range = { 0, 10 };
#define DEVICE(member) offsetof(struct device_entry, d.member)
const struct conf_field device_fields[] = {
	{ "id", conf_id, DEVICE(id) },
	{ "profile", conf_id, DEVICE(profile) },
	{ "endpoint", read_line, DEVICE(endpoint) },
	{ "credential", conf_id, DEVICE(credential) },
	{ "poll", conf_duration_ms, DEVICE(poll_ms), 0, &poll_range },
	{ "deadline", conf_duration_ms, DEVICE(deadline_ms), 0, &deadline_range },
	{ "retries", conf_int, DEVICE(retries), 0, &retry_range },
	{ "min_gap", conf_duration_ms, DEVICE(min_gap_ms), 0, &gap_range },
	{ "any_source", conf_bool, DEVICE(any_source) },
	{ "allow_weak", conf_bool, DEVICE(allow_weak) },
	{ "overrides", conf_node_of, offsetof(struct device_entry, overrides) },
	{ NULL }
};

static const struct conf_range rated_range = { 1000, 1000000000 }, share_range = { 0, 1000000 };
#define RACK(member) offsetof(struct rack_entry, r.member)
const struct conf_field rack_fields[] = {
	{ "id", conf_id, RACK(id) },
	{ "hall", conf_id, RACK(hall) },
	{ "row", conf_id, RACK(row) },
	{ "function", conf_enum, RACK(function), 0, function_names },
	{ "rated", conf_power_mw, RACK(rated_mw), 0, &rated_range },
	{ "compute", read_ppm, RACK(compute_ppm), 0, &share_range },
	{ "feeds", read_ids, RACK(feeds) },
	{ "installed", read_instant, RACK(installed) },
	{ "removed", read_instant, RACK(removed) },
	{ NULL }
};

static const struct conf_field party_fields[] = {
	{ "name", read_bilingual, offsetof(struct party, name), CONF_REQUIRED },
	{ "code", read_social_code, offsetof(struct party, code) },
	{ "representative", read_line, offsetof(struct party, representative) },
	{ "contact", read_line, offsetof(struct party, contact) },
	{ "address", read_line, offsetof(struct party, address) },
	{ NULL }
};

static bool read_interval(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	int64_t ms;
	if (!conf_duration_ms(c, n, &ms, arg))
		return false;
	if (ms != 900000 && ms != 1800000 && ms != 3600000)
		return refuse(c, n, "an interval; write 15m, 30m or 60m");
	*(int64_t *)out = ms;
	return true;
}

static const struct conf_name editions[] = { { "ISO/IEC 30134-2:2026", 0 }, { "ISO/IEC 30134-2:2016", 0 }, { "EN 50600-4-2:2016", 0 },
					     { "GB 40879-2021", 0 }, { NULL } };

static bool read_code6(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	const char *text = conf_scalar(n);
	(void)arg;
	if (!text || strlen(text) != 6 || text[strspn(text, "0123456789")])
		return refuse(c, n, "an administrative code; write the six digits of GB/T 2260, such as \"130600\"");
	*(const char **)out = text;
	return true;
}

static const struct conf_range clock_range = { 1, 60000 };
const struct conf_field site_fields[] = {
	{ "id", conf_id, offsetof(struct site, id), CONF_REQUIRED },
	{ "name", read_bilingual, offsetof(struct site, name), CONF_REQUIRED },
	{ "timezone", read_zone, offsetof(struct site, zone), CONF_REQUIRED },
	{ "simulated", conf_bool, offsetof(struct site, simulated) },
	{ "address", read_bilingual, offsetof(struct site, address) },
	{ "administrative_code", read_code6, offsetof(struct site, administrative_code) },
	{ "jurisdiction", conf_id, offsetof(struct site, jurisdiction) },
	{ "applicant", conf_struct, offsetof(struct site, applicant), 0, party_fields },
	{ "operator", conf_struct, offsetof(struct site, operator_), 0, party_fields },
	{ "operation_start", conf_date, offsetof(struct site, operation_start) },
	{ "retrofit_completed", conf_date, offsetof(struct site, retrofit_completed) },
	{ "boundary", read_line, offsetof(struct site, boundary) },
	{ "standard", read_word, offsetof(struct site, standard), 0, editions },
	{ "interval", read_interval, offsetof(struct site, interval_ms) },
	{ "clock_limit", conf_duration_ms, offsetof(struct site, clock_limit_ms), 0, &clock_range },
	{ NULL }
};

static const struct conf_field defaults_fields[] = {
	{ "meters", conf_struct, offsetof(struct defaults, meters), 0, meter_fields },
	{ "devices", conf_struct, offsetof(struct defaults, devices), 0, device_fields },
	{ "racks", conf_struct, offsetof(struct defaults, racks), 0, rack_fields },
	{ NULL }
};

static bool read_topic(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	const char *text;
	if (!read_line(c, n, &text, arg))
		return false;
	if (strpbrk(text, "+#") || text[0] == '/' || text[strlen(text) - 1] == '/')
		return refuse(c, n, "the first part of a topic; leave out + and # and outer slashes, such as pued/v1");
	*(const char **)out = text;
	return true;
}

static bool read_loopback(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	const char *text = conf_scalar(n);
	(void)arg;
	if (!text || (strcmp(text, "127.0.0.1") && strcmp(text, "::1") && strcmp(text, "localhost"))) {
		conf_problem(c, n, "http listens on this machine only; write 127.0.0.1 and put a proxy with TLS and log-in before it");
		return false;
	}
	*(const char **)out = text;
	return true;
}

static bool read_mqtt_version(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	const char *text = conf_scalar(n);
	(void)arg;
	if (!text || (strcmp(text, "3") && strcmp(text, "5")))
		return refuse(c, n, "an MQTT version; write 3 (for 3.1.1) or 5");
	*(int64_t *)out = text[0] - '0';
	return true;
}

static const struct conf_range port_range = { 1, 65535 }, listen_range = { 0, 65535 }, days_range = { 1, 36500 };
static const struct conf_field mqtt_fields[] = {
	{ "host", read_line, offsetof(struct site, mqtt.host), CONF_REQUIRED },
	{ "port", conf_int, offsetof(struct site, mqtt.port), 0, &port_range },
	{ "tls", conf_bool, offsetof(struct site, mqtt.tls) },
	{ "ca", read_line, offsetof(struct site, mqtt.ca) },
	{ "cert", read_line, offsetof(struct site, mqtt.cert) },
	{ "key", read_line, offsetof(struct site, mqtt.key) },
	{ "user", read_line, offsetof(struct site, mqtt.user) },
	{ "password", read_secret, offsetof(struct site, mqtt.password) },
	{ "version", read_mqtt_version, offsetof(struct site, mqtt.version) },
	{ "topic", read_topic, offsetof(struct site, mqtt.topic) },
	{ "keep_days", conf_int, offsetof(struct site, mqtt.outbox_days), 0, &days_range },
	{ NULL }
};
static const struct conf_field http_fields[] = {
	{ "address", read_loopback, offsetof(struct site, http.address) },
	{ "port", conf_int, offsetof(struct site, http.port), 0, &listen_range },
	{ NULL }
};
static bool read_listen(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	const char *text = conf_scalar(n), *colon = text ? strrchr(text, ':') : NULL;
	char *end = NULL;
	long port = colon ? strtol(colon + 1, &end, 10) : 0;
	(void)arg;
	if (!text || (strcmp(text, "systemd") && (!colon || colon == text || *end || port < 1 || port > 65535)))
		return refuse(c, n, "where traps are received; write ADDRESS:PORT such as 0.0.0.0:1162, or systemd for the port of pued-traps.socket");
	*(const char **)out = text;
	return true;
}

static const struct conf_field traps_fields[] = {
	{ "listen", read_listen, offsetof(struct site, traps.listen), CONF_REQUIRED },
	{ NULL }
};
static const struct conf_field store_fields[] = {
	{ "dir", read_line, offsetof(struct site, state_dir) },
	{ "raw_days", conf_int, offsetof(struct site, raw_days), 0, &days_range },
	{ NULL }
};

static bool read_version(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	if (!conf_scalar(n) || strcmp(conf_scalar(n), "1"))
		return refuse(c, n, "a version this program reads; write 1");
	return conf_int(c, n, out, arg);
}

const struct conf_field root_fields[] = {
	{ "version", read_version, offsetof(struct root, version), CONF_REQUIRED },
	{ "site", conf_struct, offsetof(struct root, site), CONF_REQUIRED, site_fields },
	{ "defaults", conf_struct, offsetof(struct root, defaults), 0, defaults_fields },
	{ "meters", conf_node_of, offsetof(struct root, meters), CONF_REQUIRED },
	{ "devices", conf_node_of, offsetof(struct root, devices), CONF_REQUIRED },
	{ "racks", conf_node_of, offsetof(struct root, racks) },
	{ "factors", conf_list_of, offsetof(struct root, site.factors), 0, &site_factor_list },
	{ "mqtt", conf_struct, offsetof(struct root, site), 0, mqtt_fields },
	{ "http", conf_struct, offsetof(struct root, site), 0, http_fields },
	{ "traps", conf_struct, offsetof(struct root, site), 0, traps_fields },
	{ "store", conf_struct, offsetof(struct root, site), 0, store_fields },
	{ "pack", conf_id, offsetof(struct root, site.pack) },
	{ "signing_key", conf_id, offsetof(struct root, site.key_id) },
	{ "signer", read_line, offsetof(struct root, site.signer) },
	{ NULL }
};

/* How each reader's value is written into the canonical text. */
static const struct { conf_reader *read; enum print_kind kind; enum print_unit unit; } kinds[] = {
	{ conf_id, PRINT_TEXT }, { read_line, PRINT_TEXT }, { read_word, PRINT_TEXT }, { read_zone, PRINT_TEXT }, { read_class, PRINT_TEXT },
	{ read_social_code, PRINT_TEXT }, { read_code6, PRINT_TEXT }, { read_topic, PRINT_TEXT }, { read_loopback, PRINT_TEXT }, { read_listen, PRINT_TEXT },
	{ read_secret, PRINT_SECRET }, { read_version, PRINT_INT }, { conf_int, PRINT_INT }, { conf_duration_ms, PRINT_INT, PRINT_MS }, { conf_power_mw, PRINT_INT, PRINT_MW },
	{ read_ppm, PRINT_INT, PRINT_PPM }, { read_modulus, PRINT_INT, PRINT_MODULUS }, { read_interval, PRINT_INT, PRINT_MS }, { read_mqtt_version, PRINT_INT }, { read_voltage, PRINT_STATED, PRINT_MV }, { read_phases, PRINT_STATED },
	{ conf_bool, PRINT_BOOL }, { conf_enum, PRINT_ENUM }, { conf_ratio, PRINT_RATIO }, { conf_count_mwh, PRINT_RATIO, PRINT_MWH },
	{ read_plate, PRINT_PLATE }, { read_instant, PRINT_WALL }, { conf_date, PRINT_DATE }, { read_ids, PRINT_IDS },
	{ read_bilingual, PRINT_BILINGUAL }, { conf_struct, PRINT_STRUCT }, { read_factor, PRINT_STRUCT }, { conf_node_of, PRINT_NODE },
};

enum print_kind site_print_kind(const struct conf_field *f)
{
	for (size_t i = 0; i < countof(kinds); i++)
		if (kinds[i].read == f->read)
			return kinds[i].kind;
	return PRINT_NODE;
}

enum print_unit site_print_unit(const struct conf_field *f)
{
	for (size_t i = 0; i < countof(kinds); i++)
		if (kinds[i].read == f->read)
			return kinds[i].unit;
	return PRINT_PLAIN;
}
