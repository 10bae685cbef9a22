#include "agent/ctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *data_dir(const char *kind)
{
	static char dirs[4][512];
	static unsigned next;
	char *out = dirs[next++ % countof(dirs)];
	const char *tree = getenv("PUED_DATA");
	static const struct { const char *kind, *in_tree; } places[] = {
		{ "profiles", "collectors/profiles" }, { "packs", "rules/packs" }, { "web", "publish/web" }, { "schema", "docs/schema" },
	};
	if (!tree) {
		snprintf(out, sizeof dirs[0], "%s/%s", PUED_DATADIR, kind);
		if (access(out, R_OK) == 0)
			return out;
		tree = PUED_SOURCE;     /* run from a build tree before `meson install` */
	}
	for (size_t i = 0; i < countof(places); i++)
		if (!strcmp(places[i].kind, kind))
			snprintf(out, sizeof dirs[0], "%s/%s", tree, places[i].in_tree);
	return out;
}
