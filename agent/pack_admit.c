#include "agent/pack_admit.h"
#include "agent/ctl.h"
#include "agent/file.h"
#include "agent/pack_hashes.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool pack_shipped(const struct pack *p)
{
	char hash[65];
	pack_hash(p, hash);
	for (size_t i = 0; i < countof(pack_hashes); i++)
		if (strcmp(pack_hashes[i], hash) == 0)
			return true;
	return false;
}

bool pack_admit(const struct pack *p, const char *path, const struct trust *trust, struct err *err)
{
	char beside[PATH_MAX];
	CLEANUP(buf_done) struct buf envelope = { 0 };
	if (pack_shipped(p))
		return true;
	snprintf(beside, sizeof beside, "%s.jws", path);
	if (!file_read(beside, &envelope, NULL))
		return err_set(err, ERR_EVIDENCE, "pack %s %s (%s) is not signed, and is not one that came with the program: no statement of eligibility is made by it; "
			       "sign it with `puectl pack sign`", pack_id(p), pack_version(p), path);
	if (!trust)
		return err_set(err, ERR_EVIDENCE, "pack %s %s is signed, but no trust store is given to check it with; use --trust KEYS", pack_id(p), pack_version(p));
	return pack_signature_check(p, trust, envelope.data, envelope.len, err);
}

static bool add_trust_file(const char *path, struct trust *all, struct err *err)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	struct trust one;
	if (!file_read(path, &text, err) || !trust_parse(path, text.data, text.len, &one, err))
		return false;
	bool good = trust_join(all, &one, err);
	trust_done(&one);
	return good;
}

bool trust_load(const char *path, struct trust *out, struct err *err)
{
	struct trust all = { 0 };
	struct stat st;
	struct dirent **names = NULL;
	bool good = true;
	int n = stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? scandir(path, &names, NULL, alphasort) : -1;
	if (n < 0)
		good = add_trust_file(path, &all, err);
	for (int i = 0; i < n; i++) {
		char file[PATH_MAX];
		size_t len = strlen(names[i]->d_name);
		snprintf(file, sizeof file, "%s/%s", path, names[i]->d_name);
		if (good && len > 5 && strcmp(names[i]->d_name + len - 5, ".json") == 0)
			good = add_trust_file(file, &all, err);
		free(names[i]);
	}
	free(names);
	if (good && all.n == 0)
		good = err_set(err, ERR_CONFIG, "%s: no trust store (*.json) in this directory", path);
	if (good)
		*out = all;
	else
		trust_done(&all);
	return good;
}

const struct pack *pack_find(struct conf *conf, const char *id, char *path, size_t size, struct err *err)
{
	const char *const dirs[] = { "/etc/pued/packs", data_dir("packs") };
	CLEANUP(buf_done) struct buf text = { 0 };
	snprintf(path, size, "%s", id);
	for (size_t i = 0; i < countof(dirs) && !strchr(id, '/') && access(path, R_OK) != 0; i++)
		snprintf(path, size, "%s/%s.yaml", dirs[i], id);
	if (!file_read(path, &text, NULL)) {
		err_set(err, ERR_CONFIG, "no policy pack '%s', neither as a file nor in %s or %s; `puectl pack list` names them", id, dirs[0], dirs[1]);
		return NULL;
	}
	const struct pack *p = pack_load(conf, path, text.data, text.len, NULL);
	if (!p && conf_ok(conf, err))
		err_set(err, ERR_CONFIG, "%s: not a policy pack", path);
	return p;
}

static bool bears_verdicts(const char *path)
{
	struct conf *conf = conf_new();
	CLEANUP(buf_done) struct buf text = { 0 };
	const struct pack *p = conf && file_read(path, &text, NULL) ? pack_load(conf, path, text.data, text.len, NULL) : NULL;
	bool good = p && !pack_draft(p);
	conf_free(conf);
	return good;
}

const char *pack_only(char *id, size_t size, struct err *err)
{
	const char *dir = data_dir("packs");
	struct dirent **names = NULL;
	CLEANUP(buf_done) struct buf all = { 0 };
	int n = scandir(dir, &names, NULL, alphasort), found = 0;
	for (int i = 0; i < n; i++) {
		char path[PATH_MAX];
		char *dot = strrchr(names[i]->d_name, '.');
		snprintf(path, sizeof path, "%s/%s", dir, names[i]->d_name);
		if (dot && strcmp(dot, ".yaml") == 0 && bears_verdicts(path)) {
			*dot = 0;
			buf_printf(&all, "%s%s", all.len ? ", " : "", names[i]->d_name);
			if (found++ == 0)
				snprintf(id, size, "%s", names[i]->d_name);
		}
		free(names[i]);
	}
	free(names);
	if (found == 1)
		return id;
	err_set(err, ERR_USAGE, "which policy? name it with --pack (%s)", all.data ? all.data : "there is none");
	return NULL;
}
