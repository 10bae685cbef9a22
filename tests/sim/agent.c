#include "tests/sim/agent.h"
#include <net-snmp/library/snmp_impl.h>

enum { MAX_REPEATED = 2000, HEADER_SLACK = 40 };

int agent_compare(const oid *a, size_t a_len, const oid *b, size_t b_len)
{
	for (size_t i = 0; i < a_len && i < b_len; i++)
		if (a[i] != b[i])
			return a[i] < b[i] ? -1 : 1;
	return a_len == b_len ? 0 : a_len < b_len ? -1 : 1;
}

/* First row that is not below name; `past` also skips the row that equals it. */
static size_t find(const struct agent_view *v, const oid *name, size_t len, bool past)
{
	size_t low = 0, high = v->n;
	while (low < high) {
		size_t mid = (low + high) / 2;
		int c = agent_compare(v->rows[mid].name, v->rows[mid].len, name, len);
		if (c < 0 || (past && c == 0))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct answer {
	const struct agent_view *view;
	netsnmp_pdu *pdu;
	netsnmp_variable_list **tail;
	size_t n, estimate;
	bool failed;
};

static void add(struct answer *a, const oid *name, size_t len, u_char type, const struct agent_value *value)
{
	const void *bytes = NULL;
	size_t size = 0;
	long number = value ? (long)value->integer : 0;
	struct counter64 big = { 0 };
	if (value && type == ASN_COUNTER64) {
		big.high = (u_long)((uint64_t)value->integer >> 32);
		big.low = (u_long)((uint64_t)value->integer & 0xffffffff);
		bytes = &big, size = sizeof big;
	} else if (value && value->bytes) {
		bytes = value->bytes, size = value->len;
	} else if (value && type != ASN_NULL && type != ASN_OCTET_STR && type != ASN_OBJECT_ID) {
		bytes = &number, size = sizeof number;
	}
	if (!snmp_varlist_add_variable(a->tail, name, len, type, bytes, size)) {
		a->failed = true;
		return;
	}
	a->tail = &(*a->tail)->next_variable;
	a->n++;
	a->estimate += len + size + 8;
}

static bool fetch(const struct answer *a, size_t row, struct agent_value *out)
{
	*out = (struct agent_value){ 0 };
	return a->view->value(a->view->ctx, &a->view->rows[row], out);
}

/* A v1 manager cannot be told a Counter64 (RFC 3584 4.2.2.1). */
static bool visible(long version, const struct agent_value *value)
{
	return version != SNMP_VERSION_1 || value->type != ASN_COUNTER64;
}

static size_t next_row(const struct answer *a, long version, const oid *name, size_t len, struct agent_value *value)
{
	size_t row = find(a->view, name, len, a->view->endless != 1);
	while (row < a->view->n && !(fetch(a, row, value) && visible(version, value)))
		row++;
	return row;
}

static bool get_one(struct answer *a, long version, const netsnmp_variable_list *var)
{
	size_t row = find(a->view, var->name, var->name_length, false);
	struct agent_value value;
	bool found = row < a->view->n &&
		     !agent_compare(a->view->rows[row].name, a->view->rows[row].len, var->name, var->name_length) &&
		     fetch(a, row, &value) && visible(version, &value);
	if (found) {
		add(a, var->name, var->name_length, value.type, &value);
		return true;
	}
	if (version == SNMP_VERSION_1)
		return false;
	/* The instance is missing when the column exists, the object when nothing is below its parent. */
	size_t near = find(a->view, var->name, var->name_length - 1, false);
	bool column = var->name_length > 1 && near < a->view->n && a->view->rows[near].len >= var->name_length &&
		      !agent_compare(a->view->rows[near].name, var->name_length - 1, var->name, var->name_length - 1);
	add(a, var->name, var->name_length, column ? SNMP_NOSUCHINSTANCE : SNMP_NOSUCHOBJECT, NULL);
	return true;
}

/* A row that is in no table: the name with its last number one higher. */
static bool invent(struct answer *a, const oid *name, size_t len, const oid **found, size_t *found_len)
{
	static const struct agent_value one = { .type = ASN_INTEGER, .integer = 1 };
	oid next[MAX_OID_LEN];
	memcpy(next, name, len * sizeof *next);
	next[len - 1]++;
	netsnmp_variable_list **at = a->tail;
	add(a, next, len, ASN_INTEGER, &one);
	if (a->failed)
		return false;
	*found = (*at)->name;
	*found_len = len;
	return true;
}

static bool next_one(struct answer *a, long version, const oid *name, size_t len, const oid **found, size_t *found_len)
{
	if (a->view->endless == 3)
		return invent(a, name, len, found, found_len);
	struct agent_value value;
	size_t row = next_row(a, version, name, len, &value);
	if (a->view->endless == 2 && row < a->view->n && row % 5 == 4 && row >= 4)
		fetch(a, row -= 4, &value);
	if (row >= a->view->n) {
		if (version == SNMP_VERSION_1)
			return false;
		add(a, name, len, SNMP_ENDOFMIBVIEW, NULL);
		*found = name, *found_len = len;
		return true;
	}
	*found = a->view->rows[row].name, *found_len = a->view->rows[row].len;
	add(a, *found, *found_len, value.type, &value);
	return true;
}

static long plain(struct answer *a, long version, const netsnmp_pdu *request)
{
	long index = 1;
	for (const netsnmp_variable_list *v = request->variables; v; v = v->next_variable, index++) {
		const oid *found;
		size_t len;
		bool good = request->command == SNMP_MSG_GET ? get_one(a, version, v)
							     : next_one(a, version, v->name, v->name_length, &found, &len);
		if (!good)
			return index;
	}
	return 0;
}

static void bulk(struct answer *a, const netsnmp_pdu *request, size_t limit)
{
	const oid *names[MAX_REPEATED];
	size_t lens[MAX_REPEATED], n = 0;
	long single = request->errstat > 0 ? request->errstat : 0;   /* non-repeaters and max-repetitions travel here */
	long rounds = request->errindex > 0 ? request->errindex : 0;
	for (const netsnmp_variable_list *v = request->variables; v && n < MAX_REPEATED; v = v->next_variable) {
		const oid *found;
		size_t len;
		if (single-- > 0)
			next_one(a, SNMP_VERSION_2c, v->name, v->name_length, &found, &len);
		else
			names[n] = v->name, lens[n++] = v->name_length;
	}
	bool ahead = true;   /* a round of nothing but endOfMibView is the last (RFC 3416 4.2.3) */
	for (long round = 0; round < rounds && n && ahead && a->n < MAX_REPEATED && a->estimate < limit + 200; round++) {
		ahead = false;
		for (size_t i = 0; i < n; i++) {
			const oid *before = names[i];
			next_one(a, SNMP_VERSION_2c, names[i], lens[i], &names[i], &lens[i]);
			ahead = ahead || names[i] != before;
		}
	}
}

static void cut_last(struct answer *a, size_t keep)
{
	netsnmp_variable_list **at = &a->pdu->variables;
	for (size_t i = 0; i < keep && *at; i++)
		at = &(*at)->next_variable;
	snmp_free_varbind(*at);
	*at = NULL;
	a->tail = at;
	a->n = keep;
}

static size_t encode(netsnmp_pdu *pdu, long version, const u_char *community, size_t community_len, u_char *out, size_t room)
{
	size_t left = room;
	u_char *body = asn_build_sequence(out, &left, (u_char)(ASN_SEQUENCE | ASN_CONSTRUCTOR), 0);
	u_char *at = body;
	at = at ? asn_build_int(at, &left, (u_char)(ASN_UNIVERSAL | ASN_PRIMITIVE | ASN_INTEGER), &version, sizeof version) : NULL;
	at = at ? asn_build_string(at, &left, (u_char)(ASN_UNIVERSAL | ASN_PRIMITIVE | ASN_OCTET_STR), community, community_len)
		: NULL;
	at = at ? snmp_pdu_build(pdu, at, &left) : NULL;
	if (!at)
		return 0;
	left = room;
	asn_build_sequence(out, &left, (u_char)(ASN_SEQUENCE | ASN_CONSTRUCTOR), (size_t)(at - body));
	return (size_t)(at - out);
}

static void fail_answer(struct answer *a, const netsnmp_pdu *request, long status, long index, bool echo)
{
	cut_last(a, 0);
	a->pdu->errstat = status;
	a->pdu->errindex = index;
	if (echo)
		for (const netsnmp_variable_list *v = request->variables; v; v = v->next_variable)
			add(a, v->name, v->name_length, ASN_NULL, NULL);
}

static void fill(struct answer *a, const netsnmp_pdu *request, long version, size_t limit)
{
	long bad = 0;
	if (a->view->error_status) {
		fail_answer(a, request, a->view->error_status, 1, true);
	} else if (request->command == SNMP_MSG_GETBULK) {
		bulk(a, request, limit);
	} else if (request->command == SNMP_MSG_SET) {
		fail_answer(a, request, version == SNMP_VERSION_1 ? SNMP_ERR_NOSUCHNAME : SNMP_ERR_NOTWRITABLE, 1, true);
	} else if ((bad = plain(a, version, request)) != 0) {
		fail_answer(a, request, SNMP_ERR_NOSUCHNAME, bad, true);
	}
}

static void spoil(struct answer *a)
{
	if (a->view->drop_last && a->n)
		cut_last(a, a->n - 1);
	for (netsnmp_variable_list *v = a->view->other_names ? a->pdu->variables : NULL; v; v = v->next_variable)
		v->name[v->name_length - 1]++;
}

static bool served(long version, int command)
{
	return command == SNMP_MSG_GET || command == SNMP_MSG_GETNEXT || command == SNMP_MSG_SET ||
	       (command == SNMP_MSG_GETBULK && version == SNMP_VERSION_2c);
}

static size_t answer(const struct agent_view *view, netsnmp_pdu *request, netsnmp_pdu *pdu, long version,
		     const u_char *community, size_t community_len, u_char *out, size_t room)
{
	size_t limit = view->max_size ? view->max_size : 1472;
	limit = limit < room ? limit : room;
	struct answer a = { .view = view, .pdu = pdu, .tail = &pdu->variables, .estimate = community_len + HEADER_SLACK };
	pdu->errstat = pdu->errindex = 0;
	pdu->version = version;
	pdu->reqid = request->reqid + view->id_offset;
	fill(&a, request, version, limit);
	spoil(&a);
	size_t size = a.failed ? 0 : encode(pdu, version, community, community_len, out, limit);
	while (!size && !a.failed && request->command == SNMP_MSG_GETBULK && a.n > 1) {
		cut_last(&a, a.n - 1 - a.n / 16);
		size = encode(pdu, version, community, community_len, out, limit);
	}
	if (size || a.failed)
		return size;
	fail_answer(&a, request, SNMP_ERR_TOOBIG, 0, version == SNMP_VERSION_1);
	return encode(pdu, version, community, community_len, out, room);
}

size_t agent_answer(const struct agent_view *view, const void *request, size_t len, void *out, size_t room)
{
	u_char bytes[AGENT_MAX_ANSWER], community[256];
	size_t community_len = sizeof community, left = len;
	long version = -1;
	if (len > sizeof bytes)
		return 0;
	memcpy(bytes, request, len);   /* net-snmp's parsers take bytes they may write */
	u_char *at = snmp_comstr_parse(bytes, &left, community, &community_len, &version);
	if (!at || (version != SNMP_VERSION_1 && version != SNMP_VERSION_2c))
		return 0;
	if (view->community && (community_len != strlen(view->community) || memcmp(community, view->community, community_len)))
		return 0;
	netsnmp_pdu *asked = snmp_pdu_create(0), *pdu = snmp_pdu_create(SNMP_MSG_RESPONSE);
	size_t size = 0;
	if (asked && pdu && snmp_pdu_parse(asked, at, &left) == 0 && served(version, asked->command))
		size = answer(view, asked, pdu, version, community, community_len, out, room);
	snmp_free_pdu(asked);
	snmp_free_pdu(pdu);
	return size;
}
