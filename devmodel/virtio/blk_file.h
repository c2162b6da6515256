/*
 * The raw file or block device behind a disk: what virtio-blk (blk.h) reads, writes, flushes, discards and
 * zeroes.
 *
 * A file that was opened with O_DIRECT wants offsets, lengths and memory in whole blocks of the host's
 * storage (open(2), "O_DIRECT"). Guests' buffers mostly are; what is not goes through a buffer of our own.
 * Offsets and lengths that are not whole blocks are refused: the guest was told the size of a block.
 *
 * Calls return 0 or a negative errno; -ENODATA: the file has become shorter. Calls that were interrupted or
 * moved only a part are made again. One thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#define BLK_FILE_ALIGN_MIN 512
#define BLK_FILE_ALIGN_MAX 4096

/* A run of buffers that gets shorter as it is used. */
struct blk_slice {
	struct iovec *parts;
	unsigned count;
	size_t len;
};

struct blk_file {
	int fd;
	unsigned align;  /* bytes; 0: not O_DIRECT */
	uint8_t *bounce; /* with align only */
};

/* Takes over the descriptor, on success; finds out what its blocks are. -EINVAL: larger than
 * BLK_FILE_ALIGN_MAX. */
int blk_file_init(struct blk_file *file, int fd);
void blk_file_close(struct blk_file *file);

/* What was moved is gone from data, whether all of it was or not. */
int blk_file_read(struct blk_file *file, struct blk_slice *data, uint64_t offset);
/* safe: it is on the storage when this returns. */
int blk_file_write(struct blk_file *file, struct blk_slice *data, uint64_t offset, bool safe);
int blk_file_flush(struct blk_file *file);
/* Gives the room back to the host; what is read there then is zeros. -EOPNOTSUPP: its file system cannot. */
int blk_file_discard(struct blk_file *file, uint64_t offset, uint64_t len);
/* unmap: the room may be given back. */
int blk_file_zero(struct blk_file *file, uint64_t offset, uint64_t len, bool unmap);

void blk_slice_skip(struct blk_slice *slice, size_t bytes);
