/*
 * What a guest printed on its console, as its runtime folder keeps it: the newest CONSOLE_LOG_BYTES of it,
 * over all of its starts, in a file of fixed size (fixed_file.h).
 *
 *      | ring: byte n of all that ever came is at n modulo CONSOLE_LOG_BYTES ... | head: how many came |
 *
 * The guest process writes, the manager reads, at the same time; the process may be its guest's, so nothing
 * that is read is believed. The head is little-endian and at most CONSOLE_LOG_HEAD_MAX, which a double holds.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"

#define CONSOLE_LOG_NAME     "console.log"
#define CONSOLE_LOG_SIZE     (512 * 1024)
#define CONSOLE_LOG_BYTES    (CONSOLE_LOG_SIZE - sizeof(uint64_t))
#define CONSOLE_LOG_HEAD_MAX ((1ULL << 53) - 1)

struct console_log {
	uint8_t ring[CONSOLE_LOG_BYTES];
	uint64_t head;
};

/* Takes fd, from fixed_file_open. NULL on failure. */
struct console_log *console_log_map(int fd, struct error *err);
void console_log_unmap(struct console_log *log); /* NULL is allowed */
/* What a full file system has no room for is left out. */
void console_log_add(struct console_log *log, const uint8_t *data, size_t len);

/* The places of the oldest byte that a log still has and of the next one to come; 0 and 0 when it is none. */
void console_log_range(int fd, uint64_t *oldest, uint64_t *head);
/* Bytes from a place on which is in that range: at most len, fewer where the ring ends. -errno. */
ssize_t console_log_read(int fd, uint64_t from, char *text, size_t len);
