/* The console (virtio 1.2, 5.3) with a backend that takes and gives as much as a test wants. */
#include "tests/unit/virtio/driver.h"

#include <criterion/criterion.h>
#include <linux/virtio_console.h>
#include <linux/virtio_ids.h>
#include <string.h>

#include "common/util.h"
#include "devmodel/virtio/console.h"

#define RECEIVE  0
#define TRANSMIT 1
#define SIZE     (1ULL << VIRTIO_CONSOLE_F_SIZE)

static struct driver driver;
static struct error err;
static struct chardev_frontend *frontend;

static struct {
	struct chardev_backend backend;
	char output[1024];
	size_t output_len;
	size_t room; /* what it still takes */
	unsigned readable_calls;
} terminal;

static size_t terminal_output(struct chardev_backend *backend, const uint8_t *data, size_t len)
{
	size_t size = MIN(len, terminal.room);

	cr_assert_eq(backend, &terminal.backend);
	cr_assert_leq(terminal.output_len + size, sizeof(terminal.output));
	memcpy(terminal.output + terminal.output_len, data, size);
	terminal.output_len += size;
	terminal.room -= size;
	return size;
}

static void terminal_readable(struct chardev_backend *backend)
{
	cr_assert_eq(backend, &terminal.backend);
	terminal.readable_calls++;
}

static void setup_plugged(void)
{
	driver_init(&driver);
	terminal.backend = (struct chardev_backend){.output = terminal_output, .readable = terminal_readable};
	terminal.room = SIZE_MAX;
	driver_plug(&driver,
		    virtio_console_create("test", &terminal.backend, &driver.memory, &driver.loop, &err));
	frontend = virtio_console_frontend(driver.device);
}

static void setup(void)
{
	setup_plugged();
	driver_start(&driver, SIZE);
}

static void teardown(void)
{
	driver_close(&driver);
}

TestSuite(console, .init = setup, .fini = teardown);
TestSuite(console_early, .init = setup_plugged, .fini = teardown);

static void add_output(const char *text)
{
	struct driver_buffer buffer = driver_out(&driver, text, (uint32_t)strlen(text));

	driver_add(&driver, TRANSMIT, &buffer, 1);
}

static void expect_output(const char *text)
{
	cr_assert_eq(terminal.output_len, strlen(text), "%.*s", (int)terminal.output_len, terminal.output);
	cr_assert_arr_eq(terminal.output, text, strlen(text));
}

static unsigned collect_all(unsigned queue)
{
	struct driver_used used;
	unsigned count = 0;

	while (driver_collect(&driver, queue, &used))
		count++;
	return count;
}

static struct driver_buffer add_room(uint32_t len)
{
	struct driver_buffer buffer = driver_in(&driver, len);

	driver_add(&driver, RECEIVE, &buffer, 1);
	return buffer;
}

static size_t input(const char *text)
{
	return frontend->input(frontend, (const uint8_t *)text, strlen(text));
}

/* Output */

Test(console, output_reaches_the_backend_in_order)
{
	struct driver_used used;

	add_output("one ");
	add_output("two ");
	driver_kick(&driver, TRANSMIT);
	add_output("three");
	driver_kick(&driver, TRANSMIT);
	expect_output("one two three");
	cr_assert(driver_collect(&driver, TRANSMIT, &used));
	cr_assert_eq(used.written, 0);
	cr_assert_eq(collect_all(TRANSMIT), 2);
	cr_assert_eq(driver.interrupts[TRANSMIT], 2);
}

Test(console, output_of_several_descriptors_is_one_text)
{
	driver_add(&driver, TRANSMIT,
		   (struct driver_buffer[]){driver_out(&driver, "ab", 2), driver_out(&driver, "", 0),
					    driver_out(&driver, "cde", 3)},
		   3);
	driver_kick(&driver, TRANSMIT);
	expect_output("abcde");
}

Test(console, output_that_is_not_taken_stays_with_the_guest)
{
	terminal.room = 0;
	add_output("later");
	driver_kick(&driver, TRANSMIT);
	cr_assert_eq(collect_all(TRANSMIT), 0);
	cr_assert_eq(driver.interrupts[TRANSMIT], 0);
	terminal.room = SIZE_MAX;
	driver_kick(&driver, TRANSMIT);
	expect_output("");
	frontend->writable(frontend);
	expect_output("later");
	cr_assert_eq(collect_all(TRANSMIT), 1);
	cr_assert_eq(driver.interrupts[TRANSMIT], 1);
}

Test(console, output_that_is_taken_in_part_goes_on_where_it_stopped)
{
	driver_add(&driver, TRANSMIT,
		   (struct driver_buffer[]){driver_out(&driver, "abc", 3), driver_out(&driver, "defgh", 5)},
		   2);
	add_output("ij");
	terminal.room = 2;
	driver_kick(&driver, TRANSMIT);
	expect_output("ab");
	for (unsigned i = 0; i < 4; i++) {
		terminal.room = 2;
		frontend->writable(frontend);
	}
	expect_output("abcdefghij");
	cr_assert_eq(collect_all(TRANSMIT), 2);
}

Test(console, output_in_part_that_shrinks_meanwhile_harms_nobody)
{
	driver_needs_split();
	add_output("abcdef");
	terminal.room = 4;
	driver_kick(&driver, TRANSMIT);
	driver.queues[TRANSMIT].desc[0].len = 1;
	terminal.room = SIZE_MAX;
	frontend->writable(frontend);
	expect_output("abcd");
	add_output("next");
	driver_kick(&driver, TRANSMIT);
	expect_output("abcdnext");
}

Test(console, room_that_nobody_waited_for_is_no_news)
{
	frontend->writable(frontend);
	expect_output("");
	cr_assert_eq(driver.interrupts[TRANSMIT], 0);
}

Test(console, reset_forgets_output_in_part)
{
	add_output("abcdef");
	terminal.room = 4;
	driver_kick(&driver, TRANSMIT);
	driver_reset(&driver);
	terminal.room = SIZE_MAX;
	frontend->writable(frontend);
	expect_output("abcd");
	driver_start(&driver, 0);
	add_output("XYZ");
	driver_kick(&driver, TRANSMIT);
	expect_output("abcdXYZ");
}

Test(console, a_queues_reset_forgets_output_in_part)
{
	driver_reset(&driver);
	driver_start(&driver, DRIVER_RING_RESET);
	terminal.room = 3;
	add_output("forgotten");
	driver_kick(&driver, TRANSMIT);
	driver_restart_queue(&driver, RECEIVE);
	driver_restart_queue(&driver, TRANSMIT);
	terminal.output_len = 0;
	terminal.room = SIZE_MAX;
	frontend->writable(frontend);
	add_output("after");
	driver_kick(&driver, TRANSMIT);
	expect_output("after");
}

Test(console, a_flood_is_served_in_turns)
{
	for (unsigned i = 0; i < DRIVER_QUEUE_SIZE; i++)
		add_output("x");
	driver_kick(&driver, TRANSMIT);
	cr_assert_eq(collect_all(TRANSMIT), DRIVER_QUEUE_SIZE);
	cr_assert_eq(driver.interrupts[TRANSMIT], 1);
}

Test(console, a_broken_transmit_ring_breaks_the_device)
{
	driver_add(&driver, TRANSMIT, (struct driver_buffer[]){{.address = 0, .len = 5}}, 1);
	driver_kick(&driver, TRANSMIT);
	cr_assert(driver_sees_broken(&driver));
	add_output("no more");
	driver_kick(&driver, TRANSMIT);
	frontend->writable(frontend);
	expect_output("");
}

/* Input */

Test(console, input_goes_into_the_guests_buffers)
{
	struct driver_buffer first = add_room(4), second = add_room(10);
	struct driver_used used;

	cr_assert_eq(input("abcdefg"), 7);
	cr_assert(driver_collect(&driver, RECEIVE, &used));
	cr_assert_eq(used.written, 4);
	cr_assert(driver_collect(&driver, RECEIVE, &used));
	cr_assert_eq(used.written, 3);
	cr_assert_arr_eq(driver_at(&driver, first.address, 4), "abcd", 4);
	cr_assert_arr_eq(driver_at(&driver, second.address, 4), "efg\0", 4);
	cr_assert_eq(driver.interrupts[RECEIVE], 1);
}

Test(console, input_without_room_stays_with_the_backend)
{
	add_room(4);
	cr_assert_eq(input("abcdefg"), 4);
	cr_assert_eq(input("efg"), 0);
	cr_assert_eq(terminal.readable_calls, 0);
	add_room(4);
	driver_kick(&driver, RECEIVE);
	cr_assert_eq(terminal.readable_calls, 1);
	cr_assert_eq(input("efg"), 3);
	add_room(4);
	driver_kick(&driver, RECEIVE);
	cr_assert_eq(terminal.readable_calls, 1, "nobody waits any more");
}

Test(console, room_for_input_is_asked_for_only_when_needed)
{
	driver_needs_split();
	add_room(4);
	driver_kick(&driver, RECEIVE);
	cr_assert_eq(driver.queues[RECEIVE].used->flags, VRING_USED_F_NO_NOTIFY);
	cr_assert_eq(input("abcdefg"), 4);
	cr_assert_eq(driver.queues[RECEIVE].used->flags, 0);
}

Test(console_early, input_before_the_driver_runs_waits)
{
	cr_assert_eq(input("early"), 0);
	driver_start(&driver, 0);
	add_room(16);
	driver_kick(&driver, RECEIVE);
	cr_assert_eq(terminal.readable_calls, 1);
	cr_assert_eq(input("early"), 5);
}

Test(console, input_waits_across_a_reset)
{
	cr_assert_eq(input("x"), 0);
	driver_reset(&driver);
	driver_start(&driver, 0);
	add_room(4);
	driver_kick(&driver, RECEIVE);
	cr_assert_eq(terminal.readable_calls, 1);
}

Test(console, a_receive_buffer_that_cannot_be_written_breaks_the_device)
{
	driver_add(&driver, RECEIVE, (struct driver_buffer[]){driver_out(&driver, "ro", 2)}, 1);
	cr_assert_eq(input("abc"), 0);
	cr_assert(driver_sees_broken(&driver));
	cr_assert_eq(collect_all(RECEIVE), 0);
}

Test(console, more_input_than_a_turn_takes_goes_on)
{
	static char text[VIRTIO_BATCH + 3];
	size_t taken;

	driver_reset(&driver);
	driver.queue_size = 64;
	driver_start(&driver, 0);
	for (unsigned i = 0; i < sizeof(text); i++)
		add_room(1);
	memset(text, 'x', sizeof(text) - 1);
	taken = input(text);
	cr_assert_lt(taken, sizeof(text) - 1);
	driver_run(&driver);
	cr_assert_eq(terminal.readable_calls, 1);
	cr_assert_eq(taken + input(text + taken), sizeof(text) - 1);
}

/* Size */

Test(console, the_size_is_in_its_configuration)
{
	struct virtio_console_config config;
	uint32_t generation = driver.device->config_generation;

	virtio_console_resize(driver.device, 132, 43);
	virtio_device_config_read(driver.device, 0, (uint8_t *)&config, sizeof(config));
	cr_assert_eq(config.cols, 132);
	cr_assert_eq(config.rows, 43);
	cr_assert_eq(driver.config_interrupts, 1);
	cr_assert_neq(driver.device->config_generation, generation);
}

Test(console, the_same_size_again_is_no_news)
{
	virtio_console_resize(driver.device, 80, 25);
	virtio_console_resize(driver.device, 80, 25);
	cr_assert_eq(driver.config_interrupts, 1);
}

Test(console_early, a_size_before_the_driver_runs_is_there_when_it_looks)
{
	struct virtio_console_config config;

	virtio_console_resize(driver.device, 80, 25);
	cr_assert_eq(driver.config_interrupts, 0);
	driver_start(&driver, SIZE);
	virtio_device_config_read(driver.device, 0, (uint8_t *)&config, sizeof(config));
	cr_assert_eq(config.cols, 80);
}

Test(console, is_a_console_of_one_port)
{
	cr_assert_eq(driver.device->id, VIRTIO_ID_CONSOLE);
	cr_assert_eq(driver.device->queue_count, 2);
	cr_assert_eq(driver.device->offered & 1ULL << VIRTIO_CONSOLE_F_MULTIPORT, 0);
}
