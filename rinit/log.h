/*
 * The log: a ring in memory of the newest lines, and the console as one of its readers.
 *
 * Lines of rinit and of services go into the ring; the oldest make room. The console is written without
 * blocking and catches up when its terminal can take more, so that a slow or stopped terminal never stops
 * PID 1. While the system boots and stops the console shows every line, in between only notices and worse;
 * `rinitctl log` shows the ring. There is one log in a process, since everything in PID 1 may have something to say.
 * Before log_open, and in rinit's helpers, lines are only kept.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_RING_SIZE 65536
#define LOG_LINE_MAX  1024 /* a longer line is cut */

/* log.c's levels, not syslog's: what decides is who must see the line. */
enum log_level {
	LOG_OUTPUT,  /* a service's own words */
	LOG_INFO,    /* for whoever watches the boot */
	LOG_NOTICE,  /* shown on the console at any time: ready, shutdown */
	LOG_WARNING, /* something is not as it was asked for */
};

struct loop;

/* Starts writing to the console fd; the log sets O_NONBLOCK on it and keeps it. */
void log_open(struct loop *loop, int console_fd);
/* Shall the console show only notices and warnings from now on? */
void log_quiet(bool quiet);
/* Writes what the console still has to show; gives up after timeout_ms. */
void log_flush(int timeout_ms);

void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_notice(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* A line that `who` said; control characters but tab are replaced. */
void log_write(enum log_level level, const char *who, const char *text, size_t length);

/* The ring as text, oldest first, "[seconds] who: text" a line; only who's lines unless NULL. The caller
 * frees. */
char *log_copy(const char *who, size_t *length);
