#include "rinit/log_file.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/util.h"
#include "rinit/helper.h"
#include "rinit/spawn.h"

#define GATHER_MS 100
#define ENDING_MS 2000 /* for the helper to finish what it has */
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

static void text_written(struct log_file *file, size_t written)
{
	file->length -= MIN(written, file->length);
	memmove(file->text, file->text + written, file->length);
}

static void file_failed(struct log_file *file, int error)
{
	bool first = !file->failing;

	file->failing = true;
	if (error == ENOSPC || error == EDQUOT) /* what else is wrong is looked at again with the next line */
		loop_timer_set(file->loop, &file->timer, RETRY_MS);
	if (first)
		log_warning("%s: cannot write: %s; it goes on when that is over", file->path,
			    strerror(error));
}

/* False when it took no more. */
static bool answer_take(struct log_file *file, const struct log_writer_answer *answer)
{
	text_written(file, answer->written);
	if (answer->error)
		file_failed(file, -answer->error);
	else
		file->failing = false;
	return !answer->error;
}

/* ---- the helper ---- */

static void helper_close(struct log_file *file)
{
	if (file->helper.fd < 0)
		return;
	loop_remove(file->loop, &file->helper);
	close(file->helper.fd);
	file->helper.fd = -1;
	file->sent = false;
}

static void helper_answers(struct loop_source *source, uint32_t events)
{
	struct log_file *file = CONTAINER_OF(source, struct log_file, helper);
	struct log_writer_answer answer;

	(void)events;
	if (recv(source->fd, &answer, sizeof(answer), MSG_DONTWAIT) != sizeof(answer)) {
		helper_close(file);
		file->alone |= !file->proven; /* else somebody has killed it */
		loop_timer_set(file->loop, &file->timer, file->alone ? 0 : RETRY_MS);
		return;
	}
	file->sent = false;
	file->proven = true;
	if (answer_take(file, &answer) && batch_fill(file))
		loop_timer_set(file->loop, &file->timer, 0);
}

static int helper_start(struct log_file *file)
{
	static char *const environment[] = {"PATH=" SPAWN_PATH, NULL};
	char max[24], keep[16];
	char *const argv[] = {LOG_WRITER_NAME, file->path, max, keep, NULL};
	struct spawn helper = {
		.program = HELPER_PROGRAM, .argv = argv, .environment = environment, .listen_count = 1};
	int sockets[2], rc;
	pid_t pid;

	snprintf(max, sizeof(max), "%llu", (unsigned long long)file->writer.max);
	snprintf(keep, sizeof(keep), "%u", file->writer.keep);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets))
		return -errno;
	helper.listen = &sockets[1];
	rc = spawn(&helper, &pid);
	close(sockets[1]);
	if (rc) {
		close(sockets[0]);
		return rc;
	}
	file->proven = false;
	file->helper = (struct loop_source){.fd = sockets[0], .ready = helper_answers};
	return loop_add(file->loop, &file->helper, EPOLLIN);
}

static bool helper_there(struct log_file *file)
{
	if (file->helper.fd < 0 && !file->alone && helper_start(file)) {
		helper_close(file);
		file->alone = true;
	}
	return !file->alone;
}

/* ---- writing ---- */

/* What there is, by itself; at most TURN_MAX batches. */
static void write_alone(struct log_file *file)
{
	for (int i = 0; i < TURN_MAX && batch_fill(file); i++) {
		struct log_writer_answer answer = log_writer_append(&file->writer, file->text, file->length);

		if (!answer_take(file, &answer))
			return;
	}
	if (batch_fill(file))
		loop_timer_set(file->loop, &file->timer, 0);
}

static void file_turn(struct loop_timer *timer)
{
	struct log_file *file = CONTAINER_OF(timer, struct log_file, timer);

	if (file->sent)
		return;
	if (!helper_there(file))
		write_alone(file);
	else if (batch_fill(file))
		file->sent = send(file->helper.fd, file->text, file->length, MSG_DONTWAIT | MSG_NOSIGNAL) > 0;
	/* What could not be sent is, when helper_answers has seen the end of the helper. */
}

static void line_added(struct log_watcher *watcher)
{
	struct log_file *file = CONTAINER_OF(watcher, struct log_file, watcher);

	if (!file->timer.armed && !file->sent)
		loop_timer_set(file->loop, &file->timer, file->failing ? RETRY_MS : GATHER_MS);
}

void log_file_start(struct log_file *file, struct loop *loop, const char *path, uint64_t max,
		    unsigned int keep)
{
	*file = (struct log_file){.loop = loop,
				  .timer.expired = file_turn,
				  .watcher.added = line_added,
				  .helper.fd = -1,
				  .writer = {.path = file->path, .max = max, .keep = keep, .fd = -1}};
	snprintf(file->path, sizeof(file->path), "%s", path);
	log_watch(&file->watcher);
	loop_timer_set(loop, &file->timer, 0);
}

static void file_forget(struct log_file *file)
{
	log_unwatch(&file->watcher);
	loop_timer_clear(file->loop, &file->timer);
	log_writer_close(&file->writer);
	file->loop = NULL;
}

void log_file_ending(struct log_file *file)
{
	struct pollfd answer = {.fd = file->helper.fd, .events = POLLIN};
	bool hangs;

	if (!file->loop || file->alone)
		return;
	file->alone = true;
	if (file->sent && poll(&answer, 1, ENDING_MS) > 0)
		helper_answers(&file->helper, EPOLLIN);
	hangs = file->sent;
	helper_close(file);
	if (hangs) {
		file_forget(file);
		log_warning("%s: its disk does not answer: the last lines are not written", file->path);
	} else {
		loop_timer_set(file->loop, &file->timer, 0);
	}
}

void log_file_stop(struct log_file *file)
{
	log_file_ending(file);
	if (!file->loop)
		return;
	while (batch_fill(file)) {
		struct log_writer_answer answer = log_writer_append(&file->writer, file->text, file->length);

		if (!answer_take(file, &answer))
			break;
	}
	file_forget(file);
}
