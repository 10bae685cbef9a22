/* publish/status_parts.h - members of the status object that are made outside status.c.  The caller owns what they return. */
#ifndef PUBLISH_STATUS_PARTS_H
#define PUBLISH_STATUS_PARTS_H

#include "publish/snapshot.h"

#include <jansson.h>

/* A device's endpoint without its unit, where units may share it; null: it is alone there. */
json_t *gateway_name(const struct snapshot_device *d);
/* Those that several devices share: how many, and how many of them are late or down. */
json_t *gateways_json(const struct snapshot *s);

#endif
