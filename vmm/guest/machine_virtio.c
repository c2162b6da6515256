#include "vmm/guest/machine_virtio.h"

#include <errno.h>
#include <linux/virtio_mmio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/log.h"
#include "common/util.h"
#include "vmm/guest/machine_devices.h"
#include "vmm/plan/placement.h"

_Static_assert(LAYOUT_PCI_WINDOW_SIZE == PCI_WINDOW_SIZE && LAYOUT_PCI_ECAM_SIZE == PCI_ECAM_SIZE,
	       "the layout has room for the bus as it is");

/* --- Interrupts --- */

static void irqfd_raise(struct irq_line *line)
{
	const struct irqfd_line *irq = CONTAINER_OF(line, struct irqfd_line, line);
	uint64_t one = 1;

	if (write(irq->fd, &one, sizeof(one)) < 0)
		return; /* EAGAIN: 2^64 - 2 pulses are pending, one more changes nothing */
}

int irqfd_line_open(struct machine_devices *devices, struct irqfd_line *irq, uint32_t gsi, struct error *err)
{
	irq->line.raise = irqfd_raise;
	irq->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (irq->fd < 0)
		return error_set(err, -errno, "guest %s: cannot make an interrupt line: %m",
				 devices->config->definition->name);
	return vm_irqfd(devices->vm, irq->fd, gsi, err);
}

void irqfd_line_close(struct irqfd_line *irq)
{
	if (irq->fd >= 0)
		close(irq->fd);
	irq->fd = -1;
}

uint32_t virtio_gsi(unsigned index)
{
	return LAYOUT_GSI_VIRTIO + index % VIRTIO_LINES;
}

/* Not by an irqfd for each vector: that costs a fifth more an interrupt. Who serves a queue outside of this
 * process has one (vm_messages.h). */
static void messages_send(struct irq_messages *messages, uint64_t address, uint32_t data)
{
	const struct machine_devices *devices = CONTAINER_OF(messages, struct machine_devices, messages);

	vm_signal_msi(devices->vm, address, data);
}

static int messages_bind(struct irq_messages *messages, int eventfd, uint64_t address, uint32_t data)
{
	struct machine_devices *devices = CONTAINER_OF(messages, struct machine_devices, messages);

	return vm_messages_bind(&devices->bound_messages, eventfd, address, data);
}

static void messages_unbind(struct irq_messages *messages, int eventfd)
{
	struct machine_devices *devices = CONTAINER_OF(messages, struct machine_devices, messages);

	vm_messages_unbind(&devices->bound_messages, eventfd);
}

unsigned virtio_slot_index(const struct virtio_slot *slot)
{
	return (unsigned)(slot - slot->devices->virtio);
}

/* As wired-or lines are: high while one of those on it holds it up. */
static void pci_line_set(struct irq_level *level, bool high)
{
	struct virtio_slot *slot = CONTAINER_OF(level, struct virtio_slot, pci_line);
	unsigned number = virtio_slot_index(slot) + 1;
	struct pci_lines *lines = &slot->devices->pci_lines;
	uint32_t *holders = &lines->high[number % VIRTIO_LINES];
	uint32_t before;

	pthread_mutex_lock(&lines->lock);
	before = *holders;
	*holders = high ? before | 1U << number : before & ~(1U << number);
	if (!before != !*holders)
		vm_irq_level(slot->devices->vm, virtio_gsi(number), high);
	pthread_mutex_unlock(&lines->lock);
}

/* --- Threads --- */

static void thread_retire(struct loop_source *source, uint32_t events)
{
	struct device_thread *thread = CONTAINER_OF(source, struct device_thread, retire);
	struct machine_devices *devices = thread->devices;
	uint64_t count;

	(void)events;
	if (read(source->fd, &count, sizeof(count)) < 0)
		return;
	for (unsigned i = 0; i < VIRTIO_SLOTS_MAX; i++) {
		struct virtio_slot *slot = &devices->virtio[i];

		/* Its thread stays what it is from there on until we are done; of another's slot it may just
		 * change. */
		if (atomic_load(&slot->state) == VIRTIO_SLOT_DOOMED && slot->thread == thread)
			machine_hotplug_destroy(slot);
	}
}

struct device_thread *device_thread_make(struct machine_devices *devices, struct error *err)
{
	const char *guest = devices->config->definition->name;
	struct device_thread *thread = &devices->threads[devices->thread_count];
	int code = devices->thread_count < VIRTIO_THREADS ? loop_init(&thread->loop) : -ENOSPC;

	if (code < 0) {
		error_set(err, code, "guest %s: cannot make a device's event loop: %s", guest,
			  strerror(-code));
		return NULL;
	}
	devices->thread_count++;
	thread->devices = devices;
	thread->kind = MACHINE_THREAD_DISK;
	thread->retire = (struct loop_source){
		.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.events = EPOLLIN,
		.ready = thread_retire,
	};
	code = thread->retire.fd < 0 ? -errno : loop_add(&thread->loop, &thread->retire);
	if (code < 0) {
		error_set(err, code, "guest %s: cannot make a device's event: %s", guest, strerror(-code));
		return NULL;
	}
	return thread;
}

static void *device_thread_main(void *argument)
{
	struct device_thread *thread = argument;
	const struct machine_config *config = thread->devices->config;
	int code;

	if (thread->kind == MACHINE_THREAD_DISPLAY)
		placement_name_display();
	else
		placement_name_disk((unsigned)(thread - thread->devices->threads));
	config->thread_started(config->owner, thread->kind);
	code = loop_run(&thread->loop);
	if (code < 0) {
		log_error("device thread: %s", strerror(-code));
		abort(); /* our own fault is fatal: a guest with a dead disk is worse than none */
	}
	return NULL;
}

int virtio_slots_start(struct machine_devices *devices, struct error *err)
{
	for (unsigned i = 0; i < devices->thread_count; i++) {
		struct device_thread *thread = &devices->threads[i];
		int code = -pthread_create(&thread->thread, NULL, device_thread_main, thread);

		if (code < 0)
			return error_set(err, code, "guest %s: cannot start the thread of a device: %s",
					 devices->config->definition->name, strerror(-code));
		thread->running = true;
	}
	return 0;
}

static void thread_stop(struct device_thread *thread)
{
	if (!thread->running)
		return;
	loop_stop(&thread->loop);
	pthread_join(thread->thread, NULL);
	thread->running = false;
}

void virtio_slots_stop(struct machine_devices *devices)
{
	for (unsigned i = 0; i < devices->thread_count; i++)
		thread_stop(&devices->threads[i]);
}

bool virtio_slots_running(const struct machine_devices *devices)
{
	for (unsigned i = 0; i < devices->thread_count; i++) {
		if (devices->threads[i].running)
			return true;
	}
	return false;
}

/* A new one until they run: then none can be made any more. */
static struct device_thread *thread_find(struct machine_devices *devices, struct error *err)
{
	struct device_thread *best = NULL;

	if (!virtio_slots_running(devices))
		return device_thread_make(devices, err);
	for (unsigned i = 0; i < devices->thread_count; i++) {
		struct device_thread *thread = &devices->threads[i];

		if (thread->kind == MACHINE_THREAD_DISK && !thread->of_a_queue &&
		    (!best || thread->users < best->users))
			best = thread;
	}
	return best;
}

/* --- Slots --- */

/* Once the machine runs, only those that its ACPI tables say a device may come to. */
static bool slot_is_free(const struct machine_devices *devices, unsigned index)
{
	return atomic_load(&devices->virtio[index].state) == VIRTIO_SLOT_EMPTY &&
	       (!devices->removable || devices->removable >> (index + 1) & 1);
}

struct virtio_slot *virtio_slot_open(struct machine_devices *devices, enum virtio_slot_kind kind,
				     const char *id, bool own_thread, struct error *err)
{
	unsigned max = devices->is_pci ? VIRTIO_SLOTS_MAX : LAYOUT_VIRTIO_MAX;
	struct virtio_slot *slot;
	unsigned index = 0;

	while (index < max && !slot_is_free(devices, index))
		index++;
	if (index == max) {
		error_set(err, -ENOSPC, "guest %s: all %u places for virtio devices are taken",
			  devices->config->definition->name,
			  devices->removable ? (unsigned)__builtin_popcount(devices->removable) : max);
		return NULL;
	}
	slot = &devices->virtio[index];
	slot->devices = devices;
	slot->device = NULL;
	slot->kind = kind;
	snprintf(slot->id, sizeof(slot->id), "%s", id);
	slot->leaving = false;
	slot->queue_thread_count = 0;
	slot->irq.fd = -1;
	slot->thread = own_thread ? thread_find(devices, err) : NULL;
	if (own_thread && !slot->thread)
		return NULL;
	if (slot->thread)
		slot->thread->users++;
	atomic_store(&slot->state, VIRTIO_SLOT_USED);
	return slot;
}

struct loop *virtio_slot_loop(struct virtio_slot *slot)
{
	return slot->thread ? &slot->thread->loop : slot->devices->config->loop;
}

int virtio_slot_make_thread(struct virtio_slot *slot, enum machine_thread kind, struct error *err)
{
	struct device_thread *thread = device_thread_make(slot->devices, err);

	if (!thread)
		return -ENOMEM;
	thread->kind = kind;
	thread->users++;
	slot->thread = thread;
	return 0;
}

int virtio_slot_queue_loops(struct virtio_slot *slot, unsigned count, struct loop **loops, struct error *err)
{
	for (unsigned i = 0; i < count; i++) {
		struct device_thread *thread = device_thread_make(slot->devices, err);

		if (!thread)
			return -ENOMEM;
		thread->of_a_queue = true;
		slot->queue_threads[slot->queue_thread_count++] = thread;
		loops[i] = &thread->loop;
	}
	return 0;
}

void virtio_slot_stop_queues(struct virtio_slot *slot)
{
	for (unsigned i = 0; i < slot->queue_thread_count; i++)
		thread_stop(slot->queue_threads[i]);
	slot->queue_thread_count = 0;
}

void virtio_slot_abandon(struct virtio_slot *slot)
{
	irqfd_line_close(&slot->irq);
	if (slot->thread)
		slot->thread->users--;
	atomic_store(&slot->state, VIRTIO_SLOT_EMPTY);
}

uint64_t virtio_mmio_base(unsigned index)
{
	return LAYOUT_VIRTIO_MMIO + (uint64_t)index * VIRTIO_MMIO_SIZE;
}

const struct virtio_device *virtio_slot_device(const struct virtio_slot *slot)
{
	enum virtio_slot_state state = atomic_load(&slot->state);

	return state == VIRTIO_SLOT_USED || state == VIRTIO_SLOT_EJECTED ? slot->device : NULL;
}

static int slot_plug_mmio(struct virtio_slot *slot, struct error *err)
{
	struct machine_devices *devices = slot->devices;
	struct virtio_device *device = slot->device;
	unsigned index = virtio_slot_index(slot);
	int code = irqfd_line_open(devices, &slot->irq, virtio_gsi(index), err);

	if (code < 0)
		return code;
	virtio_mmio_init(&slot->mmio, device, &slot->irq.line);
	for (unsigned queue = 0; queue < device->queue_count; queue++) {
		code = vm_ioeventfd_mmio(devices->vm, device->kicks[queue].source.fd,
					 virtio_mmio_base(index) + VIRTIO_MMIO_QUEUE_NOTIFY, 4, queue, err);
		if (code < 0)
			return code;
	}
	return bus_add(&devices->mmio,
		       (struct bus_range){virtio_mmio_base(index), VIRTIO_MMIO_SIZE, &virtio_mmio_ops,
					  &slot->mmio, device->name},
		       err);
}

static void slot_bind_kicks(struct virtio_slot *slot, uint64_t address, bool bind)
{
	const struct virtio_device *device = slot->device;
	struct error err;

	for (unsigned queue = 0; address && queue < device->queue_count; queue++) {
		if (vm_ioeventfd_any(slot->devices->vm, device->kicks[queue].source.fd,
				     address + queue * VIRTIO_PCI_NOTIFY_SIZE, bind, &err) < 0)
			log_limited(&slot->device->log_limit, LOG_LEVEL_WARNING,
				    "virtio %s: its kicks take the slow way: %s", device->name, err.text);
	}
}

static void slot_notifications_at(struct virtio_pci_host *host, struct virtio_pci *pci, uint64_t address)
{
	struct virtio_slot *slot = CONTAINER_OF(host, struct virtio_slot, pci_host);

	(void)pci;
	slot_bind_kicks(slot, slot->kicks_at, false);
	slot->kicks_at = address;
	slot_bind_kicks(slot, address, true);
}

static int slot_plug_pci(struct virtio_slot *slot, struct error *err)
{
	struct machine_devices *devices = slot->devices;
	int code;

	slot->kicks_at = 0;
	slot->pci_line.set = pci_line_set;
	slot->pci_host = (struct virtio_pci_host){
		.messages = &devices->messages,
		.notifications_at = slot_notifications_at,
	};
	virtio_pci_init(&slot->pci, slot->device, &slot->pci_host, &slot->pci_line);
	code = pci_bus_add(&devices->pci_bus, virtio_slot_index(slot) + 1, &slot->pci.function, err);
	if (code < 0)
		virtio_pci_close(&slot->pci);
	return code;
}

int virtio_slot_plug(struct virtio_slot *slot, struct error *err)
{
	return slot->devices->is_pci ? slot_plug_pci(slot, err) : slot_plug_mmio(slot, err);
}

int virtio_slot_fill(struct virtio_slot *slot, struct virtio_device *device,
		     const struct virtio_driver *driver, struct error *err)
{
	static const struct virtio_driver nothing_said;
	int code = device ? 0 : -ENOMEM;

	slot->device = device;
	if (device)
		virtio_device_withhold(device, virtio_driver_withheld(driver ? driver : &nothing_said));
	if (code == 0)
		code = virtio_slot_plug(slot, err);
	if (code < 0) {
		virtio_device_destroy(device);
		slot->device = NULL;
		virtio_slot_abandon(slot);
	}
	return code;
}

static void slot_close(struct virtio_slot *slot)
{
	enum virtio_slot_state state = atomic_load(&slot->state);

	if (state == VIRTIO_SLOT_EMPTY || state == VIRTIO_SLOT_GONE)
		return;
	virtio_device_destroy(slot->device);
	irqfd_line_close(&slot->irq);
}

void virtio_slots_close(struct machine_devices *devices)
{
	for (unsigned i = 0; i < VIRTIO_SLOTS_MAX; i++)
		slot_close(&devices->virtio[i]);
	for (unsigned i = 0; i < devices->thread_count; i++) {
		if (devices->threads[i].retire.fd >= 0)
			close(devices->threads[i].retire.fd);
		loop_close(&devices->threads[i].loop);
	}
	if (devices->is_pci)
		pci_bus_close(&devices->pci_bus);
}

/* --- The PCI bus --- */

int virtio_pci_bus_make(struct machine_devices *devices, struct error *err)
{
	int code;

	devices->messages = (struct irq_messages){
		.send = messages_send,
		.bind = messages_bind,
		.unbind = messages_unbind,
	};
	vm_messages_open(&devices->bound_messages, devices->vm);
	pthread_mutex_init(&devices->pci_lines.lock, NULL);
	pci_bus_init(&devices->pci_bus, LAYOUT_PCI_WINDOW);
	code = bus_add(&devices->mmio,
		       (struct bus_range){LAYOUT_PCI_ECAM, LAYOUT_PCI_ECAM_SIZE, &pci_ecam_ops,
					  &devices->pci_bus, "PCI configuration space"},
		       err);
	if (code == 0)
		code = bus_add(&devices->mmio,
			       (struct bus_range){LAYOUT_PCI_WINDOW, LAYOUT_PCI_WINDOW_SIZE, &pci_window_ops,
						  &devices->pci_bus, "PCI functions"},
			       err);
	if (code == 0)
		code = bus_add(&devices->ports,
			       (struct bus_range){PCI_CONFIG_PORT, PCI_CONFIG_PORTS, &pci_ports_ops,
						  &devices->pci_bus, "PCI configuration ports"},
			       err);
	return code;
}
