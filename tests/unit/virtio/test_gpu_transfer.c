/* What a GPU copies out of its guest's memory (virtio 1.2, 5.7.6.8), and where it is then. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/util.h"
#include "tests/unit/virtio/gpu_rig.h"

#define OK           VIRTIO_GPU_RESP_OK_NODATA
#define UNSPEC       VIRTIO_GPU_RESP_ERR_UNSPEC
#define BAD_RESOURCE VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID
#define BAD          VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER

#define MOST  UINT32_MAX
#define WIDE  64
#define HIGH  48
#define COLOR 0x00336699U

static void setup(void)
{
	gpu_rig_open(1, MIB(16));
}

TestSuite(gpu_transfer, .init = setup, .fini = gpu_rig_close);

Test(gpu_transfer, transfers_that_fit_are_done_and_others_refused)
{
	static const struct {
		uint32_t id;
		struct virtio_gpu_rect area;
		uint64_t offset;
		uint32_t answer;
	} rows[] = {
		{1, {0, 0, WIDE, HIGH}, 0, OK},
		{1, {WIDE - 1, HIGH - 1, 1, 1}, WIDE * HIGH * 4 - 4, OK},
		{1, {0, 0, 0, 0}, 0, OK},
		{1, {WIDE, HIGH, 0, 0}, 0, OK},
		{1, {0, 0, 1, HIGH}, (WIDE - 1) * 4, OK},
		{1, {0, 0, WIDE + 1, HIGH}, 0, BAD},
		{1, {0, 0, WIDE, HIGH + 1}, 0, BAD},
		{1, {1, 0, WIDE, HIGH}, 0, BAD},
		{1, {0, 1, WIDE, HIGH}, 0, BAD},
		{1, {WIDE + 1, 0, 0, 0}, 0, BAD},
		{1, {0, HIGH + 1, 0, 0}, 0, BAD},
		{1, {MOST, 0, 2, 1}, 0, BAD},
		{1, {0, MOST, 1, 2}, 0, BAD},
		{1, {2, 0, MOST, 1}, 0, BAD},
		{1, {0, 2, 1, MOST}, 0, BAD},
		{1, {MOST, MOST, MOST, MOST}, UINT64_MAX, BAD},
		{1, {0, 0, WIDE, HIGH}, 1, BAD},
		{1, {0, 0, 1, HIGH}, WIDE * 4, BAD},
		{1, {0, 0, 1, 1}, WIDE * HIGH * 4 - 3, BAD},
		{1, {0, 0, 1, 1}, WIDE * HIGH * 4, BAD},
		{1, {0, 0, 1, 1}, UINT64_MAX - 3, BAD},
		{1, {0, 0, 1, 1}, 1ULL << 63, BAD},
		{2, {0, 0, 1, 1}, 0, UNSPEC},
		{0, {0, 0, 1, 1}, 0, BAD_RESOURCE},
		{3, {0, 0, 1, 1}, 0, BAD_RESOURCE},
	};

	gpu_picture(1, XRGB, WIDE, HIGH);
	cr_assert_eq(gpu_create(2, XRGB, WIDE, HIGH), OK);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		cr_expect_eq(gpu_transfer(rows[i].id, rows[i].area, rows[i].offset), rows[i].answer,
			     "row %zu", i);
}

Test(gpu_transfer, a_transfer_changes_its_area_and_nothing_else)
{
	uint64_t address = gpu_picture(1, XRGB, WIDE, HIGH);
	uint32_t *guest = driver_at(&rig.driver, address, WIDE * HIGH * 4);
	const struct virtio_gpu_scanout *scanout = gpu_show(1, WIDE, HIGH);

	for (uint32_t i = 0; i < WIDE * HIGH; i++)
		guest[i] = COLOR + i;
	cr_assert_eq(gpu_transfer(1, (struct virtio_gpu_rect){5, 7, 11, 13}, (7 * WIDE + 5) * 4), OK);
	for (uint32_t y = 0; y < HIGH; y++) {
		for (uint32_t x = 0; x < WIDE; x++) {
			bool inside = x >= 5 && x < 16 && y >= 7 && y < 20;

			cr_assert_eq(gpu_pixel(scanout, x, y), inside ? COLOR + y * WIDE + x : 0, "at %u, %u",
				     x, y);
		}
	}
}

/* Pieces of odd sizes in wrong order: bytes come together all the same. */
Test(gpu_transfer, scattered_memory_is_one_picture)
{
	struct virtio_gpu_mem_entry entries[250];
	uint8_t bytes[50 * 41];
	uint64_t address = driver_alloc(&rig.driver, ARRAY_SIZE(entries) * 16);
	const struct virtio_gpu_scanout *scanout;
	uint32_t at = 0, count = 0;

	for (uint32_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7 + i / 256);
	for (; at < sizeof(bytes); count++) {
		uint32_t length = MIN(1 + count % 16, (uint32_t)sizeof(bytes) - at);

		entries[count] = (struct virtio_gpu_mem_entry){
			.addr = address + (ARRAY_SIZE(entries) - 1 - count) * 16, .length = length};
		memcpy(driver_at(&rig.driver, entries[count].addr, length), bytes + at, length);
		at += length;
	}
	cr_assert_eq(gpu_create(1, XRGB, 25, 20), OK);
	cr_assert_eq(gpu_attach(1, entries, count), OK);
	scanout = gpu_show(1, 25, 20);
	cr_assert_eq(gpu_transfer(1, (struct virtio_gpu_rect){0, 0, 25, 20}, 3), OK);
	for (uint32_t i = 0; i < 25 * 20; i++) {
		uint32_t wanted;

		memcpy(&wanted, bytes + 3 + i * 4, 4);
		cr_assert_eq(gpu_pixel(scanout, i % 25, i / 25), wanted, "pixel %u", i);
	}
	cr_assert_eq(gpu_transfer(1, (struct virtio_gpu_rect){3, 2, 9, 17}, 7), OK);
	for (uint32_t y = 0; y < 17; y++) {
		uint32_t wanted;

		memcpy(&wanted, bytes + 7 + y * 100 + 8 * 4, 4);
		cr_assert_eq(gpu_pixel(scanout, 3 + 8, 2 + y), wanted, "line %u", y);
	}
}

Test(gpu_transfer, a_long_list_of_pieces_is_copied_in_several_calls)
{
	enum { PIECES = 5000 };
	struct {
		struct virtio_gpu_resource_attach_backing command;
		struct virtio_gpu_mem_entry entries[PIECES];
	} *request = calloc(1, sizeof(*request));
	uint64_t address = driver_alloc(&rig.driver, PIECES * 4);
	uint32_t *guest = driver_at(&rig.driver, address, PIECES * 4);
	const struct virtio_gpu_scanout *scanout;

	request->command = (struct virtio_gpu_resource_attach_backing){
		{.type = VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING}, 1, PIECES};
	for (uint32_t i = 0; i < PIECES; i++) {
		guest[i] = i;
		request->entries[PIECES - 1 - i] =
			(struct virtio_gpu_mem_entry){.addr = address + i * 4, .length = 4};
	}
	cr_assert_eq(gpu_create(1, XRGB, 100, 50), OK);
	cr_assert_eq(gpu_ask(request, sizeof(*request), NULL, 0), OK);
	free(request);
	scanout = gpu_show(1, 100, 50);
	cr_assert_eq(gpu_transfer(1, (struct virtio_gpu_rect){0, 0, 100, 50}, 0), OK);
	for (uint32_t i = 0; i < PIECES; i++)
		cr_assert_eq(gpu_pixel(scanout, i % 100, i / 100), PIECES - 1 - i);
}

Test(gpu_transfer, transferred_bytes_are_counted)
{
	struct virtio_counters counters;

	gpu_picture(1, XRGB, WIDE, HIGH);
	cr_assert_eq(gpu_transfer(1, (struct virtio_gpu_rect){0, 0, WIDE, HIGH}, 0), OK);
	virtio_device_count(rig.driver.device, &counters);
	cr_assert_eq(counters.from_guest, WIDE * HIGH * 4);
	cr_assert_eq(counters.errors, 0);
}

/* ---- Who else maps a picture ---- */

Test(gpu_transfer, nobody_can_make_a_picture_shorter_or_longer)
{
	const struct virtio_gpu_scanout *scanout;

	gpu_picture(1, XRGB, WIDE, HIGH);
	scanout = gpu_show(1, WIDE, HIGH);
	cr_assert_eq(scanout->size, 3 * 4096);
	cr_assert_eq(lseek(scanout->memfd, 0, SEEK_END), 3 * 4096);
	cr_assert_eq(fcntl(scanout->memfd, F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	cr_assert_lt(ftruncate(scanout->memfd, 0), 0);
	cr_assert_lt(ftruncate(scanout->memfd, 1 << 20), 0);
	cr_assert_neq(mmap(NULL, scanout->size, PROT_READ, MAP_SHARED, scanout->memfd, 0), MAP_FAILED);
}
