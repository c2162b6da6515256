#include "vmm/config/network_card.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "vmm/config/network_offloads.h"

#define INTERFACE_NAME_MAX 15 /* IFNAMSIZ - 1 */
#define ID_MAX             20 /* as a disk's */
#define MTU_MIN            68 /* virtio 1.2, 5.1.4.1 */
#define BURST_MIN          KIB(128)

static const char *const type_words[] = {
	[NETWORK_TAP] = "tap",       [NETWORK_PASST] = "passt",   [NETWORK_NAMED] = "network",
	[NETWORK_BRIDGE] = "bridge", [NETWORK_DIRECT] = "direct", NULL,
};

static const char *const mode_words[] = {
	[NETWORK_MODE_VEPA] = "vepa",
	[NETWORK_MODE_BRIDGE] = "bridge",
	[NETWORK_MODE_PRIVATE] = "private",
	[NETWORK_MODE_PASSTHROUGH] = "passthrough",
	NULL,
};

const char *network_mode_word(enum network_mode mode)
{
	return mode == NETWORK_MODE_PASSTHROUGH ? "passthru" : mode_words[mode];
}

void network_definition_free(struct network_definition *network)
{
	free(network->id);
	free(network->device);
	free(network->network);
	free(network->bridge);
	free(network->source);
	for (unsigned i = 0; i < network->publish_count; i++)
		free(network->publish[i]);
	*network = (struct network_definition){0};
}

bool network_definition_is_tap(const struct network_definition *network)
{
	return network->type != NETWORK_PASST;
}

/* 52:54:00 is the prefix that virtual machines use by habit; the rest comes from the guest's name and the
 * card's place, so that a card keeps its address from run to run. */
static void default_mac(const char *name, unsigned index, uint8_t mac[6])
{
	uint32_t hash = 2166136261U + index; /* FNV-1a */

	for (; *name; name++)
		hash = (hash ^ (uint8_t)*name) * 16777619U;
	mac[0] = 0x52;
	mac[1] = 0x54;
	mac[2] = 0x00;
	mac[3] = (uint8_t)(hash >> 16);
	mac[4] = (uint8_t)(hash >> 8);
	mac[5] = (uint8_t)(hash + index);
}

#define PLACES 16 /* more than a guest has */

static bool mac_is_anothers(const struct network_definition *networks, unsigned count, unsigned index)
{
	for (unsigned i = 0; i < count; i++) {
		if (i != index && memcmp(networks[i].mac, networks[index].mac, sizeof(networks[i].mac)) == 0)
			return true;
	}
	return false;
}

void network_definition_choose_mac(const char *guest, struct network_definition *networks, unsigned count,
				   unsigned index)
{
	for (unsigned place = index + PLACES; mac_is_anothers(networks, count, index); place += PLACES)
		default_mac(guest, place, networks[index].mac);
}

static int read_mac(const struct json_place *place, uint8_t mac[6])
{
	AUTO_FREE char *text = NULL;
	uint8_t parsed[6];
	int end = 0;
	int code = json_string(place, "mac", &text);

	if (code < 0 || !text)
		return code;
	if (strlen(text) != 17 ||
	    sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &parsed[0], &parsed[1], &parsed[2],
		   &parsed[3], &parsed[4], &parsed[5], &end) != 6 ||
	    end != 17)
		return json_error(place, "mac", "must look like 52:54:00:12:34:56");
	if (parsed[0] & 1)
		return json_error(place, "mac", "is a multicast address");
	memcpy(mac, parsed, sizeof(parsed));
	return 0;
}

static int read_publish(const struct json_place *place, struct network_definition *network)
{
	const cJSON *array;
	unsigned count;
	int code = json_array(place, "publish", DEFINITION_PUBLISH_MAX, &array, &count);

	if (code < 0)
		return code;
	for (unsigned i = 0; i < count; i++) {
		const cJSON *item = cJSON_GetArrayItem(array, (int)i);

		if (!cJSON_IsString(item))
			return json_error(place, "publish", "must hold strings such as \"8080:80\"");
		network->publish[i] = strdup(item->valuestring);
		if (!network->publish[i])
			return error_set(place->err, -ENOMEM, "%s: out of memory", place->source);
		network->publish_count = i + 1;
	}
	return 0;
}

/* The key that belongs to one type, and to it alone. */
static int check_target(const struct json_place *place, const struct network_definition *network,
			enum network_type type, const char *key, const char *value)
{
	if (network->type != type && value)
		return json_error(place, key, "is for cards of type \"%s\"", type_words[type]);
	if (network->type != type)
		return 0;
	if (!value)
		return json_error(place, key, "is missing: which %s?",
				  type == NETWORK_TAP      ? "TAP interface"
				  : type == NETWORK_DIRECT ? "interface of the host"
							   : type_words[type]);
	if (type != NETWORK_NAMED && strlen(value) > INTERFACE_NAME_MAX)
		return json_error(place, key, "is longer than %u bytes", INTERFACE_NAME_MAX);
	return 0;
}

static int check_publish(const struct json_place *place, const struct network_definition *network)
{
	if (network->publish_count && network->type != NETWORK_PASST && network->type != NETWORK_NAMED)
		return json_error(
			place, "publish",
			"is for cards of type \"passt\" and \"network\"; others' ports are reached by "
			"the guest's own address");
	return 0;
}

/* Without a burst of its own a card has a tenth of a second's, or two of the largest packets. */
static int read_rate(const struct json_place *bandwidth, const char *key, struct rate *rate)
{
	static const char *const keys[] = {"average", "peak", "burst", NULL};
	uint64_t average = 0, peak = 0, burst = 0;
	struct json_place place;
	int code = json_object(bandwidth, key, &place);

	if (code < 0 || !place.object)
		return code;
	if ((code = json_keys(&place, keys)) < 0 ||
	    (code = json_uint(&place, "average", 1, RATE_MAX / KIB(1), &average)) < 0 ||
	    (code = json_uint(&place, "peak", 1, RATE_MAX / KIB(1), &peak)) < 0 ||
	    (code = json_uint(&place, "burst", 1, RATE_MAX / KIB(1), &burst)) < 0)
		return code;
	if (!average)
		return json_error(&place, "average", "is missing: how many KiB a second?");
	if (peak && peak <= average)
		return json_error(&place, "peak", "must be more than average");
	*rate = (struct rate){
		.rate = KIB(average),
		.peak = KIB(peak),
		.burst = burst ? KIB(burst) : MAX(KIB(average) / 10, BURST_MIN),
	};
	return 0;
}

static int read_bandwidth(const struct json_place *place, struct network_rates *rates)
{
	static const char *const keys[] = {"inbound", "outbound", NULL};
	struct json_place inner;
	int code = json_object(place, "bandwidth", &inner);

	if (code < 0 || !inner.object)
		return code;
	code = json_keys(&inner, keys);
	if (code == 0)
		code = read_rate(&inner, "inbound", &rates->inbound);
	return code == 0 ? read_rate(&inner, "outbound", &rates->outbound) : code;
}

static bool id_valid(const char *id)
{
	if (strlen(id) > ID_MAX || !isalnum((unsigned char)*id))
		return false;
	for (; *id; id++) {
		if (!isalnum((unsigned char)*id) && !strchr("-_.", *id))
			return false;
	}
	return true;
}

/* Who moves the frames, and through how many queues. */
static int read_queues(const struct json_place *place, struct network_definition *network)
{
	uint64_t queues = 1;
	bool vhost = false;
	int code;

	if ((code = json_uint(place, "queues", 1, NETWORK_QUEUES_MAX, &queues)) < 0 ||
	    (code = json_bool(place, "vhost", &vhost)) < 0 ||
	    (code = network_offloads_read(place, &network->without)) < 0)
		return code;
	network->queues = (unsigned)queues;
	if (cJSON_HasObjectItem(place->object, "vhost"))
		network->vhost = vhost ? NETWORK_VHOST_ALWAYS : NETWORK_VHOST_NEVER;
	return 0;
}

static int check_queues(const struct json_place *place, const struct network_definition *network)
{
	bool limited = network->rates.inbound.rate || network->rates.outbound.rate;

	if (network->type == NETWORK_PASST && network->queues > 1)
		return json_error(place, "queues", "must be 1 for cards of type \"passt\": it has one");
	if (network->type == NETWORK_PASST && network->vhost == NETWORK_VHOST_ALWAYS)
		return json_error(place, "vhost", "is not for cards of type \"passt\": it is no TAP");
	if (network->driver.packed && network->vhost == NETWORK_VHOST_ALWAYS)
		return json_error(place, "vhost", "knows no packed rings: give the one or the other");
	if (limited && network->vhost == NETWORK_VHOST_ALWAYS)
		return json_error(place, "vhost", "knows no bandwidth: give the one or the other");
	return 0;
}

/* What the card is, wherever it is plugged in. */
static int read_card(const struct json_place *place, struct network_definition *network)
{
	static const char *const link_words[] = {"up", "down", NULL};
	unsigned link = 0;
	uint64_t mtu = 0;
	int code;

	if ((code = json_string(place, "id", &network->id)) < 0 ||
	    (code = read_mac(place, network->mac)) < 0 ||
	    (code = json_uint(place, "mtu", MTU_MIN, UINT16_MAX, &mtu)) < 0 ||
	    (code = json_word(place, "link", link_words, &link)) < 0 ||
	    (code = read_bandwidth(place, &network->rates)) < 0)
		return code;
	if (network->id && !id_valid(network->id))
		return json_error(place, "id",
				  "must be letters, digits, '-', '_' and '.', at most %u of them", ID_MAX);
	network->mtu = (uint16_t)mtu;
	network->link_down = link;
	return 0;
}

/* Where it is plugged in: each type has a key of its own. */
static int check_targets(const struct json_place *place, const struct network_definition *network)
{
	int code;

	if ((code = check_target(place, network, NETWORK_TAP, "device", network->device)) < 0 ||
	    (code = check_target(place, network, NETWORK_NAMED, "network", network->network)) < 0 ||
	    (code = check_target(place, network, NETWORK_BRIDGE, "bridge", network->bridge)) < 0 ||
	    (code = check_target(place, network, NETWORK_DIRECT, "source", network->source)) < 0)
		return code;
	if (network->type != NETWORK_DIRECT && cJSON_HasObjectItem(place->object, "mode"))
		return json_error(place, "mode", "is for cards of type \"direct\"");
	if (network->source && strcspn(network->source, "/:%\"\\ \t\n\v\f\r") != strlen(network->source))
		return json_error(place, "source", "is not a name of an interface");
	return 0;
}

static int read_targets(const struct json_place *place, struct network_definition *network)
{
	unsigned type = NETWORK_PASST, mode = NETWORK_MODE_VEPA;
	int code;

	if ((code = json_word(place, "type", type_words, &type)) < 0 ||
	    (code = json_string(place, "device", &network->device)) < 0 ||
	    (code = json_string(place, "network", &network->network)) < 0 ||
	    (code = json_string(place, "bridge", &network->bridge)) < 0 ||
	    (code = json_string(place, "source", &network->source)) < 0 ||
	    (code = json_word(place, "mode", mode_words, &mode)) < 0)
		return code;
	network->type = (enum network_type)type;
	network->mode = (enum network_mode)mode;
	return 0;
}

int network_definition_read(const struct json_place *place, const char *guest, unsigned index,
			    struct network_definition *network)
{
	static const char *const keys[] = {"type", "device", "network", "bridge",    "source", "mode",
					   "id",   "mac",    "mtu",     "link",      "queues", "vhost",
					   "host", "guest",  "driver",  "publish",   "bandwidth", NULL};
	int code;

	default_mac(guest, index, network->mac);
	if ((code = json_keys(place, keys)) < 0 || (code = read_targets(place, network)) < 0 ||
	    (code = read_card(place, network)) < 0 || (code = read_queues(place, network)) < 0 ||
	    (code = virtio_driver_read(place, &network->driver)) < 0 ||
	    (code = read_publish(place, network)) < 0 || (code = check_targets(place, network)) < 0 ||
	    (code = check_queues(place, network)) < 0)
		return code;
	return check_publish(place, network);
}
