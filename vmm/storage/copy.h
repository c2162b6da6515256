/*
 * Copies of whole files that are as sparse as can be: by reflink where the file system can, else byte by
 * byte without the holes, and without zeros that take room.
 */
#pragma once

#include <stdint.h>

#include "common/error.h"
#include "vmm/storage/progress.h"

/* Copies size bytes, all of from, into the empty file to. from_name is for errors. */
int copy_sparse(const char *from_name, int from, int to, uint64_t size, struct progress *progress,
		struct error *err);
