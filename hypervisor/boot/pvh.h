/*
 * Handing over to a kernel the PVH way: struct hvm_start_info version 1, with the memory map and the initrd
 * as its one module (Xen docs/misc/pvh.pandoc; <xen/arch-x86/hvm/start_info.h>).
 */
#pragma once

#include <stdint.h>

#include "common/error.h"
#include "common/guest_memory.h"
#include "hypervisor/boot/handover.h"

/* Writes the start info at LAYOUT_BOOT_PARAMS and the map at LAYOUT_PVH_MEMMAP. -ENOMEM: no memory there. */
int pvh_write(const struct guest_memory *memory, const struct boot_handover *handover, struct error *err);
