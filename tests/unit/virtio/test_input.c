/* The input device (virtio 1.2, 5.8). */
#include "tests/unit/virtio/driver.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <linux/input.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_input.h>
#include <string.h>

#include "common/util.h"
#include "devmodel/virtio/input.h"

#define EVENTS 0
#define STATUS 1

static struct driver driver;
static struct error err;
static uint32_t lights;
static unsigned lights_told;

static void leds_changed(void *owner, uint32_t leds)
{
	cr_assert_eq(owner, &lights);
	lights = leds;
	lights_told++;
}

static void begin(enum virtio_input_kind kind)
{
	struct virtio_input_options options = {
		.kind = kind, .serial = "seat0", .leds = leds_changed, .owner = &lights};

	driver_init(&driver);
	driver_attach(&driver, virtio_input_create(&options, &driver.memory, &driver.loop, &err), 0);
}

static void begin_keyboard(void)
{
	begin(VIRTIO_INPUT_KEYBOARD);
}

static void begin_mouse(void)
{
	begin(VIRTIO_INPUT_MOUSE);
}

static void begin_tablet(void)
{
	begin(VIRTIO_INPUT_TABLET);
}

static void end(void)
{
	driver_close(&driver);
}

TestSuite(keyboard, .init = begin_keyboard, .fini = end);
TestSuite(mouse, .init = begin_mouse, .fini = end);
TestSuite(tablet, .init = begin_tablet, .fini = end);

/* --- The driver's side --- */

static struct virtio_input_config config_of(uint8_t select, uint8_t subsel)
{
	struct virtio_input_config config;
	uint8_t choice[] = {select, subsel};

	virtio_device_config_write(driver.device, 0, choice, sizeof(choice));
	virtio_device_config_read(driver.device, 0, (uint8_t *)&config, sizeof(config));
	return config;
}

static bool has_bit(const struct virtio_input_config *config, unsigned bit)
{
	return bit / 8 < config->size && config->u.bitmap[bit / 8] >> bit % 8 & 1;
}

static struct driver_buffer places[512];
static unsigned place_count, place_read;

static void give_buffers(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		places[place_count] = driver_in(&driver, sizeof(struct virtio_input_event));
		driver_add(&driver, EVENTS, &places[place_count++], 1);
	}
	driver_kick(&driver, EVENTS);
}

/* As many as the queue has places. */
static void fill_queue(void)
{
	give_buffers(DRIVER_QUEUE_SIZE - (place_count - place_read));
}

/* The next event; false: there is none. */
static bool next(struct virtio_input_event *event)
{
	struct driver_used used;

	if (!driver_collect(&driver, EVENTS, &used))
		return false;
	cr_assert_eq(used.written, sizeof(*event));
	memcpy(event, driver_at(&driver, places[place_read++].address, sizeof(*event)), sizeof(*event));
	return true;
}

static void expect(uint16_t type, uint16_t code, int32_t value)
{
	struct virtio_input_event event;

	cr_assert(next(&event), "no event, in place of %u %u %d", type, code, value);
	cr_assert_eq(event.type, type);
	cr_assert_eq(event.code, code, "code %u, in place of %u", event.code, code);
	cr_assert_eq((int32_t)event.value, value);
}

static void expect_nothing(void)
{
	struct virtio_input_event event;

	cr_assert_not(next(&event));
}

static int send_one(uint16_t type, uint16_t code, int32_t value)
{
	const struct virtio_input_change change = {type, code, value};

	return virtio_input_send(driver.device, &change, 1);
}

static int press(uint16_t code, int32_t value)
{
	return send_one(EV_KEY, code, value);
}

/* --- What the devices say of themselves --- */

Test(keyboard, says_what_it_is)
{
	struct virtio_input_config config = config_of(VIRTIO_INPUT_CFG_ID_NAME, 0);

	cr_assert_eq(driver.device->id, VIRTIO_ID_INPUT);
	cr_assert_eq(config.size, strlen("rastOS keyboard"));
	cr_assert_arr_eq(config.u.string, "rastOS keyboard", config.size);
	config = config_of(VIRTIO_INPUT_CFG_ID_SERIAL, 0);
	cr_assert_eq(config.size, 5);
	cr_assert_arr_eq(config.u.string, "seat0", 5);
	config = config_of(VIRTIO_INPUT_CFG_ID_DEVIDS, 0);
	cr_assert_eq(config.size, sizeof(config.u.ids));
	cr_assert_eq(config.u.ids.bustype, BUS_VIRTUAL);
	config = config_of(VIRTIO_INPUT_CFG_EV_BITS, EV_KEY);
	cr_assert(has_bit(&config, KEY_ESC) && has_bit(&config, KEY_A) && has_bit(&config, KEY_RIGHTMETA));
	cr_assert_not(has_bit(&config, BTN_LEFT));
	cr_assert_not(has_bit(&config, 0));
	config = config_of(VIRTIO_INPUT_CFG_EV_BITS, EV_LED);
	cr_assert(has_bit(&config, LED_CAPSL));
	config = config_of(VIRTIO_INPUT_CFG_EV_BITS, EV_REP);
	cr_assert_eq(config.size, 1, "the guest repeats");
}

Test(mouse, has_buttons_and_relative_axes)
{
	struct virtio_input_config config = config_of(VIRTIO_INPUT_CFG_EV_BITS, EV_REL);

	cr_assert(has_bit(&config, REL_X) && has_bit(&config, REL_Y) && has_bit(&config, REL_WHEEL));
	config = config_of(VIRTIO_INPUT_CFG_EV_BITS, EV_KEY);
	cr_assert(has_bit(&config, BTN_LEFT) && has_bit(&config, BTN_EXTRA));
	cr_assert_not(has_bit(&config, KEY_A));
	cr_assert_eq(config_of(VIRTIO_INPUT_CFG_EV_BITS, EV_ABS).size, 0);
	cr_assert_eq(config_of(VIRTIO_INPUT_CFG_ABS_INFO, ABS_X).size, 0);
}

Test(tablet, has_absolute_axes)
{
	struct virtio_input_config config = config_of(VIRTIO_INPUT_CFG_ABS_INFO, ABS_Y);

	cr_assert_eq(config.size, sizeof(config.u.abs));
	cr_assert_eq(config.u.abs.min, 0);
	cr_assert_eq(config.u.abs.max, VIRTIO_INPUT_AXIS_MAX);
	cr_assert_eq(config_of(VIRTIO_INPUT_CFG_ABS_INFO, ABS_Z).size, 0);
	config = config_of(VIRTIO_INPUT_CFG_EV_BITS, EV_REL);
	cr_assert(has_bit(&config, REL_WHEEL));
	cr_assert_not(has_bit(&config, REL_X));
}

/* 5.8.5.2: a size of 0 for what there is not. */
Test(keyboard, what_it_has_not_is_of_no_size)
{
	for (unsigned select = 0; select < 256; select++) {
		for (unsigned subsel = 0; subsel < 256; subsel++) {
			struct virtio_input_config config = config_of((uint8_t)select, (uint8_t)subsel);
			bool known = select == VIRTIO_INPUT_CFG_EV_BITS
					     ? subsel == EV_KEY || subsel == EV_LED || subsel == EV_REP
					     : select >= VIRTIO_INPUT_CFG_ID_NAME &&
						       select <= VIRTIO_INPUT_CFG_ID_DEVIDS && subsel == 0;

			cr_assert_eq(config.size > 0, known, "select %u, subsel %u", select, subsel);
			cr_assert_eq(config.select, select);
		}
	}
}

Test(keyboard, the_rest_of_its_configuration_cannot_be_written)
{
	uint8_t bytes[sizeof(struct virtio_input_config)];
	struct virtio_input_config config;

	memset(bytes, 0xff, sizeof(bytes));
	virtio_device_config_write(driver.device, 2, bytes, sizeof(bytes) - 2);
	virtio_device_config_read(driver.device, 0, (uint8_t *)&config, sizeof(config));
	cr_assert_eq(config.select, 0);
	cr_assert_eq(config.size, 0);
	cr_assert_eq(config.u.string[0], 0);
}

/* --- Events --- */

Test(keyboard, a_key_arrives_with_its_end)
{
	give_buffers(4);
	cr_assert_eq(press(KEY_A, 1), 0);
	cr_assert_eq(driver.interrupts[EVENTS], 1);
	expect(EV_KEY, KEY_A, 1);
	expect(EV_SYN, SYN_REPORT, 0);
	cr_assert_eq(press(KEY_A, 0), 0);
	expect(EV_KEY, KEY_A, 0);
	expect(EV_SYN, SYN_REPORT, 0);
}

Test(keyboard, a_key_that_is_down_is_not_pressed_again)
{
	give_buffers(8);
	press(KEY_A, 1);
	press(KEY_A, 1);
	press(KEY_B, 0);
	expect(EV_KEY, KEY_A, 1);
	expect(EV_SYN, SYN_REPORT, 0);
	expect_nothing();
}

Test(keyboard, an_update_waits_for_all_its_buffers)
{
	give_buffers(1);
	press(KEY_A, 1);
	expect_nothing();
	cr_assert_eq(driver.interrupts[EVENTS], 0);
	give_buffers(1);
	expect(EV_KEY, KEY_A, 1);
	expect(EV_SYN, SYN_REPORT, 0);
}

Test(keyboard, events_that_it_has_not_are_refused_and_nothing_is_sent)
{
	const struct virtio_input_change changes[] = {{EV_KEY, KEY_A, 1}, {EV_KEY, BTN_LEFT, 1}};

	give_buffers(8);
	cr_assert_eq(virtio_input_send(driver.device, changes, 2), -EINVAL);
	cr_assert_eq(send_one(EV_REL, REL_X, 1), -EINVAL);
	cr_assert_eq(send_one(EV_SYN, SYN_REPORT, 0), -EINVAL);
	cr_assert_eq(send_one(EV_LED, LED_CAPSL, 1), -EINVAL);
	cr_assert_eq(send_one(EV_KEY, UINT16_MAX, 1), -EINVAL);
	cr_assert_eq(virtio_input_send(driver.device, changes, VIRTIO_INPUT_UPDATE_MAX + 1), -EINVAL);
	expect_nothing();
}

Test(mouse, moves)
{
	const struct virtio_input_change changes[] = {{EV_REL, REL_X, -3}, {EV_REL, REL_Y, 0}};

	give_buffers(4);
	cr_assert_eq(virtio_input_send(driver.device, changes, 2), 0);
	expect(EV_REL, REL_X, -3);
	expect(EV_SYN, SYN_REPORT, 0);
	expect_nothing();
}

Test(tablet, says_where_it_is_and_no_more_than_is_new)
{
	const struct virtio_input_change changes[] = {
		{EV_ABS, ABS_X, 100}, {EV_ABS, ABS_Y, VIRTIO_INPUT_AXIS_MAX}, {EV_KEY, BTN_LEFT, 1}};

	give_buffers(8);
	virtio_input_send(driver.device, changes, 3);
	expect(EV_ABS, ABS_X, 100);
	expect(EV_ABS, ABS_Y, VIRTIO_INPUT_AXIS_MAX);
	expect(EV_KEY, BTN_LEFT, 1);
	expect(EV_SYN, SYN_REPORT, 0);
	virtio_input_send(driver.device, changes, 3);
	expect_nothing();
	cr_assert_eq(send_one(EV_ABS, ABS_X, VIRTIO_INPUT_AXIS_MAX + 1), -EINVAL);
	cr_assert_eq(send_one(EV_ABS, ABS_X, -1), -EINVAL);
}

/* --- A guest that takes nothing --- */

Test(keyboard, one_that_gives_no_buffers_is_told_the_end_of_it)
{
	int code = 0;
	struct virtio_input_event event;
	bool down[KEY_CNT] = {false};

	for (unsigned i = 0; i < 1000; i++)
		code = press((uint16_t)(KEY_ESC + i % 40), i / 40 % 2 == 0);
	cr_assert_eq(code, -ENOBUFS);
	press(KEY_Z, 1); /* 44: none of those */
	for (unsigned i = 0; i < 40; i++) {
		fill_queue();
		while (next(&event)) {
			if (event.type == EV_KEY)
				down[event.code] = event.value;
		}
	}
	/* 1000 is 25 rounds: the last one pressed them all. */
	for (unsigned i = 0; i < 40; i++)
		cr_assert(down[KEY_ESC + i], "key %u", KEY_ESC + i);
	cr_assert(down[KEY_Z]);
	cr_assert_eq(press(KEY_Z, 0), 0, "it is over");
	expect(EV_KEY, KEY_Z, 0);
}

Test(tablet, one_that_gives_no_buffers_hears_of_the_last_place_alone)
{
	struct virtio_input_event event;
	uint32_t x = 0, count = 0;

	for (int32_t i = 1; i <= 1000; i++)
		send_one(EV_ABS, ABS_X, i);
	for (unsigned i = 0; i < 40; i++) {
		fill_queue();
		for (; next(&event); count++) {
			if (event.type == EV_ABS)
				x = event.value;
		}
	}
	cr_assert_eq(x, 1000);
	cr_assert_leq(count, VIRTIO_INPUT_PENDING + 3);
}

Test(keyboard, without_a_driver_nothing_is_kept)
{
	driver_reset(&driver);
	cr_assert_eq(press(KEY_A, 1), -ENODEV);
	driver_start(&driver, 0);
	give_buffers(4);
	expect_nothing();
	press(KEY_A, 0);
	expect_nothing();
}

Test(keyboard, a_reset_forgets_what_waits)
{
	press(KEY_A, 1);
	driver_reset(&driver);
	driver_start(&driver, 0);
	give_buffers(4);
	expect_nothing();
	press(KEY_A, 1);
	expect(EV_KEY, KEY_A, 1);
}

/* --- Lights --- */

static void status_event(uint16_t type, uint16_t code, uint32_t value)
{
	const struct virtio_input_event event = {.type = type, .code = code, .value = value};
	struct driver_buffer buffer = driver_out(&driver, &event, sizeof(event));
	struct driver_used used;

	driver_add(&driver, STATUS, &buffer, 1);
	driver_kick(&driver, STATUS);
	cr_assert(driver_collect(&driver, STATUS, &used));
}

Test(keyboard, lights_are_told_when_they_change)
{
	lights_told = 0;
	status_event(EV_LED, LED_CAPSL, 1);
	cr_assert_eq(lights, 1U << LED_CAPSL);
	status_event(EV_LED, LED_CAPSL, 1);
	status_event(EV_LED, LED_NUML, 7);
	cr_assert_eq(virtio_input_leds(driver.device), 1U << LED_CAPSL | 1U << LED_NUML);
	status_event(EV_LED, LED_CAPSL, 0);
	cr_assert_eq(lights, 1U << LED_NUML);
	cr_assert_eq(lights_told, 3);
	status_event(EV_LED, LED_MAIL, 1);
	status_event(EV_LED, 0xffff, 1);
	status_event(EV_SND, 0, 1);
	cr_assert_eq(lights_told, 3);
}

/* --- Guests that break the rules --- */

Test(keyboard, an_event_buffer_that_is_too_small_breaks_it)
{
	struct driver_buffer small = driver_in(&driver, sizeof(struct virtio_input_event) - 1);

	driver_add(&driver, EVENTS, &small, 1);
	driver_kick(&driver, EVENTS);
	cr_assert_not(driver_sees_broken(&driver));
	press(KEY_A, 1);
	cr_assert(driver_sees_broken(&driver));
	cr_assert_eq(press(KEY_A, 0), -ENODEV);
}

Test(keyboard, a_status_that_is_too_small_breaks_it)
{
	struct driver_buffer small = driver_out(&driver, "1234567", 7);

	driver_add(&driver, STATUS, &small, 1);
	driver_kick(&driver, STATUS);
	cr_assert(driver_sees_broken(&driver));
}

Test(keyboard, a_broken_ring_breaks_it)
{
	struct driver_buffer outside = {.address = 1, .len = 8, .writable = true};

	driver_add(&driver, EVENTS, &outside, 1);
	press(KEY_A, 1);
	cr_assert(driver_sees_broken(&driver));
}
