#include "tests/unit/virtio/gpu_rig.h"

#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "common/util.h"

struct gpu_rig rig;

/* ---- The display ---- */

static struct gpu_seen *write_down(enum gpu_told what, unsigned index)
{
	struct gpu_seen *seen = &rig.seen[rig.count];

	cr_assert_lt(rig.count, (unsigned)GPU_SEEN_MAX);
	rig.count++;
	*seen = (struct gpu_seen){.what = what, .index = index};
	return seen;
}

static void scanout_set(struct virtio_gpu_display *display, unsigned index,
			const struct virtio_gpu_scanout *scanout)
{
	cr_assert_eq(display, &rig.display);
	write_down(TOLD_SET, index)->scanout = *scanout;
}

static void scanout_off(struct virtio_gpu_display *display, unsigned index)
{
	(void)display;
	write_down(TOLD_OFF, index);
}

static void flush(struct virtio_gpu_display *display, unsigned index, const struct virtio_gpu_area *area)
{
	(void)display;
	write_down(TOLD_FLUSH, index)->area = *area;
}

static void cursor_set(struct virtio_gpu_display *display, unsigned index,
		       const struct virtio_gpu_cursor *cursor)
{
	struct gpu_seen *seen = write_down(TOLD_CURSOR, index);

	(void)display;
	seen->cursor = *cursor;
	if (cursor->pixels)
		memcpy(seen->pixels, cursor->pixels, sizeof(seen->pixels));
}

static void cursor_move(struct virtio_gpu_display *display, unsigned index, int32_t x, int32_t y)
{
	struct gpu_seen *seen = write_down(TOLD_MOVE, index);

	(void)display;
	seen->x = x;
	seen->y = y;
}

const struct gpu_seen *gpu_told_once(enum gpu_told what, unsigned index)
{
	cr_assert_eq(rig.count, 1, "told %u times", rig.count);
	cr_assert_eq(rig.seen[0].what, what);
	cr_assert_eq(rig.seen[0].index, index);
	rig.count = 0;
	return &rig.seen[0];
}

uint32_t gpu_pixel(const struct virtio_gpu_scanout *scanout, uint32_t x, uint32_t y)
{
	uint64_t at = scanout->offset + (uint64_t)y * scanout->stride + x * 4;
	uint32_t pixel = 0;

	cr_assert_leq(at + sizeof(pixel), scanout->size);
	cr_assert_eq(pread(scanout->memfd, &pixel, sizeof(pixel), (off_t)at), (ssize_t)sizeof(pixel));
	return pixel;
}

/* ---- The driver ---- */

void gpu_rig_open(unsigned heads, uint64_t vram)
{
	struct virtio_gpu_options options = {
		.heads = heads, .width = 1024, .height = 768, .vram = vram, .display = &rig.display};
	struct error err;

	memset(&rig, 0, sizeof(rig));
	rig.display = (struct virtio_gpu_display){
		.scanout_set = scanout_set,
		.scanout_off = scanout_off,
		.flush = flush,
		.cursor_set = cursor_set,
		.cursor_move = cursor_move,
	};
	driver_init(&rig.driver);
	driver_plug(&rig.driver, virtio_gpu_create(&options, &rig.driver.memory, &rig.driver.loop, &err));
	driver_start(&rig.driver, rig.driver.device->offered & ~DRIVER_PACKED);
}

void gpu_rig_close(void)
{
	driver_close(&rig.driver);
}

/* The same pages for each question, so that a test may ask as often as it likes. */
uint32_t gpu_ask(const void *request, uint32_t size, void *answer, uint32_t answer_size)
{
	uint64_t heap = rig.driver.heap;
	struct driver_buffer buffers[] = {driver_out(&rig.driver, request, size),
					  driver_in(&rig.driver, answer ? answer_size : 64)};
	struct virtio_gpu_ctrl_hdr *header = driver_at(&rig.driver, buffers[1].address, buffers[1].len);
	struct driver_used used;

	memset(header, 0, buffers[1].len);
	driver_add(&rig.driver, CONTROL, buffers, 2);
	driver_kick(&rig.driver, CONTROL);
	cr_assert(driver_collect(&rig.driver, CONTROL, &used));
	cr_assert_geq(used.written, sizeof(*header));
	if (answer)
		memcpy(answer, header, answer_size);
	rig.driver.heap = heap;
	return header->type;
}

uint32_t gpu_create(uint32_t id, uint32_t format, uint32_t width, uint32_t height)
{
	struct virtio_gpu_resource_create_2d request = {
		{.type = VIRTIO_GPU_CMD_RESOURCE_CREATE_2D}, id, format, width, height};

	return gpu_ask(&request, sizeof(request), NULL, 0);
}

uint32_t gpu_unref(uint32_t id)
{
	struct virtio_gpu_resource_unref request = {{.type = VIRTIO_GPU_CMD_RESOURCE_UNREF}, id, 0};

	return gpu_ask(&request, sizeof(request), NULL, 0);
}

uint32_t gpu_attach(uint32_t id, const struct virtio_gpu_mem_entry *entries, uint32_t count)
{
	struct virtio_gpu_resource_attach_backing request = {
		{.type = VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING}, id, count};
	uint8_t bytes[sizeof(request) + 256 * sizeof(*entries)];

	cr_assert_leq(count, 256u);
	memcpy(bytes, &request, sizeof(request));
	memcpy(bytes + sizeof(request), entries, count * sizeof(*entries));
	return gpu_ask(bytes, (uint32_t)(sizeof(request) + count * sizeof(*entries)), NULL, 0);
}

uint32_t gpu_detach(uint32_t id)
{
	struct virtio_gpu_resource_detach_backing request = {
		{.type = VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING}, id, 0};

	return gpu_ask(&request, sizeof(request), NULL, 0);
}

uint32_t gpu_transfer(uint32_t id, struct virtio_gpu_rect area, uint64_t offset)
{
	struct virtio_gpu_transfer_to_host_2d request = {
		{.type = VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D}, area, offset, id, 0};

	return gpu_ask(&request, sizeof(request), NULL, 0);
}

uint32_t gpu_set_scanout(uint32_t index, uint32_t id, struct virtio_gpu_rect area)
{
	struct virtio_gpu_set_scanout request = {{.type = VIRTIO_GPU_CMD_SET_SCANOUT}, area, index, id};

	return gpu_ask(&request, sizeof(request), NULL, 0);
}

uint32_t gpu_flush(uint32_t id, struct virtio_gpu_rect area)
{
	struct virtio_gpu_resource_flush request = {{.type = VIRTIO_GPU_CMD_RESOURCE_FLUSH}, area, id, 0};

	return gpu_ask(&request, sizeof(request), NULL, 0);
}

uint32_t gpu_cursor(const struct virtio_gpu_update_cursor *request)
{
	uint64_t heap = rig.driver.heap;
	struct driver_buffer buffers[] = {driver_out(&rig.driver, request, sizeof(*request)),
					  driver_in(&rig.driver, sizeof(struct virtio_gpu_ctrl_hdr))};
	const struct virtio_gpu_ctrl_hdr *header = driver_at(&rig.driver, buffers[1].address, buffers[1].len);
	struct driver_used used;

	driver_add(&rig.driver, CURSOR, buffers, 2);
	driver_kick(&rig.driver, CURSOR);
	cr_assert(driver_collect(&rig.driver, CURSOR, &used));
	cr_assert_eq(used.written, sizeof(*header));
	rig.driver.heap = heap;
	return header->type;
}

uint64_t gpu_picture(uint32_t id, uint32_t format, uint32_t width, uint32_t height)
{
	uint64_t size = (uint64_t)width * height * 4;
	struct virtio_gpu_mem_entry entry = {.addr = driver_alloc(&rig.driver, size),
					     .length = (uint32_t)size};

	cr_assert_eq(gpu_create(id, format, width, height), VIRTIO_GPU_RESP_OK_NODATA);
	cr_assert_eq(gpu_attach(id, &entry, 1), VIRTIO_GPU_RESP_OK_NODATA);
	return entry.addr;
}

const struct virtio_gpu_scanout *gpu_show(uint32_t id, uint32_t width, uint32_t height)
{
	cr_assert_eq(gpu_set_scanout(0, id, (struct virtio_gpu_rect){0, 0, width, height}),
		     VIRTIO_GPU_RESP_OK_NODATA);
	return &gpu_told_once(TOLD_SET, 0)->scanout;
}
