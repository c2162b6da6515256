/*
 * Names of keys, as `virsh send-key` has them in its code set "linux": those of linux/input-event-codes.h,
 * KEY_LEFTCTRL, up to 127; and any key of a keyboard by its number. Pure.
 */
#pragma once

#include <stdint.h>

#define KEY_NUMBER_MAX 248 /* the last that a guest's keyboard has */

/* 0: there is no such key. */
uint16_t key_by_name(const char *name);
