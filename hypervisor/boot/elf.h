/*
 * Kernels as ELF64 executables: vmlinux, or what a bzImage holds compressed (System V gABI, chapters 4 and
 * 5).
 *
 * elf_parse reads and checks the headers and forgets the file's own structures: all that follows works on
 * struct elf_kernel, whose segments are known to lie inside the file, above LAYOUT_KERNEL, sorted by their
 * place in the file, without overlap in memory. Segments go where p_paddr says; e_entry of an x86 vmlinux is
 * a physical address too.
 *
 * The file is hostile and is not changed while we look. No locking: one thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/guest_memory.h"

#define ELF_SEGMENTS_MAX 32

/* The head of a file that holds all headers of any kernel linked the usual way: enough for elf_flat_address.
 */
#define ELF_HEAD_SIZE 4096

struct elf_segment {
	uint64_t offset;    /* in the file */
	uint64_t file_size; /* bytes there; the rest of memory_size is zero */
	uint64_t address;   /* guest-physical */
	uint64_t memory_size;
};

struct elf_kernel {
	uint64_t entry;     /* 64-bit entry, guest-physical */
	uint64_t pvh_entry; /* 32-bit entry from the note XEN_ELFNOTE_PHYS32_ENTRY; 0: no note */
	uint64_t end;       /* first byte behind the kernel in memory */
	unsigned count;
	struct elf_segment segments[ELF_SEGMENTS_MAX];
};

/* Whether data starts like an ELF file; no promise beyond. */
bool elf_probe(const uint8_t *data, size_t size);

/* -EINVAL: not an ELF64 x86-64 kernel that keeps the rules above; the error says in what. */
int elf_parse(const char *name, const uint8_t *data, size_t size, struct elf_kernel *kernel,
	      struct error *err);

/* Copies the segments into guest memory and zeroes their rest. -ENOMEM: one lies outside guest memory. */
int elf_load(const struct guest_memory *memory, const char *name, const uint8_t *data,
	     const struct elf_kernel *kernel, struct error *err);

/*
 * Where in guest memory the whole file of file_size bytes would have to be for its first segment to be in
 * place already, and the others reachable by moves that destroy nothing; so that a kernel is decompressed
 * there and hardly copied. head is the file's first head_size bytes. False: there is no such place, use a
 * buffer and elf_load. Afterwards elf_load with data at that place moves what must move.
 */
bool elf_flat_address(const uint8_t *head, size_t head_size, uint64_t file_size, uint64_t *address);
