/*
 * Kernel settings: sysctl.d(5), and /etc/sysctl.conf after all. For a helper; what cannot be written is one
 * line on standard error.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define SYSCTL_PATH_MAX 256

struct sysctl_setting {
	unsigned int line;
	char path[SYSCTL_PATH_MAX]; /* below /proc/sys; may be a pattern */
	const char *value;          /* NULL: a pattern shall leave this one alone */
	bool ignore_failure;        /* the - prefix */
};

struct sysctl_reader {
	void *context;
	void (*setting)(void *context, const struct sysctl_setting *setting);
	void (*fault)(void *context, unsigned int line, const char *why);
};

/* Pure. */
void sysctl_parse(const char *text, size_t length, const struct sysctl_reader *reader);

bool sysctl_is_configured(void);
int sysctl_main(int argc, char **argv);
