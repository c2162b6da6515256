/*
 * What came out of an archive that an enemy has packed, in a fresh folder beside the place that it is for:
 * looked at as a whole, then put there by renaming, or thrown away as a whole.
 *
 * Files, folders and symbolic links only; set-user-id and its like are taken off; no name of the archive's is
 * followed anywhere, and what is at the place is replaced, never written through: a symbolic link too.
 */
#pragma once

#include "common/error.h"

struct unpacked {
	char *path;  /* a folder that only its owner may enter; NULL: none */
	char *files; /* in it, where it is unpacked to: the archive may give this one any mode */
};

/* A fresh one in this folder. */
int unpacked_make(const char *folder, struct unpacked *unpacked, struct error *err);
/* Removes it and what is left in it. */
void unpacked_remove(struct unpacked *unpacked);

/* -EPERM: something else than files, folders and links is in it. */
int unpacked_check(const struct unpacked *unpacked, struct error *err);
/*
 * All of it goes into folder, or the entry that must be its only one becomes folder/target: -EBADMSG when
 * there are others. Folders that are there already are merged; -EEXIST when a file would take a folder's
 * place or the other way round. When it fails so, nothing has been moved.
 */
int unpacked_move_all(const struct unpacked *unpacked, const char *folder, struct error *err);
int unpacked_move(const struct unpacked *unpacked, const char *entry, const char *folder, const char *target,
		  struct error *err);
