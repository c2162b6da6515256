/*
 * /etc/fstab (fstab(5)) and mount options (mount(8), systemd.mount(5)): pure functions over text.
 * generate_fstab.c makes units of the entries, mount_helper.c mounts them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FSTAB_LINE_MAX 4096

struct fstab_entry {
	unsigned int line;
	const char *what;  /* a device, a TAG=value without quotes, a path, or whatever the type wants */
	const char *where; /* absolute, no // and no / at its end; swap: "none" */
	const char *type;
	const char *options;
	unsigned int pass; /* of fsck; 0: none */
};

struct fstab_reader {
	void *context;
	void (*entry)(void *context, const struct fstab_entry *entry);
	/* A line that is no entry; why is a phrase. */
	void (*fault)(void *context, unsigned int line, const char *why);
};

/* Calls the reader for every line in order; the entry's strings live only that long. */
void fstab_parse(const char *text, size_t length, const struct fstab_reader *reader);

/* WHAT:WHERE[:TYPE[:OPTIONS]], the value of the kernel's parameter FSTAB_KERNEL_PARAMETER
 * (systemd-fstab-generator(8)), as one entry of line 0. */
#define FSTAB_KERNEL_PARAMETER "systemd.mount-extra"
void fstab_parse_parameter(const char *value, const struct fstab_reader *reader);

bool fstab_is_swap(const struct fstab_entry *entry);

/* Copies the first of options; returns where the next one begins, NULL when there is none. */
const char *fstab_option_next(const char *options, char *option, size_t size);
/* What stands behind name=, or NULL when option is another one. */
const char *fstab_option_value(const char *option, const char *name);
/* Is that very word among the options? */
bool fstab_option_has(const char *options, const char *name);
/* Calls each with the value of every option name=value. */
void fstab_option_each(const char *options, const char *name, void *context,
		       void (*each)(void *context, const char *value));
bool fstab_type_needs_network(const char *type);
/* Decimal digits alone. */
bool fstab_number(const char *text, unsigned int *number);
