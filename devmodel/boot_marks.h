/*
 * What a guest tells about its boot, as other VMMs' guests do too, so that boot times compare one to one: the byte
 * BOOT_TIMER_VALUE stored at BOOT_TIMER_ADDRESS (Firecracker's boot timer), and values written to the debug port 0x80
 * (0x40 kernel started, 0x41 user space started). Each is handed to the listener, on a vCPU thread; nothing is kept.
 */
#pragma once

#include <stdint.h>

#include "devmodel/bus.h"

#define BOOT_TIMER_ADDRESS 0xc0000000ULL
#define BOOT_TIMER_SIZE    0x1000
#define BOOT_TIMER_VALUE   123
#define DEBUG_PORT         0x80
#define DEBUG_PORT_SIZE    1
#define DEBUG_PORT_KERNEL  0x40
#define DEBUG_PORT_USER    0x41

enum boot_mark {
	BOOT_MARK_TIMER,  /* value: 123 */
	BOOT_MARK_PORT80, /* value: the byte written */
};

struct boot_marks {
	void (*marked)(struct boot_marks *marks, enum boot_mark mark, uint8_t value);
};

extern const struct bus_ops boot_timer_ops; /* its device is a struct boot_marks */
extern const struct bus_ops debug_port_ops; /* its device is a struct boot_marks */
