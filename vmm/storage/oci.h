/*
 * OCI image layouts (OCI Image Format Specification 1.0: image-layout.md, image-index.md, manifest.md), as
 * far as they must be looked at before umoci(1) unpacks the layers: which image is meant, and is all of it
 * there.
 *
 * A layout is hostile: its JSON is bounded, digests have one form, indices may name further indices
 * OCI_DEPTH_MAX times, blobs must be regular files of the size that is said. Index and manifest are compared
 * with their digests here, configuration and layers by umoci.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

#define OCI_JSON_MAX    (4U << 20) /* bytes; umoci and registries take no larger manifests */
#define OCI_DEPTH_MAX   4
#define OCI_LAYERS_MAX  256
#define OCI_DIGEST_TEXT 72 /* "sha256:", 64 digits, the end */

struct oci_descriptor {
	char digest[OCI_DIGEST_TEXT];
	uint64_t size;
	bool is_index; /* names images; otherwise a manifest, which is one */
};

/* Whether a tag means an image of this name: podman writes the whole name, skopeo what it was told; a tag is
 * the name, or what follows a ':' or '/'. */
bool oci_tag_fits(const char *name, const char *tag);
/* Picks an image from an index: the one with the tag, or the only one for this processor. about begins
 * errors. */
int oci_index_pick(const char *about, const char *text, const char *tag, struct oci_descriptor *image,
		   struct error *err);

typedef int oci_blob_check(void *owner, const struct oci_descriptor *blob, struct error *err);
/* Calls check for the configuration and every layer that a manifest names. */
int oci_manifest_blobs(const char *about, const char *text, oci_blob_check *check, void *owner,
		       struct error *err);

struct progress;

/* Copies a manifest that oci_layout_find has found, and what it names, into the folder blobs, by their
 * digests: by reflink where that is possible. Everybody may read them. */
int oci_layout_copy(const char *about, int folder, const struct oci_descriptor *manifest, int blobs,
		    struct progress *progress, struct error *err);
/* The manifest of the image of that tag (NULL: the only one) in the layout in folder, all of it there. */
int oci_layout_find(const char *about, int folder, const char *tag, struct oci_descriptor *manifest,
		    struct error *err);
