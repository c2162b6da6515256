/* Memory: how much, of what pages, and what comes and goes. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "vmm/domain_xml/convert.h"
#include "vmm/domain_xml/json_key.h"
#include "vmm/domain_xml/special.h"
#include "vmm/domain_xml/to_json.h"
#include "vmm/domain_xml/to_xml.h"
#include "vmm/domain_xml/xml.h"

#define MIB_MIN          16
#define MIB_MAX          (1ULL << 24)
#define KIB_OF_MIB       1024
#define DEVICE_MIB_MIN   2
#define MAX_MEMORY_SLOTS "2" /* as many as a guest has memory devices at most */

/* Libvirt's units (format domain, "Memory Allocation"); 0: no such unit. */
static uint64_t unit_bytes(const char *unit)
{
	static const struct {
		const char *name;
		uint64_t bytes;
	} units[] = {
		{"b", 1},        {"bytes", 1},          {"KB", 1000},     {"k", KIB(1)},      {"KiB", KIB(1)},
		{"MB", 1000000}, {"M", MIB(1)},         {"MiB", MIB(1)},  {"GB", 1000000000}, {"G", GIB(1)},
		{"GiB", GIB(1)}, {"TB", 1000000000000}, {"T", GIB(1024)}, {"TiB", GIB(1024)},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(units); i++) {
		if (strcmp(units[i].name, unit) == 0)
			return units[i].bytes;
	}
	return 0;
}

/* A size in bytes, its unit in an attribute: KiB unless it says otherwise. */
static int read_size(struct reader *reader, const xmlNode *node, const char *text, uint64_t *bytes)
{
	const char *name = xml_attribute(node, "unit");
	uint64_t unit = unit_bytes(name ? name : "KiB");
	uint64_t number;

	if (!unit)
		return refuse(reader->refusal, -EINVAL, node,
			      "has an unknown unit, %.20s: KiB, MiB and GiB are known", name);
	if (!number_read(text, 0, UINT64_MAX / unit, &number))
		return refuse(reader->refusal, -EINVAL, node, "must be a whole number of %s",
			      name ? name : "KiB");
	*bytes = number * unit;
	return 0;
}

static int read_mib_from(struct reader *reader, const xmlNode *node, uint64_t least, uint64_t *mib)
{
	AUTO_FREE char *text = xml_text(node);
	uint64_t bytes = 0;
	int code = read_size(reader, node, text ? text : "", &bytes);

	if (code < 0)
		return code;
	*mib = bytes / MIB(1);
	if (*mib < least || *mib > MIB_MAX)
		return refuse(reader->refusal, -EINVAL, node, "must be from %llu to %llu MiB",
			      (unsigned long long)least, MIB_MAX);
	if (bytes % MIB(1))
		return refuse(reader->refusal, -EINVAL, node,
			      "must be whole MiB: %llu KiB and %llu KiB are the nearest",
			      (unsigned long long)*mib * KIB_OF_MIB,
			      (unsigned long long)(*mib + 1) * KIB_OF_MIB);
	return 0;
}

static int read_mib(struct reader *reader, const xmlNode *node, uint64_t *mib)
{
	return read_mib_from(reader, node, MIB_MIN, mib);
}

static int write_kib(struct writer *writer, xmlNode *element, const char *name, const char *unit,
		     uint64_t mib)
{
	char text[24];
	int code = writer_set(writer, element, unit, "KiB");

	snprintf(text, sizeof(text), "%llu", (unsigned long long)mib * KIB_OF_MIB);
	return code < 0 ? code : writer_set(writer, element, name, text);
}

/* --- Memory devices: libvirt counts them in <memory>, as much as they can be --- */

/* The sum of a size of all of them, "size" or "requested"; what is no size is refused where it stands. */
static uint64_t devices_mib(const xmlNode *domain, const char *name)
{
	const xmlNode *devices = xml_child(domain, "devices");
	const xmlNode *memory = devices ? xml_child(devices, "memory") : NULL;
	struct refusal ignored = {0};
	struct reader reader = {.refusal = &ignored};
	uint64_t sum = 0;

	for (; memory; memory = xml_element_from(memory->next, "memory")) {
		const char *model = xml_attribute(memory, "model");
		const xmlNode *target = xml_child(memory, "target");
		const xmlNode *size = target ? xml_child(target, name) : NULL;
		uint64_t mib = 0;

		if (model && strcmp(model, "virtio-mem") == 0 && size &&
		    read_mib_from(&reader, size, 0, &mib) == 0)
			sum += mib;
	}
	return sum;
}

static int device_size_read(struct reader *reader, const xmlNode *node, cJSON *object)
{
	const char *name = xml_chars(node->name);
	bool requested = strcmp(name, "requested") == 0;
	bool block = strcmp(name, "block") == 0;
	const char *key = requested ? "requested_mib" : block ? "block_mib" : "size_mib";
	uint64_t mib = 0;
	int code = read_mib_from(reader, node, requested ? 0 : DEVICE_MIB_MIN, &mib);

	if (code < 0 || (requested && mib == 0) || (block && mib == DEVICE_MIB_MIN))
		return code; /* what is so when nothing is said */
	return reader_set(reader, node, object, key, cJSON_CreateNumber((double)mib));
}

/* All three, which libvirt prints always. */
static int device_sizes_write(struct writer *writer, xmlNode *element, const cJSON *object)
{
	static const struct {
		const char *key, *path, *unit;
		double otherwise;
	} sizes[] = {
		{"size_mib", "target/size", "target/size/@unit", 0},
		{"block_mib", "target/block", "target/block/@unit", DEVICE_MIB_MIN},
		{"requested_mib", "target/requested", "target/requested/@unit", 0},
	};
	int code = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(sizes) && code == 0; i++) {
		const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, sizes[i].key);
		double mib = item ? cJSON_IsNumber(item) ? item->valuedouble : -1 : sizes[i].otherwise;

		if (mib >= 0 && mib <= (double)MIB_MAX)
			code = write_kib(writer, element, sizes[i].path, sizes[i].unit, (uint64_t)mib);
	}
	return code;
}

/* --- RAM --- */

static int memory_read(struct reader *reader, const xmlNode *node, cJSON *object)
{
	uint64_t devices = devices_mib(node->parent, "size");
	uint64_t mib = 0;
	int code = read_mib(reader, node, &mib);

	if (code < 0)
		return code;
	if (mib < devices + MIB_MIN)
		return refuse(reader->refusal, -EINVAL, node,
			      "counts what memory devices can be, %llu MiB, and must be at least %u MiB more",
			      (unsigned long long)devices, MIB_MIN);
	return reader_set(reader, node, object, "memory_mib", cJSON_CreateNumber((double)(mib - devices)));
}

static bool mib_of(const cJSON *object, const char *key, uint64_t *mib)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
	double number = cJSON_IsNumber(item) ? item->valuedouble : 0;

	if (number < MIB_MIN || number > (double)MIB_MAX)
		return false;
	*mib = (uint64_t)number;
	return true;
}

/* The sum of a key of all memory devices. */
static uint64_t devices_sum(const cJSON *object, const char *key)
{
	const cJSON *devices = cJSON_GetObjectItemCaseSensitive(object, "memory_devices");
	const cJSON *item;
	double sum = 0;

	cJSON_ArrayForEach(item, devices)
	{
		const cJSON *number = cJSON_GetObjectItemCaseSensitive(item, key);

		if (cJSON_IsNumber(number) && number->valuedouble > 0 &&
		    number->valuedouble <= (double)MIB_MAX)
			sum += number->valuedouble;
	}
	return (uint64_t)sum;
}

/* As libvirt prints it. */
static int memory_write(struct writer *writer, xmlNode *element, const cJSON *object)
{
	uint64_t devices = devices_sum(object, "size_mib");
	uint64_t requested = devices_sum(object, "requested_mib");
	uint64_t mib, current;
	int code;

	if (!mib_of(object, "memory_mib", &mib))
		return 0;
	if (!mib_of(object, "current_memory_mib", &current) || current > mib)
		current = mib; /* what XML cannot say goes another way (remainder.h) */
	if (mib + devices > MIB_MAX)
		return 0; /* so does a sum that libvirt's XML could say, and we would not read */
	code = write_kib(writer, element, "memory", "memory/@unit", mib + devices);
	return code < 0 ? code
			: write_kib(writer, element, "currentMemory", "currentMemory/@unit",
				    current + requested);
}

static bool has_balloon(const xmlNode *domain)
{
	const xmlNode *devices = xml_child(domain, "devices");
	const xmlNode *memballoon = devices ? xml_child(devices, "memballoon") : NULL;
	const xmlNode *backing = xml_child(domain, "memoryBacking");
	const char *model = memballoon ? xml_attribute(memballoon, "model") : NULL;

	return model && strcmp(model, "none") != 0 && !(backing && xml_child(backing, "hugepages"));
}

static int current_memory_read(struct reader *reader, const xmlNode *node, cJSON *object)
{
	const xmlNode *memory = xml_child(node->parent, "memory");
	uint64_t current = 0, all = 0, requested;
	int code = read_mib(reader, node, &current);

	if (code == 0 && memory)
		code = read_mib(reader, memory, &all);
	if (code < 0 || (memory && current == all))
		return code;
	if (current > all)
		return refuse(reader->refusal, -EINVAL, node, "must be at most as much as memory");
	all -= MIN(all, devices_mib(node->parent, "size"));
	requested = devices_mib(node->parent, "requested");
	if (current < requested + MIB_MIN || current - requested > all)
		return refuse(
			reader->refusal, -EINVAL, node,
			"counts what is requested of memory devices, %llu MiB, and RAM: from %u to %llu MiB",
			(unsigned long long)requested, MIB_MIN, (unsigned long long)all);
	current -= requested;
	if (current == all)
		return 0;
	if (!reader->partial && !has_balloon(node->parent))
		return refuse(reader->refusal, -EINVAL, node,
			      "must be as much as memory where there is no <memballoon model=\"virtio\"/> of "
			      "ordinary pages that could hold the rest");
	return reader_set(reader, node, object, "current_memory_mib", cJSON_CreateNumber((double)current));
}

/* --- The most --- */

static int max_memory_read(struct reader *reader, const xmlNode *node, cJSON *object)
{
	uint64_t mib = 0;
	int code = read_mib(reader, node, &mib);

	return code < 0 ? code
			: reader_set(reader, node, object, "max_memory_mib", cJSON_CreateNumber((double)mib));
}

/* libvirt wants to know how many devices could be plugged in; here they are all there. */
static int max_memory_write(struct writer *writer, xmlNode *element, const cJSON *object)
{
	uint64_t mib;
	int code;

	if (!mib_of(object, "max_memory_mib", &mib))
		return 0;
	code = write_kib(writer, element, "maxMemory", "maxMemory/@unit", mib);
	return code < 0 ? code : writer_set(writer, element, "maxMemory/@slots", MAX_MEMORY_SLOTS);
}

/* --- Huge pages --- */

/* "2M", "1G" or NULL. */
static int read_page(struct reader *reader, const xmlNode *page, const char **word)
{
	const char *text = xml_attribute(page, "size");
	uint64_t bytes = 0;
	int code = read_size(reader, page, text ? text : "", &bytes);

	if (code < 0)
		return code;
	*word = bytes == MIB(2) ? "2M" : bytes == GIB(1) ? "1G" : NULL;
	return *word ? 0 : refuse(reader->refusal, -EINVAL, page, "must be of 2 MiB or 1 GiB");
}

static int hugepages_read(struct reader *reader, const xmlNode *node, cJSON *object)
{
	const xmlNode *page = xml_child(node, "page");
	const char *word = NULL;
	int code = page ? read_page(reader, page, &word) : 0;

	if (code < 0)
		return code;
	return reader_set(reader, node, object, "memory_backing.hugepages",
			  word ? cJSON_CreateString(word) : cJSON_CreateTrue());
}

static int hugepages_write(struct writer *writer, xmlNode *element, const cJSON *object)
{
	const cJSON *value = json_key_get(object, "memory_backing.hugepages");
	const char *word = cJSON_GetStringValue(value);
	const char *size = !word                     ? NULL
			   : strcmp(word, "2M") == 0 ? "2048"
			   : strcmp(word, "1G") == 0 ? "1048576"
						     : NULL;
	int code;

	if (!size && !cJSON_IsTrue(value))
		return 0;
	if (!writer_element(writer, element, "memoryBacking/hugepages"))
		return -ENOMEM;
	code = size ? writer_set(writer, element, "memoryBacking/hugepages/page/@size", size) : 0;
	return code == 0 && size ? writer_set(writer, element, "memoryBacking/hugepages/page/@unit", "KiB")
				 : code;
}

const struct special special_memory = {memory_read, memory_write};
const struct special special_current_memory = {.read = current_memory_read};
const struct special special_max_memory = {max_memory_read, max_memory_write};
const struct special special_memory_device_size = {device_size_read, device_sizes_write};
const struct special special_memory_device_more = {.read = device_size_read};
const struct special special_hugepages = {hugepages_read, hugepages_write};
