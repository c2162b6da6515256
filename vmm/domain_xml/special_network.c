/* Ports that lead into the guest, and what a card of type "user" is. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "vmm/domain_xml/convert.h"
#include "vmm/domain_xml/special.h"
#include "vmm/domain_xml/to_json.h"
#include "vmm/domain_xml/to_xml.h"
#include "vmm/domain_xml/xml.h"
#include "vmm/net/publish.h"

#define PORT_MAX    65535
#define PUBLISH_MAX 32 /* of a card */

struct forward {
	const char *address; /* NULL: all of the host */
	const char *protocol;
};

static int read_port(struct reader *reader, const xmlNode *range, const char *name, uint64_t missing,
		     uint64_t *port)
{
	const char *text = xml_attribute(range, name);

	*port = missing;
	if ((text && !number_read(text, 1, PORT_MAX, port)) || *port == 0)
		return refuse(reader->refusal, -EINVAL, range, "%s must be a port from 1 to %u", name,
			      PORT_MAX);
	return 0;
}

/* A range, the way `publish` says it: HOST:GUEST of one port, HOST-HOST:GUEST-GUEST of several. */
static int range_text(struct reader *reader, const xmlNode *range, const struct forward *forward, char **text)
{
	bool ipv6 = forward->address && strchr(forward->address, ':');
	uint64_t start = 0, end = 0, to = 0;
	char host[16], guest[16];
	int code = read_port(reader, range, "start", 0, &start);

	if (code == 0)
		code = read_port(reader, range, "end", start, &end);
	if (code == 0)
		code = read_port(reader, range, "to", start, &to);
	if (code < 0)
		return code;
	if (end < start || to + (end - start) > PORT_MAX)
		return refuse(reader->refusal, -EINVAL, range, "runs backwards, or beyond port %u", PORT_MAX);
	snprintf(host, sizeof(host), end > start ? "%u-%u" : "%u", (unsigned)start, (unsigned)end);
	snprintf(guest, sizeof(guest), end > start ? "%u-%u" : "%u", (unsigned)to,
		 (unsigned)(to + end - start));
	if (asprintf(text, "%s%s%s%s%s:%s%s", ipv6 ? "[" : "", forward->address ? forward->address : "",
		     ipv6 ? "]" : "", forward->address ? ":" : "", host, guest,
		     strcmp(forward->protocol, "udp") == 0 ? "/udp" : "") < 0)
		return refuse(reader->refusal, -ENOMEM, NULL, "out of memory");
	return 0;
}

static int add_range(struct reader *reader, const xmlNode *range, const struct forward *forward,
		     cJSON *object)
{
	cJSON *list = cJSON_GetObjectItemCaseSensitive(object, "publish");
	char *text = NULL;
	cJSON *item;
	int code = range_text(reader, range, forward, &text);

	if (code < 0)
		return code;
	if (!list)
		list = cJSON_AddArrayToObject(object, "publish");
	if (cJSON_GetArraySize(list) >= PUBLISH_MAX) {
		free(text);
		return refuse(reader->refusal, -EINVAL, range, "is one too many: at most %u are possible",
			      PUBLISH_MAX);
	}
	item = cJSON_CreateString(text);
	free(text);
	return cJSON_AddItemToArray(list, item) ? 0 : refuse(reader->refusal, -ENOMEM, NULL, "out of memory");
}

static int port_forward_read(struct reader *reader, const xmlNode *node, cJSON *object)
{
	struct forward forward = {.address = xml_attribute(node, "address"),
				  .protocol = xml_attribute(node, "proto")};
	const xmlNode *range = xml_child(node, "range");
	int code = 0;

	if (!forward.protocol ||
	    (strcmp(forward.protocol, "tcp") != 0 && strcmp(forward.protocol, "udp") != 0))
		return refuse(reader->refusal, -EINVAL, node, "proto must be tcp or udp");
	if (!range)
		return refuse(reader->refusal, -EINVAL, node,
			      "is not supported without a range: which ports of the host?");
	for (; range && code == 0; range = xml_element_from(range->next, "range"))
		code = add_range(reader, range, &forward, object);
	return code;
}

/* --- Back --- */

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : !a && !b;
}

/* Rules behind each other of one protocol and address are ranges of one element. */
static xmlNode *open_forward(struct writer *writer, xmlNode *element, const struct publish *rule)
{
	const char *protocol = rule->protocol == PUBLISH_UDP ? "udp" : "tcp";
	const char *address = *rule->address ? rule->address : NULL;
	xmlNode *last = element->last;

	if (last && last->type == XML_ELEMENT_NODE && strcmp(xml_chars(last->name), "portForward") == 0 &&
	    same_text(xml_attribute(last, "proto"), protocol) &&
	    same_text(xml_attribute(last, "address"), address))
		return last;
	last = writer_add(writer, element, "portForward");
	if (!last || writer_set(writer, last, "@proto", protocol) < 0 ||
	    (address && writer_set(writer, last, "@address", address) < 0))
		return NULL;
	return last;
}

static int write_range(struct writer *writer, xmlNode *forward, const struct publish *rule)
{
	xmlNode *range = writer_add(writer, forward, "range");
	char text[8];
	int code;

	if (!range)
		return -ENOMEM;
	snprintf(text, sizeof(text), "%u", rule->host_first);
	code = writer_set(writer, range, "@start", text);
	snprintf(text, sizeof(text), "%u", rule->host_first + rule->count - 1U);
	if (code == 0 && rule->count > 1)
		code = writer_set(writer, range, "@end", text);
	snprintf(text, sizeof(text), "%u", rule->guest_first);
	if (code == 0 && rule->guest_first != rule->host_first)
		code = writer_set(writer, range, "@to", text);
	return code;
}

/* Rules that cannot be read stop it: all are then kept as they are, in the metadata. */
static int port_forward_write(struct writer *writer, xmlNode *element, const cJSON *object)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(object, "publish");
	const cJSON *item;
	int code = 0;

	if (!cJSON_IsArray(list))
		return 0;
	cJSON_ArrayForEach(item, list)
	{
		struct publish rule;
		xmlNode *forward;

		if (!cJSON_IsString(item) || publish_parse(item->valuestring, &rule, NULL) < 0)
			break;
		forward = open_forward(writer, element, &rule);
		code = forward ? write_range(writer, forward, &rule) : -ENOMEM;
		if (code < 0)
			break;
	}
	return code;
}

/* "user" is passt, and so is a card whose type is not said. */
static int backend_write(struct writer *writer, xmlNode *element, const cJSON *object)
{
	const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, "type"));
	int code = 0;

	if (type && strcmp(type, "passt") != 0)
		return 0;
	if (!type)
		code = writer_set(writer, element, "@type", "user");
	return code == 0 ? writer_set(writer, element, "backend/@type", "passt") : code;
}

const struct special special_port_forward = {port_forward_read, port_forward_write};
const struct special special_card_backend = {.write = backend_write};
