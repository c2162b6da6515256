/* The GPU; the backend's operation is a display that would like another size. What the display is told is
 * held against what it was told before, and every picture that it may look at is there. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common/util.h"
#include "devmodel/virtio/gpu.h"
#include "tests/fuzz/virtio/machine.h"

#define HEADS 3

struct screen {
	struct virtio_gpu_display display;
	struct virtio_gpu_scanout scanouts[HEADS]; /* width 0: dark */
};

static struct virtio_gpu_scanout *shown(struct virtio_gpu_display *display, unsigned index)
{
	if (index >= HEADS)
		abort();
	return &CONTAINER_OF(display, struct screen, display)->scanouts[index];
}

static void scanout_set(struct virtio_gpu_display *display, unsigned index,
			const struct virtio_gpu_scanout *scanout)
{
	*shown(display, index) = *scanout;
	if (scanout->width == 0 || scanout->height == 0 ||
	    scanout->offset + (uint64_t)(scanout->height - 1) * scanout->stride + scanout->width * 4ULL >
		    scanout->size)
		abort();
}

static void scanout_off(struct virtio_gpu_display *display, unsigned index)
{
	if (shown(display, index)->width == 0)
		abort();
	shown(display, index)->width = 0;
}

/* Beyond the memfd's end this would be SIGBUS. */
static void look(const struct virtio_gpu_scanout *scanout)
{
	uint8_t *bytes = mmap(NULL, scanout->size, PROT_READ, MAP_SHARED, scanout->memfd, 0);
	volatile uint8_t last;

	if (bytes == MAP_FAILED)
		abort();
	last = bytes[scanout->size - 1];
	(void)last;
	munmap(bytes, scanout->size);
}

static void flush(struct virtio_gpu_display *display, unsigned index, const struct virtio_gpu_area *area)
{
	const struct virtio_gpu_scanout *scanout = shown(display, index);

	if (area->width == 0 || area->height == 0 || area->x + area->width > scanout->width ||
	    area->y + area->height > scanout->height)
		abort();
	look(scanout);
}

static void cursor_set(struct virtio_gpu_display *display, unsigned index,
		       const struct virtio_gpu_cursor *cursor)
{
	static uint8_t pixels[VIRTIO_GPU_CURSOR_SIDE * VIRTIO_GPU_CURSOR_SIDE * VIRTIO_GPU_PIXEL];

	shown(display, index);
	if (cursor->hot_x >= VIRTIO_GPU_CURSOR_SIDE || cursor->hot_y >= VIRTIO_GPU_CURSOR_SIDE)
		abort();
	if (cursor->pixels)
		memcpy(pixels, cursor->pixels, sizeof(pixels));
}

static void cursor_move(struct virtio_gpu_display *display, unsigned index, int32_t x, int32_t y)
{
	shown(display, index);
	(void)x;
	(void)y;
}

static void size_wanted(struct fuzz_machine *machine, struct fuzz_input *input)
{
	unsigned index = (unsigned)fuzz_take(input, 1);
	uint32_t width = (uint32_t)fuzz_take(input, 2);
	uint32_t height = (uint32_t)fuzz_take(input, 2);

	virtio_gpu_set_size(machine->device, index, width, height);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct screen screen = {.display = {
					.scanout_set = scanout_set,
					.scanout_off = scanout_off,
					.flush = flush,
					.cursor_set = cursor_set,
					.cursor_move = cursor_move,
				}};
	struct virtio_gpu_options options = {
		.heads = HEADS, .width = 640, .height = 480, .vram = 256 << 10, .display = &screen.display};
	struct fuzz_input input = {data, size};
	struct fuzz_machine machine;

	fuzz_machine_init(&machine);
	machine.backend = size_wanted;
	fuzz_machine_run(&machine, virtio_gpu_create(&options, &machine.memory, &machine.loop, NULL), &input);
	return 0;
}
