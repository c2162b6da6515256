/* The manager connects where a jailed guest process cannot; a guest process is not trusted. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "scratch.h"
#include "vmm/guest/vsock_broker.h"

static int guest = -1, manager = -1;
static uint32_t number;
static char path[128];

static void setup(void)
{
	int ends[2];

	scratch_make();
	snprintf(path, sizeof(path), "%s/vs", scratch);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	guest = ends[0];
	manager = ends[1];
}

TestSuite(vsock_broker, .init = setup, .fini = scratch_remove, .timeout = 20);

static int host_listen(unsigned port)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s_%u", path, port);
	cr_assert(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 && listen(fd, 8) == 0);
	return fd;
}

/* A manager that answers until the guest hangs up. */
static void *answer_all(void *unused)
{
	struct timespec pause = {.tv_nsec = 1000000};
	int code;

	while ((code = vsock_broker_answer(manager, path)) == 0 || code == -EAGAIN)
		nanosleep(&pause, NULL);
	return unused;
}

/* On a busy machine the thread may not get its turn within the second that an answer is waited for. */
static int ask(uint32_t port)
{
	pthread_t thread;
	int result = -ECONNREFUSED;

	pthread_create(&thread, NULL, answer_all, NULL);
	for (unsigned i = 0; i < 5 && result == -ECONNREFUSED; i++)
		result = vsock_broker_ask(guest, &number, port);
	shutdown(guest, SHUT_RDWR);
	pthread_join(thread, NULL);
	return result;
}

Test(vsock_broker, connects_to_the_port)
{
	int listener = host_listen(5000);
	int fd = ask(5000);
	int accepted = accept(listener, NULL, NULL);
	char text[3] = "";

	cr_assert(fd >= 0 && accepted >= 0, "%d", fd);
	cr_assert(fcntl(fd, F_GETFL) & O_NONBLOCK);
	cr_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	cr_assert_eq(write(accepted, "hi", 2), 2);
	cr_assert_eq(read(fd, text, 2), 2);
	cr_assert_str_eq(text, "hi");
}

Test(vsock_broker, nobody_listens)
{
	cr_assert_eq(ask(5001), -ENOENT);
}

Test(vsock_broker, a_guest_without_a_path_reaches_nobody)
{
	cr_assert_eq(vsock_broker_connect(NULL, 1), -ECONNREFUSED);
}

Test(vsock_broker, a_path_that_is_too_long)
{
	char longest[200];

	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	cr_assert_eq(vsock_broker_connect(longest, 1), -ENAMETOOLONG);
}

Test(vsock_broker, no_manager_refuses)
{
	cr_assert_eq(vsock_broker_ask(-1, &number, 1), -ECONNREFUSED);
	close(manager);
	cr_assert_eq(vsock_broker_ask(guest, &number, 1), -ECONNREFUSED);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

Test(vsock_broker, a_manager_that_hangs_is_waited_for_a_second)
{
	int64_t start = now_ms();

	cr_assert_eq(vsock_broker_ask(guest, &number, 1), -ECONNREFUSED);
	cr_assert(now_ms() - start >= VSOCK_BROKER_MS - 1 && now_ms() - start < 3 * VSOCK_BROKER_MS);
}

/* The answer to a question that was given up comes late: it is not taken for the next one's. */
Test(vsock_broker, a_late_answer_is_dropped)
{
	int listener = host_listen(5000);
	int fd;

	cr_assert_eq(vsock_broker_ask(guest, &number, 5000), -ECONNREFUSED);
	cr_assert_eq(vsock_broker_answer(manager, path), 0);
	fd = ask(4999);
	cr_assert_eq(fd, -ENOENT, "%d", fd);
	close(listener);
}

Test(vsock_broker, nothing_asked)
{
	cr_assert_eq(vsock_broker_answer(manager, path), -EAGAIN);
	close(guest);
	cr_assert_eq(vsock_broker_answer(manager, path), -EPIPE);
}

Test(vsock_broker, requests_of_another_size_are_ignored)
{
	char bytes[100] = {0};

	for (size_t size = 1; size < sizeof(bytes); size++) {
		if (size == 8)
			continue;
		cr_assert_eq(send(guest, bytes, size, 0), (ssize_t)size);
		cr_assert_eq(vsock_broker_answer(manager, path), 0);
	}
	cr_assert_eq(recv(guest, bytes, sizeof(bytes), MSG_DONTWAIT), -1);
	cr_assert_eq(errno, EAGAIN);
}

/* A guest process that asks and does not take its answers gets one, not a heap of descriptors in flight. */
Test(vsock_broker, descriptors_do_not_heap_up)
{
	int listener = host_listen(5000);
	uint32_t request[2] = {1, 5000};
	char bytes[64];
	unsigned answers = 0;

	for (unsigned i = 0; i < 20; i++) {
		cr_assert_eq(send(guest, request, sizeof(request), 0), (ssize_t)sizeof(request));
		cr_assert_eq(vsock_broker_answer(manager, path), 0);
	}
	while (recv(guest, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		answers++;
	cr_assert_eq(answers, 1);
	close(listener);
}

/* Whatever number a guest process asks for, it stays in the place of its own ports. */
Test(vsock_broker, ports_are_numbers)
{
	int listener = host_listen(4294967295U);

	cr_assert_geq(ask(4294967295U), 0);
	close(listener);
}
