#include "hypervisor/boot/fit_signed.h"

#include <errno.h>
#include <libfdt.h>
#include <string.h>

#include "common/util.h"

#define WALK_DEPTH_MAX 8 /* deeper than fit_tree_open lets a tree be */

const char *const fit_reference_names[FIT_REFERENCES] = {
	[FIT_KERNEL] = "kernel", [FIT_RAMDISK] = "ramdisk",     [FIT_CMDLINE] = "cmdline",
	[FIT_FDT] = "fdt",       [FIT_LOADABLES] = "loadables", [FIT_FIRMWARE] = "firmware",
	[FIT_FPGA] = "fpga",     [FIT_SCRIPT] = "script",       [FIT_SETUP] = "setup",
};

/* Where an image's data lies is not signed: the data itself is, through its hash. */
static const char *const unsigned_properties[] = {"data", "data-size", "data-offset", "data-position"};

bool fit_is_hash(const struct fit_tree *tree, int node)
{
	return strncmp(fit_tree_name(tree, node), "hash", strlen("hash")) == 0;
}

static bool list_has(const struct fit_signed *list, int node)
{
	for (unsigned i = 0; i < list->count; i++)
		if (list->nodes[i] == node)
			return true;
	return false;
}

static int list_add(const struct fit_tree *tree, struct fit_signed *list, int node, struct error *err)
{
	if (list->count == FIT_SIGNED_NODES_MAX)
		return error_set(err, -EINVAL, "image %s: too many nodes to be signed", tree->name);
	list->nodes[list->count++] = node;
	return 0;
}

static int list_add_image(const struct fit_tree *tree, struct fit_signed *list, const char *name,
			  struct error *err)
{
	int node = fit_tree_image_node(tree, name, err);
	int result;
	int child;

	if (node < 0 || list_has(list, node))
		return MIN(node, 0);
	if (list->image_count == FIT_SIGNED_IMAGES_MAX)
		return error_set(err, -EINVAL, "image %s: a configuration names too many images", tree->name);
	list->images[list->image_count++] = node;
	result = list_add(tree, list, node, err);
	fdt_for_each_subnode(child, tree->data, node) {
		if (!result && fit_is_hash(tree, child))
			result = list_add(tree, list, child, err);
	}
	return result;
}

int fit_signed_list(const struct fit_tree *tree, int configuration, struct fit_signed *list,
		    struct error *err)
{
	int result;

	*list = (struct fit_signed){.count = 0};
	result = list_add(tree, list, 0, err);
	if (!result)
		result = list_add(tree, list, configuration, err);
	for (unsigned i = 0; !result && i < FIT_REFERENCES; i++) {
		const char *property = fit_reference_names[i];
		int names = fdt_stringlist_count(tree->data, configuration, property);

		if (names < 0 && names != -FDT_ERR_NOTFOUND)
			return error_set(err, -EINVAL, "image %s: %s: \"%s\" is not a list of names",
					 tree->name, fit_tree_name(tree, configuration), property);
		for (int n = 0; !result && n < names; n++)
			result = list_add_image(
				tree, list, fdt_stringlist_get(tree->data, configuration, property, n, NULL),
				err);
	}
	return result;
}

/* Where the walk stands in one node. */
enum coverage {
	COVER_NOTHING,
	COVER_TAGS, /* a child of a listed node: that it is there, and its name */
	COVER_ALL,
};

struct walk {
	const struct fit_tree *tree;
	const struct fit_signed *list;
	size_t strings_size;
	unsigned depth;
	enum coverage coverage[WALK_DEPTH_MAX]; /* [depth] is the current node's */
};

static int node_enter(struct walk *walk, int node)
{
	enum coverage parent = walk->coverage[walk->depth];

	if (walk->depth + 1 == WALK_DEPTH_MAX)
		return -EBADMSG;
	walk->depth++;
	if (list_has(walk->list, node))
		walk->coverage[walk->depth] = COVER_ALL;
	else
		walk->coverage[walk->depth] = parent == COVER_ALL ? COVER_TAGS : COVER_NOTHING;
	return walk->coverage[walk->depth] != COVER_NOTHING;
}

static int node_leave(struct walk *walk)
{
	if (walk->depth == 0)
		return -EBADMSG;
	return walk->coverage[walk->depth--] != COVER_NOTHING;
}

static int property_take(const struct walk *walk, int offset)
{
	const struct fdt_property *property = fdt_get_property_by_offset(walk->tree->data, offset, NULL);
	const char *name = NULL;
	int length = 0;

	if (walk->coverage[walk->depth] != COVER_ALL)
		return 0;
	if (property)
		name = fdt_get_string(walk->tree->data, (int)fdt32_ld(&property->nameoff), &length);
	if (!name)
		return -EBADMSG;
	for (size_t i = 0; i < ARRAY_SIZE(unsigned_properties); i++)
		if (strcmp(name, unsigned_properties[i]) == 0)
			return 0;
	return (uint64_t)fdt32_ld(&property->nameoff) + (unsigned)length < walk->strings_size ? 1 : -EBADMSG;
}

/* Whether the tag at offset is signed: 1, 0, or -EBADMSG. */
static int tag_take(struct walk *walk, uint32_t tag, int offset)
{
	switch (tag) {
	case FDT_BEGIN_NODE:
		return node_enter(walk, offset);
	case FDT_END_NODE:
		return node_leave(walk);
	case FDT_PROP:
		return property_take(walk, offset);
	case FDT_NOP:
		return walk->coverage[walk->depth] == COVER_ALL;
	default: /* FDT_END; a broken tag reads as that, too */
		return 1;
	}
}

int fit_signed_walk(const struct fit_tree *tree, const struct fit_signed *list, size_t strings_size,
		    void (*emit)(void *context, const void *bytes, size_t size), void *context)
{
	const uint8_t *structure = tree->data + fdt_off_dt_struct(tree->data);
	struct walk walk = {.tree = tree, .list = list, .strings_size = strings_size};
	uint32_t tag;
	int start = 0; /* of the run of signed bytes that ends at offset */
	int next = 0;

	if (strings_size > fdt_size_dt_strings(tree->data))
		return -EBADMSG;
	do {
		int offset = next;
		int take;

		tag = fdt_next_tag(tree->data, offset, &next);
		take = tag_take(&walk, tag, offset);
		if (take < 0 || next < 0)
			return -EBADMSG;
		if (!take) {
			emit(context, structure + start, (size_t)(offset - start));
			start = next;
		}
	} while (tag != FDT_END);
	emit(context, structure + start, (size_t)(next - start));
	emit(context, tree->data + fdt_off_dt_strings(tree->data), strings_size);
	return 0;
}
