/* Writes a certificate of the test world and one that supersedes it, its trust store and one that does not know its key:
 * DIR/cert.json, next.json, trust.json, other.json. */
#include "tests/unit/rules/cert_world.h"

#include <stdio.h>

static int put(const char *dir, const char *name, const struct buf *b)
{
	char path[600];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *f = fopen(path, "wb");
	if (!f || fwrite(b->data, 1, b->len, f) != b->len || fclose(f) != 0) {
		perror(path);
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	static struct world w;
	struct err err = { 0 };
	struct test_signer other = { 0 };
	CLEANUP(buf_done) struct buf other_trust = { 0 };
	if ((argc != 3 && argc != 4) || !world_make(&w, argv[1], (struct world_options){ .configured = argc == 4 }, &err) || !world_certify(&w, &err)) {
		fprintf(stderr, "cert_tool PACK DIR [configured]: %s\n", err.text);
		return 1;
	}
	test_signer_add_ed25519(&other, 77);
	trust_text(&other_trust, &other, ",\"simulated\":true");
	int bad = put(argv[2], "cert.json", &w.envelope) + put(argv[2], "trust.json", &w.trust_bytes) + put(argv[2], "other.json", &other_trust);
	w.options.number = "SIM-demo-baoding-2025-002";
	w.options.supersedes = "SIM-demo-baoding-2025-001";
	bad += !world_certify(&w, &err) || put(argv[2], "next.json", &w.envelope);
	test_signer_done(&other);
	world_done(&w);
	return bad ? 1 : 0;
}
