/* puectl certificate: from the store's evidence to a signed certificate, JSON (the truth) and PDF (its picture). */
#include "agent/certificate.h"
#include "agent/clock.h"
#include "agent/file.h"
#include "agent/issued.h"
#include "agent/record.h"
#include "agent/sheet_file.h"
#include "agent/signer.h"

#include <stdio.h>
#include <string.h>

struct arguments { struct from_store_options store; const char *out, *number, *supersedes, *issued, *keys; bool no_pdf, no_configuration; };

static int parse(struct ctl *ctl, struct arguments *a)
{
	struct err err = { 0 };
	const struct { const char *name; const char **value; } rows[] = {
		{ "--out", &a->out }, { "--number", &a->number }, { "--supersedes", &a->supersedes }, { "--issued", &a->issued }, { "--keys", &a->keys },
	};
	if (!from_store_arguments(ctl, &a->store, &err))
		return ctl_usage(ctl, "%s", err.text);
	for (int i = 1; i < ctl->argc; i++) {
		size_t k = 0;
		while (k < countof(rows) && strcmp(ctl->argv[i], rows[k].name))
			k++;
		if (!strcmp(ctl->argv[i], "--no-pdf"))
			a->no_pdf = true;
		else if (!strcmp(ctl->argv[i], "--no-configuration"))
			a->no_configuration = true;
		else if (k == countof(rows))
			return ctl_usage(ctl, "unknown argument '%s'", ctl->argv[i]);
		else if (i + 1 == ctl->argc)
			return ctl_usage(ctl, "%s needs a value", ctl->argv[i]);
		else
			*rows[k].value = ctl->argv[++i];
	}
	return 0;
}

/* Time of issue: given, or now; a simulated site's certificates carry the day of its own clock, so that they repeat. */
static bool issued_at(const struct arguments *a, const struct from_store *f, struct wall *out, struct err *err)
{
	struct clock clock = { 0 };
	if (a->issued)
		return wall_parse(a->issued, out, err) || err_wrap(err, "--issued");
	*out = f->setup.site->simulated ? zone_day_start(&f->setup.zone, f->today) : clock_wall(&clock);
	return true;
}

static void default_number(const struct from_store *f, char *out, size_t size)
{
	char day[DATE_TEXT];
	snprintf(out, size, "%s%s-%s", f->setup.site->simulated ? "SIM-" : "", f->setup.site->id, date_text(f->today, day));
}

/* A number becomes part of file names, links and other people's registers. */
static bool number_good(const char *number, struct err *err)
{
	size_t len = strlen(number);
	for (const unsigned char *c = (const unsigned char *)number; *c; c++)
		if (*c <= ' ' || *c == '/' || *c == '\\' || *c == 0x7f)
			return err_set(err, ERR_USAGE, "--number '%s': no blanks, slashes or control characters", number);
	return (len && len <= 100 && number[0] != '.' && number[0] != '-') || err_set(err, ERR_USAGE, "--number '%s': 1 to 100 bytes, not beginning with a dot or dash", number);
}

static int say_done(const struct ctl *ctl, const struct from_store *f, const char *json, const char *pdf)
{
	const struct verdict *v = &f->judgement->verdict;
	if (ctl->json) {
		CLEANUP(buf_done) struct buf b = { 0 };
		buf_str(&b, "{\"certificate\":");
		buf_json(&b, json);
		buf_str(&b, ",\"pdf\":");
		pdf ? buf_json(&b, pdf) : buf_str(&b, "null");
		buf_printf(&b, ",\"verdict\":\"%s\"}\n", verdict_names[v->kind]);
		fputs(b.data, stdout);
		return 0;
	}
	printf("%s\n%s\n", say(ctl, v->sentence), json);
	if (pdf)
		printf("%s\n", pdf);
	return 0;
}

static int issue(const struct ctl *ctl, const struct arguments *a, const struct from_store *f, struct certificate_leaves *leaves)
{
	struct err err = { 0 };
	char keys[600], number[200], json[600], pdf[600];
	struct certificate_options o = { .number = a->number, .supersedes = a->supersedes, .no_configuration = a->no_configuration };
	CLEANUP(buf_done) struct buf envelope = { 0 };
	snprintf(keys, sizeof keys, "%s/keys", f->state_dir);
	default_number(f, number, sizeof number);
	if (!o.number)
		o.number = number;
	snprintf(json, sizeof json, "%s.json", a->out ? a->out : o.number);
	snprintf(pdf, sizeof pdf, "%s.pdf", a->out ? a->out : o.number);
	struct signer *signer = a->keys ? signer_open(a->keys, f->setup.site->key_id, &err) : signer_of_site(f->setup.site, keys, &err);
	bool good = signer && number_good(o.number, &err) && issued_at(a, f, &o.issued, &err) && certificate_make(f, leaves, signer_ops(signer), &o, &envelope, &err) &&
		    issued_fits(f->state_dir, envelope.data, envelope.len, pack_once(f->setup.pack), &err) && file_write(json, envelope.data, envelope.len, 0644, &err) &&
		    (a->no_pdf || sheet_file_write(pdf, envelope.data, envelope.len, ctl->lang == LANG_ZH ? "zh" : "en", &err));
	signer_free(signer);
	from_store_note_waiting(ctl, f);
	struct err unrecorded = { 0 };
	if (good && !record_put_certificate(f->state_dir, envelope.data, envelope.len, &unrecorded))
		fprintf(stderr, ctl->lang == LANG_ZH ? "注意: 签发未计入证据: %s\n" : "note: its issue is not recorded as evidence: %s\n", unrecorded.text);
	return good ? say_done(ctl, f, json, a->no_pdf ? NULL : pdf) : ctl_fail(ctl, &err);
}

int ctl_certificate(struct ctl *ctl)
{
	struct arguments a = { 0 };
	struct from_store f;
	struct err err = { 0 };
	int code = parse(ctl, &a);
	if (code)
		return code;
	struct certificate_leaves *leaves = certificate_leaves_new(&err);
	a.store.watch = leaves ? certificate_leaves_watch(leaves) : NULL;
	bool good = leaves && from_store_open(&a.store, &f, &err);
	code = good ? issue(ctl, &a, &f, leaves) : ctl_fail(ctl, &err);
	if (good)
		from_store_close(&f);
	certificate_leaves_free(leaves);
	return code;
}
