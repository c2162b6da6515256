/* What a live network's state.json holds: {"definition":{...},"ports":[{...}]}. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "vmm/config/file.h"
#include "vmm/config/json.h"
#include "vmm/config/json_memory.h"
#include "vmm/net/live_network.h"

#define STATE_FILE "state.json"
#define STATE_MAX  (16U << 20) /* bytes */

void mac_text(const uint8_t mac[6], char text[MAC_TEXT])
{
	snprintf(text, MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
		 mac[5]);
}

cJSON *network_port_json(const struct network_port *port)
{
	cJSON *json = cJSON_CreateObject();
	char address[ADDRESS_TEXT];
	char mac[MAC_TEXT];
	cJSON *publish;

	cJSON_AddStringToObject(json, "guest", port->guest);
	cJSON_AddNumberToObject(json, "card", port->index);
	mac_text(port->mac, mac);
	cJSON_AddStringToObject(json, "mac", mac);
	cJSON_AddStringToObject(json, "tap", port->tap);
	if (port->address) {
		address_text(port->address, address);
		cJSON_AddStringToObject(json, "address", address);
	}
	publish = cJSON_AddArrayToObject(json, "publish");
	for (unsigned i = 0; i < port->publish_count; i++)
		cJSON_AddItemToArray(publish, cJSON_CreateString(port->publish[i]));
	return json;
}

int network_state_write(const struct live_network *live, struct error *err)
{
	AUTO_FREE char *path = file_path_join(live->folder, STATE_FILE);
	AUTO_FREE char *text = NULL;
	cJSON *json;
	cJSON *ports;
	int code = file_make_folder("network's folder", live->folder, 0755, err);

	json_memory_missed();
	json = cJSON_CreateObject();
	cJSON_AddItemToObject(json, "definition", virtual_network_json(&live->network));
	ports = cJSON_AddArrayToObject(json, "ports");
	for (unsigned i = 0; i < live->port_count; i++)
		cJSON_AddItemToArray(ports, network_port_json(&live->ports[i]));
	text = cJSON_PrintUnformatted(json);
	cJSON_Delete(json);
	if (code == 0)
		code = path && text && !json_memory_missed()
			       ? file_write_text("network's state", path, text, 0644, err)
			       : error_set(err, -ENOMEM, "network %s: out of memory", live->network.name);
	return code;
}

/* --- Reading --- */

static int read_text(const struct json_place *place, const char *key, char *into, size_t size)
{
	AUTO_FREE char *text = NULL;
	int code = json_string(place, key, &text);

	if (code == 0 && (!text || strlen(text) >= size))
		code = json_error(place, key, "is missing or too long");
	if (code == 0)
		strcpy(into, text);
	return code;
}

static int read_mac(const struct json_place *place, uint8_t mac[6])
{
	char text[MAC_TEXT];
	int code = read_text(place, "mac", text, sizeof(text));

	if (code == 0 && sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx", &mac[0], &mac[1], &mac[2],
				&mac[3], &mac[4], &mac[5]) != 6)
		code = json_error(place, "mac", "is not an Ethernet address");
	return code;
}

static int read_address(const struct json_place *place, uint32_t *address)
{
	AUTO_FREE char *text = NULL;
	int code = json_string(place, "address", &text);

	if (code == 0 && text && !address_parse(text, address))
		code = json_error(place, "address", "is not an IPv4 address");
	return code;
}

static int read_publish(const struct json_place *place, struct network_port *port)
{
	const cJSON *array;
	unsigned count;
	int code = json_array(place, "publish", DEFINITION_PUBLISH_MAX, &array, &count);

	for (unsigned i = 0; i < count && code == 0; i++) {
		char *text = cJSON_GetStringValue(cJSON_GetArrayItem(array, (int)i));
		struct publish rule;

		code = text ? publish_parse(text, &rule, place->err)
			    : json_error(place, "publish", "must hold strings");
		if (code == 0)
			port->publish[port->publish_count++] =
				text; /* the tree's; a port that is added is copied */
	}
	return code;
}

static int read_port(const struct json_place *place, struct live_network *live)
{
	struct network_port port = {0};
	uint64_t index = 0;
	int code;

	if ((code = read_text(place, "guest", port.guest, sizeof(port.guest))) < 0 ||
	    (code = json_uint(place, "card", 0, DEFINITION_NETWORKS_MAX - 1, &index)) < 0 ||
	    (code = read_mac(place, port.mac)) < 0 ||
	    (code = read_text(place, "tap", port.tap, sizeof(port.tap))) < 0 ||
	    (code = read_address(place, &port.address)) < 0 || (code = read_publish(place, &port)) < 0)
		return code;
	port.index = (unsigned)index;
	code = live_network_add_port(live, &port);
	return code < 0 ? error_set(place->err, code, "%s: %s", place->source, strerror(-code)) : 0;
}

static int read_ports(const struct json_place *root, struct live_network *live)
{
	const cJSON *array;
	unsigned count;
	int code = json_array(root, "ports", NETWORK_PORTS_MAX, &array, &count);

	for (unsigned i = 0; i < count && code == 0; i++) {
		struct json_place place;

		code = json_array_object(root, "ports", array, i, &place);
		if (code == 0)
			code = read_port(&place, live);
	}
	return code;
}

static int read_definition(const struct json_place *root, const char *name, struct virtual_network *network)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(root->object, "definition");
	AUTO_FREE char *text = item ? cJSON_PrintUnformatted(item) : NULL;
	int code;

	if (!text)
		return json_error(root, "definition", "is missing");
	code = virtual_network_parse(root->source, text, network, root->err);
	if (code == 0 && strcmp(network->name, name) != 0)
		code = json_error(root, "definition", "is of another network");
	return code;
}

int network_state_read(struct networks *networks, const char *name, struct error *err)
{
	AUTO_FREE char *path = NULL;
	AUTO_FREE char *text = NULL;
	struct live_network *live = NULL;
	struct virtual_network network;
	struct json_place root;
	cJSON *json = NULL;
	int code;

	if (asprintf(&path, "%s/%s/" STATE_FILE, networks->folder, name) < 0)
		return error_set(err, -ENOMEM, "network %s: out of memory", name);
	code = file_read_text("network's state", path, STATE_MAX, &text, err);
	if (code == 0)
		code = json_parse(path, text, &json, &root, err);
	if (code == 0)
		code = read_definition(&root, name, &network);
	if (code == 0) {
		live = live_network_new(networks, &network);
		code = live ? read_ports(&root, live)
			    : error_set(err, -ENOMEM, "network %s: out of memory", name);
	}
	if (code < 0 && live)
		live_network_free(live);
	cJSON_Delete(json);
	return code;
}
