/*
 * The log: one line a call on standard error, in one write, with the syslog level that systemd and rinit read
 * ("<4>guest server: ..."; sd-daemon(3)) when standard error is not a terminal. Whoever starts the process decides
 * where standard error goes. Thread safe; keeps no state.
 *
 * What a guest can provoke is logged through a struct log_limit that its owner holds, so that a guest cannot fill
 * the host's disk: a burst of LOG_LIMIT_BURST lines, then one line a second that says how many were left out.
 */
#pragma once

#include <stdint.h>

enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7, /* printed only with RASTOS_DEBUG in the environment */
};

#define LOG_LIMIT_BURST 10U

struct log_limit { /* zero it; any thread: lines that two log at once may count as one */
	_Atomic uint64_t second;
	_Atomic unsigned used;
	_Atomic unsigned dropped;
};

void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_limited(struct log_limit *limit, enum log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#define log_error(...)   log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)    log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)   log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)
