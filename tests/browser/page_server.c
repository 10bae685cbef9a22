/* tests/browser/page_server.c - serves the dashboard with a made-up snapshot on a free port of loopback, for looking at it and for
 * browser tests.  Usage: page_server [hostile|early|real|gateway]...; prints the URL; each line on standard input makes a new snapshot,
 * one minute later; ends at end of input. */
#include "made_up.h"

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	struct made_up how = { 0 };
	for (int i = 1; i < argc; i++) {
		how.hostile |= !strcmp(argv[i], "hostile");
		how.early |= !strcmp(argv[i], "early");
		how.dead_gateway |= !strcmp(argv[i], "gateway");
		how.unknown_power |= !strcmp(argv[i], "gateway");
		how.not_simulated |= !strcmp(argv[i], "real");
	}
	struct err err = { 0 };
	struct snapshot_slot *slot = snapshot_slot_new();
	snapshot_set(slot, made_up_snapshot(&how));
	struct http *server = http_start(&(struct http_options){ .slot = slot }, &err);
	if (!server) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	printf("http://127.0.0.1:%u/\n", http_port(server));
	fflush(stdout);
	how.at_ms = 1773469230000;
	for (char line[80]; fgets(line, sizeof line, stdin);) {
		how.at_ms += 60000;
		snapshot_set(slot, made_up_snapshot(&how));
	}
	http_stop(server);
	snapshot_slot_free(slot);
	return 0;
}
