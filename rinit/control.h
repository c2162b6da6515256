/*
 * The control socket, /run/rinit/control (SOCK_SEQPACKET). A client sends one packet, "VERB [ARGUMENT]", and
 * reads packets until the end: the first line is an exit code (below), the rest is text for it. Clients are
 * few and bounded, are never waited for, and must be root for whatever changes something or shows the log.
 *
 * No client is waited for: it has CONTROL_TIMEOUT_MS to ask and to read; some places are root's alone; and
 * what clients cost is bounded: when they took CONTROL_WINDOW_BUSY_US of a CONTROL_WINDOW_MS, nobody is let
 * in until it is over.
 *
 *      list                     a line for each unit: name, state, process, description, with tabs between
 *      status [UNIT]            lines of Key=Value
 *      start|stop|restart UNIT  answered when it is done; with a - before UNIT at once
 *      isolate TARGET           the same; what the target does not need is stopped
 *      kill WSIGNAL UNIT        a number; W: a all its processes, m the main one, c the command beside it
 *      reset-failed [UNIT]      a failure, or all, is forgotten
 *      daemon-reload            unit files are read again
 *      log [-f] [-n N] [UNIT]   see control_log.h
 *      poweroff|reboot|halt [+SECONDS]
 *      cancel                   what was to happen in so many seconds does not
 *      online INTERFACE         from the DHCP helper: it has its address
 *      bus-names                for the helper that asks the bus: the names that services shall own
 *      bus NAME PID             from it: this process owns the name; 0 nobody, -1 somebody
 *      plan                     what blame, chart, graph and why are made of. First a line: ms since the boot
 * began, default target; then one for each unit, with tabs between: name, state, process, exit status
 *                               (waitpid's), flags (t target, w wanted, s skipped, g gave up, h held, a asked
 * for, m masked), queued, started, ready (ms, or -), after, requires (indices of units, with blanks between),
 * wants, conditions (with blanks between), description
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "rinit/control_log.h"
#include "rinit/control_request.h"
#include "rinit/log.h"
#include "rinit/loop.h"
#include "rinit/shutdown.h"

#define CONTROL_SOCKET_PATH "/run/rinit/control"
#define CONTROL_CLIENTS_MAX 16
#define CONTROL_OTHERS_MAX  10 /* clients who are not root */
#define CONTROL_PACKET_MAX  8192
#define CONTROL_TIMEOUT_MS  5000

#define CONTROL_WINDOW_MS      100
#define CONTROL_WINDOW_BUSY_US 20000

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
	struct control_follow follow;
};

struct control {
	struct system *system;
	struct loop_source listener;
	struct control_client clients[CONTROL_CLIENTS_MAX];
	struct log_watcher watcher; /* for those who follow */
	struct loop_timer gather;
	struct loop_timer window;
	uint64_t busy_us; /* in this window */
	struct loop_timer later;
	enum shutdown_kind later_kind; /* what the timer is for */
};

int control_listen(struct control *control, struct system *system);
/* Answers those who wait for this unit. */
void control_unit_settled(struct control *control, const struct unit *unit);

/* ---- between control.c and the requests' files ---- */

/* control_verbs.c: does what the packet asks for; the client may be closed afterwards. */
void control_answer(struct control_client *client, const char *text, size_t length);

void control_plan_request(struct control_client *client, const char *argument);

/* The answer, and with it the end of the client unless it follows; text is copied and may be NULL for none.
 */
void control_reply_text(struct control_client *client, enum control_code code, const char *text,
			size_t length);
void control_reply(struct control_client *client, enum control_code code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* As much as the socket takes. */
void control_reply_send(struct control_client *client);
void control_client_close(struct control_client *client);
