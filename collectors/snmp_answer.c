#include "collectors/snmp_answer.h"

#include <string.h>

enum { SEQUENCE = 0x30, INTEGER = 0x02, OCTETS = 0x04, NONE = 0x05, NAME = 0x06, GET = 0xa0, RESPONSE = 0xa2 };

struct cursor { const uint8_t *at, *end; };

/* The content of the next element when it has this tag and lies whole within `c`.  Lengths above 65535 are for the library. */
static inline bool open_element(struct cursor *c, uint8_t tag, struct cursor *content)
{
	const uint8_t *p = c->at;
	size_t room = (size_t)(c->end - p), head = 2, len;
	if (room < 2 || p[0] != tag)
		return false;
	len = p[1];
	if (len == 0x81 && room >= 3)
		len = p[2], head = 3;
	else if (len == 0x82 && room >= 4)
		len = (size_t)(p[2] << 8 | p[3]), head = 4;
	else if (len >= 0x80)
		return false;
	if (len > room - head)
		return false;
	*content = (struct cursor){ p + head, p + head + len };
	c->at = content->end;
	return true;
}

/* Like open_element, and nothing may follow it. */
static inline bool open_last(struct cursor *c, uint8_t tag, struct cursor *content)
{
	return open_element(c, tag, content) && c->at == c->end;
}

static inline uint64_t big_endian(struct cursor c)
{
	uint64_t v = 0;
	while (c.at < c.end)
		v = v << 8 | *c.at++;
	return v;
}

/* An integer of one to four bytes. */
static inline bool small(struct cursor *c, int64_t *out)
{
	struct cursor v;
	if (!open_element(c, INTEGER, &v) || v.end == v.at || v.end - v.at > 4)
		return false;
	unsigned shift = 64 - 8 * (unsigned)(v.end - v.at);
	*out = (int64_t)(big_endian(v) << shift) >> shift;
	return true;
}

/* ---- values: false is "ask the library" ---- */

static bool value_integer(struct cursor c, struct var *out)
{
	size_t n = (size_t)(c.end - c.at);
	if (n < 1 || n > 4)
		return false;
	unsigned shift = 64 - 8 * (unsigned)n;
	out->integer = (int64_t)(big_endian(c) << shift) >> shift;
	return true;
}

/* `bytes` of a number without sign: one more when the first is the zero that keeps it positive. */
static bool value_unsigned(struct cursor c, size_t bytes, struct var *out)
{
	size_t n = (size_t)(c.end - c.at);
	if (n < 1 || n > bytes + 1 || c.at[0] & 0x80 || (n > bytes && c.at[0]))
		return false;
	out->integer = (int64_t)big_endian(c);
	return true;
}

static bool value_32(struct cursor c, struct var *out)
{
	return value_unsigned(c, 4, out);
}

static bool value_64(struct cursor c, struct var *out)
{
	return value_unsigned(c, 8, out);
}

static bool value_text(struct cursor c, struct var *out)
{
	size_t n = (size_t)(c.end - c.at);
	n = n < TEXT_VALUE_MAX ? n : TEXT_VALUE_MAX;
	memcpy(out->text, c.at, n);
	out->text[n] = 0;
	out->text_len = (uint16_t)n;
	return true;
}

static bool value_address(struct cursor c, struct var *out)
{
	return c.end - c.at == 4 && value_text(c, out);
}

static bool value_none(struct cursor c, struct var *out)
{
	(void)out;
	return c.at == c.end;
}

/* RFC 2578 section 7.1 and RFC 3416 section 3; what is not here (OBJECT IDENTIFIER, Opaque, ...) is left to the library. */
static const struct { enum var_type type; bool (*read)(struct cursor c, struct var *out); } values[256] = {
	[INTEGER] = { VAR_INTEGER, value_integer }, [OCTETS] = { VAR_STRING, value_text }, [NONE] = { VAR_NONE, value_none },
	[0x40] = { VAR_ADDRESS, value_address }, [0x41] = { VAR_COUNTER32, value_32 }, [0x42] = { VAR_UNSIGNED, value_32 },
	[0x43] = { VAR_TICKS, value_32 }, [0x46] = { VAR_COUNTER64, value_64 }, [0x80] = { VAR_NO_SUCH_OBJECT, value_none },
	[0x81] = { VAR_NO_SUCH_INSTANCE, value_none }, [0x82] = { VAR_END_OF_VIEW, value_none },
};

static bool read_value(struct cursor *c, struct var *out)
{
	struct cursor content;
	if (c->at == c->end || !values[*c->at].read)
		return false;
	uint8_t tag = *c->at;
	if (!open_last(c, tag, &content))
		return false;
	out->type = values[tag].type;
	out->text_len = 0;
	out->text[0] = 0;
	return values[tag].read(content, out);
}

static bool skip_name(struct cursor *c, const struct packet *asked, struct span name)
{
	if ((size_t)(c->end - c->at) < name.len || memcmp(c->at, asked->bytes + name.at, name.len) != 0)
		return false;
	c->at += name.len;
	return true;
}

/* Of a question or an answer: up to its list of variables. */
static bool open_message(const uint8_t *bytes, size_t len, uint8_t command, uint8_t *version, int64_t *id, struct cursor *list)
{
	struct cursor all = { bytes, bytes + len }, message, community, pdu;
	int64_t number, status, index;
	if (!open_last(&all, SEQUENCE, &message) || !small(&message, &number) || number < 0 || number > 1 || !open_element(&message, OCTETS, &community) ||
	    !open_last(&message, command, &pdu) || !small(&pdu, id) || !small(&pdu, &status) || !small(&pdu, &index))
		return false;
	*version = (uint8_t)number;
	return status == 0 && open_last(&pdu, SEQUENCE, list);
}

size_t packet_names(const uint8_t *bytes, size_t len, struct span *names, size_t room)
{
	struct cursor list, var, name;
	uint8_t version;
	int64_t id;
	size_t n = 0;
	if (len > UINT16_MAX || !open_message(bytes, len, GET, &version, &id, &list))
		return 0;
	for (; list.at < list.end; n++) {
		if (n == room || !open_element(&list, SEQUENCE, &var))
			return 0;
		const uint8_t *start = var.at;
		if (!open_element(&var, NAME, &name))
			return 0;
		names[n] = (struct span){ (uint16_t)(start - bytes), (uint16_t)(name.end - start) };
	}
	return n;
}

bool answer_read(const struct packet *asked, uint32_t id, const uint8_t *bytes, size_t len, struct var *vars)
{
	struct cursor list, var;
	uint8_t version;
	int64_t its_id;
	if (!asked->n_names || !open_message(bytes, len, RESPONSE, &version, &its_id, &list) || version != asked->version || its_id != (int64_t)id)
		return false;
	for (size_t i = 0; i < asked->n_names; i++)
		if (!open_element(&list, SEQUENCE, &var) || !skip_name(&var, asked, asked->names[i]) || !read_value(&var, &vars[i]))
			return false;
	return list.at == list.end;
}
