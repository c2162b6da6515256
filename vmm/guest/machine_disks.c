/*
 * The disks of a guest's machine: made from their definitions, retried after an error, grown and limited
 * while the guest runs. Part of machine_devices.c.
 */
#include <errno.h>
#include <string.h>

#include "devmodel/virtio/blk.h"
#include "vmm/guest/machine_devices.h"

static enum virtio_blk_engine engine_of(const struct disk_definition *definition)
{
	switch (definition->io) {
	case DISK_IO_URING:
		return VIRTIO_BLK_IO_URING;
	case DISK_IO_THREADS:
		return VIRTIO_BLK_BLOCKING;
	default:
		return VIRTIO_BLK_AUTO;
	}
}

static struct virtio_blk_rates rates_of(const struct disk_rates *rates)
{
	return (struct virtio_blk_rates){rates->total, rates->read, rates->write};
}

static void fill_blk_options(const struct disk_definition *definition, const struct disk_resource *resource,
			     struct virtio_blk_options *options)
{
	*options = (struct virtio_blk_options){
		.name = definition->id ? definition->id : disk_definition_name(definition),
		.fd = resource->fd,
		.backend = disk_definition_has_backend(definition),
		.reconnect = definition->source.reconnect,
		.size = resource->size,
		.read_only = definition->read_only,
		.id = definition->id ? definition->id : "",
		.write_through = definition->cache == DISK_CACHE_WRITETHROUGH ||
				 definition->cache == DISK_CACHE_DIRECTSYNC,
		.unsafe = definition->cache == DISK_CACHE_UNSAFE,
		.discard = definition->discard,
		.ignore_errors = definition->errors == DISK_ERRORS_IGNORE,
		.logical_block = definition->logical_block,
		.physical_block = definition->physical_block,
		.operations = rates_of(&definition->operations),
		.bytes = rates_of(&definition->bytes),
		.engine = engine_of(definition),
		.queues = definition->queues,
	};
}

/* One that comes to a running machine finds threads that make no rings and no threads any more: all its
 * queues are on one, with rings that were made before. */
static int choose_threads(struct virtio_slot *slot, struct virtio_blk_options *options, struct loop **loops,
			  struct error *err)
{
	if (options->backend) /* it has threads of its own */
		return 0;
	if (!virtio_slots_running(slot->devices)) {
		options->loops = loops;
		return virtio_slot_queue_loops(slot, options->queues - 1, loops, err);
	}
	options->rings = slot->devices->rings;
	if (options->rings)
		return 0;
	if (options->engine == VIRTIO_BLK_IO_URING)
		return error_set(
			err, -EOPNOTSUPP,
			"disk %s: io \"io_uring\" is not to be had: this kernel has none for the guest",
			options->name);
	options->engine = VIRTIO_BLK_BLOCKING;
	return 0;
}

/* What a disk that stops the guest needs: once a machine, when there is such a disk. */
static int disk_halt_prepare(struct machine_devices *devices, const struct disk_definition *definition,
			     struct error *err)
{
	const struct machine_config *config = devices->config;

	return definition->errors == DISK_ERRORS_STOP
		       ? disk_halt_make(&devices->halt, config->loop, config->halted, config->owner, err)
		       : 0;
}

void machine_devices_retry(struct machine_devices *devices)
{
	for (unsigned i = 0; devices->halt.made && i < VIRTIO_SLOTS_MAX; i++) {
		const struct virtio_slot *slot = &devices->virtio[i];

		if (slot->kind == VIRTIO_SLOT_DISK && virtio_slot_device(slot))
			virtio_blk_retry(slot->device);
	}
}

int machine_devices_add_disk(struct machine_devices *devices, const struct disk_definition *definition,
			     const char *id, struct disk_resource *resource, struct virtio_slot **result,
			     struct error *err)
{
	struct virtio_slot *slot = virtio_slot_open(devices, VIRTIO_SLOT_DISK, id, true, err);
	struct loop *loops[DISK_QUEUES_MAX];
	struct virtio_blk_options options;
	struct virtio_device *device = NULL;

	if (!slot)
		return -ENOSPC;
	fill_blk_options(definition, resource, &options);
	if (definition->errors == DISK_ERRORS_STOP) {
		options.stopped = disk_halt_tell;
		options.owner = &devices->halt;
	}
	if (disk_halt_prepare(devices, definition, err) == 0 &&
	    choose_threads(slot, &options, loops, err) == 0)
		device = virtio_blk_create(&options, devices->memory, virtio_slot_loop(slot), err);
	if (device)
		resource->fd = -1;
	*result = slot;
	return virtio_slot_fill(slot, device, &definition->driver, err);
}

/* --- While it runs --- */

static struct virtio_device *disk_find(const struct machine_devices *devices, const char *id,
				       struct error *err)
{
	for (unsigned i = 0; i < VIRTIO_SLOTS_MAX; i++) {
		const struct virtio_slot *slot = &devices->virtio[i];

		if (slot->kind == VIRTIO_SLOT_DISK && strcmp(slot->id, id) == 0 && virtio_slot_device(slot))
			return slot->device;
	}
	error_set(err, -ENOENT, "guest %s: has no disk %s", devices->config->definition->name, id);
	return NULL;
}

int machine_devices_resize_disk(struct machine_devices *devices, const char *id, uint64_t size,
				struct error *err)
{
	struct virtio_device *device = disk_find(devices, id, err);

	return device ? virtio_blk_resize(device, size, err) : -ENOENT;
}

int machine_devices_limit_disk(struct machine_devices *devices, const char *id,
			       const struct disk_definition *definition, struct error *err)
{
	struct virtio_blk_rates operations = rates_of(&definition->operations);
	struct virtio_blk_rates bytes = rates_of(&definition->bytes);
	struct virtio_device *device = disk_find(devices, id, err);

	return device ? virtio_blk_limit(device, &operations, &bytes, err) : -ENOENT;
}
