/* A command in a guest whose output is kept: the test is the guest. */
#include <criterion/criterion.h>
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "vmm/exec/capture.h"

static struct loop loop;
static int guest; /* the guest's end */
static struct capture *capture;
static bool over;
static int code;
static struct exec_exit end;
static struct error err;

static void ended(void *owner, int result, const struct exec_exit *exit)
{
	cr_assert_eq(owner, &over);
	cr_assert_not(over, "once only");
	over = true;
	code = result;
	end = *exit;
	loop_stop(&loop);
}

static int begin(const char *input)
{
	static char program[] = "/bin/cat", none[] = "";
	static char *words[] = {program, NULL}, *variables[] = {NULL};
	struct exec_request request = {
		.input = input != NULL,
		.user = none,
		.folder = none,
		.words = words,
		.variables = variables,
	};
	struct capture_config config = {
		.loop = &loop,
		.request = &request,
		.input = input,
		.input_length = input ? strlen(input) : 0,
		.ended = ended,
		.owner = &over,
	};
	int ends[2];

	cr_assert_eq(loop_init(&loop), 0);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
	guest = ends[0];
	config.connection = ends[1];
	return capture_begin(&config, &capture, &err);
}

static void steps(unsigned count)
{
	for (unsigned i = 0; i < count && !over; i++)
		loop_step(&loop, 0);
}

static void say(const void *bytes, size_t length)
{
	cr_assert_eq(write(guest, bytes, length), (ssize_t)length);
	steps(3);
}

static void say_frame(enum exec_type type, const void *payload, size_t length)
{
	static struct exec_sender sender;

	memset(&sender, 0, sizeof(sender));
	cr_assert_eq(exec_send(&sender, type, payload, length), 0);
	while (sender.used && !over) {
		cr_assert_eq(exec_flush(&sender, guest), 0);
		steps(3);
	}
}

static void say_exit(enum exec_end how, uint8_t number, const char *text)
{
	static struct exec_sender sender;
	struct exec_exit exit = {.end = how, .number = number};

	memset(&sender, 0, sizeof(sender));
	snprintf(exit.text, sizeof(exit.text), "%s", text);
	cr_assert_eq(exec_send_exit(&sender, &exit), 0);
	cr_assert_eq(exec_flush(&sender, guest), 0);
	for (unsigned i = 0; i < 100 && !over && capture; i++)
		loop_step(&loop, 10);
}

/* The next frame from the host; the loop runs meanwhile. */
static struct exec_frame hear(struct exec_receiver *receiver)
{
	struct exec_frame frame = {0};

	for (unsigned i = 0; i < 100 && exec_next(receiver, &frame) == 0; i++) {
		steps(1);
		exec_receive(receiver, guest);
	}
	return frame;
}

static void finish(void)
{
	capture_close(capture);
	loop_close(&loop);
	close(guest);
}

Test(capture, output_and_exit)
{
	struct capture_output output, error;

	cr_assert_eq(begin(NULL), 0);
	say("OK 1073741824\n", 14);
	say_frame(EXEC_OUTPUT, "hello ", 6);
	say_frame(EXEC_ERROR, "\0\xff", 2);
	say_frame(EXEC_OUTPUT, "world\n", 6);
	cr_assert_not(over);
	say_exit(EXEC_EXITED, 7, "");
	cr_assert(over);
	cr_expect_eq(code, 0);
	cr_expect_eq(end.end, EXEC_EXITED);
	cr_expect_eq(end.number, 7);
	capture_output(capture, &output, &error);
	cr_expect_str_eq(output.bytes, "hello world\n");
	cr_expect_eq(error.length, 2);
	cr_expect_not(output.cut || error.cut);
	finish();
}

Test(capture, what_never_ran_says_why)
{
	cr_assert_eq(begin(NULL), 0);
	say("OK 9\n", 5);
	say_exit(EXEC_FAILED, EXEC_NOT_FOUND, "no such program");
	cr_assert(over);
	cr_expect_eq(end.end, EXEC_FAILED);
	cr_expect_eq(end.number, EXEC_NOT_FOUND);
	cr_expect_str_eq(end.text, "no such program");
	finish();
}

Test(capture, request_and_input_arrive_as_credit_allows)
{
	static struct exec_receiver receiver;
	static char input[EXEC_WINDOW + 5000];
	struct exec_request request = {0};
	struct exec_frame frame;
	uint32_t more = 5000;
	size_t total = 0;

	memset(input, 'x', sizeof(input) - 1);
	cr_assert_eq(begin(input), 0);
	say("OK 9\n", 5);
	frame = hear(&receiver);
	cr_assert_eq(frame.type, EXEC_REQUEST);
	cr_assert_eq(exec_request_parse(&frame, &request), 0);
	cr_expect_str_eq(request.words[0], "/bin/cat");
	cr_expect(request.input);
	exec_request_free(&request);
	while (total < EXEC_WINDOW) {
		frame = hear(&receiver);
		cr_assert_eq(frame.type, EXEC_INPUT);
		total += frame.length;
	}
	cr_assert_eq(total, EXEC_WINDOW, "no more than there is credit for");
	cr_assert_eq(hear(&receiver).type, 0);
	more = htole32(more);
	say_frame(EXEC_CREDIT, &more, sizeof(more));
	while ((frame = hear(&receiver)).length)
		total += frame.length;
	cr_expect_eq(frame.type, EXEC_INPUT, "none: the end");
	cr_expect_eq(total, sizeof(input) - 1);
	finish();
}

Test(capture, output_is_bounded)
{
	static char bytes[EXEC_PAYLOAD_MAX];
	struct capture_output output, error;

	cr_assert_eq(begin(NULL), 0);
	say("OK 9\n", 5);
	for (unsigned i = 0; i < 2 * CAPTURE_MAX / sizeof(bytes); i++)
		say_frame(EXEC_OUTPUT, bytes, sizeof(bytes));
	say_exit(EXEC_SIGNALED, 9, "");
	cr_assert(over);
	capture_output(capture, &output, &error);
	cr_expect_eq(output.length, CAPTURE_MAX);
	cr_expect(output.cut);
	cr_expect_not(error.cut);
	cr_expect_eq(end.end, EXEC_SIGNALED);
	finish();
}

/* A flood has its share of the loop, whatever the guest can send, and between the shares nothing turns. */
Test(capture, flood_is_listened_to_now_and_then)
{
	static char bytes[EXEC_PAYLOAD_MAX];
	uint64_t begin_ns, sent = 0, turns = 0;
	static struct exec_sender sender;

	cr_assert_eq(begin(NULL), 0);
	say("OK 9\n", 5);
	begin_ns = monotonic_ns();
	while (monotonic_ns() - begin_ns < 10 * CAPTURE_SHARE_NS) {
		size_t before = sender.used;

		if (exec_sender_room(&sender) >= sizeof(bytes)) {
			exec_send(&sender, EXEC_OUTPUT, bytes, sizeof(bytes));
			sent += sender.used - before;
		}
		exec_flush(&sender, guest);
		cr_assert_eq(loop_step(&loop, 0), 0);
		turns++;
	}
	cr_expect_gt(sent, CAPTURE_SHARE, "it is listened to");
	cr_expect_lt(sent, 16 * CAPTURE_SHARE, "%llu bytes in %llu turns", (unsigned long long)sent,
		     (unsigned long long)turns);
	cr_assert_not(over);
	finish();
}

Test(capture, nobody_listens)
{
	cr_assert_eq(begin(NULL), 0);
	close(guest);
	steps(3);
	cr_assert(over);
	cr_expect_eq(code, -EPIPE);
	finish();
}

Test(capture, guest_breaks_off)
{
	struct capture_output output, error;

	cr_assert_eq(begin(NULL), 0);
	say("OK 9\n", 5);
	say_frame(EXEC_OUTPUT, "half", 4);
	close(guest);
	steps(3);
	cr_assert(over);
	cr_expect_eq(code, -ECONNRESET);
	capture_output(capture, &output, &error);
	cr_expect_str_eq(output.bytes, "half");
	finish();
}

static void hostile(const void *bytes, size_t length)
{
	over = false;
	cr_assert_eq(begin(NULL), 0);
	say(bytes, length);
	steps(10);
	cr_expect(over);
	cr_expect_eq(code, -EPROTO);
	finish();
}

Test(capture, hostile_guests)
{
	static const char credit[] = "OK 9\n\x12\0\0\0\4\0\0\0\xff\xff\xff\xff";

	hostile("NO 9\n", 5);
	hostile("OK 99999999999999999999999999999999999", 38);
	hostile("OK 9\n\x01\0\0\0\0\0\0\0", 13);         /* a request, from the guest */
	hostile("OK 9\n\x10\0\0\0\xff\xff\xff\xff", 13); /* too long */
	hostile("OK 9\n\x10\1\0\0\0\0\0\0", 13);
	hostile(credit, sizeof(credit) - 1);
	hostile("OK 9\n\x13\0\0\0\0\0\0\0", 13); /* an end without a word */
}

Test(capture, command_that_is_too_long)
{
	char *words[] = {calloc(1, EXEC_PAYLOAD_MAX + 2), NULL}, *variables[] = {NULL};
	struct exec_request request = {.user = "", .folder = "", .words = words, .variables = variables};
	struct capture_config config = {.loop = &loop, .request = &request, .ended = ended};

	memset(words[0], 'x', EXEC_PAYLOAD_MAX + 1);
	cr_assert_eq(loop_init(&loop), 0);
	config.connection = socket(AF_UNIX, SOCK_STREAM, 0);
	cr_expect_eq(capture_begin(&config, &capture, &err), -E2BIG);
	words[0][0] = '\0';
	config.connection = socket(AF_UNIX, SOCK_STREAM, 0);
	cr_expect_eq(capture_begin(&config, &capture, &err), -EINVAL);
	free(words[0]);
	loop_close(&loop);
}
