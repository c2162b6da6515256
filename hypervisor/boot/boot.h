/*
 * The guest's bootloader: puts a kernel, its initrd, command line, memory map and ACPI tables into guest
 * memory and says where the boot CPU starts.
 *
 *   vmlinux (ELF64)  --+--> PVH entry note: 32-bit start, hvm_start_info       (Xen docs/misc/pvh.pandoc)
 *                      +--> no note: 64-bit Linux start, boot_params           (Linux
 * Documentation/x86/boot.rst) bzImage            ---> payload decompressed here, then as vmlinux; if that
 * cannot be done, or when asked for, the kernel's own decompressor by the 64-bit protocol
 *
 * Every image is hostile: sizes and offsets are checked against the file and against guest memory before use.
 * Nothing is kept after boot_load returns. One thread, before the vCPUs run.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/guest_memory.h"

enum boot_protocol {
	BOOT_PROTOCOL_AUTO,    /* PVH when the kernel has the note, else 64-bit; bzImage decompressed here */
	BOOT_PROTOCOL_PVH,     /* refused when the kernel has no note */
	BOOT_PROTOCOL_LINUX64, /* the ELF kernel's 64-bit entry */
	BOOT_PROTOCOL_BZIMAGE, /* bzImage by its own decompressor */
};

/* What to boot. Pointers are the caller's, read only during boot_load. */
struct boot_source {
	const char *name; /* of the kernel, for errors */
	const uint8_t *kernel;
	size_t kernel_size;
	const uint8_t *initrd; /* NULL: none */
	size_t initrd_size;
	const char *cmdline;
	enum boot_protocol protocol;
	uint64_t acpi_rsdp; /* guest-physical, from acpi_build; 0: none */
};

enum boot_entry_mode {
	BOOT_ENTRY_PVH,  /* 32-bit protected mode, paging off, rbx = start info */
	BOOT_ENTRY_LONG, /* 64-bit, identity-mapped page tables, rsi = boot_params */
};

/* How the boot CPU starts. */
struct boot_entry {
	enum boot_entry_mode mode;
	uint64_t rip;
	uint64_t info;               /* guest-physical address of hvm_start_info or boot_params */
	uint64_t stack;              /* rsp */
	enum boot_protocol protocol; /* the one that was taken, never AUTO */
};

/* What boot_load needs from the file system, loaded for good: for who leaves it before. -ENOPKG. */
int boot_prepare(const struct boot_source *source, struct error *err);

/* -EINVAL: not a kernel we can boot (another architecture, truncated, ...); -ENOMEM: does not fit into guest
 * memory; -E2BIG: the command line is too long for the kernel. */
int boot_load(const struct guest_memory *memory, const struct boot_source *source, struct boot_entry *entry,
	      struct error *err);
