/*
 * Tiny kernels for tests: a vmlinux of two segments, and bzImages around any payload. Tests spoil them as
 * they like.
 */
#pragma once

#include <asm/bootparam.h>
#include <elf.h>
#include <stddef.h>
#include <stdint.h>

#define VMLINUX_TEXT_OFFSET  0x1000
#define VMLINUX_TEXT_SIZE    0x1000
#define VMLINUX_TEXT_ADDRESS 0x1000000
#define VMLINUX_DATA_OFFSET  0x2000
#define VMLINUX_DATA_SIZE    0x800
#define VMLINUX_DATA_MEMORY  0x5000
#define VMLINUX_DATA_ADDRESS 0x1003000
#define VMLINUX_END          (VMLINUX_DATA_ADDRESS + VMLINUX_DATA_MEMORY)
#define VMLINUX_ENTRY        (VMLINUX_TEXT_ADDRESS + 0x40)
#define VMLINUX_PVH_ENTRY    (VMLINUX_TEXT_ADDRESS + 0x80)
#define VMLINUX_NOTE_OFFSET  0x1800

/* Program headers; tests may use those behind them too. */
enum { VMLINUX_TEXT, VMLINUX_DATA, VMLINUX_NOTE, VMLINUX_PROGRAMS };

struct vmlinux_note {
	Elf64_Nhdr header;
	char name[4];
	uint64_t entry;
};

/* As it lies in the file. */
struct vmlinux {
	Elf64_Ehdr header;
	Elf64_Phdr program[60];
	uint8_t padding[VMLINUX_TEXT_OFFSET - sizeof(Elf64_Ehdr) - 60 * sizeof(Elf64_Phdr)];
	uint8_t text[VMLINUX_NOTE_OFFSET - VMLINUX_TEXT_OFFSET];
	struct vmlinux_note note;
	uint8_t text_rest[VMLINUX_DATA_OFFSET - VMLINUX_NOTE_OFFSET - sizeof(struct vmlinux_note)];
	uint8_t data[VMLINUX_DATA_SIZE];
};

/* With the PVH note, and bytes in its segments that are nowhere zero. */
void vmlinux_init(struct vmlinux *kernel);

#define BZIMAGE_SETUP_SIZE     (5 * 512)
#define BZIMAGE_PAYLOAD_OFFSET 0x400 /* in the protected-mode part */
#define BZIMAGE_PREF_ADDRESS   0x1000000
#define BZIMAGE_INIT_SIZE      0x200000

/* A bzImage file; free it. Bytes before the payload are BZIMAGE_STUB. */
#define BZIMAGE_STUB 0xcc
struct bzimage_file {
	size_t size;
	uint8_t *bytes;
};

struct bzimage_file bzimage_file_make(const uint8_t *payload, size_t payload_size);
/* Its setup header, which is not aligned in the file. */
struct setup_header *bzimage_file_setup(const struct bzimage_file *file);
