#include "collectors/collector.h"

#include <string.h>

const struct collector_ops *const collectors[] = { &modbus_tcp, &snmp, &replay, NULL };

const struct collector_ops *collector_for(const char *scheme)
{
	for (const struct collector_ops *const *c = collectors; *c; c++)
		for (const char *const *s = (*c)->schemes; *s; s++)
			if (strcmp(*s, scheme) == 0)
				return *c;
	return NULL;
}
