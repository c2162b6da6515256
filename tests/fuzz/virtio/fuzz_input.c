/* An input device; the backend's operation is an update of the host's. */
#include <linux/input.h>

#include "devmodel/virtio/input.h"
#include "tests/fuzz/virtio/machine.h"

static void events_come(struct fuzz_machine *machine, struct fuzz_input *input)
{
	struct virtio_input_change changes[VIRTIO_INPUT_UPDATE_MAX];
	unsigned count = (unsigned)fuzz_take(input, 1) % (VIRTIO_INPUT_UPDATE_MAX + 1);

	for (unsigned i = 0; i < count; i++)
		changes[i] = (struct virtio_input_change){
			.type = (uint16_t)(fuzz_take(input, 1) % (EV_ABS + 2)),
			.code = (uint16_t)fuzz_take(input, 2),
			.value = (int32_t)fuzz_take(input, 2),
		};
	virtio_input_send(machine->device, changes, count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	struct virtio_input_options options = {
		.kind = (enum virtio_input_kind)(fuzz_take(&input, 1) % VIRTIO_INPUT_KINDS),
		.serial = "fuzz"};
	struct fuzz_machine machine;

	fuzz_machine_init(&machine);
	machine.backend = events_come;
	fuzz_machine_run(&machine, virtio_input_create(&options, &machine.memory, &machine.loop, NULL),
			 &input);
	return 0;
}
