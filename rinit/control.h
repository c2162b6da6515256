/*
 * The control socket, /run/rinit/control (SOCK_SEQPACKET). A client sends one packet, "VERB [ARGUMENT]", and
 * reads packets until the end: the first line is an exit code (below), the rest is text for it. Clients are
 * few and bounded, are never waited for, and must be root for whatever changes something or shows the log.
 *
 *      list                     a line for each unit: name, state, process, description, with tabs between
 *      status [UNIT]            lines of Key=Value
 *      start|stop|restart UNIT  answered when it is done; with a - before UNIT at once
 *      isolate TARGET           the same; what the target does not need is stopped
 *      daemon-reload            unit files are read again
 *      log [UNIT]
 *      poweroff|reboot|halt
 *      online INTERFACE         from the DHCP helper: it has its address
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "rinit/loop.h"

#define CONTROL_SOCKET_PATH "/run/rinit/control"
#define CONTROL_REQUEST_MAX 256
#define CONTROL_CLIENTS_MAX 16

enum control_code { /* what rinitctl exits with */
		    CONTROL_DONE = 0,
		    CONTROL_FAILED = 1,
		    CONTROL_USAGE = 2,
		    CONTROL_NO_UNIT = 3,
		    CONTROL_REFUSED = 4,
		    CONTROL_TIMED_OUT = 5,
};

struct system;
struct unit;
struct control;

struct control_client {
	struct control *control;
	struct loop_source source; /* fd -1: free */
	struct loop_timer timer;   /* for those who say nothing, or do not read what they asked for */
	bool root;
	struct unit *unit; /* it waits for this one */
	bool wants_active; /* to be up; or down */
	char *reply;
	size_t length, sent;
};

struct control {
	struct system *system;
	struct loop_source listener;
	struct control_client clients[CONTROL_CLIENTS_MAX];
};

int control_listen(struct control *control, struct system *system);
/* Answers those who wait for this unit. */
void control_unit_settled(struct control *control, const struct unit *unit);
