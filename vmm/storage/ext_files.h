/*
 * Files of an ext2, ext3 or ext4 file system that nobody mounts, as debugfs(8) reads them: no root is needed,
 * and a hostile file system meets a program without rights (program.h) and not the host's kernel.
 *
 * The file system begins at byte `offset` of the disk. Links are not followed. Names with other characters
 * than letters, digits and "-_.+~" do not appear.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

#define EXT_NAME_MAX 128

struct ext_filesystem {
	const char *about; /* what errors begin with */
	int disk;
	uint64_t offset;
	uint64_t deadline_ms; /* program.h; 0: none */
};

struct ext_entry {
	char name[EXT_NAME_MAX];
	bool is_folder;
	bool is_file;
	uint64_t size; /* of a file */
};

typedef void ext_found(void *owner, const struct ext_entry *entry);
/* Calls found for what is in a folder; a folder that is not there is empty. */
int ext_list(const struct ext_filesystem *filesystem, const char *folder, ext_found *found, void *owner,
	     struct error *err);
/* What debugfs' `ls -p` printed. */
void ext_list_parse(char *text, ext_found *found, void *owner);
/* Reads a file of this size into memory (memfd_create(2)); returns the descriptor. */
int ext_read(const struct ext_filesystem *filesystem, const char *path, uint64_t size, struct error *err);
