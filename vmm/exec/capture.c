#include "vmm/exec/capture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/util.h"

#define CHUNK      4096
#define GREETING   32 /* "OK 4294967295\n" */
#define FIRST_ROOM 4096

struct kept {
	char *bytes;
	size_t length, room;
	bool cut;
};

struct capture {
	struct capture_config config;
	struct loop_source source;
	char greeting[GREETING];
	size_t greeted; /* bytes of it */
	bool talks;     /* the greeting is over */
	char *input;
	size_t input_length, input_sent;
	bool input_over; /* its end was sent */
	uint32_t credit;
	struct kept output, error;
	struct exec_exit end;
	struct loop_timer pause; /* then it is listened to again */
	bool paused;
	uint64_t share_ns; /* CLOCK_MONOTONIC, since when share_bytes came */
	size_t share_bytes;
	struct exec_receiver receiver;
	struct exec_sender sender;
};

/* --- What the command prints --- */

static void keep(struct kept *kept, const uint8_t *bytes, size_t length)
{
	size_t taken = MIN(length, CAPTURE_MAX - kept->length);

	kept->cut = kept->cut || taken < length;
	if (kept->length + taken + 1 > kept->room) {
		size_t needed = MAX(kept->length + taken + 1, (size_t)FIRST_ROOM);
		size_t room = MAX(kept->room * 2, needed);
		char *more = realloc(kept->bytes, room);

		if (!more) {
			kept->cut = true;
			return;
		}
		kept->bytes = more;
		kept->room = room;
	}
	memcpy(kept->bytes + kept->length, bytes, taken);
	kept->length += taken;
	kept->bytes[kept->length] = '\0';
}

static int take_credit(struct capture *capture, const struct exec_frame *frame)
{
	uint32_t more;

	if (exec_read_u32(frame, &more) < 0 || more > EXEC_WINDOW - capture->credit)
		return -EPROTO;
	capture->credit += more;
	return 0;
}

/* 1 when the command has ended. */
static int take_frame(struct capture *capture, const struct exec_frame *frame)
{
	switch (frame->type) {
	case EXEC_OUTPUT:
		keep(&capture->output, frame->payload, frame->length);
		return 0;
	case EXEC_ERROR:
		keep(&capture->error, frame->payload, frame->length);
		return 0;
	case EXEC_CREDIT:
		return take_credit(capture, frame);
	case EXEC_EXIT:
		return exec_exit_parse(frame, &capture->end) < 0 ? -EPROTO : 1;
	default:
		return -EPROTO;
	}
}

/* --- Its share of the loop --- */

static void watch(struct capture *capture)
{
	loop_modify(capture->config.loop, &capture->source,
		    (capture->paused ? 0 : (uint32_t)EPOLLIN) |
			    (capture->sender.used ? (uint32_t)EPOLLOUT : 0));
}

static void pause_over(struct loop_timer *timer)
{
	struct capture *capture = CONTAINER_OF(timer, struct capture, pause);

	capture->paused = false;
	watch(capture);
}

static void count(struct capture *capture, size_t bytes)
{
	uint64_t now = monotonic_ns();

	if (now - capture->share_ns >= CAPTURE_SHARE_NS) {
		capture->share_ns = now;
		capture->share_bytes = 0;
	}
	capture->share_bytes += bytes;
	if (capture->share_bytes > CAPTURE_SHARE && !capture->paused)
		capture->paused = loop_timer_set(&capture->pause, CAPTURE_SHARE_NS, 0) == 0;
}

/* Reads once; 1 when the command has ended. */
static int receive(struct capture *capture)
{
	ssize_t got = exec_receive(&capture->receiver, capture->source.fd);
	struct exec_frame frame;
	int code = 0;

	if (got == -EAGAIN || got == -EINTR)
		return 0;
	if (got <= 0)
		return -ECONNRESET;
	count(capture, (size_t)got);
	while (code == 0 && (code = exec_next(&capture->receiver, &frame)) > 0)
		code = take_frame(capture, &frame);
	return code;
}

/* --- The device's line --- */

/* Byte by byte: what follows is the helper's. 1 when it is over. */
static int take_greeting(struct capture *capture)
{
	while (capture->greeted < sizeof(capture->greeting)) {
		char *place = capture->greeting + capture->greeted;
		ssize_t got = read(capture->source.fd, place, 1);

		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			return 0;
		if (got <= 0)
			return -EPIPE;
		capture->greeted++;
		if (*place == '\n')
			return strncmp(capture->greeting, "OK ", 3) == 0 ? 1 : -EPROTO;
	}
	return -EPROTO;
}

/* --- What the command reads --- */

static void send_input(struct capture *capture)
{
	while (!capture->input_over && exec_sender_room(&capture->sender) >= CHUNK) {
		size_t left = capture->input_length - capture->input_sent;
		size_t most = MIN((size_t)CHUNK, (size_t)capture->credit);
		size_t length = MIN(left, most);

		if (left && !length)
			return; /* the command has to read first */
		exec_send(&capture->sender, EXEC_INPUT, capture->input + capture->input_sent, length);
		capture->input_sent += length;
		capture->credit -= (uint32_t)length;
		capture->input_over = left == 0;
	}
}

/* A guest that takes no more may still say how the command ended. */
static void flush(struct capture *capture)
{
	send_input(capture);
	if (exec_flush(&capture->sender, capture->source.fd) < 0) {
		capture->sender.used = 0;
		capture->input_over = true;
	}
	watch(capture);
}

/* --- Both --- */

static void connection_ready(struct loop_source *source, uint32_t events)
{
	struct capture *capture = CONTAINER_OF(source, struct capture, source);
	int code = 0;

	if (!capture->talks) {
		code = take_greeting(capture);
		capture->talks = code > 0;
	} else if (events & ~(uint32_t)EPOLLOUT) {
		code = receive(capture);
		if (code > 0)
			capture->config.ended(capture->config.owner, 0, &capture->end);
		if (code > 0)
			return;
	}
	if (code < 0)
		capture->config.ended(capture->config.owner, code, &capture->end);
	else if (capture->talks)
		flush(capture);
}

int capture_begin(const struct capture_config *config, struct capture **result, struct error *err)
{
	struct capture *capture = calloc(1, sizeof(*capture));
	char *input = config->input_length ? malloc(config->input_length) : NULL;
	int code;

	if (!capture || (config->input_length && !input)) {
		free(capture);
		free(input);
		close(config->connection);
		return error_set(err, -ENOMEM, "out of memory");
	}
	if (input)
		memcpy(input, config->input, config->input_length);
	capture->config = *config;
	capture->input = input;
	capture->input_length = config->input_length;
	capture->input_over = !config->request->input;
	capture->credit = EXEC_WINDOW;
	capture->source = (struct loop_source){
		.fd = config->connection,
		.events = EPOLLIN,
		.ready = connection_ready,
	};
	code = loop_timer_init(config->loop, &capture->pause, pause_over);
	if (code < 0) {
		capture->pause.source.fd = -1;
		capture_close(capture);
		return error_set(err, code, "cannot make a timer: %s", strerror(-code));
	}
	code = exec_send_request(&capture->sender, config->request);
	if (code < 0)
		error_set(err, code,
			  code == -E2BIG ? "the command and its environment are too long"
					 : "there is no command");
	else if ((code = loop_add(config->loop, &capture->source)) < 0)
		error_set(err, code, "cannot watch the connection: %s", strerror(-code));
	if (code < 0)
		capture_close(capture);
	else
		*result = capture;
	return code;
}

static struct capture_output output_of(const struct kept *kept)
{
	return (struct capture_output){.bytes = kept->bytes, .length = kept->length, .cut = kept->cut};
}

void capture_output(const struct capture *capture, struct capture_output *output,
		    struct capture_output *error)
{
	*output = output_of(&capture->output);
	*error = output_of(&capture->error);
}

void capture_close(struct capture *capture)
{
	if (!capture)
		return;
	loop_remove(capture->config.loop, &capture->source);
	loop_timer_close(capture->config.loop, &capture->pause);
	close(capture->source.fd);
	free(capture->input);
	free(capture->output.bytes);
	free(capture->error.bytes);
	free(capture);
}
