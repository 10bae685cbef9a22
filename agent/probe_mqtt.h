/* agent/probe_mqtt.h - `puectl probe mqtt`: the way of a report to the broker of a configuration, step by step. */
#ifndef AGENT_PROBE_MQTT_H
#define AGENT_PROBE_MQTT_H

#include "agent/ctl.h"

/* Reaches, connects (TLS, password), subscribes, publishes, reads back on BASE/probe; says which step failed and why.  The exit code. */
int probe_mqtt(struct ctl *ctl, const struct site *site);
int probe_mqtt_file(struct ctl *ctl, const char *config);

#endif
