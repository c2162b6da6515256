/*
 * Interfaces of the host as all that makes some needs them: ip(8) with commands from memory, and aliases,
 * which say whose an interface is.
 */
#pragma once

#include <stdbool.h>

#include "common/error.h"

#define INTERFACES          "/sys/class/net"
#define INTERFACE_ALIAS_MAX 256 /* IFALIASZ */

/* Commands for ip(8), one a line; the first that fails ends it. */
int interface_run_ip(const char *commands, struct error *err);
/* An interface's alias; "" when it has none. */
void interface_alias(const char *name, char alias[INTERFACE_ALIAS_MAX]);
/* Calls `each` with every interface whose alias begins with `mark`, and the rest of that alias. */
void interface_each_marked(const char *mark, void (*each)(void *owner, const char *name, const char *rest),
			   void *owner);
