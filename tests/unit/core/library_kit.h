/* The library as shipped, read by a test that names its directory in PROFILES. */
#ifndef TESTS_CORE_LIBRARY_KIT_H
#define TESTS_CORE_LIBRARY_KIT_H

#include "core/profile.h"
#include "tests/unit/kit.h"

#include <dirent.h>
#include <string.h>

static inline struct library *kit_library(void)
{
	struct library *lib = library_new();
	struct dirent *e;
	DIR *dir = opendir(PROFILES);
	while (dir && lib && (e = readdir(dir))) {
		CLEANUP(buf_done) struct buf bytes = { 0 };
		char path[1000];
		snprintf(path, sizeof path, "%s/%s", PROFILES, e->d_name);
		if (strstr(e->d_name, ".yaml") && kit_file(path, &bytes))
			library_add(lib, e->d_name, bytes.data, bytes.len);
	}
	if (dir)
		closedir(dir);
	struct err err = { 0 };
	if (lib && !library_close(lib, &err))
		fprintf(stderr, "%s\n", err.text);
	return lib;
}

#endif
