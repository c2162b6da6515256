/* The wire format of exec: any bytes are frames or refused, and what a parser takes is well-formed. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/exec_wire.h"

static void check_request(const struct exec_frame *frame)
{
	struct exec_request request;
	struct exec_sender *sender;
	struct exec_frame again;

	if (exec_request_parse(frame, &request) < 0)
		return;
	if (!request.words[0] || !*request.words[0])
		abort();
	/* What was taken can be sent, and is the same bytes. */
	sender = calloc(1, sizeof(*sender));
	if (exec_send_request(sender, &request) < 0 ||
	    exec_frame_parse(sender->bytes, sender->used, &again) != (ssize_t)(EXEC_HEADER + frame->length) ||
	    memcmp(again.payload, frame->payload, frame->length) != 0)
		abort();
	free(sender);
	exec_request_free(&request);
}

static void check_exit(const struct exec_frame *frame)
{
	struct exec_exit end;

	if (exec_exit_parse(frame, &end) < 0)
		return;
	for (const char *at = end.text; *at; at++)
		if (*at < ' ' || *at > '~')
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct exec_frame frame;
	ssize_t taken;
	uint16_t rows, columns;
	uint32_t number;
	uint8_t byte;

	while ((taken = exec_frame_parse(data, size, &frame)) > 0) {
		if ((size_t)taken > size || frame.length > EXEC_PAYLOAD_MAX)
			abort();
		if (frame.type == EXEC_REQUEST)
			check_request(&frame);
		check_exit(&frame);
		exec_read_u8(&frame, &byte);
		exec_read_u32(&frame, &number);
		exec_read_window(&frame, &rows, &columns);
		data += taken;
		size -= (size_t)taken;
	}
	return 0;
}
