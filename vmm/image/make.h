/*
 * Writes a boot image's tree: the parts with their hashes, and one configuration that names them. Same input,
 * same bytes.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

struct image_parts {
	const char *description;
	const uint8_t *kernel;
	size_t kernel_size;
	const uint8_t *initrd; /* NULL: none */
	size_t initrd_size;
	const char *cmdline; /* NULL: none */
	uint32_t timestamp;  /* seconds since 1970, shown as the time of creation */
};

/* What becomes of an image file: the tree, then what lies behind it. */
struct image_file {
	uint8_t *tree; /* the caller frees it */
	size_t tree_size;
	const uint8_t *external; /* not owned; NULL: none */
	size_t external_size;
};

/* The time of creation: SOURCE_DATE_EPOCH (reproducible-builds.org), or 0 so that the clock is not part of
 * the image. */
int image_timestamp(uint32_t *timestamp, struct error *err);

int image_make(const struct image_parts *parts, struct image_file *file, struct error *err);

/* Replaces path by the image. */
int image_write(const char *path, const struct image_file *file, struct error *err);
