/* tests/unit/rules/cert_world.h - a year of evidence of a small site, made in memory, and its certificate. */
#ifndef TESTS_UNIT_RULES_CERT_WORLD_H
#define TESTS_UNIT_RULES_CERT_WORLD_H

#include "rules/cert.h"
#include "rules/statement.h"
#include "tests/unit/rules/signer.h"

/* A day before the window, then a year; behind them what people state, then corrections and the configuration where asked for. */
enum { WORLD_INTERVALS = 35040 + 96, WORLD_STATEMENTS = 4, WORLD_LEAVES = WORLD_INTERVALS + WORLD_STATEMENTS + 6 };

struct world_options {
	size_t gaps;                         /* that many intervals in which the chiller feed is not known (an interim window then) */
	bool configured;                     /* racks in the site, its configuration in the evidence */
	size_t frozen_from, frozen_to;       /* intervals in which the first meter's register stood still, corrected later; 0, 0: none */
	const char *number, *supersedes;     /* NULL: the first certificate */
	int64_t behind_ms;                   /* how far the correction's line goes on behind them */
	bool exchanged;                      /* a statement says that the first meter was exchanged in the 9000th interval */
	bool read_by_hand;                   /* a statement says what the first meter counted in the gap */
	bool word_forged;                    /* by a key that nobody trusts; the certificate counts it all the same */
};

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
	char config_hash[65];
	struct hash *hashes;
	struct buf *leaves;                  /* of each interval */
	size_t n;
	struct world_options options;
	struct ledger_event correction, manual;
	struct amendment *amendment;
	uint8_t *kinds;
	struct buf words[2];                 /* envelopes of the words about meters, until they are leaves */
	size_t n_words;
	struct merkle tree;
	json_t *evidence;
	struct cert_inputs inputs;
	struct buf payload, envelope, trust_bytes;
	struct test_signer signer, stranger;
	struct trust trust;
};
bool world_make(struct world *w, const char *pack_path, struct world_options options, struct err *err);
bool world_certify(struct world *w, struct err *err);       /* judge, build, sign */
void world_done(struct world *w);
char *world_slurp(const char *path, size_t *len);

#endif
