/* The balloon behind the MMIO transport; the backend's operation is a new target. Giving memory back is
 * writing zeros: what is outside of the guest's memory would be found out. */
#include <string.h>
#include <sys/mman.h>

#include "devmodel/virtio/balloon.h"
#include "tests/fuzz/virtio/machine.h"

int __wrap_madvise(void *address, size_t size, int advice);

int __wrap_madvise(void *address, size_t size, int advice)
{
	if (advice == MADV_REMOVE)
		memset(address, 0, size);
	return 0;
}

static void target_changes(struct fuzz_machine *machine, struct fuzz_input *input)
{
	struct virtio_balloon_state state;

	virtio_balloon_set_held(machine->device, fuzz_take(input, 4));
	virtio_balloon_read(machine->device, &state);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct virtio_balloon_options options = {
		.deflate_on_oom = size & 1, .reporting = true, .held = 4096, .stats_period = 1};
	struct fuzz_input input = {data, size};
	struct fuzz_machine machine;

	fuzz_machine_init(&machine);
	machine.backend = target_changes;
	fuzz_machine_run(&machine, virtio_balloon_create(&options, &machine.memory, &machine.loop, NULL),
			 &input);
	return 0;
}
