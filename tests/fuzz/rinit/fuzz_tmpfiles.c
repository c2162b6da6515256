/* tmpfiles.d and sysctl.d: any bytes. */
#include <stdint.h>

#include "rinit/sysctl.h"
#include "rinit/tmpfiles.h"

static void on_line(void *context, const struct tmpfiles_line *line)
{
	(void)context;
	(void)line;
}

static void on_setting(void *context, const struct sysctl_setting *setting)
{
	(void)context;
	(void)setting;
}

static void on_fault(void *context, unsigned int line, const char *why)
{
	(void)context;
	(void)line;
	(void)why;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct tmpfiles_specifier specifiers[] = {{'t', "/run"}, {'m', "0123"}, {0, NULL}};
	const char *text = (const char *)data;

	tmpfiles_parse(
		text, size,
		&(struct tmpfiles_reader){.specifiers = specifiers, .line = on_line, .fault = on_fault});
	sysctl_parse(text, size, &(struct sysctl_reader){.setting = on_setting, .fault = on_fault});
	return 0;
}
