/*
 * The log: a ring in memory of the newest lines, and the console as one of its readers.
 *
 * Lines of rinit and of services go into the ring; the oldest make room. The console is written without
 * blocking and catches up when its terminal can take more, so that a slow or stopped terminal never stops
 * PID 1. While the system boots and stops the console shows every line, in between only notices and worse;
 * `rinitctl log` shows the ring. There is one log in a process, since everything in PID 1 may have something
 * to say. Before log_open, and in rinit's helpers, lines are only kept.
 *
 * Whoever passes the lines on (log_file.c, syslog.c, control_log.c) has a cursor into the ring and nothing
 * else: what it is too slow for is overwritten, and counted.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_RING_SIZE 65536
#define LOG_LINE_MAX  1024 /* a longer line is cut */
#define LOG_WHO_MAX   64

/* syslog(3)'s priorities: facility * 8 + severity. <syslog.h> itself would define our levels' names. */
#define PRIORITY_WARNING 4
#define PRIORITY_NOTICE  5
#define PRIORITY_INFO    6
#define PRIORITY_USER    (1 << 3)
#define PRIORITY_DAEMON  (3 << 3)
#define PRIORITY_MAX     191

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
/* The same with what syslog(3) needs; tagged: the text itself begins with "TAG: " or "TAG[PID]: ". */
void log_write_priority(enum log_level level, uint8_t priority, bool tagged, const char *who,
			const char *text, size_t length);

/* ---- readers ---- */

/* A record taken out of the ring. */
struct log_entry {
	uint64_t time_ms; /* clock_ms() */
	enum log_level level;
	uint8_t priority;
	bool tagged;
	char who[LOG_WHO_MAX + 1];
	char text[LOG_LINE_MAX + 1];
};

/* Zeroed: at the very first line that there was. */
struct log_cursor {
	uint64_t at;
	uint64_t number; /* of lines before it */
};

/* The oldest line that is kept. */
struct log_cursor log_oldest(void);
/* Takes the next line; false when there is none. *missed grows by the lines that were gone before it. */
bool log_next(struct log_cursor *cursor, struct log_entry *entry, uint64_t *missed);
/* The time of day, in ms since 1970, that it was at clock_ms() as far as the clock is known now. */
uint64_t log_time_of_day(uint64_t time_ms);

/* Such a time taken apart, in UTC: pure, and a fifth of libc's size. */
struct log_date {
	unsigned int year, month, day; /* month and day from 1 */
	unsigned int hour, minute, second, ms;
};
struct log_date log_date(uint64_t time_of_day_ms);

/* Is told of every new line; it must not write to the log from within. */
struct log_watcher {
	void (*added)(struct log_watcher *watcher);
	struct log_watcher *next;
};
void log_watch(struct log_watcher *watcher);
void log_unwatch(struct log_watcher *watcher);

/* The ring as text, oldest first, "[seconds] who: text" a line; only who's lines unless NULL. The caller
 * frees. */
char *log_copy(const char *who, size_t *length);
