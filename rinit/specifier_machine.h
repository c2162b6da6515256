/* What a machine is called: the values that specifier.h's pure functions are given. */
#pragma once

#include <stdbool.h>
#include <sys/utsname.h>

#include "rinit/specifier.h"

struct machine_names {
	bool read;
	struct utsname kernel;
	char machine_id[40], boot_id[40]; /* 32 digits, or empty */
};

/* Reads them, once, and points values at them. */
void machine_names_read(struct machine_names *names, struct specifiers *values);
