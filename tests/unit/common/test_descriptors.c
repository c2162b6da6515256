/* Descriptors that go over a unix socket. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/descriptors.h"

static int ends[2];

static void setup(void)
{
	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
}

TestSuite(descriptors, .init = setup);

/* How many came with the message "two words"; the first ones are in fds. */
static unsigned receive(int *fds, unsigned room)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
	} rights;
	char text[16] = "";
	struct iovec iov = {.iov_base = text, .iov_len = sizeof(text)};
	struct msghdr header = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &rights, .msg_controllen = sizeof(rights)};
	struct cmsghdr *first;
	unsigned count;

	cr_assert_eq(recvmsg(ends[1], &header, MSG_DONTWAIT), 9);
	cr_assert_str_eq(text, "two words");
	first = CMSG_FIRSTHDR(&header);
	if (!first)
		return 0;
	cr_assert_eq(first->cmsg_type, SCM_RIGHTS);
	count = (unsigned)((first->cmsg_len - CMSG_LEN(0)) / sizeof(int));
	memcpy(fds, CMSG_DATA(first), (count < room ? count : room) * sizeof(int));
	return count;
}

static ssize_t send_with(const int *fds, unsigned count)
{
	const struct iovec iov[] = {{(char[]){"two "}, 4}, {(char[]){"words"}, 5}};

	return descriptors_send(ends[0], iov, 2, fds, count, MSG_DONTWAIT);
}

Test(descriptors, go_with_their_message)
{
	int pipes[2], came[2];
	char byte = 0;

	cr_assert_eq(pipe2(pipes, O_CLOEXEC), 0);
	cr_assert_eq(send_with(pipes, 2), 9);
	cr_assert_eq(receive(came, 2), 2);
	cr_assert_eq(write(pipes[1], "x", 1), 1, "they stay the sender's");
	cr_assert_eq(read(came[0], &byte, 1), 1);
	cr_assert_eq(byte, 'x');
}

Test(descriptors, a_message_needs_none)
{
	cr_assert_eq(send_with(NULL, 0), 9);
	cr_assert_eq(receive(NULL, 0), 0);
}

Test(descriptors, as_many_as_there_may_be_and_no_more)
{
	int fds[DESCRIPTORS_MAX + 1];

	for (unsigned i = 0; i <= DESCRIPTORS_MAX; i++)
		fds[i] = ends[1];
	cr_assert_eq(send_with(fds, DESCRIPTORS_MAX + 1), -E2BIG);
	cr_assert_eq(send_with(fds, DESCRIPTORS_MAX), 9);
	cr_assert_eq(receive(NULL, 0), DESCRIPTORS_MAX);
}

Test(descriptors, an_end_that_is_gone_is_an_error_and_no_signal)
{
	close(ends[1]);
	cr_assert_eq(send_with(NULL, 0), -EPIPE);
}
