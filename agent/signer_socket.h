/* agent/signer_socket.h - signatures made by a process of its own (pued-signer), which alone can read the private keys.
 *
 * One connection a signature.  The client sends the bytes to be signed and closes its sending side; the answer is one byte 0
 * and the 64 bytes of the signature, or one byte 1 and a sentence.
 *
 * No oracle: what is signed must be the signing input of one of our own envelopes (rules/jws.h: jws_input_read), by a kid that the
 * process has, of a document that says its site, date and whether it is simulated; with `site`, of that site only. */
#ifndef AGENT_SIGNER_SOCKET_H
#define AGENT_SIGNER_SOCKET_H

#include "rules/jws.h"

enum { SIGNER_ASK_MAX = 32 << 20 };
/* ERR_UNAVAILABLE: nobody there, or no answer within patience_ms. */
bool signer_ask(const char *socket, int64_t patience_ms, const struct public_key *key, const void *bytes, size_t len, uint8_t sig[SIG_LEN], struct err *err) MUST_USE;

/* Answers whoever connects, one after the other, until *stop; `fd` listens.  `site` NULL: documents of any site. */
void signer_serve(int fd, const struct signer_ops *signer, const char *site, const volatile bool *stop);

#endif
