#include "vmm/domain_xml/read_end.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/domain_xml/json_key.h"
#include "vmm/domain_xml/remainder.h"
#include "vmm/domain_xml/xml.h"

static int out_of_memory(struct reader *reader)
{
	return refuse(reader->refusal, -ENOMEM, NULL, "out of memory");
}

/* What libvirt's XML does not say has libvirt's meaning, not that of a definition which does not say it. */
static int say_what_is_not_said(struct reader *reader)
{
	static const struct {
		const char *key;
		const char *value;
	} said[] = {{"role", "\"guest\""}, {"ready", "\"started\""}, {"autostart", "false"}};
	bool whole = !reader->partial;

	for (unsigned i = 0; whole && i < sizeof(said) / sizeof(said[0]); i++) {
		if (!json_key_get(reader->definition, said[i].key) &&
		    json_key_set(reader->definition, said[i].key, cJSON_Parse(said[i].value)) < 0)
			return out_of_memory(reader);
	}
	if (!reader->rng && !json_key_get(reader->definition, "rng") &&
	    json_key_set(reader->definition, "rng", cJSON_CreateFalse()) < 0)
		return out_of_memory(reader);
	return 0;
}

static int check_console(struct reader *reader)
{
	if (reader->virtio_console && (reader->serial || reader->serial_console))
		return refuse(reader->refusal, -EINVAL, reader->virtio_console,
			      "is a console beside the serial port: a guest has one of them");
	return 0;
}

/* --- The disks' order --- */

/* Of "vdb": 1; -1: no such name. */
static int target_index(const char *name)
{
	int index = 0;

	if (strncmp(name, "vd", 2) != 0 || !name[2])
		return -1;
	for (name += 2; *name; name++) {
		if (*name < 'a' || *name > 'z' || index > 26)
			return -1;
		index = index * 26 + (*name - 'a' + 1);
	}
	return index - 1;
}

struct place {
	int target; /* what its name says */
	int disk;   /* where it stands in the XML */
	cJSON *item;
};

static int by_target(const void *a, const void *b)
{
	const struct place *first = a;
	const struct place *second = b;

	return first->target - second->target;
}

/* false: some disk has a name that says nothing of its place. */
static bool find_places(const struct reader *reader, struct place places[READER_DISKS_MAX])
{
	const cJSON *disks = json_key_get(reader->definition, "disks");

	for (unsigned i = 0; i < reader->disk_count; i++) {
		places[i] = (struct place){
			.target = target_index(reader->targets[i]),
			.disk = (int)i,
			.item = cJSON_GetArrayItem(disks, (int)i),
		};
		if (places[i].target < 0)
			return false;
	}
	return true;
}

/* The list in the order of places, and what was noted of the disks with it. */
static void reorder(struct reader *reader, const struct place *places)
{
	cJSON *disks = json_key_get(reader->definition, "disks");
	const struct reader before = *reader;
	int boot = reader->boot.disk;

	for (unsigned i = 0; i < reader->disk_count; i++) {
		cJSON_AddItemToArray(disks, cJSON_DetachItemViaPointer(disks, places[i].item));
		reader->cdrom[i] = before.cdrom[places[i].disk];
		reader->disks[i] = before.disks[places[i].disk];
		if (places[i].disk == boot)
			reader->boot.disk = (int)i;
	}
}

static int sort_disks(struct reader *reader)
{
	static const struct rule renamed = {
		.path = "devices/disk/target/@dev",
		.why = "disks are vda, vdb ... in their order, without gaps",
	};
	struct place places[READER_DISKS_MAX];

	if (!find_places(reader, places))
		return 0;
	qsort(places, reader->disk_count, sizeof(places[0]), by_target);
	for (unsigned i = 0; i < reader->disk_count; i++) {
		const xmlNode *node = reader->target_nodes[places[i].disk];

		if (i > 0 && places[i].target == places[i - 1].target)
			return refuse(reader->refusal, -EINVAL, node, "is the name of two disks");
		if (places[i].target != (int)i && reader_ignore(reader, renamed.why, &renamed, node) < 0)
			return -ENOMEM;
	}
	reorder(reader, places);
	return 0;
}

/* By now it may be in our metadata, too. */
static int check_sources(struct reader *reader)
{
	const cJSON *disks = json_key_get(reader->definition, "disks");

	for (unsigned i = 0; i < reader->disk_count && !reader->partial; i++) {
		const cJSON *disk = cJSON_GetArrayItem(disks, (int)i);

		if (!json_key_get(disk, "path") && !json_key_get(disk, "image") &&
		    !json_key_get(disk, "source"))
			return refuse(reader->refusal, -EINVAL, reader->disks[i],
				      "needs a source: which file or block device?");
	}
	return 0;
}

/* --- What boots --- */

static int boot_from(struct reader *reader, int disk, const xmlNode *node)
{
	const cJSON *from = cJSON_GetArrayItem(json_key_get(reader->definition, "disks"), disk);
	const char *format = cJSON_GetStringValue(json_key_get(from, "format"));

	if ((format && strcmp(format, "raw") != 0) || json_key_get(from, "source") ||
	    json_key_get(from, "transient"))
		return refuse(
			reader->refusal, -EINVAL, node,
			"is not supported: a guest boots by the kernel in /boot of a raw disk that keeps what is written; "
			"`rastos-vmm disk import` makes one of the image");
	return reader_set(reader, node, reader->definition, "kernel.from_disk", cJSON_CreateNumber(disk));
}

/* -1: there is none. */
static int first_disk(const struct reader *reader)
{
	for (unsigned i = 0; i < reader->disk_count; i++) {
		if (!reader->cdrom[i])
			return (int)i;
	}
	return -1;
}

static int choose_boot(struct reader *reader)
{
	static const struct rule unused = {
		.path = "os/boot",
		.why = "the guest boots from the kernel or boot image that it has, not from a device",
	};
	const struct boot_choice *boot = &reader->boot;
	const xmlNode *os = xml_child(reader->domain, "os");
	bool given = json_key_get(reader->definition, "image") ||
		     json_key_get(reader->definition, "kernel.path") ||
		     json_key_get(reader->definition, "kernel.from_disk");

	if (given)
		return boot->node ? reader_ignore(reader, unused.why, &unused, boot->node) : 0;
	if (boot->node && !boot->first_disk && boot->disk < 0)
		return refuse(
			reader->refusal, -EINVAL, boot->node,
			"is not supported: a guest boots from a disk, or from <kernel>; there is no firmware "
			"that could boot from anything else");
	if (boot->node && boot->disk >= 0)
		return boot_from(reader, boot->disk, boot->node);
	if (first_disk(reader) >= 0 && (boot->node || !reader->partial))
		return boot_from(reader, first_disk(reader), os);
	if (reader->partial)
		return 0;
	return refuse(reader->refusal, -EINVAL, os ? os : reader->domain,
		      "says nothing to boot from: give <kernel>, or a disk that has one in its /boot");
}

int read_end(struct reader *reader)
{
	int code = check_console(reader);

	if (code == 0)
		code = sort_disks(reader);
	if (code == 0)
		code = remainder_apply(reader);
	if (code == 0)
		code = check_sources(reader);
	if (code == 0)
		code = say_what_is_not_said(reader);
	return code == 0 ? choose_boot(reader) : code;
}
