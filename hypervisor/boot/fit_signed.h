/*
 * What a configuration's signature covers (U-Boot doc/usage/fit/signature.rst), computed here and never read
 * from the image's own hashed-nodes: the root, the configuration, every image that the configuration names,
 * and their hash nodes.
 *
 * The signed bytes are, in the order of the structure block: the BEGIN_NODE and END_NODE tags of a listed
 * node and of its children, the properties and NOPs of a listed node (but where its data lies), the END tag;
 * then as much of the strings block as there was when the signature was made (hashed-strings). Signer and
 * verifier walk the same way.
 */
#pragma once

#include <stdbool.h>

#include "hypervisor/boot/fit_tree.h"

#define FIT_SIGNED_NODES_MAX  96
#define FIT_SIGNED_IMAGES_MAX 32

/* A configuration's properties that name images. */
enum fit_reference {
	FIT_KERNEL,
	FIT_RAMDISK,
	FIT_CMDLINE, /* ours: the kernel's command line, an image of NUL-terminated text */
	FIT_FDT,
	FIT_LOADABLES,
	FIT_FIRMWARE,
	FIT_FPGA,
	FIT_SCRIPT,
	FIT_SETUP,
	FIT_REFERENCES,
};

extern const char *const fit_reference_names[FIT_REFERENCES];

struct fit_signed {
	unsigned image_count;
	int images[FIT_SIGNED_IMAGES_MAX]; /* node offsets, each once */
	unsigned count;
	int nodes[FIT_SIGNED_NODES_MAX];
};

/* Whether a node is one of an image's hashes, by its name. */
bool fit_is_hash(const struct fit_tree *tree, int node);

/* -EINVAL: the configuration names an image that is not there, or too many. */
int fit_signed_list(const struct fit_tree *tree, int configuration, struct fit_signed *list,
		    struct error *err);

/*
 * Hands the signed bytes to emit, in order. strings_size: how many bytes of the strings block. -EBADMSG when
 * a covered property's name lies outside those: it would not be covered itself.
 */
int fit_signed_walk(const struct fit_tree *tree, const struct fit_signed *list, size_t strings_size,
		    void (*emit)(void *context, const void *bytes, size_t size), void *context);
