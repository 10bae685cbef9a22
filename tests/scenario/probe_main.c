/* puectl with the one verb that talks to devices, for the tests of this folder. */
#include "agent/ctl.h"

#include <string.h>

const struct verb verbs[] = {
	{ "probe", "ENDPOINT [--profile NAME] [--decode] [--plan] [--timeout 1s]", { NULL, "identify a device and show its values" }, { NULL, NULL }, ctl_probe },
	{ NULL }
};
