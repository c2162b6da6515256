#include "vmm/image/make.h"

#include <errno.h>
#include <libfdt.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "hypervisor/boot/fit_crypto.h"
#include "vmm/image/file.h"

#define TREE_ROOM      KIB(16) /* for all but the parts' data */
#define TREE_SIZE_MAX  INT32_MAX
#define HASH_ALGORITHM "sha256"
#define CONFIGURATION  "conf-1"
#define TREE_ALIGNMENT 4

/* A tree being written front to back. The first thing that does not work is kept. */
struct writer {
	struct crypto *crypto;
	uint8_t *tree;
	int result; /* of libfdt */
};

static void node_begin(struct writer *writer, const char *name)
{
	if (!writer->result)
		writer->result = fdt_begin_node(writer->tree, name);
}

static void node_end(struct writer *writer)
{
	if (!writer->result)
		writer->result = fdt_end_node(writer->tree);
}

static void property(struct writer *writer, const char *name, const void *value, size_t size)
{
	if (!writer->result)
		writer->result = fdt_property(writer->tree, name, value, (int)size);
}

static void property_string(struct writer *writer, const char *name, const char *value)
{
	property(writer, name, value, strlen(value) + 1);
}

static void property_u32(struct writer *writer, const char *name, uint32_t value)
{
	if (!writer->result)
		writer->result = fdt_property_u32(writer->tree, name, value);
}

struct part {
	const char *node;
	const char *reference; /* the configuration's property that names it */
	const char *description;
	const char *type;
	const void *data;
	size_t size;
};

static int part_write(struct writer *writer, const struct part *part, struct error *err)
{
	const struct crypto_digest *digest = crypto_digest_find(HASH_ALGORITHM, strlen(HASH_ALGORITHM));
	uint8_t hash[CRYPTO_HASH_MAX];
	int result = crypto_hash(writer->crypto, digest, part->data, part->size, hash, err);

	if (result)
		return result;
	node_begin(writer, part->node);
	property_string(writer, "description", part->description);
	property_string(writer, "type", part->type);
	property_string(writer, "arch", "x86_64");
	property_string(writer, "os", "linux");
	property_string(writer, "compression", "none");
	property(writer, "data", part->data, part->size);
	node_begin(writer, "hash-1");
	property(writer, "value", hash, digest->size);
	property_string(writer, "algo", digest->name);
	node_end(writer);
	node_end(writer);
	return 0;
}

static void configuration_write(struct writer *writer, const struct image_parts *parts,
				const struct part *list, unsigned count)
{
	node_begin(writer, "configurations");
	property_string(writer, "default", CONFIGURATION);
	node_begin(writer, CONFIGURATION);
	property_string(writer, "description", parts->description);
	for (unsigned i = 0; i < count; i++)
		property_string(writer, list[i].reference, list[i].node);
	node_end(writer);
	node_end(writer);
}

static int tree_write(struct writer *writer, size_t room, const struct image_parts *parts,
		      const struct part *list, unsigned count, struct error *err)
{
	writer->result = fdt_create(writer->tree, (int)room);
	if (!writer->result)
		writer->result = fdt_finish_reservemap(writer->tree);
	node_begin(writer, "");
	property_u32(writer, "timestamp", parts->timestamp);
	property_string(writer, "description", parts->description);
	property_u32(writer, "#address-cells", 1);
	node_begin(writer, "images");
	for (unsigned i = 0; i < count; i++) {
		int result = part_write(writer, &list[i], err);

		if (result)
			return result;
	}
	node_end(writer);
	configuration_write(writer, parts, list, count);
	node_end(writer);
	if (!writer->result)
		writer->result = fdt_finish(writer->tree);
	if (writer->result)
		return error_set(err, -EINVAL, "cannot make the image: %s", fdt_strerror(writer->result));
	return 0;
}

static unsigned parts_list(const struct image_parts *parts, struct part list[3])
{
	unsigned count = 0;

	list[count++] = (struct part){"kernel-1",      "kernel",      "Linux kernel",
				      "kernel_noload", parts->kernel, parts->kernel_size};
	if (parts->initrd)
		list[count++] = (struct part){"ramdisk-1", "ramdisk",     "Initial RAM file system",
					      "ramdisk",   parts->initrd, parts->initrd_size};
	if (parts->cmdline)
		list[count++] = (struct part){"cmdline-1", "cmdline",      "Kernel command line",
					      "script",    parts->cmdline, strlen(parts->cmdline) + 1};
	return count;
}

int image_make(const struct image_parts *parts, struct image_file *file, struct error *err)
{
	size_t room = TREE_ROOM + 2 * strlen(parts->description);
	struct writer writer = {.tree = NULL};
	struct part list[3];
	unsigned count = parts_list(parts, list);
	int result;

	for (unsigned i = 0; i < count; i++)
		room += ALIGN_UP(list[i].size, (size_t)TREE_ALIGNMENT);
	if (room > TREE_SIZE_MAX)
		return error_set(err, -EFBIG, "cannot make the image: more than 2 GiB");
	writer.tree = calloc(1, room); /* libfdt leaves the padding behind values as it is */
	if (!writer.tree)
		return error_set(err, -ENOMEM, "cannot make the image: out of memory");
	result = crypto_open(&writer.crypto, err);
	if (!result) {
		result = tree_write(&writer, room, parts, list, count, err);
		crypto_close(writer.crypto);
	}
	if (result) {
		free(writer.tree);
		return result;
	}
	*file = (struct image_file){.tree = writer.tree, .tree_size = fdt_totalsize(writer.tree)};
	return 0;
}

int image_timestamp(uint32_t *timestamp, struct error *err)
{
	const char *text = getenv("SOURCE_DATE_EPOCH");
	unsigned long value;
	char *end;

	*timestamp = 0;
	if (!text)
		return 0;
	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || *end || end == text || *text < '0' || *text > '9' || value > UINT32_MAX)
		return error_set(err, -EINVAL, "SOURCE_DATE_EPOCH=%s: not a number of seconds since 1970",
				 text);
	*timestamp = (uint32_t)value;
	return 0;
}

int image_write(const char *path, const struct image_file *file, struct error *err)
{
	static const uint8_t zeros[TREE_ALIGNMENT];
	size_t padding = file->external ? -file->tree_size % TREE_ALIGNMENT : 0;
	struct file_piece pieces[] = {
		{file->tree, file->tree_size},
		{zeros, padding},
		{file->external, file->external_size},
	};

	return file_replace(path, pieces, ARRAY_SIZE(pieces), err);
}
