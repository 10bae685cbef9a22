/* agent/baseline_file.h - a frozen baseline on disk: a signed envelope that later windows are compared with. */
#ifndef AGENT_BASELINE_FILE_H
#define AGENT_BASELINE_FILE_H

#include "agent/signer.h"
#include "core/kpi_table.h"


void baseline_of_kpi(const struct kpi *k, const struct site *site, struct baseline *out);     /* borrows the site's texts */
bool baseline_write(const char *path, const struct kpi *k, const struct site *site, const struct signer_ops *signer, struct wall made, struct err *err) MUST_USE;
/* `root` owns the texts of *out: json_decref() it afterwards.  Verified against `trust`; ERR_EVIDENCE when it does not hold. */
bool baseline_read(const char *path, const struct trust *trust, struct baseline *out, json_t **root, struct err *err) MUST_USE;

#endif
