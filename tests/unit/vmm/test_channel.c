/* A channel on the host's side: programs on one side, on the other the device itself with a test's driver. */
#include "tests/unit/virtio/driver.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <linux/virtio_console.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/util.h"
#include "vmm/guest/channel.h"

#define CONTROL_IN  2
#define CONTROL_OUT 3
#define RECEIVE     4
#define TRANSMIT    5
#define BUFFER      64

static struct driver driver;
static struct channel *channel;
static struct sockaddr_un address;
static socklen_t address_size;
static struct error err;
static unsigned changes;

static int make_listener(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	/* An abstract name of the kernel's choice. */
	address = (struct sockaddr_un){.sun_family = AF_UNIX};
	address_size = sizeof(address);
	cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(sa_family_t)), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &address_size), 0);
	cr_assert_eq(listen(fd, 8), 0);
	return fd;
}

static void count_change(void *owner)
{
	(void)owner;
	changes++;
}

static void say(uint32_t id, uint16_t event, uint16_t value)
{
	struct virtio_console_control control = {.id = id, .event = event, .value = value};
	struct driver_buffer buffer = driver_out(&driver, &control, sizeof(control));

	driver_add(&driver, CONTROL_OUT, &buffer, 1);
	driver_kick(&driver, CONTROL_OUT);
}

/* Up to a port that the driver has and that no program of the guest's has opened. */
static void setup(void)
{
	struct virtio_channel description;

	driver_init(&driver);
	channel = channel_create("agent", make_listener(), &driver.loop, &err);
	cr_assert_not_null(channel, "%s", err.text);
	channel_watch(channel, count_change, NULL);
	description = channel_describe(channel);
	driver_plug(&driver, virtio_channels_create(&description, 1, &driver.memory, &driver.loop, &err));
	channel_connect(channel, driver.device, 0);
	driver_start(&driver, 1ULL << VIRTIO_CONSOLE_F_MULTIPORT);
	say(0, VIRTIO_CONSOLE_DEVICE_READY, 1);
	say(1, VIRTIO_CONSOLE_PORT_READY, 1);
}

static void teardown(void)
{
	channel_connect(channel, NULL, 0);
	channel_destroy(channel);
	driver_close(&driver);
}

TestSuite(channel, .init = setup, .fini = teardown);

static int program_comes(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	cr_assert_eq(connect(fd, (struct sockaddr *)&address, address_size), 0, "%s", strerror(errno));
	driver_run(&driver);
	return fd;
}

static void program_sends(int fd, const char *text)
{
	cr_assert_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
	driver_run(&driver);
}

static void expect_program_reads(int fd, const char *text)
{
	char got[256];
	ssize_t size = recv(fd, got, sizeof(got), MSG_DONTWAIT);

	cr_assert_eq(size, (ssize_t)strlen(text), "%zd bytes instead of %s", size, text);
	cr_assert_arr_eq(got, text, strlen(text));
}

static void guest_opens(void)
{
	say(1, VIRTIO_CONSOLE_PORT_OPEN, 1);
}

static void guest_prints(const char *text)
{
	struct driver_buffer buffer = driver_out(&driver, text, (uint32_t)strlen(text));

	driver_add(&driver, TRANSMIT, &buffer, 1);
	driver_kick(&driver, TRANSMIT);
}

static struct driver_buffer guest_waits(uint32_t len)
{
	struct driver_buffer buffer = driver_in(&driver, len);

	driver_add(&driver, RECEIVE, &buffer, 1);
	driver_kick(&driver, RECEIVE);
	return buffer;
}

static void expect_guest_reads(struct driver_buffer buffer, const char *text)
{
	struct driver_used used;

	cr_assert(driver_collect(&driver, RECEIVE, &used), "the guest reads nothing");
	cr_assert_eq(used.written, strlen(text));
	cr_assert_arr_eq(driver_at(&driver, buffer.address, used.written), text, used.written);
}

/* The last thing that the guest was told of the program. */
static int told_open(void)
{
	static struct driver_buffer buffer; /* for all messages: each is looked at before the next */
	struct virtio_console_control control;
	struct driver_used used;
	int open = -1;

	if (!buffer.len)
		buffer = driver_in(&driver, BUFFER);
	for (unsigned i = 0; i < 4; i++) {
		driver_add(&driver, CONTROL_IN, &buffer, 1);
		driver_kick(&driver, CONTROL_IN);
		while (driver_collect(&driver, CONTROL_IN, &used)) {
			memcpy(&control, driver_at(&driver, buffer.address, sizeof(control)),
			       sizeof(control));
			if (control.event == VIRTIO_CONSOLE_PORT_OPEN)
				open = control.value;
		}
	}
	return open;
}

Test(channel, bytes_go_both_ways)
{
	struct driver_buffer buffer = guest_waits(BUFFER);
	int fd = program_comes();

	guest_opens();
	program_sends(fd, "ping");
	expect_guest_reads(buffer, "ping");
	guest_prints("pong");
	expect_program_reads(fd, "pong");
	close(fd);
}

Test(channel, the_guest_is_told_of_the_program)
{
	int fd = program_comes();

	cr_assert_eq(told_open(), 1);
	close(fd);
	driver_run(&driver);
	cr_assert_eq(told_open(), 0);
}

Test(channel, changes_of_the_guests_side_are_told)
{
	cr_assert_not(channel_guest_open(channel));
	guest_opens();
	cr_assert(channel_guest_open(channel));
	cr_assert_eq(changes, 1);
	driver_reset(&driver);
	driver_run(&driver);
	cr_assert_not(channel_guest_open(channel));
	cr_assert_eq(changes, 2);
}

Test(channel, what_is_sent_early_waits_for_the_guest)
{
	struct driver_buffer buffer = guest_waits(BUFFER);
	int fd = program_comes();

	program_sends(fd, "early");
	guest_opens();
	expect_guest_reads(buffer, "early");
	close(fd);
}

Test(channel, a_program_that_only_ends_its_sending_still_reads)
{
	struct driver_buffer buffer = guest_waits(BUFFER);
	int fd = program_comes();

	guest_opens();
	program_sends(fd, "question");
	shutdown(fd, SHUT_WR);
	driver_run(&driver);
	expect_guest_reads(buffer, "question");
	guest_prints("answer");
	expect_program_reads(fd, "answer");
	close(fd);
}

Test(channel, a_program_that_leaves_has_its_bytes_delivered)
{
	struct driver_buffer buffer;
	int fd = program_comes();

	guest_opens();
	program_sends(fd, "last words");
	close(fd);
	driver_run(&driver);
	buffer = guest_waits(BUFFER);
	expect_guest_reads(buffer, "last words");
	cr_assert_eq(told_open(), 0);
}

Test(channel, one_that_left_does_not_keep_the_next_out)
{
	struct driver_buffer buffer;
	int fd = program_comes();

	guest_opens();
	program_sends(fd, "nobody reads this");
	close(fd);
	driver_run(&driver);
	fd = program_comes();
	program_sends(fd, "but this");
	buffer = guest_waits(BUFFER);
	expect_guest_reads(buffer, "but this");
	close(fd);
}

Test(channel, what_is_printed_to_nobody_is_dropped)
{
	struct driver_used used;
	int fd;

	guest_prints("nobody hears");
	cr_assert(driver_collect(&driver, TRANSMIT, &used));
	fd = program_comes();
	guest_prints("somebody");
	expect_program_reads(fd, "somebody");
	close(fd);
}

Test(channel, a_program_that_does_not_read_holds_the_guest_up)
{
	static char text[60000];
	struct driver_used used;
	int fd = program_comes();
	unsigned sent = 0, back = 0;
	size_t got = 0;
	ssize_t size;

	memset(text, 'x', sizeof(text) - 1);
	for (; sent < 10; sent++)
		guest_prints(text);
	while (driver_collect(&driver, TRANSMIT, &used))
		back++;
	cr_assert_lt(back, sent, "the guest was not held up");
	while ((size = recv(fd, text, sizeof(text), MSG_DONTWAIT)) > 0) {
		got += (size_t)size;
		driver_run(&driver);
	}
	while (driver_collect(&driver, TRANSMIT, &used))
		back++;
	cr_assert_eq(back, sent);
	cr_assert_eq(got, sent * (sizeof(text) - 1));
	close(fd);
}

Test(channel, one_that_does_not_read_and_leaves_frees_the_guest)
{
	static char text[60000];
	struct driver_used used;
	int fd = program_comes();
	unsigned sent = 0, back = 0;

	memset(text, 'x', sizeof(text) - 1);
	for (; sent < 10; sent++)
		guest_prints(text);
	close(fd);
	driver_run(&driver);
	while (driver_collect(&driver, TRANSMIT, &used))
		back++;
	cr_assert_eq(back, sent);
}

Test(channel, one_program_at_a_time)
{
	int first = program_comes(), second = program_comes();
	int ends[2];

	guest_prints("to the first");
	expect_program_reads(first, "to the first");
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	cr_assert_eq(channel_add_client(channel, ends[1], &err), -EBUSY);
	cr_assert_not_null(strstr(err.text, "another program is connected"));
	close(first);
	driver_run(&driver);
	guest_prints("to the second");
	expect_program_reads(second, "to the second");
	close(second);
	driver_run(&driver);
	cr_assert_eq(channel_add_client(channel, ends[1], &err), 0, "%s", err.text);
	guest_prints("to the third");
	expect_program_reads(ends[0], "to the third");
	close(ends[0]);
}
