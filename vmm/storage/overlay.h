/*
 * Overlays: images of the pool that hold only what is different from another image of it, which is behind
 * them and stays as it is. An overlay is a qcow2 image, NAME.img, and takes next to no room at first.
 *
 * What is behind it stands in NAME.backing, one line with a name, and not only in the image: what a disk says
 * of itself may be its guest's words. An image that is behind another is not written to, resized or deleted.
 *
 * A guest's disk has an overlay as
 * {"image":"web","format":"qcow2","backing":{"image":"debian","format":"raw"}}; overlay_complete fills in
 * what a definition leaves out. Functions return 0 or a negative errno and one sentence.
 */
#pragma once

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "vmm/storage/draft.h"
#include "vmm/storage/pool.h"

/* Makes the overlay new_name on the image name. */
int overlay_create(const struct pool *pool, const char *name, const char *new_name, struct error *err);
/* Whether the image is an overlay, and on which one. */
bool overlay_backing(const struct pool *pool, const char *name, char backing[DEFINITION_NAME_MAX + 1]);
/* Whether an image is behind another one, the first of which is named. */
bool overlay_on(const struct pool *pool, const char *name, char by[DEFINITION_NAME_MAX + 1]);
/* What a guest sees of the image, bytes; 0: it is no qcow2 image. */
uint64_t overlay_size(int fd);

/* The draft, which is to be new_name, is an overlay on backing. */
int overlay_note(const struct draft *draft, const char *new_name, const char *backing, struct error *err);
/* Makes the draft's overlay larger; what is behind it stays as it is, and reads as zeros beyond its end. */
int overlay_grow(const struct draft *draft, const char *name, uint64_t size, struct error *err);
/* The image is gone, or has not come. */
void overlay_forget(const struct pool *pool, const char *name);

/* Gives disks of a guest's definition that are overlays and do not say so "format" and "backing". */
void overlay_complete(const struct settings *settings, cJSON *definition);
