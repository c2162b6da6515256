/*
 * What lies at the real-mode reset vector, F000:FFF0.
 *
 * A PC's firmware is there, and Linux counts on it: with hardware-reduced ACPI and no EFI its last way to
 * reboot is to jump there in real mode. Our machines have no firmware, so a few instructions stand in: they
 * write the reset register.
 */
#pragma once

#include <stdint.h>

#include "common/guest_memory.h"

/* port: the byte-wide reset register; value: what resets. -EFAULT: the guest has less than 1 MiB. */
int reset_vector_write(const struct guest_memory *memory, uint16_t port, uint8_t value);
