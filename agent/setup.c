#include "agent/setup.h"
#include "agent/pack_admit.h"
#include "agent/ctl.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int is_yaml(const struct dirent *e)
{
	size_t len = strlen(e->d_name);
	return e->d_name[0] != '.' && len > 5 && !strcmp(e->d_name + len - 5, ".yaml");
}

/* Calls fn for every *.yaml of the directory, in order of name; a directory that is absent is empty. */
static bool each_yaml(const char *dir, bool (*fn)(void *ctx, const char *path, struct err *err), void *ctx, struct err *err)
{
	struct dirent **list;
	int n = scandir(dir, &list, is_yaml, alphasort);
	bool good = true;
	for (int i = 0; i < n; i++) {
		char path[PATH_MAX];
		snprintf(path, sizeof path, "%s/%s", dir, list[i]->d_name);
		good = good && fn(ctx, path, err);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	return good;
}

static bool add_profile(void *ctx, const char *path, struct err *err)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	if (!file_read(path, &text, err))
		return false;
	library_add(ctx, path, text.data, text.len);
	return true;
}

/* The site's own directory first: the first profile of a name wins.  A profile with a mistake stops nobody who does not use
 * it: `puectl profile test` shows it. */
bool library_extend(struct library *lib, struct err *err)
{
	return each_yaml("/etc/pued/profiles", add_profile, lib, err) && each_yaml(data_dir("profiles"), add_profile, lib, err) && library_close(lib, err);
}

struct library *library_load(struct err *err)
{
	struct library *lib = library_new();
	if (!lib) {
		err_memory(err);
		return NULL;
	}
	struct err problem = { 0 };
	if (!library_extend(lib, &problem) && !library_count(lib)) {
		*err = problem;
		library_free(lib);
		return NULL;
	}
	return lib;
}

bool is_profile_file(const char *name)
{
	return strchr(name, '/') || strstr(name, ".yaml");
}

struct library *library_with(const char *path, const char **name, struct buf *report, struct err *err)
{
	CLEANUP(buf_done) struct buf text = { 0 }, all = { 0 };
	struct library *lib = library_new();
	if (!lib || !file_read(path, &text, err)) {
		if (!lib)
			err_memory(err);
		library_free(lib);
		return NULL;
	}
	library_add(lib, path, text.data ? text.data : "", text.len);
	struct err problem = { 0 };
	if (!library_extend(lib, &problem))                /* what it extends comes from there */
		err_set(err, ERR_CONFIG, "%s", problem.text);
	conf_report(library_conf(lib), &all);
	for (char *line = strtok(all.data ? all.data : (char[]){ 0 }, "\n"); line; line = strtok(NULL, "\n"))
		if (!strncmp(line, path, strlen(path)))
			buf_printf(report, "%s\n", line);
	for (size_t i = 0; i < library_count(lib); i++)
		if (!strcmp(library_at(lib, i)->place.file, path)) {
			*name = library_at(lib, i)->name;
			return lib;
		}
	if (err->kind == ERR_NONE)
		err_set(err, ERR_CONFIG, "%s: no profile in it", path);
	err->kind = ERR_CONFIG;
	library_free(lib);
	return NULL;
}

const struct pack *pack_open(struct conf *conf, const char *id, const char *keys, struct err *err)
{
	char path[PATH_MAX];
	struct trust trust = { 0 };
	const struct pack *pack = pack_find(conf, id, path, sizeof path, err);
	bool trusted = pack && trust_load(keys ? keys : "/etc/pued/trust", &trust, keys ? err : NULL);
	/* keys that were given and cannot be read are told as such */
	if (pack && ((keys && !trusted) || !pack_admit(pack, path, trusted ? &trust : NULL, err)))
		pack = NULL;
	trust_done(&trust);
	return pack;
}

static bool load_site(struct setup *s, const char *path, struct err *err)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	s->path = strdup(path);
	if (!s->path || !(s->conf = conf_new()) || !(s->pack_conf = conf_new()))
		return err_memory(err);
	if (!file_read(path, &text, err))
		return false;
	s->site = site_load(s->conf, path, text.data, text.len, file_reader_beside(s->path));
	if (!conf_ok(s->conf, err) || !s->site)
		return false;
	site_settle(s->conf, s->site);
	return true;
}

static bool load_named(struct setup *s, struct err *err)
{
	struct hash hash;
	char *text = site_canonical(s->site);
	if (!text)
		return err_memory(err);
	sha256(text, strlen(text), &hash);
	free(text);
	hash_hex(&hash, s->config_hash);
	if (!zone_load(s->site->zone, &s->zone, err) || !(s->library = library_load(err)))
		return false;
	struct err refused = { 0 };
	if (s->site->pack && !(s->pack = pack_open(s->pack_conf, s->site->pack, NULL, &refused)))
		/* a pack that is bad, edited or unsigned is refused by name; energies and PUE need none */
		snprintf(s->pack_refused, sizeof s->pack_refused, "%.*s", (int)sizeof s->pack_refused - 1, refused.text);
	return true;
}

bool setup_load(const char *path, struct setup *out, struct buf *report, struct err *err)
{
	struct setup s = { 0 };
	if (load_site(&s, path, err) && load_named(&s, err)) {
		conf_report(s.conf, &s.warnings);
		if (s.pack_refused[0])
			buf_printf(&s.warnings, "%s: warning: no statement of eligibility will be made: %s\n", path, s.pack_refused);
		*out = s;
		return true;
	}
	if (report && s.conf)
		conf_report(s.conf, report);
	setup_done(&s);
	return false;
}

/* The count stands outside the setup: copies of that are made on other threads. */
struct kept { struct setup setup; int references; };     /* references: atomic */

struct setup *setup_open(const char *path, struct buf *report, struct err *err)
{
	struct kept *k = calloc(1, sizeof *k);
	if (!k) {
		err_memory(err);
		return NULL;
	}
	if (!setup_load(path, &k->setup, report, err)) {
		free(k);
		return NULL;
	}
	k->references = 1;
	return &k->setup;
}

struct setup *setup_get(struct setup *s)
{
	__atomic_add_fetch(&((struct kept *)s)->references, 1, __ATOMIC_RELAXED);
	return s;
}

void setup_put(struct setup *s)
{
	struct kept *k = (struct kept *)s;
	if (!k || __atomic_sub_fetch(&k->references, 1, __ATOMIC_ACQ_REL))
		return;
	setup_done(s);
	free(k);
}

void setup_done(struct setup *s)
{
	library_free(s->library);
	zone_done(&s->zone);
	conf_free(s->pack_conf);
	amendment_free(s->amendment);
	conf_free(s->conf);
	buf_done(&s->warnings);
	free(s->path);
	*s = (struct setup){ 0 };
}
