/* The memory device; the backend's operation is another size that is requested. Its region is a little array:
 * what is outside of it would be found out. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "devmodel/virtio/mem.h"
#include "tests/fuzz/virtio/machine.h"

#define BASE   0x100000ULL
#define SHIFT  12
#define BLOCKS 70ULL

static uint8_t host[BLOCKS << SHIFT] __attribute__((aligned(4096)));
static uint8_t vcpus[BLOCKS << SHIFT] __attribute__((aligned(4096)));
static _Atomic uint64_t bits[2];

int __wrap_madvise(void *address, size_t size, int advice);
int __wrap_mprotect(void *address, size_t size, int access);

int __wrap_madvise(void *address, size_t size, int advice)
{
	if (advice == MADV_REMOVE)
		memset(address, 0, size);
	return 0;
}

int __wrap_mprotect(void *address, size_t size, int access)
{
	memset(address, access, size);
	return 0;
}

static void request_changes(struct fuzz_machine *machine, struct fuzz_input *input)
{
	virtio_mem_request(machine->device, fuzz_take(input, 4));
}

/* What is counted is what is marked, and within what there is. */
static void check(const struct fuzz_machine *machine)
{
	struct virtio_mem_state state;
	uint64_t count = (uint64_t)__builtin_popcountll(bits[0]) + (uint64_t)__builtin_popcountll(bits[1]);

	virtio_mem_read(machine->device, &state);
	if (state.plugged != count << SHIFT || bits[1] >> (BLOCKS - 64))
		abort();
}

static void backend(struct fuzz_machine *machine, struct fuzz_input *input)
{
	request_changes(machine, input);
	check(machine);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct virtio_mem_options options = {.name = "memory0", .address = BASE, .requested = 8 << SHIFT};
	struct fuzz_input input = {data, size};
	struct fuzz_machine machine;

	memset(host, 0, sizeof(host));
	bits[0] = bits[1] = 0;
	fuzz_machine_init(&machine);
	if (guest_memory_add(&machine.memory, BASE, sizeof(host), host, 0) < 0)
		abort();
	guest_memory_set_blocks(&machine.memory, SHIFT, bits, vcpus);
	machine.backend = backend;
	fuzz_machine_run(&machine, virtio_mem_create(&options, &machine.memory, &machine.loop, NULL), &input);
	return 0;
}
