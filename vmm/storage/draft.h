/*
 * An image in the making: a folder of the pool, ".draft-XXXXXX", with the image and whatever its making needs
 * beside it, all on the pool's file system.
 *
 * The folder is locked (flock(2)) while its process lives: drafts_sweep removes those that nobody has locked.
 * draft_finish gives the image its name in one step, when it is on the disk.
 */
#pragma once

#include "common/error.h"
#include "vmm/storage/pool.h"

#define DRAFT_IMAGE "image" /* the image's name in the draft's folder */

struct draft {
	const struct pool *pool;
	char name[16]; /* of the folder, in the pool */
	int folder;    /* locked */
};

int draft_begin(const struct pool *pool, struct draft *draft, struct error *err);
/* Makes the draft's image of this size, empty; the descriptor is the caller's. */
int draft_image(const struct draft *draft, uint64_t size, int *fd, struct error *err);
/* The draft's image becomes the pool's. replace: an image that has the name makes way, otherwise -EEXIST. The
 * draft is gone afterwards, whatever came of it. */
int draft_finish(struct draft *draft, const char *name, bool replace, struct error *err);
/* Removes the draft; does nothing to one that is finished. */
void draft_drop(struct draft *draft);
/* Removes drafts of processes that are no more. */
void drafts_sweep(const struct pool *pool);
/* Whether there are drafts at all, whosever. */
bool drafts_any(const struct pool *pool);
