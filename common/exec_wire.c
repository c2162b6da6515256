#include "common/exec_wire.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define FLAG_TTY   1
#define FLAG_INPUT 2

struct request_head {
	uint8_t version, flags;
	uint16_t rows, columns, words, variables;
} __attribute__((packed));

/* ---- frames ---- */

static bool type_is_known(uint8_t type)
{
	return (type >= EXEC_REQUEST && type <= EXEC_SIGNAL) || (type >= EXEC_OUTPUT && type <= EXEC_EXIT);
}

ssize_t exec_frame_parse(const uint8_t *data, size_t length, struct exec_frame *frame)
{
	uint32_t payload;

	if (length < EXEC_HEADER)
		return 0;
	memcpy(&payload, data + 4, sizeof(payload));
	payload = le32toh(payload);
	if (!type_is_known(data[0]) || data[1] || data[2] || data[3] || payload > EXEC_PAYLOAD_MAX)
		return -EPROTO;
	if (length - EXEC_HEADER < payload)
		return 0;
	*frame = (struct exec_frame){
		.type = (enum exec_type)data[0],
		.length = payload,
		.payload = data + EXEC_HEADER,
	};
	return (ssize_t)(EXEC_HEADER + payload);
}

ssize_t exec_receive(struct exec_receiver *receiver, int fd)
{
	ssize_t got;

	memmove(receiver->bytes, receiver->bytes + receiver->start, receiver->used);
	receiver->start = 0;
	got = recv(fd, receiver->bytes + receiver->used, sizeof(receiver->bytes) - receiver->used,
		   MSG_DONTWAIT);
	if (got < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	receiver->used += (size_t)got;
	return got;
}

int exec_next(struct exec_receiver *receiver, struct exec_frame *frame)
{
	ssize_t taken = exec_frame_parse(receiver->bytes + receiver->start, receiver->used, frame);

	if (taken <= 0)
		return (int)taken;
	receiver->start += (size_t)taken;
	receiver->used -= (size_t)taken;
	return 1;
}

size_t exec_sender_room(const struct exec_sender *sender)
{
	size_t room = sizeof(sender->bytes) - sender->used;

	if (room <= EXEC_HEADER)
		return 0;
	return room - EXEC_HEADER < EXEC_PAYLOAD_MAX ? room - EXEC_HEADER : EXEC_PAYLOAD_MAX;
}

int exec_send(struct exec_sender *sender, enum exec_type type, const void *payload, size_t length)
{
	uint8_t header[EXEC_HEADER] = {(uint8_t)type};
	uint32_t number = htole32((uint32_t)length);
	uint8_t *at;

	if (sizeof(sender->bytes) - sender->used < EXEC_HEADER || length > exec_sender_room(sender))
		return -ENOBUFS;
	memmove(sender->bytes, sender->bytes + sender->start, sender->used);
	sender->start = 0;
	at = sender->bytes + sender->used;
	memcpy(header + 4, &number, sizeof(number));
	memcpy(at, header, sizeof(header));
	if (length)
		memcpy(at + sizeof(header), payload, length);
	sender->used += sizeof(header) + length;
	return 0;
}

int exec_send_u8(struct exec_sender *sender, enum exec_type type, uint8_t number)
{
	return exec_send(sender, type, &number, sizeof(number));
}

int exec_send_u32(struct exec_sender *sender, enum exec_type type, uint32_t number)
{
	number = htole32(number);
	return exec_send(sender, type, &number, sizeof(number));
}

int exec_send_window(struct exec_sender *sender, uint16_t rows, uint16_t columns)
{
	uint16_t size[2] = {htole16(rows), htole16(columns)};

	return exec_send(sender, EXEC_WINDOW_SIZE, size, sizeof(size));
}

int exec_flush(struct exec_sender *sender, int fd)
{
	while (sender->used) {
		ssize_t sent =
			send(fd, sender->bytes + sender->start, sender->used, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return errno == EAGAIN ? 0 : -errno;
		sender->start += (size_t)sent;
		sender->used -= (size_t)sent;
	}
	return 0;
}

/* ---- payloads ---- */

int exec_read_u8(const struct exec_frame *frame, uint8_t *number)
{
	if (frame->length != sizeof(*number))
		return -EPROTO;
	*number = frame->payload[0];
	return 0;
}

int exec_read_u32(const struct exec_frame *frame, uint32_t *number)
{
	if (frame->length != sizeof(*number))
		return -EPROTO;
	memcpy(number, frame->payload, sizeof(*number));
	*number = le32toh(*number);
	return 0;
}

int exec_read_window(const struct exec_frame *frame, uint16_t *rows, uint16_t *columns)
{
	uint16_t size[2];

	if (frame->length != sizeof(size))
		return -EPROTO;
	memcpy(size, frame->payload, sizeof(size));
	*rows = le16toh(size[0]);
	*columns = le16toh(size[1]);
	return 0;
}

/* Appends the text with its zero; false when there is no room. */
static bool text_add(uint8_t *payload, size_t *used, const char *text)
{
	size_t length = strlen(text) + 1;

	if (length > EXEC_PAYLOAD_MAX - *used)
		return false;
	memcpy(payload + *used, text, length);
	*used += length;
	return true;
}

static bool texts_add(uint8_t *payload, size_t *used, char *const *texts, uint16_t *count)
{
	size_t number = 0;

	for (; texts[number]; number++) {
		if (number == EXEC_WORDS_MAX || !text_add(payload, used, texts[number]))
			return false;
	}
	*count = htole16((uint16_t)number);
	return true;
}

int exec_send_request(struct exec_sender *sender, const struct exec_request *request)
{
	struct request_head head = {
		.version = EXEC_VERSION,
		.flags = (uint8_t)((request->tty ? FLAG_TTY : 0) | (request->input ? FLAG_INPUT : 0)),
		.rows = htole16(request->rows),
		.columns = htole16(request->columns),
	};
	uint16_t words, variables;
	size_t used = sizeof(head);
	uint8_t *payload;
	int code = -E2BIG;

	if (!request->words[0] || !*request->words[0])
		return -EINVAL;
	payload = malloc(EXEC_PAYLOAD_MAX);
	if (!payload)
		return -ENOMEM;
	if (text_add(payload, &used, request->user) && text_add(payload, &used, request->folder) &&
	    texts_add(payload, &used, request->words, &words) &&
	    texts_add(payload, &used, request->variables, &variables)) {
		head.words = words;
		head.variables = variables;
		memcpy(payload, &head, sizeof(head));
		code = exec_send(sender, EXEC_REQUEST, payload, used);
	}
	free(payload);
	return code;
}

/* The next text, and *at behind it; NULL when there is no zero before end. */
static char *text_take(char **at, const char *end)
{
	char *text = *at;
	char *zero = memchr(text, '\0', (size_t)(end - text));

	if (!zero)
		return NULL;
	*at = zero + 1;
	return text;
}

static int texts_take(char **at, const char *end, size_t count, char ***texts)
{
	*texts = calloc(count + 1, sizeof(**texts));
	if (!*texts)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		(*texts)[i] = text_take(at, end);
		if (!(*texts)[i])
			return -EPROTO;
	}
	return 0;
}

static int request_take(const struct request_head *head, const struct exec_frame *frame,
			struct exec_request *request)
{
	size_t length = frame->length - sizeof(*head);
	size_t words = le16toh(head->words), variables = le16toh(head->variables);
	const char *end;
	char *at;
	int code;

	if (!words || words > EXEC_WORDS_MAX || variables > EXEC_WORDS_MAX || head->flags > 3)
		return -EPROTO;
	request->texts = at = malloc(length + 1); /* never nothing */
	if (!at)
		return -ENOMEM;
	memcpy(at, frame->payload + sizeof(*head), length);
	end = at + length;
	request->user = text_take(&at, end);
	request->folder = request->user ? text_take(&at, end) : NULL;
	if (!request->folder)
		return -EPROTO;
	code = texts_take(&at, end, words, &request->words);
	if (code == 0)
		code = texts_take(&at, end, variables, &request->variables);
	return code == 0 && (at != end || !*request->words[0]) ? -EPROTO : code;
}

int exec_request_parse(const struct exec_frame *frame, struct exec_request *request)
{
	struct request_head head;
	int code;

	*request = (struct exec_request){0};
	if (frame->length && frame->payload[0] != EXEC_VERSION)
		return -EPROTONOSUPPORT;
	if (frame->length < sizeof(head))
		return -EPROTO;
	memcpy(&head, frame->payload, sizeof(head));
	request->tty = head.flags & FLAG_TTY;
	request->input = head.flags & FLAG_INPUT;
	request->rows = le16toh(head.rows);
	request->columns = le16toh(head.columns);
	code = request_take(&head, frame, request);
	if (code < 0)
		exec_request_free(request);
	return code;
}

void exec_request_free(struct exec_request *request)
{
	free(request->words);
	free(request->variables);
	free(request->texts);
	*request = (struct exec_request){0};
}

int exec_send_exit(struct exec_sender *sender, const struct exec_exit *end)
{
	uint8_t payload[2 + EXEC_TEXT_MAX] = {(uint8_t)end->end, end->number};
	size_t length = strnlen(end->text, EXEC_TEXT_MAX - 1);

	memcpy(payload + 2, end->text, length);
	return exec_send(sender, EXEC_EXIT, payload, 2 + length);
}

int exec_exit_parse(const struct exec_frame *frame, struct exec_exit *end)
{
	if (frame->length < 2 || frame->length > 2 + EXEC_TEXT_MAX - 1 || frame->payload[0] > EXEC_FAILED)
		return -EPROTO;
	*end = (struct exec_exit){.end = (enum exec_end)frame->payload[0], .number = frame->payload[1]};
	for (size_t i = 2; i < frame->length; i++) {
		char c = (char)frame->payload[i];

		end->text[i - 2] = c >= ' ' && c <= '~' ? c : '?';
	}
	return 0;
}
