#include "agent/waiting.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* What a stranger may send to the signer: refused with a sentence, or the one spelling of a document of ours.  And a checkpoint's first line:
 * refused, or what is written again is read as the same. */
static void ask(const uint8_t *data, size_t size)
{
	struct jws_input in;
	struct err err = { 0 };
	CLEANUP(buf_done) struct buf header = { 0 }, again = { 0 };
	if (!jws_input_read(data, size, &in, &err)) {
		if (err.kind == ERR_NONE || !err.text[0])
			abort();
		return;
	}
	buf_printf(&header, "{\"alg\":\"%s\",\"kid\":\"%s\",\"typ\":\"%s\"}", sig_alg_name(in.alg), in.kid, in.type);
	base64url_encode(header.data, header.len, &again);
	buf_str(&again, ".");
	if (again.len > size || memcmp(again.data, data, again.len) != 0 || !in.site[0])
		abort();
}

static void wait(const uint8_t *data, size_t size)
{
	struct waiting w = { 0 }, other = { 0 };
	struct err err = { 0 };
	CLEANUP(buf_done) struct buf text = { 0 }, more = { 0 };
	size_t used;
	if (!waiting_load(&w, data, size, &used, &err)) {
		if (err.kind == ERR_NONE)
			abort();
		return;
	}
	waiting_save(&w, &text);
	if (used && (!waiting_load(&other, text.data, text.len, &used, &err) || used != text.len || other.n != w.n || other.bytes != w.bytes))
		abort();
	waiting_save(&other, &more);
	if (used && (more.len != text.len || memcmp(more.data, text.data, text.len) != 0))
		abort();
	waiting_done(&w);
	waiting_done(&other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ask(data, size);
	wait(data, size);
	return 0;
}
