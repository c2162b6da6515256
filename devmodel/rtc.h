/*
 * The PC's clock (Motorola MC146818A), ports 0x70 (index) and 0x71 (data): time and date from the host's
 * clock in UTC, BCD or binary, 12 or 24 hours, century register, update-in-progress, and 114 bytes of memory
 * that the guest may use. A guest that sets the time shifts its own offset, never the host's clock. Alarm and
 * periodic interrupts are not offered: Linux takes its timers from the local APIC. Registers are touched on
 * vCPU threads; one lock inside.
 */
#pragma once

#include <stdint.h>
#include <time.h>

#include "common/error.h"
#include "devmodel/bus.h"

#define RTC_PORT 0x70
#define RTC_SIZE 2

struct rtc;

extern const struct bus_ops rtc_ops; /* its device is a struct rtc */

/* now: the clock to show, since 1970; NULL: the host's real-time clock. */
struct rtc *rtc_create(void (*now)(struct timespec *now), struct error *err);
/* Shows so many seconds more than the clock, as if a guest had set it. Before the vCPUs run. */
void rtc_shift(struct rtc *rtc, int64_t seconds);
void rtc_destroy(struct rtc *rtc); /* NULL is allowed */
