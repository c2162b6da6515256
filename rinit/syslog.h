/*
 * /dev/log: the lines that programs write with syslog(3). rinit takes them into its log, unless a unit is the
 * machine's logger: rsyslog.service, busybox-syslogd.service, syslog-ng.service or syslog.service. That one
 * binds /dev/log itself: rinit gives the path up before it starts, sends it every line that the ring holds
 * and those that come, as RFC 3164 datagrams, and takes the path back when it has ended. A logger that reads
 * /run/systemd/journal/syslog instead is served there, with rinit before it at /dev/log.
 *
 * Bounded: SYSLOG_TURN_MAX messages a wake-up, and SYSLOG_WINDOW_MAX in SYSLOG_WINDOW_MS; then the socket is
 * left alone until the next window, and whoever floods waits.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "rinit/log.h"
#include "rinit/loop.h"
#include "rinit/service.h"

#define SYSLOG_PATH         "/dev/log"
#define SYSLOG_JOURNAL_PATH "/run/systemd/journal/syslog"
#define SYSLOG_MESSAGE_MAX  8192 /* the rest of a longer one is cut off */
#define SYSLOG_TURN_MAX     32
#define SYSLOG_WINDOW_MS    50
#define SYSLOG_WINDOW_MAX   500

struct manager;
struct unit;

struct syslog {
	struct loop *loop;
	const struct manager *manager;
	struct loop_source source; /* fd -1: the path is somebody else's */
	struct loop_timer window;  /* armed: messages are counted; expired: forget how many there were */
	unsigned int taken;
	bool paused;

	const struct unit *provider;
	struct loop_source forward; /* connected to the provider; fd -1: not */
	struct loop_timer later;    /* lines are gathered, or the connection is tried again */
	struct log_watcher watcher;
	struct log_cursor cursor; /* the next line for the provider */
	bool full;                /* it takes no more for now */
};

/* 0 or negative errno: then there is no /dev/log, but a provider is served. */
int syslog_listen(struct syslog *syslog, struct loop *loop, const struct manager *manager);
/* A unit's state has changed; to be told before anything is done about it. */
void syslog_unit_moved(struct syslog *syslog, const struct unit *unit, enum service_state from);

/* "<30>Nov 23 10:00:00 who: text" into text: pure but for the clock's offset. Returns the length. */
size_t syslog_format(const struct log_entry *entry, uint64_t time_of_day_ms, char *text, size_t size);
