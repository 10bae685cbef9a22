/* Any bytes as what a Modbus/TCP peer sends; the first byte chooses the question. */
#include "collectors/modbus_frame.h"

#include <stdlib.h>

static const struct modbus_request questions[] = {
	{ .transaction = 1, .unit = 1, .function = 3, .address = 0x34, .count = 2 }, { .transaction = 1, .unit = 1, .function = 1, .count = 10 },
	{ .transaction = 1, .unit = 1, .function = 4, .count = 125 }, { .transaction = 1, .unit = 1, .function = 43 }, { .transaction = 1, .unit = 1, .function = 17 },
};

static void use(const struct modbus_answer *a, const struct modbus_request *q)
{
	static struct words words;
	struct modbus_objects objects = { 0 };
	if (q->function == MODBUS_DEVICE_ID) {
		if (!modbus_device_id(a->pdu, a->pdu_len, &objects, NULL))
			abort();        /* it was just checked */
	} else if (q->function == MODBUS_SERVER_ID) {
		modbus_server_id(a->pdu, a->pdu_len, &objects);
	} else {
		modbus_words(a->pdu, q, &words);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	if (!len)
		return 0;
	const struct modbus_request *q = &questions[bytes[0] % countof(questions)];
	bytes++;
	len--;
	modbus_foreign(bytes, len);
	while (len) {
		struct modbus_answer a = { 0 };
		struct err err = { 0 };
		enum frame frame = modbus_parse(bytes, len, q, &a, &err);
		if (frame == FRAME_MORE || frame == FRAME_LOST)
			break;
		if (a.used < 9 || a.used > MODBUS_ADU_MAX || a.used > len)
			abort();
		if (frame == FRAME_DONE)
			use(&a, q);
		else if (frame != FRAME_OTHER && !err.text[0])
			abort();        /* a refusal without a sentence */
		bytes += a.used;
		len -= a.used;
	}
	return 0;
}
