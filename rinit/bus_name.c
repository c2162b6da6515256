/* Apart from bus_message.c: PID 1, too, has to know. */
#include <string.h>

#include "rinit/bus_message.h"

/* D-Bus Specification, "Valid Names": elements between dots, none of which begins with a digit. */
bool bus_name_is_valid(const char *name)
{
	size_t length = strlen(name), elements = 0;

	for (size_t i = 0; i < length; i++) {
		bool first = !i || name[i - 1] == '.';
		char letter = (char)(name[i] | 0x20);

		elements += first;
		if (!(letter >= 'a' && letter <= 'z') && name[i] != '_' && name[i] != '-' &&
		    (first || (name[i] != '.' && (name[i] < '0' || name[i] > '9'))))
			return false;
	}
	return elements > 1 && length <= BUS_NAME_MAX && name[length - 1] != '.';
}
