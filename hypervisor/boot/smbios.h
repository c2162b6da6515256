/*
 * SMBIOS tables for the guest (DMTF DSP0134, SMBIOS 3.0): what the machine is called, and its UUID. Linux
 * shows them in /sys/class/dmi/id; systemd, cloud-init and others tell machines apart by the UUID.
 *
 *      LAYOUT_SMBIOS  entry point ("_SM3_", 5.2.2), where a kernel without UEFI looks for it first
 *      behind it      BIOS (type 0), system (type 1), end (type 127)
 *
 * smbios_build writes into [LAYOUT_SMBIOS, LAYOUT_RESET_VECTOR). One thread, before the vCPUs run.
 */
#pragma once

#include <stdint.h>

#include "common/error.h"
#include "common/guest_memory.h"

#define SMBIOS_UUID_BYTES 16

/* uuid: in the order of its text; zeros: the system has none. -EFAULT: memory ends below. */
int smbios_build(const struct guest_memory *memory, const uint8_t uuid[SMBIOS_UUID_BYTES], struct error *err);
