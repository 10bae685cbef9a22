#include "agent/probe_mqtt.h"
#include "agent/file.h"
#include "agent/secret.h"
#include "publish/mqtt_wire.h"

#include <stdio.h>
#include <string.h>

static void as_text(void *ctx, enum mqtt_step step, bool good, const char *sentence)
{
	const struct ctl *ctl = ctx;
	static const char *const zh[MQTT_STEP_N] = { "地址可达", "连接与认证", "订阅", "发布", "回读" };
	CLEANUP(buf_done) struct buf plain = { 0 };
	buf_plain(&plain, sentence, strlen(sentence));
	printf("%s %s: %s\n", good ? "ok  " : "FAIL", ctl->lang == LANG_ZH ? zh[step] : mqtt_step_names[step], plain.data ? plain.data : "");
}

static void as_json(void *ctx, enum mqtt_step step, bool good, const char *sentence)
{
	struct buf *out = ctx;
	buf_printf(out, "%s{\"good\":%s,\"step\":\"%s\",\"text\":", step ? "," : "", good ? "true" : "false", mqtt_step_names[step]);
	buf_json(out, sentence);
	buf_str(out, "}");
}

static int run(struct ctl *ctl, const struct site *site, const char *password)
{
	enum { DEADLINE_MS = 10000 };
	struct err err = { 0 };
	CLEANUP(buf_done) struct buf out = { 0 };
	bool good = mqtt_probe(site, password, DEADLINE_MS, ctl->json ? as_json : as_text, ctl->json ? (void *)&out : (void *)ctl, &err);
	if (ctl->json)
		printf("{\"broker\":\"%s:%lld\",\"good\":%s,\"steps\":[%s]}\n", site->mqtt.host, (long long)site->mqtt.port, good ? "true" : "false", out.data ? out.data : "");
	return good ? 0 : err_exit_code(&err);
}

int probe_mqtt(struct ctl *ctl, const struct site *site)
{
	struct err err = { 0 };
	if (!site->mqtt.host) {
		err_set(&err, ERR_CONFIG, "the configuration names no broker; add mqtt.host");
		return ctl_fail(ctl, &err);
	}
	struct secrets *secrets = site->mqtt.password ? secrets_new(site->state_dir) : NULL;
	const char *password = secrets ? secret_get(secrets, site->mqtt.password, &err) : NULL;
	int code = site->mqtt.password && !password ? ctl_fail(ctl, &err) : run(ctl, site, password);
	secrets_free(secrets);
	return code;
}

int probe_mqtt_file(struct ctl *ctl, const char *config)
{
	struct err err = { 0 };
	CLEANUP(buf_done) struct buf bytes = { 0 };
	if (!file_read(config, &bytes, &err))
		return ctl_fail(ctl, &err);
	struct conf *c = conf_new();
	const struct site *site = c ? site_load(c, config, bytes.data, bytes.len, file_reader_beside(config)) : NULL;
	int code = site ? probe_mqtt(ctl, site) : c && !conf_ok(c, &err) ? ctl_fail(ctl, &err) : 70;
	conf_free(c);
	return code;
}
