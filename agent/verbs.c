/* The verbs of puectl, in the order of --help. */
#include "agent/ctl.h"

const struct verb verbs[] = {
	{ NULL }
};
