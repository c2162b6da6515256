/*
 * The log on disk: plain text, "2026-11-23T10:00:00.123Z unit: text" a line, from the ring's first line on. A
 * file that would grow over `max` bytes becomes FILE.1, that one FILE.2, and so on; `keep` of them are kept.
 * The times are of the clock as it is known when the line is written.
 *
 * Lines wait in the ring, so a disk that is full or not writable yet costs nothing: one line says so, and
 * writing is tried again every few seconds.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "rinit/log.h"
#include "rinit/loop.h"

#define LOG_FILE_BATCH 4096 /* at least one line's length */

struct log_file {
	struct loop *loop;
	struct loop_timer timer; /* lines are gathered, or it is tried again */
	struct log_watcher watcher;
	struct log_cursor cursor;
	char path[PATH_MAX];
	uint64_t size, max;
	unsigned int keep;
	int fd; /* -1: not open */
	bool failing;
	char text[LOG_FILE_BATCH]; /* taken from the ring, not written yet */
	size_t length;
};

/* Begins; path is copied, its folder and that one's are made where they are missing. */
void log_file_start(struct log_file *file, struct loop *loop, const char *path, uint64_t max,
		    unsigned int keep);
/* Writes what there is, and no more: the disk will be unmounted. Fine when it was never started. */
void log_file_stop(struct log_file *file);

/* One line with its end. Pure. Returns the length. */
size_t log_file_format(const struct log_entry *entry, uint64_t time_of_day_ms, char *text, size_t size);
