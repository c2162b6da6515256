/* /etc/fstab: any bytes; every entry's options too, and its unit's name. */
#include <stdint.h>

#include "rinit/fstab.h"
#include "rinit/mount_options.h"
#include "rinit/path_escape.h"

static void on_value(void *context, const char *value)
{
	(void)context;
	(void)value;
}

static void on_entry(void *context, const struct fstab_entry *entry)
{
	static struct mount_options options;
	char name[64];

	path_to_unit_name(entry->where, ".mount", name, sizeof(name));
	mount_options_parse(&options, entry->options, entry->type, context, on_value);
	fstab_option_each(entry->options, "x-systemd.after", context, on_value);
	path_is_below(entry->what, entry->where);
}

static void on_fault(void *context, unsigned int line, const char *why)
{
	(void)context;
	(void)line;
	(void)why;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fstab_parse((const char *)data, size, &(struct fstab_reader){.entry = on_entry, .fault = on_fault});
	return 0;
}
