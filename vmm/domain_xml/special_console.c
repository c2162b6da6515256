/* The console, which libvirt has as a serial port and a console on it, the entropy device and the balloon. */
#include <errno.h>
#include <string.h>

#include "vmm/domain_xml/special.h"
#include "vmm/domain_xml/to_json.h"
#include "vmm/domain_xml/to_xml.h"
#include "vmm/domain_xml/xml.h"

static bool is_virtio(const xmlNode *console)
{
	const xmlNode *target = xml_child(console, "target");
	const char *type = target ? xml_attribute(target, "type") : NULL;

	return type && strcmp(type, "virtio") == 0;
}

static int serial_read(struct reader *reader, const xmlNode *node, cJSON *object)
{
	(void)object;
	if (reader->serial)
		return refuse(reader->refusal, -EINVAL, node, "is a second serial port: a guest has one");
	reader->serial = node;
	return 0;
}

/* One on the serial port is that port said once more. */
static int console_read(struct reader *reader, const xmlNode *node, cJSON *object)
{
	const xmlNode **seen = is_virtio(node) ? &reader->virtio_console : &reader->serial_console;

	if (*seen)
		return refuse(reader->refusal, -EINVAL, node,
			      "is a second console of its kind: a guest has one");
	*seen = node;
	return is_virtio(node) ? reader_set(reader, node, object, "console", cJSON_CreateString("virtio"))
			       : 0;
}

static int console_write(struct writer *writer, xmlNode *element, const cJSON *object)
{
	const char *word = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, "console"));
	bool virtio = word && strcmp(word, "virtio") == 0;
	int code = 0;

	if (!virtio) {
		code = writer_set(writer, element, "devices/serial/@type", "pty");
		if (code == 0)
			code = writer_set(writer, element, "devices/serial/target/@port", "0");
	}
	if (code == 0)
		code = writer_set(writer, element, "devices/console/@type", "pty");
	if (code == 0)
		code = writer_set(writer, element, "devices/console/target/@type",
				  virtio ? "virtio" : "serial");
	return code == 0 ? writer_set(writer, element, "devices/console/target/@port", "0") : code;
}

static int rng_read(struct reader *reader, const xmlNode *node, cJSON *object)
{
	(void)node;
	(void)object;
	reader->rng = true;
	return 0;
}

static int rng_write(struct writer *writer, xmlNode *element, const cJSON *object)
{
	int code;

	if (cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(object, "rng")))
		return 0;
	code = writer_set(writer, element, "devices/rng/@model", "virtio");
	if (code == 0)
		code = writer_set(writer, element, "devices/rng/backend/@model", "random");
	return code == 0 ? writer_set(writer, element, "devices/rng/backend", "/dev/urandom") : code;
}

/* An object only where it says more than that it is there. */
static int memballoon_read(struct reader *reader, const xmlNode *node, cJSON *object)
{
	const char *model = xml_attribute(node, "model");
	bool more = xml_attribute(node, "autodeflate") || xml_attribute(node, "freePageReporting") ||
		    xml_child(node, "stats");

	if (!model || strcmp(model, "none") != 0)
		return reader_set(reader, node, object, "memballoon",
				  more ? cJSON_CreateObject() : cJSON_CreateTrue());
	return more ? refuse(reader->refusal, -EINVAL, node, "of model none cannot do anything") : 0;
}

static int memballoon_write(struct writer *writer, xmlNode *element, const cJSON *object)
{
	const cJSON *memballoon = cJSON_GetObjectItemCaseSensitive(object, "memballoon");
	bool present = cJSON_IsTrue(memballoon) || cJSON_IsObject(memballoon);

	return writer_set(writer, element, "devices/memballoon/@model", present ? "virtio" : "none");
}

const struct special special_serial = {.read = serial_read};
const struct special special_console = {console_read, console_write};
const struct special special_rng = {rng_read, rng_write};
const struct special special_memballoon = {memballoon_read, memballoon_write};
