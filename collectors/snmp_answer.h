/* collectors/snmp_answer.h - the usual answer of a poll, read where it lies: a version 1 or 2c Response without error whose names are,
 * byte for byte, those of the kept question.  net-snmp takes and clears a kilobyte for each variable; this takes nothing.
 *
 * It never judges: whatever is not of the plainest form (an error, another name, an unusual length, a type that is rare) is "not
 * read" and goes to net-snmp, whose verdict holds.  What it does read, net-snmp reads to the same values: fuzz_snmp_answer.  Pure. */
#ifndef COLLECTORS_SNMP_ANSWER_H
#define COLLECTORS_SNMP_ANSWER_H

#include "core/reading.h"

struct span { uint16_t at, len; };

/* A GET datagram and where its parts stand: `version` the version's number, `built` of the store it is kept in, `names` each object's name with tag and length. */
struct packet {
	const uint8_t *bytes;
	size_t len, id_at;
	uint8_t version;
	uint32_t built;
	const struct span *names;
	size_t n_names;                /* 0: nothing was found in it, no answer is read */
};

/* Finds the names of a GET datagram; returns how many, 0 when it is no plain one or holds more than `room`. */
size_t packet_names(const uint8_t *bytes, size_t len, struct span *names, size_t room);

/* Reads the answer to `asked` sent with this request id: everything of vars[asked->n_names] but the names, which are the question's.
 * False, with vars in any state, when the library has to look at it. */
bool answer_read(const struct packet *asked, uint32_t id, const uint8_t *bytes, size_t len, struct var *vars) MUST_USE;

#endif
