#include "rules/lexicon.h"
#include "core/conf.h"

#include <string.h>

static const struct word { const char *text; enum comparison op; } words[] = {
	{ "大于", CMP_GT }, { "超过", CMP_GT }, { "高于", CMP_GT }, { "多于", CMP_GT }, { "以外", CMP_GT },
	{ "低于", CMP_LT }, { "小于", CMP_LT }, { "少于", CMP_LT }, { "不满", CMP_LT }, { "不足", CMP_LT },
	{ "不低于", CMP_GE }, { "不少于", CMP_GE }, { "不小于", CMP_GE }, { "以上", CMP_GE }, { "届满", CMP_GE }, { "达到", CMP_GE }, { "至少", CMP_GE },
	{ "不超过", CMP_LE }, { "不高于", CMP_LE }, { "不大于", CMP_LE }, { "不多于", CMP_LE }, { "最高", CMP_LE }, { "至多", CMP_LE }, { "以下", CMP_LE },
	{ "以内", CMP_LE },
	{ "不得低于", CMP_GE }, { "不得少于", CMP_GE }, { "不得小于", CMP_GE }, { "不得超过", CMP_LE }, { "不得高于", CMP_LE }, { "不得大于", CMP_LE },
	{ "未达到", CMP_LT }, { "未超过", CMP_LE },
	{ "above", CMP_GT }, { "more than", CMP_GT }, { "exceeds", CMP_GT }, { "below", CMP_LT }, { "less than", CMP_LT },
	{ "at least", CMP_GE }, { "not less than", CMP_GE }, { "no less than", CMP_GE }, { "at most", CMP_LE }, { "not more than", CMP_LE },
	{ "no more than", CMP_LE }, { "up to", CMP_LE },
	{ "<", CMP_LT }, { "<=", CMP_LE }, { ">", CMP_GT }, { ">=", CMP_GE }, { "=", CMP_EQ },
};

bool lexicon_operator(const char *word, enum comparison *out)
{
	for (size_t i = 0; i < countof(words); i++)
		if (strcmp(words[i].text, word) == 0) {
			*out = words[i].op;
			return true;
		}
	return false;
}

/* A word right behind a negation says something else, whether or not the two together are in the table. */
static bool negated(const char *quote, const char *at)
{
	static const char *const before[] = { "不", "未", "非", "没有", "不得", "不应", "不能", "不可", "not ", "no ", "never " };
	for (size_t i = 0; i < countof(before); i++) {
		size_t n = strlen(before[i]);
		if ((size_t)(at - quote) >= n && memcmp(at - n, before[i], n) == 0)
			return true;
	}
	return false;
}

/* Is this place of the quote inside a longer word? */
static bool swallowed(const char *quote, const char *at, size_t len)
{
	for (size_t i = 0; i < countof(words); i++) {
		const char *text = words[i].text;
		size_t longer = strlen(text);
		for (const char *p = longer > len ? strstr(quote, text) : NULL; p; p = strstr(p + 1, text))
			if (p <= at && at + len <= p + longer)
				return true;
	}
	return false;
}

static const char *standing(const char *quote, const char *word)
{
	size_t len = strlen(word);
	for (const char *p = len ? strstr(quote, word) : NULL; p; p = strstr(p + 1, word))
		if (!swallowed(quote, p, len) && !negated(quote, p))
			return p;
	return NULL;
}

bool lexicon_stands(const char *quote, const char *word)
{
	return standing(quote, word) != NULL;
}

const char *lexicon_first(const char *quote)
{
	const char *best = NULL, *place = NULL;
	for (size_t i = 0; i < countof(words); i++) {
		const char *p = standing(quote, words[i].text);
		if (p && (!place || p < place)) {
			place = p;
			best = words[i].text;
		}
	}
	return best;
}

const char *lexicon_nearest(const char *word)
{
	const char *all[countof(words)];
	for (size_t i = 0; i < countof(words); i++)
		all[i] = words[i].text;
	return conf_nearest(word, all, countof(words));
}
