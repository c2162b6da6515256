#include "vmm/cli/size.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char units[] = "KMGT";

bool size_parse(const char *text, uint64_t *bytes)
{
	unsigned shift = 0;
	const char *unit;
	uint64_t value;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno)
		return false;
	if (*end) {
		unit = strchr(units, *end >= 'a' ? *end - 'a' + 'A' : *end);
		if (!unit || (end[1] && strcasecmp(end + 1, "iB") != 0 && strcasecmp(end + 1, "B") != 0))
			return false;
		shift = 10 * (unsigned)(unit - units + 1);
	}
	if (value << shift >> shift != value)
		return false;
	*bytes = value << shift;
	return true;
}

void size_format(uint64_t bytes, char *text, size_t size)
{
	double value = (double)bytes;
	unsigned unit = 0;

	for (; value >= 1024 && units[unit]; unit++)
		value /= 1024;
	if (unit == 0)
		snprintf(text, size, "%llu B", (unsigned long long)bytes);
	else
		snprintf(text, size,
			 value < 10 && value > (double)(uint64_t)value ? "%.1f %ciB" : "%.0f %ciB", value,
			 units[unit - 1]);
}
