/* Endpoint texts of design.md section 5.  Grammar: SCHEME "://" [USER "@"] HOST [":" PORT] ["/" UNIT] ["?" KEY=VALUE {"&" KEY=VALUE}],
 * a serial line has its device path as HOST, and its unit may also stand behind the options.  Pure. */
#include "collectors/collector.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum host_form { HOST_NET, HOST_PATH };
enum unit_form { UNIT_NONE, UNIT_ANY, UNIT_SERIAL };

static const struct scheme {
	const char *name;
	enum host_form host;
	enum unit_form unit;
	uint16_t port;             /* 0: must be given */
	int version;
	bool user;                 /* may have USER@ */
	const char *options;       /* space-separated, known ones only */
} schemes[] = {
	{ "modbus+tcp", HOST_NET, UNIT_ANY, 502, 0, false, "max_connections" },
	{ "modbus+rtu", HOST_PATH, UNIT_SERIAL, 1, 0, false, "baud parity stop bits rs485" },
	{ "modbus+rtutcp", HOST_NET, UNIT_SERIAL, 0, 0, false, "" },
	{ "snmp", HOST_NET, UNIT_NONE, 161, 2, true, "v" },
	{ "snmpv3", HOST_NET, UNIT_NONE, 161, 3, true, "auth priv context credential" },
};

static const struct scheme *scheme_of(const char *text, size_t len)
{
	for (size_t i = 0; i < countof(schemes); i++)
		if (strlen(schemes[i].name) == len && memcmp(schemes[i].name, text, len) == 0)
			return &schemes[i];
	return NULL;
}

static bool number(const char *text, size_t len, long max, long *out)
{
	long n = 0;
	if (len == 0 || len > 6)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		n = n * 10 + (text[i] - '0');
	}
	*out = n;
	return n <= max;
}

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Percent-decoding (RFC 3986 2.1), so that a community may hold '@' or '/'. */
static bool decode(const char *text, size_t len, char *out, size_t size)
{
	size_t n = 0;
	if (!size)
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = text[i];
		if (c == '%') {
			if (i + 2 >= len || hex(text[i + 1]) < 0 || hex(text[i + 2]) < 0)
				return false;
			c = (char)(hex(text[i + 1]) * 16 + hex(text[i + 2]));
			i += 2;
		}
		if (c == 0 || n + 1 >= size)
			return false;
		out[n++] = c;
	}
	out[n] = 0;
	return true;
}

static bool option_known(const struct scheme *s, const char *key)
{
	size_t len = strlen(key);
	for (const char *p = s->options; (p = strstr(p, key)); p += len)
		if ((p == s->options || p[-1] == ' ') && (p[len] == 0 || p[len] == ' '))
			return true;
	return false;
}

static bool parse_option(const struct scheme *s, const char *text, size_t len, struct endpoint *out, struct err *err)
{
	const char *eq = memchr(text, '=', len);
	if (!eq)
		return err_set(err, ERR_CONFIG, "option '%.*s' has no value; write key=value", (int)len, text);
	char *key = out->options + out->options_len, *end = out->options + sizeof out->options;
	if (!decode(text, (size_t)(eq - text), key, (size_t)(end - key)))
		return err_set(err, ERR_CONFIG, "option '%.*s' is too long or badly escaped", (int)len, text);
	char *value = key + strlen(key) + 1;
	if (!decode(eq + 1, len - (size_t)(eq - text) - 1, value, (size_t)(end - value)))
		return err_set(err, ERR_CONFIG, "option '%.*s' is too long or badly escaped", (int)len, text);
	if (!key[0] || !option_known(s, key))
		return err_set(err, ERR_CONFIG, "option '%s' is not known for %s; known: %s", key, s->name, s->options[0] ? s->options : "none");
	out->n_options++;
	out->options_len = (size_t)(value + strlen(value) + 1 - out->options);
	return true;
}

static bool parse_options(const struct scheme *s, const char *text, size_t len, struct endpoint *out, struct err *err)
{
	while (len) {
		const char *amp = memchr(text, '&', len);
		size_t one = amp ? (size_t)(amp - text) : len;
		if (!parse_option(s, text, one, out, err))
			return false;
		text += one + (amp ? 1 : 0);
		len -= one + (amp ? 1 : 0);
	}
	return true;
}

static bool parse_unit(const struct scheme *s, const char *text, size_t len, struct endpoint *out, struct err *err)
{
	static const struct { long min, max; } limits[] = { [UNIT_ANY] = { 0, 255 }, [UNIT_SERIAL] = { 1, 247 } };
	long n;
	if (!number(text, len, limits[s->unit].max, &n) || n < limits[s->unit].min)
		return err_set(err, ERR_CONFIG, "unit '%.*s' is not a number from %ld to %ld", (int)len, text,
			       limits[s->unit].min, limits[s->unit].max);
	out->unit = (uint8_t)n;
	return true;
}

static bool host_chars(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		if (c <= ' ' || c == 0x7f || c == '/' || c == '@' || c == '[' || c == ']')
			return false;
	}
	return len > 0;
}

static bool parse_host(const struct scheme *s, const char *text, size_t len, struct endpoint *out, struct err *err)
{
	const char *host = text, *end = text + len, *port = NULL;
	size_t host_len;
	if (len && text[0] == '[') {
		const char *close = memchr(text, ']', len);
		if (!close)
			return err_set(err, ERR_CONFIG, "'[' of the IPv6 address has no ']'");
		host = text + 1;
		host_len = (size_t)(close - host);
		if (close + 1 < end && close[1] != ':')
			return err_set(err, ERR_CONFIG, "unexpected text behind ']'");
		port = close + 1 < end ? close + 2 : NULL;
	} else {
		const char *colon = memchr(text, ':', len);
		host_len = colon ? (size_t)(colon - text) : len;
		port = colon ? colon + 1 : NULL;
		if (port && memchr(port, ':', (size_t)(end - port)))
			return err_set(err, ERR_CONFIG, "an IPv6 address stands in brackets: %s://[%.*s]", s->name, (int)len, text);
	}
	if (!host_chars(host, host_len) || host_len >= sizeof out->host)
		return err_set(err, ERR_CONFIG, "no host, or not a host: '%.*s'", (int)len, text);
	memcpy(out->host, host, host_len);
	out->host[host_len] = 0;
	long n = s->port;
	if (port && (!number(port, (size_t)(end - port), 65535, &n) || n == 0))
		return err_set(err, ERR_CONFIG, "port '%.*s' is not a number from 1 to 65535", (int)(end - port), port);
	if (n == 0)
		return err_set(err, ERR_CONFIG, "%s has no usual port; write HOST:PORT", s->name);
	out->port = (uint16_t)n;
	return true;
}

static bool parse_version(struct endpoint *out, struct err *err)
{
	static const struct { const char *text; int version; } rows[] = { { "1", 1 }, { "2c", 2 }, { "2", 2 } };
	const char *text = endpoint_option(out, "v");
	for (size_t k = 0; text && k < countof(rows); k++) {
		if (strcmp(rows[k].text, text) != 0)
			continue;
		out->version = rows[k].version;
		return true;
	}
	return !text || err_set(err, ERR_CONFIG, "SNMP version '%s' is not 1 or 2c; version 3 is snmpv3://USER@HOST", text);
}

/* Device path and unit: "/dev/ttyS0/3?baud=9600" or "/dev/ttyS0?baud=9600/3". */
static bool parse_path(const struct scheme *s, const char *text, struct endpoint *out, struct err *err)
{
	const char *query = strchr(text, '?'), *slash = strrchr(text, '/');
	if (!slash || text[0] != '/')
		return err_set(err, ERR_CONFIG, "a serial line is written %s:///dev/NAME/UNIT", s->name);
	size_t path_len = query && slash > query ? (size_t)(query - text) : (size_t)(slash - text);
	const char *unit = slash + 1, *unit_end = query && query > slash ? query : unit + strlen(unit);
	if (!parse_unit(s, unit, (size_t)(unit_end - unit), out, err))
		return false;
	if (path_len < 2 || path_len >= sizeof out->host)
		return err_set(err, ERR_CONFIG, "a serial line is written %s:///dev/NAME/UNIT", s->name);
	memcpy(out->host, text, path_len);
	out->host[path_len] = 0;
	if (!query)
		return true;
	const char *options_end = slash > query ? slash : query + strlen(query);
	return parse_options(s, query + 1, (size_t)(options_end - query - 1), out, err);
}

static bool parse_net(const struct scheme *s, const char *text, struct endpoint *out, struct err *err)
{
	const char *query = strchr(text, '?');
	const char *end = query ? query : text + strlen(text);
	if (s->user) {
		const char *at = memrchr(text, '@', (size_t)(end - text));
		if (at && !decode(text, (size_t)(at - text), out->user, sizeof out->user))
			return err_set(err, ERR_CONFIG, "the part before '@' is too long or badly escaped");
		text = at ? at + 1 : text;
	}
	const char *slash = memchr(text, '/', (size_t)(end - text));
	if (!parse_host(s, text, (size_t)((slash ? slash : end) - text), out, err))
		return false;
	if (s->unit == UNIT_NONE && slash && slash + 1 != end)
		return err_set(err, ERR_CONFIG, "unexpected '%.*s' behind the host", (int)(end - slash), slash);
	if (s->unit != UNIT_NONE && !slash)
		return err_set(err, ERR_CONFIG, "no unit; write %s://HOST:PORT/UNIT", s->name);
	if (s->unit != UNIT_NONE && !parse_unit(s, slash + 1, (size_t)(end - slash - 1), out, err))
		return false;
	if (query && !parse_options(s, query + 1, strlen(query + 1), out, err))
		return false;
	return parse_version(out, err);
}

static bool parse_replay(const char *file, struct endpoint *out, struct err *err)
{
	if (!file[0] || strlen(file) >= sizeof out->host)
		return err_set(err, ERR_CONFIG, "replay:FILE needs a file name");
	snprintf(out->host, sizeof out->host, "%s", file);
	snprintf(out->scheme, sizeof out->scheme, "replay");
	return true;
}

/* The community before '@' is a secret: it never reaches an error text. */
static bool fail_at(const char *text, struct err *err)
{
	const char *mark = strstr(text, "://"), *at = strrchr(text, '@');
	if (mark && at && at > mark)
		return err_wrap(err, "endpoint '%.*s***%.120s'", (int)(mark + 3 - text), text, at);
	return err_wrap(err, "endpoint '%.120s'", text);
}

bool endpoint_parse(const char *text, struct endpoint *out, struct err *err)
{
	struct endpoint ep = { 0 };
	if (strncmp(text, "replay:", 7) == 0) {
		if (!parse_replay(text + 7, &ep, err))
			return fail_at(text, err);
		*out = ep;
		return true;
	}
	const char *mark = strstr(text, "://");
	const struct scheme *s = mark ? scheme_of(text, (size_t)(mark - text)) : NULL;
	if (!s) {
		err_set(err, ERR_CONFIG, "must begin with modbus+tcp://, modbus+rtu://, modbus+rtutcp://, snmp://, snmpv3:// or replay:");
		return fail_at(text, err);
	}
	snprintf(ep.scheme, sizeof ep.scheme, "%s", s->name);
	ep.version = s->version;
	if (!(s->host == HOST_PATH ? parse_path : parse_net)(s, mark + 3, &ep, err))
		return fail_at(text, err);
	*out = ep;
	return true;
}

bool endpoint_is_snmp(const struct endpoint *ep)
{
	static const char *const ends[] = { ".snmprec", ".snmpwalk", ".walk" };
	size_t len = strlen(ep->host);
	if (!strcmp(ep->scheme, "replay")) {
		for (size_t i = 0, n; i < countof(ends); i++)
			if (len > (n = strlen(ends[i])) && !strcmp(ep->host + len - n, ends[i]))
				return true;
		return false;
	}
	return !strncmp(ep->scheme, "snmp", 4);
}

void endpoint_bus(const struct endpoint *ep, struct buf *out)
{
	const struct scheme *s = scheme_of(ep->scheme, strlen(ep->scheme));
	if (!s || s->host == HOST_PATH)
		buf_str(out, ep->host);
	else
		buf_printf(out, strchr(ep->host, ':') ? "[%s]:%u" : "%s:%u", ep->host, ep->port);
}

const char *endpoint_option(const struct endpoint *ep, const char *key)
{
	const char *at = ep->options;
	for (size_t i = 0; i < ep->n_options; i++) {
		const char *value = at + strlen(at) + 1;
		if (strcmp(at, key) == 0)
			return value;
		at = value + strlen(value) + 1;
	}
	return NULL;
}
