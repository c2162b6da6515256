/*
 * Handing over to Linux by its 64-bit boot protocol: struct boot_params, "the zero page", with the setup
 * header, memory map, initrd and command line (Linux Documentation/x86/boot.rst "64-bit Boot Protocol",
 * zero-page.rst).
 */
#pragma once

#include <asm/bootparam.h>

#include "common/error.h"
#include "common/guest_memory.h"
#include "hypervisor/boot/handover.h"

/* Where a kernel inside a bzImage starts in 64-bit mode, from the beginning of its protected-mode part. */
#define LINUX64_ENTRY_OFFSET 0x200

/* Fields of every setup header. */
#define LINUX64_BOOT_FLAG   0xaa55
#define LINUX64_SETUP_MAGIC 0x53726448 /* "HdrS" */

/* Writes boot_params at LAYOUT_BOOT_PARAMS. setup is the header that came with the kernel; NULL for a
 * vmlinux, which has none. -ENOMEM: no memory there. */
int linux64_write(const struct guest_memory *memory, const struct setup_header *setup,
		  const struct boot_handover *handover, struct error *err);
