/*
 * The devices of one guest's machine: the PC's few platform devices and the virtio devices of its definition,
 * on their buses, with their interrupt lines, event loops and threads, and the ACPI tables that describe
 * them.
 *
 * Part of machine.c, which makes the VM first and starts the vCPUs last. All functions belong to the loop's
 * thread; vCPU threads only read the buses.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>

#include "common/error.h"
#include "common/loop.h"
#include "devmodel/acpi_power.h"
#include "devmodel/boot_marks.h"
#include "devmodel/bus.h"
#include "devmodel/i8042.h"
#include "devmodel/pci.h"
#include "devmodel/pci_hotplug.h"
#include "devmodel/rtc.h"
#include "devmodel/serial.h"
#include "hypervisor/kvm/vm.h"
#include "hypervisor/kvm/vm_messages.h"
#include "vmm/guest/disk_halt.h"
#include "vmm/guest/machine.h"
#include "vmm/guest/machine_cpus.h"
#include "vmm/guest/machine_hotplug.h"
#include "vmm/guest/machine_services.h"
#include "vmm/guest/machine_virtio.h"
#include "vmm/guest/machine_watchdog.h"

struct machine_devices {
	/* Set by the machine. */
	const struct machine_config *config;
	struct vm *vm;
	const struct guest_memory *memory;
	struct machine_events *events;
	struct boot_marks *marks;

	struct bus ports;
	struct bus mmio;
	struct irqfd_line serial_irq, keyboard_irq, power_irq;
	struct serial *serial; /* NULL: the console is virtio */
	struct i8042 *i8042;
	struct rtc *rtc;
	struct acpi_power *power;
	struct machine_services services;
	struct machine_cpus cpus;
	struct machine_watchdog watchdog;
	struct virtio_device *gpu; /* NULL: there is none */
	struct virtio_device *inputs[VIRTIO_INPUT_KINDS]; /* the same, each */
	struct disk_halt halt;     /* made when a disk may stop the guest */
	struct virtio_slot virtio[VIRTIO_SLOTS_MAX];
	unsigned thread_count;
	struct device_thread threads[VIRTIO_THREADS];

	/* Transport pci. */
	bool is_pci;
	struct pci_bus pci_bus;
	struct irq_messages messages;
	struct vm_messages bound_messages;
	struct pci_lines pci_lines;
	struct pci_hotplug hotplug;
	struct irqfd_line hotplug_irq;
	struct loop_source changed;   /* eventfd: a slot's device was ejected, or is destroyed */
	struct blk_ring_store *rings; /* of disks that come; NULL: they have none */
	uint32_t removable; /* a bit a PCI slot: devices may come and go; 0 until all are in their slots */
};

/* Disks and network cards, of the definition or new; the descriptor is taken over. id: what is to be said to
 * have it go. */
int machine_devices_add_disk(struct machine_devices *devices, const struct disk_definition *definition,
			     const char *id, struct disk_resource *resource, struct virtio_slot **slot,
			     struct error *err);
int machine_devices_add_network(struct machine_devices *devices, const struct network_definition *definition,
				const char *id, struct network_resource *resource, struct virtio_slot **slot,
				struct error *err);

/* The definition's (machine_filesystems.c); its channel is taken over. */
int machine_devices_add_filesystem(struct machine_devices *devices, unsigned index, struct error *err);
/* The GPU of the definition (machine_display.c). */
int machine_display_add(struct machine_devices *devices, struct error *err);
/* Its keyboard and pointers (machine_inputs.c). */
int machine_inputs_add(struct machine_devices *devices, struct error *err);

/* Of a network card (machine_network.c); -ENOENT: there is none of this id. Plugs its cable in or pulls it.
 */
int machine_devices_set_link(struct machine_devices *devices, const char *id, bool up, struct error *err);
/* Gives it other rates. */
int machine_devices_set_rates(struct machine_devices *devices, const char *id,
			      const struct network_rates *rates, struct error *err);
/* All network cards tell their networks where their guest is. */
void machine_devices_announce(struct machine_devices *devices);
/* Disks that stopped the guest try again what failed. */
void machine_devices_retry(struct machine_devices *devices);
/* The disk's file has grown to so many bytes: its driver is told. -EINVAL: it has more, or they are not whole
 * blocks; -ENOENT: there is none of this id. */
int machine_devices_resize_disk(struct machine_devices *devices, const char *id, uint64_t size,
				struct error *err);
/* The limits of this definition hold from now on. */
int machine_devices_limit_disk(struct machine_devices *devices, const char *id,
			       const struct disk_definition *definition, struct error *err);

/* Before anything that may fail, so that machine_devices_destroy may always be called. */
void machine_devices_init(struct machine_devices *devices);
/* Makes all devices; descriptors are taken over from config->resources. No thread runs yet. */
int machine_devices_create(struct machine_devices *devices, struct error *err);
/* Starts the threads of the devices that have their own. */
int machine_devices_start(struct machine_devices *devices, struct error *err);
/* How many those are, and of the kernel's that work for them. */
unsigned machine_devices_threads(const struct guest_definition *definition);
/* How many rings of io_uring its disks have at most. */
unsigned machine_devices_rings(const struct guest_definition *definition);
/* Ends those threads and releases everything; no vCPU runs any more. */
void machine_devices_destroy(struct machine_devices *devices);

/* Writes what stands in for firmware: ACPI tables (*rsdp is their root) and the reset vector. */
int machine_devices_write_firmware(const struct machine_devices *devices, uint64_t *rsdp, struct error *err);
