/*
 * While the clock runs, its registers are made from the host's time plus our offset whenever one is looked
 * at. While the guest holds it (to set it), they are plain memory; when it runs again, the offset is worked
 * out from them.
 */
#include "devmodel/rtc.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "common/util.h"

/* Offsets from RTC_PORT. */
#define PORT_INDEX 0
#define PORT_DATA  1

#define INDEX_MASK  0x7f /* bit 7 is the PC's NMI mask */
#define MEMORY_SIZE 128

#define REG_SECONDS 0x00
#define REG_MINUTES 0x02
#define REG_HOURS   0x04
#define REG_WEEKDAY 0x06 /* 1: Sunday */
#define REG_DAY     0x07
#define REG_MONTH   0x08
#define REG_YEAR    0x09
#define REG_A       0x0a
#define REG_B       0x0b
#define REG_C       0x0c /* which interrupts are due: none, ever */
#define REG_D       0x0d
#define REG_CENTURY 0x32

#define A_UPDATING      0x80 /* UIP */
#define A_DIVIDER_HELD  0x60 /* both bits: the divider chain is held in reset */
#define A_32768_HZ_1024 0x26 /* as every PC's firmware leaves it */
#define B_SET           0x80
#define B_BINARY        0x04
#define B_24_HOURS      0x02
#define B_OFFERED       (B_SET | B_BINARY | B_24_HOURS)
#define D_VALID         0x80
#define HOUR_PM         0x80

#define NS_PER_SECOND 1000000000L
#define UPDATE_NS     2228000L   /* UIP rises 244 us before an update, which takes 1984 us */
#define RELEASE_NS    500000000L /* from the divider's release to the first update */

struct rtc {
	pthread_mutex_t lock;
	void (*now)(struct timespec *now);
	struct timespec offset; /* of the guest's clock; tv_nsec is in [0, 1 s) */
	uint8_t index;
	uint8_t memory[MEMORY_SIZE];
};

static bool divider_held(const struct rtc *rtc)
{
	return (rtc->memory[REG_A] & A_DIVIDER_HELD) == A_DIVIDER_HELD;
}

static bool clock_runs(const struct rtc *rtc)
{
	return !(rtc->memory[REG_B] & B_SET) && !divider_held(rtc);
}

static struct timespec clock_now(const struct rtc *rtc)
{
	struct timespec now;

	rtc->now(&now);
	now.tv_sec += rtc->offset.tv_sec;
	now.tv_nsec += rtc->offset.tv_nsec;
	if (now.tv_nsec >= NS_PER_SECOND) {
		now.tv_nsec -= NS_PER_SECOND;
		now.tv_sec++;
	}
	return now;
}

static uint8_t number_encode(const struct rtc *rtc, int value)
{
	return (uint8_t)(rtc->memory[REG_B] & B_BINARY ? value : value / 10 << 4 | value % 10);
}

static int number_decode(const struct rtc *rtc, uint8_t value)
{
	return rtc->memory[REG_B] & B_BINARY ? value : (value >> 4) * 10 + (value & 0x0f);
}

static uint8_t hour_encode(const struct rtc *rtc, int hour)
{
	if (rtc->memory[REG_B] & B_24_HOURS)
		return number_encode(rtc, hour);
	return number_encode(rtc, (hour + 11) % 12 + 1) | (hour >= 12 ? HOUR_PM : 0);
}

static int hour_decode(const struct rtc *rtc, uint8_t value)
{
	if (rtc->memory[REG_B] & B_24_HOURS)
		return number_decode(rtc, value);
	return number_decode(rtc, value & (uint8_t)~HOUR_PM) % 12 + (value & HOUR_PM ? 12 : 0);
}

/* Registers from the clock. */
static void registers_update(struct rtc *rtc)
{
	struct timespec now = clock_now(rtc);
	struct tm tm;
	int year;

	gmtime_r(&now.tv_sec, &tm);
	year = MAX(tm.tm_year + 1900, 0);
	rtc->memory[REG_SECONDS] = number_encode(rtc, tm.tm_sec);
	rtc->memory[REG_MINUTES] = number_encode(rtc, tm.tm_min);
	rtc->memory[REG_HOURS] = hour_encode(rtc, tm.tm_hour);
	rtc->memory[REG_WEEKDAY] = number_encode(rtc, tm.tm_wday + 1);
	rtc->memory[REG_DAY] = number_encode(rtc, tm.tm_mday);
	rtc->memory[REG_MONTH] = number_encode(rtc, tm.tm_mon + 1);
	rtc->memory[REG_YEAR] = number_encode(rtc, year % 100);
	rtc->memory[REG_CENTURY] = number_encode(rtc, year / 100 % 100);
}

/* The clock from registers; what is no date (month 13) becomes the date it amounts to. */
static void clock_set(struct rtc *rtc)
{
	struct tm tm = {
		.tm_sec = number_decode(rtc, rtc->memory[REG_SECONDS]),
		.tm_min = number_decode(rtc, rtc->memory[REG_MINUTES]),
		.tm_hour = hour_decode(rtc, rtc->memory[REG_HOURS]),
		.tm_mday = number_decode(rtc, rtc->memory[REG_DAY]),
		.tm_mon = number_decode(rtc, rtc->memory[REG_MONTH]) - 1,
		.tm_year = number_decode(rtc, rtc->memory[REG_CENTURY]) * 100 +
			   number_decode(rtc, rtc->memory[REG_YEAR]) - 1900,
	};

	rtc->offset.tv_sec += timegm(&tm) - clock_now(rtc).tv_sec;
}

/* From now the next second is RELEASE_NS away. */
static void divider_release(struct rtc *rtc)
{
	struct timespec now;

	rtc->now(&now);
	rtc->offset.tv_nsec = (2 * NS_PER_SECOND - RELEASE_NS - now.tv_nsec) % NS_PER_SECOND;
}

static void control_write(struct rtc *rtc, uint8_t index, uint8_t value)
{
	bool ran = clock_runs(rtc);
	bool held = divider_held(rtc);

	if (ran)
		registers_update(rtc);
	rtc->memory[index] = value;
	if (held && !divider_held(rtc))
		divider_release(rtc);
	if (!ran && clock_runs(rtc))
		clock_set(rtc);
}

static void time_write(struct rtc *rtc, uint8_t index, uint8_t value)
{
	if (clock_runs(rtc)) {
		registers_update(rtc);
		rtc->memory[index] = value;
		clock_set(rtc);
	} else {
		rtc->memory[index] = value;
	}
}

static bool is_time(uint8_t index)
{
	switch (index) {
	case REG_SECONDS:
	case REG_MINUTES:
	case REG_HOURS:
	case REG_WEEKDAY:
	case REG_DAY:
	case REG_MONTH:
	case REG_YEAR:
	case REG_CENTURY:
		return true;
	default:
		return false;
	}
}

static uint8_t register_read(struct rtc *rtc, uint8_t index)
{
	if (index == REG_A && clock_runs(rtc) && clock_now(rtc).tv_nsec >= NS_PER_SECOND - UPDATE_NS)
		return rtc->memory[REG_A] | A_UPDATING;
	if (is_time(index) && clock_runs(rtc))
		registers_update(rtc);
	return rtc->memory[index];
}

static void register_write(struct rtc *rtc, uint8_t index, uint8_t value)
{
	if (index == REG_A)
		control_write(rtc, REG_A, value & (uint8_t)~A_UPDATING);
	else if (index == REG_B)
		control_write(rtc, REG_B, value & B_OFFERED);
	else if (is_time(index))
		time_write(rtc, index, value);
	else if (index != REG_C && index != REG_D)
		rtc->memory[index] = value;
}

/* The index cannot be read back: all ones, as on a PC. */
static void rtc_read(void *device, uint64_t offset, uint8_t *data, uint32_t len)
{
	struct rtc *rtc = device;

	if (len != 1 || offset != PORT_DATA)
		return;
	pthread_mutex_lock(&rtc->lock);
	*data = register_read(rtc, rtc->index);
	pthread_mutex_unlock(&rtc->lock);
}

static void rtc_write(void *device, uint64_t offset, const uint8_t *data, uint32_t len)
{
	struct rtc *rtc = device;

	if (len != 1)
		return;
	pthread_mutex_lock(&rtc->lock);
	if (offset == PORT_INDEX)
		rtc->index = *data & INDEX_MASK;
	else
		register_write(rtc, rtc->index, *data);
	pthread_mutex_unlock(&rtc->lock);
}

const struct bus_ops rtc_ops = {.read = rtc_read, .write = rtc_write};

static void host_now(struct timespec *now)
{
	clock_gettime(CLOCK_REALTIME, now);
}

struct rtc *rtc_create(void (*now)(struct timespec *now), struct error *err)
{
	struct rtc *rtc = calloc(1, sizeof(*rtc));

	tzset(); /* gmtime_r(3) looks for the time zone's file when it is first called: where a guest may not
		    open files */
	if (!rtc) {
		error_set(err, -ENOMEM, "clock: cannot create: %m");
		return NULL;
	}
	pthread_mutex_init(&rtc->lock, NULL);
	rtc->now = now ? now : host_now;
	rtc->memory[REG_A] = A_32768_HZ_1024;
	rtc->memory[REG_B] = B_24_HOURS;
	rtc->memory[REG_D] = D_VALID;
	return rtc;
}

void rtc_shift(struct rtc *rtc, int64_t seconds)
{
	rtc->offset.tv_sec += seconds;
}

void rtc_destroy(struct rtc *rtc)
{
	if (!rtc)
		return;
	pthread_mutex_destroy(&rtc->lock);
	free(rtc);
}
