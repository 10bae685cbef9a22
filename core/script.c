#include "core/script.h"
#include "core/conf.h"
#include "core/type.h"
#include "core/walk.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { OBJECTS = 8, LINE_MAX_LEN = 4096 };

struct line { size_t from, len; int number; };

struct script {
	char *text;
	struct line *lines;
	size_t n, next;                  /* the first line that does not hold yet */
	int64_t next_ms;                 /* since when it does */
	struct replica *replica;
	char *objects[OBJECTS];
	size_t n_objects, left_out;
	bool silent, snmp;
};

static char *copy_of(const struct script *s, const struct line *l, char room[LINE_MAX_LEN])
{
	memcpy(room, s->text + l->from, l->len);
	room[l->len] = 0;
	return room;
}

static bool word_of(const char *text, uint16_t *out)
{
	const char *rest;
	int64_t v;
	if (!whole_number(text, &v, &rest) || *rest || v < 0 || v > 65535)
		return false;
	*out = (uint16_t)v;
	return true;
}

static bool take_words(struct script *s, uint8_t space, char *rest)
{
	uint16_t address = 0, words[256];
	size_t n = 0;
	char *save = NULL, *word = strtok_r(rest, " \t", &save);
	if (!word || !word_of(word, &address))
		return false;
	while ((word = strtok_r(NULL, " \t", &save)))
		if (n == countof(words) || !word_of(word, &words[n++]))
			return false;
	return n && replica_words(s->replica, space, address, words, n);
}

static bool take_object(struct script *s, char *rest)
{
	char *end;
	long i = strtol(rest, &end, 10);
	if (end == rest || !isspace((unsigned char)*end) || i < 0 || i >= OBJECTS || (size_t)i > s->n_objects)
		return false;
	char *text = strdup(end + strspn(end, " \t"));
	if (!text)
		return false;
	free(s->objects[i]);
	s->objects[i] = text;
	s->n_objects = (size_t)i == s->n_objects ? s->n_objects + 1 : s->n_objects;
	replica_objects(s->replica, (const char *const *)s->objects, s->n_objects);
	return true;
}

/* A line that says what the device holds. */
static bool take(struct script *s, char *text, struct err *err)
{
	static const struct { const char *word; uint8_t space; } spaces[] = {
		{ "coil", 1 }, { "discrete", 2 }, { "holding", 3 }, { "input", 4 },
	};
	size_t n = strcspn(text, " \t");
	char *rest = text + n + strspn(text + n, " \t");
	if (!strcmp(text, "silent")) {
		s->silent = true;
		return true;
	}
	if (isdigit((unsigned char)text[0]) || text[0] == '.') {
		s->snmp = true;
		return replica_snmprec(s->replica, text, strlen(text), NULL) || err_set(err, ERR_INPUT, "no 'OID|TAG|VALUE'");
	}
	for (size_t i = 0; i < countof(spaces); i++)
		if (strlen(spaces[i].word) == n && !strncmp(text, spaces[i].word, n))
			return take_words(s, spaces[i].space, rest) || err_set(err, ERR_INPUT, "no '%s ADDRESS WORD ...' with numbers from 0 to 65535", spaces[i].word);
	if (n == 6 && !strncmp(text, "object", n))
		return take_object(s, rest) || err_set(err, ERR_INPUT, "no 'object N TEXT', N ascending from 0");
	return err_set(err, ERR_INPUT, "neither an object, nor words, nor '@ TIME', nor 'silent'");
}

static bool time_of(const char *text, int64_t *ms)
{
	return text[0] == '@' && duration_ms_parse(text + 1 + strspn(text + 1, " \t"), ms);
}

static bool split(struct script *s, size_t len, struct err *err)
{
	size_t room = 0;
	int number = 0;
	for (size_t at = 0; at < len;) {
		const char *stop = memchr(s->text + at, '\n', len - at);
		size_t n = (stop ? (size_t)(stop - s->text) : len) - at, next = at + n + 1, from = at;
		number++;
		at = next;
		while (n && isspace((unsigned char)s->text[from + n - 1]))
			n--;
		for (; n && isspace((unsigned char)s->text[from]); n--)
			from++;
		if (!n || s->text[from] == '#')
			continue;
		if (n >= LINE_MAX_LEN || memchr(s->text + from, 0, n))
			return err_set(err, ERR_INPUT, "line %d: too long, or not text", number);
		if (s->n == room) {
			struct line *more = realloc(s->lines, (room = room ? room * 2 : 64) * sizeof *more);
			if (!more)
				return err_memory(err);
			s->lines = more;
		}
		s->lines[s->n++] = (struct line){ from, n, number };
	}
	return true;
}

static void begin(struct script *s)
{
	for (size_t i = 0; i < s->n_objects; i++) {
		free(s->objects[i]);
		s->objects[i] = NULL;
	}
	replica_free(s->replica);
	s->replica = replica_new();
	s->n_objects = s->next = 0;
	s->next_ms = 0;
	s->silent = false;
	if (s->replica)
		replica_strict(s->replica);
}

/* Takes what holds at a time; with INT64_MAX all of it, which is how a text is checked. */
static bool advance(struct script *s, int64_t elapsed_ms, struct err *err)
{
	char room[LINE_MAX_LEN];
	for (; s->next < s->n && s->next_ms <= elapsed_ms; s->next++) {
		const struct line *l = &s->lines[s->next];
		char *text = copy_of(s, l, room);
		int64_t ms;
		if (text[0] != '@') {
			if (!take(s, text, err))
				return err_wrap(err, "line %d", l->number);
			continue;
		}
		if (!time_of(text, &ms) || ms < s->next_ms)
			return err_set(err, ERR_INPUT, "line %d: no '@ TIME' such as '@ 90s', ascending", l->number);
		s->next_ms = ms;
		replica_sort(s->replica);
		if (ms > elapsed_ms)
			return true;            /* looked at again when its time has come */
		s->silent = false;
	}
	return true;
}

/* The text, or what a walk says in the words of a recording. */
static bool keep_text(struct script *s, const void *bytes, size_t *len, struct err *err)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	if (walk_is(bytes, *len)) {
		if (!walk_to_snmprec(bytes, *len, &text, &s->left_out, err))
			return false;
	} else {
		buf_add(&text, bytes, *len);
	}
	*len = text.len;
	buf_add(&text, "", 1);
	return (s->text = buf_take(&text)) || err_memory(err);
}

struct script *script_new(const void *bytes, size_t len, struct err *err)
{
	struct script *s = calloc(1, sizeof *s);
	bool good = s ? keep_text(s, bytes, &len, err) : err_memory(err);
	if (good) {
		begin(s);
		good = split(s, len, err) && (s->replica || err_memory(err)) && advance(s, INT64_MAX, err);
	}
	if (good) {
		begin(s);
		good = s->replica || err_memory(err);
	}
	if (good)
		return s;
	script_free(s);
	return NULL;
}

void script_free(struct script *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < OBJECTS; i++)
		free(s->objects[i]);
	replica_free(s->replica);
	free(s->lines);
	free(s->text);
	free(s);
}

bool script_has_objects(const struct script *s)
{
	return s->snmp;
}

size_t script_left_out(const struct script *s)
{
	return s->left_out;
}

struct replica *script_at(struct script *s, int64_t elapsed_ms)
{
	struct err none = { 0 };
	bool good = advance(s, elapsed_ms, &none);      /* every line was read before: only memory can fail */
	return good && !s->silent ? s->replica : NULL;
}
