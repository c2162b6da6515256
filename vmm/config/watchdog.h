/*
 * A guest's watchdog, as its definition has it: "watchdog" (docs/configuration.md). The words are libvirt's
 * (format domain, "Watchdog devices"). Part of definition.h.
 */
#pragma once

#include "vmm/config/json.h"

/* What follows when the guest lets it expire. */
enum watchdog_action {
	WATCHDOG_RESET,
	WATCHDOG_SHUTDOWN,
	WATCHDOG_POWEROFF,
	WATCHDOG_PAUSE,
	WATCHDOG_NONE,
	WATCHDOG_INJECT_NMI,
};

struct watchdog_definition {
	bool present;
	enum watchdog_action action;
};

int watchdog_definition_read(const struct json_place *root, struct watchdog_definition *watchdog);
const char *watchdog_action_name(enum watchdog_action action);
