/* publish/mqtt_command.h - what may come back over MQTT: receipts and requests to send a range again.
 *
 * {"epoch":1,"from":5,"site":"ID","to":9}: these four members and no other, integers in range, at most 512 bytes.  A command can
 * only ask for re-sending; a receipt is this object inside an envelope signed by the receiver.  Pure. */
#ifndef PUBLISH_MQTT_COMMAND_H
#define PUBLISH_MQTT_COMMAND_H

#include "core/err.h"

enum { MQTT_COMMAND_MAX = 512, MQTT_RECEIPT_MAX = 4096, MQTT_RANGE_MAX = 100000 };

struct mqtt_range { uint64_t epoch, from, to; };     /* from <= to, to - from < MQTT_RANGE_MAX */

bool mqtt_range_parse(const char *site, const void *bytes, size_t len, struct mqtt_range *out, struct err *err) MUST_USE;

#endif
