/*
 * The pool: disk images by name. An image NAME is the raw, sparse file NAME.img in the pool's folder
 * (settings.pool_dir), and nothing else: there is no list that could disagree with the files. But for
 * overlays (overlay.h), which are qcow2, and say beside what is behind them.
 *
 * - Whole or not there: an image is made as a draft (draft.h) and gets its name when all of it is on the
 * disk. A process that is killed leaves no half image; what it leaves is removed when the pool is opened
 * next.
 * - In use: whoever uses an image holds an open file description lock on it (fcntl(2)), guests too: a
 * reader's or a writer's. An image that is locked is not deleted, resized or replaced; one with a writer not
 * copied.
 * - A name is that of a definition (definition_name_valid): letters, digits, '-', '_' and '.'.
 *
 * Functions return 0 or a negative errno: -ENOENT no such image, -EEXIST the name is taken, -EBUSY in use,
 * -EINVAL a name or size that is none, -ENOSPC. A struct pool belongs to one thread; any number of processes
 * may work on one folder.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/statvfs.h>

#include "common/error.h"
#include "vmm/config/definition.h"
#include "vmm/config/settings.h"
#include "vmm/storage/content.h"
#include "vmm/storage/progress.h"

#define POOL_SIZE_MAX (UINT64_C(1) << 46) /* 64 TiB: no file system that we know takes more */

struct pool {
	const char *dir; /* the settings' */
	int fd;          /* -1: the folder is not there, and the pool empty */
	bool impatient;  /* an image that is another's now counts as taken (image_lock.h) */
};

struct pool_image {
	char name[DEFINITION_NAME_MAX + 1];
	uint64_t size;                         /* what a guest sees, bytes */
	uint64_t allocated;                    /* what it takes in the pool, bytes */
	char backing[DEFINITION_NAME_MAX + 1]; /* it is an overlay (overlay.h) on this one; "": it is none */
	int64_t modified;                      /* seconds since 1970 */
	enum content content;
	bool in_use;
};

/* For reading, a folder that is not there is an empty pool. For writing it is made, and what former processes
 * left is removed. settings must outlive the pool. */
int pool_open(const struct settings *settings, bool writing, struct pool *pool, struct error *err);
void pool_close(struct pool *pool);
/* Of the file system that the pool is on, or will be: its folder is made when the first image is. */
int pool_measure(const struct settings *settings, struct statvfs *status);

/* All images by name; the caller frees the array. */
int pool_list(const struct pool *pool, struct pool_image **images, size_t *count, struct error *err);
int pool_find(const struct pool *pool, const char *name, struct pool_image *image, struct error *err);

/* -EINVAL unless name could be an image's; -EEXIST when it is one's. */
int pool_name_check(const struct pool *pool, const char *name, struct error *err);
/* -EINVAL unless it is a multiple of 512 that is not 0 and not more than POOL_SIZE_MAX. */
int pool_size_check(uint64_t size, struct error *err);

/* An empty image: zeros that take no room. */
int pool_create(const struct pool *pool, const char *name, uint64_t size, struct error *err);
/* A larger image. An ext4 file system that has all of the image to itself grows with it, in a copy that then
 * takes the image's place. */
int pool_resize(const struct pool *pool, const char *name, uint64_t size, struct progress *progress,
		struct error *err);
/* The same of one that a guest runs with, for whoever tells the guest: the file only. */
int pool_grow_used(const struct pool *pool, const char *name, uint64_t size, struct error *err);
/* A copy, an overlay's too, which shares its blocks with the first where the file system can
 * (ioctl_ficlone(2)). */
int pool_clone(const struct pool *pool, const char *name, const char *new_name, struct progress *progress,
	       struct error *err);
int pool_delete(const struct pool *pool, const char *name, struct error *err);

/* Opens an image for a guest or a copy and locks it; the lock is the descriptor's. */
int pool_image_open(const struct pool *pool, const char *name, bool read_only, int *fd, struct error *err);
/* To write, with a reader's lock: others may open it the same way. */
int pool_image_share(const struct pool *pool, const char *name, int *fd, struct error *err);
