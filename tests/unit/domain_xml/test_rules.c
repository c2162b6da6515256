/*
 * Each row of the table of domain XML, tried: a document is made that the row is about, and read; what is
 * mapped is printed again. A row that another one hides, or that says something else than what happens, is
 * found here.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "vmm/domain_xml/convert.h"
#include "vmm/domain_xml/document.h"
#include "vmm/domain_xml/json_key.h"
#include "vmm/domain_xml/special.h"
#include "vmm/domain_xml/to_json.h"
#include "vmm/domain_xml/to_xml.h"
#include "vmm/domain_xml/xml.h"

#define BASE "<domain type='kvm'><name>g</name><os><type>hvm</type><kernel>/k1</kernel></os></domain>"

/* --- Documents that a rule is about --- */

/* A text that this conversion takes. */
static const char *sample_of(const struct conversion *conversion, char number[24])
{
	static const struct {
		const struct conversion *conversion;
		const char *text;
	} samples[] = {
		{&convert_path, "/x/file"},
		{&convert_file_path, "/x/disk.img"},
		{&convert_block_path, "/dev/vg/x"},
		{&convert_set, "0-3"},
		{&convert_mac, "52:54:00:12:34:56"},
		{&convert_alias, "ua-one"},
		{&convert_present, ""},
		{&convert_yes_no, "no"},
		{&convert_on_off, "on"},
		{&convert_vhost, "vhost"},
		{&convert_adjustment, "-7200"},
		{&convert_memory_node, "0"},
		{&convert_share_threads, "4"},
	};

	if (conversion->words)
		return conversion->words[0][0];
	if (conversion->min) {
		snprintf(number, 24, "%llu", (unsigned long long)conversion->min);
		return number;
	}
	for (unsigned i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		if (samples[i].conversion == conversion)
			return samples[i].text;
	}
	return "word";
}

/* The element at path below element (".." leads up), or the one that holds the attribute at its end; made. */
static xmlNode *make_element(xmlNode *element, const char *path)
{
	while (*path && *path != '@') {
		char name[64];
		size_t len = strcspn(path, "/");
		xmlNode *child = NULL;

		snprintf(name, sizeof(name), "%.*s", (int)len, path);
		if (strcmp(name, "..") == 0) {
			element = element->parent;
		} else {
			const char *bare = strncmp(name, "rastos:", 7) == 0 ? name + 7 : name;

			for (child = element->children; child; child = child->next) {
				if (child->type == XML_ELEMENT_NODE &&
				    strcmp(xml_chars(child->name), bare) == 0)
					break;
			}
			if (!child)
				child = xmlNewChild(element, NULL, xml_bytes(bare), NULL);
			if (bare != name && !xml_is_ours(child))
				xmlSetNs(child, element->ns && xml_is_ours(element)
							? element->ns
							: xmlNewNs(child, xml_bytes(RASTOS_NAMESPACE),
								   xml_bytes(RASTOS_PREFIX)));
			else if (bare == name)
				xmlSetNs(child, NULL);
			element = child;
		}
		path += len;
		path += *path == '/';
	}
	return element;
}

/* Sets the text of an element or attribute; an element's own elements stay. */
static void set_text(xmlNode *element, const char *path, const char *text)
{
	xmlNode *node = make_element(element, path);
	const char *at = strchr(path, '@');

	if (at)
		xmlSetProp(node, xml_bytes(at + 1), xml_bytes(text));
	else if (*text)
		xmlNodeSetContent(node, xml_bytes(text));
}

/* A rule's conditions become true; own: the text of its own that they ask for. */
static void fulfil(xmlNode *element, const char *when, char own[64])
{
	while (when && *when) {
		size_t len = strcspn(when, "&");
		char clause[128], *equals;

		snprintf(clause, sizeof(clause), "%.*s", (int)len, when);
		when += len + (when[len] == '&');
		if (*clause == '!')
			continue;
		equals = strchr(clause, '=');
		if (equals) {
			*equals++ = '\0';
			equals[strcspn(equals, "|*")] = '\0';
			/* ua-* and vd* want something behind them. */
			if (strcmp(equals, "ua-") == 0 || strcmp(equals, "vd") == 0)
				strcpy(equals + strlen(equals), "a");
		}
		if (strcmp(clause, ".") == 0)
			snprintf(own, 64, "%s", equals);
		else
			set_text(element, clause, equals ? equals : "");
	}
}

/* A row for all the rest: what those before it ask for is something else. */
static void be_something_else(const struct rule *rule, xmlNode *element, char own[64])
{
	for (unsigned g = 0; rule_groups[g]; g++) {
		for (size_t i = 0; i < rule_groups[g]->count; i++) {
			const struct rule *other = &rule_groups[g]->rules[i];
			char clause[64];

			if (other == rule)
				return;
			if (strcmp(other->path, rule->path) != 0)
				continue;
			if (other->verdict == RULE_FIXED ||
			    (other->when && strncmp(other->when, ".=", 2) == 0))
				strcpy(own, "strange");
			snprintf(clause, sizeof(clause), "%s",
				 other->when ? other->when + (*other->when == '!') : "");
			clause[strcspn(clause, "=&")] = '\0';
			if (*clause == '@' && !xml_attribute(element, clause + 1))
				set_text(element, clause, "strange");
			else if (other->when && *other->when == '!')
				set_text(element, clause, "");
			if (strcmp(clause, "@error_policy") == 0) /* which must be a right one */
				xmlSetProp(element, xml_bytes("error_policy"), xml_bytes("report"));
		}
	}
}

/* What a list's item needs so that it is not the item that is refused. */
static void complete_item(const struct rule *rule, xmlNode *root)
{
	bool without = rule->when && strcmp(rule->path, "devices/disk") == 0 && strstr(rule->when, "!source");
	bool behind = strncmp(rule->path, "devices/disk/backingStore/", 26) == 0;

	if (strncmp(rule->path, "devices/disk", 12) == 0 && !without &&
	    (behind || (!strstr(rule->path, "/source/@file") && !strstr(rule->path, "/source/@dev") &&
			!strstr(rule->path, "/source/@volume"))))
		set_text(root, "devices/disk/source/@file", "/x/disk.img");
	if (behind)
		set_text(root, "devices/disk/driver/@type", "qcow2");
	if (behind && strcmp(rule->path, "devices/disk/backingStore/@type") != 0)
		set_text(root, "devices/disk/backingStore/@type", "file");
	if (strcmp(rule->path, "devices/serial") == 0 || strcmp(rule->path, "devices/console") == 0)
		set_text(root, rule->path, "");
	for (unsigned i = 0; i < 2; i++) {
		const char *path = i ? "devices/console" : "devices/serial";
		char type[32];

		snprintf(type, sizeof(type), "%s/@type", path);
		if (strncmp(rule->path, path, strlen(path)) == 0 && rule->path[strlen(path)] == '/' &&
		    strcmp(rule->path, type) != 0)
			set_text(root, type, "pty");
	}
	if (strncmp(rule->path, "devices/panic/", 14) == 0)
		set_text(root, "devices/panic/@model", "isa");
	if (strncmp(rule->path, "devices/memballoon/", 19) == 0)
		set_text(root, "devices/memballoon/@model", "virtio");
	if (strncmp(rule->path, "devices/video/", 14) == 0) {
		set_text(root, "devices/video/model/@type", "virtio");
		set_text(root, "devices/video/model/resolution/@x", "640");
	}
	if (strncmp(rule->path, "devices/graphics/", 17) == 0) {
		set_text(root, "devices/graphics/@type", "vnc");
		set_text(root, "devices/video/model/@type", "virtio");
		set_text(root, "devices/video/model/resolution/@x", "640");
	}
	if (strncmp(rule->path, "devices/graphics/listen/", 24) == 0)
		set_text(root, "devices/graphics/listen/@type", "address");
	if (strncmp(rule->path, "devices/input/", 14) == 0) {
		set_text(root, "devices/input/@type", "tablet");
		set_text(root, "devices/input/@bus", "virtio");
	}
	if (strncmp(rule->path, "devices/channel/", 16) == 0) {
		set_text(root, "devices/channel/@type", "unix");
		set_text(root, "devices/channel/target/@name", "a");
	}
	if (strncmp(rule->path, "devices/filesystem", 18) == 0 &&
	    !(rule->when && strstr(rule->when, "driver/@type")))
		set_text(root, "devices/filesystem/driver/@type", "virtiofs");
	if (strncmp(rule->path, "memory/", 7) == 0)
		set_text(root, "memory", "524288");
	if (strncmp(rule->path, "maxMemory/", 10) == 0)
		set_text(root, "maxMemory", "524288");
	if (strncmp(rule->path, "devices/memory/", 15) == 0) {
		set_text(root, "devices/memory/@model", "virtio-mem");
		set_text(root, "devices/memory/target/size", "524288");
	}
	if (strncmp(rule->path, "memoryBacking/hugepages/page/", 29) == 0)
		set_text(root, "memoryBacking/hugepages/page/@size", "2048");
	if (strncmp(rule->path, "vcpu/", 5) == 0)
		set_text(root, "vcpu", "2");
	if (strncmp(rule->path, "vcpus/vcpu/", 11) == 0) {
		set_text(root, "vcpu", "1");
		set_text(root, "vcpus/vcpu/@id", "0");
		set_text(root, "vcpus/vcpu/@enabled", "yes");
	}
	if (strcmp(rule->path, "cputune/global_period") == 0 && rule->verdict == RULE_MAP)
		set_text(root, "cputune/global_quota", "1000");
	if (strncmp(rule->path, "devices/watchdog/", 17) == 0 && strcmp(rule->path, "devices/watchdog/@model") != 0)
		set_text(root, "devices/watchdog/@model", "i6300esb");
	if (strcmp(rule->path, "devices/disk/boot/@loadparm") == 0)
		set_text(root, "devices/disk/boot/@order", "1");
	if (strstr(rule->path, "/portForward/")) {
		set_text(root, "devices/interface/portForward/@proto", "tcp");
		set_text(root, "devices/interface/portForward/range/@start", "80");
	}
}

struct trial {
	xmlDoc *document;
	xmlNode *node; /* what the rule is about */
	char text[64];
};

static struct trial trial_of(const struct rule *rule)
{
	struct trial trial = {.text = ""};
	struct refusal refusal;
	char own[64] = "", number[24];
	xmlNode *root, *holder;
	const char *at = strchr(rule->path, '@');

	cr_assert(document_parse(BASE, strlen(BASE), &trial.document, &refusal) == 0);
	root = xmlDocGetRootElement(trial.document);
	complete_item(rule, root);
	holder = make_element(root, rule->path);
	fulfil(holder, rule->when, own);
	if (!rule->when && (rule->verdict == RULE_REFUSE || rule->verdict == RULE_IGNORE))
		be_something_else(rule, holder, own);
	if (rule->verdict == RULE_FIXED)
		snprintf(trial.text, sizeof(trial.text), "%s", rule->value);
	else if (rule->verdict == RULE_MAP && !*own)
		snprintf(trial.text, sizeof(trial.text), "%s", sample_of(rule->conversion, number));
	else
		snprintf(trial.text, sizeof(trial.text), "%s", *own || !at ? own : "strange");
	set_text(root, rule->path, trial.text);
	trial.node = at ? (xmlNode *)xmlHasProp(holder, xml_bytes(at + 1)) : holder;
	return trial;
}

/* --- What becomes of them --- */

static bool is_told(const cJSON *ignored, const char *why)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, ignored)
	{
		if (strcmp(cJSON_GetStringValue(cJSON_GetObjectItem(item, "why")), why) == 0)
			return true;
	}
	return false;
}

/* What is printed of the definition at the rule's path; NULL: nothing. */
static char *printed_text(const struct rule *rule, const cJSON *definition)
{
	struct refusal refusal = {.place = ""};
	xmlDoc *document = NULL;
	const char *path = rule->path;
	char *text = NULL;
	xmlNode *element;

	cr_assert(domain_to_xml(definition, &document, &refusal) == 0, "%s: %s", rule->path,
		  refusal.err.text);
	element = xmlDocGetRootElement(document);
	while (element && *path && *path != '@') {
		char name[64];
		size_t len = strcspn(path, "/");
		xmlNode *child = element->children;

		snprintf(name, sizeof(name), "%.*s", (int)len, path);
		while (child &&
		       (child->type != XML_ELEMENT_NODE ||
			strcmp(xml_chars(child->name), name + (strncmp(name, "rastos:", 7) ? 0 : 7)) != 0))
			child = child->next;
		element = child;
		path += len;
		path += *path == '/';
	}
	if (element && *path != '@')
		text = xml_text(element);
	else if (element && xml_attribute(element, path + 1))
		text = strdup(xml_attribute(element, path + 1));
	xmlFreeDoc(document);
	return text;
}

static const cJSON *item_of(const struct rule *rule, const cJSON *definition)
{
	const char *list = strncmp(rule->path, "devices/disk/", 13) == 0         ? "disks"
			   : strncmp(rule->path, "devices/interface/", 18) == 0  ? "networks"
			   : strncmp(rule->path, "devices/channel/", 16) == 0    ? "channels"
			   : strncmp(rule->path, "devices/filesystem/", 19) == 0 ? "filesystems"
			   : strncmp(rule->path, "devices/graphics/", 17) == 0   ? "graphics"
			   : strncmp(rule->path, "devices/input/", 14) == 0      ? "inputs"
			   : strncmp(rule->path, "devices/memory/", 15) == 0     ? "memory_devices"
										 : NULL;

	return list ? cJSON_GetArrayItem(cJSON_GetObjectItem(definition, list), 0) : definition;
}

static void check_map(const struct rule *rule, const struct trial *trial, const cJSON *definition)
{
	AUTO_FREE char *printed = NULL;

	cr_expect(json_key_get(item_of(rule, definition), rule->key), "%s: no %s", rule->path, rule->key);
	if (rule->beside && strcmp(rule->beside, "-") == 0)
		return; /* a second place, where it is read from alone */
	printed = printed_text(rule, definition);
	cr_expect(printed && strcmp(printed, trial->text) == 0, "%s: %s became %s", rule->path, trial->text,
		  printed ? printed : "nothing");
}

static void check_fixed(const struct rule *rule, const cJSON *definition)
{
	AUTO_FREE char *printed = printed_text(rule, definition);

	if (!rule->key)
		cr_expect(printed && strcmp(printed, rule->value) == 0, "%s: printed as %s", rule->path,
			  printed ? printed : "nothing");
}

static void check_accepted(const struct rule *rule, const struct trial *trial, int code,
			   const cJSON *definition, const cJSON *ignored, const struct refusal *refusal)
{
	cr_expect(code == 0, "%s: %s %s", rule->path, refusal->place, refusal->err.text);
	if (code < 0)
		return;
	if (rule->verdict == RULE_IGNORE)
		cr_expect(is_told(ignored, rule->why), "%s (%s): not told", rule->path, rule->why);
	else if (rule->verdict == RULE_MAP)
		check_map(rule, trial, definition);
	else if (rule->verdict == RULE_FIXED)
		check_fixed(rule, definition);
}

static void check_refused(const struct rule *rule, const struct trial *trial, int code,
			  const struct refusal *refusal)
{
	char place[REFUSAL_PLACE_MAX];

	xml_place(trial->node, place, sizeof(place));
	cr_expect(code == -EINVAL, "%s: is taken", rule->path);
	cr_expect(strstr(refusal->err.text, rule->why), "%s: %s, not %s", rule->path, refusal->err.text,
		  rule->why);
	cr_expect(strcmp(refusal->place, place) == 0, "%s: at %s", rule->path, refusal->place);
}

static void try_rule(const struct rule_index *index, const struct rule *rule)
{
	struct trial trial = trial_of(rule);
	struct refusal refusal = {.place = ""};
	cJSON *definition = NULL;
	cJSON *ignored = NULL;
	int code;

	cr_expect(rule_find(index, rule->path, trial.node) == rule, "%s (%s): another row comes before it",
		  rule->path, rule->when ? rule->when : "always");
	code = domain_to_json(trial.document, &definition, &ignored, &refusal);
	if (rule->verdict == RULE_REFUSE)
		check_refused(rule, &trial, code, &refusal);
	else
		check_accepted(rule, &trial, code, definition, ignored, &refusal);
	cJSON_Delete(definition);
	cJSON_Delete(ignored);
	xmlFreeDoc(trial.document);
}

/* Those that need more than one value are tried by the files of tests/data/domain-xml. */
static bool is_of_one_value(const struct rule *rule)
{
	return rule->verdict == RULE_MAP || rule->verdict == RULE_FIXED || rule->verdict == RULE_IGNORE ||
	       rule->verdict == RULE_REFUSE;
}

Test(domain_xml_rules, each_does_what_it_says)
{
	struct rule_index index;
	unsigned count = 0;

	rule_index_fill(&index);
	for (unsigned g = 0; rule_groups[g]; g++) {
		for (size_t i = 0; i < rule_groups[g]->count; i++) {
			const struct rule *rule = &rule_groups[g]->rules[i];

			if (is_of_one_value(rule)) {
				try_rule(&index, rule);
				count++;
			}
		}
	}
	cr_expect(count > 250, "only %u rules", count);
}

Test(domain_xml_rules, each_says_what_it_must)
{
	for (unsigned g = 0; rule_groups[g]; g++) {
		for (size_t i = 0; i < rule_groups[g]->count; i++) {
			const struct rule *rule = &rule_groups[g]->rules[i];

			cr_expect(rule->verdict != RULE_MAP || (rule->key && rule->conversion), "%s",
				  rule->path);
			cr_expect(rule->verdict != RULE_SPECIAL || rule->special, "%s", rule->path);
			cr_expect(rule->verdict != RULE_FIXED || rule->value, "%s", rule->path);
			cr_expect((rule->verdict != RULE_IGNORE && rule->verdict != RULE_REFUSE) || rule->why,
				  "%s", rule->path);
			cr_expect(!rule->with || rule->fallback, "%s", rule->path);
		}
	}
}

static int read_text(const char *xml, struct refusal *refusal, cJSON **definition)
{
	xmlDoc *document = NULL;
	cJSON *ignored = NULL;
	int code = document_parse(xml, strlen(xml), &document, refusal);

	*definition = NULL;
	if (code == 0)
		code = domain_to_json(document, definition, &ignored, refusal);
	cJSON_Delete(ignored);
	xmlFreeDoc(document);
	return code;
}

Test(domain_xml_rules, a_wrong_name_is_answered_with_the_nearest)
{
	struct refusal refusal = {.place = ""};
	cJSON *definition;

	cr_expect(read_text("<domain type='kvm'><nmae>g</nmae></domain>", &refusal, &definition) == -EINVAL);
	cr_expect(strstr(refusal.err.text, "did you mean name?"), "%s", refusal.err.text);
	cr_expect_str_eq(refusal.place, "/domain/nmae");
}

Test(domain_xml_rules, numbers_end_at_their_ranges)
{
	static const struct {
		const char *xml;
		int code;
	} rows[] = {
		{"<vcpu>1</vcpu>", 0},
		{"<vcpu>255</vcpu>", 0},
		{"<vcpu>256</vcpu>", -EINVAL},
		{"<vcpu>0</vcpu>", -EINVAL},
		{"<vcpu>-1</vcpu>", -EINVAL},
		{"<vcpu>+1</vcpu>", -EINVAL},
		{"<vcpu>1.0</vcpu>", -EINVAL},
		{"<vcpu>1e1</vcpu>", -EINVAL},
		{"<vcpu> 2\n</vcpu>", 0},
		{"<vcpu></vcpu>", -EINVAL},
		{"<vcpu>99999999999999999999</vcpu>", -EINVAL},
		{"<memory unit='MiB'>16</memory>", 0},
		{"<memory unit='MiB'>15</memory>", -EINVAL},
		{"<memory unit='TiB'>16</memory>", 0},
		{"<memory unit='TiB'>17</memory>", -EINVAL},
		{"<memory unit='b'>16777216</memory>", 0},
		{"<memory unit='TiB'>18446744073709551615</memory>", -EINVAL},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct refusal refusal = {.place = ""};
		cJSON *definition;
		char xml[512];

		snprintf(
			xml, sizeof(xml),
			"<domain type='kvm'><name>g</name>%s<os><type>hvm</type><kernel>/k1</kernel></os></domain>",
			rows[i].xml);
		cr_expect(read_text(xml, &refusal, &definition) == rows[i].code, "%s: %s", rows[i].xml,
			  refusal.err.text);
		cJSON_Delete(definition);
	}
}
