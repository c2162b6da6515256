/* The console behind the MMIO transport, with a terminal that takes and types whatever the input says. */
#include <stdlib.h>

#include "common/util.h"
#include "devmodel/virtio/console.h"
#include "tests/fuzz/virtio/machine.h"

static struct terminal {
	struct chardev_backend backend;
	size_t room;
	volatile uint8_t seen;
} terminal;

static size_t terminal_output(struct chardev_backend *backend, const uint8_t *data, size_t len)
{
	size_t size = MIN(len, terminal.room);

	(void)backend;
	for (size_t i = 0; i < size; i++)
		terminal.seen = data[i];
	terminal.room -= size;
	return size;
}

static void terminal_readable(struct chardev_backend *backend)
{
	(void)backend;
}

/* Room, input or a new size. */
static void terminal_acts(struct fuzz_machine *machine, struct fuzz_input *input)
{
	struct chardev_frontend *frontend = virtio_console_frontend(machine->device);
	size_t len;
	const uint8_t *bytes;

	switch (fuzz_take(input, 1) % 3) {
	case 0:
		terminal.room = fuzz_take(input, 2);
		frontend->writable(frontend);
		break;
	case 1:
		bytes = fuzz_take_bytes(input, fuzz_take(input, 1), &len);
		if (frontend->input(frontend, bytes, len) > len)
			abort();
		break;
	case 2:
		virtio_console_resize(machine->device, (uint16_t)fuzz_take(input, 1),
				      (uint16_t)fuzz_take(input, 1));
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	struct fuzz_machine machine;

	terminal = (struct terminal){.backend = {.output = terminal_output, .readable = terminal_readable},
				     .room = 40};
	fuzz_machine_init(&machine);
	machine.backend = terminal_acts;
	fuzz_machine_run(
		&machine,
		virtio_console_create("fuzz", &terminal.backend, &machine.memory, &machine.loop, NULL),
		&input);
	return 0;
}
