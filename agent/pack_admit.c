#include "agent/pack_admit.h"
#include "agent/ctl.h"
#include "agent/file.h"
#include "agent/pack_hashes.h"
#include "core/merkle.h"

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
	if (pack_draft(p))
		return err_set(err, ERR_CONFIG, "pack %s %s (%s) is a draft (something in it is not verified): it bears no verdict; read the text, set the status, then sign it", pack_id(p),
			       pack_version(p), path);
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

static bool has_hash(const struct buf *text, const char *sha256_hex)
{
	struct hash hash;
	char hex[65];
	sha256(text->data, text->len, &hash);
	hash_hex(&hash, hex);
	return strcmp(hex, sha256_hex) == 0;
}

/* One file: the wanted bytes, or a pack that only says it is the wanted one. */
static const struct pack *try_file(struct conf *conf, const struct pack_wanted *wanted, const char *path, bool *edited)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	if (!file_read(path, &text, NULL))
		return NULL;
	if (has_hash(&text, wanted->sha256))
		return pack_load(conf, path, text.data, text.len, NULL);
	struct conf *other = conf_new();
	const struct pack *p = other && memmem(text.data, text.len, wanted->id, strlen(wanted->id)) ? pack_load(other, path, text.data, text.len, NULL) : NULL;
	*edited |= p && strcmp(pack_id(p), wanted->id) == 0 && strcmp(pack_version(p), wanted->version) == 0;
	conf_free(other);
	return NULL;
}

static const struct pack *try_directory(struct conf *conf, const struct pack_wanted *wanted, const char *dir, char *path, size_t size, bool *edited)
{
	struct dirent **names = NULL;
	const struct pack *p = NULL;
	int n = scandir(dir, &names, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		const char *dot = strrchr(names[i]->d_name, '.');
		if (!p && dot && strcmp(dot, ".yaml") == 0) {
			snprintf(path, size, "%s/%s", dir, names[i]->d_name);
			p = try_file(conf, wanted, path, edited);
		}
		free(names[i]);
	}
	free(names);
	return p;
}

const struct pack *pack_by_hash(struct conf *conf, const struct pack_wanted *wanted, const char *file, char *path, size_t size, enum pack_search *found,
				struct err *err)
{
	const char *const dirs[] = { "/etc/pued/packs", data_dir("packs") };
	const struct pack *p = NULL;
	bool edited = false;
	snprintf(path, size, "%s", file ? file : "");
	if (file)
		p = try_file(conf, wanted, file, &edited);
	for (size_t i = 0; i < countof(dirs) && !file && !p; i++)
		p = try_directory(conf, wanted, dirs[i], path, size, &edited);
	*found = p ? PACK_FOUND : edited ? PACK_EDITED : PACK_UNKNOWN;
	if (p)
		return p;
	if (edited)
		err_set(err, ERR_EVIDENCE, "/identity/pack/sha256: pack %s %s is here with other content than the certificate was made with (SHA-256 %.16s...)", wanted->id,
			wanted->version, wanted->sha256);
	else
		err_set(err, ERR_EVIDENCE, "/identity/pack/sha256: no pack %s %s with SHA-256 %.16s... %s%s; get that version from its publisher and give it with --pack FILE",
			wanted->id, wanted->version, wanted->sha256, file ? "in " : "is installed", file ? file : "");
	return NULL;
}

/* A version kept beside the pack under another name does not make two policies. */
static bool bears_verdicts(const char *path, const char *stem)
{
	struct conf *conf = conf_new();
	CLEANUP(buf_done) struct buf text = { 0 };
	const struct pack *p = conf && file_read(path, &text, NULL) ? pack_load(conf, path, text.data, text.len, NULL) : NULL;
	bool good = p && !pack_draft(p) && strcmp(pack_id(p), stem) == 0;
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
		bool yaml = dot && strcmp(dot, ".yaml") == 0;
		if (yaml)
			*dot = 0;
		if (yaml && bears_verdicts(path, names[i]->d_name)) {
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
