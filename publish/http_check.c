/* The checks a request must pass before anything looks at what it asks for. */
#include "publish/http_inner.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct headers { size_t bytes; unsigned hosts, lengths, encodings, origins; const char *host, *length, *origin, *site, *mode; };

static enum MHD_Result look(void *ctx, enum MHD_ValueKind kind, const char *key, const char *value)
{
	struct headers *h = ctx;
	(void)kind;
	h->bytes += strlen(key) + (value ? strlen(value) : 0) + 4;
	const struct { const char *name; unsigned *n; const char **value; } rows[] = {
		{ "Host", &h->hosts, &h->host }, { "Content-Length", &h->lengths, &h->length }, { "Transfer-Encoding", &h->encodings, NULL },
		{ "Origin", &h->origins, &h->origin }, { "Sec-Fetch-Site", NULL, &h->site }, { "Sec-Fetch-Mode", NULL, &h->mode } };
	for (size_t i = 0; i < countof(rows); i++)
		if (!strcasecmp(key, rows[i].name)) {
			if (rows[i].n)
				++*rows[i].n;
			if (rows[i].value)
				*rows[i].value = value ? value : "";
		}
	return MHD_YES;
}

/* A name of this machine's loopback, with or without a port: whatever else a browser was told is here, is not. */
static bool local_name(const char *host)
{
	static const char *const names[] = { "127.0.0.1", "localhost", "[::1]" };
	for (size_t i = 0; i < countof(names); i++) {
		size_t n = strlen(names[i]);
		if (strncasecmp(host, names[i], n) != 0)
			continue;
		const char *port = host + n;
		if (!*port)
			return true;
		size_t digits = strspn(port + 1, "0123456789");
		return *port == ':' && digits > 0 && digits <= 5 && !port[1 + digits];
	}
	return false;
}

static bool same_origin(const struct headers *h)
{
	const char *rest = strstr(h->origin, "://");
	return rest && !strcasecmp(rest + 3, h->host);
}

/* From another site's page?  Opening the dashboard through a link is fine, reading its data from there is not. */
static bool from_elsewhere(const struct headers *h)
{
	bool other = h->site && (!strcasecmp(h->site, "cross-site") || !strcasecmp(h->site, "same-site"));
	return other && !(h->mode && !strcasecmp(h->mode, "navigate"));
}

static bool body_of(const struct headers *h, bool *huge)
{
	char *end = NULL;
	unsigned long long n = h->length ? strtoull(h->length, &end, 10) : 0;
	*huge = n > HTTP_BODY_MAX;
	return h->encodings > 0 || n > 0 || (end && *end);
}

unsigned http_refusal(struct MHD_Connection *connection, const char *method, const char *version, const char *uri, uint16_t port, const char **why)
{
	struct headers h = { 0 };
	bool huge = false;
	(void)port;
	MHD_get_connection_values(connection, MHD_HEADER_KIND, look, &h);
	bool body = body_of(&h, &huge);
	const struct { bool wrong; unsigned status; const char *why; } rows[] = {
		{ strcmp(version, "HTTP/1.1") != 0 && strcmp(version, "HTTP/1.0") != 0, 505, "only HTTP/1.0 and HTTP/1.1 are spoken here" },
		{ h.bytes > HTTP_HEADER_MAX, 431, "the header is larger than 8 KiB" },
		{ h.lengths > 1 || (h.lengths && h.encodings), 400, "the length of the body is ambiguous" },
		{ huge, 413, "the body is larger than 64 KiB" },
		{ strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0, 405, "only GET and HEAD: nothing can be changed here" },
		{ body, 400, "a GET has no body" },
		{ h.hosts != 1, 400, "there must be one Host header" },
		{ h.hosts == 1 && !local_name(h.host), 421, "this server is 127.0.0.1 or localhost, not the name in the Host header" },
		{ h.origins > 1 || (h.origins && h.hosts == 1 && !same_origin(&h)) || from_elsewhere(&h), 403, "asked from another site's page" },
		{ !uri || uri[0] != '/', 400, "the target must be a path" },
		{ uri && strlen(uri) > HTTP_URI_MAX, 414, "the target is longer than 2048 bytes" },
	};
	for (size_t i = 0; i < countof(rows); i++)
		if (rows[i].wrong) {
			*why = rows[i].why;
			return rows[i].status;
		}
	return 0;
}
