/*
 * Whole files: mapped to be read, replaced in one step to be written.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

#define FILE_SIZE_LIMIT ((size_t)1 << 30) /* a FIT's tree cannot be larger than 2 GiB, all parts together */

struct file_map {
	const uint8_t *data;
	size_t size;
};

/* Maps a regular file privately. what: the kind of file, for the error. */
int file_map_open(struct file_map *map, const char *what, const char *path, struct error *err);
void file_map_close(struct file_map *map);

/* What is written into a file, in order. */
struct file_piece {
	const void *data;
	size_t size;
};

/* Writes the pieces into a new file that then takes path's place: at any time path is the old file or the
 * whole new one. */
int file_replace(const char *path, const struct file_piece *pieces, unsigned count, struct error *err);
