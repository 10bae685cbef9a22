/* Any bytes as the recording of a device. */
#include "core/script.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const int64_t times[] = { 0, 1000, 90000, 3600000 };
	static const struct request read = { .kind = REQUEST_MODBUS_READ, .function = 3, .address = 0x30, .count = 8 };
	struct err err = { 0 };
	struct script *s = script_new(bytes, len, &err);
	for (size_t i = 0; s && i < countof(times); i++) {
		struct replica *r = script_at(s, times[i]);
		struct reading out;
		if (r)
			replica_answer(r, &read, (struct stamp){ 0 }, &out);
	}
	script_free(s);
	return 0;
}
