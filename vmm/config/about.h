/*
 * What a guest's definition says about the guest, in libvirt's words (format domain, "General metadata"):
 *
 *      "uuid":        what the guest sees as the UUID of its system (SMBIOS type 1); `define` makes one where
 *                     there is none, so that it stays the same from then on
 *      "title":       one line for people
 *      "description": text for people
 *      "metadata":    other programs' XML elements, by their namespaces, kept as they are
 *
 * The last three change nothing: they are checked, kept with the definition, and shown. Only the UUID is read
 * into memory.
 */
#pragma once

#include "vmm/config/json.h"
#include "vmm/config/uuid.h"

#define ABOUT_TITLE_MAX    256
#define ABOUT_TEXT_MAX     65536 /* bytes of a description, and of all metadata */
#define ABOUT_METADATA_MAX 16    /* elements */

/* Reads the four keys; uuid gets small letters, or "" where there is none. */
int about_read(const struct json_place *root, char uuid[UUID_TEXT_SIZE]);
