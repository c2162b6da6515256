/* The network cards of a machine (machine_devices.h). */
#include <errno.h>
#include <string.h>

#include "devmodel/virtio/net.h"
#include "vmm/guest/machine_devices.h"

_Static_assert(CARD_QUEUES_MAX == VIRTIO_NET_PAIRS_MAX && NETWORK_QUEUES_MAX == VIRTIO_NET_PAIRS_MAX,
	       "what a definition may ask for is what a card has");

/* For messages. */
static const char *network_name(const struct network_definition *definition)
{
	switch (definition->type) {
	case NETWORK_TAP:
		return definition->device;
	case NETWORK_NAMED:
		return definition->network;
	case NETWORK_BRIDGE:
		return definition->bridge;
	case NETWORK_DIRECT:
		return definition->source;
	case NETWORK_PASST:
		break;
	}
	return "passt";
}

static void fill_options(const struct network_definition *definition, const struct card_fds *fds,
			 struct virtio_net_options *options)
{
	*options = (struct virtio_net_options){
		.name = network_name(definition),
		.backend = network_definition_is_tap(definition) ? VIRTIO_NET_TAP : VIRTIO_NET_STREAM,
		.fd_count = card_fds_count(fds),
		.has_vhost = fds->vhost[0] >= 0,
		.needs_vhost = definition->vhost == NETWORK_VHOST_ALWAYS,
		.mtu = definition->mtu,
		.without = definition->without,
		.link_down = definition->link_down,
		.to_guest = definition->rates.inbound,
		.from_guest = definition->rates.outbound,
	};
	memcpy(options->fds, fds->queues, sizeof(options->fds));
	memcpy(options->vhost, fds->vhost, sizeof(options->vhost));
	memcpy(options->mac, definition->mac, sizeof(options->mac));
}

/* The kernel has threads of its own. A card that comes to a running machine has all its queues on one. */
static int choose_loops(struct virtio_slot *slot, struct virtio_net_options *options, struct loop **loops,
			struct error *err)
{
	if (options->has_vhost || options->fd_count < 2 || virtio_slots_running(slot->devices))
		return 0;
	options->loops = loops;
	return virtio_slot_queue_loops(slot, options->fd_count - 1, loops, err);
}

int machine_devices_add_network(struct machine_devices *devices, const struct network_definition *definition,
				const char *id, struct network_resource *resource,
				struct virtio_slot **result, struct error *err)
{
	struct virtio_slot *slot = virtio_slot_open(devices, VIRTIO_SLOT_NETWORK, id, false, err);
	struct loop *loops[CARD_QUEUES_MAX];
	struct virtio_net_options options;
	struct virtio_device *device = NULL;

	if (!slot)
		return -ENOSPC;
	fill_options(definition, &resource->fds, &options);
	if (choose_loops(slot, &options, loops, err) == 0)
		device = virtio_net_create(&options, devices->memory, virtio_slot_loop(slot), err);
	if (device)
		card_fds_init(&resource->fds);
	*result = slot;
	return virtio_slot_fill(slot, device, &definition->driver, err);
}

/* The card with this id; NULL: there is none. */
static struct virtio_device *card_find(struct machine_devices *devices, const char *id, struct error *err)
{
	for (unsigned i = 0; i < VIRTIO_SLOTS_MAX; i++) {
		struct virtio_slot *slot = &devices->virtio[i];

		if (slot->kind == VIRTIO_SLOT_NETWORK && strcmp(slot->id, id) == 0 &&
		    virtio_slot_device(slot))
			return slot->device;
	}
	error_set(err, -ENOENT, "guest %s: has no network card %s", devices->config->definition->name, id);
	return NULL;
}

int machine_devices_set_link(struct machine_devices *devices, const char *id, bool up, struct error *err)
{
	struct virtio_device *card = card_find(devices, id, err);

	if (!card)
		return -ENOENT;
	virtio_net_set_link(card, up);
	return 0;
}

int machine_devices_set_rates(struct machine_devices *devices, const char *id,
			      const struct network_rates *rates, struct error *err)
{
	struct virtio_device *card = card_find(devices, id, err);

	return card ? virtio_net_set_rates(card, &rates->inbound, &rates->outbound, err) : -ENOENT;
}

void machine_devices_announce(struct machine_devices *devices)
{
	for (unsigned i = 0; i < VIRTIO_SLOTS_MAX; i++) {
		struct virtio_slot *slot = &devices->virtio[i];

		if (slot->kind == VIRTIO_SLOT_NETWORK && virtio_slot_device(slot))
			virtio_net_announce(slot->device);
	}
}
