/* The disk behind the MMIO transport; the disk is a memfd. */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "devmodel/virtio/blk.h"
#include "tests/fuzz/virtio/machine.h"

#define DISK_SIZE (16 * 1024)

static int disk = -1;

static const struct virtio_blk_rates none;

/* A disk that another process cuts short, and mends; one that grows; other limits; what failed is tried
 * again. */
static void disk_changes(struct fuzz_machine *machine, struct fuzz_input *input)
{
	uint64_t size = fuzz_take(input, 2) % (DISK_SIZE + 1);
	struct virtio_blk_rates rates = {.read = {.rate = size}};

	switch (fuzz_take(input, 1) % 4) {
	case 0:
		if (ftruncate(disk, (off_t)size) < 0)
			abort();
		break;
	case 1:
		virtio_blk_resize(machine->device, size & ~511ULL, NULL);
		break;
	case 2:
		virtio_blk_limit(machine->device, &none, &rates, NULL);
		break;
	case 3:
		virtio_blk_retry(machine->device);
		break;
	}
}

static void disk_stopped(void *owner, const char *why)
{
	(void)owner;
	(void)why;
}

/* With io_uring, unless this kernel has none for us. */
static struct virtio_device *create(struct virtio_blk_options *options, struct fuzz_machine *machine)
{
	struct virtio_device *device = virtio_blk_create(options, &machine->memory, &machine->loop, NULL);

	if (device || options->engine != VIRTIO_BLK_IO_URING)
		return device;
	options->engine = VIRTIO_BLK_BLOCKING;
	return virtio_blk_create(options, &machine->memory, &machine->loop, NULL);
}

static void open_disk(void)
{
	if (disk < 0)
		disk = memfd_create("disk", MFD_CLOEXEC);
	if (disk < 0 || ftruncate(disk, DISK_SIZE) < 0)
		abort();
}

static void check_disk(void)
{
	struct stat status;

	if (fstat(disk, &status) < 0 || status.st_size > DISK_SIZE)
		abort(); /* a write went past the end */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	struct fuzz_machine machine;
	struct virtio_blk_options options = {.name = "fuzz", .size = DISK_SIZE / 2, .id = "fuzz"};
	unsigned chosen;

	open_disk();
	chosen = (unsigned)fuzz_take(&input, 1);
	options.read_only = chosen & 1;
	options.discard = chosen & 2;
	options.write_through = chosen & 4;
	options.ignore_errors = chosen & 8;
	options.logical_block = chosen & 16 ? 4096 : 0;
	if (chosen & 32) /* what is over the limit waits for longer than the input lasts */
		options.bytes.total = (struct rate){.rate = 1024, .burst = 4096};
	options.engine = chosen & 64 ? VIRTIO_BLK_IO_URING : VIRTIO_BLK_BLOCKING;
	options.queues = chosen & 128 ? 3 : 1;
	if (chosen & 128 && chosen & 8)
		options.stopped = disk_stopped;
	options.fd = dup(disk);
	fuzz_machine_init(&machine);
	machine.backend = disk_changes;
	fuzz_machine_run(&machine, create(&options, &machine), &input);
	check_disk();
	return 0;
}
