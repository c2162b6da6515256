/* Any writes to the two ports: what can be read ends, and afterwards a driver that begins anew gets on. */
#include <stdbool.h>

#include "common/util.h"
#include "devmodel/i8042.h"
#include "tests/fuzz/devmodel/input.h"

#define DATA      0
#define COMMAND   4
#define FULL      0x01
#define READS_MAX 64 /* more than the keyboard can have to say */

struct machine {
	struct irq_line irq;
	struct machine_events events;
	struct i8042 *i8042;
	bool pulsed;
};

static void machine_pulsed(struct irq_line *line)
{
	CONTAINER_OF(line, struct machine, irq)->pulsed = true;
}

static void machine_power_off(struct machine_events *events)
{
	(void)events;
	abort(); /* a keyboard controller has no such thing */
}

static void machine_reset(struct machine_events *events, const char *by)
{
	(void)events;
	REQUIRE(by);
}

static uint8_t port_in(struct machine *machine, unsigned offset)
{
	uint8_t value = 0xff;

	i8042_ops.read(machine->i8042, offset, &value, 1);
	return value;
}

static void port_out(struct machine *machine, unsigned offset, uint8_t value)
{
	i8042_ops.write(machine->i8042, offset, &value, 1);
}

static void machine_step(struct machine *machine, uint8_t what, uint8_t value)
{
	uint8_t wide[8] = {value, value};

	switch (what & 7) {
	case 0:
	case 1:
		port_out(machine, DATA, value);
		break;
	case 2:
	case 3:
		port_out(machine, COMMAND, value);
		break;
	case 4:
		port_in(machine, DATA);
		break;
	case 5:
		port_in(machine, COMMAND);
		break;
	case 6:
		i8042_ctrl_alt_del(machine->i8042);
		break;
	default:
		i8042_ops.write(machine->i8042, value & 7, wide, what >> 3 & 8 ? 2 : 4);
		break;
	}
}

static void machine_flush(struct machine *machine)
{
	unsigned reads = 0;

	while (port_in(machine, COMMAND) & FULL) {
		REQUIRE(++reads < READS_MAX);
		port_in(machine, DATA);
	}
}

static void machine_check(struct machine *machine)
{
	port_out(machine, COMMAND, 0x60);
	port_out(machine, DATA, 0x41); /* interrupts, translation */
	machine_flush(machine);
	machine->pulsed = false;
	port_out(machine, DATA, 0xf4);
	REQUIRE(machine->pulsed);
	REQUIRE(port_in(machine, DATA) == 0xfa);
	machine->pulsed = false;
	REQUIRE(i8042_ctrl_alt_del(machine->i8042) == 0);
	REQUIRE(machine->pulsed);
	REQUIRE(port_in(machine, DATA) == 0x1d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_input input = {.data = data, .len = len};
	struct machine machine = {
		.irq.raise = machine_pulsed,
		.events = {.power_off = machine_power_off, .reset = machine_reset},
	};

	machine.i8042 = i8042_create(&machine.irq, &machine.events, NULL);
	REQUIRE(machine.i8042);
	while (input.len) {
		uint8_t what = input_byte(&input);

		machine_step(&machine, what, input_byte(&input));
	}
	machine_check(&machine);
	i8042_destroy(machine.i8042);
	return 0;
}
