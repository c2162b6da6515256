/* Compresses the way the kernel's build does, for tests. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct packed { /* free bytes */
	uint8_t *bytes;
	size_t size;
};

struct packer {
	const char *name;
	size_t trailer_size; /* what packed_kernel adds behind the stream */
	struct packed (*pack)(const uint8_t *data, size_t size);
};

#define PACKERS_COUNT 5
extern const struct packer packers[PACKERS_COUNT]; /* gzip, xz, lzma, zstd, lz4 */

/* The stream and, unless it is gzip's, the size behind it: a bzImage's payload. */
struct packed packed_kernel(const struct packer *packer, const uint8_t *data, size_t size);
