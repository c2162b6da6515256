#include "vmm/guest/machine.h"

#include <errno.h>
#include <linux/virtio_ids.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/counter.h"
#include "common/log.h"
#include "common/util.h"
#include "devmodel/virtio/blk.h"
#include "devmodel/virtio/vsock.h"
#include "hypervisor/boot/boot.h"
#include "hypervisor/kvm/vcpu.h"
#include "hypervisor/x86_64/cpuid.h"
#include "vmm/guest/machine_devices.h"
#include "vmm/plan/placement.h"

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
	struct machine_devices devices;
	struct boot_marks marks;
	struct machine_events events;

	struct boot_entry entry;
	unsigned vcpu_count;
	struct machine_vcpu *vcpus;

	/* How it ended: whoever sets `end` first writes `why`, then rings. */
	_Atomic(enum machine_end) end;
	atomic_bool stopping;
	struct error why;
	atomic_bool panicked;                /* said its kernel, and the vCPU that said so has to act on it */
	char registers[VCPU_STATE_TEXT_MAX]; /* of the vCPU that crashed */
	struct loop_source ended;            /* eventfd */

	pthread_mutex_t pause_lock;
	pthread_cond_t pause_over;
	atomic_bool paused;
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
	atomic_store(&CONTAINER_OF(events, struct machine, events)->panicked, true);
}

void machine_stop(struct machine *machine)
{
	machine_finish(machine, MACHINE_KILLED, "stopped by the host");
}

const char *machine_crash_registers(const struct machine *machine)
{
	return machine->registers;
}

/* --- Pause --- */

static void kick_vcpus(struct machine *machine)
{
	for (unsigned i = 0; i < machine->vcpu_count; i++) {
		if (machine->vcpus[i].running)
			vcpu_kick(&machine->vcpus[i].vcpu);
	}
}

void machine_pause(struct machine *machine)
{
	atomic_store(&machine->paused, true);
	kick_vcpus(machine);
}

void machine_resume(struct machine *machine)
{
	pthread_mutex_lock(&machine->pause_lock);
	atomic_store(&machine->paused, false);
	pthread_cond_broadcast(&machine->pause_over);
	pthread_mutex_unlock(&machine->pause_lock);
	machine_devices_retry(&machine->devices);
}

/* On a vCPU's thread: until the machine goes on, or ends. */
static void pause_wait(struct machine *machine, struct vcpu *vcpu)
{
	pthread_mutex_lock(&machine->pause_lock);
	while (atomic_load(&machine->paused) && !atomic_load(&machine->stopping))
		pthread_cond_wait(&machine->pause_over, &machine->pause_lock);
	pthread_mutex_unlock(&machine->pause_lock);
	vcpu_tell_paused(vcpu);
}

void machine_press_power(struct machine *machine)
{
	acpi_power_press(machine->devices.power);
}

int machine_ctrl_alt_del(struct machine *machine)
{
	return i8042_ctrl_alt_del(machine->devices.i8042);
}

int machine_vsock_connect(struct machine *machine, int fd, uint32_t port)
{
	struct virtio_device *vsock = machine->devices.vsock;

	return vsock ? virtio_vsock_connect(vsock, fd, port) : -ENODEV;
}

/* --- Devices that come and go --- */

static int check_new_device(struct machine *machine, const char *id, struct error *err)
{
	const char *guest = machine->config.definition->name;

	if (!machine->devices.is_pci)
		return error_set(err, -EOPNOTSUPP,
				 "guest %s: with transport mmio no device can come or go while it runs",
				 guest);
	if (strlen(id) >= MACHINE_DEVICE_ID)
		return error_set(err, -EINVAL, "guest %s: a device's id has at most %d bytes", guest,
				 MACHINE_DEVICE_ID - 1);
	if (machine_hotplug_has(&machine->devices, id))
		return error_set(err, -EEXIST, "guest %s: has a disk or network card %s already", guest, id);
	return 0;
}

int machine_add_disk(struct machine *machine, const struct disk_definition *definition, const char *id,
		     struct disk_resource *resource, struct error *err)
{
	struct virtio_slot *slot;
	int code = check_new_device(machine, id, err);

	if (code == 0)
		code = machine_devices_add_disk(&machine->devices, definition, id, resource, &slot, err);
	if (code == 0)
		machine_hotplug_came(slot);
	return code;
}

int machine_add_network(struct machine *machine, const struct network_definition *definition, const char *id,
			struct network_resource *resource, struct error *err)
{
	struct virtio_slot *slot;
	int code = check_new_device(machine, id, err);

	if (code == 0)
		code = machine_devices_add_network(&machine->devices, definition, id, resource, &slot, err);
	if (code == 0)
		machine_hotplug_came(slot);
	return code;
}

int machine_remove_device(struct machine *machine, const char *id, struct error *err)
{
	return machine_hotplug_ask(&machine->devices, id, err);
}

int machine_set_link(struct machine *machine, const char *id, bool up, struct error *err)
{
	return machine_devices_set_link(&machine->devices, id, up, err);
}

bool machine_has_hotplug(const struct machine *machine)
{
	return machine->devices.is_pci;
}

void machine_each_device(const struct machine *machine,
			 void (*each)(void *argument, const struct machine_device *device), void *argument)
{
	for (unsigned i = 0; i < VIRTIO_SLOTS_MAX; i++) {
		const struct virtio_slot *slot = &machine->devices.virtio[i];
		struct machine_device device = {
			.id = slot->id,
			.kind = slot->kind == VIRTIO_SLOT_DISK ? "disk" : "network",
			.slot = i + 1,
			.leaving = slot->leaving,
		};

		if (atomic_load(&slot->state) != VIRTIO_SLOT_EMPTY && slot->kind != VIRTIO_SLOT_FIXED)
			each(argument, &device);
	}
}

/* --- What vCPUs reach --- */

static void io_port_read(void *owner, uint16_t port, uint8_t *data, uint32_t len)
{
	const struct machine_vcpu *self = owner;

	bus_read(&self->machine->devices.ports, port, data, len);
}

/* For the log and the crash report, of the first vCPU that crashes. */
static void note_registers(struct machine_vcpu *self)
{
	struct machine *machine = self->machine;
	char text[VCPU_STATE_TEXT_MAX] = "";
	char *rest = text;
	char *line;

	vcpu_describe_state(&self->vcpu, &machine->memory, text);
	pthread_mutex_lock(&machine->pause_lock);
	if (!machine->registers[0])
		memcpy(machine->registers, text, sizeof(machine->registers));
	pthread_mutex_unlock(&machine->pause_lock);
	while ((line = strsep(&rest, "\n")))
		log_error("guest %s: vCPU %u: %s", machine->config.definition->name, self->vcpu.index, line);
}

/* Once only: the vCPU that says so is the one to look at. */
static void look_for_panic(struct machine_vcpu *self)
{
	struct machine *machine = self->machine;

	if (!atomic_load_explicit(&machine->panicked, memory_order_relaxed) ||
	    !atomic_exchange(&machine->panicked, false))
		return;
	note_registers(self);
	machine_finish(machine, MACHINE_CRASHED, "the guest's kernel panicked");
}

static void io_port_write(void *owner, uint16_t port, const uint8_t *data, uint32_t len)
{
	struct machine_vcpu *self = owner;

	bus_write(&self->machine->devices.ports, port, data, len);
	look_for_panic(self);
	/* The write may have ended the machine: the vCPU that asked must not run one instruction more. */
	if (atomic_load_explicit(&self->machine->stopping, memory_order_relaxed))
		vcpu_kick(&self->vcpu);
}

static void io_mmio_read(void *owner, uint64_t address, uint8_t *data, uint32_t len)
{
	const struct machine_vcpu *self = owner;

	bus_read(&self->machine->devices.mmio, address, data, len);
}

static void io_mmio_write(void *owner, uint64_t address, const uint8_t *data, uint32_t len)
{
	const struct machine_vcpu *self = owner;

	bus_write(&self->machine->devices.mmio, address, data, len);
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

/* --- Boot --- */

static int load_kernel(struct machine *machine, struct error *err)
{
	struct boot_source source = *machine->config.source;
	int code = machine_devices_write_firmware(&machine->devices, &source.acpi_rsdp, err);

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
		note_registers(self);
		machine_finish(machine, MACHINE_CRASHED, why);
		break;
	case VCPU_CRASH:
	case VCPU_HALTED:
		note_registers(self);
		snprintf(why, sizeof(why), "vCPU %u %s", self->vcpu.index,
			 stop == VCPU_CRASH ? "announced a crash" : "halted for ever");
		machine_finish(machine, MACHINE_CRASHED, why);
		break;
	case VCPU_FAULT:
		note_registers(self);
		machine_finish(machine, MACHINE_FAILED, err->text);
		break;
	}
}

static void *vcpu_main(void *argument)
{
	struct machine_vcpu *self = argument;
	struct machine *machine = self->machine;
	struct error err = {0};

	placement_name_vcpu(self->vcpu.index);
	machine->config.thread_started(machine->config.owner, MACHINE_THREAD_VCPU);
	if (self->vcpu.index == 0)
		boot_recorder_mark(machine->config.recorder, BOOT_STEP_RUN);
	while (!atomic_load(&machine->stopping)) {
		vcpu_stopped(self, vcpu_run(&self->vcpu, &err), &err);
		if (atomic_load(&machine->paused))
			pause_wait(machine, &self->vcpu);
	}
	return NULL;
}

/* The thread begins on its own CPU, where it has one. */
static int start_vcpu(struct machine *machine, struct machine_vcpu *self)
{
	pthread_attr_t attributes;
	int code = -pthread_attr_init(&attributes);

	if (code < 0)
		return code;
	code = placement_vcpu_attributes(&machine->config.definition->placement, self->vcpu.index,
					 &attributes);
	if (code == 0)
		code = -pthread_create(&self->vcpu.thread, &attributes, vcpu_main, self);
	pthread_attr_destroy(&attributes);
	return code;
}

static int start_vcpus(struct machine *machine, struct error *err)
{
	for (unsigned i = 0; i < machine->vcpu_count; i++) {
		struct machine_vcpu *self = &machine->vcpus[i];
		int code = start_vcpu(machine, self);

		if (code < 0)
			return error_set(err, code, "guest %s: cannot start vCPU %u's thread: %s",
					 machine->config.definition->name, i, strerror(-code));
		self->running = true;
	}
	return 0;
}

unsigned machine_threads(const struct guest_definition *definition)
{
	return topology_vcpus(&definition->topology) + machine_devices_threads(definition);
}

int machine_start(struct machine *machine, struct error *err)
{
	int code = machine_devices_start(&machine->devices, err);

	return code < 0 ? code : start_vcpus(machine, err);
}

static void join_vcpus(struct machine *machine)
{
	atomic_store(&machine->stopping, true);
	machine_resume(machine); /* whoever is paused sees that it is over */
	kick_vcpus(machine);
	for (unsigned i = 0; i < machine->vcpu_count; i++) {
		if (machine->vcpus[i].running)
			pthread_join(machine->vcpus[i].vcpu.thread, NULL);
		machine->vcpus[i].running = false;
	}
}

/* --- Counters --- */

static void count_vcpus(const struct machine *machine, struct machine_counters *counters)
{
	counters->vcpu_count = machine->vcpu_count;
	for (unsigned i = 0; i < machine->vcpu_count; i++) {
		const struct machine_vcpu *self = &machine->vcpus[i];
		struct timespec time = {0};
		clockid_t clock;

		for (unsigned kind = 0; kind < VCPU_EXIT_KINDS; kind++) {
			uint64_t exits = counter_read(&self->vcpu.exits[kind]);

			counters->vcpus[i].exits += exits;
			counters->exits[kind] += exits;
		}
		if (self->running && pthread_getcpuclockid(self->vcpu.thread, &clock) == 0 &&
		    clock_gettime(clock, &time) == 0)
			counters->vcpus[i].cpu_ns =
				(uint64_t)time.tv_sec * 1000000000ULL + (uint64_t)time.tv_nsec;
	}
}

static void count_device(const struct virtio_device *device, const char *id, struct device_counters *counters)
{
	struct virtio_counters sum;

	virtio_device_count(device, &sum);
	*counters = (struct device_counters){
		.notifications = sum.notifications,
		.requests = sum.requests,
		.errors = sum.errors,
		.interrupts = sum.interrupts,
		.to_guest = sum.to_guest,
		.from_guest = sum.from_guest,
	};
	snprintf(counters->device, sizeof(counters->device), "%s", id);
}

static void count_disk(const struct virtio_device *device, const char *id, struct machine_counters *counters)
{
	unsigned disk = counters->disk_count++;

	count_device(device, id, &counters->disks[disk]);
	for (unsigned kind = 0; kind < VIRTIO_BLK_KINDS; kind++) {
		const struct latency *latency = virtio_blk_latency(device, (enum virtio_blk_kind)kind);
		struct latency_counters *into = &counters->latencies[disk][kind];

		for (unsigned bucket = 0; bucket < LATENCY_BUCKETS; bucket++)
			into->counts[bucket] = counter_read(&latency->counts[bucket]);
		into->sum_ns = counter_read(&latency->sum_ns);
	}
}

static void count_network(const struct virtio_device *device, const char *id,
			  struct machine_counters *counters)
{
	count_device(device, id, &counters->networks[counters->network_count++]);
}

/* Of one of which there is one at most. */
static const char *other_id(uint32_t virtio_id)
{
	switch (virtio_id) {
	case VIRTIO_ID_VSOCK:
		return "vsock0";
	case VIRTIO_ID_RNG:
		return "rng0";
	case VIRTIO_ID_CONSOLE:
		return "console0";
	default:
		return "";
	}
}

void machine_count(const struct machine *machine, struct machine_counters *counters)
{
	*counters = (struct machine_counters){0};
	count_vcpus(machine, counters);
	for (unsigned i = 0; i < VIRTIO_SLOTS_MAX; i++) {
		const struct virtio_slot *slot = &machine->devices.virtio[i];
		const struct virtio_device *device = virtio_slot_device(slot);

		if (device && device->id == VIRTIO_ID_BLOCK && counters->disk_count < DEFINITION_DISKS_MAX)
			count_disk(device, slot->id, counters);
		else if (device && device->id == VIRTIO_ID_NET &&
			 counters->network_count < DEFINITION_NETWORKS_MAX)
			count_network(device, slot->id, counters);
		else if (device && counters->other_count < COUNTERS_OTHERS_MAX)
			count_device(device, other_id(device->id),
				     &counters->others[counters->other_count++]);
	}
}

/* --- The whole --- */

static int create_memory(struct machine *machine, struct error *err)
{
	static const enum vm_memory_policy policies[] = {
		[NUMA_STRICT] = VM_MEMORY_BIND,
		[NUMA_PREFERRED] = VM_MEMORY_PREFERRED,
		[NUMA_INTERLEAVE] = VM_MEMORY_INTERLEAVE,
	};
	const struct guest_definition *definition = machine->config.definition;
	const struct guest_placement *placement = &definition->placement;
	struct vm_memory_options options = {
		.page_size = MIB(page_kind_mib(placement->pages)),
		.nodes = placement->nodes.words[0], /* INVENTORY_NODES_MAX are as many */
		.policy = policies[placement->numa_mode],
	};

	return vm_memory_create(&machine->memory, MIB(definition->memory_mib), definition->name, &options,
				err);
}

/* The host's table becomes what the guest may have of it; then the guest's own is looked at. */
static int choose_cpu_features(struct machine *machine, struct error *err)
{
	const struct guest_definition *definition = machine->config.definition;
	AUTO_FREE struct kvm_cpuid2 *seen = NULL;

	if (definition->cpu_features.count == 0)
		return 0;
	cpu_features_disable(&definition->cpu_features, machine->kvm.cpuid);
	seen = malloc(CPUID_TABLE_SIZE);
	if (!seen || cpuid_for_vcpu(machine->kvm.cpuid, &definition->topology, 0, seen) < 0)
		return error_set(err, -ENOMEM, "guest %s: no memory for its CPUID", definition->name);
	return cpu_features_check(&definition->cpu_features, seen, definition->name, err);
}

static int machine_build(struct machine *machine, struct error *err)
{
	const struct guest_definition *definition = machine->config.definition;
	int code = placement_enter(&definition->placement, definition->name, err);

	if (code == 0)
		code = kvm_open(&machine->kvm, TAKE_FD(machine->config.resources->kvm_fd), err);
	if (code == 0)
		code = choose_cpu_features(machine, err);
	if (code == 0)
		code = create_memory(machine, err);
	if (code == 0)
		code = vm_create(&machine->vm, &machine->kvm, &machine->memory, err);
	if (code == 0)
		code = loop_add(machine->config.loop, &machine->ended);
	if (code == 0)
		code = machine_devices_create(&machine->devices, err);
	if (code < 0)
		return code;
	boot_recorder_mark(machine->config.recorder, BOOT_STEP_VM);
	kvm_close_device(&machine->kvm); /* no other VM, whoever may take this process over */
	code = load_kernel(machine, err);
	return code < 0 ? code : create_vcpus(machine, err);
}

int machine_create(const struct machine_config *config, struct machine **result, struct error *err)
{
	struct machine *machine = calloc(1, sizeof(*machine));
	int code;

	if (!machine)
		return error_set(err, -ENOMEM, "guest %s: out of memory", config->definition->name);
	machine->config = *config;
	pthread_mutex_init(&machine->pause_lock, NULL);
	pthread_cond_init(&machine->pause_over, NULL);
	machine->kvm.fd = -1;
	machine->vm.fd = -1;
	machine->memory.fd = -1;
	machine->devices = (struct machine_devices){
		.config = &machine->config,
		.vm = &machine->vm,
		.memory = &machine->memory,
		.events = &machine->events,
		.marks = &machine->marks,
	};
	machine_devices_init(&machine->devices);
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

void machine_destroy(struct machine *machine)
{
	if (!machine)
		return;
	join_vcpus(machine);
	machine_devices_destroy(&machine->devices);
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
	pthread_cond_destroy(&machine->pause_over);
	pthread_mutex_destroy(&machine->pause_lock);
	free(machine);
}
