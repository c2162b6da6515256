#include "common/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Both write into a sentence of their own first: the old one may be among the arguments. */
int error_set(struct error *err, int code, const char *format, ...)
{
	struct error new = {.text = ""};
	va_list args;

	if (!err)
		return code;
	va_start(args, format);
	vsnprintf(new.text, sizeof(new.text), format, args);
	va_end(args);
	*err = new;
	return code;
}

int error_prefix(struct error *err, int code, const char *format, ...)
{
	struct error new = {.text = ""};
	va_list args;
	size_t used;

	if (!err)
		return code;
	va_start(args, format);
	vsnprintf(new.text, sizeof(new.text), format, args);
	va_end(args);
	used = strlen(new.text);
	if (snprintf(new.text + used, sizeof(new.text) - used, ": %s", err->text) < 0)
		return code; /* the old sentence alone is better than none */
	strcpy(err->text, new.text);
	return code;
}
