#include "vmm/guest/console_log.h"

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/util.h"
#include "vmm/guest/fixed_file.h"

#define PAGE_BYTES 4096

_Static_assert(sizeof(struct console_log) == CONSOLE_LOG_SIZE, "the file is the struct");

struct console_log *console_log_map(int fd, struct error *err)
{
	return fixed_file_map(fd, CONSOLE_LOG_SIZE, err);
}

void console_log_unmap(struct console_log *log)
{
	if (log)
		munmap(log, CONSOLE_LOG_SIZE);
}

/* The first byte of each page makes sure of the page: a full disk must not stop the guest. */
static bool page_writable(uint8_t *at)
{
	return (uintptr_t)at % PAGE_BYTES || fixed_file_reserve(at, 1) == 0;
}

void console_log_add(struct console_log *log, const uint8_t *data, size_t len)
{
	uint64_t head = le64toh(log->head) & CONSOLE_LOG_HEAD_MAX;

	for (size_t done = 0; done < len;) {
		size_t start = head % CONSOLE_LOG_BYTES;
		size_t page = MIN(PAGE_BYTES - start % PAGE_BYTES, CONSOLE_LOG_BYTES - start);
		size_t part = MIN(len - done, page);

		if (!page_writable(log->ring + start))
			break; /* what does not fit is lost; the next output tries again */
		memcpy(log->ring + start, data + done, part);
		head += part;
		done += part;
	}
	/* A reader that sees the head sees the bytes before it. */
	__atomic_store_n(&log->head, htole64(head), __ATOMIC_RELEASE);
}

void console_log_range(int fd, uint64_t *oldest, uint64_t *head)
{
	uint64_t raw;

	*oldest = *head = 0;
	if (pread(fd, &raw, sizeof(raw), offsetof(struct console_log, head)) != sizeof(raw))
		return;
	*head = le64toh(raw) & CONSOLE_LOG_HEAD_MAX;
	*oldest = *head > CONSOLE_LOG_BYTES ? *head - CONSOLE_LOG_BYTES : 0;
}

ssize_t console_log_read(int fd, uint64_t from, char *text, size_t len)
{
	size_t start = from % CONSOLE_LOG_BYTES;
	ssize_t got = pread(fd, text, MIN(len, CONSOLE_LOG_BYTES - start), (off_t)start);

	return got < 0 ? -errno : got;
}
