/* Any accesses to the registers of processors that come and go: only one that is there is ejected, never the first,
 * and what the guest reads is what the host said. */
#include "common/util.h"
#include "devmodel/cpu_hotplug.h"
#include "tests/fuzz/devmodel/input.h"

struct machine {
	struct cpu_hotplug hotplug;
	struct irq_line line;
	bool there[CPU_HOTPLUG_CPUS];
};

static void line_raise(struct irq_line *line)
{
	(void)line;
}

static void cpu_ejected(struct cpu_hotplug *hotplug, unsigned cpu)
{
	struct machine *machine = CONTAINER_OF(hotplug, struct machine, hotplug);

	REQUIRE(cpu > 0 && cpu < CPU_HOTPLUG_CPUS && machine->there[cpu]);
	machine->there[cpu] = false;
}

static void cpu_answered(struct cpu_hotplug *hotplug, unsigned cpu, uint32_t event, uint32_t status)
{
	(void)hotplug, (void)event, (void)status;
	REQUIRE(cpu < CPU_HOTPLUG_CPUS);
}

static void guest_step(struct machine *machine, struct fuzz_input *input, uint8_t what)
{
	uint32_t len = 1U << (what >> 4 & 3);
	uint64_t offset = input_byte(input) % (CPU_HOTPLUG_SIZE - len + 1);
	uint8_t data[8];

	for (unsigned i = 0; i < len; i++)
		data[i] = input_byte(input);
	if (what & 1)
		cpu_hotplug_ops.write(&machine->hotplug, offset, data, len);
	else
		cpu_hotplug_ops.read(&machine->hotplug, offset, data, len);
}

static void machine_step(struct machine *machine, struct fuzz_input *input)
{
	uint8_t what = input_byte(input);
	unsigned cpu = input_byte(input);

	switch (what & 0x0e) {
	case 0:
		cpu_hotplug_come(&machine->hotplug, cpu, what & 1);
		machine->there[cpu] = true;
		break;
	case 2:
		REQUIRE(cpu_hotplug_take_back(&machine->hotplug, cpu) == machine->there[cpu]);
		machine->there[cpu] = false;
		break;
	case 4:
		cpu_hotplug_ask_to_leave(&machine->hotplug, cpu);
		cpu_hotplug_remind(&machine->hotplug);
		break;
	default:
		guest_step(machine, input, what);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_input input = {.data = data, .len = len};
	struct machine machine = {.line.raise = line_raise};

	machine.hotplug = (struct cpu_hotplug){
		.line = &machine.line, .ejected = cpu_ejected, .answered = cpu_answered};
	while (input.len)
		machine_step(&machine, &input);
	for (unsigned cpu = 0; cpu < CPU_HOTPLUG_CPUS; cpu++)
		REQUIRE(cpu_hotplug_is_there(&machine.hotplug, cpu) == machine.there[cpu]);
	return 0;
}
