/* Commands from the broker: whatever comes, a range that was accepted is inside the limits. */
#include "publish/mqtt_command.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct mqtt_range r;
	struct err err = { 0 };
	bool good = mqtt_range_parse("made-up", bytes, len, &r, &err);
	if (good ? r.from > r.to || r.to - r.from >= MQTT_RANGE_MAX || len > MQTT_COMMAND_MAX : err.kind != ERR_INPUT || !err.text[0])
		abort();
	return 0;
}
