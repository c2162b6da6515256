/*
 * A log file that is appended to and rotated: a file that would grow over `max` bytes becomes FILE.1, that
 * one FILE.2, and so on; `keep` of them are kept. And the helper that does this beside PID 1, since a disk
 * may hang.
 *
 * The helper's descriptor LOG_WRITER_SOCKET is a SOCK_SEQPACKET socket: a packet is text to append, and is
 * answered with one struct log_writer_answer. It ends when the other side closes.
 */
#pragma once

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_WRITER_NAME      "rinit-log" /* FILE MAX KEEP */
#define LOG_WRITER_SOCKET    3           /* as sd_listen_fds(3) has them */
#define LOG_WRITER_BATCH_MAX 4096        /* bytes of one packet */

struct log_writer {
	const char *path; /* not its own */
	uint64_t size, max;
	unsigned int keep;
	int fd; /* -1: not open */
};

struct log_writer_answer {
	int32_t error;    /* 0, or a negative errno when it took no more */
	uint32_t written; /* bytes, from the packet's beginning; those are in the file */
};

/* Appends text; the file, its folder and that one's are made where they are missing. May block as long as the
 * disk does. After an error the file is closed: it may be another one, or another disk, next time. */
struct log_writer_answer log_writer_append(struct log_writer *writer, const char *text, size_t length);
void log_writer_close(struct log_writer *writer);

int log_writer_main(int argc, char **argv);
