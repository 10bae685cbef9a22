/* Lists of a configuration: entries, groups (`for`) and CSV files all become plain entries. */
#include "core/csv.h"
#include "core/site_fields.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_VALUES = 10000, MAX_COMBINATIONS = 20000, MAX_VARIABLES = 6 };

/* ---- <name> ---- */

static const char *value_of(const struct names *names, const char *name, size_t len)
{
	for (size_t i = 0; i < names->n; i++)
		if (strlen(names->name[i]) == len && !memcmp(names->name[i], name, len))
			return names->value[i];
	return NULL;
}

static bool unknown_name(struct conf *c, const struct conf_node *n, const struct names *names, const char *inner, size_t len)
{
	char word[80];
	snprintf(word, sizeof word, "%.*s", (int)(len < 70 ? len : 70), inner);
	const char *near = len ? conf_nearest(word, names->name, names->n) : NULL;
	conf_problem(c, n, "'<%s>' names nothing here%s%s%s", word, near ? "; did you mean '<" : "", near ?: "; use a variable of the group (a column of the file), or <#>",
		     near ? ">'?" : "");
	return false;
}

/* One reference, between its brackets: NAME, NAME+10, #, #+30. */
static bool reference(struct conf *c, const struct conf_node *n, const struct names *names, const char *inner, size_t len, struct buf *out)
{
	const char *value = value_of(names, inner, len);
	if (value) {
		buf_str(out, value);
		return true;
	}
	size_t name = len, digits = 0;
	while (name && isdigit((unsigned char)inner[name - 1])) {
		name--;
		digits++;
	}
	bool shifted = digits && digits < 10 && name && (inner[name - 1] == '+' || inner[name - 1] == '-');
	size_t base = shifted ? name - 1 : len;
	bool number = base == 1 && inner[0] == '#';
	value = number ? NULL : shifted ? value_of(names, inner, base) : NULL;
	if (!number && !value)
		return unknown_name(c, n, names, inner, base);
	if (value && (!*value || strlen(value) > 15 || value[strspn(value, "0123456789")])) {
		conf_problem(c, n, "'<%.*s>' calculates, but '%s' is no whole number", (int)len, inner, value);
		return false;
	}
	int64_t shift = shifted ? strtoll(inner + name - 1, NULL, 10) : 0, sum = (number ? names->number : strtoll(value, NULL, 10)) + shift;
	buf_printf(out, "%lld", (long long)sum);
	return true;
}

const char *names_rewrite(struct conf *c, const struct conf_node *n, void *arg)
{
	const struct names *names = arg;
	const char *p = conf_scalar(n), *open, *close;
	CLEANUP(buf_done) struct buf out = { 0 };
	while ((open = strchr(p, '<')) && (close = strchr(open, '>'))) {
		buf_add(&out, p, (size_t)(open - p));
		if (!reference(c, n, names, open + 1, (size_t)(close - open - 1), &out))
			return NULL;
		p = close + 1;
	}
	buf_str(&out, p);
	return out.failed ? NULL : conf_copy(c, out.data);
}

/* ---- for ---- */

struct variable { const char *name; const char **values; size_t n, at; };

/* "01..25" or "a..f"; false when the text is no range. */
static bool range_ends(const char *text, long *from, long *to, int *width)
{
	const char *dots = strstr(text, "..");
	if (!dots || !dots[2] || dots == text)
		return false;
	size_t left = (size_t)(dots - text), right = strlen(dots + 2);
	if (strspn(text, "0123456789") == left && !dots[2 + strspn(dots + 2, "0123456789")] && left < 8 && right < 8) {
		*from = strtol(text, NULL, 10);
		*to = strtol(dots + 2, NULL, 10);
		*width = text[0] == '0' ? (int)left : 1;
		return true;
	}
	*from = text[0];
	*to = dots[2];
	*width = 0;
	return left == 1 && right == 1 && isalpha(*from) && isalpha(*to) && !islower(*from) == !islower(*to);
}

static bool read_range(struct conf *c, const struct conf_node *n, struct variable *v)
{
	long from, to;
	int width;
	if (!range_ends(conf_scalar(n), &from, &to, &width) || from > to || to - from >= MAX_VALUES) {
		conf_problem(c, n, "'%.40s' is not a range; write 1..4, 01..25 or a..f, or a list such as [a, b]", conf_scalar(n));
		return false;
	}
	v->n = (size_t)(to - from + 1);
	v->values = conf_alloc(c, v->n * sizeof *v->values);
	for (long i = from; v->values && i <= to; i++) {
		char text[24];
		if (width)
			snprintf(text, sizeof text, "%0*ld", width, i);
		else
			snprintf(text, sizeof text, "%c", (char)i);
		v->values[i - from] = conf_copy(c, text) ?: "";
	}
	return v->values;
}

static bool read_variable(struct conf *c, const struct conf_node *n, struct variable *v)
{
	if (conf_kind(n) == CONF_SCALAR)
		return read_range(c, n, v);
	v->n = conf_count(n);
	if (conf_kind(n) != CONF_SEQUENCE || !v->n || v->n > MAX_VALUES) {
		conf_problem(c, n, "%s must be a range such as 1..4 or a list such as [a, b]", conf_path(c, n));
		return false;
	}
	v->values = conf_alloc(c, v->n * sizeof *v->values);
	for (size_t i = 0; v->values && i < v->n; i++)
		if (!(v->values[i] = conf_scalar(conf_item(n, i)))) {
			conf_problem(c, conf_item(n, i), "a value of a group must be a word or a number");
			return false;
		}
	return v->values;
}

static size_t read_variables(struct conf *c, const struct conf_node *n, struct variable *v)
{
	size_t total = 1;
	if (conf_kind(n) != CONF_MAPPING || !conf_count(n) || conf_count(n) > MAX_VARIABLES) {
		conf_problem(c, n, "'for' names 1 to %d variables, such as {hall: 1..4, side: [a, b]}", MAX_VARIABLES);
		return 0;
	}
	for (size_t i = 0; i < conf_count(n); i++) {
		v[i] = (struct variable){ .name = conf_scalar(conf_key(n, i)) };
		if (!v[i].name || !read_variable(c, conf_item(n, i), &v[i]))
			return 0;
		total *= v[i].n;
		if (total > MAX_COMBINATIONS) {
			conf_problem(c, n, "this group has more than %d entries; split it", MAX_COMBINATIONS);
			return 0;
		}
	}
	return total;
}

/* A copy of the entry without `key`, its texts rewritten. */
static struct conf_node *member(struct conf *c, const struct conf_node *item, const char *key, struct names *names)
{
	struct conf_node *entry = conf_make(c, conf_place(item), CONF_MAPPING, conf_count(item));
	for (size_t i = 0; entry && i < conf_count(item); i++) {
		const char *word = conf_scalar(conf_key(item, i));
		if (!word || !strcmp(word, key))
			continue;
		struct conf_node *value = conf_clone(c, conf_item(item, i), names_rewrite, names);
		if (!value)
			return NULL;
		conf_add(entry, conf_key(item, i), value);
	}
	if (entry)
		conf_adopt(entry, item);
	return entry;
}

static void expand_group(const struct expansion *x, const struct conf_node *item)
{
	struct variable v[MAX_VARIABLES] = { 0 };
	struct names names = { .n = conf_count(conf_get(item, "for")) };
	size_t total = read_variables(x->c, conf_get(item, "for"), v);
	for (size_t k = 0; k < total; k++) {
		size_t rest = k;
		for (size_t i = names.n; i-- > 0; rest /= v[i].n) {
			names.name[i] = v[i].name;
			names.value[i] = v[i].values[rest % v[i].n];
		}
		names.number = (int64_t)k + 1;
		const struct conf_node *entry = member(x->c, item, "for", &names);
		if (!entry)
			return;         /* the same line would be wrong again */
		x->fn(x->ctx, entry);
	}
}

/* ---- csv ---- */

/* Columns of NetBox exports and of Chinese spreadsheets.  key NULL: says nothing to us. */
static const struct { const char *list, *column, *key; } aliases[] = {
	{ "racks", "name", "id" }, { "racks", "rack", "id" }, { "racks", "location", "hall" }, { "racks", "role", "function" },
	{ "racks", "机架", "id" }, { "racks", "机柜", "id" }, { "racks", "编号", "id" }, { "racks", "机房", "hall" }, { "racks", "列", "row" },
	{ "racks", "功能", "function" }, { "racks", "额定功率", "rated" }, { "racks", "供电", "feeds" },
	{ "devices", "name", "id" }, { "devices", "device", "id" }, { "devices", "platform", "profile" },
	{ "devices", "设备", "id" }, { "devices", "编号", "id" }, { "devices", "型号", "profile" }, { "devices", "地址", "endpoint" },
	{ "meters", "name", "id" }, { "meters", "编号", "id" }, { "meters", "电表", "id" }, { "meters", "名称", "label" }, { "meters", "上级", "parent" },
	{ "meters", "机房", "hall" }, { "meters", "设备", "device" }, { "meters", "准确度等级", "class" }, { "meters", "表号", "serial" },
};
static const char *const skipped[] = { "site", "region", "tenant", "tenant_group", "group", "status", "facility_id", "serial_number", "asset_tag",
	"type", "device_type", "manufacturer", "width", "u_height", "height", "desc_units", "outer_width", "outer_height", "outer_depth", "outer_unit",
	"mounting_depth", "weight", "max_weight", "weight_unit", "comments", "description", "tags", "created", "last_updated", "form_factor",
	"position", "face", "airflow", "cluster", "virtual_chassis", "vc_position", "vc_priority", "primary_ip", "primary_ip4", "primary_ip6",
	"oob_ip", "config_template", "starting_unit", "space", "power", "devices", "备注", "序号" };
static const struct { const char *cell, *word; } functions[] = { { "计算", "compute" }, { "存储", "storage" }, { "网络", "network" },
	{ "其他", "other" }, { "空", "empty" }, { "未知", "unknown" } };

/* "Primary IP4" -> "primary_ip4" */
static char *column_name(struct conf *c, const char *header)
{
	char *name = conf_copy(c, header);
	for (char *p = name; p && *p; p++)
		*p = *p == ' ' ? '_' : (char)tolower((unsigned char)*p);
	return name;
}

static bool is_skipped(const char *name)
{
	for (size_t i = 0; i < countof(skipped); i++)
		if (!strcmp(skipped[i], name))
			return true;
	return !strncmp(name, "cf_", 3);
}

static const char *key_of_column(const struct expansion *x, const char *name)
{
	for (const struct conf_field *f = x->fields; f->key; f++)
		if (!strcmp(f->key, name))
			return f->key;
	for (size_t i = 0; i < countof(aliases); i++)
		if (!strcmp(aliases[i].list, x->list) && !strcmp(aliases[i].column, name))
			return aliases[i].key;
	return NULL;
}

/* Is <name> written somewhere in the entry? */
static bool is_used(const struct conf_node *n, const char *name)
{
	char reference[300];
	snprintf(reference, sizeof reference, "<%.290s>", name);
	if (conf_scalar(n))
		return strstr(conf_scalar(n), reference);
	for (size_t i = 0; i < conf_count(n); i++)
		if (is_used(conf_item(n, i), name))
			return true;
	return false;
}

static bool is_mapped(const struct conf_node *n)
{
	return conf_scalar(n) && strchr(conf_scalar(n), '<');
}

static void unknown_column(const struct expansion *x, const struct conf_node *cell, const char *name)
{
	const char *keys[64];
	size_t n = 0;
	for (const struct conf_field *f = x->fields; f->key && n < countof(keys); f++)
		keys[n++] = f->key;
	const char *near = *name ? conf_nearest(name, keys, n) : NULL;
	if (near)
		conf_problem(x->c, cell, "unknown column '%s'; did you mean '%s'?", conf_scalar(cell), near);
	else
		conf_warning(x->c, cell, "column '%s' is not used", conf_scalar(cell) ?: "");
}

struct sheet { const struct conf_node *rows; const char *names[256]; const struct conf_node *keys[256]; size_t n; };

static bool read_header(const struct expansion *x, const struct conf_node *item, struct sheet *sheet)
{
	const struct conf_node *header = conf_item(sheet->rows, 0);
	size_t before = conf_problem_count(x->c);
	sheet->n = conf_count(header);
	for (size_t i = 0; i < sheet->n; i++) {
		const struct conf_node *cell = conf_item(header, i);
		sheet->names[i] = conf_scalar(cell) ? column_name(x->c, conf_scalar(cell)) : "";
		if (!sheet->names[i])
			return false;
		const char *key = is_used(item, sheet->names[i]) ? NULL : key_of_column(x, sheet->names[i]);
		if (key && is_mapped(conf_get(item, key)))
			key = NULL;     /* the entry says itself which column this key comes from */
		for (size_t k = 0; key && k < i; k++)
			if (sheet->keys[k] && !strcmp(conf_scalar(sheet->keys[k]), key))
				conf_problem(x->c, cell, "column '%s' gives '%s', and so does column '%s'; rename one", conf_scalar(cell), key,
					     conf_scalar(conf_item(header, k)));
		sheet->keys[i] = key ? conf_make_scalar(x->c, conf_place(cell), key) : NULL;
		if (!key && *sheet->names[i] && !is_used(item, sheet->names[i]) && !is_skipped(sheet->names[i]))
			unknown_column(x, cell, sheet->names[i]);
	}
	return conf_problem_count(x->c) == before;
}

/* Cells as spreadsheets and NetBox write them: "Compute", 计算, "10.0.0.7/24". */
static const char *cell_text(struct conf *c, const char *name, const char *key, const char *text)
{
	if (key && !strcmp(key, "function")) {
		for (size_t i = 0; i < countof(functions); i++)
			if (!strcmp(functions[i].cell, text))
				return functions[i].word;
		return column_name(c, text) ?: text;
	}
	if (!strncmp(name, "primary_ip", 10) || !strcmp(name, "oob_ip")) {
		char *copy = conf_copy(c, text), *slash = copy ? strchr(copy, '/') : NULL;
		if (slash)
			*slash = 0;
		return copy ?: text;
	}
	return text;
}

static void sheet_row(const struct expansion *x, const struct conf_node *item, const struct sheet *sheet, size_t at, const struct conf_node *list)
{
	const struct conf_node *row = conf_item(sheet->rows, at);
	struct names names = { .n = sheet->n, .number = (int64_t)at };
	struct conf_node *entry = conf_make(x->c, conf_place(row), CONF_MAPPING, sheet->n + conf_count(item));
	for (size_t i = 0; entry && i < sheet->n; i++) {
		const struct conf_node *cell = conf_item(row, i), *key = sheet->keys[i];
		const char *text = conf_scalar(cell) ? cell_text(x->c, sheet->names[i], key ? conf_scalar(key) : NULL, conf_scalar(cell)) : "";
		names.name[i] = sheet->names[i];
		names.value[i] = text;
		struct conf_node *value = key && *text ? conf_make_scalar(x->c, conf_place(cell), text) : NULL;
		if (value)
			conf_add(entry, key, value);
	}
	for (size_t i = 0; entry && i < conf_count(item); i++) {
		const char *word = conf_scalar(conf_key(item, i));
		if (!word || !strcmp(word, "csv") || conf_get(entry, word))
			continue;
		struct conf_node *value = conf_clone(x->c, conf_item(item, i), names_rewrite, &names);
		if (!value)
			return;
		conf_add(entry, conf_key(item, i), value);
		conf_adopt(value, conf_item(item, i));  /* a mistake here is the entry's, not the row's */
	}
	if (!entry)
		return;
	conf_adopt(entry, conf_item(list, at - 1) ?: item);
	x->fn(x->ctx, entry);
}

/* A list node whose items carry the paths "racks[0]", "racks[1]", ... */
static const struct conf_node *path_list(const struct expansion *x, const struct conf_node *item, size_t n)
{
	struct conf_node *root = conf_make(x->c, conf_place(item), CONF_MAPPING, 1), *key = conf_make_scalar(x->c, conf_place(item), x->list);
	struct conf_node *list = conf_make(x->c, conf_place(item), CONF_SEQUENCE, n);
	if (!root || !key || !list)
		return NULL;
	conf_add(root, key, list);
	for (size_t i = 0; i < n; i++) {
		struct conf_node *one = conf_make_scalar(x->c, conf_place(item), "");
		if (!one)
			return NULL;
		conf_add(list, NULL, one);
	}
	return list;
}

void site_expand_csv(const struct expansion *x, const struct conf_node *item)
{
	const struct conf_node *at = conf_get(item, "csv");
	const char *path = conf_scalar(at);
	CLEANUP(buf_done) struct buf bytes = { 0 };
	struct err err = { 0 };
	struct sheet *sheet = conf_alloc(x->c, sizeof *sheet);
	if (!sheet)
		return;
	if (!conf_known_keys(x->c, item, x->fields, "csv"))
		return;
	if (!path || !*path) {
		conf_problem(x->c, at, "'csv' names a file beside this one, such as csv: racks.csv");
		return;
	}
	if (!x->files.read || !x->files.read(x->files.ctx, path, &bytes, &err)) {
		conf_problem(x->c, at, "cannot read the CSV file: %s", x->files.read ? err.text : "no files here");
		return;
	}
	if (!(sheet->rows = csv_parse(x->c, path, bytes.data ? bytes.data : "", bytes.len)) || !read_header(x, item, sheet))
		return;
	const struct conf_node *list = path_list(x, item, conf_count(sheet->rows));
	for (size_t i = 1; list && i < conf_count(sheet->rows); i++)
		sheet_row(x, item, sheet, i, list);
}

void site_expand(const struct expansion *x, const struct conf_node *list)
{
	/* `racks: {csv: racks.csv}` is short for a list of this one item */
	bool single = conf_kind(list) == CONF_MAPPING && (conf_get(list, "csv") || conf_get(list, "for"));
	if (conf_kind(list) != CONF_SEQUENCE && !single) {
		conf_problem(x->c, list, "%s must be a list ('- ...' lines), or {csv: FILE}", x->list);
		return;
	}
	for (size_t i = 0; i < (single ? 1 : conf_count(list)); i++) {
		const struct conf_node *item = single ? list : conf_item(list, i);
		if (conf_get(item, "csv") && conf_get(item, "for"))
			conf_problem(x->c, item, "an entry has 'csv' or 'for', not both; write two entries");
		else if (conf_get(item, "csv"))
			site_expand_csv(x, item);
		else if (conf_get(item, "for"))
			expand_group(x, item);
		else
			x->fn(x->ctx, item);
	}
}
