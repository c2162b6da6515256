#include "hypervisor/boot/fit_tree.h"

#include <errno.h>
#include <libfdt.h>
#include <stdbool.h>
#include <string.h>

#include "common/util.h"

#define FDT_VERSION_WANTED 17
#define FIT_TAGS_MAX       4096 /* nodes, properties and their ends in one file */
#define FIT_DEPTH_MAX      4    /* root, images, an image, its hash */
#define FIT_EXTERNAL_ALIGN 4    /* external data starts there behind the tree */

static int tree_malformed(const struct fit_tree *tree, const char *what, struct error *err)
{
	return error_set(err, -EINVAL, "image %s: malformed: %s", tree->name, what);
}

/* Bounds every later walk; the tags themselves were checked before. */
static int tags_count(const struct fit_tree *tree, struct error *err)
{
	int offset = 0;

	for (unsigned count = 0; count < FIT_TAGS_MAX; count++)
		if (fdt_next_tag(tree->data, offset, &offset) == FDT_END)
			return 0;
	return tree_malformed(tree, "too many nodes or properties", err);
}

/* Letters, digits and ",._+-": what a name is made of, and what may be shown on a terminal. */
static bool name_is_plain(const char *name)
{
	size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789,._+-#");

	return length > 0 && length <= FIT_NAME_MAX && name[length] == '\0';
}

static int properties_check(const struct fit_tree *tree, int node, struct error *err)
{
	int property;
	int earlier;

	fdt_for_each_property_offset(property, tree->data, node) {
		const char *name = NULL;
		const char *other = NULL;

		if (!fdt_getprop_by_offset(tree->data, property, &name, NULL) || !name_is_plain(name))
			return tree_malformed(tree, "a property's name is not plain", err);
		fdt_for_each_property_offset(earlier, tree->data, node) {
			if (earlier == property)
				break;
			if (fdt_getprop_by_offset(tree->data, earlier, &other, NULL) &&
			    strcmp(name, other) == 0)
				return tree_malformed(tree, "a node has two properties of one name", err);
		}
	}
	return 0;
}

static int node_check(const struct fit_tree *tree, int node, unsigned depth, struct error *err)
{
	int result = properties_check(tree, node, err);
	int child;

	if (result)
		return result;
	fdt_for_each_subnode(child, tree->data, node) {
		const char *name = fdt_get_name(tree->data, child, NULL);

		if (depth == FIT_DEPTH_MAX)
			return tree_malformed(tree, "nodes are nested too deeply", err);
		if (!name || !name_is_plain(name))
			return tree_malformed(tree, "a node's name is not plain (\"@\" is not allowed)", err);
		if (fit_tree_child(tree, node, name) != child)
			return tree_malformed(tree, "two nodes of one name", err);
		result = node_check(tree, child, depth + 1, err);
		if (result)
			return result;
	}
	return 0;
}

static int root_check(struct fit_tree *tree, struct error *err)
{
	int child;

	tree->images = fit_tree_child(tree, 0, "images");
	tree->configurations = fit_tree_child(tree, 0, "configurations");
	if (tree->images < 0 || tree->configurations < 0)
		return error_set(err, -EINVAL, "image %s: a device tree, but not a boot image: it has no %s",
				 tree->name, tree->images < 0 ? "images" : "configurations");
	fdt_for_each_subnode(child, tree->data, 0)
		if (child != tree->images && child != tree->configurations)
			return tree_malformed(tree, "an unknown node beside its images", err);
	return 0;
}

/* Structure and strings are apart, so that a byte is one thing only. */
static bool blocks_overlap(const void *fdt)
{
	uint64_t structure = fdt_off_dt_struct(fdt);
	uint64_t strings = fdt_off_dt_strings(fdt);

	return structure < strings + fdt_size_dt_strings(fdt) &&
	       strings < structure + fdt_size_dt_struct(fdt);
}

static int header_check(const struct fit_tree *tree, struct error *err)
{
	const struct fdt_header *header = (const void *)tree->data;

	if (tree->size < sizeof(*header) || fdt_magic(header) != FDT_MAGIC)
		return error_set(err, -EINVAL, "image %s: not a boot image (no device tree magic)",
				 tree->name);
	if (fdt_totalsize(header) > tree->size)
		return error_set(err, -EINVAL, "image %s: truncated: %u bytes of tree in a file of %zu",
				 tree->name, fdt_totalsize(header), tree->size);
	if (fdt_version(header) < FDT_VERSION_WANTED)
		return tree_malformed(tree, "the device tree is older than version 17", err);
	return 0;
}

int fit_tree_open(struct fit_tree *tree, const char *name, const uint8_t *data, size_t size,
		  struct error *err)
{
	int result;

	*tree = (struct fit_tree){.name = name, .data = data, .size = size};
	result = header_check(tree, err);
	if (result)
		return result;
	result = fdt_check_full(data, size);
	if (result)
		return tree_malformed(tree, fdt_strerror(result), err);
	if (blocks_overlap(data))
		return tree_malformed(tree, "its blocks overlap", err);
	result = tags_count(tree, err);
	if (!result)
		result = node_check(tree, 0, 1, err);
	if (!result)
		result = root_check(tree, err);
	return result;
}

int fit_tree_child(const struct fit_tree *tree, int parent, const char *name)
{
	int child;

	fdt_for_each_subnode(child, tree->data, parent) {
		const char *found = fdt_get_name(tree->data, child, NULL);

		if (found && strcmp(found, name) == 0)
			return child;
	}
	return -FDT_ERR_NOTFOUND;
}

const char *fit_tree_name(const struct fit_tree *tree, int node)
{
	const char *name = fdt_get_name(tree->data, node, NULL);

	return name ? name : "";
}

const char *fit_tree_string(const struct fit_tree *tree, int node, const char *property)
{
	int length = 0;
	const char *text = fdt_getprop(tree->data, node, property, &length);

	if (!text || length < 1 || strnlen(text, (size_t)length) != (size_t)length - 1)
		return NULL;
	return text;
}

const char *fit_tree_word(const struct fit_tree *tree, int node, const char *property)
{
	const char *text = fit_tree_string(tree, node, property);

	return text && name_is_plain(text) ? text : NULL;
}

int fit_tree_u32(const struct fit_tree *tree, int node, const char *property, uint32_t *value)
{
	int length = 0;
	const fdt32_t *cell = fdt_getprop(tree->data, node, property, &length);

	if (!cell)
		return -ENOENT;
	if (length != sizeof(*cell))
		return -EINVAL;
	*value = fdt32_ld(cell);
	return 0;
}

int fit_tree_configuration(const struct fit_tree *tree, const char *name, struct error *err)
{
	int node;

	if (!name)
		name = fit_tree_string(tree, tree->configurations, "default");
	if (!name)
		return error_set(err, -EINVAL, "image %s: names no default configuration", tree->name);
	if (!name_is_plain(name))
		return error_set(err, -EINVAL, "image %s: a configuration's name is not plain", tree->name);
	node = fit_tree_child(tree, tree->configurations, name);
	if (node < 0)
		return error_set(err, -EINVAL, "image %s: has no configuration \"%s\"", tree->name, name);
	return node;
}

/* mkimage -E: data-offset from the aligned end of the tree; mkimage -p: data-position in the file. */
static int image_external(const struct fit_tree *tree, struct fit_image *image, struct error *err)
{
	uint64_t tree_end = ALIGN_UP((uint64_t)fdt_totalsize(tree->data), (uint64_t)FIT_EXTERNAL_ALIGN);
	uint32_t position;
	uint32_t offset;
	uint32_t size;
	int has_offset = fit_tree_u32(tree, image->node, "data-offset", &offset);
	int has_position = fit_tree_u32(tree, image->node, "data-position", &position);
	uint64_t start = has_offset == 0 ? tree_end + offset : position;

	if (fit_tree_u32(tree, image->node, "data-size", &size) || (has_offset == 0) == (has_position == 0))
		return error_set(err, -EINVAL, "image %s: %s: no data", tree->name, image->name);
	if (start < tree_end)
		return error_set(err, -EINVAL, "image %s: %s: external data inside the tree", tree->name,
				 image->name);
	if (start > tree->size || size > tree->size - start)
		return error_set(err, -EINVAL, "image %s: truncated: %s ends at byte %llu of a file of %zu",
				 tree->name, image->name, (unsigned long long)(start + size), tree->size);
	image->data = tree->data + start;
	image->size = size;
	return 0;
}

int fit_tree_image_node(const struct fit_tree *tree, const char *name, struct error *err)
{
	int node;

	if (!name_is_plain(name))
		return error_set(err, -EINVAL, "image %s: an image's name is not plain", tree->name);
	node = fit_tree_child(tree, tree->images, name);
	if (node < 0)
		return error_set(err, -EINVAL, "image %s: has no image \"%s\"", tree->name, name);
	return node;
}

int fit_tree_image(const struct fit_tree *tree, const char *name, struct fit_image *image, struct error *err)
{
	static const char *const external[] = {"data-size", "data-offset", "data-position"};
	int length = 0;

	*image = (struct fit_image){.node = fit_tree_image_node(tree, name, err)};
	if (image->node < 0)
		return image->node;
	image->name = fit_tree_name(tree, image->node);
	image->data = fdt_getprop(tree->data, image->node, "data", &length);
	if (!image->data)
		return image_external(tree, image, err);
	image->size = (size_t)length;
	for (size_t i = 0; i < ARRAY_SIZE(external); i++)
		if (fdt_getprop(tree->data, image->node, external[i], NULL))
			return error_set(err, -EINVAL, "image %s: %s: data both inside and outside the tree",
					 tree->name, image->name);
	return 0;
}
