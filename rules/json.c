/* JSON as this project signs it: integers, sorted members, one spelling. */
#include "rules/jws.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void pointer_push(char *pointer, size_t size, const char *member)
{
	size_t n = strlen(pointer);
	if (n + 1 < size)
		pointer[n++] = '/';
	for (; *member && n + 2 < size; member++) {
		if (*member == '~' || *member == '/') {
			pointer[n++] = '~';
			pointer[n++] = *member == '~' ? '0' : '1';
		} else {
			pointer[n++] = *member;
		}
	}
	pointer[n < size ? n : size - 1] = 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Members of a and b in sorted order, so that the pointer named does not depend on hashing. */
static const char **member_names(const json_t *a, const json_t *b, size_t *n)
{
	const char **names = calloc(json_object_size(a) + json_object_size(b) + 1, sizeof *names), *key;
	json_t *value;
	*n = 0;
	if (!names)
		return NULL;
	json_object_foreach((json_t *)(uintptr_t)a, key, value)
		names[(*n)++] = key;
	json_object_foreach((json_t *)(uintptr_t)b, key, value)
		if (!json_object_get(a, key))
			names[(*n)++] = key;
	qsort(names, *n, sizeof *names, by_text);
	return names;
}

static bool difference(const json_t *a, const json_t *b, char *pointer, size_t size);

static bool step_into(const json_t *a, const json_t *b, const char *member, char *pointer, size_t size)
{
	size_t n = strlen(pointer);
	pointer_push(pointer, size, member);
	if (!a || !b || difference(a, b, pointer, size))
		return true;
	pointer[n] = 0;
	return false;
}

static bool object_difference(const json_t *a, const json_t *b, char *pointer, size_t size)
{
	size_t n;
	const char **names = member_names(a, b, &n);
	bool differs = !names;
	for (size_t i = 0; i < n && !differs; i++)
		differs = step_into(json_object_get(a, names[i]), json_object_get(b, names[i]), names[i], pointer, size);
	free(names);
	return differs;
}

static bool array_difference(const json_t *a, const json_t *b, char *pointer, size_t size)
{
	size_t na = json_array_size(a), nb = json_array_size(b);
	for (size_t i = 0; i < (na > nb ? na : nb); i++) {
		char member[24];
		snprintf(member, sizeof member, "%zu", i);
		if (step_into(json_array_get(a, i), json_array_get(b, i), member, pointer, size))
			return true;
	}
	return false;
}

static bool difference(const json_t *a, const json_t *b, char *pointer, size_t size)
{
	if (json_typeof(a) == json_typeof(b) && json_is_object(a))
		return object_difference(a, b, pointer, size);
	if (json_typeof(a) == json_typeof(b) && json_is_array(a))
		return array_difference(a, b, pointer, size);
	return !json_equal(a, b);
}

bool json_difference(const json_t *a, const json_t *b, char *pointer, size_t size)
{
	pointer[0] = 0;
	if (!a || !b)
		return a != b;
	return difference(a, b, pointer, size);
}

/* True when a real number is found; the pointer then names it. */
static bool find_real(const json_t *v, char *pointer, size_t size)
{
	size_t n = strlen(pointer), i;
	const char *key;
	json_t *item;
	if (json_is_real(v))
		return true;
	if (json_is_object(v))
		json_object_foreach((json_t *)(uintptr_t)v, key, item) {
			pointer_push(pointer, size, key);
			if (find_real(item, pointer, size))
				return true;
			pointer[n] = 0;
		}
	json_array_foreach((json_t *)(uintptr_t)v, i, item) {
		char member[24];
		snprintf(member, sizeof member, "%zu", i);
		pointer_push(pointer, size, member);
		if (find_real(item, pointer, size))
			return true;
		pointer[n] = 0;
	}
	return false;
}

static bool no_reals(const json_t *value, struct err *err)
{
	char pointer[256] = "";
	if (find_real(value, pointer, sizeof pointer))
		return err_set(err, ERR_INPUT, "%s: a number with a fraction or exponent; signed data holds integers only", pointer);
	return true;
}

bool json_canonical(const json_t *value, struct buf *out, struct err *err)
{
	if (!no_reals(value, err))
		return false;
	char *text = json_dumps(value, JSON_SORT_KEYS | JSON_COMPACT);
	if (!text)
		return err_memory(err);
	buf_str(out, text);
	free(text);
	return out->failed ? err_memory(err) : true;
}

json_t *json_read(const char *name, const void *bytes, size_t len, struct err *err)
{
	json_error_t where;
	json_t *root = json_loadb(bytes, len, JSON_REJECT_DUPLICATES, &where);
	if (!root) {
		err_set(err, ERR_INPUT, "%s:%d:%d: not JSON: %s", name, where.line, where.column, where.text);
		return NULL;
	}
	if (!json_is_object(root)) {
		err_set(err, ERR_INPUT, "%s: not a JSON object", name);
	} else if (no_reals(root, err)) {
		return root;
	} else {
		err_wrap(err, "%s", name);
	}
	json_decref(root);
	return NULL;
}
