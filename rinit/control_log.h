/*
 * The log over the control socket. A line is
 *
 *      TIME PRIORITY [t|-] WHO<TAB>TEXT
 *
 * with the time of day in ms since 1970, clock_ms() after a slash, syslog's priority, and t when the text
 * begins with its own tag. A client that follows gets such lines as they come, from a cursor into the ring:
 * one packet is all that is ever kept for it. What it is too slow for is counted and told in a line whose WHO
 * is "-". When it has not read for CONTROL_TIMEOUT_MS it is dropped.
 */
#pragma once

#include <stdbool.h>

#include "rinit/log.h"

struct control;
struct control_client;

struct control_follow {
	bool on;
	bool idle;                 /* it has everything that there is */
	bool packet;               /* the client's reply is room for one packet */
	char who[LOG_WHO_MAX + 1]; /* "": everybody */
	struct log_cursor cursor;
	uint64_t missed; /* not told yet */
};

void control_log_request(struct control_client *client, const char *argument);
/* Everything before was sent: makes a packet of what has come since; false when nothing has. */
bool control_log_fill(struct control_client *client);
/* For the client that is being dropped. */
void control_log_dropped(struct control_client *client);
/* Once, before there are clients. */
void control_log_init(struct control *control);
