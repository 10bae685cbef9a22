#include "agent/secret.h"
#include "agent/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct secret {
	struct secret *next;
	char *name, *value;
	bool old, other;         /* its file is read again; it says something else by now, but somebody may still hold the text */
};

struct secrets {
	char state_dir[400];
	struct secret *first;
};

struct secrets *secrets_new(const char *state_dir)
{
	struct secrets *s = calloc(1, sizeof *s);
	if (s)
		snprintf(s->state_dir, sizeof s->state_dir, "%s", state_dir);
	return s;
}

static bool find(const struct secrets *s, const char *name, char *path, size_t size)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	struct stat st;
	if (dir) {
		snprintf(path, size, "%s/%s", dir, name);
		if (stat(path, &st) == 0)
			return true;
	}
	snprintf(path, size, "%s/credentials/%s", s->state_dir, name);
	return stat(path, &st) == 0;
}

static char *load(const char *name, const char *path, struct err *err)
{
	struct stat st;
	CLEANUP(buf_done) struct buf text = { 0 };
	if (stat(path, &st) != 0) {
		err_set(err, ERR_IO, "credential '%s': %s", name, strerror(errno));
		return NULL;
	}
	if (st.st_mode & 077) {
		err_set(err, ERR_DENIED, "credential '%s': %s can be read by others; chmod 600 it", name, path);
		return NULL;
	}
	if (!file_read(path, &text, err)) {
		err_wrap(err, "credential '%s'", name);
		return NULL;
	}
	/* only at the end: an SNMPv3 secret has two lines */
	while (text.len && (text.data[text.len - 1] == '\n' || text.data[text.len - 1] == '\r'))
		text.data[--text.len] = 0;
	char *copy = strdup(text.data);
	explicit_bzero(text.data, text.len);
	return copy;
}

const char *secret_get(struct secrets *s, const char *name, struct err *err)
{
	char path[600];
	for (struct secret *k = s->first; k; k = k->next)
		if (!k->old && !strcmp(k->name, name))
			return k->value;
	if (strchr(name, '/') || !find(s, name, path, sizeof path)) {
		err_set(err, ERR_CONFIG, "credential '%s' is not there; put it into %s/credentials/%s (mode 600) or add LoadCredential=%s to the unit",
			name, s->state_dir, name, name);
		return NULL;
	}
	struct secret *k = calloc(1, sizeof *k);
	if (k) {
		k->value = load(name, path, err);
		k->name = strdup(name);
	}
	/* the same text again: the one that is there already, so that reloads do not gather copies */
	for (struct secret *was = k && k->value ? s->first : NULL; was; was = was->next) {
		if (!was->old || strcmp(was->name, name) || strcmp(was->value, k->value))
			continue;
		was->old = was->other = false;
		explicit_bzero(k->value, strlen(k->value));
		free(k->value);
		free(k->name);
		free(k);
		return was->value;
	}
	if (!k || !k->value || !k->name) {
		if (k) {
			free(k->name);
			free(k->value);
		}
		free(k);
		return NULL;
	}
	k->next = s->first;
	s->first = k;
	return k->value;
}

void secrets_renew(struct secrets *s)
{
	for (struct secret *k = s->first; k; k = k->next)
		k->old = true;
}

bool secrets_changed(struct secrets *s)
{
	bool changed = false;
	struct secret *first = s->first;         /* reading puts others before it */
	for (struct secret *k = first; k; k = k->next) {
		if (!k->old || k->other)
			continue;
		const char *now = secret_get(s, k->name, &(struct err){ 0 });
		k->other = now && now != k->value;
		changed = changed || now != k->value;
	}
	return changed;
}

void secrets_free(struct secrets *s)
{
	if (!s)
		return;
	for (struct secret *k = s->first, *next; k; k = next) {
		next = k->next;
		explicit_bzero(k->value, strlen(k->value));
		free(k->value);
		free(k->name);
		free(k);
	}
	free(s);
}
