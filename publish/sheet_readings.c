/* How each criterion comes out under each reading of the text, and the compute share under every definition. */
#include "publish/sheet.h"

#include <stdio.h>
#include <string.h>

static const struct { const char *result; struct pair words; enum ink ink; } results[] = {
	{ "yes", { "满足", "met" }, INK_GOOD }, { "no", { "不满足", "not met" }, INK_BAD }, { "unknown", { "未定", "undecided" }, INK_WARN },
};

const json_t *by_id(const json_t *list, const char *key, const char *id, size_t len)
{
	size_t i;
	json_t *row;
	json_array_foreach(list, i, row) {
		const char *word = text_at(row, key);
		if (strlen(word) == len && !memcmp(word, id, len))
			return row;
	}
	return NULL;
}

void choice_words(const struct sheet *s, const char *choices, struct buf *out)
{
	for (const char *p = choices; *p; p += strspn(p, " ")) {
		size_t len = strcspn(p, " "), key = strcspn(p, "= ");
		const json_t *choice = by_id(at(s->cert, "method.choices"), "choice", p, key);
		const json_t *option = key < len ? by_id(at(choice, "options"), "id", p + key + 1, len - key - 1) : NULL;
		buf_str(out, out->len ? s->zh_first ? ";" : "; " : "");
		if (option)
			buf_printf(out, "%s: %s", first_of(s, pair_at(choice, "title")), first_of(s, pair_at(option, "title")));
		else
			buf_add(out, p, len);
		p += len;
	}
}

static void reading_row_as(struct sheet *s, const struct table *t, const json_t *reading, const char *words)
{
	size_t r = 2;
	for (size_t i = 0; i < countof(results); i++)
		if (!strcmp(results[i].result, text_at(reading, "result")))
			r = i;
	const struct cell cells[] = { { "", NULL, INK_TEXT }, { or_dash(words), NULL, INK_SOFT }, { or_dash(text_at(reading, "value")), NULL, INK_TEXT },
				      { first_of(s, results[r].words), NULL, results[r].ink } };
	table_row(s, t, cells);
}

static void reading_row(struct sheet *s, const struct table *t, const json_t *reading)
{
	CLEANUP(buf_done) struct buf words = { 0 };
	choice_words(s, text_at(reading, "choices"), &words);
	reading_row_as(s, t, reading, words.data);
}

static bool all_alike(const json_t *readings)
{
	size_t i;
	json_t *r;
	json_array_foreach(readings, i, r)
		if (strcmp(text_at(r, "result"), text_at(json_array_get(readings, 0), "result")) || strcmp(text_at(r, "value"), text_at(json_array_get(readings, 0), "value")))
			return false;
	return json_array_size(readings) > 1;
}

/* Readings that all say the same are one row. */
static void reading_rows(struct sheet *s, const struct table *t, const json_t *readings)
{
	size_t i;
	json_t *reading;
	char words[80];
	if (!all_alike(readings)) {
		json_array_foreach(readings, i, reading)
			reading_row(s, t, reading);
		return;
	}
	snprintf(words, sizeof words, s->zh_first ? "全部 %zu 种读法结果相同" : "the same under all %zu readings", json_array_size(readings));
	reading_row_as(s, t, json_array_get(readings, 0), words);
}

static void criteria(struct sheet *s)
{
	static const struct column columns[] = { { 84, ALIGN_LEFT, { "条件", "criterion" } }, { 317, ALIGN_LEFT, { "读法", "reading" } },
						 { 62, ALIGN_LEFT, { "数值", "value" } }, { 48, ALIGN_LEFT, { "结论", "result" } } };
	static const struct table t = { columns, countof(columns), 7 };
	size_t i;
	json_t *c;
	heading(s, (struct pair){ "各种读法下的结论", "Every reading of the text" });
	table_head(s, &t);
	json_array_foreach(at(s->cert, "verdict.criteria"), i, c) {
		struct pair title = pair_at(c, "title"), why = pair_at(c, "why");
		const struct cell cells[] = { { first_of(s, title), second_of(s, title), INK_TITLE }, { first_of(s, why), second_of(s, why), INK_TEXT },
					      { text_at(c, "value"), NULL, INK_TEXT }, { "", NULL, INK_TEXT } };
		table_row(s, &t, cells);
		reading_rows(s, &t, at(c, "readings"));
	}
	s->y += 4;
}

static const struct { const char *id; struct pair name; } definitions[] = {
	{ "c1", { "C1 按机架", "C1 by racks" } }, { "c2", { "C2 按额定功率", "C2 by rated power" } }, { "c3", { "C3 按实测电能", "C3 by measured energy" } },
	{ "c5", { "C5 按IT额定功率", "C5 by IT nominal power" } },
};

static struct pair definition_of(const char *id)
{
	for (size_t i = 0; i < countof(definitions); i++)
		if (!strcmp(definitions[i].id, id))
			return definitions[i].name;
	return (struct pair){ id, id };
}

static void fraction(const json_t *pair, struct buf *out)
{
	struct fraction f = fraction_of(pair);
	if (f.den <= 0) {
		buf_str(out, "—");
		return;
	}
	percent_text(f.num, f.den, out);
	if (f.den < 1000000)
		buf_printf(out, " (%lld/%lld)", (long long)f.num, (long long)f.den);
}

static void share_row(struct sheet *s, const struct table *t, const json_t *share)
{
	static const struct { const char *word; struct pair words; } where[] = { { "in", { "计入", "counted" } }, { "out", { "不计", "left out" } } };
	CLEANUP(buf_done) struct buf lo = { 0 }, hi = { 0 };
	struct pair name = definition_of(text_at(share, "id")), network = where[strcmp(text_at(share, "network"), "in") != 0].words,
		    empty = where[strcmp(text_at(share, "empty"), "in") != 0].words;
	fraction(at(share, "lo"), &lo);
	fraction(at(share, "hi"), &hi);
	const struct cell cells[] = { { first_of(s, name), second_of(s, name), INK_TEXT }, { first_of(s, network), NULL, INK_TEXT }, { first_of(s, empty), NULL, INK_TEXT },
				      { lo.data, NULL, INK_TITLE }, { hi.data, NULL, INK_TITLE } };
	table_row(s, t, cells);
}

static void shares(struct sheet *s)
{
	static const struct column columns[] = { { 131, ALIGN_LEFT, { "定义", "definition" } }, { 70, ALIGN_LEFT, { "网络机架", "network racks" } },
						 { 70, ALIGN_LEFT, { "空机架", "empty racks" } }, { 120, ALIGN_RIGHT, { "下限", "from" } }, { 120, ALIGN_RIGHT, { "上限", "to" } } };
	static const struct table t = { columns, countof(columns), 7.5 };
	const json_t *list = at(s->cert, "results.racks.shares");
	size_t i;
	json_t *share;
	if (!json_array_size(list))
		return;
	heading(s, (struct pair){ "计算功能占比的各种定义", "Compute share under every definition" });
	table_head(s, &t);
	json_array_foreach(list, i, share)
		share_row(s, &t, share);
	s->y += 4;
}

void sheet_readings(struct sheet *s)
{
	criteria(s);
	shares(s);
}
