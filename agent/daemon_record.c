/* What the daemon puts into evidence beside readings: keys, profiles, clock, certificates; and who signs now. */
#include "agent/daemon.h"
#include "agent/signer.h"

#include <stdio.h>
#include <sys/stat.h>

/* A signer in another process answers at once or is busy: polling does not wait for it. */
enum { PATIENCE_MS = 300 };

bool daemon_keys(struct daemon *d, struct stamp now, struct err *err)
{
	struct stat st;
	struct err why = { 0 };
	int64_t changed = stat(d->keys_dir, &st) == 0 ? (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec : 0;
	if (changed == d->keys_seen)
		return true;
	struct signer *fresh = signer_of_site(d->setup->site, d->keys_dir, &why);
	if (fresh)
		signer_patience(fresh, PATIENCE_MS);
	pipeline_signer(d->pipeline, fresh ? signer_ops(fresh) : NULL, &why);
	signer_free(d->signer);
	d->signer = fresh;
	d->keys_seen = changed;
	return record_keys(d->record, d->pipeline, d->keys_dir, fresh ? signer_ops(fresh) : NULL, now.wall, err);
}

void daemon_record_profile(struct daemon *d, const struct profile *profile)
{
	struct err err = { 0 };
	struct stamp now = clock_now(&d->clock);
	if (!record_profile(d->record, d->pipeline, d->setup->library, profile, now.wall, &err))
		log_line(LOG_ERROR, "record", now.boot, "%s", err.text);
}

bool daemon_record_setup(struct daemon *d, struct stamp now, struct err *err)
{
	record_free(d->record);
	if (!(d->record = record_new(d->reader, err)) || !record_setup(d->record, d->pipeline, d->setup, now.wall, err))
		return false;
	for (size_t i = 0; d->poller && i < poller_count(d->poller); i++) {
		struct poller_device state;
		poller_device(d->poller, i, &state);
		if (state.bound)
			daemon_record_profile(d, state.bound->profile);
	}
	d->keys_seen = -1;
	return daemon_keys(d, now, err);
}

/* One line when signing stops, one when it goes on. */
static void tell_signing(struct daemon *d, struct stamp now)
{
	struct pipeline_state s;
	pipeline_state(d->pipeline, &s);
	if (s.not_signing && !d->signing_failed)
		log_line(LOG_ERROR, NULL, now.boot, "nothing is signed: %s; readings and evidence go on, reports wait (%llu now)", s.not_signing, (unsigned long long)s.unsigned_reports);
	if (!s.not_signing && d->signing_failed)
		log_line(LOG_NOTICE, NULL, now.boot, "signing goes on; reports that waited are on their way");
	d->signing_failed = s.not_signing != NULL;
	if (s.not_reported)
		log_line(LOG_ERROR, "not-reported", now.boot, "%llu intervals have no report: too many wait for a signature; the evidence holds them", (unsigned long long)s.not_reported);
}

void daemon_record(struct daemon *d, struct stamp now)
{
	struct err err = { 0 };
	int64_t offset_us = 0;
	bool known = clock_offset(&d->clock, &offset_us);
	if (!daemon_keys(d, now, &err))
		log_line(LOG_ERROR, "keys", now.boot, "%s", err.text);
	if (!record_certificates(d->record, d->pipeline, d->state_dir, now.wall, &err))
		log_line(LOG_ERROR, "certificates", now.boot, "%s", err.text);
	if (!record_clock(d->record, d->pipeline, &d->setup->zone, now, known, offset_us, &err))
		log_line(LOG_ERROR, "clock", now.boot, "%s", err.text);
	tell_signing(d, now);
}
