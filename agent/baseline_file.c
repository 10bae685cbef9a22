#include "agent/baseline_file.h"
#include "agent/file.h"

static json_t *payload_of(const struct kpi *k, const struct site *site, struct wall made)
{
	char at[WALL_TEXT];
	struct baseline b;
	baseline_of_kpi(k, site, &b);
	b.source = "a window of this site's readings";
	json_t *root = baseline_json(&b);
	json_object_set_new(root, "made", json_string(wall_text(made, at)));
	return root;
}

bool baseline_write(const char *path, const struct kpi *k, const struct site *site, const struct signer_ops *signer, struct wall made, struct err *err)
{
	CLEANUP(buf_done) struct buf payload = { 0 }, envelope = { 0 };
	if (k->kind == KPI_NONE)
		return err_set(err, ERR_RANGE, "nothing to freeze: %s", k->why_not);
	json_t *root = payload_of(k, site, made);
	bool good = root ? json_canonical(root, &payload, err) : err_memory(err);
	json_decref(root);
	return good && jws_make(signer, JWS_BASELINE, payload.data, payload.len, true, &envelope, err) &&
	       file_write(path, envelope.data, envelope.len, 0644, err);
}

bool baseline_read(const char *path, const struct trust *trust, struct baseline *out, json_t **root, struct err *err)
{
	CLEANUP(buf_done) struct buf bytes = { 0 };
	struct jws_result r = { 0 };
	if (!file_read(path, &bytes, err) || !jws_verify(trust, bytes.data, bytes.len, JWS_BASELINE, (struct wall){ 0 }, &r, err))
		return err_wrap(err, "%s", path);
	*root = json_read(path, r.payload.data, r.payload.len, err);
	jws_result_done(&r);
	json_object_del(*root, "made");
	if (*root && baseline_parse(*root, out, err))
		return true;
	json_decref(*root);
	*root = NULL;
	return err_wrap(err, "%s", path);
}
