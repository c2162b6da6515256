#include "common/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/util.h"

static void log_write(enum log_level level, const char *format, va_list args)
{
	char line[1024];
	int used = 0;
	int wrote;

	if (!isatty(STDERR_FILENO))
		used = snprintf(line, sizeof(line), "<%d>", (int)level);
	wrote = vsnprintf(line + used, sizeof(line) - (size_t)used - 1, format, args);
	if (wrote < 0)
		return;
	used = MIN(used + wrote, (int)sizeof(line) - 2);
	line[used++] = '\n';
	if (write(STDERR_FILENO, line, (size_t)used) < 0)
		return; /* nowhere left to say so */
}

void log_line(enum log_level level, const char *format, ...)
{
	int saved = errno;
	va_list args;

	if (level == LOG_LEVEL_DEBUG && !getenv("RASTOS_DEBUG"))
		return;
	va_start(args, format);
	errno = saved;
	log_write(level, format, args);
	va_end(args);
	errno = saved;
}

void log_limited(struct log_limit *limit, enum log_level level, const char *format, ...)
{
	struct timespec now;
	va_list args;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (limit->second != (uint64_t)now.tv_sec) {
		limit->second = (uint64_t)now.tv_sec;
		limit->used = limit->used >= LOG_LIMIT_BURST ? LOG_LIMIT_BURST - 1 : 0;
		if (limit->dropped)
			log_line(level, "%u lines like the next were left out", limit->dropped);
		limit->dropped = 0;
	}
	if (limit->used >= LOG_LIMIT_BURST) {
		limit->dropped++;
		return;
	}
	limit->used++;
	va_start(args, format);
	log_write(level, format, args);
	va_end(args);
}
