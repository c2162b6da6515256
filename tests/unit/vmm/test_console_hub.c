/* The console hub: replay, slow clients, the terminal's back-pressure, input both ways. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/util.h"
#include "vmm/guest/console_hub.h"

/* A device that takes as much input as it is told to. */
struct fake_device {
	struct chardev_frontend frontend;
	char input[256];
	size_t used, room;
	unsigned writable_calls;
};

static struct loop loop;
static struct console_hub *hub;
static struct fake_device device;
static unsigned first_outputs;

static size_t device_input(struct chardev_frontend *frontend, const uint8_t *data, size_t len)
{
	struct fake_device *self = CONTAINER_OF(frontend, struct fake_device, frontend);
	size_t take = len < self->room ? len : self->room;

	memcpy(self->input + self->used, data, take);
	self->used += take;
	self->room -= take;
	return take;
}

static void device_writable(struct chardev_frontend *frontend)
{
	CONTAINER_OF(frontend, struct fake_device, frontend)->writable_calls++;
}

static void count_first_output(void *owner)
{
	(void)owner;
	first_outputs++;
}

static void setup(void)
{
	struct console_hub_config config = {.loop = &loop, .first_output = count_first_output};
	struct error err;

	cr_assert_eq(loop_init(&loop), 0);
	hub = console_hub_create(&config, &err);
	device = (struct fake_device){.frontend = {device_input, device_writable},
				      .room = sizeof(device.input)};
	console_hub_connect(hub, &device.frontend);
}

static void teardown(void)
{
	console_hub_destroy(hub);
	loop_close(&loop);
}

TestSuite(console_hub, .init = setup, .fini = teardown);

static size_t output(const void *data, size_t len)
{
	struct chardev_backend *backend = console_hub_backend(hub);

	return backend->output(backend, data, len);
}

static int add_client(void)
{
	struct error err;
	int ends[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	cr_assert_eq(console_hub_add_client(hub, ends[1], &err), 0);
	return ends[0];
}

Test(console_hub, late_client_sees_what_was_printed)
{
	char text[16];
	int client;

	cr_assert_eq(output("hello", 5), 5);
	client = add_client();
	cr_assert_eq(read(client, text, sizeof(text)), 5);
	cr_assert_eq(memcmp(text, "hello", 5), 0);
	cr_assert_eq(first_outputs, 1);
}

Test(console_hub, slow_client_loses_the_oldest_and_is_told)
{
	static char block[4096];
	static char all[1 << 21];
	size_t used = 0;
	ssize_t got;
	int client = add_client();

	memset(block, 'x', sizeof(block));
	for (int i = 0; i < 200; i++)
		cr_assert_eq(output(block, sizeof(block)), sizeof(block),
			     "a client must not hold up the guest");
	for (int i = 0; i < 100; i++) {
		while ((got = read(client, all + used, sizeof(all) - used)) > 0)
			used += (size_t)got;
		loop_step(&loop, 0);
	}
	cr_assert_lt(used, 200 * sizeof(block));
	cr_assert(memmem(all, used, "bytes left out]", 15));
}

Test(console_hub, terminal_holds_output_back_and_loses_nothing)
{
	static char block[4096];
	struct error err;
	size_t sent = 0, read_back = 0, took;
	int ends[2];
	ssize_t got;

	cr_assert_eq(pipe2(ends, O_NONBLOCK), 0);
	cr_assert_eq(console_hub_add_terminal(hub, -1, ends[1], &err), 0);
	do {
		took = output(block, sizeof(block));
		sent += took;
	} while (took == sizeof(block));
	cr_assert_geq(sent, HUB_RING);
	cr_assert_eq(device.writable_calls, 0);
	for (int i = 0; i < 200 && read_back < sent; i++) {
		while ((got = read(ends[0], block, sizeof(block))) > 0)
			read_back += (size_t)got;
		loop_step(&loop, 0);
	}
	cr_assert_eq(read_back, sent);
	cr_assert_geq(device.writable_calls, 1);
}

Test(console_hub, input_waits_for_the_device)
{
	int client = add_client();

	device.room = 2;
	cr_assert_eq(write(client, "abcd", 4), 4);
	loop_step(&loop, 100);
	cr_assert_eq(device.used, 2);
	device.room = 10;
	console_hub_backend(hub)->readable(console_hub_backend(hub));
	loop_step(&loop, 100);
	cr_assert_eq(device.used, 4);
	cr_assert_eq(memcmp(device.input, "abcd", 4), 0);
}

Test(console_hub, client_that_hangs_up_makes_room)
{
	for (int i = 0; i < 3 * HUB_CLIENTS_MAX; i++) {
		int client = add_client();

		close(client);
		loop_step(&loop, 100);
	}
}

Test(console_hub, too_many_clients_are_refused)
{
	struct error err;
	int ends[2];

	for (int i = 0; i < HUB_CLIENTS_MAX; i++)
		add_client();
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	cr_assert_lt(console_hub_add_client(hub, ends[1], &err), 0);
}

Test(console_hub, tail_is_the_newest)
{
	char tail[4];

	output("0123456789", 10);
	cr_assert_eq(console_hub_tail(hub, tail, sizeof(tail)), 4);
	cr_assert_eq(memcmp(tail, "6789", 4), 0);
}
