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
#include "devmodel/rtc.h"
#include "devmodel/serial.h"
#include "devmodel/virtio/mmio.h"
#include "hypervisor/kvm/vm.h"
#include "hypervisor/x86_64/layout.h"
#include "vmm/guest/machine.h"

/* An interrupt line that ends in KVM's interrupt controllers. */
struct irqfd_line {
	struct irq_line line;
	int fd;
};

/* A loop with a thread of its own, for a device that may wait for the host: a disk. */
struct device_thread {
	unsigned disk; /* which; it is in the thread's name */
	const struct machine_config *config;
	struct loop loop;
	pthread_t thread;
	bool running;
};

/* One virtio device behind its registers. */
struct virtio_slot {
	struct virtio_device *device;
	struct virtio_mmio mmio;
	struct irqfd_line irq;
	struct device_thread thread; /* used when own_thread */
	bool own_thread;
};

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
	struct virtio_device *vsock; /* NULL: it has none */
	unsigned virtio_count;
	struct virtio_slot virtio[LAYOUT_VIRTIO_MAX];
};

/* Before anything that may fail, so that machine_devices_destroy may always be called. */
void machine_devices_init(struct machine_devices *devices);
/* Makes all devices; descriptors are taken over from config->resources. No thread runs yet. */
int machine_devices_create(struct machine_devices *devices, struct error *err);
/* Starts the threads of the devices that have their own. */
int machine_devices_start(struct machine_devices *devices, struct error *err);
/* How many those are. */
unsigned machine_devices_threads(const struct guest_definition *definition);
/* Ends those threads and releases everything; no vCPU runs any more. */
void machine_devices_destroy(struct machine_devices *devices);

/* Writes what stands in for firmware: ACPI tables (*rsdp is their root) and the reset vector. */
int machine_devices_write_firmware(const struct machine_devices *devices, uint64_t *rsdp, struct error *err);
