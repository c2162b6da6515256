#include "common/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/util.h"

static bool log_wants(enum log_level level)
{
	return level != LOG_LEVEL_DEBUG || getenv("RASTOS_DEBUG");
}

/* What is logged may hold a guest's or a file's text: it must not end the line or steer a terminal. */
static void line_blank_controls(char *line, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = ' ';
	}
}

/* Keeps errno, for the format's %m and for the caller. */
static void log_write(enum log_level level, unsigned dropped, const char *format, va_list args)
{
	int saved = errno;
	char line[1024];
	size_t used = 0;
	int wrote;

	if (!isatty(STDERR_FILENO))
		used += (size_t)snprintf(line, sizeof(line), "<%d>", (int)level);
	if (dropped)
		used += (size_t)snprintf(line + used, sizeof(line) - used, "(%u like this left out) ",
					 dropped);
	errno = saved;
	wrote = vsnprintf(line + used, sizeof(line) - used, format, args);
	if (wrote < 0)
		return;
	used = MIN(used + (size_t)wrote, sizeof(line) - 1);
	line_blank_controls(line, used);
	line[used++] = '\n'; /* in place of the terminating zero */
	if (write(STDERR_FILENO, line, used) < 0)
		errno = saved; /* nowhere left to say so */
	errno = saved;
}

void log_line(enum log_level level, const char *format, ...)
{
	va_list args;

	if (!log_wants(level))
		return;
	va_start(args, format);
	log_write(level, 0, format, args);
	va_end(args);
}

/* A burst is used up by lines and comes back with time, one a second. True when this line may be printed. */
static bool limit_take(struct log_limit *limit)
{
	struct timespec now;
	uint64_t passed;
	unsigned used;

	clock_gettime(CLOCK_MONOTONIC, &now);
	passed = (uint64_t)now.tv_sec - atomic_exchange(&limit->second, (uint64_t)now.tv_sec);
	used = atomic_load(&limit->used);
	used = passed < used ? used - (unsigned)passed : 0;
	atomic_store(&limit->used, MIN(used + 1, LOG_LIMIT_BURST));
	if (used < LOG_LIMIT_BURST)
		return true;
	atomic_fetch_add(&limit->dropped, 1);
	return false;
}

void log_limited(struct log_limit *limit, enum log_level level, const char *format, ...)
{
	va_list args;

	if (!log_wants(level) || !limit_take(limit))
		return;
	va_start(args, format);
	log_write(level, atomic_exchange(&limit->dropped, 0), format, args);
	va_end(args);
}
