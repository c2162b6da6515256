/*
 * What `rastos-vmm exec` and the helper in the guest that runs the command say to each other, over one
 * stream: the guest's vsock port EXEC_PORT, to which the host connects.
 *
 *      frame:  type, three zeros, length of the payload (32 bits, little endian as all numbers here), payload
 *
 *      host -> guest                                        guest -> host
 *      REQUEST  what to run, once and first                 OUTPUT  bytes of the command's standard output
 *      INPUT    bytes of its standard input; none: the end  ERROR   bytes of its standard error; not with a
 * terminal WINDOW   rows, columns (16 bits each)                CREDIT  bytes (32 bits) that INPUT may have
 * more SIGNAL   number (8 bits)                             EXIT    how it ended, once and last
 *
 * INPUT starts with EXEC_WINDOW bytes of credit, so that a command that does not read keeps neither a signal
 * nor a window's size from arriving. OUTPUT and ERROR need none: who does not read the stream stops the
 * command. A host that goes away ends the command.
 *
 *      REQUEST payload: version (8 bits), flags (8), rows (16), columns (16), words (16), variables (16),
 * then texts that end with a zero: user, folder, words, variables. Empty user and folder: who the helper is,
 * root, and /. EXIT payload: enum exec_end (8 bits), status, signal or exit status (8 bits), then for
 * EXEC_FAILED a sentence.
 *
 * Both sides take the other for an enemy: nothing is longer than EXEC_PAYLOAD_MAX, and a frame that is
 * malformed ends the conversation (-EPROTO). No threads, no locks; nothing here waits.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define EXEC_PORT        9998
#define EXEC_VERSION     1
#define EXEC_HEADER      8
#define EXEC_PAYLOAD_MAX 65536
#define EXEC_FRAME_MAX   (EXEC_HEADER + EXEC_PAYLOAD_MAX)
#define EXEC_WINDOW      65536
#define EXEC_WORDS_MAX   4096 /* of the command, and of its environment, together */
#define EXEC_TEXT_MAX    256  /* of a sentence */

/* Exit statuses of EXEC_FAILED, as shells have them. */
#define EXEC_NOT_RUNNABLE 126
#define EXEC_NOT_FOUND    127

enum exec_type {
	EXEC_REQUEST = 1,
	EXEC_INPUT = 2,
	EXEC_WINDOW_SIZE = 3,
	EXEC_SIGNAL = 4,
	EXEC_OUTPUT = 16,
	EXEC_ERROR = 17,
	EXEC_CREDIT = 18,
	EXEC_EXIT = 19,
};

/* ---- frames ---- */

struct exec_frame {
	enum exec_type type;
	size_t length;
	const uint8_t *payload; /* valid until the next exec_receive */
};

/* Pure. The bytes that the first frame takes, 0 when it is not whole yet, -EPROTO when it never will be. */
ssize_t exec_frame_parse(const uint8_t *data, size_t length, struct exec_frame *frame);

struct exec_receiver { /* zero it */
	size_t start, used;
	uint8_t bytes[EXEC_FRAME_MAX];
};

/* Reads once: the number of bytes, 0 at the stream's end, -EAGAIN or another negative errno. */
ssize_t exec_receive(struct exec_receiver *receiver, int fd);
/* The next frame that is whole: 1, 0 when there is none, -EPROTO. */
int exec_next(struct exec_receiver *receiver, struct exec_frame *frame);

struct exec_sender { /* zero it */
	size_t start, used;
	uint8_t bytes[2 * EXEC_FRAME_MAX];
};

/* The longest payload that may be added now; at least EXEC_PAYLOAD_MAX when nothing waits. */
size_t exec_sender_room(const struct exec_sender *sender);
/* 0, or -ENOBUFS when there is no room. */
int exec_send(struct exec_sender *sender, enum exec_type type, const void *payload, size_t length);
int exec_send_u8(struct exec_sender *sender, enum exec_type type, uint8_t number);
int exec_send_u32(struct exec_sender *sender, enum exec_type type, uint32_t number);
int exec_send_window(struct exec_sender *sender, uint16_t rows, uint16_t columns);
/* Writes what goes: 0, or a negative errno but for -EAGAIN. */
int exec_flush(struct exec_sender *sender, int fd);

/* ---- payloads; all of these are pure ---- */

int exec_read_u8(const struct exec_frame *frame, uint8_t *number); /* 0 or -EPROTO */
int exec_read_u32(const struct exec_frame *frame, uint32_t *number);
int exec_read_window(const struct exec_frame *frame, uint16_t *rows, uint16_t *columns);

struct exec_request {
	bool tty, input; /* a terminal of its own; INPUT will come */
	uint16_t rows, columns;
	const char *user, *folder; /* "": who the helper is, which is root, and / */
	char **words, **variables; /* end with NULL; at least one word, which is not empty */
	char *texts;               /* of one that was parsed: what the others point into */
};

/* 0, -E2BIG when it is too long, -EINVAL when there is no command. */
int exec_send_request(struct exec_sender *sender, const struct exec_request *request);
/* 0, -EPROTO, -EPROTONOSUPPORT when it is of another version, or -ENOMEM. */
int exec_request_parse(const struct exec_frame *frame, struct exec_request *request);
void exec_request_free(struct exec_request *request); /* of one that was parsed, or of zeros */

enum exec_end {
	EXEC_EXITED,   /* by itself */
	EXEC_SIGNALED, /* by a signal */
	EXEC_FAILED,   /* it never ran */
};

struct exec_exit {
	enum exec_end end;
	uint8_t number;
	char text[EXEC_TEXT_MAX]; /* printable characters only, whoever sent it */
};

int exec_send_exit(struct exec_sender *sender, const struct exec_exit *end);
int exec_exit_parse(const struct exec_frame *frame, struct exec_exit *end); /* 0 or -EPROTO */
