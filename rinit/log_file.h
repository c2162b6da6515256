/*
 * The log on disk: plain text, "2026-11-23T10:00:00.123Z unit: text" a line, from the ring's first line on,
 * in a file that log_writer.h rotates. The times are of the clock as it is known when the line is written.
 *
 * A helper writes, since a disk may hang and PID 1 must not: it gets a batch at a time and says how much of
 * it is in the file. Meanwhile lines wait in the ring, so a disk that is slow, full or not writable yet costs
 * nothing: one line says so, and writing is tried again every few seconds. A helper that was killed is
 * started again and gets the same batch. From log_file_ending on, and where there is no rinitctl to be the
 * helper, PID 1 writes by itself.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "rinit/log.h"
#include "rinit/log_writer.h"
#include "rinit/loop.h"

struct log_file {
	struct loop *loop;
	struct loop_timer timer; /* lines are gathered, or it is tried again */
	struct log_watcher watcher;
	struct log_cursor cursor;
	char path[PATH_MAX];
	struct log_writer writer;  /* for what PID 1 writes by itself */
	struct loop_source helper; /* its socket; -1: none */
	bool alone;                /* no helper any more */
	bool proven;               /* this helper has answered before */
	bool sent;                 /* the helper has text and has not answered */
	bool failing;
	char text[LOG_WRITER_BATCH_MAX]; /* taken from the ring, not in the file yet */
	size_t length;
};

/* Begins; path is copied. */
void log_file_start(struct log_file *file, struct loop *loop, const char *path, uint64_t max,
		    unsigned int keep);
/* Before processes are killed: the helper ends. What a hanging disk has not taken by then is lost. Fine when
 * it was never started. */
void log_file_ending(struct log_file *file);
/* Writes what there is, and no more: the disk will be unmounted. Fine when it was never started. */
void log_file_stop(struct log_file *file);

/* One line with its end. Pure. Returns the length. */
size_t log_file_format(const struct log_entry *entry, uint64_t time_of_day_ms, char *text, size_t size);
