/*
 * A file of the size that it was given: how a guest process leaves something on the host without being able
 * to fill it. The manager makes the file, the process maps it into its memory and closes it: a mapping cannot
 * make a file grow (mmap(2)).
 *
 * The file has holes until it is written to, but for its last page. Where a full file system would end the
 * process with SIGBUS, fixed_file_reserve returns an error before.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

/* Makes the file, or takes one of this size as it is; clear: empties it first. Returns a descriptor. */
int fixed_file_open(const char *path, size_t size, bool clear, struct error *err);
/* The file's memory, shared; fd is closed in any case. NULL and an error when it is none of this size. */
void *fixed_file_map(int fd, size_t size, struct error *err);
/* That len bytes from at on, within the memory, can be written to: -ENOSPC. A kernel before 5.14 cannot tell.
 */
int fixed_file_reserve(void *at, size_t len);
