/* vCPUs, the CPU's features and the clock. */
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

#define FEATURES_MAX 64
#define VCPUS_MAX    255

/* --- vCPUs that come and go --- */

/* As many as there are at first: all, where nothing is said. */
static bool vcpus_at_first(const xmlNode *vcpu, uint64_t *current, uint64_t *all)
{
	AUTO_FREE char *text = vcpu ? xml_text(vcpu) : NULL;
	const char *at_first = vcpu ? xml_attribute(vcpu, "current") : NULL;

	return text && number_read(text, 1, VCPUS_MAX, all) &&
	       number_read(at_first ? at_first : text, 1, VCPUS_MAX, current) && *current <= *all;
}

/* All of them is what libvirt takes for nothing said. */
static int current_vcpus_read(struct reader *reader, const xmlNode *node, cJSON *object)
{
	uint64_t current, all;

	if (!vcpus_at_first(node->parent, &current, &all))
		return refuse(reader->refusal, -EINVAL, node, "must be from 1 to as many as there are");
	return current == all ? 0
			      : reader_set(reader, node, object, "current_vcpus",
					   cJSON_CreateNumber((double)current));
}

static int current_vcpus_write(struct writer *writer, xmlNode *element, const cJSON *object)
{
	double current = cJSON_GetNumberValue(json_key_get(object, "current_vcpus"));
	double all = cJSON_GetNumberValue(json_key_get(object, "vcpus"));
	char text[24];

	if (!(current >= 1 && current < all && all <= VCPUS_MAX)) /* it goes another way (remainder.h) */
		return 0;
	snprintf(text, sizeof(text), "%.0f", current);
	return writer_set(writer, element, "vcpu/@current", text);
}

/* One by one: from the first on, as many as <vcpu> says. */
static int vcpus_read(struct reader *reader, const xmlNode *node, cJSON *object)
{
	uint64_t current, all, id, count = 0;

	(void)object;
	if (!vcpus_at_first(xml_child(node->parent, "vcpu"), &current, &all))
		return refuse(reader->refusal, -EINVAL, node, "needs <vcpu>");
	for (const xmlNode *vcpu = node->children; vcpu; vcpu = vcpu->next) {
		const char *text, *enabled;

		if (vcpu->type != XML_ELEMENT_NODE)
			continue;
		text = xml_attribute(vcpu, "id");
		enabled = xml_attribute(vcpu, "enabled");
		if (!text || !number_read(text, 0, all - 1, &id))
			return refuse(reader->refusal, -EINVAL, vcpu, "must have an id below %llu",
				      (unsigned long long)all);
		if (!enabled || (strcmp(enabled, "yes") == 0) != (id < current))
			return refuse(
				reader->refusal, -EINVAL, vcpu,
				"must be enabled for the first %llu, and for no other: they come in their order",
				(unsigned long long)current);
		count += id < current;
	}
	return count == current
		       ? 0
		       : refuse(reader->refusal, -EINVAL, node, "must name each of the first %llu once",
				(unsigned long long)current);
}

/* --- CPUs of single vCPUs: names are not of one set of keys, either --- */

static cJSON *open_object(cJSON *object, const char *key, const char *inner)
{
	cJSON *outer = cJSON_GetObjectItemCaseSensitive(object, key);
	cJSON *found;

	if (!outer)
		outer = cJSON_AddObjectToObject(object, key);
	found = cJSON_GetObjectItemCaseSensitive(outer, inner);
	return found ? found : cJSON_AddObjectToObject(outer, inner);
}

static int vcpupin_read(struct reader *reader, const xmlNode *node, cJSON *object)
{
	const char *number = xml_attribute(node, "vcpu");
	const char *set = xml_attribute(node, "cpuset");
	struct error why = {0};
	cJSON *value = NULL, *pins;
	uint64_t vcpu;
	char name[24];

	if (!number || !number_read(number, 0, VCPUS_MAX - 1, &vcpu))
		return refuse(reader->refusal, -EINVAL, node, "must have a vcpu from 0 to %u", VCPUS_MAX - 1);
	if (!set || convert_set.read(&convert_set, set, &value, &why) < 0)
		return refuse(reader->refusal, -EINVAL, node, "must have a cpuset: %s",
			      set ? why.text : "which CPUs?");
	snprintf(name, sizeof(name), "%llu", (unsigned long long)vcpu);
	pins = open_object(object, "cpus", "vcpupin");
	if (cJSON_GetObjectItemCaseSensitive(pins, name)) {
		cJSON_Delete(value);
		return refuse(reader->refusal, -EINVAL, node, "names vCPU %s a second time", name);
	}
	return cJSON_AddItemToObject(pins, name, value)
		       ? 0
		       : refuse(reader->refusal, -ENOMEM, NULL, "out of memory");
}

static int vcpupin_write(struct writer *writer, xmlNode *element, const cJSON *object)
{
	const cJSON *pins = json_key_get(object, "cpus.vcpupin");
	const cJSON *item;
	int code = 0;

	cJSON_ArrayForEach(item, pins)
	{
		AUTO_FREE char *set = convert_set.write(&convert_set, item);
		xmlNode *holder, *pin;
		uint64_t vcpu;

		if (!set || !number_read(item->string, 0, VCPUS_MAX - 1, &vcpu))
			continue;
		holder = writer_element(writer, element, "cputune");
		pin = holder ? writer_add(writer, holder, "vcpupin") : NULL;
		code = pin ? writer_set(writer, pin, "@vcpu", item->string) : -ENOMEM;
		if (code == 0)
			code = writer_set(writer, pin, "@cpuset", set);
		if (code < 0)
			break;
	}
	return code;
}

/* --- CPU features: names are not of one set of keys, so that dots in them mean nothing --- */

static int cpu_feature_read(struct reader *reader, const xmlNode *node, cJSON *object)
{
	const char *name = xml_attribute(node, "name");
	const char *policy = xml_attribute(node, "policy");
	cJSON *features;

	if (!name || !*name)
		return refuse(reader->refusal, -EINVAL, node, "must have a name");
	if (!policy)
		policy = "require";
	if (strcmp(policy, "require") != 0 && strcmp(policy, "disable") != 0 && strcmp(policy, "forbid") != 0)
		return refuse(
			reader->refusal, -EINVAL, node,
			"policy must be one of require, disable, forbid, not %.20s: a guest has what its host has",
			policy);
	features = open_object(object, "cpu", "features");
	if (cJSON_GetObjectItemCaseSensitive(features, name))
		return refuse(reader->refusal, -EINVAL, node, "names %.40s a second time", name);
	if (cJSON_GetArraySize(features) >= FEATURES_MAX)
		return refuse(reader->refusal, -EINVAL, node, "is one too many: at most %u are possible",
			      FEATURES_MAX);
	return cJSON_AddStringToObject(features, name, policy)
		       ? 0
		       : refuse(reader->refusal, -ENOMEM, NULL, "out of memory");
}

static int cpu_feature_write(struct writer *writer, xmlNode *element, const cJSON *object)
{
	const cJSON *cpu = cJSON_GetObjectItemCaseSensitive(object, "cpu");
	const cJSON *features = cJSON_GetObjectItemCaseSensitive(cpu, "features");
	const cJSON *item;
	int code = 0;

	if (!cJSON_IsObject(features))
		return 0;
	cJSON_ArrayForEach(item, features)
	{
		const char *policy = cJSON_GetStringValue(item);
		xmlNode *holder = writer_element(writer, element, "cpu");
		xmlNode *feature;

		if (!policy || !*item->string || !xml_can_hold(item->string) || !xml_can_hold(policy))
			continue;
		feature = holder ? writer_add(writer, holder, "feature") : NULL;
		code = feature ? writer_set(writer, feature, "@policy", policy) : -ENOMEM;
		if (code == 0)
			code = writer_set(writer, feature, "@name", item->string);
		if (code < 0)
			break;
	}
	return code;
}

/* --- The clock: UTC is what is so when nothing is said, here and there --- */

/* Of a variable one, which libvirt would keep as the guest has set it. */
static int read_variable(struct reader *reader, const xmlNode *node, const char **word)
{
	static const struct rule forgotten = {
		.path = "clock/@offset",
		.why = "what the guest sets its clock to is not kept: each start begins anew",
	};
	const char *basis = xml_attribute(node->parent, "basis");

	*word = basis ? basis : "utc";
	return reader_ignore(reader, forgotten.why, &forgotten, node);
}

static int clock_offset_read(struct reader *reader, const xmlNode *node, cJSON *object)
{
	AUTO_FREE char *text = xml_text(node);
	const char *word = text ? text : "";
	int code = strcmp(word, "variable") == 0 ? read_variable(reader, node, &word) : 0;

	if (code < 0 || strcmp(word, "utc") == 0)
		return code;
	if (strcmp(word, "localtime") != 0)
		return refuse(reader->refusal, -EINVAL, node, "must be one of utc, localtime, variable");
	return reader_set(reader, node, object, "clock.offset", cJSON_CreateString(word));
}

static int clock_offset_write(struct writer *writer, xmlNode *element, const cJSON *object)
{
	const char *word = cJSON_GetStringValue(json_key_get(object, "clock.offset"));
	bool local = word && strcmp(word, "localtime") == 0;

	return writer_set(writer, element, "clock/@offset", local ? "localtime" : "utc");
}

const struct special special_current_vcpus = {current_vcpus_read, current_vcpus_write};
const struct special special_vcpus = {.read = vcpus_read};
const struct special special_vcpupin = {vcpupin_read, vcpupin_write};
const struct special special_cpu_feature = {cpu_feature_read, cpu_feature_write};
const struct special special_clock_offset = {clock_offset_read, clock_offset_write};
