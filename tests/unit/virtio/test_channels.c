/* Named ports (virtio 1.2, 5.3 with VIRTIO_CONSOLE_F_MULTIPORT): the test is the driver on one side, and the
 * host's programs on the other. */
#include "tests/unit/virtio/driver.h"

#include <criterion/criterion.h>
#include <linux/virtio_console.h>
#include <linux/virtio_ids.h>
#include <string.h>

#include "common/util.h"
#include "devmodel/virtio/channels.h"

#define CONTROL_IN   2
#define CONTROL_OUT  3
#define MULTIPORT    (1ULL << VIRTIO_CONSOLE_F_MULTIPORT)
#define AGENT        1 /* ids */
#define OTHER        2
#define RECEIVE(id)  (2 * ((id) + 1))
#define TRANSMIT(id) (2 * ((id) + 1) + 1)
#define BUFFER       64

static struct driver driver;
static struct error err;
static uint64_t control_buffers[DRIVER_QUEUE_SIZE]; /* by head */

static struct program {
	struct chardev_backend backend;
	char output[256];
	size_t output_len;
	size_t room; /* what it still takes */
	unsigned readable_calls;
	unsigned opened_calls;
	bool open;
} programs[3]; /* by id */

static size_t program_output(struct chardev_backend *backend, const uint8_t *data, size_t len)
{
	struct program *program = CONTAINER_OF(backend, struct program, backend);
	size_t size = MIN(len, program->room);

	memcpy(program->output + program->output_len, data, size);
	program->output_len += size;
	program->room -= size;
	return size;
}

static void program_readable(struct chardev_backend *backend)
{
	CONTAINER_OF(backend, struct program, backend)->readable_calls++;
}

static void program_opened(struct chardev_backend *backend, bool open)
{
	struct program *program = CONTAINER_OF(backend, struct program, backend);

	program->opened_calls++;
	program->open = open;
}

static void setup_plugged(void)
{
	struct virtio_channel channels[] = {
		{"org.qemu.guest_agent.0", &programs[AGENT].backend, program_opened},
		{"other", &programs[OTHER].backend, program_opened},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(programs); i++)
		programs[i] = (struct program){.backend = {program_output, program_readable},
					       .room = sizeof(programs[i].output)};
	driver_init(&driver);
	driver_plug(&driver, virtio_channels_create(channels, ARRAY_SIZE(channels), &driver.memory,
						    &driver.loop, &err));
}

static void setup(void)
{
	setup_plugged();
	driver_start(&driver, MULTIPORT);
}

static void teardown(void)
{
	driver_close(&driver);
}

TestSuite(channels, .init = setup, .fini = teardown);
TestSuite(channels_early, .init = setup_plugged, .fini = teardown);

/* ---- The driver ---- */

static void say(uint32_t id, uint16_t event, uint16_t value)
{
	struct virtio_console_control control = {.id = id, .event = event, .value = value};
	struct driver_buffer buffer = driver_out(&driver, &control, sizeof(control));

	driver_add(&driver, CONTROL_OUT, &buffer, 1);
	driver_kick(&driver, CONTROL_OUT);
}

static void offer_control(unsigned count)
{
	while (count--) {
		struct driver_buffer buffer = driver_in(&driver, BUFFER);

		control_buffers[driver_add(&driver, CONTROL_IN, &buffer, 1)] = buffer.address;
	}
	driver_kick(&driver, CONTROL_IN);
}

static void expect_told(uint32_t id, uint16_t event, uint16_t value, const char *name)
{
	struct virtio_console_control control;
	struct driver_used used;
	const uint8_t *bytes;

	cr_assert(driver_collect(&driver, CONTROL_IN, &used), "the driver is told nothing");
	bytes = driver_at(&driver, control_buffers[used.head], BUFFER);
	memcpy(&control, bytes, sizeof(control));
	cr_assert_eq(control.id, id);
	cr_assert_eq(control.event, event, "event %u instead of %u", control.event, event);
	cr_assert_eq(control.value, value);
	cr_assert_eq(used.written, sizeof(control) + strlen(name));
	cr_assert_arr_eq(bytes + sizeof(control), name, strlen(name));
}

static void expect_told_nothing(void)
{
	struct driver_used used;

	cr_assert_not(driver_collect(&driver, CONTROL_IN, &used));
}

/* As Linux does. */
static void driver_takes_ports(void)
{
	offer_control(4);
	say(VIRTIO_CONSOLE_BAD_ID, VIRTIO_CONSOLE_DEVICE_READY, 1);
	expect_told(AGENT, VIRTIO_CONSOLE_PORT_ADD, 1, "");
	expect_told(OTHER, VIRTIO_CONSOLE_PORT_ADD, 1, "");
	say(AGENT, VIRTIO_CONSOLE_PORT_READY, 1);
	say(OTHER, VIRTIO_CONSOLE_PORT_READY, 1);
	expect_told(AGENT, VIRTIO_CONSOLE_PORT_NAME, 1, "org.qemu.guest_agent.0");
	expect_told(OTHER, VIRTIO_CONSOLE_PORT_NAME, 1, "other");
	expect_told_nothing();
}

static void print(unsigned id, const char *text)
{
	struct driver_buffer buffer = driver_out(&driver, text, (uint32_t)strlen(text));

	driver_add(&driver, TRANSMIT(id), &buffer, 1);
	driver_kick(&driver, TRANSMIT(id));
}

static struct driver_buffer add_room(unsigned id, uint32_t len)
{
	struct driver_buffer buffer = driver_in(&driver, len);

	driver_add(&driver, RECEIVE(id), &buffer, 1);
	driver_kick(&driver, RECEIVE(id));
	return buffer;
}

static size_t input(unsigned id, const char *text)
{
	struct chardev_frontend *frontend = virtio_channels_frontend(driver.device, id - 1);

	return frontend->input(frontend, (const uint8_t *)text, strlen(text));
}

static void writable(unsigned id)
{
	struct chardev_frontend *frontend = virtio_channels_frontend(driver.device, id - 1);

	frontend->writable(frontend);
}

static void expect_output(unsigned id, const char *text)
{
	cr_assert_eq(programs[id].output_len, strlen(text), "%.*s", (int)programs[id].output_len,
		     programs[id].output);
	cr_assert_arr_eq(programs[id].output, text, strlen(text));
}

/* ---- The device ---- */

Test(channels, is_a_console_device_with_two_queues_a_port_and_four_more)
{
	struct virtio_console_config config;

	virtio_device_config_read(driver.device, 0, (uint8_t *)&config, sizeof(config));
	cr_assert_eq(driver.device->id, VIRTIO_ID_CONSOLE);
	cr_assert_eq(driver.device->queue_count, 8);
	cr_assert_eq(config.max_nr_ports, 3, "ids from 0 on");
	cr_assert(driver.device->offered & MULTIPORT);
}

Test(channels, ports_are_told_with_their_names)
{
	driver_takes_ports();
}

Test(channels, what_is_to_be_told_waits_for_buffers)
{
	say(0, VIRTIO_CONSOLE_DEVICE_READY, 1);
	expect_told_nothing();
	offer_control(1);
	expect_told(AGENT, VIRTIO_CONSOLE_PORT_ADD, 1, "");
	expect_told_nothing();
	offer_control(1);
	expect_told(OTHER, VIRTIO_CONSOLE_PORT_ADD, 1, "");
}

Test(channels, messages_again_or_out_of_turn_change_nothing)
{
	offer_control(8);
	say(AGENT, VIRTIO_CONSOLE_PORT_READY, 1);
	say(AGENT, VIRTIO_CONSOLE_PORT_OPEN, 1);
	expect_told_nothing();
	cr_assert_not(programs[AGENT].open);
	driver_takes_ports();
	say(0, VIRTIO_CONSOLE_DEVICE_READY, 1);
	say(AGENT, VIRTIO_CONSOLE_PORT_READY, 1);
	expect_told_nothing();
}

Test(channels, messages_of_no_port_or_event_change_nothing)
{
	driver_takes_ports();
	say(0, VIRTIO_CONSOLE_PORT_OPEN, 1);
	say(3, VIRTIO_CONSOLE_PORT_OPEN, 1);
	say(UINT32_MAX, VIRTIO_CONSOLE_PORT_READY, 1);
	for (uint16_t event = VIRTIO_CONSOLE_PORT_NAME; event < 20; event++)
		say(AGENT, event, 1);
	say(AGENT, VIRTIO_CONSOLE_PORT_ADD, 1);
	say(AGENT, UINT16_MAX, UINT16_MAX);
	expect_told_nothing();
	cr_assert_eq(programs[AGENT].opened_calls, 0);
	cr_assert_not(driver_sees_broken(&driver));
}

Test(channels, a_driver_that_cannot_have_a_port_has_the_others)
{
	offer_control(4);
	say(0, VIRTIO_CONSOLE_DEVICE_READY, 1);
	expect_told(AGENT, VIRTIO_CONSOLE_PORT_ADD, 1, "");
	expect_told(OTHER, VIRTIO_CONSOLE_PORT_ADD, 1, "");
	say(AGENT, VIRTIO_CONSOLE_PORT_READY, 0);
	say(OTHER, VIRTIO_CONSOLE_PORT_READY, 1);
	expect_told(OTHER, VIRTIO_CONSOLE_PORT_NAME, 1, "other");
}

Test(channels, a_control_message_that_is_too_short_breaks_the_device)
{
	struct driver_buffer buffer = driver_out(&driver, "1234567", 7);

	driver_add(&driver, CONTROL_OUT, &buffer, 1);
	driver_kick(&driver, CONTROL_OUT);
	cr_assert(driver_sees_broken(&driver));
}

Test(channels, a_control_buffer_without_room_breaks_the_device)
{
	struct driver_buffer buffer = driver_in(&driver, 7);

	driver_add(&driver, CONTROL_IN, &buffer, 1);
	say(0, VIRTIO_CONSOLE_DEVICE_READY, 1);
	cr_assert(driver_sees_broken(&driver));
}

Test(channels, a_control_buffer_without_room_for_the_name_breaks_the_device)
{
	struct driver_buffer buffer = driver_in(&driver, 8);

	for (unsigned i = 0; i < 3; i++)
		driver_add(&driver, CONTROL_IN, &buffer, 1);
	say(0, VIRTIO_CONSOLE_DEVICE_READY, 1);
	cr_assert_not(driver_sees_broken(&driver));
	say(AGENT, VIRTIO_CONSOLE_PORT_READY, 1);
	cr_assert(driver_sees_broken(&driver));
}

/* ---- Open and closed ---- */

Test(channels, the_guest_is_told_who_comes_and_goes)
{
	driver_takes_ports();
	offer_control(3);
	virtio_channels_set_open(driver.device, AGENT - 1, true);
	expect_told(AGENT, VIRTIO_CONSOLE_PORT_OPEN, 1, "");
	virtio_channels_set_open(driver.device, AGENT - 1, true);
	expect_told_nothing();
	virtio_channels_set_open(driver.device, AGENT - 1, false);
	expect_told(AGENT, VIRTIO_CONSOLE_PORT_OPEN, 0, "");
}

Test(channels, gone_and_come_again_is_told_as_both)
{
	driver_takes_ports();
	virtio_channels_set_open(driver.device, AGENT - 1, true);
	offer_control(1);
	expect_told(AGENT, VIRTIO_CONSOLE_PORT_OPEN, 1, "");
	for (unsigned i = 0; i < 100; i++) {
		virtio_channels_set_open(driver.device, AGENT - 1, false);
		virtio_channels_set_open(driver.device, AGENT - 1, true);
	}
	offer_control(8);
	expect_told(AGENT, VIRTIO_CONSOLE_PORT_OPEN, 0, "");
	expect_told(AGENT, VIRTIO_CONSOLE_PORT_OPEN, 1, "");
	expect_told_nothing();
}

Test(channels_early, who_came_before_the_driver_is_told_with_the_port)
{
	virtio_channels_set_open(driver.device, OTHER - 1, true);
	driver_start(&driver, MULTIPORT);
	offer_control(8);
	say(0, VIRTIO_CONSOLE_DEVICE_READY, 1);
	expect_told(AGENT, VIRTIO_CONSOLE_PORT_ADD, 1, "");
	expect_told(OTHER, VIRTIO_CONSOLE_PORT_ADD, 1, "");
	say(OTHER, VIRTIO_CONSOLE_PORT_READY, 1);
	expect_told(OTHER, VIRTIO_CONSOLE_PORT_NAME, 1, "other");
	expect_told(OTHER, VIRTIO_CONSOLE_PORT_OPEN, 1, "");
}

Test(channels, the_host_is_told_of_the_guests_program)
{
	driver_takes_ports();
	say(AGENT, VIRTIO_CONSOLE_PORT_OPEN, 1);
	cr_assert(programs[AGENT].open);
	cr_assert_not(programs[OTHER].open);
	say(AGENT, VIRTIO_CONSOLE_PORT_OPEN, 1);
	cr_assert_eq(programs[AGENT].opened_calls, 1);
	say(AGENT, VIRTIO_CONSOLE_PORT_OPEN, 0);
	cr_assert_not(programs[AGENT].open);
}

Test(channels, a_reset_closes_all_and_begins_anew)
{
	driver_takes_ports();
	virtio_channels_set_open(driver.device, AGENT - 1, true);
	say(AGENT, VIRTIO_CONSOLE_PORT_OPEN, 1);
	driver_reset(&driver);
	cr_assert_not(programs[AGENT].open);
	cr_assert_eq(input(AGENT, "x"), 0);
	virtio_channels_set_open(driver.device, AGENT - 1, false);
	driver_start(&driver, MULTIPORT);
	driver_takes_ports();
}

/* ---- Bytes ---- */

Test(channels, output_goes_to_its_own_program)
{
	driver_takes_ports();
	print(AGENT, "one");
	print(OTHER, "two");
	expect_output(AGENT, "one");
	expect_output(OTHER, "two");
}

Test(channels, a_program_that_does_not_read_holds_up_its_own_port_only)
{
	struct driver_used used;

	driver_takes_ports();
	programs[AGENT].room = 2;
	print(AGENT, "held up");
	print(AGENT, ", too");
	print(OTHER, "free");
	expect_output(AGENT, "he");
	expect_output(OTHER, "free");
	cr_assert_not(driver_collect(&driver, TRANSMIT(AGENT), &used));
	programs[AGENT].room = 100;
	writable(OTHER);
	expect_output(AGENT, "he");
	writable(AGENT);
	expect_output(AGENT, "held up, too");
	cr_assert(driver_collect(&driver, TRANSMIT(AGENT), &used));
	cr_assert(driver_collect(&driver, TRANSMIT(AGENT), &used));
}

Test(channels, input_waits_until_the_guests_program_is_there)
{
	struct driver_buffer buffer;
	struct driver_used used;

	driver_takes_ports();
	buffer = add_room(AGENT, 16);
	cr_assert_eq(input(AGENT, "early"), 0);
	cr_assert_eq(programs[AGENT].readable_calls, 0);
	say(AGENT, VIRTIO_CONSOLE_PORT_OPEN, 1);
	cr_assert_eq(programs[AGENT].readable_calls, 1);
	cr_assert_eq(input(AGENT, "early"), 5);
	cr_assert(driver_collect(&driver, RECEIVE(AGENT), &used));
	cr_assert_eq(used.written, 5);
	cr_assert_arr_eq(driver_at(&driver, buffer.address, 5), "early", 5);
}

Test(channels, input_waits_for_buffers_of_its_own_port)
{
	driver_takes_ports();
	say(AGENT, VIRTIO_CONSOLE_PORT_OPEN, 1);
	say(OTHER, VIRTIO_CONSOLE_PORT_OPEN, 1);
	add_room(AGENT, 4);
	cr_assert_eq(input(AGENT, "abcdef"), 4);
	add_room(OTHER, 4);
	cr_assert_eq(programs[AGENT].readable_calls, 0);
	add_room(AGENT, 4);
	cr_assert_eq(programs[AGENT].readable_calls, 1);
	cr_assert_eq(programs[OTHER].readable_calls, 0);
	cr_assert_eq(input(AGENT, "ef"), 2);
}

Test(channels_early, a_driver_of_one_port_prints_to_nobody)
{
	struct driver_buffer buffer;
	struct driver_used used;

	driver_start(&driver, 0);
	buffer = driver_out(&driver, "hello", 5);
	driver_add(&driver, 1, &buffer, 1);
	driver_kick(&driver, 1);
	cr_assert(driver_collect(&driver, 1, &used));
	offer_control(4);
	say(0, VIRTIO_CONSOLE_DEVICE_READY, 1);
	print(AGENT, "hello");
	expect_told_nothing();
	expect_output(AGENT, "");
	cr_assert_not(driver_sees_broken(&driver));
}
