/* agent/running.h - what the running pued says, for the verbs that show it (status, top). */
#ifndef AGENT_RUNNING_H
#define AGENT_RUNNING_H

#include "agent/ctl.h"
#include <jansson.h>

/* The port is --port, else http.port of the configuration (/etc/pued/pued.yaml when none is named and it can be read), else 8480. */
struct running_options { const char *config; int64_t given_port; uint16_t port; };
extern const struct ctl_option running_rows[];       /* --port, --config */
bool running_port(struct running_options *o, struct err *err) MUST_USE;
/* The status object; its text, byte for byte, in *text when that is not NULL. */
json_t *running_status(const struct running_options *o, struct buf *text, struct err *err);

/* Text of a member for a terminal (control characters become '?'); "-" when it is null or absent. */
const char *running_text(const json_t *o, const char *key, struct buf *room);
json_int_t running_number(const json_t *o, const char *key, json_int_t none);
/* Adds text, padded with spaces to `columns` of a terminal (Chinese characters are two wide). */
void running_pad(struct buf *out, const char *text, int columns);

#endif
