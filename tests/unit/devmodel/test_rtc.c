#include <criterion/criterion.h>
#include <stdlib.h>

#include "devmodel/rtc.h"
#include "tests/unit/devmodel/fakes.h"

#define FREQ_SELECT 0x0a
#define CONTROL     0x0b
#define UIP         0x80
#define SET         0x80
#define BINARY      0x04
#define HOURS_24    0x02
#define DIVIDER_ON  0x26
#define DIVIDER_OFF 0x76

static struct timespec fake_time; /* each test is a process of its own */
static struct rtc *rtc;

static void fake_now(struct timespec *now)
{
	*now = fake_time;
}

static uint8_t cmos_read(uint8_t index)
{
	fake_out(&rtc_ops, rtc, 0, index);
	return fake_in(&rtc_ops, rtc, 1);
}

static void cmos_write(uint8_t index, uint8_t value)
{
	fake_out(&rtc_ops, rtc, 0, index);
	fake_out(&rtc_ops, rtc, 1, value);
}

/* Seconds, minutes, hours, weekday, day, month, year, century. */
static void assert_clock(const uint8_t expected[8])
{
	static const uint8_t registers[8] = {0, 2, 4, 6, 7, 8, 9, 0x32};
	uint8_t found[8];

	for (unsigned i = 0; i < 8; i++)
		found[i] = cmos_read(registers[i]);
	for (unsigned i = 0; i < 8; i++)
		cr_assert_eq(found[i], expected[i], "register %02x is %02x, not %02x", registers[i], found[i],
			     expected[i]);
}

#define ASSERT_CLOCK(...) assert_clock((const uint8_t[8]){__VA_ARGS__})

static void clock_write(const uint8_t values[7])
{
	static const uint8_t registers[7] = {0, 2, 4, 7, 8, 9, 0x32};

	for (unsigned i = 0; i < 7; i++)
		cmos_write(registers[i], values[i]);
}

/* Seconds, minutes, hours, day, month, year, century. */
#define CLOCK_WRITE(...) clock_write((const uint8_t[7]){__VA_ARGS__})

static void rtc_setup(void)
{
	fake_time = (struct timespec){.tv_sec = 1709210096}; /* Thursday 2024-02-29 12:34:56 */
	rtc = rtc_create(fake_now, NULL);
	cr_assert(rtc);
}

static void rtc_teardown(void)
{
	rtc_destroy(rtc);
}

TestSuite(rtc, .init = rtc_setup, .fini = rtc_teardown);

Test(rtc, shows_the_host_time_in_bcd_and_24_hours)
{
	ASSERT_CLOCK(0x56, 0x34, 0x12, 5, 0x29, 0x02, 0x24, 0x20);
	cr_assert_eq(cmos_read(CONTROL), HOURS_24);
	cr_assert_eq(cmos_read(0x0d), 0x80, "the battery is good");
	fake_time.tv_sec += 12 * 3600;
	ASSERT_CLOCK(0x56, 0x34, 0x00, 6, 0x01, 0x03, 0x24, 0x20);
}

Test(rtc, binary_and_12_hours)
{
	cmos_write(CONTROL, BINARY | HOURS_24);
	ASSERT_CLOCK(56, 34, 12, 5, 29, 2, 24, 20);
	cmos_write(CONTROL, BINARY);
	ASSERT_CLOCK(56, 34, 0x80 | 12, 5, 29, 2, 24, 20);
	fake_time.tv_sec += 3600;
	cr_assert_eq(cmos_read(4), 0x80 | 1);
	fake_time.tv_sec += 11 * 3600;
	cr_assert_eq(cmos_read(4), 12, "midnight");
	cmos_write(CONTROL, 0);
	fake_time.tv_sec += 23 * 3600;
	cr_assert_eq(cmos_read(4), 0x80 | 0x11);
}

Test(rtc, update_in_progress_just_before_the_second_turns)
{
	fake_time.tv_nsec = 997000000;
	cr_assert_eq(cmos_read(FREQ_SELECT), DIVIDER_ON);
	fake_time.tv_nsec = 998500000;
	cr_assert_eq(cmos_read(FREQ_SELECT), DIVIDER_ON | UIP);
	cmos_write(CONTROL, SET | HOURS_24);
	cr_assert_eq(cmos_read(FREQ_SELECT), DIVIDER_ON, "SET stops updates");
	cmos_write(CONTROL, HOURS_24);
	fake_time.tv_sec++;
	fake_time.tv_nsec = 0;
	cr_assert_eq(cmos_read(FREQ_SELECT), DIVIDER_ON);
	cmos_write(FREQ_SELECT, UIP | DIVIDER_ON);
	cr_assert_eq(cmos_read(FREQ_SELECT), DIVIDER_ON, "UIP cannot be written");
}

Test(rtc, setting_the_time_shifts_the_guest_only)
{
	cmos_write(CONTROL, SET | HOURS_24);
	CLOCK_WRITE(0x59, 0x59, 0x23, 0x31, 0x12, 0x99, 0x19);
	fake_time.tv_sec += 100;
	cr_assert_eq(cmos_read(0), 0x59, "held");
	cmos_write(CONTROL, HOURS_24);
	ASSERT_CLOCK(0x59, 0x59, 0x23, 6, 0x31, 0x12, 0x99, 0x19);
	fake_time.tv_sec++;
	ASSERT_CLOCK(0x00, 0x00, 0x00, 7, 0x01, 0x01, 0x00, 0x20);
}

Test(rtc, holding_the_clock_without_a_change_loses_the_time_held)
{
	cmos_write(CONTROL, SET | HOURS_24);
	fake_time.tv_sec += 10;
	cmos_write(CONTROL, HOURS_24);
	cr_assert_eq(cmos_read(0), 0x56);
}

/* As Linux sets it: hold, stop the divider, write, let go, start the divider. */
Test(rtc, first_second_is_half_a_second_after_the_divider_starts)
{
	fake_time.tv_nsec = 123000000;
	cmos_write(CONTROL, SET | HOURS_24);
	cmos_write(FREQ_SELECT, DIVIDER_OFF);
	CLOCK_WRITE(0x00, 0x00, 0x10, 0x01, 0x01, 0x30, 0x20);
	cmos_write(CONTROL, HOURS_24);
	fake_time.tv_sec += 5;
	cr_assert_eq(cmos_read(0), 0x00, "the divider still stands");
	cmos_write(FREQ_SELECT, DIVIDER_ON);
	cr_assert_eq(cmos_read(0), 0x00);
	fake_time.tv_nsec += 499000000;
	cr_assert_eq(cmos_read(0), 0x00);
	cr_assert(cmos_read(FREQ_SELECT) & UIP);
	fake_time.tv_nsec += 2000000;
	ASSERT_CLOCK(0x01, 0x00, 0x10, 3, 0x01, 0x01, 0x30, 0x20);
}

Test(rtc, writing_a_running_clock_takes_at_once)
{
	cmos_write(2, 0x00);
	ASSERT_CLOCK(0x56, 0x00, 0x12, 5, 0x29, 0x02, 0x24, 0x20);
	fake_time.tv_sec += 4;
	ASSERT_CLOCK(0x00, 0x01, 0x12, 5, 0x29, 0x02, 0x24, 0x20);
}

Test(rtc, setting_in_binary_12_hours)
{
	cmos_write(CONTROL, SET | BINARY);
	CLOCK_WRITE(1, 2, 0x80 | 12, 3, 4, 5, 20);
	cmos_write(CONTROL, BINARY);
	cmos_write(CONTROL, HOURS_24);
	ASSERT_CLOCK(0x01, 0x02, 0x12, 1, 0x03, 0x04, 0x05, 0x20);
}

Test(rtc, nonsense_becomes_some_valid_date)
{
	static const uint8_t values[] = {0x00, 0x7f, 0x80, 0xff, 0x99, 0x5a};

	for (unsigned i = 0; i < ARRAY_SIZE(values); i++) {
		for (unsigned control = 0; control < 8; control += 2) {
			uint8_t v = values[i];

			cmos_write(CONTROL, (uint8_t)(SET | control));
			CLOCK_WRITE(v, v, v, v, v, v, v);
			cmos_write(CONTROL, (uint8_t)control);
			cmos_write(CONTROL, BINARY | HOURS_24);
			cr_assert_leq(cmos_read(0), 59);
			cr_assert_leq(cmos_read(2), 59);
			cr_assert_leq(cmos_read(4), 23);
			cr_assert(cmos_read(7) >= 1 && cmos_read(7) <= 31);
			cr_assert(cmos_read(8) >= 1 && cmos_read(8) <= 12);
			cr_assert_leq(cmos_read(9), 99);
			cr_assert_leq(cmos_read(0x32), 99);
		}
	}
}

Test(rtc, no_interrupt_can_be_enabled)
{
	cmos_write(CONTROL, 0x7f & ~BINARY);
	cr_assert_eq(cmos_read(CONTROL), HOURS_24);
	cr_assert_eq(cmos_read(0x0c), 0);
}

Test(rtc, memory_keeps_what_the_guest_writes)
{
	for (unsigned index = 0x0e; index < 0x80; index++) {
		if (index != 0x32)
			cmos_write((uint8_t)index, (uint8_t)~index);
	}
	for (unsigned index = 0x0e; index < 0x80; index++) {
		if (index != 0x32)
			cr_assert_eq(cmos_read((uint8_t)index), (uint8_t)~index);
	}
	cmos_write(0x0c, 0xff);
	cmos_write(0x0d, 0x00);
	cr_assert_eq(cmos_read(0x0c), 0);
	cr_assert_eq(cmos_read(0x0d), 0x80);
	for (unsigned index = 1; index <= 5; index += 2) {
		cmos_write((uint8_t)index, 0xc0);
		cr_assert_eq(cmos_read((uint8_t)index), 0xc0, "alarm register %u", index);
	}
}

Test(rtc, nmi_bit_does_not_select_another_register)
{
	cr_assert_eq(cmos_read(0x80 | 0x0d), 0x80);
	cr_assert_eq(fake_in(&rtc_ops, rtc, 0), 0xff, "the index cannot be read");
}

Test(rtc, other_widths_are_ignored)
{
	uint8_t wide[4] = {0x0d, 0x0d, 0x0d, 0x0d};
	uint8_t data[4] = {0xff, 0xff, 0xff, 0xff};

	fake_out(&rtc_ops, rtc, 0, 0x10);
	rtc_ops.write(rtc, 0, wide, 2);
	rtc_ops.write(rtc, 1, wide, 2);
	rtc_ops.write(rtc, 0, wide, 0);
	rtc_ops.read(rtc, 1, data, 2);
	cr_assert_eq(data[0] & data[1], 0xff);
	cr_assert_eq(fake_in(&rtc_ops, rtc, 1), 0, "index and memory are as they were");
}

Test(rtc, a_shift_is_shown_and_may_be_set_away)
{
	rtc_shift(rtc, -13 * 3600);
	ASSERT_CLOCK(0x56, 0x34, 0x23, 4, 0x28, 0x02, 0x24, 0x20);
	rtc_shift(rtc, 2 * 3600);
	ASSERT_CLOCK(0x56, 0x34, 0x01, 5, 0x29, 0x02, 0x24, 0x20);
	rtc_shift(rtc, -3155760000);
	ASSERT_CLOCK(0x56, 0x34, 0x01, 6, 0x29, 0x02, 0x24, 0x19);
}

Test(rtc, host_clock_by_default)
{
	struct rtc *own = rtc_create(NULL, NULL);
	time_t now = time(NULL);
	struct tm tm;
	uint8_t month;

	fake_out(&rtc_ops, own, 0, 8);
	month = fake_in(&rtc_ops, own, 1);
	gmtime_r(&now, &tm);
	cr_assert_eq((month >> 4) * 10 + (month & 15), tm.tm_mon + 1);
	rtc_destroy(own);
	rtc_destroy(NULL);
}
