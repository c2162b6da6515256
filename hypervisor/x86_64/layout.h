/*
 * The machine's physical address space and interrupt lines. Addresses are guest-physical bytes.
 *
 *      0            conventional memory to 640 KiB: boot structures, command line (below)
 *      0xa0000      hole, then ACPI tables at LAYOUT_ACPI, SMBIOS at LAYOUT_SMBIOS (in RAM, reserved in e820)
 *      1 MiB        kernel, initrd near the end of low memory
 *      ...          RAM to 3 GiB at most
 *      0xc0000000   device hole: boot timer, virtio-mmio pages, PCI, IOAPIC, local APIC
 *      4 GiB        the rest of RAM
 */
#pragma once

#include <stdint.h>

#define LAYOUT_LOW_RAM_END     0xc0000000ULL
#define LAYOUT_HIGH_RAM        0x100000000ULL
#define LAYOUT_VIRTIO_MMIO     0xc0001000ULL /* then one page each */
#define LAYOUT_VIRTIO_MAX      24
#define LAYOUT_PCI_ECAM        0xd0000000ULL /* configuration space of one bus, 1 MiB */
#define LAYOUT_PCI_ECAM_SIZE   0x100000ULL
#define LAYOUT_PCI_WINDOW      0xd1000000ULL /* where BARs are */
#define LAYOUT_PCI_WINDOW_SIZE 0x200000ULL
#define LAYOUT_IOAPIC          0xfec00000ULL
#define LAYOUT_LAPIC           0xfee00000ULL
#define LAYOUT_KVM_TSS         0xfffbd000ULL /* three pages for KVM on Intel */
#define LAYOUT_KVM_IDENTITY    0xfffbc000ULL /* one page for KVM on Intel */

#define LAYOUT_GDT          0x500ULL
#define LAYOUT_BOOT_PARAMS  0x7000ULL /* struct boot_params or hvm_start_info, one page */
#define LAYOUT_BOOT_STACK   0x8ff0ULL
#define LAYOUT_PAGE_TABLES  0x9000ULL  /* to 0xf000 */
#define LAYOUT_PVH_MEMMAP   0x10000ULL /* to 0x11000 */
#define LAYOUT_CMDLINE      0x20000ULL
#define LAYOUT_CMDLINE_MAX  0x10000ULL
#define LAYOUT_EBDA         0x9fc00ULL /* end of conventional memory */
#define LAYOUT_ACPI         0xe0000ULL /* RSDP first; to LAYOUT_SMBIOS */
#define LAYOUT_SMBIOS       0xf0000ULL /* where kernels look first */
#define LAYOUT_RESET_VECTOR 0xffff0ULL /* F000:FFF0, to 1 MiB */
#define LAYOUT_KERNEL       0x100000ULL

#define LAYOUT_GSI_POWER   5
#define LAYOUT_GSI_HOTPLUG 6 /* a PCI device came or is to go */
#define LAYOUT_GSI_CPUS    7 /* the same of a processor */
#define LAYOUT_GSI_VIRTIO                                                                                    \
	16 /* then one each; KVM's IOAPIC has 24 pins, so more devices share: LAYOUT_GSI_LAST */
#define LAYOUT_GSI_LAST 23
