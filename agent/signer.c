#include "agent/signer.h"
#include "agent/file.h"
#include "agent/signer_socket.h"

#include <dirent.h>
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct signer {
	struct public_key *keys;
	EVP_PKEY **private;
	size_t n;
	char *socket;           /* NULL: private[] is here */
	int64_t patience_ms;
	struct signer_ops ops;
};

static bool ed25519_sign(EVP_PKEY *key, const void *bytes, size_t len, uint8_t sig[SIG_LEN])
{
	size_t sig_len = SIG_LEN;
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool good = md && EVP_DigestSignInit(md, NULL, NULL, NULL, key) == 1 && EVP_DigestSign(md, sig, &sig_len, bytes, len) == 1;
	EVP_MD_CTX_free(md);
	return good && sig_len == SIG_LEN;
}

static bool raw_of_der(const uint8_t *der, size_t len, uint8_t sig[SIG_LEN])
{
	ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)len);
	bool good = pair && BN_bn2binpad(ECDSA_SIG_get0_r(pair), sig, 32) == 32 && BN_bn2binpad(ECDSA_SIG_get0_s(pair), sig + 32, 32) == 32;
	ECDSA_SIG_free(pair);
	return good;
}

static bool sm2_sign(EVP_PKEY *key, const void *bytes, size_t len, uint8_t sig[SIG_LEN])
{
	uint8_t der[80];
	size_t der_len = sizeof der;
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	bool good = md && ctx && EVP_PKEY_CTX_set1_id(ctx, SM2_DISTID, sizeof SM2_DISTID - 1) > 0;
	if (good) {
		EVP_MD_CTX_set_pkey_ctx(md, ctx);
		good = EVP_DigestSignInit(md, NULL, EVP_sm3(), NULL, key) == 1 && EVP_DigestSign(md, der, &der_len, bytes, len) == 1 &&
		       raw_of_der(der, der_len, sig);
	}
	EVP_MD_CTX_free(md);
	EVP_PKEY_CTX_free(ctx);
	return good;
}

static bool ed25519_public(EVP_PKEY *key, struct public_key *out)
{
	return EVP_PKEY_get_raw_public_key(key, out->bytes, &out->len) == 1;
}

static bool sm2_public(EVP_PKEY *key, struct public_key *out)
{
	return EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, out->bytes, sizeof out->bytes, &out->len) == 1;
}

static const struct alg {
	const char *openssl;
	bool (*sign)(EVP_PKEY *, const void *, size_t, uint8_t sig[SIG_LEN]);
	bool (*public)(EVP_PKEY *, struct public_key *);
} algs[SIG_N] = {
	[SIG_ED25519] = { "ED25519", ed25519_sign, ed25519_public },
	[SIG_SM2] = { "SM2", sm2_sign, sm2_public },
};

static bool public_of(EVP_PKEY *key, struct public_key *out)
{
	for (size_t i = 0; i < SIG_N; i++) {
		struct public_key k = { .alg = (enum sig_alg)i, .len = sizeof k.bytes };
		if (!EVP_PKEY_is_a(key, algs[i].openssl) || !algs[i].public(key, &k) || k.len != sig_key_len(k.alg))
			continue;
		public_key_kid(&k);
		*out = k;
		return true;
	}
	return false;
}

static bool sign(void *ctx, const struct public_key *key, const void *bytes, size_t len, uint8_t sig[64], struct err *err)
{
	const struct signer *s = ctx;
	if (s->socket)
		return signer_ask(s->socket, s->patience_ms, key, bytes, len, sig, err);
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->keys[i].kid, key->kid) == 0)
			return algs[key->alg].sign(s->private[i], bytes, len, sig) ||
			       err_set(err, ERR_INTERNAL, "key %s: OpenSSL would not sign", key->kid);
	return err_set(err, ERR_CONFIG, "no key %s to sign with", key->kid);
}

const struct signer_ops *signer_ops(const struct signer *s)
{
	return &s->ops;
}

void signer_free(struct signer *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++)
		EVP_PKEY_free(s->private[i]);
	free(s->private);
	free(s->keys);
	free(s->socket);
	free(s);
}

static EVP_PKEY *private_read(const char *path, unsigned forbidden, struct err *err)
{
	FILE *f = fopen(path, "re");
	struct stat st;
	if (!f || fstat(fileno(f), &st) != 0) {
		err_set(err, errno == EACCES ? ERR_DENIED : ERR_IO, "%s: %s", path, strerror(errno));
		if (f)
			fclose(f);
		return NULL;
	}
	EVP_PKEY *key = NULL;
	if (st.st_mode & forbidden)
		err_set(err, ERR_DENIED, "%s: a private key that group or others can read is no secret (mode %04o); chmod 600 it, and replace the key if it may have been read",
			path, (unsigned)st.st_mode & 07777);
	else if (!(key = PEM_read_PrivateKey(f, NULL, NULL, NULL)))
		err_set(err, ERR_INPUT, "%s: not a private key in PEM form", path);
	fclose(f);
	return key;
}

/* Takes the key. */
static bool add(struct signer *s, EVP_PKEY *key, const struct public_key *public, struct err *err)
{
	struct public_key *keys = realloc(s->keys, (s->n + 1) * sizeof *keys);
	if (keys)
		s->keys = keys;
	EVP_PKEY **private = realloc(s->private, (s->n + 1) * sizeof *private);
	if (private)
		s->private = private;
	if (!keys || !private) {
		EVP_PKEY_free(key);
		return err_memory(err);
	}
	size_t at = public->alg == SIG_ED25519 ? 0 : s->n;   /* the signature any JOSE library verifies goes first */
	memmove(&s->keys[at + 1], &s->keys[at], (s->n - at) * sizeof *s->keys);
	memmove(&s->private[at + 1], &s->private[at], (s->n - at) * sizeof *s->private);
	s->keys[at] = *public;
	s->private[at] = key;
	s->n++;
	s->ops = (struct signer_ops){ .sign = sign, .ctx = s, .keys = s->keys, .n_keys = s->n };
	return true;
}

/* Is this a key the configuration asks for?  entry NULL: no public side says more than kid and algorithm. */
static bool is_wanted(const char *wanted, const struct public_key *key, const json_t *entry)
{
	if (!wanted || !strcmp(wanted, "site") || !strcmp(wanted, key->kid) || !strcasecmp(wanted, sig_alg_name(key->alg)))
		return true;
	const char *member;
	const json_t *name;
	json_object_foreach(json_object_get(entry, "name"), member, name)
		if (json_is_string(name) && !strcmp(wanted, json_string_value(name)))
			return true;
	return false;
}

/* `root` NULL: no public side to ask. */
static bool add_file(struct signer *s, const char *path, unsigned forbidden, const json_t *root, const char *wanted, struct err *err)
{
	EVP_PKEY *key = private_read(path, forbidden, err);
	struct public_key public;
	if (!key)
		return false;
	if (!public_of(key, &public)) {
		EVP_PKEY_free(key);
		return err_set(err, ERR_INPUT, "%s: neither an Ed25519 nor an SM2 key", path);
	}
	const json_t *entry = root ? trust_entry(root, public.kid) : NULL;
	if ((entry && !trust_entry_signs(entry)) || !is_wanted(wanted, &public, entry)) {
		EVP_PKEY_free(key);
		return true;
	}
	return add(s, key, &public, err);
}

static int is_pem(const struct dirent *d)
{
	const char *dot = strrchr(d->d_name, '.');
	return dot && strcmp(dot, ".pem") == 0 && d->d_name[0] != '.';
}

static int is_credential(const struct dirent *d)
{
	const char *dot = strrchr(d->d_name, '.');
	return strncmp(d->d_name, "signing-key", 11) == 0 && !(dot && strcmp(dot, ".json") == 0);
}

static bool add_directory(struct signer *s, const char *dir, int (*is_key)(const struct dirent *), unsigned forbidden, const json_t *root, const char *wanted,
			  struct err *err)
{
	struct dirent **names = NULL;
	int n = scandir(dir, &names, is_key, alphasort);
	bool good = n >= 0 || errno == ENOENT || err_set(err, errno == EACCES ? ERR_DENIED : ERR_IO, "%s: %s", dir, strerror(errno));
	for (int i = 0; i < n; i++) {
		char path[4096];
		snprintf(path, sizeof path, "%s/%s", dir, names[i]->d_name);
		good = good && add_file(s, path, forbidden, root, wanted, err);
		free(names[i]);
	}
	free(names);
	return good;
}

static bool none(const char *dir, const char *wanted, const json_t *root, struct err *err)
{
	CLEANUP(buf_done) struct buf names = { 0 };
	size_t i;
	const json_t *entry;
	if (!dir)
		return err_set(err, ERR_CONFIG, "no credential signing-key* that may sign; the unit needs LoadCredential=signing-key:DIRECTORY, or name a directory with --keys");
	json_array_foreach(json_object_get(root, "keys"), i, entry) {
		const char *kid = json_string_value(json_object_get(entry, "kid")), *name = json_string_value(json_object_get(json_object_get(entry, "name"), "en"));
		if (trust_entry_signs(entry))
			buf_printf(&names, "%s%s (%s)", names.len ? ", " : "", kid ? kid : "?", name ? name : "");
	}
	return names.data && wanted
	       ? err_set(err, ERR_CONFIG, "%s: signing_key '%s' is no key that may sign; those are: %.600s", dir, wanted, names.data)
	       : err_set(err, ERR_CONFIG, "%s: no key that may sign; make one with: puectl keys generate --dir %s", dir, dir);
}

/* Opens what `add` adds, with the public side of the directory. */
static struct signer *open_with(const char *dir, const char *wanted, bool (*add_all)(struct signer *, const char *dir, const json_t *root, const char *wanted, struct err *err),
				struct err *err)
{
	struct signer *s = calloc(1, sizeof *s);
	char path[4096];
	const char *credentials = getenv("CREDENTIALS_DIRECTORY");
	snprintf(path, sizeof path, dir ? "%s/trust.json" : "%s/signing-key_trust.json", dir ? dir : credentials ? credentials : "");
	json_t *root = trust_file_load(path, err);
	bool good = s && root && add_all(s, dir, root, wanted, err) && (s->n || none(dir, wanted, root, err));
	json_decref(root);
	if (good)
		return s;
	signer_free(s);
	return NULL;
}

static bool add_private(struct signer *s, const char *dir, const json_t *root, const char *wanted, struct err *err)
{
	const char *credentials = getenv("CREDENTIALS_DIRECTORY");
	/* the service manager may show its access list to our user as the group's bits */
	return (!dir || add_directory(s, dir, is_pem, 077, root, wanted, err)) &&
	       (!credentials || add_directory(s, credentials, is_credential, 007, root, wanted, err));
}

struct signer *signer_open(const char *dir, const char *wanted, struct err *err)
{
	return open_with(dir, wanted, add_private, err);
}

static bool public_of_entry(const json_t *entry, struct public_key *out)
{
	const char *alg = json_string_value(json_object_get(entry, "alg")), *text = json_string_value(json_object_get(entry, "public"));
	CLEANUP(buf_done) struct buf raw = { 0 };
	struct public_key k = { .len = 0 };
	if (!alg || !text || !sig_alg_of_name(alg, &k.alg) || !base64url_decode(text, strlen(text), &raw) || raw.len != sig_key_len(k.alg))
		return false;
	memcpy(k.bytes, raw.data, raw.len);
	k.len = raw.len;
	public_key_kid(&k);
	*out = k;
	return true;
}

static bool add_public(struct signer *s, const char *dir, const json_t *root, const char *wanted, struct err *err)
{
	size_t i;
	const json_t *entry;
	json_array_foreach(json_object_get(root, "keys"), i, entry) {
		struct public_key public;
		if (!trust_entry_signs(entry))
			continue;
		if (!public_of_entry(entry, &public))
			return err_set(err, ERR_INPUT, "%s/trust.json: keys[%zu] is no public key", dir, i);
		if (is_wanted(wanted, &public, entry) && !add(s, NULL, &public, err))
			return false;
	}
	return true;
}

struct signer *signer_open_socket(const char *dir, const char *wanted, const char *socket, struct err *err)
{
	struct signer *s = open_with(dir, wanted, add_public, err);
	if (s)
		s->patience_ms = 10000;
	if (s && !(s->socket = strdup(socket))) {
		err_memory(err);
		signer_free(s);
		return NULL;
	}
	return s;
}

void signer_patience(struct signer *s, int64_t ms)
{
	s->patience_ms = ms;
}

struct signer *signer_of_site(const struct site *site, const char *dir, struct err *err)
{
	return site->signer ? signer_open_socket(dir, site->key_id, site->signer, err) : signer_open(dir, site->key_id, err);
}

struct signer *signer_open_key(const char *path, struct err *err)
{
	struct signer *s = calloc(1, sizeof *s);
	if (s && add_file(s, path, 077, NULL, NULL, err))
		return s;
	signer_free(s);
	return NULL;
}

static bool private_write(const char *path, EVP_PKEY *key, struct err *err)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	char *text = NULL;
	bool good = bio && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1;
	long len = good ? BIO_get_mem_data(bio, &text) : 0;
	good = good && len > 0 ? file_write(path, text, (size_t)len, 0600, err) : err_set(err, ERR_INTERNAL, "OpenSSL would not write the key");
	BIO_free(bio);
	return good;
}

bool signer_generate(const char *dir, enum sig_alg alg, struct public_key *out, struct err *err)
{
	char path[4096];
	struct public_key public;
	if (mkdir(dir, 0700) != 0 && errno != EEXIST)
		return err_set(err, errno == EACCES ? ERR_DENIED : ERR_IO, "%s: %s", dir, strerror(errno));
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, algs[alg].openssl);
	if (!key || !public_of(key, &public)) {
		EVP_PKEY_free(key);
		return err_set(err, ERR_INTERNAL, "OpenSSL made no %s key", algs[alg].openssl);
	}
	snprintf(path, sizeof path, "%s/%s.pem", dir, public.kid);
	bool good = private_write(path, key, err);
	EVP_PKEY_free(key);
	if (good)
		*out = public;
	return good;
}

json_t *trust_file_load(const char *path, struct err *err)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	json_error_t problem;
	if (access(path, F_OK) != 0 && errno == ENOENT)
		return json_pack("{s:[]}", "keys");
	if (!file_read(path, &text, err))
		return NULL;
	json_t *root = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, &problem);
	if (json_is_array(json_object_get(root, "keys")))
		return root;
	if (root)
		err_set(err, ERR_INPUT, "%s: no trust file: it has no list \"keys\"", path);
	else
		err_set(err, ERR_INPUT, "%s:%d:%d: not JSON: %s", path, problem.line, problem.column, problem.text);
	json_decref(root);
	return NULL;
}

bool trust_file_save(const char *path, const json_t *root, struct err *err)
{
	char *text = json_dumps(root, JSON_INDENT(1) | JSON_SORT_KEYS);
	bool good = text ? file_write(path, text, strlen(text), 0644, err) : err_memory(err);
	free(text);
	return good;
}

json_t *trust_entry(const json_t *root, const char *kid)
{
	size_t i;
	json_t *entry;
	json_array_foreach(json_object_get(root, "keys"), i, entry) {
		const char *have = json_string_value(json_object_get(entry, "kid"));
		if (have && strcmp(have, kid) == 0)
			return entry;
	}
	return NULL;
}

bool trust_entry_signs(const json_t *entry)
{
	return !json_is_string(json_object_get(entry, "until")) && !json_is_string(json_object_get(entry, "revoked"));
}
