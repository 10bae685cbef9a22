#include "tests/sim/relay/rules.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct action_row relay_actions[ACTIONS] = {
	[ACTION_DELAY] = { "delay", 0, 3600000, false, "everything comes ARG ms later, and 0 to EXTRA ms more" },
	[ACTION_LOSS] = { "loss", 0, 100, false, "ARG percent of datagrams are lost" },
	[ACTION_REORDER] = { "reorder", 0, 100, false, "ARG percent of datagrams come after the next one" },
	[ACTION_DUPLICATE] = { "duplicate", 0, 100, false, "ARG percent of datagrams come twice" },
	[ACTION_GARBLE] = { "garble", 0, 100, false, "one bit is turned in ARG percent of datagrams or reads" },
	[ACTION_TRUNCATE] = { "truncate", 0, 65535, false, "datagrams are cut to ARG bytes" },
	[ACTION_DROP_ABOVE] = { "drop-above", 0, 65535, false, "datagrams above ARG bytes are lost" },
	[ACTION_INJECT] = { "inject", 0, 0, true, "the bytes ARG (hex) come first: before each datagram, once a connection" },
	[ACTION_CUT] = { "cut", 0, INT64_MAX, false, "after ARG bytes of this way the connection is closed" },
	[ACTION_RESET] = { "reset", 0, INT64_MAX, false, "after ARG bytes of this way the connection is reset" },
	[ACTION_STALL] = { "stall", 0, INT64_MAX, false, "after ARG bytes of this way nothing more passes" },
	[ACTION_DRIP] = { "drip", 0, 60000, false, "one byte each ARG ms" },
	[ACTION_PARTITION] = { "partition", 0, 0, false, "nothing passes: datagrams are lost, streams wait" },
	[ACTION_REFUSE] = { "refuse", 0, 0, false, "connections are refused, open ones reset" },
};

static bool parse_way(char **at, struct rule *r)
{
	static const struct { const char *name; enum way way; } ways[] = { { "up:", WAY_UP }, { "down:", WAY_DOWN }, { "both:", WAY_BOTH } };
	for (size_t i = 0; i < countof(ways); i++) {
		if (strncmp(*at, ways[i].name, strlen(ways[i].name)))
			continue;
		r->way = ways[i].way;
		*at += strlen(ways[i].name);
		return true;
	}
	return false;
}

static bool parse_bytes(const char *text, struct rule *r)
{
	size_t len = strlen(text);
	if (!len || len % 2 || len / 2 > INJECT_MAX)
		return false;
	for (; *text; text += 2) {
		char pair[3] = { text[0], text[1], 0 }, *end;
		r->bytes[r->n_bytes++] = (uint8_t)strtoul(pair, &end, 16);
		if (end != pair + 2)
			return false;
	}
	return true;
}

static bool parse_arg(const char *text, struct rule *r, struct err *err)
{
	const struct action_row *row = &relay_actions[r->action];
	char *end;
	if (row->bytes)
		return parse_bytes(text, r) || err_set(err, ERR_USAGE, "`%s` is not 1 to %d bytes in hex", text, INJECT_MAX);
	errno = 0;
	r->arg = strtoll(text, &end, 10);
	bool good = end != text && !errno && r->arg >= row->low && r->arg <= row->high;
	if (good && *end == '+') {
		const char *extra = end + 1;
		r->extra = strtoll(extra, &end, 10);
		good = end != extra && r->extra >= 0 && r->extra <= row->high;
	}
	return (good && !*end) || err_set(err, ERR_USAGE, "`%s` is no argument of %s", text, row->name);
}

static bool parse_seconds(const char *text, int64_t *us)
{
	char *end;
	double seconds = strtod(text, &end);
	if (end == text || strcmp(end, "s") || seconds < 0)
		return false;
	*us = (int64_t)(seconds * 1000000);
	return true;
}

static bool parse_window(char *text, struct rule *r)
{
	char *to = strstr(text, "..");
	if (to)
		*to = 0;
	return (!*text || parse_seconds(text, &r->from_us)) && (!to || !to[2] || parse_seconds(to + 2, &r->to_us));
}

bool rule_parse(const char *text, struct rule *out, struct err *err)
{
	struct rule r = { .to_us = INT64_MAX };
	char copy[240], *at = copy, *end;
	if ((size_t)snprintf(copy, sizeof copy, "%s", text) >= sizeof copy)
		return err_set(err, ERR_USAGE, "rule `%.40s...` is too long", text);
	char *number = strchr(copy, '#'), *window = strchr(copy, '@'), *arg = strchr(copy, '=');
	for (char **mark = (char *[]){ number, window, arg, copy }; *mark != copy; mark++)
		if (*mark)
			*(*mark) = 0;
	if (!parse_way(&at, &r))
		return err_set(err, ERR_USAGE, "rule `%s` does not begin with up:, down: or both:", text);
	while (r.action < ACTIONS && strcmp(relay_actions[r.action].name, at))
		r.action++;
	if (r.action == ACTIONS)
		return err_set(err, ERR_USAGE, "rule `%s`: no action is called `%s`", text, at);
	if (arg && !parse_arg(arg + 1, &r, err))
		return err_wrap(err, "rule `%s`", text);
	if (!arg && (relay_actions[r.action].bytes || relay_actions[r.action].high))
		return err_set(err, ERR_USAGE, "rule `%s`: %s needs an argument", text, at);
	if (window && !parse_window(window + 1, &r))
		return err_set(err, ERR_USAGE, "rule `%s`: a window is @1s..2.5s", text);
	r.number = number ? strtoll(number + 1, &end, 10) : 0;
	if (number && (r.number < 1 || *end))
		return err_set(err, ERR_USAGE, "rule `%s`: `#%s` is no connection", text, number + 1);
	*out = r;
	return true;
}

const struct rule *rules_find(const struct rules *rules, enum action action, enum way way, int64_t number, int64_t now_us)
{
	for (size_t i = 0; i < rules->n; i++) {
		const struct rule *r = &rules->list[i];
		int64_t since = now_us - rules->since_us;
		if (r->action == action && r->way & way && (!r->number || r->number == number) && since >= r->from_us && since < r->to_us)
			return r;
	}
	return NULL;
}
