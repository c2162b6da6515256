/* The entropy device behind the MMIO transport. */
#include "devmodel/virtio/rng.h"
#include "tests/fuzz/virtio/machine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct rate rate = {.rate = size % 2 ? RATE_MAX : 0, .burst = 1 + size};
	struct fuzz_input input = {data, size};
	struct fuzz_machine machine;

	fuzz_machine_init(&machine);
	fuzz_machine_run(&machine, virtio_rng_create(&rate, &machine.memory, &machine.loop, NULL), &input);
	return 0;
}
