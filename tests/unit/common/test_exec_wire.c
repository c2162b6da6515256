/* The wire format of exec (common/exec_wire.h), from both sides, and what an enemy may send. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/exec_wire.h"

static struct exec_sender sender;
static struct exec_receiver receiver;
static struct exec_frame frame;
static int ends[2];

static void connect_ends(void)
{
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
}

TestSuite(exec_wire, .init = connect_ends);

/* What was sent arrives as the next frame. */
static void pass_frame(void)
{
	int code;

	cr_assert_eq(exec_flush(&sender, ends[0]), 0);
	while ((code = exec_next(&receiver, &frame)) == 0) {
		cr_assert_gt(exec_receive(&receiver, ends[1]), 0);
		cr_assert_eq(exec_flush(&sender, ends[0]), 0);
	}
	cr_assert_eq(code, 1);
}

static int parse(const void *bytes, size_t length)
{
	return (int)exec_frame_parse(bytes, length, &frame);
}

/* ---- frames ---- */

Test(exec_wire, frames_come_out_as_they_went_in)
{
	static uint8_t data[EXEC_PAYLOAD_MAX];

	memset(data, 7, sizeof(data));
	for (size_t length = 0; length <= sizeof(data); length = length * 3 + 1) {
		cr_assert_eq(exec_send(&sender, EXEC_OUTPUT, data, length), 0);
		pass_frame();
		cr_assert_eq(frame.type, EXEC_OUTPUT);
		cr_assert_eq(frame.length, length);
		cr_assert_eq(memcmp(frame.payload, data, length), 0);
	}
	cr_assert_eq(exec_send(&sender, EXEC_INPUT, data, sizeof(data)), 0);
	pass_frame();
	cr_assert_eq(frame.length, sizeof(data));
}

Test(exec_wire, bytes_in_any_pieces_make_the_same_frames)
{
	uint8_t bytes[64];
	size_t length;

	exec_send(&sender, EXEC_ERROR, "hello", 5);
	exec_send_u32(&sender, EXEC_CREDIT, 1234567);
	length = sender.used;
	memcpy(bytes, sender.bytes, length);
	for (size_t cut = 0; cut < length; cut++) {
		bool whole = cut >= EXEC_HEADER + 5;

		cr_assert_eq(parse(bytes, cut), whole ? EXEC_HEADER + 5 : 0);
	}
	cr_assert_eq(write(ends[0], bytes, 9), 9);
	cr_assert_eq(exec_receive(&receiver, ends[1]), 9);
	cr_assert_eq(exec_next(&receiver, &frame), 0);
	cr_assert_eq(write(ends[0], bytes + 9, length - 9), (ssize_t)(length - 9));
	exec_receive(&receiver, ends[1]);
	cr_assert_eq(exec_next(&receiver, &frame), 1);
	cr_assert_eq(memcmp(frame.payload, "hello", 5), 0);
	cr_assert_eq(exec_next(&receiver, &frame), 1);
	cr_assert_eq(exec_next(&receiver, &frame), 0);
	cr_assert_eq(exec_receive(&receiver, ends[1]), -EAGAIN);
	close(ends[0]);
	cr_assert_eq(exec_receive(&receiver, ends[1]), 0);
}

Test(exec_wire, malformed_frames_are_refused_at_once)
{
	static const uint8_t bad[][EXEC_HEADER] = {
		{0},
		{5},
		{15},
		{20},
		{255},
		{EXEC_OUTPUT, 1},
		{EXEC_OUTPUT, 0, 1},
		{EXEC_OUTPUT, 0, 0, 1},
		{EXEC_OUTPUT, 0, 0, 0, 1, 0, 1, 0},
		{EXEC_OUTPUT, 0, 0, 0, 0xff, 0xff, 0xff, 0xff},
		{'G', 'E', 'T', ' ', '/', ' ', 'H', 'T'},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_eq(parse(bad[i], sizeof(bad[i])), -EPROTO, "%zu", i);
}

Test(exec_wire, sender_is_bounded)
{
	static uint8_t data[EXEC_PAYLOAD_MAX + 1];
	unsigned count = 0;

	cr_assert_eq(exec_send(&sender, EXEC_OUTPUT, data, sizeof(data)), -ENOBUFS);
	while (exec_send(&sender, EXEC_OUTPUT, data, 1000) == 0)
		count++;
	cr_assert_eq(count, sizeof(sender.bytes) / (EXEC_HEADER + 1000));
	cr_assert_lt(exec_sender_room(&sender), 1000);
	while (exec_send(&sender, EXEC_INPUT, NULL, 0) == 0)
		;
	cr_assert_eq(exec_sender_room(&sender), 0);
	/* as much goes as the socket takes, and then there is room again */
	cr_assert_eq(exec_flush(&sender, ends[0]), 0);
	for (unsigned i = 0; i < count; i++)
		pass_frame();
	cr_assert_eq(frame.length, 1000);
	cr_assert_geq(exec_sender_room(&sender), EXEC_PAYLOAD_MAX);
}

Test(exec_wire, reader_that_is_gone_is_an_error_and_no_signal)
{
	close(ends[1]);
	exec_send(&sender, EXEC_INPUT, "x", 1);
	cr_assert_eq(exec_flush(&sender, ends[0]), -EPIPE);
}

/* ---- numbers ---- */

Test(exec_wire, numbers_have_their_size)
{
	uint16_t rows, columns;
	uint32_t number;
	uint8_t byte;

	exec_send_u8(&sender, EXEC_SIGNAL, 15);
	pass_frame();
	cr_assert_eq(exec_read_u8(&frame, &byte), 0);
	cr_assert_eq(byte, 15);
	cr_assert_eq(exec_read_u32(&frame, &number), -EPROTO);
	cr_assert_eq(exec_read_window(&frame, &rows, &columns), -EPROTO);
	exec_send_u32(&sender, EXEC_CREDIT, 0x12345678);
	pass_frame();
	cr_assert_eq(exec_read_u32(&frame, &number), 0);
	cr_assert_eq(number, 0x12345678);
	cr_assert_eq(exec_read_u8(&frame, &byte), -EPROTO);
	exec_send_window(&sender, 25, 80);
	pass_frame();
	cr_assert_eq(exec_read_window(&frame, &rows, &columns), 0);
	cr_assert_eq(rows, 25);
	cr_assert_eq(columns, 80);
}

/* ---- the request ---- */

static struct exec_request request;

Test(exec_wire, request_comes_out_as_it_went_in)
{
	char *words[] = {"sh", "-c", "", "a b\n", NULL}, *variables[] = {"A=", "B=c", NULL};
	struct exec_request sent = {.tty = true,
				    .input = true,
				    .rows = 3,
				    .columns = 4,
				    .user = "me:us",
				    .folder = "/x",
				    .words = words,
				    .variables = variables};

	cr_assert_eq(exec_send_request(&sender, &sent), 0);
	pass_frame();
	cr_assert_eq(exec_request_parse(&frame, &request), 0);
	cr_assert(request.tty && request.input);
	cr_assert_eq(request.rows, 3);
	cr_assert_eq(request.columns, 4);
	cr_assert_str_eq(request.user, "me:us");
	cr_assert_str_eq(request.folder, "/x");
	for (int i = 0; i < 4; i++)
		cr_assert_str_eq(request.words[i], words[i]);
	cr_assert_null(request.words[4]);
	cr_assert_str_eq(request.variables[0], "A=");
	cr_assert_str_eq(request.variables[1], "B=c");
	cr_assert_null(request.variables[2]);
	exec_request_free(&request);
}

Test(exec_wire, request_without_a_command_or_beyond_the_frame_is_not_sent)
{
	static char text[EXEC_PAYLOAD_MAX];
	char *none[] = {NULL}, *empty[] = {"", NULL}, *big[] = {text, NULL};
	static char *many[EXEC_WORDS_MAX + 2];
	struct exec_request sent = {.user = "", .folder = "", .words = none, .variables = none};

	cr_assert_eq(exec_send_request(&sender, &sent), -EINVAL);
	sent.words = empty;
	cr_assert_eq(exec_send_request(&sender, &sent), -EINVAL);
	memset(text, 'x', sizeof(text) - 1);
	sent.words = big;
	cr_assert_eq(exec_send_request(&sender, &sent), -E2BIG);
	for (int i = 0; i <= EXEC_WORDS_MAX; i++)
		many[i] = "x";
	sent.words = many;
	cr_assert_eq(exec_send_request(&sender, &sent), -E2BIG);
	many[EXEC_WORDS_MAX] = NULL;
	cr_assert_eq(exec_send_request(&sender, &sent), 0);
}

Test(exec_wire, malformed_requests_are_refused)
{
	/* version, flags, rows, columns, words, variables; then the texts */
	static const struct {
		const char *bytes;
		size_t length;
		int code;
	} cases[] = {
#define CASE(text, code) {text, sizeof(text) - 1, code}
		CASE("\1\0\0\0\0\0\1\0\0\0\0\0sh\0", 0),
		CASE("\1\3\0\0\0\0\1\0\1\0u\0/\0sh\0A=\0", 0),
		CASE("", -EPROTO),
		CASE("\1", -EPROTO),
		CASE("\2\0\0\0\0\0\1\0\0\0\0\0sh\0", -EPROTONOSUPPORT),
		CASE("\0", -EPROTONOSUPPORT),
		CASE("\1\4\0\0\0\0\1\0\0\0\0\0sh\0", -EPROTO),     /* a flag that nobody knows */
		CASE("\1\0\0\0\0\0\0\0\0\0\0\0", -EPROTO),         /* no word */
		CASE("\1\0\0\0\0\0\1\0\0\0\0\0\0", -EPROTO),       /* an empty one */
		CASE("\1\0\0\0\0\0\1\0\0\0\0\0sh", -EPROTO),       /* without its end */
		CASE("\1\0\0\0\0\0\2\0\0\0\0\0sh\0", -EPROTO),     /* more words than there are */
		CASE("\1\0\0\0\0\0\1\0\1\0\0\0sh\0", -EPROTO),     /* more variables */
		CASE("\1\0\0\0\0\0\1\0\0\0\0\0sh\0x\0", -EPROTO),  /* fewer than there are */
		CASE("\1\0\0\0\0\0\xff\xff\0\0\0\0sh\0", -EPROTO), /* far more */
		CASE("\1\0\0\0\0\0\1\0\xff\xff\0\0sh\0", -EPROTO),
		CASE("\1\0\0\0\0\0\1\0\0\0", -EPROTO),       /* no user */
		CASE("\1\0\0\0\0\0\1\0\0\0root\0", -EPROTO), /* no folder */
#undef CASE
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		frame = (struct exec_frame){EXEC_REQUEST, cases[i].length, (const uint8_t *)cases[i].bytes};
		cr_assert_eq(exec_request_parse(&frame, &request), cases[i].code, "%zu", i);
		if (cases[i].code == 0)
			cr_assert_str_eq(request.words[0], "sh");
		else
			cr_assert_null(request.texts);
		exec_request_free(&request);
	}
}

/* ---- the exit ---- */

Test(exec_wire, exit_comes_out_as_it_went_in)
{
	struct exec_exit sent = {.end = EXEC_FAILED, .number = EXEC_NOT_FOUND, .text = "x: not found"}, got;

	cr_assert_eq(exec_send_exit(&sender, &sent), 0);
	pass_frame();
	cr_assert_eq(exec_exit_parse(&frame, &got), 0);
	cr_assert_eq(got.end, EXEC_FAILED);
	cr_assert_eq(got.number, 127);
	cr_assert_str_eq(got.text, "x: not found");
	memset(sent.text, 'x', sizeof(sent.text)); /* no zero: cut */
	cr_assert_eq(exec_send_exit(&sender, &sent), 0);
	pass_frame();
	cr_assert_eq(exec_exit_parse(&frame, &got), 0);
	cr_assert_eq(strlen(got.text), EXEC_TEXT_MAX - 1);
}

Test(exec_wire, exits_text_is_printable_and_its_kind_known)
{
	static const char odd[] = "\2\1\x1b[2J\r\n\x80\0~";
	static uint8_t longest[2 + EXEC_TEXT_MAX];
	struct exec_exit got;

	frame = (struct exec_frame){EXEC_EXIT, sizeof(odd) - 1, (const uint8_t *)odd};
	cr_assert_eq(exec_exit_parse(&frame, &got), 0);
	cr_assert_str_eq(got.text, "?[2J????~");
	for (size_t length = 0; length < 2; length++) {
		frame.length = length;
		cr_assert_eq(exec_exit_parse(&frame, &got), -EPROTO);
	}
	frame = (struct exec_frame){EXEC_EXIT, sizeof(longest), longest};
	cr_assert_eq(exec_exit_parse(&frame, &got), -EPROTO);
	frame = (struct exec_frame){EXEC_EXIT, 2, (const uint8_t *)"\3\0"};
	cr_assert_eq(exec_exit_parse(&frame, &got), -EPROTO);
}
