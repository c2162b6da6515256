#include "vmm/guest/machine_hotplug.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/util.h"
#include "devmodel/virtio/blk.h"
#include "vmm/guest/machine_devices.h"

#define SPARE_SLOTS 8 /* for devices that come later */

static void ring(const struct loop_source *event)
{
	uint64_t one = 1;

	if (write(event->fd, &one, sizeof(one)) < 0)
		return; /* it rings without end already */
}

/* --- On their way out --- */

/* A vCPU. What is off the bus is reached by no other vCPU any more: whoever took it off passes it on. */
static void slots_ejected(struct pci_hotplug *hotplug, uint32_t slots)
{
	struct machine_devices *devices = CONTAINER_OF(hotplug, struct machine_devices, hotplug);

	slots &= devices->removable;
	for (unsigned number = 1; number <= VIRTIO_SLOTS_MAX; number++) {
		if (!(slots >> number & 1) || !pci_bus_remove(&devices->pci_bus, number))
			continue;
		atomic_store(&devices->virtio[number - 1].state, VIRTIO_SLOT_EJECTED);
		ring(&devices->changed);
	}
}

void machine_hotplug_destroy(struct virtio_slot *slot)
{
	virtio_slot_stop_queues(slot);
	virtio_device_destroy(slot->device);
	virtio_pci_close(&slot->pci);
	atomic_store(&slot->state, VIRTIO_SLOT_GONE);
	ring(&slot->devices->changed);
}

static void slot_doom(struct virtio_slot *slot)
{
	if (!slot->thread) {
		machine_hotplug_destroy(slot);
		return;
	}
	atomic_store(&slot->state, VIRTIO_SLOT_DOOMED);
	ring(&slot->thread->retire);
}

static void slot_free(struct virtio_slot *slot)
{
	const struct machine_config *config = slot->devices->config;

	virtio_slot_abandon(slot);
	config->device_gone(config->owner, slot->id);
}

static void slots_changed(struct loop_source *source, uint32_t events)
{
	struct machine_devices *devices = CONTAINER_OF(source, struct machine_devices, changed);
	uint64_t count;

	(void)events;
	if (read(source->fd, &count, sizeof(count)) < 0)
		return;
	for (unsigned i = 0; i < VIRTIO_SLOTS_MAX; i++) {
		struct virtio_slot *slot = &devices->virtio[i];

		if (atomic_load(&slot->state) == VIRTIO_SLOT_EJECTED)
			slot_doom(slot);
		if (atomic_load(&slot->state) == VIRTIO_SLOT_GONE)
			slot_free(slot);
	}
}

/* --- Asking --- */

void machine_hotplug_came(struct virtio_slot *slot)
{
	pci_hotplug_tell_came(&slot->devices->hotplug, virtio_slot_index(slot) + 1);
}

static struct virtio_slot *slot_find(struct machine_devices *devices, const char *id)
{
	for (unsigned i = 0; i < VIRTIO_SLOTS_MAX; i++) {
		struct virtio_slot *slot = &devices->virtio[i];

		if (atomic_load(&slot->state) != VIRTIO_SLOT_EMPTY && slot->kind != VIRTIO_SLOT_FIXED &&
		    strcmp(slot->id, id) == 0)
			return slot;
	}
	return NULL;
}

bool machine_hotplug_has(struct machine_devices *devices, const char *id)
{
	return slot_find(devices, id) != NULL;
}

int machine_hotplug_ask(struct machine_devices *devices, const char *id, struct error *err)
{
	const char *guest = devices->config->definition->name;
	struct virtio_slot *slot = slot_find(devices, id);

	if (!devices->is_pci)
		return error_set(err, -EOPNOTSUPP,
				 "guest %s: with transport mmio no device can come or go while it runs",
				 guest);
	if (!slot)
		return error_set(err, -ENOENT, "guest %s: has no disk or network card %s", guest, id);
	slot->leaving = true;
	pci_hotplug_ask_to_leave(&devices->hotplug, virtio_slot_index(slot) + 1);
	return 0;
}

/* --- Life --- */

/* Those that disks and network cards are in, and a few of those that are free. */
static uint32_t slots_removable(const struct machine_devices *devices)
{
	unsigned spare = SPARE_SLOTS;
	uint32_t slots = 0;

	for (unsigned i = 0; i < VIRTIO_SLOTS_MAX; i++) {
		const struct virtio_slot *slot = &devices->virtio[i];
		bool empty = atomic_load(&slot->state) == VIRTIO_SLOT_EMPTY;

		if (empty && spare == 0)
			continue;
		if (empty)
			spare--;
		if (empty || slot->kind != VIRTIO_SLOT_FIXED)
			slots |= 1U << (i + 1);
	}
	return slots;
}

int machine_hotplug_make(struct machine_devices *devices, struct error *err)
{
	int code = irqfd_line_open(devices, &devices->hotplug_irq, LAYOUT_GSI_HOTPLUG, err);

	if (code < 0)
		return code;
	devices->hotplug.line = &devices->hotplug_irq.line;
	devices->hotplug.ejected = slots_ejected;
	devices->removable = slots_removable(devices);
	devices->changed = (struct loop_source){
		.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.events = EPOLLIN,
		.ready = slots_changed,
	};
	code = devices->changed.fd < 0 ? -errno : loop_add(devices->config->loop, &devices->changed);
	if (code < 0)
		return error_set(err, code, "guest %s: cannot make the event of its slots: %s",
				 devices->config->definition->name, strerror(-code));
	if (!device_thread_make(devices, err)) /* of disks that come later */
		return -ENOMEM;
	devices->rings = virtio_blk_rings_make(MACHINE_SPARE_RINGS);
	return bus_add(&devices->ports,
		       (struct bus_range){PCI_HOTPLUG_PORT, PCI_HOTPLUG_SIZE, &pci_hotplug_ops,
					  &devices->hotplug, "PCI hot plug"},
		       err);
}

void machine_hotplug_close(struct machine_devices *devices)
{
	if (devices->changed.fd >= 0) {
		loop_remove(devices->config->loop, &devices->changed);
		close(devices->changed.fd);
	}
	irqfd_line_close(&devices->hotplug_irq);
}
