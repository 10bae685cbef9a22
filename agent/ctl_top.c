/* puectl top: devices by what they cost: time-outs, failures, late polls, latency.  Once, or again and again on a terminal. */
#include "agent/running.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* A column is also an order. */
static const struct column { const char *key, *head, *zh; int width; } columns[] = {
	{ "timeouts", "timeouts", "超时", 9 }, { "failures", "failures", "失败", 9 }, { "late", "late", "迟到", 7 }, { "retries", "retries", "重试", 8 },
	{ "latency_us", "ms", "毫秒", 9 }, { "polls", "polls", "轮询", 10 },
};

struct row { const json_t *device; json_int_t by[countof(columns)]; };

static int compare(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	for (size_t i = 0; i < countof(columns); i++)
		if (x->by[i] != y->by[i])
			return x->by[i] < y->by[i] ? 1 : -1;
	return 0;
}

/* The asked column first, the others behind it in their order. */
static void fill(struct row *r, const json_t *device, size_t first)
{
	r->device = device;
	r->by[0] = running_number(device, columns[first].key, 0);
	for (size_t i = 0, n = 1; i < countof(columns); i++)
		if (i != first)
			r->by[n++] = running_number(device, columns[i].key, 0);
}

static void print(const struct ctl *ctl, const json_t *status, size_t first, size_t limit, struct buf *out)
{
	const json_t *list = json_object_get(status, "devices"), *d;
	size_t n = json_array_size(list), i;
	struct row *rows = calloc(n + 1, sizeof *rows);
	CLEANUP(buf_done) struct buf room = { 0 }, zh = { 0 };
	if (!rows)
		return;
	json_array_foreach(list, i, d)
		fill(&rows[i], d, first);
	qsort(rows, n, sizeof *rows, compare);
	running_pad(out, SAY(ctl, "设备", "device"), 22);
	running_pad(out, SAY(ctl, " 状态", " state"), 10);
	for (size_t c = 0; c < countof(columns); c++)
		if (ctl->lang == LANG_ZH)
			buf_printf(out, "%*s%s", columns[c].width - 4, "", columns[c].zh);      /* two characters, two columns each */
		else
			buf_printf(out, "%*s", columns[c].width, columns[c].head);
	buf_str(out, SAY(ctl, "  错误\n", "  error\n"));
	for (i = 0; i < n && i < limit; i++) {
		d = rows[i].device;
		running_pad(out, running_text(d, "id", &room), 22);
		buf_str(out, " ");
		running_pad(out, ctl_said(ctl, running_text(d, "state", &room), &zh), 9);
		for (size_t c = 0; c < countof(columns); c++) {
			json_int_t v = running_number(d, columns[c].key, 0);
			if (!strcmp(columns[c].key, "latency_us"))
				buf_printf(out, "%*" JSON_INTEGER_FORMAT ".%" JSON_INTEGER_FORMAT, columns[c].width - 2, v / 1000, v / 100 % 10);
			else
				buf_printf(out, "%*" JSON_INTEGER_FORMAT, columns[c].width, v);
		}
		buf_printf(out, "  %s\n", ctl_said(ctl, running_text(d, "error", &room), &zh));
	}
	free(rows);
}

struct words { struct running_options r; const char *by; bool once; };

static size_t column_named(const char *by)
{
	size_t c = 0;
	while (c + 1 < countof(columns) && strncmp(columns[c].key, by, strlen(by)) != 0)
		c++;
	return c;
}

static size_t lines(void)
{
	struct winsize w;
	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_row > 4 ? w.ws_row - 3u : 20;
}

static bool quit_within(int ms)
{
	struct pollfd p = { STDIN_FILENO, POLLIN, 0 };
	return poll(&p, 1, ms) > 0;              /* Enter ends it */
}

static int run(struct ctl *ctl)
{
	struct words *w = ctl->words;
	struct err err = { 0 };
	if (!running_port(&w->r, &err))
		return ctl_fail(ctl, &err);
	bool again = !w->once && !ctl->json && isatty(STDOUT_FILENO) && isatty(STDIN_FILENO);
	do {
		CLEANUP(buf_done) struct buf out = { 0 };
		json_t *status = running_status(&w->r, NULL, &err);
		if (!status)
			return ctl_fail(ctl, &err);
		if (ctl->json) {
			char *text = json_dumps(json_object_get(status, "devices"), JSON_COMPACT | JSON_SORT_KEYS);
			buf_printf(&out, "%s\n", text ? text : "[]");
			free(text);
		} else {
			print(ctl, status, column_named(w->by), again ? lines() : SIZE_MAX, &out);
		}
		json_decref(status);
		if (again)
			fputs("\033[H\033[2J", stdout);
		fputs(out.data ? out.data : "", stdout);
		fflush(stdout);
	} while (again && !quit_within(2000));
	return 0;
}

static const struct ctl_option options[] = {
	OPT(CHOICE, "--by", "timeouts|failures|late|retries|latency|polls", by, "按此列排名", "the column that ranks", "timeouts"),
	OPT(FLAG, "--once", NULL, once, "只打印一次", "print once, do not go on"),
	OPT_GROUP(r, running_rows),
	{ NULL },
};

const struct verb verb_top = { "top", { "按超时、失败、时延给设备排名", "devices by time-outs, failures and latency" }, { "回车结束", "Enter ends it" }, run, options, sizeof(struct words) };
