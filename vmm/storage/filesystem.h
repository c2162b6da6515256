/*
 * ext4 file systems as images, made and grown by e2fsprogs.
 */
#pragma once

#include <stdint.h>

#include "common/error.h"
#include "vmm/storage/draft.h"
#include "vmm/storage/program.h"

/* What a new file system is made from. */
struct filesystem_source {
	const char *about; /* for errors: "disk web" */
	int folder;        /* the folder; -1: it is in the draft, by this name: */
	const char *name;
	const char *label; /* cut to ext4's 16 bytes */
	uint64_t size;     /* bytes; 0: twice what is in the folder, at least FILESYSTEM_SIZE_MIN */
	enum program_owners owners;
};

#define FILESYSTEM_SIZE_MIN (UINT64_C(1) << 30)

/* Makes the draft's image: an ext4 file system with a copy of the folder. */
int filesystem_make(const struct draft *draft, const struct filesystem_source *source,
		    struct progress *progress, struct error *err);
/* The ext4 file system in the draft's image takes all of it. name is the image's, for errors. */
int filesystem_grow(const struct draft *draft, const char *name, struct progress *progress,
		    struct error *err);
