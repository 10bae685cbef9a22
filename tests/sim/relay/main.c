/* sim-relay: options of the relay. */
#include "tests/sim/relay/relay.h"
#include "tests/sim/relay/rules.h"
#include "tests/sim/verbs.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static bool parse_target(const char *text, struct sockaddr_in *out, struct err *err)
{
	char host[32];
	const char *colon = strrchr(text, ':');
	int64_t port;
	if (!colon || (size_t)snprintf(host, sizeof host, "%.*s", (int)(colon - text), text) >= sizeof host)
		return err_set(err, ERR_USAGE, "--to: `%s` is not 127.x.y.z:PORT", text);
	if (!number_parse("--to", colon + 1, 1, 65535, &port, err))
		return false;
	*out = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	if (inet_pton(AF_INET, host, &out->sin_addr) != 1 || ntohl(out->sin_addr.s_addr) >> 24 != 127)
		return err_set(err, ERR_USAGE, "--to: `%s` is not a loopback address", host);
	return true;
}

static bool relay_main(int argc, char **argv, struct err *err)
{
	struct relay_options o = { .rules = "" };
	const char *to = NULL, *udp = NULL, *seed_text = "1", *port_text = "0";
	const struct option_row rows[] = { { "--to", &to, false }, { "--udp", &udp, true }, { "--seed", &seed_text, false },
					   { "--rules", &o.rules, false }, { "--port", &port_text, false } };
	int64_t seed = 0, port = 0;
	if (!options_parse(argc, argv, rows, countof(rows), NULL, err) || !number_parse("--seed", seed_text, 0, INT64_MAX, &seed, err) ||
	    !number_parse("--port", port_text, 0, 65535, &port, err))
		return false;
	if (!to)
		return err_set(err, ERR_USAGE, "give --to 127.x.y.z:PORT");
	o.udp = udp;
	o.seed = (uint64_t)seed;
	o.port = (uint16_t)port;
	return parse_target(to, &o.target, err) && relay_serve(&o, err);
}

int main(int argc, char **argv)
{
	struct err err = { 0 };
	if (argc > 1 && !strcmp(argv[1], "actions")) {
		for (int i = 0; i < ACTIONS; i++)
			printf("%-12s %s\n", relay_actions[i].name, relay_actions[i].meaning);
		return 0;
	}
	if (relay_main(argc - 1, argv + 1, &err))
		return 0;
	fprintf(stderr, "sim-relay: %s\n", err.text);
	if (err.kind == ERR_USAGE)
		fprintf(stderr, "usage: sim-relay --to 127.x.y.z:PORT [--udp] [--port N] [--seed N] [--rules \"WAY:ACTION[=ARG][@FROM..TO][#N] ...\"]\n"
				"       sim-relay actions\n");
	return err_exit_code(&err);
}
