/* sheet_tool CERT.json LANG OUT.pdf - draws a certificate given as a bare payload, in an envelope made up here. */
#include "core/sig.h"
#include "publish/publish.h"
#include "rules/jws.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool read_all(FILE *in, struct buf *out)
{
	char block[65536];
	for (size_t n; (n = fread(block, 1, sizeof block, in)) > 0;)
		buf_add(out, block, n);
	return in && !out->failed;
}

static json_t *envelope_of(json_t *cert)
{
	static const char header[] = "{\"alg\":\"EdDSA\",\"kid\":\"3f0a1b2c4d5e6f70\",\"typ\":\"pued-certificate+json\"}";
	CLEANUP(buf_done) struct buf head = { 0 };
	base64url_encode(header, sizeof header - 1, &head);
	return json_pack("{s:s, s:[{s:s, s:s}], s:O}", "payload", "", "signatures", "protected", head.data, "signature", "", "view", cert);
}

int main(int argc, char **argv)
{
	CLEANUP(buf_done) struct buf text = { 0 }, pdf = { 0 };
	struct err err = { 0 };
	FILE *in = argc == 4 ? fopen(argv[1], "rb") : NULL, *out;
	json_t *cert = in && read_all(in, &text) ? json_read(argv[1], text.data, text.len, &err) : NULL;
	if (in)
		fclose(in);
	if (!cert) {
		fprintf(stderr, "%s\n", argc == 4 ? err.text : "sheet_tool CERT.json LANG OUT.pdf");
		return 64;
	}
	json_t *envelope = envelope_of(cert);
	char *bytes = json_dumps(envelope, JSON_SORT_KEYS | JSON_INDENT(2));
	bool good = sheet_pdf(cert, bytes, strlen(bytes), argv[2], &pdf, &err) && (out = fopen(argv[3], "wb"));
	if (good)
		good = fwrite(pdf.data, 1, pdf.len, out) == pdf.len && fclose(out) == 0;
	else
		fprintf(stderr, "%s\n", err.text);
	free(bytes);
	json_decref(envelope);
	json_decref(cert);
	return good ? 0 : err_exit_code(&err);
}
