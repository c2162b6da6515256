/* Commands that follow something outlive the manager: guests do, and an upgrade starts the next one. */
#pragma once

#include "vmm/cli/client.h"

#define RECONNECT_SECONDS 5

/* Waits so long for a manager, after the last one hung up; false: none came, and the client is closed. */
bool reconnect(const struct cli *cli, struct client *client);
