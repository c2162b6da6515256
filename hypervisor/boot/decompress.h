/*
 * The compressions that Linux packs its kernel in, undone by their own libraries (kernel's
 * scripts/Makefile.lib, cmd_gzip to cmd_zstd):
 *
 *   gzip   one member                              zlib       RFC 1952
 *   xz     CRC32, x86 filter and LZMA2             liblzma    The .xz File Format
 *   lzma   the older .lzma                         liblzma    "LZMA_Alone"
 *   zstd   one frame, size of content not given    libzstd    RFC 8878
 *   lz4    the legacy frame: blocks of 8 MiB       liblz4     LZ4 Frame Format, "Legacy frame"
 *
 * Output goes straight to where the caller wants it, which may be guest memory, and never behind its end. The
 * input is hostile; what a decoder may allocate for itself is bounded. All libraries but zlib are loaded when
 * they are needed, and then stay. Errors: -EBADMSG damaged, truncated or of another length; -ENOMEM no memory
 * for the decoder, or more than it may have; -ENOPKG its library is not there. Any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One run of a decoder. */
struct decompression {
	const uint8_t *data;
	size_t size;
	uint8_t *out;
	size_t out_size; /* exactly what data unpacks to, or the length of its head */
	bool whole;      /* the stream must end at out_size */
};

struct decompressor {
	const char *name;
	uint8_t magic[6]; /* what its streams start with */
	size_t magic_size;
	size_t trailer_size; /* bytes that the kernel's build puts behind the stream: the size it unpacks to
			      */
	const char *library; /* its soname; NULL: it is in the program */
	const char *package; /* of Debian, which has it */
	int (*run)(const struct decompression *job);
};

/* The one whose magic data starts with; NULL: none of them. */
const struct decompressor *decompressor_find(const uint8_t *data, size_t size);

/* Loads its library, for good: what unpacks later needs no file any more. */
int decompressor_load(const struct decompressor *decompressor);

/* The first out_size bytes of what data unpacks to, at little cost. */
int decompress_head(const struct decompressor *decompressor, const uint8_t *data, size_t size, uint8_t *out,
		    size_t out_size);

/* All of it, which must be out_size bytes exactly. */
int decompress_whole(const struct decompressor *decompressor, const uint8_t *data, size_t size, uint8_t *out,
		     size_t out_size);
