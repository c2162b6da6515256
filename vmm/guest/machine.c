#include "vmm/guest/machine.h"

#include <errno.h>
#include <linux/virtio_mmio.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/log.h"
#include "common/util.h"
#include "devmodel/acpi_power.h"
#include "devmodel/boot_marks.h"
#include "devmodel/bus.h"
#include "devmodel/i8042.h"
#include "devmodel/pvpanic.h"
#include "devmodel/rtc.h"
#include "devmodel/serial.h"
#include "devmodel/virtio/blk.h"
#include "devmodel/virtio/console.h"
#include "devmodel/virtio/mmio.h"
#include "devmodel/virtio/net.h"
#include "devmodel/virtio/rng.h"
#include "devmodel/virtio/vsock.h"
#include "hypervisor/boot/acpi.h"
#include "hypervisor/boot/boot.h"
#include "hypervisor/kvm/vcpu.h"
#include "hypervisor/x86_64/layout.h"
#include "hypervisor/x86_64/reset_vector.h"

/* An interrupt line that ends in KVM's interrupt controllers. */
struct irqfd_line {
	struct irq_line line;
	int fd;
};

/* A loop with a thread of its own, for a device that may wait for the host. */
struct device_thread {
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

struct machine_vcpu {
	struct vcpu vcpu;
	struct vcpu_io io;
	struct machine *machine;
	bool created;
	bool running;
};

struct machine {
	struct machine_config config;
	struct kvm kvm;
	struct vm vm;
	struct guest_memory memory;
	struct bus ports;
	struct bus mmio;

	struct irqfd_line serial_irq, keyboard_irq, power_irq;
	struct serial *serial;
	struct i8042 *i8042;
	struct rtc *rtc;
	struct acpi_power *power;
	struct boot_marks marks;
	struct machine_events events;
	unsigned virtio_count;
	struct virtio_slot virtio[LAYOUT_VIRTIO_MAX];

	struct boot_entry entry;
	unsigned vcpu_count;
	struct machine_vcpu *vcpus;

	/* How it ended: whoever sets `end` first writes `why`, then rings. */
	_Atomic(enum machine_end) end;
	atomic_bool stopping;
	struct error why;
	struct loop_source ended; /* eventfd */
};

/* --- The end --- */

static void machine_finish(struct machine *machine, enum machine_end end, const char *why)
{
	enum machine_end running = MACHINE_RUNNING;
	uint64_t one = 1;

	if (!atomic_compare_exchange_strong(&machine->end, &running, end))
		return;
	snprintf(machine->why.text, sizeof(machine->why.text), "%s", why);
	atomic_store(&machine->stopping, true);
	if (write(machine->ended.fd, &one, sizeof(one)) < 0)
		log_error("guest %s: cannot announce its end: %m", machine->config.definition->name);
}

static void ended_ready(struct loop_source *source, uint32_t events)
{
	struct machine *machine = CONTAINER_OF(source, struct machine, ended);
	uint64_t count;

	(void)events;
	if (read(source->fd, &count, sizeof(count)) == sizeof(count))
		machine->config.ended(machine->config.owner, atomic_load(&machine->end), machine->why.text);
}

static void events_power_off(struct machine_events *events)
{
	machine_finish(CONTAINER_OF(events, struct machine, events), MACHINE_POWERED_OFF,
		       "the guest powered off");
}

static void events_reset(struct machine_events *events, const char *by)
{
	machine_finish(CONTAINER_OF(events, struct machine, events), MACHINE_RESET, by);
}

static void events_panicked(struct machine_events *events)
{
	machine_finish(CONTAINER_OF(events, struct machine, events), MACHINE_CRASHED,
		       "the guest's kernel panicked");
}

void machine_stop(struct machine *machine)
{
	machine_finish(machine, MACHINE_KILLED, "stopped by the host");
}

void machine_press_power(struct machine *machine)
{
	acpi_power_press(machine->power);
}

int machine_ctrl_alt_del(struct machine *machine)
{
	return i8042_ctrl_alt_del(machine->i8042);
}

/* --- What vCPUs reach --- */

static void io_port_read(void *owner, uint16_t port, uint8_t *data, uint32_t len)
{
	const struct machine_vcpu *self = owner;

	bus_read(&self->machine->ports, port, data, len);
}

static void io_port_write(void *owner, uint16_t port, const uint8_t *data, uint32_t len)
{
	struct machine_vcpu *self = owner;

	bus_write(&self->machine->ports, port, data, len);
	/* The write may have ended the machine: the vCPU that asked must not run one instruction more. */
	if (atomic_load_explicit(&self->machine->stopping, memory_order_relaxed))
		vcpu_kick(&self->vcpu);
}

static void io_mmio_read(void *owner, uint64_t address, uint8_t *data, uint32_t len)
{
	const struct machine_vcpu *self = owner;

	bus_read(&self->machine->mmio, address, data, len);
}

static void io_mmio_write(void *owner, uint64_t address, const uint8_t *data, uint32_t len)
{
	const struct machine_vcpu *self = owner;

	bus_write(&self->machine->mmio, address, data, len);
}

static void machine_marked(struct boot_marks *marks, enum boot_mark mark, uint8_t value)
{
	struct machine *machine = CONTAINER_OF(marks, struct machine, marks);
	struct boot_recorder *recorder = machine->config.recorder;

	/* Linux on KVM has no delays on port 0x80 (kvm_io_delay): what is written there is meant. */
	if (mark == BOOT_MARK_PORT80 && value == DEBUG_PORT_KERNEL)
		boot_recorder_mark(recorder, BOOT_STEP_KERNEL);
	else if (mark == BOOT_MARK_TIMER || value == DEBUG_PORT_USER)
		boot_recorder_mark(recorder, BOOT_STEP_INIT);
}

/* --- Interrupt lines --- */

static void irqfd_raise(struct irq_line *line)
{
	const struct irqfd_line *irq = CONTAINER_OF(line, struct irqfd_line, line);
	uint64_t one = 1;

	if (write(irq->fd, &one, sizeof(one)) < 0)
		return; /* EAGAIN: 2^64 - 2 pulses are pending, one more changes nothing */
}

static int irqfd_line_open(struct machine *machine, struct irqfd_line *irq, uint32_t gsi, struct error *err)
{
	irq->line.raise = irqfd_raise;
	irq->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (irq->fd < 0)
		return error_set(err, -errno, "guest %s: cannot make an interrupt line: %m",
				 machine->config.definition->name);
	return vm_irqfd(&machine->vm, irq->fd, gsi, err);
}

static void irqfd_line_close(struct irqfd_line *irq)
{
	if (irq->fd >= 0)
		close(irq->fd);
	irq->fd = -1;
}

/* --- Platform devices --- */

static int add_serial(struct machine *machine, struct error *err)
{
	int code = irqfd_line_open(machine, &machine->serial_irq, SERIAL_IRQ, err);

	if (code < 0)
		return code;
	machine->serial =
		serial_create(&machine->serial_irq.line, console_hub_backend(machine->config.console),
			      machine->config.loop, err);
	if (!machine->serial)
		return -ENOMEM;
	console_hub_connect(machine->config.console, serial_frontend(machine->serial));
	return bus_add(&machine->ports,
		       (struct bus_range){SERIAL_PORT, SERIAL_SIZE, &serial_ops, machine->serial, "serial"},
		       err);
}

static int add_i8042(struct machine *machine, struct error *err)
{
	int code = irqfd_line_open(machine, &machine->keyboard_irq, I8042_IRQ, err);

	if (code < 0)
		return code;
	machine->i8042 = i8042_create(&machine->keyboard_irq.line, &machine->events, err);
	if (!machine->i8042)
		return -ENOMEM;
	return bus_add(&machine->ports,
		       (struct bus_range){I8042_PORT, I8042_SIZE, &i8042_ops, machine->i8042, "i8042"}, err);
}

static int add_power(struct machine *machine, struct error *err)
{
	int code = irqfd_line_open(machine, &machine->power_irq, LAYOUT_GSI_POWER, err);

	if (code < 0)
		return code;
	machine->power = acpi_power_create(&machine->power_irq.line, &machine->events, err);
	if (!machine->power)
		return -ENOMEM;
	return bus_add(&machine->ports,
		       (struct bus_range){ACPI_POWER_PORT, ACPI_POWER_SIZE, &acpi_power_ops, machine->power,
					  "ACPI power"},
		       err);
}

static int add_rtc(struct machine *machine, struct error *err)
{
	machine->rtc = rtc_create(NULL, err);
	if (!machine->rtc)
		return -ENOMEM;
	return bus_add(&machine->ports, (struct bus_range){RTC_PORT, RTC_SIZE, &rtc_ops, machine->rtc, "RTC"},
		       err);
}

static int add_pvpanic(struct machine *machine, struct error *err)
{
	return bus_add(
		&machine->ports,
		(struct bus_range){PVPANIC_PORT, PVPANIC_SIZE, &pvpanic_ops, &machine->events, "pvpanic"},
		err);
}

static int add_boot_marks(struct machine *machine, struct error *err)
{
	int code = bus_add(&machine->ports,
			   (struct bus_range){DEBUG_PORT, DEBUG_PORT_SIZE, &debug_port_ops, &machine->marks,
					      "debug port"},
			   err);

	if (code < 0)
		return code;
	return bus_add(&machine->mmio,
		       (struct bus_range){BOOT_TIMER_ADDRESS, BOOT_TIMER_SIZE, &boot_timer_ops,
					  &machine->marks, "boot timer"},
		       err);
}

static int add_platform(struct machine *machine, struct error *err)
{
	int code = add_boot_marks(machine, err);

	if (code == 0)
		code = add_pvpanic(machine, err);
	if (code == 0)
		code = add_power(machine, err);
	if (code == 0)
		code = add_i8042(machine, err);
	if (code == 0)
		code = add_rtc(machine, err);
	if (code == 0 && machine->config.definition->console == GUEST_CONSOLE_SERIAL)
		code = add_serial(machine, err);
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
	int code = loop_run(&thread->loop);

	if (code < 0) {
		log_error("device thread: %s", strerror(-code));
		abort(); /* our own fault is fatal: a guest with a dead disk is worse than none */
	}
	return NULL;
}

/* The next slot; own_thread gives it a loop of its own. */
static struct virtio_slot *virtio_slot_open(struct machine *machine, bool own_thread, struct error *err)
{
	struct virtio_slot *slot = &machine->virtio[machine->virtio_count];
	int code;

	if (machine->virtio_count == LAYOUT_VIRTIO_MAX) {
		error_set(err, -ENOSPC, "guest %s: has more than %d virtio devices",
			  machine->config.definition->name, LAYOUT_VIRTIO_MAX);
		return NULL;
	}
	if (own_thread) {
		code = loop_init(&slot->thread.loop);
		if (code < 0) {
			error_set(err, code, "guest %s: cannot make a device's event loop: %s",
				  machine->config.definition->name, strerror(-code));
			return NULL;
		}
		slot->own_thread = true;
	}
	slot->irq.fd = -1;
	machine->virtio_count++;
	return slot;
}

static struct loop *virtio_slot_loop(struct machine *machine, struct virtio_slot *slot)
{
	return slot->own_thread ? &slot->thread.loop : machine->config.loop;
}

/* Puts a device that was just made behind its slot's registers and binds its kicks to the kernel. */
static int virtio_slot_plug(struct machine *machine, struct virtio_slot *slot, struct error *err)
{
	unsigned index = (unsigned)(slot - machine->virtio);
	struct virtio_device *device = slot->device;
	int code = irqfd_line_open(machine, &slot->irq, virtio_gsi(index), err);

	if (code < 0)
		return code;
	virtio_mmio_init(&slot->mmio, device, &slot->irq.line);
	for (unsigned queue = 0; queue < device->queue_count; queue++) {
		code = vm_ioeventfd_mmio(&machine->vm, device->kicks[queue].source.fd,
					 virtio_base(index) + VIRTIO_MMIO_QUEUE_NOTIFY, 4, queue, err);
		if (code < 0)
			return code;
	}
	code = bus_add(&machine->mmio,
		       (struct bus_range){virtio_base(index), VIRTIO_MMIO_SIZE, &virtio_mmio_ops, &slot->mmio,
					  device->name},
		       err);
	return code;
}

static int add_disk(struct machine *machine, unsigned index, struct error *err)
{
	const struct disk_definition *definition = &machine->config.definition->disks[index];
	struct disk_resource *resource = &machine->config.resources->disks[index];
	struct virtio_slot *slot = virtio_slot_open(machine, true, err);
	struct virtio_blk_options options = {
		.name = definition->id ? definition->id : definition->path,
		.fd = resource->fd,
		.size = resource->size,
		.read_only = definition->read_only,
		.id = definition->id ? definition->id : "",
	};

	if (!slot)
		return -ENOSPC;
	slot->device = virtio_blk_create(&options, &machine->memory, virtio_slot_loop(machine, slot), err);
	if (!slot->device)
		return -ENOMEM;
	resource->fd = -1;
	return virtio_slot_plug(machine, slot, err);
}

static int add_network(struct machine *machine, unsigned index, struct error *err)
{
	const struct network_definition *definition = &machine->config.definition->networks[index];
	struct network_resource *resource = &machine->config.resources->networks[index];
	struct virtio_slot *slot = virtio_slot_open(machine, false, err);
	struct virtio_net_options options = {
		.name = definition->type == NETWORK_TAP ? definition->device : "passt",
		.backend = definition->type == NETWORK_TAP ? VIRTIO_NET_TAP : VIRTIO_NET_STREAM,
		.fd = resource->fd,
	};

	if (!slot)
		return -ENOSPC;
	memcpy(options.mac, definition->mac, sizeof(options.mac));
	slot->device = virtio_net_create(&options, &machine->memory, virtio_slot_loop(machine, slot), err);
	if (!slot->device)
		return -ENOMEM;
	resource->fd = -1;
	return virtio_slot_plug(machine, slot, err);
}

static int add_vsock(struct machine *machine, struct error *err)
{
	struct virtio_slot *slot = virtio_slot_open(machine, false, err);
	struct virtio_vsock_options options = {
		.cid = machine->config.definition->vsock_cid,
		.listen_fd = machine->config.resources->vsock_listen_fd,
		.connect = machine->config.vsock_connect,
		.owner = machine->config.owner,
	};

	if (!slot)
		return -ENOSPC;
	slot->device = virtio_vsock_create(&options, &machine->memory, virtio_slot_loop(machine, slot), err);
	if (!slot->device)
		return -ENOMEM;
	machine->config.resources->vsock_listen_fd = -1;
	return virtio_slot_plug(machine, slot, err);
}

static int add_rng(struct machine *machine, struct error *err)
{
	struct virtio_slot *slot = virtio_slot_open(machine, false, err);

	if (!slot)
		return -ENOSPC;
	slot->device = virtio_rng_create(&machine->memory, virtio_slot_loop(machine, slot), err);
	return slot->device ? virtio_slot_plug(machine, slot, err) : -ENOMEM;
}

static int add_virtio_console(struct machine *machine, struct error *err)
{
	struct virtio_slot *slot = virtio_slot_open(machine, false, err);

	if (!slot)
		return -ENOSPC;
	slot->device = virtio_console_create("console", console_hub_backend(machine->config.console),
					     &machine->memory, virtio_slot_loop(machine, slot), err);
	if (!slot->device)
		return -ENOMEM;
	console_hub_connect(machine->config.console, virtio_console_frontend(slot->device));
	return virtio_slot_plug(machine, slot, err);
}

static int add_virtio(struct machine *machine, struct error *err)
{
	const struct guest_definition *definition = machine->config.definition;
	int code = 0;

	for (unsigned i = 0; i < definition->disk_count && code == 0; i++)
		code = add_disk(machine, i, err);
	for (unsigned i = 0; i < definition->network_count && code == 0; i++)
		code = add_network(machine, i, err);
	if (code == 0 && definition->vsock_cid)
		code = add_vsock(machine, err);
	if (code == 0 && definition->rng)
		code = add_rng(machine, err);
	if (code == 0 && definition->console == GUEST_CONSOLE_VIRTIO)
		code = add_virtio_console(machine, err);
	return code;
}

/* --- Boot --- */

/* What stands in for firmware: ACPI tables and the reset vector. */
static int write_firmware(struct machine *machine, uint64_t *rsdp, struct error *err)
{
	struct acpi_virtio_mmio virtio[LAYOUT_VIRTIO_MAX];
	struct acpi_machine description = {
		.topology = machine->config.definition->topology,
		.virtio_count = machine->virtio_count,
		.virtio = virtio,
		.serial = machine->serial != NULL,
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

	if (reset_vector_write(&machine->memory, ACPI_POWER_PORT + ACPI_POWER_RESET, ACPI_POWER_RESET_VALUE) <
	    0)
		return error_set(err, -ENOMEM, "guest %s: has less than 1 MiB of memory",
				 machine->config.definition->name);
	for (unsigned i = 0; i < machine->virtio_count; i++)
		virtio[i] = (struct acpi_virtio_mmio){virtio_base(i), VIRTIO_MMIO_SIZE, virtio_gsi(i)};
	return acpi_build(&machine->memory, &description, rsdp, err);
}

/* What to boot, out of the boot image (verified here) or the bare kernel. */
static int find_boot_source(struct machine *machine, struct boot_source *source, struct error *err)
{
	const struct guest_definition *definition = machine->config.definition;
	const struct guest_resources *resources = machine->config.resources;
	struct fit fit;
	int code;

	if (!definition->image) {
		*source = (struct boot_source){
			.name = definition->kernel,
			.kernel = resources->image.data,
			.kernel_size = resources->image.size,
			.initrd = resources->initrd.data,
			.initrd_size = resources->initrd.size,
			.cmdline = definition->cmdline ? definition->cmdline : "",
			.protocol = definition->protocol,
		};
		return 0;
	}
	code = fit_open_apart(definition->image, resources->image.data, resources->image.size,
			      definition->configuration, resources->keys, resources->key_count,
			      definition->allow_unsigned, &fit, err);
	if (code < 0)
		return code;
	boot_recorder_mark(machine->config.recorder, BOOT_STEP_VERIFY);
	*source = (struct boot_source){
		.name = definition->image,
		.kernel = fit.kernel.data,
		.kernel_size = fit.kernel.size,
		.initrd = fit.initrd.data,
		.initrd_size = fit.initrd.size,
		.cmdline = fit.cmdline ? fit.cmdline : "",
		.protocol = definition->protocol,
	};
	return 0;
}

static int load_kernel(struct machine *machine, struct error *err)
{
	struct boot_source source;
	int code = find_boot_source(machine, &source, err);

	if (code == 0)
		code = write_firmware(machine, &source.acpi_rsdp, err);
	if (code == 0)
		code = boot_load(&machine->memory, &source, &machine->entry, err);
	guest_resources_drop_boot_files(machine->config.resources);
	if (code == 0)
		boot_recorder_mark(machine->config.recorder, BOOT_STEP_LOAD);
	return code;
}

/* --- vCPUs --- */

static int create_vcpus(struct machine *machine, struct error *err)
{
	const struct cpu_topology *topology = &machine->config.definition->topology;
	int code = vcpu_signals_init(err);

	machine->vcpu_count = topology_vcpus(topology);
	machine->vcpus = calloc(machine->vcpu_count, sizeof(*machine->vcpus));
	if (!machine->vcpus)
		return error_set(err, -ENOMEM, "guest %s: out of memory for %u vCPUs",
				 machine->config.definition->name, machine->vcpu_count);
	for (unsigned i = 0; i < machine->vcpu_count && code == 0; i++) {
		struct machine_vcpu *self = &machine->vcpus[i];

		self->machine = machine;
		self->io = (struct vcpu_io){
			.owner = self,
			.port_read = io_port_read,
			.port_write = io_port_write,
			.mmio_read = io_mmio_read,
			.mmio_write = io_mmio_write,
		};
		code = vcpu_create(&self->vcpu, &machine->vm, i, topology, &self->io, err);
		self->created = code == 0;
	}
	if (code == 0)
		code = vcpu_set_entry(&machine->vcpus[0].vcpu, &machine->memory, &machine->entry, err);
	return code;
}

/* What a return of vcpu_run means for the machine. */
static void vcpu_stopped(struct machine_vcpu *self, enum vcpu_stop stop, const struct error *err)
{
	struct machine *machine = self->machine;
	char why[128];

	switch (stop) {
	case VCPU_KICKED:
		break;
	case VCPU_POWER_OFF:
		machine_finish(machine, MACHINE_POWERED_OFF, "the guest powered off");
		break;
	case VCPU_RESET:
		machine_finish(machine, MACHINE_RESET, "system event");
		break;
	case VCPU_TRIPLE_FAULT:
		snprintf(why, sizeof(why), "triple fault on vCPU %u", self->vcpu.index);
		vcpu_log_state(&self->vcpu, &machine->memory);
		machine_finish(machine, MACHINE_CRASHED, why);
		break;
	case VCPU_CRASH:
	case VCPU_HALTED:
		snprintf(why, sizeof(why), "vCPU %u %s", self->vcpu.index,
			 stop == VCPU_CRASH ? "announced a crash" : "halted for ever");
		machine_finish(machine, MACHINE_CRASHED, why);
		break;
	case VCPU_FAULT:
		vcpu_log_state(&self->vcpu, &machine->memory);
		machine_finish(machine, MACHINE_FAILED, err->text);
		break;
	}
}

static void *vcpu_main(void *argument)
{
	struct machine_vcpu *self = argument;
	struct machine *machine = self->machine;
	struct error err = {""};

	if (self->vcpu.index == 0)
		boot_recorder_mark(machine->config.recorder, BOOT_STEP_RUN);
	while (!atomic_load(&machine->stopping))
		vcpu_stopped(self, vcpu_run(&self->vcpu, &err), &err);
	return NULL;
}

static int start_device_threads(struct machine *machine, struct error *err)
{
	for (unsigned i = 0; i < machine->virtio_count; i++) {
		struct virtio_slot *slot = &machine->virtio[i];
		int code;

		if (!slot->own_thread)
			continue;
		code = -pthread_create(&slot->thread.thread, NULL, device_thread_main, &slot->thread);
		if (code < 0)
			return error_set(err, code, "%s: cannot start its thread: %s", slot->device->name,
					 strerror(-code));
		slot->thread.running = true;
	}
	return 0;
}

static int start_vcpus(struct machine *machine, struct error *err)
{
	for (unsigned i = 0; i < machine->vcpu_count; i++) {
		struct machine_vcpu *self = &machine->vcpus[i];
		int code = -pthread_create(&self->vcpu.thread, NULL, vcpu_main, self);

		if (code < 0)
			return error_set(err, code, "guest %s: cannot start vCPU %u's thread: %s",
					 machine->config.definition->name, i, strerror(-code));
		self->running = true;
	}
	return 0;
}

int machine_start(struct machine *machine, struct error *err)
{
	int code = start_device_threads(machine, err);

	return code < 0 ? code : start_vcpus(machine, err);
}

static void join_vcpus(struct machine *machine)
{
	atomic_store(&machine->stopping, true);
	for (unsigned i = 0; i < machine->vcpu_count; i++) {
		if (machine->vcpus[i].running)
			vcpu_kick(&machine->vcpus[i].vcpu);
	}
	for (unsigned i = 0; i < machine->vcpu_count; i++) {
		if (machine->vcpus[i].running)
			pthread_join(machine->vcpus[i].vcpu.thread, NULL);
		machine->vcpus[i].running = false;
	}
}

/* --- The whole --- */

static int machine_build(struct machine *machine, struct error *err)
{
	const struct guest_definition *definition = machine->config.definition;
	int code = kvm_open(&machine->kvm, err);

	if (code == 0)
		code = vm_memory_create(&machine->memory, MIB(definition->memory_mib), definition->name, err);
	if (code == 0)
		code = vm_create(&machine->vm, &machine->kvm, &machine->memory, err);
	if (code == 0)
		code = loop_add(machine->config.loop, &machine->ended);
	if (code == 0)
		code = add_platform(machine, err);
	if (code == 0)
		code = add_virtio(machine, err);
	if (code < 0)
		return code;
	boot_recorder_mark(machine->config.recorder, BOOT_STEP_VM);
	code = load_kernel(machine, err); /* no thread may run yet: fit_open_apart forks */
	return code < 0 ? code : create_vcpus(machine, err);
}

int machine_create(const struct machine_config *config, struct machine **result, struct error *err)
{
	struct machine *machine = calloc(1, sizeof(*machine));
	int code;

	if (!machine)
		return error_set(err, -ENOMEM, "guest %s: out of memory", config->definition->name);
	machine->config = *config;
	machine->kvm.fd = -1;
	machine->vm.fd = -1;
	machine->memory.fd = -1;
	machine->serial_irq.fd = machine->keyboard_irq.fd = machine->power_irq.fd = -1;
	machine->marks.marked = machine_marked;
	machine->events = (struct machine_events){
		.power_off = events_power_off,
		.panicked = events_panicked,
		.reset = events_reset,
	};
	machine->ended = (struct loop_source){
		.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.events = EPOLLIN,
		.ready = ended_ready,
	};
	code = machine->ended.fd < 0 ? error_set(err, -errno, "guest %s: cannot make its event: %m",
						 config->definition->name)
				     : machine_build(machine, err);
	if (code < 0) {
		machine_destroy(machine);
		return code;
	}
	*result = machine;
	return 0;
}

static void virtio_slots_stop(struct machine *machine)
{
	for (unsigned i = 0; i < machine->virtio_count; i++) {
		struct virtio_slot *slot = &machine->virtio[i];

		if (!slot->thread.running)
			continue;
		loop_stop(&slot->thread.loop);
		pthread_join(slot->thread.thread, NULL);
	}
}

static void virtio_slots_close(struct machine *machine)
{
	for (unsigned i = 0; i < machine->virtio_count; i++) {
		struct virtio_slot *slot = &machine->virtio[i];

		virtio_device_destroy(slot->device);
		irqfd_line_close(&slot->irq);
		if (slot->own_thread)
			loop_close(&slot->thread.loop);
	}
}

void machine_destroy(struct machine *machine)
{
	if (!machine)
		return;
	join_vcpus(machine);
	virtio_slots_stop(machine);
	console_hub_connect(machine->config.console, NULL);
	virtio_slots_close(machine);
	serial_destroy(machine->serial);
	i8042_destroy(machine->i8042);
	rtc_destroy(machine->rtc);
	acpi_power_destroy(machine->power);
	irqfd_line_close(&machine->serial_irq);
	irqfd_line_close(&machine->keyboard_irq);
	irqfd_line_close(&machine->power_irq);
	for (unsigned i = 0; i < machine->vcpu_count; i++) {
		if (machine->vcpus[i].created)
			vcpu_close(&machine->vcpus[i].vcpu);
	}
	free(machine->vcpus);
	vm_close(&machine->vm);
	vm_memory_destroy(&machine->memory);
	kvm_close(&machine->kvm);
	loop_remove(machine->config.loop, &machine->ended);
	if (machine->ended.fd >= 0)
		close(machine->ended.fd);
	free(machine);
}
