/* publish/web/embed.c - build tool: FILES as one C array.  index.html becomes "/", every other file "/assets/NAME". */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct { const char *end, *type; } types[] = {
	{ ".html", "text/html; charset=utf-8" }, { ".css", "text/css; charset=utf-8" }, { ".js", "text/javascript; charset=utf-8" },
	{ ".json", "application/json" }, { ".svg", "image/svg+xml" },
};

static const char *type_of(const char *name)
{
	const char *dot = strrchr(name, '.');
	for (size_t i = 0; dot && i < sizeof types / sizeof *types; i++)
		if (!strcmp(dot, types[i].end))
			return types[i].type;
	fprintf(stderr, "embed: %s: no content type is known for this ending\n", name);
	exit(1);
}

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* FNV-1a, 64 bits: tells one build's file from another's, no more. */
static uint64_t put_bytes(const char *path, int i)
{
	FILE *f = fopen(path, "rb");
	if (!f) {
		perror(path);
		exit(1);
	}
	uint64_t h = 0xcbf29ce484222325u;
	printf("static const unsigned char bytes_%d[] = {", i);
	for (int c, n = 0; (c = getc(f)) != EOF; n++) {
		printf("%s%d,", n % 32 ? "" : "\n", c);
		h = (h ^ (uint64_t)c) * 0x100000001b3u;
	}
	printf("\n0};\n");
	fclose(f);
	return h;
}

int main(int argc, char **argv)
{
	uint64_t *tags = calloc((size_t)argc + 1, sizeof *tags);
	if (!tags)
		return 1;
	printf("#include \"publish/web.h\"\n");
	for (int i = 1; i < argc; i++)
		tags[i] = put_bytes(argv[i], i);
	printf("const struct web_asset web_assets[] = {\n");
	for (int i = 1; i < argc; i++) {
		const char *name = base_of(argv[i]);
		int root = !strcmp(name, "index.html");
		printf("\t{ \"%s%s\", \"%s\", bytes_%d, sizeof bytes_%d - 1, \"\\\"%016llx\\\"\" },\n", root ? "/" : "/assets/", root ? "" : name,
		       type_of(name), i, i, (unsigned long long)tags[i]);
	}
	printf("\t{ 0 }\n};\n");
	free(tags);
	return 0;
}
