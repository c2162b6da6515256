#include "tests/fuzz/virtio/machine.h"

#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_pci.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"

#define STEPS_MAX                                                                                            \
	64 /* of the loop for one notification: a device may kick itself for ever if its ring says so */
#define COMMON_SIZE      0x40
#define MMIO_QUEUE_RESET 0x0c0 /* 4.2.2 */
#define QUEUES_TRIED     8     /* more than any device has here: some are not there */
#define CHAIN_MAX        32
#define WINDOW           0xd1000000U
#define SLOT             1U
#define BAR              (WINDOW + SLOT * PCI_FUNCTION_WINDOW)
#define HOLE_START       0xa000
#define HOLE_END         0xb000

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

static void send_nothing(struct irq_messages *messages, uint64_t address, uint32_t data)
{
	(void)messages;
	(void)address;
	(void)data;
}

static void set_nothing(struct irq_level *level, bool high)
{
	(void)level;
	(void)high;
}

static void notifications_anywhere(struct virtio_pci_host *host, struct virtio_pci *pci, uint64_t address)
{
	(void)host;
	(void)pci;
	(void)address;
}

void fuzz_machine_make(struct fuzz_machine *machine, bool is_pci)
{
	*machine = (struct fuzz_machine){
		.memory = {.fd = -1},
		.irq = {.raise = raise_nothing},
		.is_pci = is_pci,
		.messages = {.send = send_nothing},
		.line = {.set = set_nothing},
		.host = {.notifications_at = notifications_anywhere},
	};
	memset(low, 0, sizeof(low));
	memset(high, 0, sizeof(high));
	if (guest_memory_add(&machine->memory, 0, sizeof(low), low, 0) < 0 ||
	    guest_memory_add(&machine->memory, HOLE_END, sizeof(high), high, sizeof(low)) < 0 ||
	    loop_init(&machine->loop) < 0)
		abort();
}

/* --- Either transport --- */

static void set_register(struct fuzz_machine *machine, uint64_t offset, uint32_t value)
{
	virtio_mmio_ops.write(&machine->mmio, offset, (const uint8_t *)&value, sizeof(value));
}

/* In BAR 0, wherever the guest has put it. */
static void set_bar(struct fuzz_machine *machine, uint64_t offset, uint32_t value, uint32_t len)
{
	pci_window_ops.write(&machine->bus, BAR - WINDOW + offset, (const uint8_t *)&value, len);
}

static void set_command(struct fuzz_machine *machine)
{
	uint16_t command = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;

	pci_ecam_ops.write(&machine->bus, SLOT << 15 | PCI_COMMAND, (const uint8_t *)&command,
			   sizeof(command));
}

static void set_status(struct fuzz_machine *machine, uint8_t status)
{
	if (machine->is_pci)
		set_bar(machine, VIRTIO_PCI_COMMON_STATUS, status, 1);
	else
		set_register(machine, VIRTIO_MMIO_STATUS, status);
}

static void set_features(struct fuzz_machine *machine, unsigned half, uint32_t features)
{
	if (machine->is_pci) {
		set_bar(machine, VIRTIO_PCI_COMMON_GFSELECT, half, 4);
		set_bar(machine, VIRTIO_PCI_COMMON_GF, features, 4);
	} else {
		set_register(machine, VIRTIO_MMIO_DRIVER_FEATURES_SEL, half);
		set_register(machine, VIRTIO_MMIO_DRIVER_FEATURES, features);
	}
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
	uint64_t offset = fuzz_take(input, 2);
	uint32_t value = (uint32_t)fuzz_take(input, 4);

	if (!machine->is_pci) {
		set_register(machine, offset % VIRTIO_MMIO_SIZE & ~3ULL, value);
		return;
	}
	for (uint32_t len = 1; len <= 4; len *= 2) /* the one that the field has */
		set_bar(machine, offset % COMMON_SIZE, value, len);
}

static void access_range(const struct bus_ops *ops, void *device, uint64_t offset, uint8_t *bytes,
			 uint32_t len, bool write)
{
	if (write)
		ops->write(device, offset, bytes, len);
	else
		ops->read(device, offset, bytes, len);
}

static void access_pci(struct fuzz_machine *machine, unsigned where, uint64_t offset, uint8_t *bytes,
		       uint32_t len, bool write)
{
	if (where == 0)
		access_range(&pci_window_ops, &machine->bus,
			     BAR - WINDOW + offset % (PCI_FUNCTION_WINDOW - len + 1), bytes, len, write);
	else if (where == 1)
		access_range(&pci_ecam_ops, &machine->bus, offset, bytes, len, write); /* slots 0 and 1 */
	else
		access_range(&pci_ports_ops, &machine->bus, offset % (PCI_CONFIG_PORTS - len + 1), bytes, len,
			     write);
}

static void op_access(struct fuzz_machine *machine, struct fuzz_input *input)
{
	uint64_t offset = fuzz_take(input, 2);
	uint32_t where = (uint32_t)fuzz_take(input, 1);
	uint32_t len = 1 + where % 8;
	bool write = fuzz_take(input, 1) & 1;
	uint64_t data = fuzz_take(input, 8);
	uint8_t *bytes = malloc(len); /* exactly as long, so that a write beyond is seen */

	if (!bytes)
		abort();
	memcpy(bytes, &data, len);
	if (machine->is_pci)
		access_pci(machine, where / 8 % 3, offset, bytes, len, write);
	else
		access_range(&virtio_mmio_ops, &machine->mmio, offset % (VIRTIO_MMIO_SIZE - len + 1), bytes,
			     len, write);
	free(bytes);
}

static void op_memory(struct fuzz_machine *machine, struct fuzz_input *input)
{
	uint64_t address = fuzz_take(input, 4);
	size_t taken;
	const uint8_t *bytes = fuzz_take_bytes(input, fuzz_take(input, 1), &taken);

	guest_memory_write(&machine->memory, address, bytes, taken); /* refused outside: as good */
}

static void start_queue_pci(struct fuzz_machine *machine, unsigned index)
{
	uint32_t base = index * FUZZ_QUEUE_AREA;

	set_bar(machine, VIRTIO_PCI_COMMON_Q_SELECT, index, 2);
	set_bar(machine, VIRTIO_PCI_COMMON_Q_SIZE, FUZZ_QUEUE_SIZE, 2);
	set_bar(machine, VIRTIO_PCI_COMMON_Q_MSIX, index, 2);
	set_bar(machine, VIRTIO_PCI_COMMON_Q_DESCLO, base, 4);
	set_bar(machine, VIRTIO_PCI_COMMON_Q_AVAILLO, base + 0x200, 4);
	set_bar(machine, VIRTIO_PCI_COMMON_Q_USEDLO, base + 0x400, 4);
	set_bar(machine, VIRTIO_PCI_COMMON_Q_ENABLE, 1, 2);
}

static void start_queue(struct fuzz_machine *machine, unsigned index)
{
	uint32_t base = index * FUZZ_QUEUE_AREA;

	memset(low + base, 0, FUZZ_QUEUE_AREA);
	machine->places[index] = (struct fuzz_place){.wrap = true};
	if (machine->is_pci) {
		start_queue_pci(machine, index);
		return;
	}
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

	if (machine->is_pci)
		set_command(machine);
	set_status(machine, 0);
	set_status(machine, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	for (unsigned half = 0; half < 2; half++)
		set_features(machine, half, (uint32_t)(features >> (32 * half)));
	set_status(machine, STATUS_STARTED);
	for (unsigned i = 0; i < machine->device->queue_count; i++)
		start_queue(machine, i);
	set_status(machine, STATUS_STARTED | VIRTIO_CONFIG_S_DRIVER_OK);
}

static void add_packed(struct fuzz_machine *machine, unsigned queue, unsigned count, struct fuzz_input *input)
{
	struct vring_packed_desc *ring = (struct vring_packed_desc *)(low + queue * FUZZ_QUEUE_AREA);
	struct fuzz_place *place = &machine->places[queue];

	for (unsigned i = 0; i < count; i++) {
		struct vring_packed_desc *desc = &ring[place->next];

		desc->addr = fuzz_take(input, 4);
		desc->len = (uint32_t)fuzz_take(input, 4);
		desc->id = place->next;
		desc->flags = (uint16_t)fuzz_take(input, 1) | (i + 1 < count ? VRING_DESC_F_NEXT : 0);
		desc->flags &= (uint16_t) ~(1U << VRING_PACKED_DESC_F_AVAIL);
		desc->flags |= (uint16_t)(1U << (place->wrap ? VRING_PACKED_DESC_F_AVAIL
							     : VRING_PACKED_DESC_F_USED));
		place->next = (uint16_t)((place->next + 1) % FUZZ_QUEUE_SIZE);
		place->wrap ^= place->next == 0;
	}
}

static void add_split(unsigned queue, unsigned count, struct fuzz_input *input)
{
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

/* Writes to where op_start puts the queues; where the input has moved them, this is just memory. */
static void op_chain(struct fuzz_machine *machine, struct fuzz_input *input)
{
	unsigned queue = (unsigned)(fuzz_take(input, 1) % machine->device->queue_count);
	unsigned count = (unsigned)fuzz_take(input, 1) % CHAIN_MAX;

	if (virtio_has(machine->device, VIRTIO_F_RING_PACKED))
		add_packed(machine, queue, count, input);
	else
		add_split(queue, count, input);
}

static void op_restart(struct fuzz_machine *machine, struct fuzz_input *input)
{
	unsigned queue = (unsigned)(fuzz_take(input, 1) % machine->device->queue_count);

	if (machine->is_pci) {
		set_bar(machine, VIRTIO_PCI_COMMON_Q_SELECT, queue, 2);
		set_bar(machine, VIRTIO_PCI_COMMON_Q_RESET, 1, 2);
	} else {
		set_register(machine, VIRTIO_MMIO_QUEUE_SEL, queue);
		set_register(machine, MMIO_QUEUE_RESET, 1);
	}
	start_queue(machine, queue);
}

static void op_notify(struct fuzz_machine *machine, struct fuzz_input *input)
{
	uint32_t queue = (uint32_t)fuzz_take(input, 1) % QUEUES_TRIED;

	if (machine->is_pci)
		set_bar(machine, VIRTIO_PCI_NOTIFICATIONS + queue * VIRTIO_PCI_NOTIFY_SIZE, queue, 2);
	else
		set_register(machine, VIRTIO_MMIO_QUEUE_NOTIFY, queue);
	machine_run_loop(machine);
}

/* The same function, as its guest has left it: what a driver finds that looks at a slot twice. */
static void op_replug(struct fuzz_machine *machine)
{
	if (machine->is_pci && (pci_bus_remove(&machine->bus, SLOT) != &machine->pci.function ||
				pci_bus_add(&machine->bus, SLOT, &machine->pci.function, NULL) < 0))
		abort();
}

static void op_backend(struct fuzz_machine *machine, struct fuzz_input *input)
{
	if (machine->backend)
		machine->backend(machine, input);
}

static void machine_step(struct fuzz_machine *machine, struct fuzz_input *input)
{
	switch (fuzz_take(input, 1) % 10) {
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
	case 8:
		return op_replug(machine);
	case 9:
		return op_restart(machine, input);
	}
}

static void machine_plug(struct fuzz_machine *machine)
{
	if (!machine->is_pci) {
		virtio_mmio_init(&machine->mmio, machine->device, &machine->irq);
		return;
	}
	machine->host.messages = &machine->messages;
	virtio_pci_init(&machine->pci, machine->device, &machine->host, &machine->line);
	pci_bus_init(&machine->bus, WINDOW);
	if (pci_bus_add(&machine->bus, SLOT, &machine->pci.function, NULL) < 0)
		abort();
	set_command(machine);
}

void fuzz_machine_run(struct fuzz_machine *machine, struct virtio_device *device, struct fuzz_input *input)
{
	if (!device)
		abort();
	machine->device = device;
	machine_plug(machine);
	while (input->size)
		machine_step(machine, input);
	machine_run_loop(machine);
	virtio_device_destroy(device);
	if (machine->is_pci) {
		virtio_pci_close(&machine->pci);
		pci_bus_close(&machine->bus);
	}
	loop_close(&machine->loop);
}
