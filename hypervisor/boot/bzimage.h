/*
 * Kernels as bzImage: real-mode setup code with the setup header, then a protected-mode part that holds the
 * kernel's own decompressor and, since protocol 2.08, says where the compressed vmlinux lies (Linux
 * Documentation/x86/boot.rst).
 *
 * Two ways to use one: bzimage_unpack undoes the compression here, which is faster than in the guest and
 * gives the vmlinux with its PVH entry; bzimage_load puts the protected-mode part into guest memory to unpack
 * itself.
 *
 * The file is hostile and is not changed while we look. No locking: one thread.
 */
#pragma once

#include <asm/bootparam.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/guest_memory.h"
#include "hypervisor/boot/decompress.h"

struct bzimage {                   /* pointers go into the file */
	struct setup_header setup; /* what the file's header does not have is zero */
	const uint8_t *kernel;     /* protected-mode part */
	size_t kernel_size;
	const uint8_t *payload; /* compressed vmlinux */
	size_t payload_size;
	const struct decompressor *decompressor; /* NULL: compressed in a way we do not know */
};

/* Whether data starts like a bzImage; no promise beyond. */
bool bzimage_probe(const uint8_t *data, size_t size);

/* -EINVAL: truncated, not well-formed, a zImage, or older than protocol 2.08 (Linux 2.6.26). */
int bzimage_parse(const char *name, const uint8_t *data, size_t size, struct bzimage *image,
		  struct error *err);

/* The vmlinux of a bzImage. */
struct bzimage_vmlinux {
	const uint8_t *data;
	size_t size;
	uint8_t *buffer; /* what data lies in, if not in guest memory; else NULL */
};

/*
 * Unpacks the payload; image->decompressor must be known. Where the vmlinux allows (elf_flat_address) it is
 * unpacked in the place in guest memory where most of it stays, else into a buffer; bzimage_vmlinux_close
 * releases that. -EINVAL: damaged, or of another size than it says; -ENOMEM: larger than guest memory, or no
 * memory here; -ENOPKG: no library for its compression.
 */
int bzimage_unpack(const struct guest_memory *memory, const char *name, const struct bzimage *image,
		   struct bzimage_vmlinux *vmlinux, struct error *err);
void bzimage_vmlinux_close(struct bzimage_vmlinux *vmlinux);

/* Loads the protected-mode part where it prefers to run; *entry is its 64-bit entry, *end the end of the
 * memory it needs until the kernel knows the memory map. -EINVAL: it has no 64-bit entry; -ENOMEM: it does
 * not fit. */
int bzimage_load(const struct guest_memory *memory, const char *name, const struct bzimage *image,
		 uint64_t *entry, uint64_t *end, struct error *err);
