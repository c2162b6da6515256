#include "rinit/specifier_machine.h"

#include <string.h>

#include "rinit/file.h"

static void remove_dashes(char *text)
{
	char *out = text;

	for (; *text; text++)
		if (*text != '-')
			*out++ = *text;
	*out = '\0';
}

void machine_names_read(struct machine_names *names, struct specifiers *values)
{
	if (!names->read) {
		uname(&names->kernel);
		file_read_line("/etc/machine-id", names->machine_id, sizeof(names->machine_id));
		file_read_line("/proc/sys/kernel/random/boot_id", names->boot_id, sizeof(names->boot_id));
		remove_dashes(names->boot_id);
		names->read = true;
	}
	values->host = names->kernel.nodename;
	values->kernel = names->kernel.release;
	values->machine_id = names->machine_id;
	values->boot_id = names->boot_id;
}
