/*
 * One thing that a disk wants of its file, and a run of buffers. What carries jobs out is blk_engine.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/* A run of buffers that gets shorter as it is used. */
struct blk_slice {
	struct iovec *parts;
	unsigned count;
	size_t len;
};

void blk_slice_skip(struct blk_slice *slice, size_t bytes);

enum blk_work {
	BLK_WORK_READ,
	BLK_WORK_WRITE,
	BLK_WORK_FLUSH,
	BLK_WORK_ALLOCATE, /* fallocate(2) */
	BLK_WORK_ZEROS,    /* written, for a file system that cannot do it by itself */
};

struct blk_job {
	enum blk_work work;
	uint64_t offset;
	struct blk_slice
		*data; /* read, write: what was moved is gone from it, whether all of it was or not */
	bool safe;     /* write: it is on the storage when the job has ended */
	uint64_t len;  /* allocate, zeros: bytes, not 0 */
	int mode;      /* allocate: FALLOC_FL_KEEP_SIZE and others */

	/* The engine's. */
	int result; /* 0 or a negative errno; -ENODATA: the file has become shorter */
	struct blk_job *next;
	uint64_t done,
		at_work;   /* a back end's: bytes of a range that are zeroed, that it was asked to zero */
	bool flushing;     /* a back end's: a safe write is written, and is to be flushed */
	uint32_t back_end; /* which has written or zeroed it, as far as that is done */
};
