#include "vmm/guest/machine_state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/util.h"
#include "hypervisor/boot/boot.h"
#include "hypervisor/x86_64/cpuid.h"
#include "vmm/plan/placement.h"

#define CPUID_ADDRESS_SIZES 0x80000008

/* --- The end --- */

void machine_finish(struct machine *machine, enum machine_end end, const char *why)
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

void machine_pause(struct machine *machine)
{
	atomic_store(&machine->paused, true);
	machine_watchdog_hold(&machine->devices.watchdog, true);
	machine_vcpus_kick(machine);
}

void machine_resume(struct machine *machine)
{
	bool was_paused;

	pthread_mutex_lock(&machine->pause_lock);
	was_paused = atomic_exchange(&machine->paused, false);
	pthread_cond_broadcast(&machine->pause_over);
	pthread_mutex_unlock(&machine->pause_lock);
	machine_watchdog_hold(&machine->devices.watchdog, false);
	machine_devices_retry(&machine->devices);
	if (was_paused)
		machine_devices_announce(&machine->devices);
}

void machine_press_power(struct machine *machine)
{
	acpi_power_press(machine->devices.power);
}

int machine_ctrl_alt_del(struct machine *machine)
{
	return i8042_ctrl_alt_del(machine->devices.i8042);
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

uint64_t machine_locked_memory(const struct guest_definition *definition)
{
	return machine_devices_rings(definition) * VIRTIO_BLK_RING_BYTES;
}

unsigned machine_threads(const struct guest_definition *definition)
{
	return topology_vcpus(&definition->topology) + machine_devices_threads(definition);
}

int machine_start(struct machine *machine, struct error *err)
{
	int code = machine_devices_start(&machine->devices, err);

	return code < 0 ? code : machine_vcpus_start(machine, err);
}

/* --- The whole --- */

/* What lies beyond the CPUs' addresses is no memory, whatever KVM takes. */
static int check_addresses(const struct machine *machine, struct error *err)
{
	const struct kvm_cpuid_entry2 *sizes = cpuid_find(machine->kvm.cpuid, CPUID_ADDRESS_SIZES, 0);
	const struct guest_memory_region *last = &machine->memory.regions[machine->memory.count - 1];
	unsigned bits = sizes ? sizes->eax & 0xff : 0;

	if (!bits || bits >= 64 || (last->base + last->size - 1) >> bits == 0)
		return 0;
	return error_set(
		err, -EINVAL,
		"guest %s: its memory and memory devices would end at %llu GiB, and this host's CPUs reach %llu",
		machine->config.definition->name, (unsigned long long)(last->base + last->size) >> 30,
		(1ULL << bits) >> 30);
}

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
	int code;

	for (unsigned i = 0; i < definition->memory_devices.count; i++) {
		const struct memory_device_definition *device = &definition->memory_devices.list[i];

		options.devices[options.device_count++] = (struct vm_memory_device){
			.size = MIB(device->size_mib),
			.block = MIB(device->block_mib),
		};
	}
	code = vm_memory_create(&machine->memory, MIB(definition->memory_mib), definition->name, &options,
				err);
	return code < 0 ? code : check_addresses(machine, err);
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
	return code < 0 ? code : machine_vcpus_create(machine, err);
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
	/* One by one: most of it has room for devices that no guest has, and stays untouched memory. */
	machine->devices.config = &machine->config;
	machine->devices.vm = &machine->vm;
	machine->devices.memory = &machine->memory;
	machine->devices.events = &machine->events;
	machine->devices.marks = &machine->marks;
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
	machine_vcpus_join(machine);
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
