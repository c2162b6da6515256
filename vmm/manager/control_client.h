/*
 * A client of the control protocol (control.h): what it says is read and taken for requests, and answered.
 * What it does not read at once is kept for it, up to a limit. Loop thread only.
 */
#pragma once

#include "common/log.h"
#include "common/loop.h"
#include "vmm/manager/control.h"
#include "vmm/manager/operations.h"

struct control_client;

struct control {
	struct manager *manager;
	struct operations operations;
	struct loop_source listener;
	struct loop_timer accept_again;
	struct log_limit turned_away;
	char *path;
	struct control_client *clients[CONTROL_CLIENTS_MAX];
};

/* Takes fd over. channel: it is the virtio port, which stays when its peer goes. A client that there is no
 * room for is told so. */
int control_client_add(struct control *control, int fd, bool channel);
void control_client_close(struct control_client *client);
