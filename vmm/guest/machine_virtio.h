/*
 * The places of a machine's virtio devices: each has registers behind one of the two transports, its
 * interrupts in KVM, its kicks from KVM, and an event loop: the machine's, or that of a thread for devices
 * that may wait for the host.
 *
 *      virtio_slot_open ---> make the device on virtio_slot_loop ---> virtio_slot_plug
 *
 * With transport pci the place with index i is PCI slot i + 1. Part of machine_devices.c; the loop's thread,
 * but for what vCPUs reach through the buses.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "common/error.h"
#include "common/loop.h"
#include "devmodel/pci.h"
#include "devmodel/virtio/mmio.h"
#include "devmodel/virtio/pci.h"
#include "hypervisor/kvm/vm.h"
#include "hypervisor/x86_64/layout.h"
#include "vmm/config/definition.h"
#include "vmm/guest/machine.h"

/* The last PCI slot is the watchdog's (machine_watchdog.h). */
#define VIRTIO_SLOTS_MAX (PCI_SLOTS - 2)
/* Of disks, of cards' queues but the first, one more for disks that come later, and the GPU's. */
#define VIRTIO_THREADS                                                                                       \
	(DEFINITION_DISKS_MAX * DISK_QUEUES_MAX + DEFINITION_NETWORKS_MAX * (NETWORK_QUEUES_MAX - 1) + 2)
#define VIRTIO_LINES      (LAYOUT_GSI_LAST - LAYOUT_GSI_VIRTIO + 1)
#define MACHINE_DEVICE_ID 64 /* bytes of a device's id, at most, the NUL included */

struct machine_devices;

/* An interrupt line that ends in KVM's interrupt controllers. */
struct irqfd_line {
	struct irq_line line;
	int fd;
};

/* Makes the eventfd of line `gsi`; close with irqfd_line_close, which -1 is allowed for. */
int irqfd_line_open(struct machine_devices *devices, struct irqfd_line *irq, uint32_t gsi, struct error *err);
void irqfd_line_close(struct irqfd_line *irq);

/* A loop with a thread of its own, for devices that may wait for the host: disks, or that have much to copy.
 */
struct device_thread {
	struct machine_devices *devices;
	struct loop loop;
	struct loop_source retire; /* eventfd: a device of this loop is to be destroyed */
	pthread_t thread;
	unsigned users; /* devices on it */
	enum machine_thread kind;
	bool of_a_queue; /* it serves no device but a queue of one, and ends with it */
	bool running;
};

enum virtio_slot_kind {
	VIRTIO_SLOT_FIXED, /* comes and goes with the machine */
	VIRTIO_SLOT_DISK,
	VIRTIO_SLOT_NETWORK,
};

/* Where a device is on its way out; each step is taken by one thread only. */
enum virtio_slot_state {
	VIRTIO_SLOT_EMPTY,
	VIRTIO_SLOT_USED,
	VIRTIO_SLOT_EJECTED, /* by a vCPU: nobody reaches its registers any more */
	VIRTIO_SLOT_DOOMED,  /* by the machine's loop: its own loop destroys it */
	VIRTIO_SLOT_GONE,    /* by its own loop */
};

/* One virtio device behind its registers. */
struct virtio_slot {
	struct machine_devices *devices;
	struct virtio_device *device;
	enum virtio_slot_kind kind;
	char id[MACHINE_DEVICE_ID]; /* of a disk or network card */
	_Atomic(enum virtio_slot_state) state;
	bool leaving;                 /* the guest was asked to let it go */
	struct device_thread *thread; /* NULL: the machine's loop */
	unsigned queue_thread_count;  /* of its queues but the first */
	struct device_thread *queue_threads[DISK_QUEUES_MAX - 1];

	struct virtio_mmio mmio;
	struct irqfd_line irq;

	struct virtio_pci pci;
	struct virtio_pci_host pci_host;
	uint64_t kicks_at; /* the PCI bus' lock */
	struct irq_level pci_line;
};

/* Interrupt lines that PCI functions share: which slots hold each of them up. */
struct pci_lines {
	pthread_mutex_t lock;
	uint32_t high[VIRTIO_LINES];
};

/* The next place that is free; own_thread: on a thread of its own, or once they run on the one with the
 * fewest devices. */
struct virtio_slot *virtio_slot_open(struct machine_devices *devices, enum virtio_slot_kind kind,
				     const char *id, bool own_thread, struct error *err);
struct loop *virtio_slot_loop(struct virtio_slot *slot);
/* A thread of this kind for its device alone, which is yet to be made; before the machine runs. */
int virtio_slot_make_thread(struct virtio_slot *slot, enum machine_thread kind, struct error *err);
/* Loops with threads of their own for so many more queues of the device that is to come into the slot; before
 * the machine runs. */
int virtio_slot_queue_loops(struct virtio_slot *slot, unsigned count, struct loop **loops, struct error *err);
/* Their threads end. Any thread but those. */
void virtio_slot_stop_queues(struct virtio_slot *slot);
/* Whether threads run: what wants more system calls than a guest's threads have left can no longer be made.
 */
bool virtio_slots_running(const struct machine_devices *devices);
/* Puts the device that was just made behind its slot's registers and binds its kicks to the kernel. */
int virtio_slot_plug(struct virtio_slot *slot, struct error *err);
/* The device was made and is plugged into its slot; NULL: it could not be made, err says why, and the place
 * is given back. driver: what its definition says of its driver's choice; NULL: nothing. */
int virtio_slot_fill(struct virtio_slot *slot, struct virtio_device *device,
		     const struct virtio_driver *driver, struct error *err);
/* Gives the place back after the device could not be made or plugged. */
void virtio_slot_abandon(struct virtio_slot *slot);
/* NULL: there is none, or its own loop is about to destroy it. */
const struct virtio_device *virtio_slot_device(const struct virtio_slot *slot);
unsigned virtio_slot_index(const struct virtio_slot *slot);

/* Makes one more thread for devices; machine_devices_start lets it run. */
struct device_thread *device_thread_make(struct machine_devices *devices, struct error *err);

/* The PCI bus and its messages, before the first slot. */
int virtio_pci_bus_make(struct machine_devices *devices, struct error *err);

int virtio_slots_start(struct machine_devices *devices, struct error *err);
void virtio_slots_stop(struct machine_devices *devices);  /* their threads */
void virtio_slots_close(struct machine_devices *devices); /* and all that they hold */
uint64_t virtio_mmio_base(unsigned index);
uint32_t virtio_gsi(unsigned index);
