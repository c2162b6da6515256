/* Logins on consoles, and the shells of single-user mode and of emergencies. */
#pragma once

#include "rinit/config.h"
#include "rinit/manager.h"

#define CONSOLES_ACTIVE "/sys/class/tty/console/active"

/*
 * Adds a service getty@TTY.service for every active console (/sys/class/tty/console/active; tty1 for the
 * virtual terminals), as the configuration says: none, one that asks, or one that logs somebody in by itself.
 * They come after the target named after. Once the boot is under way it may be called again, for consoles
 * whose driver has come since.
 */
void getty_add(struct manager *manager, const struct config *config, bool container, const char *after);
bool unit_is_getty(const struct unit *unit);
/* The boot hangs: somebody must be able to log in nevertheless. */
void getty_start_now(struct manager *manager);

/* Adds a service that is a root shell on the console and returns it. */
struct unit *shell_add(struct manager *manager, const char *name, const char *description, bool container);
