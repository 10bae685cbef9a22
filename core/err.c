#include "core/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool err_set(struct err *err, enum err_kind kind, const char *fmt, ...)
{
	if (!err)
		return false;
	va_list args;
	va_start(args, fmt);
	vsnprintf(err->text, sizeof err->text, fmt, args);
	va_end(args);
	err->kind = kind;
	return false;
}

bool err_wrap(struct err *err, const char *fmt, ...)
{
	if (!err)
		return false;
	char old[sizeof err->text];
	memcpy(old, err->text, sizeof old);
	va_list args;
	va_start(args, fmt);
	int n = vsnprintf(err->text, sizeof err->text, fmt, args);
	va_end(args);
	if (n >= 0 && (size_t)n < sizeof err->text)
		snprintf(err->text + n, sizeof err->text - (size_t)n, ": %s", old);
	return false;
}

bool err_memory(struct err *err)
{
	return err_set(err, ERR_INTERNAL, "out of memory");
}

int err_exit_code(const struct err *err)
{
	static const int codes[] = {
		[ERR_NONE] = 0, [ERR_USAGE] = 64, [ERR_UNAVAILABLE] = 69, [ERR_INTERNAL] = 70, [ERR_IO] = 74,
		[ERR_DENIED] = 77, [ERR_CONFIG] = 78, [ERR_INPUT] = 65, [ERR_RANGE] = 11, [ERR_EVIDENCE] = 12,
	};
	return codes[err->kind];
}
