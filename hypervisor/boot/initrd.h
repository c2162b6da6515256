/*
 * Where the initial ramdisk goes: page aligned, as high in the low RAM region as the kernel allows, so that
 * the kernel has the memory behind it for itself (Linux Documentation/x86/boot.rst, initrd_addr_max).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/guest_memory.h"

/* Where a kernel that does not say takes its initrd: anywhere in low RAM. */
#define INITRD_ADDRESS_MAX UINT32_MAX

/* Copies the initrd to where neither the kernel, which ends at kernel_end, nor its last byte above
 * address_max is in the way. -ENOMEM: there is no such place. kernel is the kernel's name, for the error. */
int initrd_load(const struct guest_memory *memory, const char *kernel, const uint8_t *data, size_t size,
		uint64_t kernel_end, uint64_t address_max, uint64_t *address, struct error *err);
