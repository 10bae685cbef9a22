/* The shared sockets: the library's way out to them, and the way of each datagram to the agent that it came from. */
#include "collectors/snmp_internal.h"

#include <stdlib.h>
#include <string.h>

/* Freed by the library with the transport it begins with. */
struct carrier { netsnmp_transport transport; struct target *target; };

/* ---- the library's way to the wire --------------------------------------------------------------------------------- */

static int carrier_send(netsnmp_transport *transport, const void *bytes, int len, void **opaque, int *opaque_len)
{
	struct target *t = ((struct carrier *)(void *)transport)->target;
	(void)opaque, (void)opaque_len;
	return len > 0 && udp_queue(t->self->udp, &t->to, bytes, (size_t)len) ? len : -1;
}

static int carrier_receive(netsnmp_transport *transport, void *bytes, int size, void **opaque, int *opaque_len)
{
	const struct snmp *s = ((struct carrier *)(void *)transport)->target->self;
	(void)opaque, (void)opaque_len;
	int n = s->n_in < (size_t)size ? (int)s->n_in : size;
	memcpy(bytes, s->in, (size_t)n);
	return n;
}

static int carrier_close(netsnmp_transport *transport)
{
	transport->sock = -1;
	return 0;
}

static char *carrier_text(netsnmp_transport *transport, const void *data, int len)
{
	(void)transport, (void)data, (void)len;
	return strdup("agent");
}

netsnmp_transport *snmp_carrier(struct target *t)
{
	struct carrier *c = calloc(1, sizeof *c);
	if (!c)
		return NULL;
	c->target = t;
	c->transport = (netsnmp_transport){ .domain = netsnmpUDPDomain, .domain_length = (int)netsnmpUDPDomain_len, .sock = SLOT_FD,
		.msgMaxSize = 65507, .f_recv = carrier_receive, .f_send = carrier_send, .f_close = carrier_close, .f_fmtaddr = carrier_text };
	return &c->transport;
}

/* ---- dispatch ------------------------------------------------------------------------------------------------------------------ */

static struct target **bucket_of(struct snmp *s, const struct address *a)
{
	return &s->buckets[address_hash(a) % countof(s->buckets)];
}

void snmp_unhash(struct target *t)
{
	struct target **p = &t->self->buckets[t->bucket];
	if (!t->hashed)
		return;
	while (*p && *p != t)
		p = &(*p)->next;
	if (*p)
		*p = t->next;
	t->hashed = false;
}

void snmp_use_address(struct target *t, size_t i)
{
	snmp_unhash(t);
	t->address = i;
	t->to = t->addresses.at[i];
	struct target **bucket = bucket_of(t->self, &t->to);
	t->bucket = (size_t)(bucket - t->self->buckets);
	t->next = *bucket;
	*bucket = t;
	t->hashed = true;
}

void snmp_set_addresses(struct target *t, const struct addresses *found)
{
	snmp_unhash(t);
	t->addresses = *found;
	t->resolved_ms = t->self->now.boot.ms;
	snmp_use_address(t, 0);
}

static void copy_oid(struct oid *to, const struct oid *from)
{
	to->n = from->n;
	memcpy(to->ids, from->ids, from->n * sizeof *from->ids);
}

/* Read where it lies: what was asked for, without error, in the plainest form. */
static bool give_plain(struct target *t)
{
	struct snmp *s = t->self;
	struct job *job = t->jobs;
	struct packet asked;
	if (!packet_again(s->packets, t->hints[job->request->id % HINTS], t->fast_built, &asked) || asked.n_names != job->n_asked ||
	    !snmp_scratch_room(s, job->n_asked) || !answer_read(&asked, t->fast_id, s->in, s->n_in, s->scratch))
		return false;
	for (size_t i = 0; i < job->n_asked; i++)
		copy_oid(&s->scratch[i].name, &job->request->oids[i]);
	t->step = snmp_got_all(t, job);
	return true;
}

/* Parsed by the library, matched by us. */
static bool give_parsed(struct target *t)
{
	struct snmp *s = t->self;
	netsnmp_session session = { .version = t->version };
	netsnmp_pdu *pdu = calloc(1, sizeof *pdu);
	if (!pdu)
		return false;
	for (size_t i = 0; i < t->jobs->n_asked; i++)
		t->jobs->asked[i] = (uint16_t)i;
	bool good = snmp_parse(NULL, &session, pdu, s->in, s->n_in) == SNMP_ERR_NOERROR && pdu->reqid == (long)t->fast_id;
	if (good)
		t->step = snmp_take(t, t->jobs, pdu);
	snmp_free_pdu(pdu);
	return good;
}

/* The answer to a kept datagram. */
static void give_kept(struct target *t)
{
	if (!give_plain(t) && !give_parsed(t))
		return;
	t->waiting = false;
	t->fast_id = 0;
}

/* True when the datagram was the answer to t's open request. */
static bool give(struct target *t)
{
	struct snmp *s = t->self;
	if (!t->waiting)
		return false;
	if (t->fast_id) {
		give_kept(t);
	} else {
		NETSNMP_LARGE_FD_SET(SLOT_FD, &s->fds);   /* the library clears it when it reads */
		snmp_sess_read2(t->session, &s->fds);
	}
	if (t->waiting) {
		t->stats.foreign++;
		return false;
	}
	t->proven = true;
	snmp_advance(t);
	return true;
}

static void got(struct snmp *s, const struct datagram *d, struct target *first)
{
	s->in = d->bytes;
	s->n_in = d->len;
	struct target *next;
	for (struct target *t = first; t; t = next) {
		next = t->next;
		if (address_equal(d->from, &t->to) && give(t))
			return;
	}
	for (struct target *t = s->any; t; t = next) {
		next = t->next_any;
		if (give(t))
			return;
	}
}

/* With thousands of agents nothing of one is in the cache when its answer comes.  What all answers of a batch need is asked for in
 * turns, so that the memory works on all of it at once. */
static void got_batch(struct snmp *s, const struct datagram *d, size_t n)
{
	struct target **buckets[UDP_BATCH];
	for (size_t i = 0; i < n; i++)
		__builtin_prefetch(buckets[i] = bucket_of(s, d[i].from));
	for (size_t i = 0; i < n; i++)
		for (size_t line = 0; *buckets[i] && line < offsetof(struct target, addresses); line += 64)
			__builtin_prefetch((const char *)*buckets[i] + line);
	for (size_t i = 0; i < n; i++)
		if (*buckets[i] && (*buckets[i])->jobs)
			__builtin_prefetch((*buckets[i])->jobs);
	for (size_t i = 0; i < n; i++)
		got(s, &d[i], *buckets[i]);
}

/* What answers lead to is sent after each batch of them, so that the agents work while we read on. */
void snmp_read_answers(struct snmp *s, size_t family, int rounds)
{
	size_t n = UDP_BATCH;
	const struct datagram *d;
	while (n == UDP_BATCH && rounds--) {
		snmp_look_at_clock(s);
		n = udp_receive(s->udp, family, &d);
		got_batch(s, d, n);
		snmp_run_dirty(s);
	}
}
