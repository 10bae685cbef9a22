#include "agent/log.h"
#include "core/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CAUSES = 1024, PERIOD_MS = 60000 };

static struct cause { char name[80]; int64_t from_ms; uint64_t held; } causes[CAUSES];

/* A slot per cause by hash; another cause in the slot takes it over, which can only print more, never less. */
static struct cause *cause_of(const char *name)
{
	uint32_t h = 2166136261u;
	for (const char *p = name; *p; p++)
		h = (h ^ (unsigned char)*p) * 16777619u;
	struct cause *c = &causes[h % CAUSES];
	if (strncmp(c->name, name, sizeof c->name - 1)) {
		*c = (struct cause){ .from_ms = INT64_MIN };
		snprintf(c->name, sizeof c->name, "%s", name);
	}
	return c;
}

void log_line(int priority, const char *cause, struct mono now, const char *fmt, ...)
{
	uint64_t held = 0;
	if (cause) {
		struct cause *c = cause_of(cause);
		if (c->from_ms != INT64_MIN && now.ms - c->from_ms < PERIOD_MS) {
			c->held++;
			return;
		}
		held = c->held;
		c->held = 0;
		c->from_ms = now.ms;
	}
	CLEANUP(buf_done) struct buf text = { 0 };
	va_list args;
	va_start(args, fmt);
	char *whole = NULL;
	int len = vasprintf(&whole, fmt, args);
	va_end(args);
	/* a report of many problems is many lines; journald reads the <N> of each, a person at a terminal does not want it */
	for (const char *p = len < 0 ? "out of memory" : whole; *p;) {
		size_t n = strcspn(p, "\n");
		if (!isatty(2))
			buf_printf(&text, "<%d>", priority);
		buf_plain(&text, p, n);
		p += n + (p[n] == '\n');
		if (!*p && held)
			buf_printf(&text, " (and %llu more of this kind)", (unsigned long long)held);
		buf_str(&text, "\n");
	}
	free(whole);
	if (text.len && !text.failed)
		fwrite(text.data, 1, text.len, stderr);
}
