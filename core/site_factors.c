#include "core/site_factors.h"
#include "core/site_fields.h"

#include <string.h>

const struct conf_name factor_kind_names[] = {
	{ "grid_co2", FACTOR_GRID_CO2 }, { "fuel_co2", FACTOR_FUEL_CO2 }, { "generator_co2", FACTOR_GENERATOR_CO2 }, { "heat_co2", FACTOR_HEAT_CO2 },
	{ "coal_equivalent", FACTOR_COAL }, { NULL }
};

/* "0.5306 kg/kW.h": an exact number of kilograms a kilowatt-hour. */
static bool read_kg_per_kwh(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	static const struct { const char *unit; int64_t num, den; } units[] = {
		{ "kg/kW.h", 1, 1 }, { "kg/kWh", 1, 1 }, { "g/kW.h", 1, 1000 }, { "g/kWh", 1, 1000 }, { "t/MW.h", 1, 1 }, { "t/MWh", 1, 1 },
	};
	const char *text = conf_scalar(n), *unit;
	size_t len = text ? strspn(text, "0123456789.") : 0;
	struct ratio r;
	char digits[32];
	(void)arg;
	if (!len || len >= sizeof digits) {
		conf_problem(c, n, "a factor is a number with its unit; write, for example, 0.5 kg/kW.h");
		return false;
	}
	memcpy(digits, text, len);
	digits[len] = 0;
	unit = text + len + strspn(text + len, " ");
	for (size_t i = 0; i < countof(units); i++) {
		if (strcmp(units[i].unit, unit) || !ratio_parse(digits, &r))
			continue;
		__int128 micro = (__int128)r.num * 1000000 * units[i].num, den = (__int128)r.den * units[i].den;
		if (micro % den || micro / den <= 0 || micro / den > 100000000) {
			conf_problem(c, n, "'%.40s' is not above 0, not below 100 kg/kW.h, or has more than six decimals", text);
			return false;
		}
		*(int64_t *)out = (int64_t)(micro / den);
		return true;
	}
	conf_problem(c, n, "'%.40s' has no unit that is known here; use kg/kW.h, g/kW.h or t/MW.h", text);
	return false;
}

static bool read_status(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	static const char *const known[] = { "S", "M", "D", "m+", "m?" };
	const char *text = conf_scalar(n) ?: "";
	bool good = text[0] == 'P' && text[1] == ':' && text[2];
	(void)arg;
	for (size_t i = 0; i < countof(known); i++)
		good = good || !strcmp(known[i], text);
	if (!good) {
		conf_problem(c, n, "'%.20s' is no status; use S, P:n, M, D, m+ (not checked against the text) or m? (unverified)", text);
		return false;
	}
	*(const char **)out = text;
	return true;
}

const struct conf_field site_factor_fields[] = {
	{ "kind", conf_enum, offsetof(struct site_factor, kind), CONF_REQUIRED, factor_kind_names },
	{ "value", read_kg_per_kwh, offsetof(struct site_factor, micro), CONF_REQUIRED },
	{ "source", conf_text, offsetof(struct site_factor, source), CONF_REQUIRED },
	{ "status", read_status, offsetof(struct site_factor, status) },
	{ "from", conf_wall, offsetof(struct site_factor, from) },
	{ "to", conf_wall, offsetof(struct site_factor, to) },
	{ NULL }
};

static bool read_factor_row(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	struct site_factor f = { .kind = -1, .status = "m?", .from = { INT64_MIN }, .to = { INT64_MAX }, .place = conf_place(n) };
	bool good = conf_struct(c, n, &f, arg);
	if (good && !*f.source) {
		conf_problem(c, n, "a factor needs its source: the document, its date and where it stands");
		good = false;
	}
	*(struct site_factor *)out = f;
	return good;
}

const struct conf_list site_factor_list = { read_factor_row, sizeof(struct site_factor), site_factor_fields, 0, 1000 };

const struct site_factor *site_factor_at(const struct site *s, int kind, struct wall at)
{
	const struct site_factor *f = site_factors(s);
	for (size_t i = 0; i < s->factors.n; i++)
		if (f[i].kind == kind && f[i].from.ms <= at.ms && at.ms < f[i].to.ms)
			return &f[i];
	return NULL;
}

int factor_of_role(int role)
{
	/* other use leaves the boundary with the grid's CO2; PV has none, and what is exported was counted by nobody */
	static const struct { int role, kind; } rows[] = {
		{ ROLE_SUPPLY, FACTOR_GRID_CO2 }, { ROLE_OTHER_USE, FACTOR_GRID_CO2 }, { ROLE_FUEL, FACTOR_FUEL_CO2 },
		{ ROLE_GENERATOR, FACTOR_GENERATOR_CO2 }, { ROLE_HEAT, FACTOR_HEAT_CO2 },
	};
	for (size_t i = 0; i < countof(rows); i++)
		if (rows[i].role == role)
			return rows[i].kind;
	return FACTOR_N;
}

bool factor_verified(const struct site_factor *f) { return f->status && f->status[0] != 'm'; }

void site_factors_check(struct conf *c, const struct conf_node *list, const struct site *s)
{
	const struct site_factor *f = site_factors(s);
	for (size_t i = 0; i < s->factors.n; i++) {
		const struct conf_node *n = conf_item(list, i);
		if (f[i].from.ms >= f[i].to.ms)
			conf_problem(c, n, "this factor ends before it begins; exchange 'from' and 'to', or correct one");
		for (size_t k = 0; k < i; k++)
			if (f[k].kind == f[i].kind && f[k].from.ms < f[i].to.ms && f[i].from.ms < f[k].to.ms) {
				conf_problem(c, n, "two factors of kind %s hold at the same time (the other: line %d); give one of them an end",
					     conf_name_of(factor_kind_names, f[i].kind), f[k].place.line);
				break;
			}
	}
}

void site_factors_canonical(const struct site *s, struct buf *out)
{
	const struct site_factor *f = site_factors(s);
	char text[WALL_TEXT];
	/* nothing when there is none: a key added to the format changes no text of yesterday */
	for (size_t i = 0; i < s->factors.n; i++) {
		buf_printf(out, "%s{\"kind\":\"%s\",\"micro\":%lld,\"source\":", i ? "," : ",\"factors\":[", conf_name_of(factor_kind_names, f[i].kind), (long long)f[i].micro);
		buf_json(out, f[i].source);
		buf_str(out, ",\"status\":");
		buf_json(out, f[i].status);
		if (f[i].from.ms != INT64_MIN)
			buf_printf(out, ",\"from\":\"%s\"", wall_text(f[i].from, text));
		if (f[i].to.ms != INT64_MAX)
			buf_printf(out, ",\"to\":\"%s\"", wall_text(f[i].to, text));
		buf_str(out, "}");
	}
	buf_str(out, s->factors.n ? "]" : "");
}
