#include "rinit/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/util.h"
#include "rinit/loop.h"

#define LOG_WHO_MAX 64

/* In the ring each record is this, then who, then the text. */
struct log_record {
	uint32_t time_ms;
	uint16_t text_length;
	uint8_t who_length;
	uint8_t level;
};

/* A record taken out of the ring. */
struct log_entry {
	struct log_record record;
	char who[LOG_WHO_MAX + 1];
	char text[LOG_LINE_MAX + 1];
};

/* Offsets only grow; an offset's byte is ring[offset % LOG_RING_SIZE]. */
static struct {
	char ring[LOG_RING_SIZE];
	uint64_t start; /* the oldest record */
	uint64_t end;
	bool quiet; /* the console shows only notices and warnings */

	struct loop *loop;
	struct loop_source console;
	bool console_waiting; /* for the terminal to take more */
	uint64_t shown;       /* the next record for the console */
	char line[LOG_WHO_MAX + LOG_LINE_MAX + 4];
	size_t line_length; /* what of the line the terminal has not taken yet */
} journal;

static void ring_write(uint64_t at, const void *data, size_t length)
{
	size_t offset = at % LOG_RING_SIZE;
	size_t first = MIN(length, LOG_RING_SIZE - offset);

	memcpy(journal.ring + offset, data, first);
	memcpy(journal.ring, (const char *)data + first, length - first);
}

static void ring_read(uint64_t at, void *data, size_t length)
{
	size_t offset = at % LOG_RING_SIZE;
	size_t first = MIN(length, LOG_RING_SIZE - offset);

	memcpy(data, journal.ring + offset, first);
	memcpy((char *)data + first, journal.ring, length - first);
}

static uint64_t record_end(uint64_t at, const struct log_record *record)
{
	return at + sizeof(*record) + record->who_length + record->text_length;
}

/* Returns the offset of the record after this one. */
static uint64_t entry_read(uint64_t at, struct log_entry *entry)
{
	struct log_record *record = &entry->record;

	ring_read(at, record, sizeof(*record));
	ring_read(at + sizeof(*record), entry->who, record->who_length);
	ring_read(at + sizeof(*record) + record->who_length, entry->text, record->text_length);
	entry->who[record->who_length] = '\0';
	entry->text[record->text_length] = '\0';
	return record_end(at, record);
}

static void ring_make_room(size_t length)
{
	while (journal.end + length - journal.start > LOG_RING_SIZE) {
		struct log_record oldest;

		ring_read(journal.start, &oldest, sizeof(oldest));
		journal.start = record_end(journal.start, &oldest);
	}
}

static void record_append(enum log_level level, const char *who, const char *text, size_t length)
{
	struct log_record record = {
		.time_ms = (uint32_t)clock_ms(),
		.text_length = (uint16_t)length,
		.who_length = (uint8_t)strnlen(who, LOG_WHO_MAX),
		.level = (uint8_t)level,
	};

	ring_make_room(sizeof(record) + record.who_length + length);
	ring_write(journal.end, &record, sizeof(record));
	ring_write(journal.end + sizeof(record), who, record.who_length);
	ring_write(journal.end + sizeof(record) + record.who_length, text, length);
	journal.end = record_end(journal.end, &record);
}

/* Puts the next line that the console shall show into journal.line; false when there is none. */
static bool console_next_line(void)
{
	struct log_entry entry;

	if (journal.shown < journal.start) /* too slow: these lines are gone */
		journal.shown = journal.start;
	while (journal.shown < journal.end) {
		journal.shown = entry_read(journal.shown, &entry);
		if (journal.quiet && entry.record.level < LOG_NOTICE)
			continue;
		journal.line_length = (size_t)snprintf(journal.line, sizeof(journal.line), "%s: %s\n",
						       entry.who, entry.text);
		return true;
	}
	return false;
}

static void console_wait(bool wait)
{
	if (wait == journal.console_waiting)
		return;
	journal.console_waiting = wait;
	loop_modify(journal.loop, &journal.console, wait ? EPOLLOUT : 0);
}

/* Returns false when the terminal takes no more for now. */
static bool console_write(void)
{
	while (journal.line_length || console_next_line()) {
		ssize_t written = write(journal.console.fd, journal.line, journal.line_length);

		if (written < 0 && errno == EAGAIN)
			return false;
		if (written < 0)
			written = (ssize_t)journal.line_length; /* a terminal that is gone loses the line */
		journal.line_length -= (size_t)written;
		memmove(journal.line, journal.line + written, journal.line_length);
	}
	return true;
}

static void console_ready(struct loop_source *source, uint32_t events)
{
	(void)source;
	if (events & (EPOLLHUP | EPOLLERR) && !(events & EPOLLOUT))
		loop_remove(journal.loop, &journal.console); /* epoll reports these unasked, for ever */
	else if (console_write())
		console_wait(false);
}

void log_open(struct loop *loop, int console_fd)
{
	fcntl(console_fd, F_SETFL, fcntl(console_fd, F_GETFL) | O_NONBLOCK);
	journal.loop = loop;
	journal.console = (struct loop_source){.fd = console_fd, .ready = console_ready};
	journal.console_waiting = false;
	loop_add(loop, &journal.console, 0);
	console_wait(!console_write());
}

void log_quiet(bool quiet)
{
	journal.quiet = quiet;
}

void log_flush(int timeout_ms)
{
	uint64_t deadline = clock_ms() + (uint64_t)timeout_ms;
	struct pollfd terminal = {.fd = journal.console.fd, .events = POLLOUT};

	while (journal.loop && !console_write() && clock_ms() < deadline)
		poll(&terminal, 1, timeout_ms);
}

void log_write(enum log_level level, const char *who, const char *text, size_t length)
{
	char clean[LOG_LINE_MAX];

	length = MIN(length, sizeof(clean));
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];

		clean[i] = (c < ' ' && c != '\t') || c == 0x7f ? '?' : text[i];
	}
	record_append(level, who, clean, length);
	if (journal.loop && !journal.console_waiting)
		console_wait(!console_write());
}

static void log_format(enum log_level level, const char *format, va_list args)
{
	char text[LOG_LINE_MAX];
	int length = vsnprintf(text, sizeof(text), format, args);

	if (length > 0)
		log_write(level, "rinit", text, MIN((size_t)length, sizeof(text) - 1));
}

#define LOG_FUNCTION(name, level)                                                                            \
	void name(const char *format, ...)                                                                   \
	{                                                                                                    \
		va_list args;                                                                                \
                                                                                                             \
		va_start(args, format);                                                                      \
		log_format(level, format, args);                                                             \
		va_end(args);                                                                                \
	}

LOG_FUNCTION(log_info, LOG_INFO)
LOG_FUNCTION(log_notice, LOG_NOTICE)
LOG_FUNCTION(log_warning, LOG_WARNING)

char *log_copy(const char *who, size_t *length)
{
	struct log_entry entry;
	char *text = NULL;
	FILE *stream = open_memstream(&text, length);

	if (!stream)
		return NULL;
	for (uint64_t at = journal.start; at < journal.end;) {
		at = entry_read(at, &entry);
		if (!who || !strcmp(who, entry.who))
			fprintf(stream, "[%5u.%03u] %s: %s\n", entry.record.time_ms / 1000,
				entry.record.time_ms % 1000, entry.who, entry.text);
	}
	return fclose(stream) ? (free(text), NULL) : text;
}
