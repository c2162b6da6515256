/* The GPU, driven from the guest's side: a picture out of scattered pages of its own is shown on the host. */
#define WIDE  64
#define HIGH  40
#define COLOR 0x00c0ffeeU

#ifdef MICRO_GUEST
#include <linux/virtio_gpu.h>
#include <linux/virtio_ids.h>

#include "tests/micro/guest_virtio.h"

#define PIECES 5 /* of 8 lines each, the last one first */
#define PIECE  (WIDE * HIGH / PIECES)

static uint32_t pixels[WIDE * HIGH] __attribute__((aligned(4096)));
static struct virtio_gpu_ctrl_hdr answer;

static uint32_t ask(void *request, uint32_t size)
{
	struct virtio_part parts[] = {{request, size, false}, {&answer, sizeof(answer), true}};

	answer.type = 0;
	return virtio_do(0, parts, 2) == sizeof(answer) ? answer.type : 0;
}

static uint32_t attach(void)
{
	static struct {
		struct virtio_gpu_resource_attach_backing command;
		struct virtio_gpu_mem_entry entries[PIECES];
	} request;

	request.command.hdr.type = VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING;
	request.command.resource_id = 1;
	request.command.nr_entries = PIECES;
	for (unsigned i = 0; i < PIECES; i++) {
		request.entries[i].addr = (uint64_t)&pixels[(PIECES - 1 - i) * PIECE];
		request.entries[i].length = PIECE * sizeof(pixels[0]);
	}
	return ask(&request, sizeof(request));
}

GUEST(draws)
{
	static struct virtio_gpu_resource_create_2d create = {
		{.type = VIRTIO_GPU_CMD_RESOURCE_CREATE_2D}, 1, VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, WIDE, HIGH};
	static struct virtio_gpu_set_scanout show = {
		{.type = VIRTIO_GPU_CMD_SET_SCANOUT}, {0, 0, WIDE, HIGH}, 0, 1};
	static struct virtio_gpu_transfer_to_host_2d transfer = {
		{.type = VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D}, {0, 0, WIDE, HIGH}, 0, 1, 0};
	static struct virtio_gpu_resource_flush flush = {
		{.type = VIRTIO_GPU_CMD_RESOURCE_FLUSH}, {0, 0, WIDE, HIGH}, 1, 0};

	EXPECT(virtio_start(VIRTIO_ID_GPU, 1ULL << VIRTIO_GPU_F_EDID, 2));
	for (unsigned i = 0; i < WIDE * HIGH; i++)
		pixels[i] = COLOR + i;
	EXPECT(ask(&create, sizeof(create)) == VIRTIO_GPU_RESP_OK_NODATA);
	EXPECT(attach() == VIRTIO_GPU_RESP_OK_NODATA);
	EXPECT(ask(&show, sizeof(show)) == VIRTIO_GPU_RESP_OK_NODATA);
	EXPECT(ask(&transfer, sizeof(transfer)) == VIRTIO_GPU_RESP_OK_NODATA);
	EXPECT(ask(&flush, sizeof(flush)) == VIRTIO_GPU_RESP_OK_NODATA);
	show.resource_id = 2;
	EXPECT(ask(&show, sizeof(show)) == VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
	return 0;
}

#else
#include <sys/uio.h>

#include "common/util.h"
#include "devmodel/virtio/gpu.h"
#include "tests/micro/micro.h"

#define LINES_OF_A_PIECE 8U

struct screen {
	struct virtio_gpu_display display;
	struct virtio_gpu_scanout scanout;
	unsigned flushed;
};

static void scanout_set(struct virtio_gpu_display *display, unsigned index,
			const struct virtio_gpu_scanout *scanout)
{
	(void)index;
	CONTAINER_OF(display, struct screen, display)->scanout = *scanout;
}

static void flush(struct virtio_gpu_display *display, unsigned index, const struct virtio_gpu_area *area)
{
	(void)index;
	CONTAINER_OF(display, struct screen, display)->flushed += area->width * area->height;
}

MICRO_TEST(virtio_gpu, what_a_guest_draws_is_shown)
{
	struct screen screen = {.display = {.scanout_set = scanout_set, .flush = flush}};
	struct virtio_gpu_options options = {
		.heads = 1, .width = 640, .height = 480, .vram = MIB(1), .display = &screen.display};
	static uint32_t pixels[WIDE * HIGH];
	struct iovec all = {.iov_base = pixels, .iov_len = sizeof(pixels)};
	struct virtio_device *gpu;
	struct micro micro;
	struct error err;

	micro_create(&micro, 1);
	gpu = virtio_gpu_create(&options, &micro.memory, &micro.loop, &err);
	cr_assert_not_null(gpu, "%s", err.text);
	micro_virtio_device(&micro, gpu);
	micro_expect(&micro, "draws", 0);
	cr_assert_eq(screen.flushed, WIDE * HIGH);
	cr_assert_eq(preadv2(screen.scanout.memfd, &all, 1, (off_t)screen.scanout.offset, 0),
		     (ssize_t)sizeof(pixels));
	for (unsigned y = 0; y < HIGH; y++) {
		unsigned from = (HIGH / LINES_OF_A_PIECE - 1 - y / LINES_OF_A_PIECE) * LINES_OF_A_PIECE +
				y % LINES_OF_A_PIECE;

		for (unsigned x = 0; x < WIDE; x++)
			cr_assert_eq(pixels[y * WIDE + x], COLOR + from * WIDE + x, "at %u, %u", x, y);
	}
	virtio_device_destroy(gpu);
	micro_destroy(&micro);
}
#endif
