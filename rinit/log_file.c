#include "rinit/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/util.h"

#define GATHER_MS 100
#define RETRY_MS  2000
#define TURN_MAX  16 /* batches; then others have their turn */

size_t log_file_format(const struct log_entry *entry, uint64_t time_of_day_ms, char *text, size_t size)
{
	struct log_date date = log_date(time_of_day_ms);
	bool named = entry->tagged && !strncmp(entry->text, entry->who, strlen(entry->who));
	int length = snprintf(text, size, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ %s%s%s\n", date.year,
			      date.month, date.day, date.hour, date.minute, date.second, date.ms,
			      named ? "" : entry->who, named ? "" : ": ", entry->text);

	return MIN((size_t)MAX(length, 0), size - 1);
}

/* Its folder, and the one that is in. 0, or why one could not be made. */
static int parents_make(const char *path)
{
	char folder[PATH_MAX];
	char *ends[2];
	int rc = 0;

	snprintf(folder, sizeof(folder), "%s", path);
	for (int i = 0; i < 2; i++) {
		ends[i] = strrchr(folder, '/');
		if (ends[i])
			*ends[i] = '\0';
	}
	for (int i = 1; i >= 0; i--) {
		if (*folder && mkdir(folder, 0755) && errno != EEXIST && !rc)
			rc = -errno;
		if (ends[i])
			*ends[i] = '/';
	}
	return rc;
}

static int file_open(struct log_file *file)
{
	struct stat status;
	int rc = parents_make(file->path);

	/* O_NONBLOCK: a FIFO there must not hold PID 1 up */
	file->fd =
		open(file->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0640);
	if (file->fd < 0)
		return rc && errno == ENOENT ? rc : -errno;
	file->size = fstat(file->fd, &status) ? 0 : (uint64_t)status.st_size;
	return 0;
}

static void file_close(struct log_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
}

static void numbered(const struct log_file *file, unsigned int number, char *name)
{
	if (number)
		snprintf(name, PATH_MAX + 16, "%s.%u", file->path, number);
	else
		snprintf(name, PATH_MAX + 16, "%s", file->path);
}

static int file_rotate(struct log_file *file)
{
	char from[PATH_MAX + 16], to[PATH_MAX + 16];

	file_close(file);
	if (!file->keep)
		unlink(file->path);
	for (unsigned int i = file->keep; i; i--) {
		numbered(file, i - 1, from);
		numbered(file, i, to);
		rename(from, to);
	}
	return file_open(file);
}

static size_t missed_format(uint64_t missed, char *text, size_t size)
{
	struct log_entry entry = {.time_ms = clock_ms(), .who = "rinit"};

	snprintf(entry.text, sizeof(entry.text), "%llu lines came too fast and are lost here",
		 (unsigned long long)missed);
	return log_file_format(&entry, log_time_of_day(entry.time_ms), text, size);
}

/* Takes lines from the ring while they fit; false when there is nothing to write. */
static bool batch_fill(struct log_file *file)
{
	uint64_t missed = 0;
	struct log_entry entry;

	while (sizeof(file->text) - file->length >= 2 * (LOG_LINE_MAX + LOG_WHO_MAX) &&
	       log_next(&file->cursor, &entry, &missed)) {
		char *at = file->text + file->length;
		size_t room = sizeof(file->text) - file->length;

		if (missed) {
			file->length += missed_format(missed, at, room);
			at = file->text + file->length;
			room = sizeof(file->text) - file->length;
			missed = 0;
		}
		file->length += log_file_format(&entry, log_time_of_day(entry.time_ms), at, room);
	}
	return file->length > 0;
}

/* 0, or a negative errno when it takes no more. */
static int batch_write(struct log_file *file)
{
	ssize_t written;
	int rc = 0;

	if (file->fd < 0)
		rc = file_open(file);
	if (!rc && file->size && file->size + file->length > file->max)
		rc = file_rotate(file);
	if (rc)
		return rc;
	written = write(file->fd, file->text, file->length);
	if (written < 0)
		return -errno;
	file->size += (size_t)written;
	file->length -= (size_t)written;
	memmove(file->text, file->text + written, file->length);
	return file->length ? -ENOSPC : 0;
}

static void file_failed(struct log_file *file, int error)
{
	bool first = !file->failing;

	file_close(file); /* it may be another file, or another disk, next time */
	file->failing = true;
	if (error == ENOSPC || error == EDQUOT) /* what else is wrong is looked at again with the next line */
		loop_timer_set(file->loop, &file->timer, RETRY_MS);
	if (first)
		log_warning("%s: cannot write: %s; it goes on when that is over", file->path,
			    strerror(error));
}

static void file_turn(struct loop_timer *timer)
{
	struct log_file *file = CONTAINER_OF(timer, struct log_file, timer);

	for (int i = 0; i < TURN_MAX && batch_fill(file); i++) {
		int rc = batch_write(file);

		if (rc) {
			file_failed(file, -rc);
			return;
		}
		file->failing = false;
	}
	if (file->length || batch_fill(file))
		loop_timer_set(file->loop, &file->timer, 0);
}

static void line_added(struct log_watcher *watcher)
{
	struct log_file *file = CONTAINER_OF(watcher, struct log_file, watcher);

	if (!file->timer.armed)
		loop_timer_set(file->loop, &file->timer, file->failing ? RETRY_MS : GATHER_MS);
}

void log_file_start(struct log_file *file, struct loop *loop, const char *path, uint64_t max,
		    unsigned int keep)
{
	*file = (struct log_file){.loop = loop,
				  .timer.expired = file_turn,
				  .watcher.added = line_added,
				  .max = max,
				  .keep = keep,
				  .fd = -1};
	snprintf(file->path, sizeof(file->path), "%s", path);
	log_watch(&file->watcher);
	loop_timer_set(loop, &file->timer, 0);
}

void log_file_stop(struct log_file *file)
{
	if (!file->loop)
		return;
	log_unwatch(&file->watcher);
	loop_timer_clear(file->loop, &file->timer);
	while (batch_fill(file) && !batch_write(file))
		;
	file_close(file);
	file->loop = NULL;
}
