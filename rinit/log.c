#include "rinit/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/util.h"
#include "rinit/loop.h"

/* In the ring each record is this, then who, then the text. */
struct log_record {
	uint64_t time_ms : 48;
	uint64_t text_length : 16;
	uint8_t who_length;
	uint8_t level;
	uint8_t priority;
	bool tagged;
} __attribute__((packed));

/* Offsets only grow; an offset's byte is ring[offset % LOG_RING_SIZE]. */
static struct {
	char ring[LOG_RING_SIZE];
	uint64_t start; /* the oldest record */
	uint64_t end;
	uint64_t start_number; /* of lines that were before the oldest one */
	struct log_watcher *watchers;
	bool quiet; /* the console shows only notices and warnings */

	struct loop *loop;
	struct loop_source console;
	bool console_waiting;    /* for the terminal to take more */
	struct log_cursor shown; /* the next record for the console */
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

struct log_cursor log_oldest(void)
{
	return (struct log_cursor){.at = journal.start, .number = journal.start_number};
}

bool log_next(struct log_cursor *cursor, struct log_entry *entry, uint64_t *missed)
{
	struct log_record record;
	uint64_t at;

	if (cursor->at < journal.start) { /* too slow: these lines are gone */
		*missed += journal.start_number - cursor->number;
		*cursor = log_oldest();
	}
	at = cursor->at;
	if (at == journal.end)
		return false;
	ring_read(at, &record, sizeof(record));
	entry->time_ms = record.time_ms;
	entry->level = record.level;
	entry->priority = record.priority;
	entry->tagged = record.tagged;
	ring_read(at + sizeof(record), entry->who, record.who_length);
	ring_read(at + sizeof(record) + record.who_length, entry->text, record.text_length);
	entry->who[record.who_length] = '\0';
	entry->text[record.text_length] = '\0';
	cursor->at = record_end(at, &record);
	cursor->number++;
	return true;
}

static void ring_make_room(size_t length)
{
	while (journal.end + length - journal.start > LOG_RING_SIZE) {
		struct log_record oldest;

		ring_read(journal.start, &oldest, sizeof(oldest));
		journal.start = record_end(journal.start, &oldest);
		journal.start_number++;
	}
}

static void record_append(struct log_record record, const char *who, const char *text)
{
	size_t length = sizeof(record) + record.who_length + record.text_length;

	ring_make_room(length);
	ring_write(journal.end, &record, sizeof(record));
	ring_write(journal.end + sizeof(record), who, record.who_length);
	ring_write(journal.end + sizeof(record) + record.who_length, text, record.text_length);
	journal.end += length;
}

/* Puts the next line that the console shall show into journal.line; false when there is none. */
static bool console_next_line(void)
{
	struct log_entry entry;
	uint64_t missed = 0;

	while (log_next(&journal.shown, &entry, &missed)) {
		if (journal.quiet && entry.level < LOG_NOTICE)
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

void log_write_priority(enum log_level level, uint8_t priority, bool tagged, const char *who,
			const char *text, size_t length)
{
	char clean[LOG_LINE_MAX];

	length = MIN(length, sizeof(clean));
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];

		clean[i] = (c < ' ' && c != '\t') || c == 0x7f ? '?' : text[i];
	}
	record_append((struct log_record){.time_ms = clock_ms() & ((UINT64_C(1) << 48) - 1),
					  .text_length = (uint16_t)length,
					  .who_length = (uint8_t)strnlen(who, LOG_WHO_MAX),
					  .level = (uint8_t)level,
					  .priority = priority,
					  .tagged = tagged},
		      who, clean);
	if (journal.loop && !journal.console_waiting)
		console_wait(!console_write());
	for (struct log_watcher *watcher = journal.watchers; watcher; watcher = watcher->next)
		watcher->added(watcher);
}

void log_write(enum log_level level, const char *who, const char *text, size_t length)
{
	uint8_t severity = level == LOG_WARNING  ? PRIORITY_WARNING
			   : level == LOG_NOTICE ? PRIORITY_NOTICE
						 : PRIORITY_INFO;

	log_write_priority(level, PRIORITY_DAEMON | severity, false, who, text, length);
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

void log_watch(struct log_watcher *watcher)
{
	watcher->next = journal.watchers;
	journal.watchers = watcher;
}

void log_unwatch(struct log_watcher *watcher)
{
	struct log_watcher **at = &journal.watchers;

	while (*at && *at != watcher)
		at = &(*at)->next;
	if (*at)
		*at = watcher->next;
}

uint64_t log_time_of_day(uint64_t time_ms)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000 - (clock_ms() - time_ms);
}

/* Years begin in March here, so that the leap day is the last one: a year has 365 days and what was leapt. */
struct log_date log_date(uint64_t time_of_day_ms)
{
	uint64_t of_day = time_of_day_ms / 1000 % 86400,
		 days = time_of_day_ms / 86400000 + 719468; /* since 0-3-1 */
	uint64_t era = days / 146097, day = days % 146097;  /* of 400 years */
	uint64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	uint64_t month;

	day -= 365 * year + year / 4 - year / 100;
	month = (5 * day + 2) / 153; /* 153 days in five months */
	return (struct log_date){
		.year = (unsigned int)(era * 400 + year + (month >= 10)),
		.month = (unsigned int)(month < 10 ? month + 3 : month - 9),
		.day = (unsigned int)(day - (153 * month + 2) / 5 + 1),
		.hour = (unsigned int)(of_day / 3600),
		.minute = (unsigned int)(of_day / 60 % 60),
		.second = (unsigned int)(of_day % 60),
		.ms = (unsigned int)(time_of_day_ms % 1000),
	};
}

char *log_copy(const char *who, size_t *length)
{
	struct log_cursor cursor = log_oldest();
	struct log_entry entry;
	uint64_t missed = 0;
	char *text = NULL;
	FILE *stream = open_memstream(&text, length);

	if (!stream)
		return NULL;
	while (log_next(&cursor, &entry, &missed))
		if (!who || !strcmp(who, entry.who))
			fprintf(stream, "[%5u.%03u] %s: %s\n", (unsigned int)(entry.time_ms / 1000),
				(unsigned int)(entry.time_ms % 1000), entry.who, entry.text);
	return fclose(stream) ? (free(text), NULL) : text;
}
