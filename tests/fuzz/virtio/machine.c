#include "tests/fuzz/virtio/machine.h"

#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"

#define STEPS_MAX                                                                                            \
	64 /* of the loop for one notification: a device may kick itself for ever if its ring says so */
#define CHAIN_MAX  32
#define HOLE_START 0xa000
#define HOLE_END   0xb000

#define STATUS_STARTED (VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK)

/* Two arrays, so that the address sanitizer sees a step beyond either. */
static uint8_t low[HOLE_START] __attribute__((aligned(4096)));
static uint8_t high[FUZZ_RAM_SIZE - HOLE_END] __attribute__((aligned(4096)));

/* A guest provokes warnings by the thousand; the report of a real fault must be seen among them. */
void __wrap_log_limited(struct log_limit *limit, enum log_level level, const char *format, ...);

void __wrap_log_limited(struct log_limit *limit, enum log_level level, const char *format, ...)
{
	(void)limit;
	(void)level;
	(void)format;
}

uint64_t fuzz_take(struct fuzz_input *input, unsigned bytes)
{
	uint64_t value = 0;
	size_t taken;
	const uint8_t *from = fuzz_take_bytes(input, bytes, &taken);

	if (taken)
		memcpy(&value, from, taken);
	return value;
}

const uint8_t *fuzz_take_bytes(struct fuzz_input *input, size_t len, size_t *taken)
{
	const uint8_t *from = input->data;

	*taken = MIN(len, input->size);
	input->data += *taken;
	input->size -= *taken;
	return from;
}

static void raise_nothing(struct irq_line *line)
{
	(void)line;
}

void fuzz_machine_init(struct fuzz_machine *machine)
{
	*machine = (struct fuzz_machine){.memory = {.fd = -1}, .irq = {.raise = raise_nothing}};
	memset(low, 0, sizeof(low));
	memset(high, 0, sizeof(high));
	if (guest_memory_add(&machine->memory, 0, sizeof(low), low, 0) < 0 ||
	    guest_memory_add(&machine->memory, HOLE_END, sizeof(high), high, sizeof(low)) < 0 ||
	    loop_init(&machine->loop) < 0)
		abort();
}

static void set_register(struct fuzz_machine *machine, uint64_t offset, uint32_t value)
{
	virtio_mmio_ops.write(&machine->mmio, offset, (const uint8_t *)&value, sizeof(value));
}

static void machine_run_loop(struct fuzz_machine *machine)
{
	for (unsigned i = 0; i < STEPS_MAX; i++) {
		if (loop_step(&machine->loop, 0) < 0)
			abort();
		if (machine->loop.batch_count == 0)
			break;
	}
}

static void op_register(struct fuzz_machine *machine, struct fuzz_input *input)
{
	uint64_t offset = fuzz_take(input, 2) % VIRTIO_MMIO_SIZE & ~3ULL;

	set_register(machine, offset, (uint32_t)fuzz_take(input, 4));
}

static void op_access(struct fuzz_machine *machine, struct fuzz_input *input)
{
	uint64_t offset = fuzz_take(input, 2);
	uint32_t len = 1 + (uint32_t)fuzz_take(input, 1) % 8;
	bool write = fuzz_take(input, 1) & 1;
	uint64_t data = fuzz_take(input, 8);
	uint8_t *bytes = malloc(len); /* exactly as long, so that a write beyond is seen */

	if (!bytes)
		abort();
	memcpy(bytes, &data, len);
	offset %= VIRTIO_MMIO_SIZE - len + 1;
	if (write)
		virtio_mmio_ops.write(&machine->mmio, offset, bytes, len);
	else
		virtio_mmio_ops.read(&machine->mmio, offset, bytes, len);
	free(bytes);
}

static void op_memory(struct fuzz_machine *machine, struct fuzz_input *input)
{
	uint64_t address = fuzz_take(input, 4);
	size_t taken;
	const uint8_t *bytes = fuzz_take_bytes(input, fuzz_take(input, 1), &taken);

	guest_memory_write(&machine->memory, address, bytes, taken); /* refused outside: as good */
}

static void start_queue(struct fuzz_machine *machine, unsigned index)
{
	uint32_t base = index * FUZZ_QUEUE_AREA;

	memset(low + base, 0, FUZZ_QUEUE_AREA);
	set_register(machine, VIRTIO_MMIO_QUEUE_SEL, index);
	set_register(machine, VIRTIO_MMIO_QUEUE_NUM, FUZZ_QUEUE_SIZE);
	set_register(machine, VIRTIO_MMIO_QUEUE_DESC_LOW, base);
	set_register(machine, VIRTIO_MMIO_QUEUE_AVAIL_LOW, base + 0x200);
	set_register(machine, VIRTIO_MMIO_QUEUE_USED_LOW, base + 0x400);
	set_register(machine, VIRTIO_MMIO_QUEUE_READY, 1);
}

static void op_start(struct fuzz_machine *machine, struct fuzz_input *input)
{
	uint64_t features = (fuzz_take(input, 8) & machine->device->offered) | 1ULL << VIRTIO_F_VERSION_1;

	set_register(machine, VIRTIO_MMIO_STATUS, 0);
	set_register(machine, VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	for (unsigned half = 0; half < 2; half++) {
		set_register(machine, VIRTIO_MMIO_DRIVER_FEATURES_SEL, half);
		set_register(machine, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)(features >> (32 * half)));
	}
	set_register(machine, VIRTIO_MMIO_STATUS, STATUS_STARTED);
	for (unsigned i = 0; i < machine->device->queue_count; i++)
		start_queue(machine, i);
	set_register(machine, VIRTIO_MMIO_STATUS, STATUS_STARTED | VIRTIO_CONFIG_S_DRIVER_OK);
}

/* Writes to where op_start puts the queues; where the input has moved them, this is just memory. */
static void op_chain(struct fuzz_machine *machine, struct fuzz_input *input)
{
	unsigned queue = (unsigned)(fuzz_take(input, 1) % machine->device->queue_count);
	unsigned count = (unsigned)fuzz_take(input, 1) % CHAIN_MAX;
	uint8_t *base = low + queue * FUZZ_QUEUE_AREA;
	struct vring_desc *desc = (struct vring_desc *)base;
	struct vring_avail *avail = (struct vring_avail *)(base + 0x200);
	uint16_t head = avail->idx * 3 % FUZZ_QUEUE_SIZE;

	for (unsigned i = 0; i < count; i++) {
		unsigned at = (head + i) % FUZZ_QUEUE_SIZE;

		desc[at].addr = fuzz_take(input, 4);
		desc[at].len = (uint32_t)fuzz_take(input, 4);
		desc[at].flags = (uint16_t)fuzz_take(input, 1) | (i + 1 < count ? VRING_DESC_F_NEXT : 0);
		desc[at].next = (uint16_t)((at + 1) % FUZZ_QUEUE_SIZE);
	}
	avail->ring[avail->idx % FUZZ_QUEUE_SIZE] = head;
	avail->idx++;
}

static void op_notify(struct fuzz_machine *machine, struct fuzz_input *input)
{
	set_register(machine, VIRTIO_MMIO_QUEUE_NOTIFY, (uint32_t)fuzz_take(input, 1) % VIRTIO_QUEUES_MAX);
	machine_run_loop(machine);
}

static void op_backend(struct fuzz_machine *machine, struct fuzz_input *input)
{
	if (machine->backend)
		machine->backend(machine, input);
}

static void machine_step(struct fuzz_machine *machine, struct fuzz_input *input)
{
	switch (fuzz_take(input, 1) % 8) {
	case 0:
		return op_register(machine, input);
	case 1:
		return op_access(machine, input);
	case 2:
		return op_memory(machine, input);
	case 3:
		return machine_run_loop(machine);
	case 4:
		return op_start(machine, input);
	case 5:
		return op_chain(machine, input);
	case 6:
		return op_notify(machine, input);
	case 7:
		return op_backend(machine, input);
	}
}

void fuzz_machine_run(struct fuzz_machine *machine, struct virtio_device *device, struct fuzz_input *input)
{
	if (!device)
		abort();
	machine->device = device;
	virtio_mmio_init(&machine->mmio, device, &machine->irq);
	while (input->size)
		machine_step(machine, input);
	machine_run_loop(machine);
	virtio_device_destroy(device);
	loop_close(&machine->loop);
}
