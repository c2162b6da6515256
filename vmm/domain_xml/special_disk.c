/* A disk's type, device and place. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vmm/domain_xml/special.h"
#include "vmm/domain_xml/to_json.h"
#include "vmm/domain_xml/to_xml.h"
#include "vmm/domain_xml/xml.h"

static const char *text_of(const cJSON *object, const char *key)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

/* What a disk's source is, is said by the attribute that names it. */
static int type_write(struct writer *writer, xmlNode *element, const cJSON *object)
{
	const char *path = text_of(object, "path");
	const char *type = cJSON_HasObjectItem(object, "source")    ? "network"
			   : text_of(object, "image")               ? "volume"
			   : path && strncmp(path, "/dev/", 5) == 0 ? "block"
								    : "file";

	return writer_set(writer, element, "@type", type);
}

/* The first thing that is seen of each disk. */
static int disk_read(struct reader *reader, const xmlNode *node, cJSON *object)
{
	const char *device = xml_attribute(node, "device");
	bool cdrom = device && strcmp(device, "cdrom") == 0;

	reader->disks[reader->disk_count] = node;
	reader->cdrom[reader->disk_count++] = cdrom;
	if (cdrom && !xml_child(node, "readonly"))
		return reader_set(reader, node, object, "read_only", cJSON_CreateTrue());
	return 0;
}

/* Of ours, those that libvirt's schema has: it knows no VHDX, and encrypted images are raw ones to it, of
 * which it says more elsewhere. */
static bool format_has_word(const char *format)
{
	return strcmp(format, "qcow2") == 0 || strcmp(format, "vmdk") == 0;
}

static int format_write(struct writer *writer, xmlNode *element, const cJSON *object)
{
	const char *format = text_of(object, "format");

	return writer_set(writer, element, "driver/@type",
			  format && format_has_word(format) ? format : "raw");
}

static int format_read(struct reader *reader, const xmlNode *node, cJSON *object)
{
	const char *text = xml_attribute(node->parent, "type");

	if (format_has_word(text))
		return reader_set(reader, node, object, "format", cJSON_CreateString(text));
	if (strcmp(text, "raw") == 0)
		return 0;
	return refuse(reader->refusal, -EINVAL, node, "must be raw, qcow2 or vmdk");
}

/* The letters of vda, vdb ... vdz, vdaa. */
static int target_write(struct writer *writer, xmlNode *element, const cJSON *object)
{
	char name[8] = "vd";
	unsigned index = writer->item;
	size_t len = strlen(name);

	(void)object;
	if (index >= 26)
		name[len++] = (char)('a' + index / 26 - 1);
	name[len] = (char)('a' + index % 26);
	return writer_set(writer, element, "target/@dev", name);
}

/* Kept for the end, when the order of all disks is known. */
static int target_read(struct reader *reader, const xmlNode *node, cJSON *object)
{
	const char *name = xml_attribute(node->parent, "dev");
	unsigned index = reader->disk_count - 1;

	(void)object;
	if (name && index < READER_DISKS_MAX && strlen(name) < sizeof(reader->targets[index])) {
		strcpy(reader->targets[index], name);
		reader->target_nodes[index] = node;
	}
	return 0;
}

const struct special special_disk_type = {.write = type_write};
const struct special special_disk = {.read = disk_read};
const struct special special_disk_format = {format_read, format_write};
const struct special special_disk_target = {target_read, target_write};
