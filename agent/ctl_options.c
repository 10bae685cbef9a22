#include "agent/ctl.h"

#include <string.h>

int ctl_options(struct ctl *ctl, int from, const struct ctl_option *rows, void *out, const char **word)
{
	for (int i = from; i < ctl->argc; i++) {
		const char *arg = ctl->argv[i];
		const struct ctl_option *row = rows;
		while (row->name && strcmp(row->name, arg) != 0)
			row++;
		char *field = (char *)out + row->offset;
		if (row->name && row->flag)
			*(bool *)field = true;
		else if (row->name && !ctl->argv[i + 1])
			return ctl_usage(ctl, "%s needs a value", arg);
		else if (row->name)
			*(const char **)(void *)field = ctl->argv[++i];
		else if (arg[0] == '-')
			return ctl_usage(ctl, "unknown option '%s'", arg);
		else if (*word)
			return ctl_usage(ctl, "one argument too many: '%s'", arg);
		else
			*word = arg;
	}
	return 0;
}
