/*
 * Named ports behind the MMIO transport, with programs of the host that do what the input says. The backend's
 * operation:
 *
 *      0 room    channel:8 bytes:16          its program takes so much more
 *      1 input   channel:8 len:8 bytes       its program sends
 *      2 come    channel:8                   its program is there
 *      3 go      channel:8                   its program is gone
 *      4 control id:8 event:8 value:8        a good control message into the next chain of its queue
 */
#include <linux/virtio_console.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "devmodel/virtio/channels.h"
#include "tests/fuzz/virtio/machine.h"

#define CHANNELS    3
#define CONTROL     3      /* queue */
#define MESSAGES_AT 0x6000 /* in guest memory */

static struct program {
	struct chardev_backend backend;
	size_t room;
	volatile uint8_t seen;
	bool open;
} programs[CHANNELS];
static unsigned message_next;

static size_t program_output(struct chardev_backend *backend, const uint8_t *data, size_t len)
{
	struct program *program = CONTAINER_OF(backend, struct program, backend);
	size_t size = MIN(len, program->room);

	for (size_t i = 0; i < size; i++)
		program->seen = data[i];
	program->room -= size;
	return size;
}

static void program_readable(struct chardev_backend *backend)
{
	(void)backend;
}

static void program_opened(struct chardev_backend *backend, bool open)
{
	struct program *program = CONTAINER_OF(backend, struct program, backend);

	if (program->open == open)
		abort(); /* only changes are told */
	program->open = open;
}

static void guest_says(struct fuzz_machine *machine, struct fuzz_input *input)
{
	struct vring_desc *table =
		guest_memory_at(&machine->memory, CONTROL * FUZZ_QUEUE_AREA, FUZZ_QUEUE_AREA);
	struct vring_avail *avail =
		guest_memory_at(&machine->memory, CONTROL * FUZZ_QUEUE_AREA + 0x200, FUZZ_QUEUE_AREA - 0x200);
	unsigned slot = message_next++ % FUZZ_QUEUE_SIZE;
	uint64_t at = MESSAGES_AT + slot * sizeof(struct virtio_console_control);
	struct virtio_console_control control = {0};

	control.id = (uint32_t)fuzz_take(input, 1) % (CHANNELS + 2);
	control.event = (uint16_t)fuzz_take(input, 1) % 9;
	control.value = (uint16_t)fuzz_take(input, 1);
	guest_memory_write(&machine->memory, at, &control, sizeof(control));
	table[slot] = (struct vring_desc){.addr = at, .len = sizeof(control)};
	avail->ring[avail->idx % FUZZ_QUEUE_SIZE] = (uint16_t)slot;
	avail->idx++;
	virtio_device_kick(machine->device, CONTROL);
}

static void program_acts(struct fuzz_machine *machine, struct fuzz_input *input)
{
	unsigned what = fuzz_take(input, 1) % 5;
	struct chardev_frontend *frontend;
	const uint8_t *bytes;
	unsigned channel;
	size_t len;

	if (what == 4) {
		guest_says(machine, input);
		return;
	}
	channel = fuzz_take(input, 1) % CHANNELS;
	frontend = virtio_channels_frontend(machine->device, channel);
	if (what == 0) {
		programs[channel].room = fuzz_take(input, 2);
		frontend->writable(frontend);
	} else if (what == 1) {
		bytes = fuzz_take_bytes(input, fuzz_take(input, 1), &len);
		if (frontend->input(frontend, bytes, len) > len)
			abort();
	} else {
		virtio_channels_set_open(machine->device, channel, what == 2);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct virtio_channel channels[CHANNELS] = {
		{"org.qemu.guest_agent.0", &programs[0].backend, program_opened},
		{"b", &programs[1].backend, program_opened},
		{"c", &programs[2].backend, program_opened},
	};
	struct fuzz_input input = {data, size};
	struct fuzz_machine machine;

	message_next = 0;
	for (unsigned i = 0; i < CHANNELS; i++)
		programs[i] = (struct program){.backend = {program_output, program_readable}, .room = 40};
	fuzz_machine_init(&machine);
	machine.backend = program_acts;
	fuzz_machine_run(&machine,
			 virtio_channels_create(channels, CHANNELS, &machine.memory, &machine.loop, NULL),
			 &input);
	return 0;
}
