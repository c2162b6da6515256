#include "vmm/config/network_offloads.h"

#include <linux/virtio_net.h>

#define BIT(feature) (1ULL << VIRTIO_NET_F_##feature)

struct offload {
	const char *key;
	uint64_t features;
};

static const struct offload host_offloads[] = {
	{"csum", BIT(CSUM)},
	{"gso", BIT(HOST_TSO4) | BIT(HOST_TSO6) | BIT(HOST_ECN) | BIT(HOST_UFO)},
	{"tso4", BIT(HOST_TSO4)},
	{"tso6", BIT(HOST_TSO6)},
	{"ecn", BIT(HOST_ECN)},
	{"ufo", BIT(HOST_UFO)},
	{"mrg_rxbuf", BIT(MRG_RXBUF)},
	{0},
};

static const struct offload guest_offloads[] = {
	{"csum", BIT(GUEST_CSUM)}, {"tso4", BIT(GUEST_TSO4)}, {"tso6", BIT(GUEST_TSO6)},
	{"ecn", BIT(GUEST_ECN)},   {"ufo", BIT(GUEST_UFO)},   {0},
};

#define KEYS_MAX 8

static int read_side(const struct json_place *card, const char *side, const struct offload *offloads,
		     uint64_t *without)
{
	const char *keys[KEYS_MAX + 1] = {NULL};
	struct json_place place;
	int code = json_object(card, side, &place);

	if (code < 0 || !place.object)
		return code;
	for (unsigned i = 0; i < KEYS_MAX && offloads[i].key; i++)
		keys[i] = offloads[i].key;
	code = json_keys(&place, keys);
	for (unsigned i = 0; keys[i] && code == 0; i++) {
		bool offered = true;

		code = json_bool(&place, keys[i], &offered);
		if (!offered)
			*without |= offloads[i].features;
	}
	return code;
}

int network_offloads_read(const struct json_place *card, uint64_t *without)
{
	int code = read_side(card, "host", host_offloads, without);

	return code == 0 ? read_side(card, "guest", guest_offloads, without) : code;
}
