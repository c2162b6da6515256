/* Any accesses to the watchdog's registers while its guest is paused and goes on: it expires only when it is
 * on, and once it is locked nothing turns it off. */
#include "common/util.h"
#include "devmodel/i6300esb.h"
#include "tests/fuzz/devmodel/input.h"

#define SLOT 1
#define ECAM ((uint64_t)SLOT << 15)
#define BAR  ((uint64_t)SLOT * PCI_FUNCTION_WINDOW)

struct machine {
	struct pci_bus bus;
	struct loop loop;
	struct i6300esb_host host;
	struct i6300esb *watchdog;
	bool was_on, held;
};

static void machine_expired(struct i6300esb_host *host)
{
	struct machine *machine = CONTAINER_OF(host, struct machine, host);

	REQUIRE(machine->was_on && !machine->held);
}

static uint8_t lock_register(struct machine *machine)
{
	uint8_t value = 0;

	pci_ecam_ops.read(&machine->bus, ECAM + I6300ESB_LOCK, &value, 1);
	return value;
}

static void machine_step(struct machine *machine, struct fuzz_input *input)
{
	uint8_t what = input_byte(input);
	uint8_t at = input_byte(input);
	uint8_t before = lock_register(machine);
	uint32_t len = 1U << (what >> 4 & 3);
	uint8_t data[8];

	for (unsigned i = 0; i < sizeof(data); i++)
		data[i] = i < len ? input_byte(input) : 0;
	switch (what & 7) {
	case 0:
		pci_ecam_ops.write(&machine->bus, ECAM + at, data, len);
		break;
	case 1:
		pci_ecam_ops.write(&machine->bus, ECAM + I6300ESB_CONFIG + (at & 15), data, len);
		break;
	case 2:
		pci_window_ops.write(&machine->bus, BAR + (at & 15), data, len);
		break;
	case 3: /* the sequence, then a write */
		for (unsigned i = 0; i < 2; i++)
			pci_window_ops.write(&machine->bus, BAR + I6300ESB_RELOAD,
					     &(uint8_t){i ? I6300ESB_UNLOCK_2 : I6300ESB_UNLOCK_1}, 1);
		pci_window_ops.write(&machine->bus, BAR + (at & 12), data, len);
		break;
	case 4:
		pci_window_ops.read(&machine->bus, BAR + (at & 15), data, len);
		break;
	case 5:
		machine->held = at & 1;
		i6300esb_hold(machine->watchdog, machine->held);
		break;
	default:
		loop_step(&machine->loop, 0);
		break;
	}
	if (before & I6300ESB_LOCK_LOCKED)
		REQUIRE(lock_register(machine) == before);
	machine->was_on |= lock_register(machine) & I6300ESB_LOCK_ENABLE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_input input = {.data = data, .len = len};
	struct machine machine = {.host = {.expired = machine_expired}};
	const uint8_t memory = PCI_COMMAND_MEMORY;
	struct error err;

	REQUIRE(loop_init(&machine.loop) == 0);
	pci_bus_init(&machine.bus, 0xd1000000);
	machine.watchdog = i6300esb_create(&machine.loop, &machine.host, &err);
	REQUIRE(machine.watchdog);
	REQUIRE(pci_bus_add(&machine.bus, SLOT, i6300esb_function(machine.watchdog), &err) == 0);
	pci_ecam_ops.write(&machine.bus, ECAM + PCI_COMMAND, &memory, 1);
	while (input.len)
		machine_step(&machine, &input);
	pci_bus_remove(&machine.bus, SLOT);
	i6300esb_destroy(machine.watchdog);
	pci_bus_close(&machine.bus);
	loop_close(&machine.loop);
	return 0;
}
