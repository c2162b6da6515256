/* The disk behind the MMIO transport; the disk is a memfd. */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "devmodel/virtio/blk.h"
#include "tests/fuzz/virtio/machine.h"

#define DISK_SIZE (16 * 1024)

static int disk = -1;

/* A disk that another process cuts short, and mends. */
static void disk_changes(struct fuzz_machine *machine, struct fuzz_input *input)
{
	(void)machine;
	if (ftruncate(disk, (off_t)(fuzz_take(input, 2) % (DISK_SIZE + 1))) < 0)
		abort();
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
	struct virtio_blk_options options = {.name = "fuzz", .size = DISK_SIZE, .id = "fuzz"};
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
	options.fd = dup(disk);
	fuzz_machine_init(&machine);
	machine.backend = disk_changes;
	fuzz_machine_run(&machine, virtio_blk_create(&options, &machine.memory, &machine.loop, NULL), &input);
	check_disk();
	return 0;
}
