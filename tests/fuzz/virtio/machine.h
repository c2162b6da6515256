/* clang-format off */
/*
 * What the fuzz targets of the virtio devices share: a little guest whose program is the fuzzer's input.
 *
 * The input is a run of operations, each a byte (modulo the number of operations) and its operands, little
 * endian; what lies beyond the input's end reads as zero:
 *
 *      0 register  offset:16 value:32                 writes a register: MMIO's, or PCI's common configuration
 *      1 access    offset:16 len:8 write:8 data:64    any access, of 1 + len % 8 bytes; with PCI len / 8 says
 *                                                     where: BAR 0, ECAM, the two ports
 *      2 memory    address:32 len:8 bytes             writes guest memory
 *      3 run       -                                  lets the device's loop run
 *      4 start     features:64                        a correct driver's start: reset to DRIVER_OK, queues of
 *                                                     FUZZ_QUEUE_SIZE, packed ones if the features say so
 *      5 chain     queue:8 count:8 (address:32 len:32 flags:8)...   one descriptor chain, made available
 *      6 notify    queue:8                            kicks the queue and lets the loop run
 *      7 backend   whatever the target reads          something happens on the host's side
 *      8 replug    -                                  with PCI: the function leaves its slot and comes back
 *      9 restart   queue:8                            resets the queue and starts it again, empty
 *
 * A target that is built with FUZZ_PCI has the device on a PCI bus.
 *
 * Everything is fresh for each input, so that a crash repeats.
 */
/* clang-format on */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/guest_memory.h"
#include "common/loop.h"
#include "devmodel/virtio/mmio.h"
#include "devmodel/virtio/pci.h"

#define FUZZ_RAM_SIZE                                                                                        \
	(64 * 1024) /* from address 0; two thirds down there is a hole of a page that is not RAM */
#define FUZZ_QUEUE_SIZE 16
#define FUZZ_QUEUE_AREA                                                                                      \
	0x800 /* queue n lies from n * FUZZ_QUEUE_AREA on: descriptors, +0x200 available, +0x400 used */

struct fuzz_input {
	const uint8_t *data;
	size_t size;
};

struct fuzz_machine {
	struct guest_memory memory;
	struct loop loop;
	struct irq_line irq;
	struct virtio_mmio mmio;
	bool is_pci;
	struct pci_bus bus;
	struct virtio_pci pci;
	struct virtio_pci_host host;
	struct irq_messages messages;
	struct irq_level line;
	struct virtio_device *device;
	/* Where the driver of packed rings is. */
	struct fuzz_place {
		uint16_t next;
		bool wrap;
	} places[VIRTIO_QUEUES_MAX];
	/* Operation 7; may be NULL. */
	void (*backend)(struct fuzz_machine *machine, struct fuzz_input *input);
};

uint64_t fuzz_take(struct fuzz_input *input, unsigned bytes); /* up to 8 */
/* Up to len bytes of the input itself; says how many in *taken. */
const uint8_t *fuzz_take_bytes(struct fuzz_input *input, size_t len, size_t *taken);

/* Memory and loop first; then the target makes its device, sets backend, and calls fuzz_machine_run, which
 * ends with the device destroyed and everything released. */
void fuzz_machine_make(struct fuzz_machine *machine, bool is_pci);
static inline void fuzz_machine_init(struct fuzz_machine *machine)
{
#ifdef FUZZ_PCI
	fuzz_machine_make(machine, true);
#else
	fuzz_machine_make(machine, false);
#endif
}
void fuzz_machine_run(struct fuzz_machine *machine, struct virtio_device *device, struct fuzz_input *input);
