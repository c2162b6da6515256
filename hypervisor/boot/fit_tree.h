/*
 * A FIT's device tree, checked and walked (Devicetree Specification 0.4, chapter 5; U-Boot
 * doc/usage/fit/source_file_format).
 *
 *     / -- images -- NAME (data, hash-1 ...)
 *      +-- configurations (default) -- NAME (kernel, ramdisk, cmdline ..., signature-1 ...)
 *
 * fit_tree_open takes a hostile file. Beyond what fdt_check_full promises, it demands that every name is
 * plain (no '@', which libfdt's lookups would ignore), that no node has two children or two properties of one
 * name, that nothing but the two folders hangs below the root, and that the whole is small enough to be
 * walked often. Lookups compare whole names. Pointers and node offsets point into the caller's data and stay
 * valid as long as that is.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

#define FIT_NAME_MAX 63 /* bytes of a node's or property's name */

struct fit_tree {
	const char *name;    /* the file's, for errors */
	const uint8_t *data; /* the tree first; with external data, that too */
	size_t size;
	int images; /* node offsets */
	int configurations;
};

struct fit_image {
	const char *name;
	int node;
	const uint8_t *data;
	size_t size;
};

/* -EINVAL: not a FIT, truncated or malformed. name and data stay the caller's. */
int fit_tree_open(struct fit_tree *tree, const char *name, const uint8_t *data, size_t size,
		  struct error *err);

/* The child of exactly that name, or negative. */
int fit_tree_child(const struct fit_tree *tree, int parent, const char *name);
/* The node's name; never NULL in a tree that was opened. */
const char *fit_tree_name(const struct fit_tree *tree, int node);
/* The property when it is exactly one NUL-terminated string, else NULL. */
const char *fit_tree_string(const struct fit_tree *tree, int node, const char *property);
/* The same when it also is made of what names are made of, and so may be shown to a person as it is. */
const char *fit_tree_word(const struct fit_tree *tree, int node, const char *property);
/* The property when it is one cell: 0, -ENOENT or -EINVAL. */
int fit_tree_u32(const struct fit_tree *tree, int node, const char *property, uint32_t *value);

/* The configuration of that name, NULL for the default one; its node offset, or -EINVAL. */
int fit_tree_configuration(const struct fit_tree *tree, const char *name, struct error *err);
/* The image of that name; its node offset, or -EINVAL. */
int fit_tree_image_node(const struct fit_tree *tree, const char *name, struct error *err);
/* The same, and where its data lies, inside the tree or behind it. Hashes are not looked at. */
int fit_tree_image(const struct fit_tree *tree, const char *name, struct fit_image *image, struct error *err);
