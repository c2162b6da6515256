#include "vmm/guest/machine_cpus.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/util.h"
#include "hypervisor/x86_64/layout.h"
#include "vmm/guest/machine_state.h"

#define TICKS_A_SECOND 4
#define TICK_NS        (1000000000ULL / TICKS_A_SECOND)

static struct machine *machine_of(struct machine_cpus *cpus)
{
	return CONTAINER_OF(cpus, struct machine, devices.cpus);
}

static void ring(const struct machine_cpus *cpus)
{
	uint64_t one = 1;

	if (write(cpus->changed.fd, &one, sizeof(one)) < 0)
		return; /* it rings without end already */
}

/* --- From the guest, on vCPUs' threads --- */

static void cpu_ejected(struct cpu_hotplug *hotplug, unsigned cpu)
{
	struct machine_cpus *cpus = CONTAINER_OF(hotplug, struct machine_cpus, hotplug);

	machine_vcpu_park(machine_of(cpus), cpu, true);
	ring(cpus);
}

/* Only to what it was asked: it may say that it has begun to do it, too. */
static void cpu_answered(struct cpu_hotplug *hotplug, unsigned cpu, uint32_t event, uint32_t status)
{
	struct machine_cpus *cpus = CONTAINER_OF(hotplug, struct machine_cpus, hotplug);

	enum cpu_change asked = event == CPU_HOTPLUG_EVENT_CHECK   ? CPU_COMES
				: event == CPU_HOTPLUG_EVENT_EJECT ? CPU_GOES
								   : CPU_STAYS;

	if (asked == CPU_STAYS || atomic_load(&cpus->changes[cpu]) != asked ||
	    (asked == CPU_GOES && (status == CPU_HOTPLUG_EJECTING_1 || status == CPU_HOTPLUG_EJECTING_2)))
		return;
	atomic_store(&cpus->answers[cpu], status ? CPU_REFUSED : CPU_AGREED);
	ring(cpus);
}

/* --- A change --- */

static unsigned count_there(const struct machine *machine)
{
	unsigned count = 0;

	for (unsigned i = 0; i < machine->vcpu_count; i++)
		count += cpu_hotplug_is_there(&machine->devices.cpus.hotplug, i);
	return count;
}

static void cpu_take_back(struct machine *machine, unsigned cpu)
{
	if (cpu_hotplug_take_back(&machine->devices.cpus.hotplug, cpu))
		machine_vcpu_park(machine, cpu, true);
}

/* The change ends, as far as it went; said: the guest said no to some. */
static void finish(struct machine *machine, bool said)
{
	const struct machine_config *config = &machine->config;
	struct machine_cpus *cpus = &machine->devices.cpus;
	const char *why = NULL;

	for (unsigned i = 0; i < machine->vcpu_count; i++) {
		enum cpu_change change = atomic_exchange(&cpus->changes[i], CPU_STAYS);

		if (change == CPU_COMES && atomic_load(&cpus->answers[i]) != CPU_AGREED) {
			cpu_take_back(machine, i);
			why = said ? "its kernel does not take vCPUs that come"
				   : "its kernel did not answer: it takes no vCPUs that come, or is busy";
		} else if (change == CPU_GOES && cpu_hotplug_is_there(&cpus->hotplug, i)) {
			cpu_hotplug_keep(&cpus->hotplug, i);
			why = said ? "its kernel does not let vCPUs go"
				   : "its kernel did not answer: it lets no vCPUs go, or is busy";
		} else if (change == CPU_COMES && !atomic_load(&machine->vcpus[i].vcpu.started) && !why) {
			why = "its kernel has not started all of them: it wants a rule of udev, or has no CPU hot plug";
		}
	}
	cpus->busy = false;
	loop_timer_clear(&cpus->clock);
	config->vcpus_set(config->owner, why);
}

/* Ends the change when nothing of it is open any more. */
static void look(struct machine *machine)
{
	struct machine_cpus *cpus = &machine->devices.cpus;
	bool refused = false, waits = false;

	for (unsigned i = 0; i < machine->vcpu_count; i++) {
		enum cpu_change change = atomic_load(&cpus->changes[i]);
		enum cpu_answer answer = atomic_load(&cpus->answers[i]);
		bool there = cpu_hotplug_is_there(&cpus->hotplug, i);

		if ((change == CPU_COMES && answer == CPU_SILENT) ||
		    (change == CPU_GOES && there && answer != CPU_REFUSED))
			return;
		refused |= change != CPU_STAYS && answer == CPU_REFUSED;
		waits |= change == CPU_COMES && !atomic_load(&machine->vcpus[i].vcpu.started);
	}
	if (!cpus->agreed)
		cpus->agreed = cpus->ticks;
	if (refused || !waits || cpus->ticks - cpus->agreed >= CPUS_START_S * TICKS_A_SECOND)
		finish(machine, refused);
}

static void cpus_changed(struct loop_source *source, uint32_t events)
{
	struct machine_cpus *cpus = CONTAINER_OF(source, struct machine_cpus, changed);
	struct machine *machine = machine_of(cpus);
	uint64_t count;

	(void)events;
	if (read(source->fd, &count, sizeof(count)) < 0)
		return;
	if (cpus->busy)
		look(machine);
	else
		machine->config.vcpus_changed(machine->config.owner);
}

/* A guest that is still busy with its boot may have missed the interrupt. */
static void clock_ticked(struct loop_timer *clock)
{
	struct machine_cpus *cpus = CONTAINER_OF(clock, struct machine_cpus, clock);
	struct machine *machine = machine_of(cpus);

	if (!cpus->busy || atomic_load(&machine->paused))
		return;
	if (++cpus->ticks >= CPUS_ANSWER_S * TICKS_A_SECOND) {
		finish(machine, false);
		return;
	}
	cpu_hotplug_remind(&cpus->hotplug);
	look(machine);
}

static void begin(struct machine_cpus *cpus, unsigned cpu, enum cpu_change change)
{
	atomic_store(&cpus->answers[cpu], CPU_SILENT);
	atomic_store(&cpus->changes[cpu], change);
}

static void come(struct machine *machine, unsigned count)
{
	struct machine_cpus *cpus = &machine->devices.cpus;

	for (unsigned i = 1; i < machine->vcpu_count && count > 0; i++) {
		if (cpu_hotplug_is_there(&cpus->hotplug, i))
			continue;
		begin(cpus, i, CPU_COMES);
		machine_vcpu_park(machine, i, false);
		cpu_hotplug_come(&cpus->hotplug, i, true);
		count--;
	}
}

static void go(struct machine *machine, unsigned count)
{
	struct machine_cpus *cpus = &machine->devices.cpus;

	for (unsigned i = machine->vcpu_count; i-- > 1 && count > 0;) {
		if (!cpu_hotplug_is_there(&cpus->hotplug, i))
			continue;
		begin(cpus, i, CPU_GOES);
		cpu_hotplug_ask_to_leave(&cpus->hotplug, i);
		count--;
	}
}

int machine_set_vcpus(struct machine *machine, unsigned count, struct error *err)
{
	const char *guest = machine->config.definition->name;
	struct machine_cpus *cpus = &machine->devices.cpus;
	unsigned there;

	if (cpus->changed.fd < 0)
		return error_set(err, -EOPNOTSUPP, "guest %s: its vCPUs do not come and go", guest);
	if (count < 1 || count > machine->vcpu_count)
		return error_set(err, -EINVAL, "guest %s: can have from 1 to %u vCPUs", guest,
				 machine->vcpu_count);
	if (cpus->busy)
		return error_set(err, -EBUSY, "guest %s: another change of its vCPUs is under way", guest);
	there = count_there(machine);
	cpus->busy = true;
	cpus->ticks = 1; /* 0 is no time at which it agreed */
	cpus->agreed = 0;
	loop_timer_set(&cpus->clock, TICK_NS, TICK_NS);
	if (count > there)
		come(machine, count - there);
	else
		go(machine, there - count);
	look(machine);
	return 0;
}

unsigned machine_vcpus(const struct machine *machine)
{
	return machine->devices.cpus.changed.fd < 0 ? 0 : count_there(machine);
}

/* --- Life --- */

int machine_cpus_make(struct machine_devices *devices, struct error *err)
{
	const struct guest_definition *definition = devices->config->definition;
	struct machine_cpus *cpus = &devices->cpus;
	int code = irqfd_line_open(devices, &cpus->irq, LAYOUT_GSI_CPUS, err);

	if (code < 0)
		return code;
	cpus->hotplug = (struct cpu_hotplug){
		.line = &cpus->irq.line,
		.ejected = cpu_ejected,
		.answered = cpu_answered,
	};
	for (unsigned i = 0; i < definition->wants.current_vcpus; i++)
		cpu_hotplug_come(&cpus->hotplug, i, false);
	cpus->changed = (struct loop_source){
		.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.events = EPOLLIN,
		.ready = cpus_changed,
	};
	code = cpus->changed.fd < 0 ? -errno : loop_add(devices->config->loop, &cpus->changed);
	if (code == 0)
		code = loop_timer_init(devices->config->loop, &cpus->clock, clock_ticked);
	if (code < 0)
		return error_set(err, code, "guest %s: cannot make the event of its vCPUs: %s",
				 definition->name, strerror(-code));
	return bus_add(&devices->ports,
		       (struct bus_range){CPU_HOTPLUG_PORT, CPU_HOTPLUG_SIZE, &cpu_hotplug_ops,
					  &cpus->hotplug, "vCPU hot plug"},
		       err);
}

void machine_cpus_close(struct machine_devices *devices)
{
	struct machine_cpus *cpus = &devices->cpus;

	if (cpus->changed.fd >= 0) {
		loop_timer_close(devices->config->loop, &cpus->clock);
		loop_remove(devices->config->loop, &cpus->changed);
		close(cpus->changed.fd);
	}
	irqfd_line_close(&cpus->irq);
}
