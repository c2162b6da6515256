/*
 * The raw file or block device behind a disk, and the system calls that carry its jobs out (blk_job.h).
 *
 * A file that was opened with O_DIRECT wants offsets, lengths and memory in whole blocks of the host's
 * storage (open(2), "O_DIRECT"). Guests' buffers mostly are; what is not goes through a buffer of our own.
 * Offsets and lengths that are not whole blocks are refused: the guest was told the size of a block.
 *
 * Calls return 0 or a negative errno; -ENODATA: the file has become shorter. Calls that were interrupted or
 * moved only a part are made again. Each of a disk's queues has a struct of its own over the one descriptor,
 * which is the disk's; one thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "devmodel/virtio/blk_job.h"

#define BLK_FILE_ALIGN_MIN 512
#define BLK_FILE_ALIGN_MAX 4096

struct blk_file {
	int fd;
	unsigned align;  /* bytes; 0: not O_DIRECT */
	bool in_memory;  /* its file system has no storage to wait for */
	uint8_t *bounce; /* with align only, from the first time on that it is needed */
	bool cannot_try_read, cannot_try_write; /* its file system always waits */
};

/* Finds out what the file is like. -EINVAL: its blocks are larger than BLK_FILE_ALIGN_MAX. */
int blk_file_init(struct blk_file *file, int fd);
void blk_file_close(struct blk_file *file); /* but not the descriptor */

/* Does the job, however long it takes. */
int blk_file_do(struct blk_file *file, struct blk_job *job);
/* Does as much of it as needs no waiting: what is in the page cache. -EAGAIN: there is more. */
int blk_file_try(struct blk_file *file, struct blk_job *job);
/* Whether the kernel takes the job's buffers as they are. */
bool blk_file_takes(const struct blk_file *file, const struct blk_job *job);
