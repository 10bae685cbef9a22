#include "agent/ctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A program in the build tree takes the data of its source tree, an installed one never does. */
static bool runs_from_build(void)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
	if (n < 0)
		return false;
	path[n] = 0;
	size_t len = strlen(PUED_BUILD);
	return !strncmp(path, PUED_BUILD, len) && path[len] == '/';
}

const char *data_dir(const char *kind)
{
	static char dirs[4][512];
	static unsigned next;
	char *out = dirs[next++ % countof(dirs)];
	const char *tree = getenv("PUED_DATA");
	static const struct { const char *kind, *in_tree; } places[] = {
		{ "profiles", "collectors/profiles" }, { "packs", "rules/packs" }, { "web", "publish/web" }, { "schema", "docs/schema" },
	};
	if (!tree && !runs_from_build()) {
		snprintf(out, sizeof dirs[0], "%s/%s", PUED_DATADIR, kind);
		return out;
	}
	if (!tree)
		tree = PUED_SOURCE;
	for (size_t i = 0; i < countof(places); i++)
		if (!strcmp(places[i].kind, kind))
			snprintf(out, sizeof dirs[0], "%s/%s", tree, places[i].in_tree);
	return out;
}
