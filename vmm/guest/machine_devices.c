#include "vmm/guest/machine_devices.h"

#include <errno.h>
#include <linux/virtio_mmio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/log.h"
#include "common/util.h"
#include "devmodel/pvpanic.h"
#include "devmodel/virtio/blk.h"
#include "devmodel/virtio/console.h"
#include "devmodel/virtio/net.h"
#include "devmodel/virtio/rng.h"
#include "devmodel/virtio/vsock.h"
#include "hypervisor/boot/acpi.h"
#include "hypervisor/x86_64/reset_vector.h"
#include "vmm/plan/placement.h"

/* --- Interrupt lines --- */

static void irqfd_raise(struct irq_line *line)
{
	const struct irqfd_line *irq = CONTAINER_OF(line, struct irqfd_line, line);
	uint64_t one = 1;

	if (write(irq->fd, &one, sizeof(one)) < 0)
		return; /* EAGAIN: 2^64 - 2 pulses are pending, one more changes nothing */
}

static int irqfd_line_open(struct machine_devices *devices, struct irqfd_line *irq, uint32_t gsi,
			   struct error *err)
{
	irq->line.raise = irqfd_raise;
	irq->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (irq->fd < 0)
		return error_set(err, -errno, "guest %s: cannot make an interrupt line: %m",
				 devices->config->definition->name);
	return vm_irqfd(devices->vm, irq->fd, gsi, err);
}

static void irqfd_line_close(struct irqfd_line *irq)
{
	if (irq->fd >= 0)
		close(irq->fd);
	irq->fd = -1;
}

/* --- Platform devices --- */

static int add_serial(struct machine_devices *devices, struct error *err)
{
	int code = irqfd_line_open(devices, &devices->serial_irq, SERIAL_IRQ, err);

	if (code < 0)
		return code;
	devices->serial =
		serial_create(&devices->serial_irq.line, console_hub_backend(devices->config->console),
			      devices->config->loop, err);
	if (!devices->serial)
		return -ENOMEM;
	console_hub_connect(devices->config->console, serial_frontend(devices->serial));
	return bus_add(&devices->ports,
		       (struct bus_range){SERIAL_PORT, SERIAL_SIZE, &serial_ops, devices->serial, "serial"},
		       err);
}

static int add_i8042(struct machine_devices *devices, struct error *err)
{
	int code = irqfd_line_open(devices, &devices->keyboard_irq, I8042_IRQ, err);

	if (code < 0)
		return code;
	devices->i8042 = i8042_create(&devices->keyboard_irq.line, devices->events, err);
	if (!devices->i8042)
		return -ENOMEM;
	return bus_add(&devices->ports,
		       (struct bus_range){I8042_PORT, I8042_SIZE, &i8042_ops, devices->i8042, "i8042"}, err);
}

static int add_power(struct machine_devices *devices, struct error *err)
{
	int code = irqfd_line_open(devices, &devices->power_irq, LAYOUT_GSI_POWER, err);

	if (code < 0)
		return code;
	devices->power = acpi_power_create(&devices->power_irq.line, devices->events, err);
	if (!devices->power)
		return -ENOMEM;
	return bus_add(&devices->ports,
		       (struct bus_range){ACPI_POWER_PORT, ACPI_POWER_SIZE, &acpi_power_ops, devices->power,
					  "ACPI power"},
		       err);
}

static int add_rtc(struct machine_devices *devices, struct error *err)
{
	devices->rtc = rtc_create(NULL, err);
	if (!devices->rtc)
		return -ENOMEM;
	return bus_add(&devices->ports, (struct bus_range){RTC_PORT, RTC_SIZE, &rtc_ops, devices->rtc, "RTC"},
		       err);
}

static int add_pvpanic(struct machine_devices *devices, struct error *err)
{
	return bus_add(
		&devices->ports,
		(struct bus_range){PVPANIC_PORT, PVPANIC_SIZE, &pvpanic_ops, devices->events, "pvpanic"},
		err);
}

static int add_boot_marks(struct machine_devices *devices, struct error *err)
{
	int code = bus_add(&devices->ports,
			   (struct bus_range){DEBUG_PORT, DEBUG_PORT_SIZE, &debug_port_ops, devices->marks,
					      "debug port"},
			   err);

	if (code < 0)
		return code;
	return bus_add(&devices->mmio,
		       (struct bus_range){BOOT_TIMER_ADDRESS, BOOT_TIMER_SIZE, &boot_timer_ops,
					  devices->marks, "boot timer"},
		       err);
}

static int add_platform(struct machine_devices *devices, struct error *err)
{
	int code = add_boot_marks(devices, err);

	if (code == 0)
		code = add_pvpanic(devices, err);
	if (code == 0)
		code = add_power(devices, err);
	if (code == 0)
		code = add_i8042(devices, err);
	if (code == 0)
		code = add_rtc(devices, err);
	if (code == 0 && devices->config->definition->console == GUEST_CONSOLE_SERIAL)
		code = add_serial(devices, err);
	return code;
}

/* --- virtio devices --- */

static uint64_t virtio_base(unsigned index)
{
	return LAYOUT_VIRTIO_MMIO + (uint64_t)index * VIRTIO_MMIO_SIZE;
}

static uint32_t virtio_gsi(unsigned index)
{
	return LAYOUT_GSI_VIRTIO + index % (LAYOUT_GSI_LAST - LAYOUT_GSI_VIRTIO + 1);
}

static void *device_thread_main(void *argument)
{
	struct device_thread *thread = argument;
	int code;

	placement_name_disk(thread->disk);
	thread->config->thread_started(thread->config->owner, MACHINE_THREAD_DISK);
	code = loop_run(&thread->loop);
	if (code < 0) {
		log_error("device thread: %s", strerror(-code));
		abort(); /* our own fault is fatal: a guest with a dead disk is worse than none */
	}
	return NULL;
}

/* The next slot; own_thread gives it a loop of its own. */
static struct virtio_slot *virtio_slot_open(struct machine_devices *devices, bool own_thread,
					    struct error *err)
{
	struct virtio_slot *slot = &devices->virtio[devices->virtio_count];
	int code;

	if (devices->virtio_count == LAYOUT_VIRTIO_MAX) {
		error_set(err, -ENOSPC, "guest %s: has more than %d virtio devices",
			  devices->config->definition->name, LAYOUT_VIRTIO_MAX);
		return NULL;
	}
	if (own_thread) {
		code = loop_init(&slot->thread.loop);
		if (code < 0) {
			error_set(err, code, "guest %s: cannot make a device's event loop: %s",
				  devices->config->definition->name, strerror(-code));
			return NULL;
		}
		slot->own_thread = true;
		slot->thread.config = devices->config;
	}
	slot->irq.fd = -1;
	devices->virtio_count++;
	return slot;
}

static struct loop *virtio_slot_loop(struct machine_devices *devices, struct virtio_slot *slot)
{
	return slot->own_thread ? &slot->thread.loop : devices->config->loop;
}

/* Puts a device that was just made behind its slot's registers and binds its kicks to the kernel. */
static int virtio_slot_plug(struct machine_devices *devices, struct virtio_slot *slot, struct error *err)
{
	unsigned index = (unsigned)(slot - devices->virtio);
	struct virtio_device *device = slot->device;
	int code = irqfd_line_open(devices, &slot->irq, virtio_gsi(index), err);

	if (code < 0)
		return code;
	virtio_mmio_init(&slot->mmio, device, &slot->irq.line);
	for (unsigned queue = 0; queue < device->queue_count; queue++) {
		code = vm_ioeventfd_mmio(devices->vm, device->kicks[queue].source.fd,
					 virtio_base(index) + VIRTIO_MMIO_QUEUE_NOTIFY, 4, queue, err);
		if (code < 0)
			return code;
	}
	code = bus_add(&devices->mmio,
		       (struct bus_range){virtio_base(index), VIRTIO_MMIO_SIZE, &virtio_mmio_ops, &slot->mmio,
					  device->name},
		       err);
	return code;
}

static void fill_blk_options(const struct disk_definition *definition, const struct disk_resource *resource,
			     struct virtio_blk_options *options)
{
	*options = (struct virtio_blk_options){
		.name = definition->id ? definition->id : disk_definition_name(definition),
		.fd = resource->fd,
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
		.operations = {definition->operations.total, definition->operations.read,
			       definition->operations.write},
		.bytes = {definition->bytes.total, definition->bytes.read, definition->bytes.write},
	};
}

static int add_disk(struct machine_devices *devices, unsigned index, struct error *err)
{
	struct disk_resource *resource = &devices->config->resources->disks[index];
	struct virtio_slot *slot = virtio_slot_open(devices, true, err);
	struct virtio_blk_options options;

	if (!slot)
		return -ENOSPC;
	fill_blk_options(&devices->config->definition->disks[index], resource, &options);
	slot->device = virtio_blk_create(&options, devices->memory, virtio_slot_loop(devices, slot), err);
	if (!slot->device)
		return -ENOMEM;
	resource->fd = -1;
	return virtio_slot_plug(devices, slot, err);
}

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
	default:
		return "passt";
	}
}

static int add_network(struct machine_devices *devices, unsigned index, struct error *err)
{
	const struct network_definition *definition = &devices->config->definition->networks[index];
	struct network_resource *resource = &devices->config->resources->networks[index];
	struct virtio_slot *slot = virtio_slot_open(devices, false, err);
	struct virtio_net_options options = {
		.name = network_name(definition),
		.backend = network_definition_is_tap(definition) ? VIRTIO_NET_TAP : VIRTIO_NET_STREAM,
		.fd = resource->fd,
		.mtu = definition->mtu,
		.link_down = definition->link_down,
		.to_guest = definition->rates.inbound,
		.from_guest = definition->rates.outbound,
	};

	if (!slot)
		return -ENOSPC;
	memcpy(options.mac, definition->mac, sizeof(options.mac));
	slot->device = virtio_net_create(&options, devices->memory, virtio_slot_loop(devices, slot), err);
	if (!slot->device)
		return -ENOMEM;
	resource->fd = -1;
	return virtio_slot_plug(devices, slot, err);
}

static int add_vsock(struct machine_devices *devices, struct error *err)
{
	struct virtio_slot *slot = virtio_slot_open(devices, false, err);
	struct virtio_vsock_options options = {
		.cid = devices->config->definition->vsock_cid,
		.listen_fd = devices->config->resources->vsock_listen_fd,
		.connect = devices->config->vsock_connect,
		.owner = devices->config->owner,
	};

	if (!slot)
		return -ENOSPC;
	slot->device = virtio_vsock_create(&options, devices->memory, virtio_slot_loop(devices, slot), err);
	if (!slot->device)
		return -ENOMEM;
	devices->config->resources->vsock_listen_fd = -1;
	devices->vsock = slot->device;
	return virtio_slot_plug(devices, slot, err);
}

static int add_rng(struct machine_devices *devices, struct error *err)
{
	struct virtio_slot *slot = virtio_slot_open(devices, false, err);

	if (!slot)
		return -ENOSPC;
	slot->device = virtio_rng_create(devices->memory, virtio_slot_loop(devices, slot), err);
	return slot->device ? virtio_slot_plug(devices, slot, err) : -ENOMEM;
}

static int add_virtio_console(struct machine_devices *devices, struct error *err)
{
	struct virtio_slot *slot = virtio_slot_open(devices, false, err);

	if (!slot)
		return -ENOSPC;
	slot->device = virtio_console_create("console", console_hub_backend(devices->config->console),
					     devices->memory, virtio_slot_loop(devices, slot), err);
	if (!slot->device)
		return -ENOMEM;
	console_hub_connect(devices->config->console, virtio_console_frontend(slot->device));
	return virtio_slot_plug(devices, slot, err);
}

static int add_virtio(struct machine_devices *devices, struct error *err)
{
	const struct guest_definition *definition = devices->config->definition;
	int code = 0;

	for (unsigned i = 0; i < definition->disk_count && code == 0; i++)
		code = add_disk(devices, i, err);
	for (unsigned i = 0; i < definition->network_count && code == 0; i++)
		code = add_network(devices, i, err);
	if (code == 0 && definition->vsock_cid)
		code = add_vsock(devices, err);
	if (code == 0 && definition->rng)
		code = add_rng(devices, err);
	if (code == 0 && definition->console == GUEST_CONSOLE_VIRTIO)
		code = add_virtio_console(devices, err);
	return code;
}

/* --- The machine's firmware --- */

int machine_devices_write_firmware(const struct machine_devices *devices, uint64_t *rsdp, struct error *err)
{
	struct acpi_virtio_mmio virtio[LAYOUT_VIRTIO_MAX];
	struct acpi_machine description = {
		.topology = devices->config->definition->topology,
		.virtio_count = devices->virtio_count,
		.virtio = virtio,
		.serial = devices->serial != NULL,
		.serial_port = SERIAL_PORT,
		.serial_irq = SERIAL_IRQ,
		.i8042 = true,
		.rtc = true,
		.power_port = ACPI_POWER_PORT,
		.power_reset_value = ACPI_POWER_RESET_VALUE,
		.power_s5 = ACPI_POWER_S5,
		.power_button_gsi = LAYOUT_GSI_POWER,
		.pvpanic_port = PVPANIC_PORT,
	};

	if (reset_vector_write(devices->memory, ACPI_POWER_PORT + ACPI_POWER_RESET, ACPI_POWER_RESET_VALUE) <
	    0)
		return error_set(err, -ENOMEM, "guest %s: has less than 1 MiB of memory",
				 devices->config->definition->name);
	for (unsigned i = 0; i < devices->virtio_count; i++)
		virtio[i] = (struct acpi_virtio_mmio){virtio_base(i), VIRTIO_MMIO_SIZE, virtio_gsi(i)};
	return acpi_build(devices->memory, &description, rsdp, err);
}

/* --- Life --- */

void machine_devices_init(struct machine_devices *devices)
{
	devices->serial_irq.fd = devices->keyboard_irq.fd = devices->power_irq.fd = -1;
}

int machine_devices_create(struct machine_devices *devices, struct error *err)
{
	int code = add_platform(devices, err);

	return code < 0 ? code : add_virtio(devices, err);
}

int machine_devices_start(struct machine_devices *devices, struct error *err)
{
	unsigned disks = 0;

	for (unsigned i = 0; i < devices->virtio_count; i++) {
		struct virtio_slot *slot = &devices->virtio[i];
		int code;

		if (!slot->own_thread)
			continue;
		slot->thread.disk = disks++;
		code = -pthread_create(&slot->thread.thread, NULL, device_thread_main, &slot->thread);
		if (code < 0)
			return error_set(err, code, "%s: cannot start its thread: %s", slot->device->name,
					 strerror(-code));
		slot->thread.running = true;
	}
	return 0;
}

unsigned machine_devices_threads(const struct guest_definition *definition)
{
	return definition->disk_count;
}

static void virtio_slots_stop(struct machine_devices *devices)
{
	for (unsigned i = 0; i < devices->virtio_count; i++) {
		struct virtio_slot *slot = &devices->virtio[i];

		if (!slot->thread.running)
			continue;
		loop_stop(&slot->thread.loop);
		pthread_join(slot->thread.thread, NULL);
	}
}

static void virtio_slots_close(struct machine_devices *devices)
{
	for (unsigned i = 0; i < devices->virtio_count; i++) {
		struct virtio_slot *slot = &devices->virtio[i];

		virtio_device_destroy(slot->device);
		irqfd_line_close(&slot->irq);
		if (slot->own_thread)
			loop_close(&slot->thread.loop);
	}
}

void machine_devices_destroy(struct machine_devices *devices)
{
	virtio_slots_stop(devices);
	console_hub_connect(devices->config->console, NULL);
	virtio_slots_close(devices);
	serial_destroy(devices->serial);
	i8042_destroy(devices->i8042);
	rtc_destroy(devices->rtc);
	acpi_power_destroy(devices->power);
	irqfd_line_close(&devices->serial_irq);
	irqfd_line_close(&devices->keyboard_irq);
	irqfd_line_close(&devices->power_irq);
}
