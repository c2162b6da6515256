/*
 * The manager's process: one at a time for a runtime folder, in the foreground for an init system or in the
 * background for a user.
 */
#pragma once

#include <stdbool.h>

#include "common/error.h"
#include "vmm/config/settings.h"

/* What it then says, of itself or to who started it. */
#define SERVICE_RUNS_ALREADY "a manager runs already; `rastos-vmm list` shows its guests"

struct service_config {
	struct settings *settings;
	const char *mode; /* NULL: the mode file's */
	/* Gets one line once it is known how the start went: "" when the guests are started, else the
	 * sentence; closed then. -1: nobody waits. */
	int started_fd;
	bool own_log; /* standard error is the manager's log (manager_log.h), which is kept from growing */
};

/*
 * Runs the manager until it is told to go down or gets SIGTERM or SIGINT. -EALREADY: one runs already for
 * this runtime folder. Tells $NOTIFY_SOCKET READY=1 and STOPPING=1 (sd_notify(3)).
 */
int service_run(const struct service_config *config, struct error *err);

/* Makes the runtime folder and what it holds. service_run does so too; a log in there may want it before. */
int service_prepare(const struct settings *settings, struct error *err);

/* Whether a manager listens in the runtime folder. */
bool service_running(const struct settings *settings);
