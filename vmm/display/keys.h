/*
 * Keys, as viewers name them, as evdev's codes (linux/input-event-codes.h). Pure functions.
 */
#pragma once

#include <stdint.h>

/* An X keysym, by where it is on a US keyboard; 0: it is on none. */
uint16_t key_of_symbol(uint32_t symbol);
/* A PC keyboard's scan code of set 1, as QEMU's extended key event has it: 0x80 set for those with the prefix
 * 0xe0. Where a key is, whatever is printed on it. 0: no key has it. */
uint16_t key_of_scan_code(uint32_t code);
