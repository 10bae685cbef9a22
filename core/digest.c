#include "core/digest.h"

#include <openssl/evp.h>
#include <stdlib.h>

struct digest { EVP_MD_CTX *ctx; bool good; };

struct digest *digest_new(void)
{
	struct digest *d = calloc(1, sizeof *d);
	if (d && (d->ctx = EVP_MD_CTX_new()))
		d->good = EVP_DigestInit_ex(d->ctx, EVP_sha256(), NULL) == 1;
	return d;
}

void digest_add(struct digest *d, const void *bytes, size_t len)
{
	d->good = d->good && EVP_DigestUpdate(d->ctx, bytes, len) == 1;
}

bool digest_end(struct digest *d, struct hash *out)
{
	bool good = d && d->good && EVP_DigestFinal_ex(d->ctx, out->bytes, NULL) == 1;
	digest_free(d);
	return good;
}

void digest_free(struct digest *d)
{
	if (d)
		EVP_MD_CTX_free(d->ctx);
	free(d);
}
