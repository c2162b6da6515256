/*
 * Docker's image archives, which `podman save` and `docker save` make by default: a tar with layers,
 * configurations and manifest.json (Moby's image/spec):
 *
 *      [{"Config":"HASH.json","RepoTags":["localhost/web:1"],"Layers":["HASH.tar", ...]}, ...]
 *
 * skopeo(1) makes an OCI layout of the image that is meant. manifest.json is hostile, and bounded.
 */
#pragma once

#include <stdbool.h>

#include "common/error.h"
#include "vmm/storage/import.h"

/* Whether the folder that the archive was unpacked to has such a manifest.json. */
bool docker_archive_is(int folder);
/* The place in the list of the image with the tag (NULL: the only one). about begins errors. */
int docker_archive_pick(const char *about, const char *text, const char *tag, unsigned *place,
			struct error *err);
/* Makes an OCI layout with one image of the archive that is unpacked in `folder`, too: `name`, in the draft.
 */
int docker_archive_convert(const struct import_job *job, int folder, const char *name, struct error *err);
