#include "vmm/storage/storage_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "vmm/config/json_memory.h"

#define NBD_WAIT_S (365 * 24 * 3600) /* as good as for ever */
#define NODE_NAME  24

/* --- Block nodes --- */

static cJSON *node_new(const struct storage_wants *wants, const char *driver, const char *name, bool writable)
{
	const struct disk_definition *disk = wants->disk;
	cJSON *node = cJSON_CreateObject();
	cJSON *cache = cJSON_AddObjectToObject(node, "cache");

	cJSON_AddStringToObject(node, "driver", driver);
	cJSON_AddStringToObject(node, "node-name", name);
	cJSON_AddBoolToObject(node, "read-only", !writable);
	cJSON_AddStringToObject(node, "discard", disk->discard && writable ? "unmap" : "ignore");
	cJSON_AddBoolToObject(cache, "direct", disk_definition_direct(disk));
	cJSON_AddBoolToObject(cache, "no-flush", disk->cache == DISK_CACHE_UNSAFE);
	return node;
}

/* Nodes are said as one text each. */
static void list_add(cJSON *list, cJSON *node)
{
	AUTO_FREE char *text = cJSON_PrintUnformatted(node);

	cJSON_AddItemToArray(list, cJSON_CreateString(text ? text : ""));
	cJSON_Delete(node);
}

static void file_path(const struct storage_wants *wants, unsigned index, char *path, size_t size)
{
	if (wants->jail)
		snprintf(path, size, "/disk%u", index);
	else
		snprintf(path, size, "%s", wants->files[index].path);
}

/* Locks are ours (disk_open.h), and QEMU's would be in their way. */
static cJSON *file_node(const struct storage_wants *wants, unsigned index)
{
	const struct storage_file *file = &wants->files[index];
	char name[NODE_NAME], path[4096];
	cJSON *node;

	snprintf(name, sizeof(name), "file%u", index);
	file_path(wants, index, path, sizeof(path));
	node = node_new(wants, file->device ? "host_device" : "file", name, file->writable);
	cJSON_AddStringToObject(node, "filename", path);
	cJSON_AddStringToObject(node, "locking", "off");
	return node;
}

static cJSON *nbd_node(const struct storage_wants *wants, const char *name, bool writable)
{
	const struct disk_source *source = &wants->disk->source;
	cJSON *node = node_new(wants, "nbd", name, writable);
	cJSON *server = cJSON_AddObjectToObject(node, "server");
	char text[4096];

	if (source->nbd.socket) {
		file_path(wants, 0, text, sizeof(text));
		cJSON_AddStringToObject(server, "type", "unix");
		cJSON_AddStringToObject(server, "path", text);
	} else {
		snprintf(text, sizeof(text), "%u", source->nbd.port);
		cJSON_AddStringToObject(server, "type", "inet");
		cJSON_AddStringToObject(server, "host", source->nbd.host);
		cJSON_AddStringToObject(server, "port", text);
	}
	if (source->nbd.export)
		cJSON_AddStringToObject(node, "export", source->nbd.export);
	cJSON_AddNumberToObject(node, "reconnect-delay", source->reconnect ? NBD_WAIT_S : 0);
	return node;
}

/* behind: a node's name; NULL: nothing is. */
static cJSON *format_node(const struct storage_wants *wants, enum disk_format format, unsigned file,
			  const char *name, const char *behind, bool writable)
{
	cJSON *node = node_new(wants, disk_format_word(format), name, writable);
	char file_name[NODE_NAME];

	snprintf(file_name, sizeof(file_name), "file%u", file);
	cJSON_AddStringToObject(node, "file", file_name);
	if (format == DISK_FORMAT_LUKS)
		cJSON_AddStringToObject(node, "key-secret", "key");
	if (format == DISK_FORMAT_QCOW2 || format == DISK_FORMAT_VMDK) {
		if (behind)
			cJSON_AddStringToObject(node, "backing", behind);
		else
			cJSON_AddNullToObject(node, "backing");
	}
	return node;
}

static const char *top_name(const struct storage_wants *wants)
{
	return wants->disk->source.transient ? "base" : "disk";
}

/* The images of the disk, the deepest first, for each refers to the one behind it. */
static void add_images(const struct storage_wants *wants, cJSON *nodes, cJSON *leaves)
{
	const struct disk_source *source = &wants->disk->source;
	enum disk_format formats[DISK_BACKING_MAX + 1] = {source->format};
	unsigned count = 1;
	char names[2][NODE_NAME];

	for (const struct disk_backing *backing = source->backing; backing; backing = backing->next)
		formats[count++] = backing->format;
	for (unsigned i = count; i-- > 0;) {
		char *name = names[i % 2], *behind = names[(i + 1) % 2];
		bool writable = i == 0 && wants->files[0].writable;

		if (i)
			snprintf(name, NODE_NAME, "behind%u", i);
		else
			snprintf(name, NODE_NAME, "%s", top_name(wants));
		list_add(nodes, file_node(wants, i));
		list_add(nodes,
			 format_node(wants, formats[i], i, name, i + 1 < count ? behind : NULL, writable));
		if (i + 1 == count)
			cJSON_AddItemToArray(leaves, cJSON_CreateString(name));
	}
}

static void add_nodes(const struct storage_wants *wants, cJSON *nodes, cJSON *leaves)
{
	const struct disk_definition *disk = wants->disk;

	if (disk->source.network)
		list_add(nodes,
			 nbd_node(wants, top_name(wants), !disk->read_only && !disk->source.transient));
	else
		add_images(wants, nodes, leaves);
	if (disk->source.transient)
		list_add(nodes, file_node(wants, wants->file_count - 1));
}

/* --- The plan --- */

static void add_files(const struct storage_wants *wants, cJSON *plan)
{
	cJSON *files = cJSON_AddArrayToObject(plan, "files");

	for (unsigned i = 0; i < wants->file_count; i++) {
		const struct storage_file *file = &wants->files[i];
		cJSON *item = cJSON_CreateObject();
		char place[NODE_NAME];

		snprintf(place, sizeof(place), "disk%u", i);
		cJSON_AddStringToObject(item, "place", place);
		cJSON_AddStringToObject(item, "path", file->path);
		cJSON_AddBoolToObject(item, "writable", file->writable);
		cJSON_AddBoolToObject(item, "unlink", file->unlink);
		cJSON_AddBoolToObject(item, "tree", file->tree >= 0);
		cJSON_AddItemToArray(files, item);
	}
}

static void add_block(const struct storage_wants *wants, cJSON *plan)
{
	const struct disk_definition *disk = wants->disk;
	unsigned overlay = wants->file_count - 1;
	char overlay_name[NODE_NAME];
	cJSON *probe = cJSON_AddArrayToObject(plan, "probe");
	cJSON *leaves = cJSON_AddArrayToObject(plan, "leaves");
	cJSON *serve;

	add_nodes(wants, probe, leaves);
	serve = cJSON_Duplicate(probe, true);
	cJSON_AddItemToObject(plan, "serve", serve);
	if (!disk->source.transient)
		return;
	list_add(serve, format_node(wants, DISK_FORMAT_QCOW2, overlay, "disk", "base", true));
	snprintf(overlay_name, sizeof(overlay_name), "file%u", overlay);
	cJSON_AddStringToObject(plan, "overlay", overlay_name);
}

cJSON *storage_plan_make(const struct storage_wants *wants)
{
	const struct disk_definition *disk = wants->disk;
	cJSON *plan;

	json_memory_missed();
	plan = cJSON_CreateObject();
	cJSON_AddStringToObject(plan, "about", wants->about);
	cJSON_AddBoolToObject(plan, "jail", wants->jail);
	cJSON_AddBoolToObject(plan, "network", disk->source.network && disk->source.nbd.host);
	add_files(wants, plan);
	if (wants->secret)
		cJSON_AddStringToObject(plan, "secret", wants->secret);
	add_block(wants, plan);
	cJSON_AddBoolToObject(plan, "writable", !disk->read_only);
	cJSON_AddNumberToObject(plan, "queues", wants->queues);
	cJSON_AddBoolToObject(plan, "reconnect", disk->source.reconnect);
	cJSON_AddNumberToObject(plan, "seconds", disk->source.reconnect_s);
	if (json_memory_missed()) {
		cJSON_Delete(plan);
		return NULL;
	}
	return plan;
}
