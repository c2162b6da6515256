/* What is booted: a disk in <os>, or the device with the lowest <boot order>. */
#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "vmm/domain_xml/convert.h"
#include "vmm/domain_xml/json_key.h"
#include "vmm/domain_xml/special.h"
#include "vmm/domain_xml/to_json.h"
#include "vmm/domain_xml/to_xml.h"
#include "vmm/domain_xml/xml.h"

#define ORDER_MAX 65535

/* Either of two loses. */
static int consider(struct reader *reader, struct boot_choice choice)
{
	static const struct rule later = {
		.path = "os/boot",
		.why = "what else there is to boot from is not tried: a guest that does not boot says so",
	};
	const xmlNode *loser = reader->boot.node;

	if (loser && choice.order >= reader->boot.order)
		loser = choice.node;
	else
		reader->boot = choice;
	return loser ? reader_ignore(reader, later.why, &later, loser) : 0;
}

static int os_boot_read(struct reader *reader, const xmlNode *node, cJSON *object)
{
	const char *device = xml_attribute(node, "dev");

	(void)object;
	if (!device)
		return refuse(reader->refusal, -EINVAL, node, "must have a dev");
	return consider(reader, (struct boot_choice){
					.node = node,
					.order = ++reader->boot_orders,
					.disk = -1,
					.first_disk = strcmp(device, "hd") == 0,
				});
}

static int from_disk(const cJSON *object)
{
	const cJSON *disk = json_key_get(object, "kernel.from_disk");

	return cJSON_IsNumber(disk) ? disk->valueint : -1;
}

static int os_boot_write(struct writer *writer, xmlNode *element, const cJSON *object)
{
	return from_disk(object) == 0 ? writer_set(writer, element, "os/boot/@dev", "hd") : 0;
}

static bool is_disk(const xmlNode *element)
{
	return strcmp(xml_chars(element->name), "disk") == 0;
}

static int device_boot_read(struct reader *reader, const xmlNode *node, cJSON *object)
{
	const char *text = xml_attribute(node, "order");
	bool disk = is_disk(node->parent);
	uint64_t order;

	(void)object;
	if (!text || !number_read(text, 1, ORDER_MAX, &order))
		return refuse(reader->refusal, -EINVAL, node, "must have an order from 1 to %u", ORDER_MAX);
	return consider(reader, (struct boot_choice){
					.node = node,
					.order = (unsigned)order,
					.disk = disk ? (int)reader->disk_count - 1 : -1,
				});
}

static int device_boot_write(struct writer *writer, xmlNode *element, const cJSON *object)
{
	int disk = from_disk(writer->definition);

	(void)object;
	return disk > 0 && is_disk(element) && (unsigned)disk == writer->item
		       ? writer_set(writer, element, "boot/@order", "1")
		       : 0;
}

const struct special special_os_boot = {os_boot_read, os_boot_write};
const struct special special_device_boot = {device_boot_read, device_boot_write};
