/* tests/unit/rules/cert_world.h - a year of evidence of a small site, made in memory, and its certificate. */
#ifndef TESTS_UNIT_RULES_CERT_WORLD_H
#define TESTS_UNIT_RULES_CERT_WORLD_H

#include "rules/cert.h"
#include "rules/statement.h"
#include "tests/unit/rules/signer.h"

/* A day before the window, then a year; behind them what people state. */
enum { WORLD_INTERVALS = 35040 + 96, WORLD_STATEMENTS = 3, WORLD_LEAVES = WORLD_INTERVALS + WORLD_STATEMENTS };

struct world {
	struct conf *conf, *pack_conf;
	const struct site *site;
	const struct pack *pack;
	struct zone zone;
	struct window *window;
	struct facts facts;
	struct statements statements;
	struct verdict verdict;
	struct kpi months[12];
	struct hash *hashes;
	struct buf *leaves;                  /* of each interval */
	size_t n;
	struct merkle tree;
	json_t *evidence;
	struct cert_inputs inputs;
	struct buf payload, envelope, trust_bytes;
	struct test_signer signer;
	struct trust trust;
};
/* `gaps`: that many intervals in which the chiller feed is not known (an interim window then).  PACK: path of the pack. */
bool world_make(struct world *w, const char *pack_path, size_t gaps, struct err *err);
bool world_certify(struct world *w, struct err *err);       /* judge, build, sign */
void world_done(struct world *w);
char *world_slurp(const char *path, size_t *len);

#endif
