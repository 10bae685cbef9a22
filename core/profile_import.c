#include "core/profile_import.h"
#include "core/csv.h"
#include "core/type.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum column { COL_NAME, COL_ADDRESS, COL_FUNCTION, COL_TYPE, COL_UNIT, COL_SCALE, COL_DIVISOR, COL_WORDS, COL_ORDER, COL_LABEL, COL_OID, COL_ACCESS, COL_N };

/* What vendors write above the columns; a heading fits when it contains the word, the first row of a column that fits wins. */
static const struct { enum column column; const char *word; } headings[] = {
	{ COL_OID, "oid" }, { COL_OID, "object id" },
	{ COL_ACCESS, "r/w" }, { COL_ACCESS, "access" }, { COL_ACCESS, "读写" }, { COL_ACCESS, "权限" },
	{ COL_WORDS, "no. of reg" }, { COL_WORDS, "number of reg" }, { COL_WORDS, "寄存器数" }, { COL_WORDS, "寄存器个数" },
	{ COL_ADDRESS, "address" }, { COL_ADDRESS, "register" }, { COL_ADDRESS, "addr" }, { COL_ADDRESS, "offset" }, { COL_ADDRESS, "地址" }, { COL_ADDRESS, "寄存器" },
	{ COL_FUNCTION, "function" }, { COL_FUNCTION, "fc" }, { COL_FUNCTION, "功能码" },
	{ COL_ORDER, "order" }, { COL_ORDER, "endian" }, { COL_ORDER, "字节序" }, { COL_ORDER, "字序" },
	{ COL_TYPE, "type" }, { COL_TYPE, "format" }, { COL_TYPE, "类型" }, { COL_TYPE, "格式" },
	{ COL_UNIT, "unit" }, { COL_UNIT, "单位" },
	{ COL_DIVISOR, "divisor" }, { COL_DIVISOR, "gain" }, { COL_DIVISOR, "增益" }, { COL_DIVISOR, "除数" },
	{ COL_SCALE, "scal" }, { COL_SCALE, "factor" }, { COL_SCALE, "multiplier" }, { COL_SCALE, "resolution" }, { COL_SCALE, "ratio" },
	{ COL_SCALE, "系数" }, { COL_SCALE, "倍率" }, { COL_SCALE, "比例" }, { COL_SCALE, "分辨率" },
	{ COL_WORDS, "length" }, { COL_WORDS, "words" }, { COL_WORDS, "size" }, { COL_WORDS, "count" }, { COL_WORDS, "qty" }, { COL_WORDS, "quantity" }, { COL_WORDS, "长度" }, { COL_WORDS, "字数" },
	{ COL_NAME, "name" }, { COL_NAME, "parameter" }, { COL_NAME, "point" }, { COL_NAME, "variable" }, { COL_NAME, "名称" }, { COL_NAME, "参数" }, { COL_NAME, "测点" }, { COL_NAME, "signal" }, { COL_NAME, "信号" },
	{ COL_LABEL, "description" }, { COL_LABEL, "comment" }, { COL_LABEL, "note" }, { COL_LABEL, "说明" }, { COL_LABEL, "备注" }, { COL_LABEL, "描述" },
	{ COL_ADDRESS, "reg." }, { COL_ADDRESS, "start reg" }, { COL_ADDRESS, "adr" }, { COL_ADDRESS, "modbus" }, { COL_SCALE, "faktor" }, { COL_UNIT, "einheit" }, { COL_TYPE, "typ" }, { COL_NAME, "bezeichnung" },
};

static const struct { const char *word, *type; } type_words[] = {
	{ "uint64", "u64" }, { "int64", "i64" }, { "float64", "f64" }, { "double", "f64" }, { "uint32", "u32" }, { "udint", "u32" }, { "dword", "u32" }, { "ulong", "u32" },
	{ "unsigned long", "u32" }, { "int32", "i32" }, { "dint", "i32" }, { "long", "i32" }, { "float", "f32" }, { "real", "f32" }, { "single", "f32" }, { "浮点", "f32" },
	{ "uint16", "u16" }, { "unsigned", "u16" }, { "word", "u16" }, { "ushort", "u16" }, { "无符号", "u16" }, { "int16", "i16" }, { "short", "i16" }, { "int", "i16" },
	{ "有符号", "i16" }, { "bcd32", "bcd32" }, { "bcd", "bcd16" }, { "string", "string" }, { "ascii", "string" }, { "bool", "bit" }, { "bit", "bit" },
};

/* The unit says what is measured; the first row whose unit fits, and whose word (if any) is in the name. */
static const struct { const char *unit, *word; enum quantity quantity; } unit_words[] = {
	{ "%", "humid", Q_HUMIDITY }, { "%", "湿", Q_HUMIDITY }, { "%RH", NULL, Q_HUMIDITY }, { "%rH", NULL, Q_HUMIDITY }, { "%", "charge", Q_BATTERY_CHARGE },
	{ "%", "capacity", Q_BATTERY_CHARGE }, { "%", "电池", Q_BATTERY_CHARGE }, { "%", "thd", Q_DISTORTION }, { "%", "harmonic", Q_DISTORTION }, { "%", "fan", Q_FAN_SPEED },
	{ "%", "valve", Q_VALVE_POSITION }, { "%", NULL, Q_LOAD }, { "min", NULL, Q_BATTERY_RUNTIME }, { "s", NULL, Q_BATTERY_RUNTIME }, { "h", NULL, Q_RUN_HOURS },
	{ NULL, "dew", Q_DEW_POINT }, { NULL, "cooling", Q_COOLING_POWER },
};

struct importer {
	struct conf *c;
	const struct conf_node *sheet;
	size_t head;                     /* row of the headings */
	bool hex;                        /* the heading says that addresses are hexadecimal */
	int64_t at[COL_N];               /* index of each column, -1: none */
	const struct import_options *o;
	struct buf *out;
	const char **names;              /* of each row, where a group's name stands in a merged cell beside it; else NULL */
	size_t good, by_digit;           /* rows taken; addresses whose kind their leading digit said */
};

static bool contains(const char *text, const char *word)
{
	size_t n = strlen(word);
	for (; *text; text++)
		if (!strncasecmp(text, word, n))
			return true;
	return false;
}

static const char *at_column(const struct importer *m, size_t row, int64_t column)
{
	const char *text = column < 0 ? NULL : conf_scalar(conf_item(conf_item(m->sheet, row), (size_t)column));
	return text ? text : "";
}

static const char *cell(const struct importer *m, size_t row, enum column column)
{
	if (column == COL_NAME && m->names)
		return m->names[row];
	return at_column(m, row, m->at[column]);
}

static size_t columns_of(struct importer *m, const struct conf_node *head)
{
	bool taken[256] = { false };
	size_t found = 0;
	for (size_t c = 0; c < COL_N; c++)
		m->at[c] = -1;
	for (size_t h = 0; h < countof(headings); h++)
		for (size_t i = 0; i < conf_count(head) && i < countof(taken); i++) {
			const char *text = conf_scalar(conf_item(head, i));
			if (!text || taken[i] || m->at[headings[h].column] >= 0 || !contains(text, headings[h].word))
				continue;
			m->at[headings[h].column] = (int64_t)i;
			taken[i] = true;
			found++;
		}
	return m->at[COL_ADDRESS] >= 0 || m->at[COL_OID] >= 0 ? found : 0;
}

/* *sure is false when a type is written and nothing of it was understood. */
static const char *type_of(const char *text, const char *words, bool *sure)
{
	char lower[24] = "";
	for (size_t i = 0; text[i] && i + 1 < sizeof lower; i++)
		lower[i] = (char)tolower((unsigned char)text[i]);
	*sure = true;
	lower[0] = strlen(lower) == 3 && lower[0] == 's' && strchr("136", lower[1]) ? 'i' : lower[0];      /* s16, s32 */
	const struct type_row *own = *lower ? type_find(lower) : NULL;
	if (own)
		return own->name;
	const char *bits = contains(lower, "64") ? "64" : contains(lower, "32") ? "32" : contains(lower, "16") ? "16" : "";
	static const struct { const char *word, *bits, *type; } with_bits[] = { { "unsigned", "64", "u64" }, { "unsigned", "32", "u32" }, { "unsigned", "16", "u16" },
		{ "signed", "64", "i64" }, { "signed", "32", "i32" }, { "signed", "16", "i16" } };
	for (size_t i = 0; i < countof(with_bits); i++)
		if (contains(lower, with_bits[i].word) && !strcmp(bits, with_bits[i].bits))
			return with_bits[i].type;
	for (size_t i = 0; i < countof(type_words); i++)
		if (contains(text, type_words[i].word))
			return type_words[i].type;
	*sure = !*text;
	return strtol(words, NULL, 10) == 2 ? "u32" : strtol(words, NULL, 10) == 4 ? "u64" : "u16";
}

/* A column of types under a heading nobody knows: most of its cells are types and nothing more. */
static void find_types(struct importer *m)
{
	size_t rows = conf_count(m->sheet);
	for (size_t i = 0; m->at[COL_TYPE] < 0 && i < conf_count(conf_item(m->sheet, m->head)); i++) {
		size_t found = 0;
		bool taken = false;
		for (size_t c = 0; c < COL_N; c++)
			taken |= m->at[c] == (int64_t)i;
		for (size_t row = m->head + 1; !taken && row < rows; row++) {
			const char *text = conf_scalar(conf_item(conf_item(m->sheet, row), i));
			bool sure;
			found += text && strlen(text) <= 8 && isalpha((unsigned char)*text) && (type_of(text, "", &sure), sure);
		}
		if (found && found * 2 > rows - m->head - 1)
			m->at[COL_TYPE] = (int64_t)i;
	}
}

/* A heading merged over two columns: the right one, without a heading, has the name, the left one its group, once for all of its rows.
 * A table that was exported from a sheet holds a merged cell's text in its first place only. */
static bool join_names(struct importer *m)
{
	int64_t left = m->at[COL_NAME], right = left + 1;
	size_t rows = conf_count(m->sheet), used = 0;
	bool taken = left < 0 || *at_column(m, m->head, right);
	for (size_t c = 0; c < COL_N; c++)
		taken |= m->at[c] == right;
	for (size_t row = m->head + 1; !taken && row < rows; row++)
		used += *at_column(m, row, right) != 0;
	if (!used)
		return true;
	const char **names = conf_alloc(m->c, rows * sizeof *names), *group = "";
	for (size_t row = 0; names && row < rows; row++) {
		CLEANUP(buf_done) struct buf whole = { 0 };
		const char *own = at_column(m, row, left), *detail = at_column(m, row, right);
		group = *own ? own : group;
		buf_printf(&whole, "%s%s%s", *own || *detail ? group : "", *group && *detail ? " " : "", detail);
		if (!(names[row] = conf_copy(m->c, whole.data ? whole.data : "")))
			return false;
	}
	m->names = names;
	return names != NULL;
}

/* The headings stand in the row that looks most like them: titles and empty lines may be above. */
static bool find_columns(struct importer *m, struct err *err)
{
	size_t best = 0;
	for (size_t row = 0; row < conf_count(m->sheet) && row < 20; row++) {
		size_t found = columns_of(m, conf_item(m->sheet, row));
		if (found > best) {
			best = found;
			m->head = row;
		}
	}
	(void)columns_of(m, conf_item(m->sheet, m->head));
	if (!best)
		return err_set(err, ERR_INPUT, "no column of the first 20 rows looks like addresses; name one 'address' or 'oid' (地址)");
	if (!join_names(m))
		return err_memory(err);
	find_types(m);
	m->hex = m->at[COL_ADDRESS] >= 0 && contains(cell(m, m->head, COL_ADDRESS), "hex");
	return true;
}

/* ---- one row ---- */

/* "0x0034", "34H", "52", "0x0104-0x0105", "40053", "4x0053": the number, and what is written about its kind. */
static bool address_number(const struct importer *m, const char *text, long long *out, int *kind)
{
	char *end;
	text += strcspn(text, "0123456789abcdefABCDEF");
	*kind = 0;
	if (strchr("134", *text) && *text && (text[1] == 'x' || text[1] == 'X')) {
		*kind = *text - '0';
		text += 2;
	}
	bool prefixed = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	size_t digits = strspn(text, "0123456789abcdefABCDEF");
	bool hex = prefixed || text[digits] == 'h' || text[digits] == 'H' || (m->hex && !*kind);
	*out = strtoll(text, &end, hex ? 16 : 10);
	bool good = end != text && *out >= 0 && *out <= 465536;
	end += hex && (*end == 'h' || *end == 'H');
	return good && !isalnum((unsigned char)*end) && (*end != '.' || end[1] == '.') && (*end != ',' || end[1] == ' ');
}

/* 40053, 400053: the leading digit says what kind, the rest counts from 1. */
static const struct listed { long long from, to; int space, kind; } listed[] = {
	{ 40001, 49999, SPACE_HOLDING, 4 }, { 30001, 39999, SPACE_INPUT, 3 }, { 10001, 19999, SPACE_DISCRETE, 1 }, { 400001, 465536, SPACE_HOLDING, 4 },
	{ 300001, 365536, SPACE_INPUT, 3 }, { 100001, 165536, SPACE_DISCRETE, 1 } };

static bool parse_address(struct importer *m, const char *text, const char *function, int *space, int64_t *address)
{
	long long v;
	int kind;
	char joined[16];
	if (strlen(text) == 6 && text[2] == ',' && strspn(text, "0123456789,") == 6) {       /* "30,001", as spreadsheets write 30001 */
		snprintf(joined, sizeof joined, "%.2s%s", text, text + 3);
		text = joined;
	}
	if (!address_number(m, text, &v, &kind))
		return false;
	long code = strtol(function + strcspn(function, "123456789"), NULL, 10);
	*space = code == 4 || contains(function, "input") ? SPACE_INPUT : code == 1 || contains(function, "coil") ? SPACE_COIL
	       : code == 2 || contains(function, "discrete") ? SPACE_DISCRETE : SPACE_HOLDING;
	int64_t base = m->o->address_base < 0 ? 0 : m->o->address_base;
	for (size_t i = 0; i < countof(listed) && m->o->address_base < 0 && !contains(text, "0x") && !m->hex; i++) {
		bool named = kind && kind == listed[i].kind && listed[i].from < 100000;
		bool ranged = !kind && v >= listed[i].from && v <= listed[i].to && (!*function || *space == listed[i].space) && (listed[i].space != SPACE_DISCRETE || *function);
		if (named || ranged) {
			base = named ? 1 : listed[i].from;
			m->by_digit += ranged;
			*space = listed[i].space;
			break;
		}
	}
	*address = v - base;
	return *address >= 0 && *address <= UINT16_MAX;
}

/* "0,1" is 0.1 to half of the world, "1,000" a thousand to the other: that is left to people. */
static bool plain_signs(const char *text, char *out, size_t room)
{
	static const struct { const char *sign, *plain; } signs[] = { { "\xc3\x97", "x" }, { "\xc3\xb7", "/" }, { "*", "x" }, { "X", "x" }, { ":", "/" }, { " ", "" }, { "+", "" } };
	size_t n = 0;
	const char *comma = strchr(text, ',');
	if (comma && (strchr(text, '.') || strchr(comma + 1, ',') || (strspn(comma + 1, "0123456789") == 3 && comma > text && comma[-1] != '0')))
		return false;
	while (*text) {
		size_t k = 0;
		while (k < countof(signs) && strncmp(text, signs[k].sign, strlen(signs[k].sign)) != 0)
			k++;
		const char *from = k < countof(signs) ? signs[k].plain : *text == ',' ? "." : text;
		size_t len = k < countof(signs) ? strlen(from) : 1;
		if (n + len + 1 > room)
			return false;
		memcpy(out + n, from, len);
		n += len;
		text += k < countof(signs) ? strlen(signs[k].sign) : 1;
	}
	out[n] = 0;
	return true;
}

/* "0.1", "x0.1", "*10", "/10", "1/10", "10^-2", "0.1 V": exact; false where anything else stands there. */
static bool scale_text(const char *text, struct ratio *out)
{
	char plain[60], number[60];
	struct ratio r;
	if (!plain_signs(text, plain, sizeof plain))
		return false;
	const char *p = plain + (plain[0] == 'x' || plain[0] == '/');
	size_t n = strspn(p, "0123456789./");
	if (p[n] == 'e' || p[n] == 'E')
		n += 1 + strspn(p + n + 1, "-0123456789");
	snprintf(number, sizeof number, "%.*s", (int)n, p);
	const char *rest = p + n;
	if (*rest == '^' && !strcmp(number, "10")) {
		snprintf(number, sizeof number, "1e%s", rest + 1);
		rest = "";
	}
	if (strpbrk(rest, "0123456789/x^=<>") || !ratio_parse(number, &r) || r.num <= 0)
		return false;
	if (plain[0] == '/' && !ratio_div((struct ratio){ 1, 1 }, r, &r))
		return false;
	*out = r;
	return true;
}

/* *bare: a whole number above 1 without a sign; tables mean both ways by it. */
static bool scale_of(const struct importer *m, size_t row, struct ratio *out, bool *bare)
{
	const char *text = cell(m, row, COL_SCALE), *divisor = cell(m, row, COL_DIVISOR);
	struct ratio r = { 1, 1 }, d = { 1, 1 };
	bool good = (!*text || !strcmp(text, "-") || scale_text(text, &r)) && (!*divisor || !strcmp(divisor, "-") || (scale_text(divisor, &d) && ratio_div(r, d, &r)));
	*bare = good && r.den == 1 && r.num > 1 && *text && isdigit((unsigned char)*text);
	*out = good ? r : (struct ratio){ 1, 1 };
	return good;
}

/* "0.1V" as a unit: the number goes into *scale, what is left is the unit. */
static const char *unit_of(const char *unit, struct ratio *scale, bool *good)
{
	char number[24];
	struct ratio r;
	size_t n = strspn(unit, "0123456789.,");
	if (!n || n >= sizeof number)
		return unit;
	snprintf(number, sizeof number, "%.*s", (int)n, unit);
	unit += n + strspn(unit + n, " ");
	if (!*unit)
		return unit;
	*good = *good && scale_text(number, &r) && ratio_mul(*scale, r, scale);
	return unit;
}

/* What may be done with it: 'r' read, 'w' only written, 'b' both. */
static char access_of(const char *text)
{
	static const struct { const char *word; char kind; } words[] = { { "r/w", 'b' }, { "rw", 'b' }, { "w/r", 'b' }, { "读写", 'b' }, { "可读可写", 'b' }, { "read/write", 'b' },
		{ "read-write", 'b' }, { "read write", 'b' }, { "只写", 'w' }, { "write", 'w' } };
	for (size_t i = 0; i < countof(words); i++)
		if (contains(text, words[i].word))
			return words[i].kind;
	return !strcasecmp(text, "w") || !strcasecmp(text, "wo") ? 'w' : 'r';
}

static bool is_power_factor(const char *text)
{
	return !strcasecmp(text, "pf") || contains(text, "power factor") || contains(text, "cos") || contains(text, "功率因数");
}

static enum quantity quantity_of(const char *unit, const char *name, const char *label)
{
	struct ratio factor;
	int64_t offset;
	for (size_t i = 0; i < countof(unit_words); i++) {
		bool unit_fits = !unit_words[i].unit || !strcmp(unit_words[i].unit, unit);
		bool word_fits = !unit_words[i].word || contains(name, unit_words[i].word) || contains(label, unit_words[i].word);
		if (unit_fits && word_fits && unit_factor(unit_words[i].quantity, unit, &factor, &offset))
			return unit_words[i].quantity;
	}
	if (!*unit || !strcmp(unit, "1") || !strcmp(unit, "-"))
		return is_power_factor(name) || is_power_factor(label) ? Q_POWER_FACTOR : Q_COUNT;
	for (int q = 1; q < Q_N; q++)
		if (q != Q_SETTING && q != Q_POWER_FACTOR && q != Q_STATE && unit_factor((enum quantity)q, unit, &factor, &offset))
			return (enum quantity)q;
	return Q_NONE;
}

/* "Total Active Power" -> "total_active_power"; a name without Latin letters becomes "point_12". */
static void point_name(const char *text, size_t row, char *out, size_t room)
{
	size_t n = 0, letters = 0;
	for (; *text && n + 1 < room && n < 60; text++) {
		unsigned char c = (unsigned char)*text;
		if (isalnum(c))
			out[n++] = (char)tolower(c);
		else if (n && out[n - 1] != '_' && c < 0x80)
			out[n++] = '_';
		letters += isalpha(c) != 0;
	}
	while (n && out[n - 1] == '_')
		n--;
	out[n] = 0;
	if (letters < 2)
		snprintf(out, room, "point_%zu", row);
}

static bool name_taken(const struct importer *m, size_t row, const char *name)
{
	char other[80];
	for (size_t i = m->head + 1; i < row; i++) {
		point_name(cell(m, i, COL_NAME), i, other, sizeof other);
		if (!strcmp(other, name))
			return true;
	}
	return false;
}

static void skip(struct importer *m, size_t row, const char *why)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	const char *name = cell(m, row, COL_NAME);
	buf_plain(&text, name, strlen(name));
	buf_printf(m->out, "  # line %d left out (%s): %s\n", conf_place(conf_item(m->sheet, row)).line, why, text.data ? text.data : "");
}

static void put_place(struct importer *m, const struct oid *oid, int space, int64_t address)
{
	if (m->at[COL_OID] >= 0) {
		buf_str(m->out, oid->ids[oid->n - 1] == 0 ? "at: oid " : "at: column ");
		oid_text(oid, m->out);
		return;
	}
	for (const struct conf_name *s = space_names; s->name; s++)
		if (s->value == space)
			buf_printf(m->out, "at: %s 0x%04X", s->name, (unsigned)address);
}

/* "Voltage L1-N [V]", "Current (A)": the unit where no column has it. */
static const char *unit_in_name(const char *name, char *out, size_t room)
{
	size_t len = strlen(name);
	const char *open = len && strchr("])", name[len - 1]) ? name + len - 1 : NULL;
	while (open && open > name && !strchr("[(", *open))
		open--;
	snprintf(out, room, "%.*s", open && open > name ? (int)(name + len - open - 2) : 0, open ? open + 1 : "");
	struct ratio factor;
	int64_t offset;
	for (int q = 1; q < Q_N; q++)
		if (*out && unit_factor((enum quantity)q, out, &factor, &offset))
			return out;
	return "";
}

static void import_row(struct importer *m, size_t row)
{
	const char *text = cell(m, row, COL_NAME), *label = cell(m, row, COL_LABEL), *unit = cell(m, row, COL_UNIT), *order = cell(m, row, COL_ORDER);
	bool snmp = m->at[COL_OID] >= 0;
	int space = 0;
	int64_t address = 0;
	char name[80];
	struct ratio scale;
	struct oid oid;
	if (snmp ? !oid_parse(cell(m, row, COL_OID), &oid) || oid.n < 2 : !parse_address(m, cell(m, row, COL_ADDRESS), cell(m, row, COL_FUNCTION), &space, &address)) {
		skip(m, row, snmp ? "no object id" : "no address");
		return;
	}
	char in_name[24];
	bool sure = true;
	if (!*unit || !strcmp(unit, "-"))
		unit = *unit_in_name(text, in_name, sizeof in_name) ? in_name : *unit_in_name(label, in_name, sizeof in_name) ? in_name : unit;
	struct ratio scale_in_unit = { 1, 1 };
	bool bare, unit_good = true;
	unit = unit_of(unit, &scale_in_unit, &unit_good);
	char access = access_of(cell(m, row, COL_ACCESS));
	const char *type = snmp ? NULL : type_of(cell(m, row, COL_TYPE), cell(m, row, COL_WORDS), &sure);
	bool is_text = type && !strcmp(type, "string");
	enum quantity q = quantity_of(unit, text, label);
	bool scaled = scale_of(m, row, &scale, &bare) && unit_good && ratio_mul(scale, scale_in_unit, &scale), plain = q == Q_COUNT || q == Q_POWER_FACTOR;
	if (access == 'w') {
		skip(m, row, "only written");
		return;
	}
	if (q == Q_COUNT && scale.den != 1)
		q = Q_NONE;                          /* a fraction of nothing: the unit was left out */
	if (q == Q_NONE || is_text) {
		skip(m, row, is_text ? "a text" : "unit not known");
		return;
	}
	point_name(text, row, name, sizeof name);
	if (name_taken(m, row, name))
		snprintf(name + strlen(name), sizeof name - strlen(name), "_%zu", row);
	const struct type_row *t = type ? type_find(type) : NULL;
	if (!snmp && t && address + t->words > 65536) {
		skip(m, row, "it ends behind address 0xffff");
		return;
	}
	bool column = snmp && oid.ids[oid.n - 1] != 0;
	buf_printf(m->out, "  - {name: %s%s, quantity: %s, ", name, column ? ".*" : "", quantities[q].name);
	put_place(m, &oid, space, address);
	if (type && space > SPACE_DISCRETE)
		buf_printf(m->out, ", type: %s", type);
	static const char *const low_first[] = { "lsw first", "low word first", "lsw-msw", "word swap", "swapped", "低字在前", "低位在前" };
	for (size_t i = 0; i < countof(low_first) && !*order; i++)
		if (contains(cell(m, row, COL_TYPE), low_first[i]))
			order = "cdab";
	struct coding coding = { .type = type ? type_find(type) : NULL, .order_text = order };
	if (*order && type && coding.type && coding.type->words > 1 && coding_resolve(&coding))
		buf_printf(m->out, ", order: %s", order);
	if (!plain) {
		buf_str(m->out, ", unit: ");
		buf_json(m->out, unit);
	}
	if (scale.num != 1 || scale.den != 1)
		buf_printf(m->out, scale.den == 1 ? ", scale: %lld" : ", scale: %lld/%lld", (long long)scale.num, (long long)scale.den);
	if (access == 'b')
		buf_str(m->out, q == Q_ENERGY || q == Q_COOLING_ENERGY || q == Q_REACTIVE_ENERGY || q == Q_APPARENT_ENERGY ? ", resettable: true" : ", configured: true");
	const char *words = *label ? label : text;
	if (*words) {
		buf_str(m->out, ", label: ");
		buf_json(m->out, words);
	}
	buf_printf(m->out, "}%s%s", scaled ? "" : "   # the scale was not understood: check", sure ? "" : "   # the type was not understood: check");
	if (bare && m->at[COL_DIVISOR] < 0)
		buf_printf(m->out, "   # taken as times %lld; where the register holds so many times the value, it is 1/%lld: check", (long long)scale.num, (long long)scale.num);
	buf_str(m->out, "\n");
	m->good++;
}

static void head(const struct importer *m, const char *file)
{
	const struct { const char *key, *value; } rows[] = { { "vendor", m->o->vendor }, { "model", m->o->model }, { "source", m->o->source ? m->o->source : file } };
	buf_printf(m->out, "# Made from a table; read it through.  Addresses are zero-based; quantities were taken from units, and what is a\n"
			   "# setting, a sentinel or resettable is not known yet.  Then: puectl profile test THIS-FILE\n"
			   "profile: %s\nrevision: 1\n", m->o->name ? m->o->name : "imported");
	for (size_t i = 0; i < countof(rows); i++)
		if (rows[i].value) {
			buf_printf(m->out, "%s: ", rows[i].key);
			buf_json(m->out, rows[i].value);
			buf_str(m->out, "\n");
		}
	buf_str(m->out, "confidence: inferred\npoints:\n");
}

bool profile_import(const char *file, const void *bytes, size_t len, const struct import_options *o, struct buf *yaml, struct err *err)
{
	struct conf *c = conf_new();
	struct importer m = { .c = c, .o = o, .out = yaml };
	bool good = c && (m.sheet = csv_parse_ragged(c, file, bytes, len));
	if (!good) {
		good = c ? conf_ok(c, err) && err_set(err, ERR_INPUT, "%s: empty", file) : err_memory(err);
	} else if ((good = find_columns(&m, err))) {
		head(&m, file);
		for (size_t row = m.head + 1; row < conf_count(m.sheet); row++)
			import_row(&m, row);
		if (m.by_digit)
			buf_printf(yaml, "  # %zu addresses such as 40053 or 32080 were read by their leading digit (3 input, 4 holding; the rest counts from 1); where they are\n"
					 "  # plain numbers of holding registers, import again with --base 0\n", m.by_digit);
		if (!m.good)
			good = err_set(err, ERR_INPUT, "%s: no row has an address and a unit that is understood", file);
	}
	conf_free(c);
	return good && (!yaml->failed || err_memory(err));
}
