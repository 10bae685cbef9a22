#include "core/walk.h"
#include "core/reading.h"
#include "core/type.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_LEN = 1500, OCTETS = 1024 };        /* more octets than that no point reads */

/* One answer: its name, and its value with all its lines. */
struct answer { char name[NAME_LEN]; struct buf value; int line; bool typed; };

struct walk {
	const char *p, *end;
	int line;
	struct buf *out;
	size_t left_out;
	bool equals;                     /* "NAME = VALUE", as the first answer says; else -Oq's "NAME VALUE" */
};

/* ---- names ---- */

/* Names that every net-snmp knows without the device's MIB; a module in front is dropped first. */
static const struct { const char *name, *oid; } names[] = {
	{ "iso", "1" }, { "enterprises", "1.3.6.1.4.1" }, { "mib-2", "1.3.6.1.2.1" }, { "transmission", "1.3.6.1.2.1.10" }, { "experimental", "1.3.6.1.3" },
	{ "snmpModules", "1.3.6.1.6.3" }, { "sysDescr", "1.3.6.1.2.1.1.1" }, { "sysObjectID", "1.3.6.1.2.1.1.2" }, { "sysUpTime", "1.3.6.1.2.1.1.3" },
	{ "sysUpTimeInstance", "1.3.6.1.2.1.1.3.0" }, { "sysContact", "1.3.6.1.2.1.1.4" }, { "sysName", "1.3.6.1.2.1.1.5" },
	{ "sysLocation", "1.3.6.1.2.1.1.6" }, { "sysServices", "1.3.6.1.2.1.1.7" },
};

/* ".1.3.6", "iso.3.6", "SNMPv2-SMI::enterprises.318". */
static bool oid_of(const char *text, struct oid *out)
{
	char full[NAME_LEN + 40];
	const char *module = strstr(text, "::");
	text = module ? module + 2 : text + (*text == '.');
	if (isdigit((unsigned char)*text))
		return oid_parse(text, out);
	size_t n = strcspn(text, "."), room = strlen(text + n);
	for (size_t i = 0; i < countof(names); i++)
		if (strlen(names[i].name) == n && !strncmp(names[i].name, text, n) && strlen(names[i].oid) + room < sizeof full) {
			strcpy(full, names[i].oid);
			strcat(full, text + n);
			return oid_parse(full, out);
		}
	return false;
}

/* Length of the name at the beginning of a line, 0 when the line begins no answer: it has a dot or a module, and a blank behind. */
static size_t name_length(const char *p, size_t len)
{
	size_t n = 0;
	bool dot = false, first = true;
	for (; n < len && p[n] != ' '; n++) {
		unsigned char c = (unsigned char)p[n];
		bool index = strchr("[]'\"$", c) != NULL;        /* -OX writes indexes so */
		if (!isalnum(c) && !strchr(".:-_", c) && (first || !index))
			return 0;
		dot |= c == '.' || c == ':';
		first = false;
	}
	return dot && n < NAME_LEN && n < len && n > 1 ? n : 0;
}

static size_t line_length(const struct walk *w)
{
	const char *stop = memchr(w->p, '\n', (size_t)(w->end - w->p));
	size_t n = (size_t)((stop ? stop : w->end) - w->p);
	return n && w->p[n - 1] == '\r' ? n - 1 : n;
}

static void next_line(struct walk *w)
{
	const char *stop = memchr(w->p, '\n', (size_t)(w->end - w->p));
	w->p = stop ? stop + 1 : w->end;
	w->line++;
}

/* "NAME = VALUE", or "NAME VALUE" (-Oq) of a name that is a number: a sentence that begins with a dotted word is no answer. */
static bool head(bool equals, const char *p, size_t len, size_t *name, size_t *value)
{
	size_t n = name_length(p, len);
	bool sign = n && len >= n + 2 && p[n + 1] == '=' && (len == n + 2 || p[n + 2] == ' ');
	size_t from = n > 5 ? (size_t)(p[0] == '.') : n;
	from += from < n && !strncmp(p + from, "iso.", 4) ? 4 : 0;
	bool number = from < n && strspn(p + from, ".0123456789") == n - from;
	if (!n || (equals ? !sign : !number))
		return false;
	*name = n;
	*value = equals ? (len > n + 3 ? n + 3 : len) : n + 1;
	return true;
}

/* ---- the lines of one value ---- */

/* Is the quote at the beginning closed?  \" and \\ are text. */
static const char *closing(const char *text)
{
	for (const char *p = text + 1; *p; p++) {
		if (*p == '\\' && p[1])
			p++;
		else if (*p == '"')
			return p;
	}
	return NULL;
}

static const char *behind(const char *text, const char *word)
{
	size_t n = strlen(word);
	return strncmp(text, word, n) ? NULL : text + n + strspn(text + n, " ");
}

/* Does a value that has come so far go on in the next line? */
static bool goes_on(bool equals, const struct buf *value, const char *p, size_t len)
{
	const char *text = value->data ? value->data : "", *string = behind(text, "STRING:");
	size_t name, from;
	string = string ? string : text;
	if (*string == '"')
		return !closing(string);
	if (len >= 10 && !strncmp(p, "End of MIB", 10))
		return false;
	bool lines = string != text || strstr(text, "Hex-STRING:") || strstr(text, "BITS:");       /* a text by its display hint; octets */
	return lines && !head(equals, p, len, &name, &from);
}

static bool take_answer(struct walk *w, struct answer *a)
{
	size_t len = line_length(w), name = 0, from = 0;
	if (!head(w->equals, w->p, len, &name, &from))
		return false;
	memcpy(a->name, w->p, name);
	a->name[name] = 0;
	a->line = w->line;
	buf_reset(&a->value);
	buf_add(&a->value, w->p + from, len - from);
	next_line(w);
	const char *wrong = a->value.data ? strstr(a->value.data, "Wrong Type (should be ") : NULL;
	const char *right = wrong == a->value.data && wrong ? strstr(wrong, "): ") : NULL;
	if (right) {
		size_t skip = (size_t)(right + 3 - a->value.data);
		memmove(a->value.data, right + 3, a->value.len - skip + 1);
		a->value.len -= skip;
	}
	while (w->p < w->end && goes_on(w->equals, &a->value, w->p, len = line_length(w))) {
		buf_str(&a->value, "\n");
		buf_add(&a->value, w->p, len);
		next_line(w);
	}
	return true;
}

/* ---- values ---- */

static void put_octets(struct buf *out, const char *tag, const char *bytes, size_t n)
{
	buf_printf(out, "%s|", tag);
	for (size_t i = 0; i < n && i < OCTETS; i++)
		buf_printf(out, "%02x", (unsigned char)bytes[i]);
}

/* "00 1A 2B", over lines, each with its letters in brackets behind (-OT).  False when nothing of that kind stands there. */
static bool octets_of(const char *text, char *out, size_t *n)
{
	*n = 0;
	for (;;) {
		text += strspn(text, " \n");
		if (*text == '[') {
			while (*text && strncmp(text, "]\n", 2))
				text++;
			text += *text == ']';
			continue;
		}
		if (!*text)
			return *n > 0;
		if (!isxdigit((unsigned char)text[0]) || !isxdigit((unsigned char)text[1]) || (text[2] && !strchr(" \n", text[2])))
			return false;
		char pair[3] = { text[0], text[1], 0 };
		if (*n < OCTETS)
			out[(*n)++] = (char)strtoul(pair, NULL, 16);
		text += 2;
	}
}

static bool printable(const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isprint((unsigned char)bytes[i]) && !isspace((unsigned char)bytes[i]))
			return false;
	return true;
}

/* Without types, octets that are no text stand in quotes as well: "00 1A 2B ". */
static bool put_quoted(struct buf *out, const char *text, bool typed)
{
	char octets[OCTETS];
	size_t n = 0;
	CLEANUP(buf_done) struct buf plain = { 0 };
	const char *end = closing(text);
	if (!end || end[1 + strspn(end + 1, " ")])
		return false;
	for (const char *p = text + 1; p < end; p++) {
		p += *p == '\\' && (p[1] == '"' || p[1] == '\\');
		buf_add(&plain, p, 1);
	}
	const char *words = plain.data ? plain.data : "";
	if (!typed && plain.len && words[plain.len - 1] == ' ' && octets_of(words, octets, &n) && !printable(octets, n))
		put_octets(out, "4x", octets, n);
	else
		put_octets(out, "4x", words, plain.len);
	return !plain.failed;
}

static bool put_text(struct buf *out, const char *tag, const char *text)
{
	if (*text == '"')
		return put_quoted(out, text, true);
	put_octets(out, tag, text, strlen(text));
	return true;
}

static bool put_hex(struct buf *out, const char *tag, const char *text)
{
	char octets[OCTETS];
	size_t n;
	if (!octets_of(text, octets, &n))
		return false;
	put_octets(out, tag, octets, n);
	return true;
}

/* "80 00 power(0) ..." */
static bool put_bits(struct buf *out, const char *tag, const char *text)
{
	char octets[OCTETS], pairs[OCTETS];
	size_t n = 0, len = 0;
	while (isxdigit((unsigned char)text[len]) && isxdigit((unsigned char)text[len + 1]) && len + 4 < sizeof pairs && (!text[len + 2] || strchr(" \n", text[len + 2])))
		len += text[len + 2] ? 3 : 2;
	memcpy(pairs, text, len);
	pairs[len] = 0;
	if (len && !octets_of(pairs, octets, &n))
		return false;
	put_octets(out, tag, octets, n);
	return true;
}

/* "1", "up(1)", "23 Watts", "0x1f", and "2.30" of a display hint: the device sent 230. */
static bool put_number(struct buf *out, const char *tag, const char *text)
{
	char digits[32];
	size_t n = 0;
	const char *bracket = strchr(text, '('), *end = bracket ? bracket + 1 : text;
	int64_t v;
	if (bracket && strspn(bracket + 1, "-0123456789") && bracket[1 + strspn(bracket + 1, "-0123456789")] == ')')
		text = bracket + 1;
	else if (bracket)
		return false;
	bool hex = text[0] == '0' && text[1] == 'x';
	for (end = text; n + 1 < sizeof digits && (isdigit((unsigned char)*end) || (hex && isxdigit((unsigned char)*end)) || strchr("-.x", *end)) && *end; end++)
		if (*end != '.')
			digits[n++] = *end;
	digits[n] = 0;
	if (*end && !strchr(" )\n", *end))
		return false;
	if (strlen(digits) >= 19) {              /* a Counter64 above INT64_MAX: its digits as they are */
		buf_printf(out, "%s|%s", tag, digits);
		return strspn(digits, "0123456789") == n && n <= 20;
	}
	const char *rest;
	if (!whole_number(digits, &v, &rest) || *rest)
		return false;
	buf_printf(out, "%s|%lld", tag, (long long)v);
	return true;
}

static bool put_oid(struct buf *out, const char *tag, const char *text)
{
	struct oid o;
	if (!oid_of(text, &o))
		return false;
	buf_printf(out, "%s|", tag);
	oid_text(&o, out);
	return true;
}

static bool put_address(struct buf *out, const char *tag, const char *text)
{
	unsigned part[4] = { 0 };
	size_t n = 0;
	for (char *end; n < 4; text = end + (*end == '.' || *end == ':')) {
		part[n++] = (unsigned)strtoul(text, &end, strchr(text, ':') ? 16 : 10);      /* "Network Address: 0A:00:00:01" */
		if (end == text)
			return false;
	}
	buf_printf(out, "%s|%u.%u.%u.%u", tag, part[0], part[1], part[2], part[3]);
	return true;
}

/* As the octets of an Opaque, RFC-less but what every agent sends: 9f 78 04 and IEEE 754. */
static bool put_float(struct buf *out, const char *tag, const char *text)
{
	char *end;
	float f = strtof(text, &end);
	uint32_t bits;
	memcpy(&bits, &f, sizeof bits);
	if (end == text || (*end && *end != ' '))
		return false;
	buf_printf(out, "%s|9f7804%08x", tag, bits);
	return true;
}

static const struct { const char *word, *tag; bool (*put)(struct buf *out, const char *tag, const char *text); } kinds[] = {
	{ "INTEGER:", "2", put_number }, { "Integer32:", "2", put_number }, { "Gauge32:", "66", put_number }, { "Unsigned32:", "66", put_number },
	{ "UInteger32:", "66", put_number }, { "Counter32:", "65", put_number }, { "Counter64:", "70", put_number }, { "Timeticks:", "67", put_number },
	{ "STRING:", "4x", put_text }, { "Hex-STRING:", "4x", put_hex }, { "BITS:", "4x", put_bits }, { "OID:", "6", put_oid },
	{ "IpAddress:", "64", put_address }, { "Network Address:", "64", put_address }, { "Opaque: Float:", "68x", put_float },
	{ "Opaque: Double:", "68x", put_float }, { "Opaque: Counter64:", "70", put_number }, { "Opaque: UInt64:", "70", put_number },
	{ "Opaque: Int64:", "2", put_number }, { "Float:", "68x", put_float },
};
/* An object that is not there: nothing is written. */
static const char *const nothing[] = { "NULL", "No Such Object", "No Such Instance", "No more variables left", "End of MIB" };

static bool all_of(const char *text, const char *letters)
{
	return *text && text[strspn(text, letters)] == 0;
}

static size_t count_of(const char *text, char c)
{
	size_t n = 0;
	for (; *text; text++)
		n += *text == c;
	return n;
}

/* -OQ and -Oq leave the type out: what it was is told by its form, or it is refused. */
static bool put_untyped(struct buf *out, const char *text, struct err *err)
{
	const char *rest = "x", *point = strchr(text, '.');
	int64_t v;
	unsigned d, h, m, s, cs;
	if (*text == '"')
		return put_quoted(out, text, false);
	if (whole_number(text, &v, &rest) && !*rest)
		return put_number(out, v > UINT32_MAX ? "70" : v > INT32_MAX ? "66" : "2", text);
	if (all_of(text, "0123456789") && strlen(text) <= 20)
		return put_number(out, "70", text);
	if (count_of(text, '.') == 3 && all_of(text, "0123456789.") && *text != '.')
		return put_address(out, "64", text);
	if (*text == '.' || !strncmp(text, "iso.", 4) || strstr(text, "::enterprises."))
		return put_oid(out, "6", text);
	if (count_of(text, ':') == 3 && all_of(text, "0123456789:.") && sscanf(text, "%u:%u:%u:%u.%u", &d, &h, &m, &s, &cs) == 5 && d < 500) {
		buf_printf(out, "67|%u", (((d * 24 + h % 24) * 60 + m % 60) * 60 + s % 60) * 100 + cs % 100);
		return true;
	}
	if (point && all_of(text, "-0123456789.")) {
		if (strlen(point + 1) == 6)              /* how floats are printed */
			return put_float(out, "68x", text);
		return err_set(err, ERR_INPUT, "'%.40s' may be a whole number that the MIB shows with a point, or a text; walk without -OQ and -Oq", text);
	}
	return put_text(out, "4x", text);
}

static bool put_value(struct buf *out, const char *text, struct err *err)
{
	for (size_t i = 0; i < countof(kinds); i++) {
		const char *rest = behind(text, kinds[i].word);
		if (rest)
			return kinds[i].put(out, kinds[i].tag, rest) || err_set(err, ERR_INPUT, "'%.60s' is no %.*s", rest, (int)strlen(kinds[i].word) - 1, kinds[i].word);
	}
	if (put_untyped(out, text, err))
		return true;
	return err->text[0] ? false : err_set(err, ERR_INPUT, "the value '%.60s' is not understood", text);
}

static bool put_answer(struct walk *w, struct answer *a, struct err *err)
{
	CLEANUP(buf_done) struct buf value = { 0 }, name = { 0 };
	const char *text = a->value.data ? a->value.data : "";
	struct oid oid;
	size_t len = a->value.len;
	while (len && *text != '"' && isspace((unsigned char)text[len - 1]) && strncmp(text, "STRING:", 7))
		a->value.data[--len] = 0;
	for (size_t i = 0; i < countof(nothing); i++)
		if (!strncmp(text, nothing[i], strlen(nothing[i])))
			return true;
	if (!oid_of(a->name, &oid)) {
		w->left_out++;
		return true;
	}
	struct err why = { 0 };
	if (!put_value(&value, text, &why)) {
		err_set(err, why.kind, "%s", why.text);
		return err_wrap(err, "line %d", a->line);
	}
	oid_text(&oid, &name);
	buf_printf(w->out, "%s|%s\n", name.data ? name.data : "", value.data ? value.data : "");
	return true;
}

/* ---- the whole ---- */

static const char *const script_words[] = { "holding", "input", "coil", "discrete", "object", "silent", "@" };

static bool says_nothing(const char *p, size_t len)
{
	size_t blanks = 0;
	while (blanks < len && isspace((unsigned char)p[blanks]))
		blanks++;
	return blanks == len || p[blanks] == '#' || (len >= 10 && !strncmp(p, "End of MIB", 10));       /* v1's last word */
}

/* Where the first answer begins: what a shell or the library said before it is passed over, a recording or a script is none. */
static bool first_answer(struct walk *w)
{
	for (; w->p < w->end; next_line(w)) {
		size_t n = line_length(w), name, value, word = 0;
		while (word < n && !strchr(" |", w->p[word]))
			word++;
		if (head(true, w->p, n, &name, &value) || head(false, w->p, n, &name, &value)) {
			w->equals = head(true, w->p, n, &name, &value);
			return true;
		}
		if (word < n && w->p[word] == '|' && strspn(w->p, ".0123456789") >= word)
			return false;
		for (size_t i = 0; i < countof(script_words); i++)
			if (strlen(script_words[i]) == word && !strncmp(script_words[i], w->p, word))
				return false;
	}
	return false;
}

bool walk_is(const void *bytes, size_t len)
{
	struct walk w = { .p = bytes, .end = (const char *)bytes + len };
	return first_answer(&w);
}

bool walk_to_snmprec(const void *bytes, size_t len, struct buf *snmprec, size_t *left_out, struct err *err)
{
	struct walk w = { .p = bytes, .end = (const char *)bytes + len, .line = 1, .out = snmprec };
	struct answer *a = calloc(1, sizeof *a);
	bool good = a || err_memory(err);
	if (good && len && memchr(bytes, 0, len))
		good = err_set(err, ERR_INPUT, "not text");
	if (good && !first_answer(&w))
		good = err_set(err, ERR_INPUT, "no line is an answer such as '.1.3.6.1.2.1.1.5.0 = STRING: \"x\"'");
	while (good && w.p < w.end) {
		size_t n = line_length(&w);
		if (says_nothing(w.p, n))
			next_line(&w);
		else if (!take_answer(&w, a))
			good = err_set(err, ERR_INPUT, "line %d is no answer such as '.1.3.6.1.2.1.1.5.0 = STRING: \"x\"'; take out what the program said besides", w.line);
		else
			good = put_answer(&w, a, err);
	}
	if (a)
		buf_done(&a->value);
	free(a);
	*left_out = w.left_out;
	return good && (!snmprec->failed || err_memory(err));
}
