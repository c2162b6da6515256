#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vmm/api/relay.h"

static struct loop loop;
static int left[2], right[2]; /* the relay has the second ones */
static struct relay *relay;
static unsigned ends;

static void over(void *owner)
{
	relay_close(*(struct relay **)owner);
	*(struct relay **)owner = NULL;
	ends++;
}

static void open_with(const char *first)
{
	relay = relay_open(&loop, left[1], right[1], first, strlen(first), over, &relay);
	cr_assert_not_null(relay);
}

static void setup(void)
{
	cr_assert_eq(loop_init(&loop), 0);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, left), 0);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, right), 0);
}

TestSuite(relay, .init = setup, .timeout = 40);

static void turn(unsigned times)
{
	while (times--)
		loop_step(&loop, 1);
}

static void expect(int fd, const char *text)
{
	char buffer[256] = "";

	turn(4);
	cr_assert_eq(read(fd, buffer, sizeof(buffer)), (ssize_t)strlen(text));
	cr_assert_str_eq(buffer, text);
}

Test(relay, carries_both_ways)
{
	open_with("");
	cr_assert_eq(write(left[0], "there", 5), 5);
	expect(right[0], "there");
	cr_assert_eq(write(right[0], "back", 4), 4);
	expect(left[0], "back");
	cr_assert_eq(ends, 0);
}

Test(relay, what_came_early_comes_first)
{
	open_with("early ");
	cr_assert_eq(write(left[0], "late", 4), 4);
	expect(right[0], "early late");
}

Test(relay, end_of_one_way_leaves_the_other)
{
	char byte;

	open_with("");
	cr_assert_eq(write(left[0], "last", 4), 4);
	shutdown(left[0], SHUT_WR);
	expect(right[0], "last");
	cr_assert_eq(read(right[0], &byte, 1), 0);
	cr_assert_eq(write(right[0], "answer", 6), 6);
	expect(left[0], "answer");
	cr_assert_eq(ends, 0);
	shutdown(right[0], SHUT_WR);
	turn(4);
	cr_assert_eq(ends, 1);
}

Test(relay, who_goes_is_heard_out)
{
	char *flood = calloc(1, 100000);
	size_t got = 0;
	ssize_t sent, some;

	open_with("");
	sent = write(left[0], flood, 100000);
	cr_assert_gt(sent, RELAY_BUFFER);
	close(left[0]);
	for (unsigned i = 0; i < 200 && ends == 0; i++) {
		turn(1);
		while ((some = read(right[0], flood, 100000)) > 0)
			got += (size_t)some;
	}
	while ((some = read(right[0], flood, 100000)) > 0)
		got += (size_t)some;
	cr_assert_eq(got, (size_t)sent);
	cr_assert_eq(ends, 1);
	free(flood);
}

/* One that is gone, and one that does not take what it said: nothing to do but wait, and without turning. */
Test(relay, does_not_turn_while_nobody_reads)
{
	char *flood = calloc(1, 1 << 20);
	unsigned turns = 0;
	int small = 4096;

	setsockopt(right[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	open_with("");
	cr_assert_gt(write(left[0], flood, 1 << 20), 4096);
	turn(10);
	close(left[0]);
	turn(10);
	for (loop.batch_count = 1; turns < 100 && loop.batch_count > 0; turns++)
		loop_step(&loop, 0);
	cr_assert_lt(turns, 50);
	/* And not for ever. */
	for (turns = 0; turns < 3 * RELAY_LINGER_S && ends == 0; turns++)
		loop_step(&loop, 500);
	cr_assert_eq(ends, 1);
	free(flood);
}

/* Somebody who is there may take his time, also when the other says no more. */
Test(relay, end_that_is_kept_is_not_passed_on)
{
	char byte;

	open_with("");
	relay_keep_end(relay);
	cr_assert_eq(write(left[0], "last", 4), 4);
	shutdown(left[0], SHUT_WR);
	expect(right[0], "last");
	cr_assert_eq(read(right[0], &byte, 1), -1, "b waits for more");
	cr_assert_eq(write(right[0], "answer", 6), 6);
	expect(left[0], "answer");
	close(right[0]);
	turn(4);
	cr_assert_eq(ends, 1);
}

Test(relay, who_reads_no_more_ends_it)
{
	signal(SIGPIPE, SIG_DFL);
	open_with("");
	close(right[0]);
	cr_assert_eq(write(left[0], "x", 1), 1);
	turn(4);
	shutdown(left[0], SHUT_WR);
	turn(4);
	cr_assert_eq(ends, 1);
}
