#include "vmm/guest/machine_state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "vmm/plan/placement.h"

void machine_vcpus_kick(struct machine *machine)
{
	for (unsigned i = 0; i < machine->vcpu_count; i++) {
		if (machine->vcpus[i].running)
			vcpu_kick(&machine->vcpus[i].vcpu);
	}
}

void machine_vcpu_park(struct machine *machine, unsigned index, bool parked)
{
	struct machine_vcpu *self = &machine->vcpus[index];

	pthread_mutex_lock(&machine->pause_lock);
	atomic_store(&self->parked, parked);
	pthread_cond_broadcast(&machine->pause_over);
	pthread_mutex_unlock(&machine->pause_lock);
	if (parked && self->running)
		vcpu_kick(&self->vcpu);
}

static bool stands_still(const struct machine_vcpu *self)
{
	return atomic_load(&self->parked) || atomic_load(&self->machine->paused);
}

/* On a vCPU's thread: until it, and the machine, goes on, or the machine ends. */
static void stand_still(struct machine_vcpu *self)
{
	struct machine *machine = self->machine;

	if (atomic_load(&self->parked))
		vcpu_wait_for_startup(&self->vcpu);
	pthread_mutex_lock(&machine->pause_lock);
	while (stands_still(self) && !atomic_load(&machine->stopping))
		pthread_cond_wait(&machine->pause_over, &machine->pause_lock);
	pthread_mutex_unlock(&machine->pause_lock);
	vcpu_tell_paused(&self->vcpu);
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

/* The first vCPU ends the machine: nobody else may look at its registers. */
static void look_for_watchdog(struct machine_vcpu *self)
{
	struct machine *machine = self->machine;

	if (self->vcpu.index != 0 || !atomic_load_explicit(&machine->watchdog_expired, memory_order_relaxed))
		return;
	note_registers(self);
	machine_finish(machine, MACHINE_WATCHDOG, "its watchdog expired");
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

/* --- Their threads --- */

int machine_vcpus_create(struct machine *machine, struct error *err)
{
	const struct cpu_topology *topology = &machine->config.definition->topology;
	unsigned at_first = machine->config.definition->wants.current_vcpus;
	int code = vcpu_signals_init(err);

	machine->vcpu_count = topology_vcpus(topology);
	machine->vcpus = calloc(machine->vcpu_count, sizeof(*machine->vcpus));
	if (!machine->vcpus)
		return error_set(err, -ENOMEM, "guest %s: out of memory for %u vCPUs",
				 machine->config.definition->name, machine->vcpu_count);
	for (unsigned i = 0; i < machine->vcpu_count && code == 0; i++) {
		struct machine_vcpu *self = &machine->vcpus[i];

		self->machine = machine;
		atomic_store(&self->parked, at_first && i >= at_first);
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
		if (stands_still(self))
			stand_still(self);
		else
			vcpu_stopped(self, vcpu_run(&self->vcpu, &err), &err);
		look_for_watchdog(self);
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
		code = -pthread_create(&self->thread, &attributes, vcpu_main, self);
	pthread_attr_destroy(&attributes);
	return code;
}

int machine_vcpus_start(struct machine *machine, struct error *err)
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

void machine_vcpus_join(struct machine *machine)
{
	atomic_store(&machine->stopping, true);
	machine_resume(machine); /* whoever is paused sees that it is over */
	machine_vcpus_kick(machine);
	for (unsigned i = 0; i < machine->vcpu_count; i++) {
		if (machine->vcpus[i].running)
			pthread_join(machine->vcpus[i].thread, NULL);
		machine->vcpus[i].running = false;
	}
}
