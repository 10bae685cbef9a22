#include "agent/baseline_file.h"
#include "agent/file.h"

#include <string.h>

static const char *const kinds[] = { [KPI_NONE] = "none", [KPI_PUE] = "PUE", [KPI_IPUE] = "iPUE" };

void baseline_of_kpi(const struct kpi *k, const struct site *site, struct baseline *out)
{
	*out = (struct baseline){ k->from, k->to, k->kind, k->category, k->total_mwh, k->it_mwh, site->id, site->boundary };
}

static json_t *payload_of(const struct kpi *k, const struct site *site, struct wall made)
{
	char from[WALL_TEXT], to[WALL_TEXT], at[WALL_TEXT];
	return json_pack("{s:s, s:b, s:s, s:s?, s:s, s:s, s:s, s:i, s:I, s:I, s:I, s:I, s:s?}", "site", site->id, "simulated", site->simulated, "made", wall_text(made, at),
			 "boundary", site->boundary, "kind", kinds[k->kind], "from", wall_text(k->from, from), "to", wall_text(k->to, to), "category", k->category,
			 "total_mwh", (json_int_t)k->total_mwh, "it_mwh", (json_int_t)k->it_mwh, "complete_total_ppm", (json_int_t)k->complete_energy_ppm[0],
			 "complete_it_ppm", (json_int_t)k->complete_energy_ppm[1], "standard", site->standard);
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

static bool fields(json_t *root, struct baseline *out, struct err *err)
{
	const char *kind, *from, *to;
	json_int_t total, it;
	json_error_t e;
	struct baseline b = { 0 };
	if (json_unpack_ex(root, &e, 0, "{s:s, s:s, s:s, s:s, s:i, s:I, s:I}", "site", &b.site, "kind", &kind, "from", &from, "to", &to,
			   "category", &b.category, "total_mwh", &total, "it_mwh", &it))
		return err_set(err, ERR_INPUT, "no baseline: %s", e.text);
	b.boundary = json_string_value(json_object_get(root, "boundary"));
	b.total_mwh = total;
	b.it_mwh = it;
	b.kind = !strcmp(kind, "PUE") ? KPI_PUE : !strcmp(kind, "iPUE") ? KPI_IPUE : KPI_NONE;
	if (!wall_parse(from, &b.from, err) || !wall_parse(to, &b.to, err))
		return false;
	*out = b;
	return true;
}

bool baseline_read(const char *path, const struct trust *trust, struct baseline *out, json_t **root, struct err *err)
{
	CLEANUP(buf_done) struct buf bytes = { 0 };
	struct jws_result r = { 0 };
	if (!file_read(path, &bytes, err) || !jws_verify(trust, bytes.data, bytes.len, JWS_BASELINE, (struct wall){ 0 }, &r, err))
		return err_wrap(err, "%s", path);
	*root = json_read(path, r.payload.data, r.payload.len, err);
	jws_result_done(&r);
	if (*root && fields(*root, out, err))
		return true;
	json_decref(*root);
	*root = NULL;
	return err_wrap(err, "%s", path);
}
