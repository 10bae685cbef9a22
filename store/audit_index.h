/* Holds the trees by which readers find rows of evidence.db to what its tables hold.  For store/audit.c: begin, each leaf of the table in the order of
 * its number, end.  The first row that a search would miss is named in `first_bad`, nothing is looked at once that says something. */
#ifndef PUED_STORE_AUDIT_INDEX_H
#define PUED_STORE_AUDIT_INDEX_H
#include "store/impl.h"

struct leaf_key { int64_t ix, kind, at; };
struct index_audit {
	struct db *db;
	char *first_bad;
	size_t size;
	struct query by_number, by_hash;
	struct leaf_key *keys;          /* of all leaves, 24 bytes each */
	size_t n, cap;
};

void index_audit_begin(struct index_audit *a, struct db *evidence, char *first_bad, size_t size);
void index_audit_leaf(struct index_audit *a, struct leaf_key key, const struct hash *hash);
void index_audit_end(struct index_audit *a);
void index_audit_done(struct index_audit *a);

#endif
