/* puectl scan CIDR: which addresses answer SNMP or Modbus/TCP, and what they are.  Read-only, asks first, slow on purpose. */
#include "agent/clock.h"
#include "agent/ctl.h"
#include "agent/dialog.h"
#include "agent/setup.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>
#include <unistd.h>

enum { ADDRESSES_LIMIT = 4096, OPEN_MAX = 256 };

struct words { const char *cidr, *community; int64_t unit, rate, timeout_ms, port_modbus, port_snmp; bool yes; };

struct range { uint32_t first, n; };

static bool parse_cidr(const char *text, struct range *out, struct err *err)
{
	char address[32];
	struct in_addr a;
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	long bits = slash ? strtol(slash + 1, NULL, 10) : 32;
	snprintf(address, sizeof address, "%.*s", (int)(len < 31 ? len : 31), text);
	if (inet_pton(AF_INET, address, &a) != 1 || bits < 8 || bits > 32)
		return err_set(err, ERR_USAGE, "'%s' is not an IPv4 network such as 10.1.0.0/24", text);
	uint32_t mask = (uint32_t)(UINT64_C(0xffffffff) << (32 - bits));
	out->first = ntohl(a.s_addr) & mask;
	uint64_t n = (uint64_t)1 << (32 - bits);
	if (n > ADDRESSES_LIMIT)
		return err_set(err, ERR_USAGE, "%s has %llu addresses; at most %d are scanned at a time (/20)", text, (unsigned long long)n, ADDRESSES_LIMIT);
	out->n = (uint32_t)n;
	if (bits <= 30) {       /* without network and broadcast address */
		out->first++;
		out->n -= 2;
	}
	return true;
}

static bool may_go(struct ctl *ctl, const struct words *o, const struct range *r)
{
	char answer[16] = "";
	if (o->yes)
		return true;
	if (!isatty(0)) {
		fprintf(stderr, "puectl scan: %s\n", say(ctl, (struct bilingual){ "未确认; 加 --yes 同意", "not confirmed; --yes agrees" }));
		return false;
	}
	fprintf(stderr, "%s: %u x 2, %lld/s\n%s [y/N] ", o->cidr, r->n, (long long)o->rate,
		say(ctl, (struct bilingual){ "将向这些地址发送只读请求 (SNMP, Modbus/TCP)。继续?", "This sends read-only requests (SNMP, Modbus/TCP) to these addresses.  Go on?" }));
	return fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

/* ---- the sweep -------------------------------------------------------------------------------------------------------------- */

struct entry { struct endpoint ep; struct target *target; const struct collector_ops *ops; bool done, found; char says[120]; };
struct sweep {
	sd_event *loop;
	struct clock clock;
	struct collector_env env;
	void *self[2];
	struct entry *entries;
	size_t n, released, open;
	int64_t timeout_ms;
};

static const struct collector_ops *const kinds[2] = { &snmp, &modbus_tcp };
static const struct oid system_objects[] = { { 9, { 1, 3, 6, 1, 2, 1, 1, 2, 0 } }, { 9, { 1, 3, 6, 1, 2, 1, 1, 5, 0 } } };
static const struct request questions[2] = {
	{ .kind = REQUEST_SNMP_GET, .oids = system_objects, .n_oids = 2 },
	{ .kind = REQUEST_MODBUS_DEVICE_ID },
};

static void on_reading(void *ctx, void *device, const struct reading *r)
{
	struct sweep *s = ctx;
	struct entry *e = device;
	e->done = true;
	s->open--;
	bool snmp_found = e->ops == &snmp && r->reason == REASON_NONE;
	bool modbus_found = e->ops == &modbus_tcp && (r->reason == REASON_NONE || r->reason == REASON_EXCEPTION || r->reason == REASON_TIMEOUT);
	e->found = snmp_found || modbus_found;
	if (modbus_found && r->reason == REASON_TIMEOUT)
		snprintf(e->says, sizeof e->says, "accepts connections; unit %u is silent", e->ep.unit);
}

static bool sweep_open(struct sweep *s, struct err *err)
{
	if (sd_event_new(&s->loop) < 0)
		return err_memory(err);
	s->clock.session = 1;
	s->env = (struct collector_env){ .loop = s->loop, .clock = clock_ops_of(&s->clock), .sink = on_reading, .ctx = s, .seed = (uint64_t)getpid() };
	for (size_t k = 0; k < 2; k++)
		if (!(s->self[k] = kinds[k]->start(&s->env, err)))
			return false;
	return true;
}

static void sweep_close(struct sweep *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->entries[i].target)
			s->entries[i].ops->detach(s->entries[i].target);
	for (size_t k = 0; k < 2; k++)
		if (s->self[k])
			kinds[k]->stop(s->self[k]);
	sd_event_unref(s->loop);
	free(s->entries);
}

static void release(struct sweep *s)
{
	struct entry *e = &s->entries[s->released++];
	size_t k = e->ops == kinds[1];
	e->target = e->ops->attach(s->self[k], &e->ep, e, NULL);
	if (!e->target) {
		e->done = true;
		return;
	}
	s->open++;
	e->ops->submit(e->target, &questions[k], (struct mono){ clock_now(&s->clock).boot.ms + s->timeout_ms });
}

static void sweep_run(struct sweep *s, long rate, bool progress)
{
	int64_t start = clock_now(&s->clock).boot.ms;
	size_t shown = 0;
	while (s->released < s->n || s->open) {
		int64_t now = clock_now(&s->clock).boot.ms;
		while (s->released < s->n && s->open < OPEN_MAX && (int64_t)s->released * 1000 <= (now - start) * rate * 2)
			release(s);
		for (size_t k = 0; k < 2; k++)
			kinds[k]->flush(s->self[k]);
		sd_event_run(s->loop, 10000);
		for (size_t k = 0; k < 2; k++)
			kinds[k]->expire(s->self[k], clock_now(&s->clock).boot);
		if (progress && s->released / 64 != shown) {
			shown = s->released / 64;
			fprintf(stderr, "\r%zu of %zu", s->released, s->n);
		}
	}
	if (progress)
		fprintf(stderr, "\r%*s\r", 30, "");
}

/* ---- what was found ------------------------------------------------------------------------------------------------------------- */

static void endpoint_text(const struct entry *e, char *out, size_t size)
{
	if (e->ops == &snmp)
		snprintf(out, size, "snmp://%s:%u", e->ep.host, e->ep.port);      /* the community is not shown */
	else
		snprintf(out, size, "modbus+tcp://%s:%u/%u", e->ep.host, e->ep.port, e->ep.unit);
}

static void describe(struct dialog *d, const struct library *library, struct entry *e, int64_t timeout_ms, struct buf *out, bool json, bool first)
{
	char text[320];
	struct err err = { 0 };
	struct probe probe = { 0 };
	struct probe_options po = { .library = library, .timeout_ms = timeout_ms };
	endpoint_text(e, text, sizeof text);
	bool known = !e->says[0] && probe_run(d, &e->ep, &po, &probe, &err);
	const char *profile = known && probe.identity.profile ? probe.identity.profile->name : NULL;
	const char *what = e->says[0] ? e->says : !known ? err.text : probe.identity.description[0] ? probe.identity.description : probe.identity.model;
	if (json) {
		buf_str(out, first ? "\n  {\"endpoint\": " : ",\n  {\"endpoint\": ");
		buf_json(out, text);
		buf_str(out, ", \"profile\": ");
		if (profile)
			buf_json(out, profile);
		else
			buf_str(out, "null");
		buf_str(out, ", \"says\": ");
		buf_json(out, what);
		buf_str(out, "}");
	} else {
		buf_printf(out, "%-36s %-24s ", text, profile ? profile : "-");
		buf_plain(out, what, strlen(what) < 80 ? strlen(what) : 80);
		buf_str(out, "\n");
	}
	probe_done(&probe);
}

static bool fill(struct sweep *s, const struct words *o, const struct range *r, struct err *err)
{
	s->n = (size_t)r->n * 2;
	s->entries = calloc(s->n, sizeof *s->entries);
	if (!s->entries)
		return err_memory(err);
	for (size_t i = 0; i < s->n; i++) {
		struct entry *e = &s->entries[i];
		struct in_addr a = { htonl(r->first + (uint32_t)(i / 2)) };
		e->ops = kinds[i % 2];
		snprintf(e->ep.scheme, sizeof e->ep.scheme, i % 2 ? "modbus+tcp" : "snmp");
		snprintf(e->ep.host, sizeof e->ep.host, "%s", inet_ntoa(a));
		snprintf(e->ep.user, sizeof e->ep.user, "%s", o->community);
		e->ep.version = 2;
		e->ep.unit = (uint8_t)o->unit;
		e->ep.port = (uint16_t)(i % 2 ? o->port_modbus : o->port_snmp);
	}
	return true;
}

static int run(struct ctl *ctl)
{
	const struct words *o = ctl->words;
	struct err err = { 0 };
	struct range range = { 0 };
	struct sweep sweep = { .timeout_ms = o->timeout_ms };
	if (!parse_cidr(o->cidr, &range, &err))
		return ctl_fail(ctl, &err);
	if (!may_go(ctl, o, &range))
		return 64;
	struct library *library = library_load(&err);
	struct dialog *d = library ? dialog_new(NULL, &err) : NULL;
	CLEANUP(buf_done) struct buf out = { 0 };
	bool good = d && fill(&sweep, o, &range, &err) && sweep_open(&sweep, &err);
	if (good) {
		size_t found = 0;
		sweep_run(&sweep, (long)o->rate, isatty(2));
		for (size_t i = 0; i < sweep.n; i++)
			if (sweep.entries[i].found)
				describe(d, library, &sweep.entries[i], sweep.timeout_ms, &out, ctl->json, found++ == 0);
		if (ctl->json)
			printf("[%s]\n", out.data ? out.data : "");
		else
			fputs(out.data ? out.data : "", stdout);
		if (!ctl->json)
			fprintf(stderr, "%zu %s\n", found, say(ctl, (struct bilingual){ "个端点有应答", "endpoints answer" }));
	}
	sweep_close(&sweep);
	dialog_free(d);
	library_free(library);
	return good ? 0 : ctl_fail(ctl, &err);
}

static const struct ctl_option options[] = {
	OPT(TEXT, "CIDR", NULL, cidr, "网段,如 10.1.0.0/24", "the network, such as 10.1.0.0/24", .needed = true),
	OPT(TEXT, "--community", "NAME", community, "SNMP 团体字", "the SNMP community", "public"),
	OPT(INTEGER, "--unit", "N", unit, "Modbus 单元号", "the Modbus unit", "1", .min = 0, .max = 255),
	OPT(INTEGER, "--rate", "N", rate, "每秒地址数", "addresses a second", "50", .min = 1, .max = 1000),
	OPT(DURATION, "--timeout", "1s", timeout_ms, "每个请求的时限", "deadline of a request", "1s", .min = 10, .max = 60000),
	OPT(INTEGER, "--modbus-port", "N", port_modbus, "Modbus 端口", "the port of Modbus", "502", .min = 1, .max = 65535),
	OPT(INTEGER, "--snmp-port", "N", port_snmp, "SNMP 端口", "the port of SNMP", "161", .min = 1, .max = 65535),
	OPT(FLAG, "--yes", NULL, yes, "同意,不再询问", "agrees; nothing is asked"),
	{ NULL },
};

const struct verb verb_scan = { "scan", { "查找网段内有应答的设备(只读, 先询问, 限速)", "find devices that answer in a network: read-only, asks first, slow on purpose" }, { NULL, NULL }, run, options,
				sizeof(struct words) };
