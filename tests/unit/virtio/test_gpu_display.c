/* What a GPU's displays show, what the guest is told of them, and the pointer. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "common/util.h"
#include "tests/unit/virtio/gpu_rig.h"

#define OK           VIRTIO_GPU_RESP_OK_NODATA
#define UNSPEC       VIRTIO_GPU_RESP_ERR_UNSPEC
#define BAD_SCANOUT  VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID
#define BAD_RESOURCE VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID
#define BAD          VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER

#define MOST UINT32_MAX
#define WIDE 64
#define HIGH 48

static void setup(void)
{
	gpu_rig_open(3, MIB(16));
}

TestSuite(gpu_display, .init = setup, .fini = gpu_rig_close);

/* ---- Scanouts ---- */

Test(gpu_display, a_picture_is_shown_or_refused)
{
	static const struct {
		uint32_t index, id;
		struct virtio_gpu_rect area;
		uint32_t answer;
	} rows[] = {
		{0, 1, {0, 0, WIDE, HIGH}, OK},
		{2, 1, {WIDE - 1, HIGH - 1, 1, 1}, OK},
		{3, 1, {0, 0, WIDE, HIGH}, BAD_SCANOUT},
		{MOST, 1, {0, 0, WIDE, HIGH}, BAD_SCANOUT},
		{3, 0, {0, 0, 0, 0}, BAD_SCANOUT},
		{0, 2, {0, 0, WIDE, HIGH}, BAD_RESOURCE},
		{0, 1, {0, 0, WIDE + 1, HIGH}, BAD},
		{0, 1, {0, 0, WIDE, HIGH + 1}, BAD},
		{0, 1, {0, 0, 0, HIGH}, BAD},
		{0, 1, {0, 0, WIDE, 0}, BAD},
		{0, 1, {1, 0, WIDE, HIGH}, BAD},
		{0, 1, {0, 1, WIDE, HIGH}, BAD},
		{0, 1, {MOST, 0, 2, 1}, BAD},
		{0, 1, {0, 2, 1, MOST}, BAD},
		{0, 0, {1, 2, 3, 4}, OK},
		{1, 0, {0, 0, 0, 0}, OK},
	};
	unsigned told = 0;

	gpu_picture(1, XRGB, WIDE, HIGH);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		cr_expect_eq(gpu_set_scanout(rows[i].index, rows[i].id, rows[i].area), rows[i].answer,
			     "row %zu", i);
		told += rows[i].answer == OK && (rows[i].id || rows[i].index == 0);
	}
	cr_assert_eq(rig.count, told, "one that shows nothing is not switched off");
}

Test(gpu_display, a_part_of_a_picture_can_be_shown)
{
	uint64_t address = gpu_picture(1, ARGB, WIDE, HIGH);
	uint32_t *guest = driver_at(&rig.driver, address, WIDE * HIGH * 4);
	const struct virtio_gpu_scanout *scanout;

	guest[10 * WIDE + 20] = 0xff102030;
	guest[29 * WIDE + 49] = 0xff405060;
	cr_assert_eq(gpu_transfer(1, (struct virtio_gpu_rect){0, 0, WIDE, HIGH}, 0), OK);
	cr_assert_eq(gpu_set_scanout(1, 1, (struct virtio_gpu_rect){20, 10, 30, 20}), OK);
	scanout = &gpu_told_once(TOLD_SET, 1)->scanout;
	cr_assert_eq(scanout->width, 30);
	cr_assert_eq(scanout->height, 20);
	cr_assert_eq(scanout->stride, WIDE * 4);
	cr_assert_eq(scanout->format, (unsigned)ARGB);
	cr_assert_eq(gpu_pixel(scanout, 0, 0), 0xff102030);
	cr_assert_eq(gpu_pixel(scanout, 29, 19), 0xff405060);
}

Test(gpu_display, a_picture_that_goes_is_no_longer_shown)
{
	gpu_picture(1, XRGB, WIDE, HIGH);
	gpu_picture(2, XRGB, WIDE, HIGH);
	cr_assert_eq(gpu_set_scanout(0, 1, (struct virtio_gpu_rect){0, 0, WIDE, HIGH}), OK);
	cr_assert_eq(gpu_set_scanout(1, 2, (struct virtio_gpu_rect){0, 0, WIDE, HIGH}), OK);
	cr_assert_eq(gpu_set_scanout(2, 1, (struct virtio_gpu_rect){0, 0, WIDE, HIGH}), OK);
	rig.count = 0;
	cr_assert_eq(gpu_unref(1), OK);
	cr_assert_eq(rig.count, 2);
	cr_assert(rig.seen[0].what == TOLD_OFF && rig.seen[0].index == 0);
	cr_assert(rig.seen[1].what == TOLD_OFF && rig.seen[1].index == 2);
	rig.count = 0;
	cr_assert_eq(gpu_set_scanout(0, 0, (struct virtio_gpu_rect){0}), OK);
	cr_assert_eq(rig.count, 0);
}

Test(gpu_display, only_what_is_seen_is_flushed)
{
	static const struct {
		uint32_t id;
		struct virtio_gpu_rect area;
		uint32_t answer;
		struct virtio_gpu_area seen; /* empty: nothing */
	} rows[] = {
		{1, {0, 0, WIDE, HIGH}, OK, {0, 0, 30, 20}},
		{1, {20, 10, 30, 20}, OK, {0, 0, 30, 20}},
		{1, {25, 12, 1, 2}, OK, {5, 2, 1, 2}},
		{1, {0, 0, 21, 11}, OK, {0, 0, 1, 1}},
		{1, {49, 29, 15, 19}, OK, {29, 19, 1, 1}},
		{1, {0, 0, 20, HIGH}, OK, {0}},
		{1, {50, 0, 14, HIGH}, OK, {0}},
		{1, {0, 30, WIDE, 18}, OK, {0}},
		{1, {25, 12, 0, 2}, OK, {0}},
		{1, {WIDE, HIGH, 0, 0}, OK, {0}},
		{2, {0, 0, WIDE, HIGH}, OK, {0}},
		{1, {0, 0, WIDE + 1, HIGH}, BAD, {0}},
		{1, {0, 0, WIDE, HIGH + 1}, BAD, {0}},
		{1, {MOST, 0, 2, 1}, BAD, {0}},
		{1, {1, 1, MOST, MOST}, BAD, {0}},
		{0, {0, 0, 1, 1}, BAD_RESOURCE, {0}},
		{3, {0, 0, 1, 1}, BAD_RESOURCE, {0}},
	};

	gpu_picture(1, XRGB, WIDE, HIGH);
	gpu_picture(2, XRGB, WIDE, HIGH);
	cr_assert_eq(gpu_set_scanout(1, 1, (struct virtio_gpu_rect){20, 10, 30, 20}), OK);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct virtio_gpu_area *seen = &rig.seen[0].area;

		rig.count = 0;
		cr_expect_eq(gpu_flush(rows[i].id, rows[i].area), rows[i].answer, "row %zu", i);
		cr_assert_eq(rig.count, rows[i].seen.width ? 1U : 0U, "row %zu", i);
		if (rig.count)
			cr_expect(rig.seen[0].index == 1 && seen->x == rows[i].seen.x &&
					  seen->y == rows[i].seen.y && seen->width == rows[i].seen.width &&
					  seen->height == rows[i].seen.height,
				  "row %zu: %u,%u %ux%u", i, seen->x, seen->y, seen->width, seen->height);
	}
}

Test(gpu_display, displays_that_show_the_same_are_all_flushed)
{
	gpu_picture(1, XRGB, WIDE, HIGH);
	for (unsigned i = 0; i < 3; i++)
		cr_assert_eq(gpu_set_scanout(i, 1, (struct virtio_gpu_rect){0, 0, WIDE, HIGH}), OK);
	rig.count = 0;
	cr_assert_eq(gpu_flush(1, (struct virtio_gpu_rect){0, 0, WIDE, HIGH}), OK);
	cr_assert_eq(rig.count, 3);
	for (unsigned i = 0; i < 3; i++)
		cr_assert(rig.seen[i].what == TOLD_FLUSH && rig.seen[i].index == i);
}

/* ---- Sizes ---- */

static struct virtio_gpu_resp_display_info display_info(void)
{
	struct virtio_gpu_ctrl_hdr request = {.type = VIRTIO_GPU_CMD_GET_DISPLAY_INFO};
	struct virtio_gpu_resp_display_info answer;

	cr_assert_eq(gpu_ask(&request, sizeof(request), &answer, sizeof(answer)),
		     VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
	return answer;
}

Test(gpu_display, displays_are_beside_each_other)
{
	struct virtio_gpu_resp_display_info info = display_info();

	for (unsigned i = 0; i < VIRTIO_GPU_MAX_SCANOUTS; i++) {
		cr_assert_eq(info.pmodes[i].enabled, i < 3);
		cr_assert_eq(info.pmodes[i].flags, 0);
		cr_assert_eq(info.pmodes[i].r.x, i < 3 ? i * 1024 : 0);
		cr_assert_eq(info.pmodes[i].r.y, 0);
		cr_assert_eq(info.pmodes[i].r.width, i < 3 ? 1024 : 0);
		cr_assert_eq(info.pmodes[i].r.height, i < 3 ? 768 : 0);
	}
}

static uint32_t events_read(void)
{
	struct virtio_gpu_config config;

	virtio_device_config_read(rig.driver.device, 0, (uint8_t *)&config, sizeof(config));
	return config.events_read;
}

static void write_config(uint32_t offset, uint32_t value, uint32_t len)
{
	virtio_device_config_write(rig.driver.device, offset, (const uint8_t *)&value, len);
}

Test(gpu_display, the_guest_is_told_of_a_new_size)
{
	unsigned before = rig.driver.config_interrupts;

	cr_assert_eq(virtio_gpu_set_size(rig.driver.device, 1, 800, 600), 0);
	cr_assert_eq(rig.driver.config_interrupts, before + 1);
	cr_assert_eq(events_read(), VIRTIO_GPU_EVENT_DISPLAY);
	cr_assert_eq(display_info().pmodes[1].r.width, 800);
	cr_assert_eq(display_info().pmodes[1].r.height, 600);
	cr_assert_eq(display_info().pmodes[2].r.x, 1024 + 800);
	cr_assert_eq(virtio_gpu_set_size(rig.driver.device, 1, 800, 600), 0);
	cr_assert_eq(rig.driver.config_interrupts, before + 1, "the same size is no news");
}

Test(gpu_display, the_guest_says_that_it_has_heard)
{
	cr_assert_eq(virtio_gpu_set_size(rig.driver.device, 0, 800, 600), 0);
	write_config(0, 0, 4);
	write_config(4, VIRTIO_GPU_EVENT_DISPLAY, 1);
	write_config(4, 2, 4);
	write_config(8, MOST, 4);
	cr_assert_eq(events_read(), VIRTIO_GPU_EVENT_DISPLAY);
	write_config(4, VIRTIO_GPU_EVENT_DISPLAY, 4);
	cr_assert_eq(events_read(), 0);
}

Test(gpu_display, a_display_can_be_unplugged_and_comes_back)
{
	struct virtio_gpu_resp_display_info info;

	cr_assert_eq(virtio_gpu_set_size(rig.driver.device, 0, 0, 0), 0);
	info = display_info();
	cr_assert_eq(info.pmodes[0].enabled, 0);
	cr_assert_eq(info.pmodes[1].r.x, 0);
	cr_assert_eq(virtio_gpu_set_size(rig.driver.device, 0, 640, 480), 0);
	cr_assert_eq(display_info().pmodes[0].enabled, 1);
}

Test(gpu_display, sizes_that_no_display_has_are_refused)
{
	static const struct {
		uint32_t index, width, height;
		int code;
	} rows[] = {
		{0, VIRTIO_GPU_SIDE_MIN, VIRTIO_GPU_SIDE_MIN, 0},
		{0, VIRTIO_GPU_DISPLAY_MAX, VIRTIO_GPU_DISPLAY_MAX, 0},
		{3, 1024, 768, -EINVAL},
		{MOST, 1024, 768, -EINVAL},
		{0, VIRTIO_GPU_SIDE_MIN - 1, 768, -EINVAL},
		{0, 1024, VIRTIO_GPU_SIDE_MIN - 1, -EINVAL},
		{0, VIRTIO_GPU_DISPLAY_MAX + 1, 768, -EINVAL},
		{0, 1024, VIRTIO_GPU_DISPLAY_MAX + 1, -EINVAL},
		{0, 0, 768, -EINVAL},
		{0, 1024, 0, -EINVAL},
		{0, MOST, MOST, -EINVAL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		cr_expect_eq(
			virtio_gpu_set_size(rig.driver.device, rows[i].index, rows[i].width, rows[i].height),
			rows[i].code, "row %zu", i);
	cr_assert_eq(display_info().pmodes[0].r.width, VIRTIO_GPU_DISPLAY_MAX);
}

static uint32_t get_edid(uint32_t index, struct virtio_gpu_resp_edid *answer)
{
	struct virtio_gpu_cmd_get_edid request = {{.type = VIRTIO_GPU_CMD_GET_EDID}, index, 0};

	return gpu_ask(&request, sizeof(request), answer, sizeof(*answer));
}

Test(gpu_display, each_display_has_an_edid)
{
	struct virtio_gpu_resp_edid answer;

	for (unsigned i = 0; i < 3; i++) {
		cr_assert_eq(get_edid(i, &answer), VIRTIO_GPU_RESP_OK_EDID);
		cr_assert_eq(answer.size, 128);
		cr_assert_eq(answer.edid[12], i + 1, "its serial number");
		cr_assert_eq(answer.edid[54 + 2] | (answer.edid[54 + 4] & 0xf0) << 4, 1024);
	}
	cr_assert_eq(get_edid(3, &answer), BAD_SCANOUT);
	cr_assert_eq(get_edid(MOST, &answer), BAD_SCANOUT);
	cr_assert_eq(virtio_gpu_set_size(rig.driver.device, 0, 0, 0), 0);
	cr_assert_eq(get_edid(0, &answer), VIRTIO_GPU_RESP_OK_EDID);
	cr_assert_eq(answer.size, 0, "nobody is plugged in");
}

Test(gpu_display, a_driver_without_the_feature_gets_no_edid)
{
	struct virtio_gpu_resp_edid answer;

	driver_reset(&rig.driver);
	driver_start(&rig.driver, 0);
	cr_assert_eq(get_edid(0, &answer), UNSPEC);
}

/* ---- The pointer ---- */

static struct virtio_gpu_update_cursor update(uint32_t type, uint32_t index, uint32_t id)
{
	return (struct virtio_gpu_update_cursor){
		.hdr.type = type,
		.pos = {.scanout_id = index, .x = 100, .y = 200},
		.resource_id = id,
		.hot_x = 3,
		.hot_y = 4,
	};
}

Test(gpu_display, a_pointer_is_shown_moved_and_hidden)
{
	struct virtio_gpu_update_cursor request = update(VIRTIO_GPU_CMD_UPDATE_CURSOR, 1, 5);
	uint64_t address = gpu_picture(5, ARGB, 64, 64);
	uint32_t *guest = driver_at(&rig.driver, address, 64 * 64 * 4);
	const struct gpu_seen *seen;

	for (uint32_t i = 0; i < 64 * 64; i++)
		guest[i] = 0xff000000 + i;
	cr_assert_eq(gpu_transfer(5, (struct virtio_gpu_rect){0, 0, 64, 64}, 0), OK);
	cr_assert_eq(gpu_cursor(&request), OK);
	seen = gpu_told_once(TOLD_CURSOR, 1);
	cr_assert(seen->cursor.hot_x == 3 && seen->cursor.hot_y == 4 && seen->cursor.x == 100 &&
		  seen->cursor.y == 200 && seen->cursor.format == ARGB && seen->cursor.pixels);
	cr_assert_arr_eq(seen->pixels, guest, sizeof(seen->pixels));

	request.hdr.type = VIRTIO_GPU_CMD_MOVE_CURSOR;
	request.pos.x = (uint32_t)-7;
	cr_assert_eq(gpu_cursor(&request), OK);
	seen = gpu_told_once(TOLD_MOVE, 1);
	cr_assert(seen->x == -7 && seen->y == 200);

	request = update(VIRTIO_GPU_CMD_UPDATE_CURSOR, 1, 0);
	cr_assert_eq(gpu_cursor(&request), OK);
	cr_assert_null(gpu_told_once(TOLD_CURSOR, 1)->cursor.pixels);
}

Test(gpu_display, pointers_that_cannot_be_are_refused)
{
	static const struct {
		uint32_t type, index, id, hot_x, hot_y, answer;
	} rows[] = {
		{VIRTIO_GPU_CMD_UPDATE_CURSOR, 0, 1, 63, 63, OK},
		{VIRTIO_GPU_CMD_UPDATE_CURSOR, 3, 1, 0, 0, BAD_SCANOUT},
		{VIRTIO_GPU_CMD_MOVE_CURSOR, MOST, 1, 0, 0, BAD_SCANOUT},
		{VIRTIO_GPU_CMD_UPDATE_CURSOR, 0, 9, 0, 0, BAD_RESOURCE},
		{VIRTIO_GPU_CMD_UPDATE_CURSOR, 0, 2, 0, 0, BAD},
		{VIRTIO_GPU_CMD_UPDATE_CURSOR, 0, 3, 0, 0, BAD},
		{VIRTIO_GPU_CMD_UPDATE_CURSOR, 0, 1, 64, 0, BAD},
		{VIRTIO_GPU_CMD_UPDATE_CURSOR, 0, 1, 0, MOST, BAD},
		{VIRTIO_GPU_CMD_MOVE_CURSOR, 0, 9, MOST, MOST, OK},
		{VIRTIO_GPU_CMD_GET_DISPLAY_INFO, 0, 1, 0, 0, UNSPEC},
		{0, 0, 1, 0, 0, UNSPEC},
	};

	gpu_picture(1, ARGB, 64, 64);
	gpu_picture(2, ARGB, 64, 65);
	gpu_picture(3, ARGB, 32, 32);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct virtio_gpu_update_cursor request = update(rows[i].type, rows[i].index, rows[i].id);

		request.hot_x = rows[i].hot_x;
		request.hot_y = rows[i].hot_y;
		cr_expect_eq(gpu_cursor(&request), rows[i].answer, "row %zu", i);
	}
	cr_assert_eq(rig.count, 2);
}

/* As Linux' driver does it. */
Test(gpu_display, a_pointer_needs_no_room_for_an_answer)
{
	struct virtio_gpu_update_cursor request = update(VIRTIO_GPU_CMD_MOVE_CURSOR, 0, 0);
	struct driver_buffer buffer = driver_out(&rig.driver, &request, sizeof(request));
	struct driver_used used;

	driver_add(&rig.driver, CURSOR, &buffer, 1);
	driver_kick(&rig.driver, CURSOR);
	cr_assert(driver_collect(&rig.driver, CURSOR, &used));
	cr_assert_eq(used.written, 0);
	gpu_told_once(TOLD_MOVE, 0);
	buffer.len--;
	driver_add(&rig.driver, CURSOR, &buffer, 1);
	driver_kick(&rig.driver, CURSOR);
	cr_assert(driver_collect(&rig.driver, CURSOR, &used));
	cr_assert_eq(rig.count, 0);
	cr_assert_not(driver_sees_broken(&rig.driver));
}

Test(gpu_display, a_reset_hides_the_pointer)
{
	struct virtio_gpu_update_cursor request = update(VIRTIO_GPU_CMD_UPDATE_CURSOR, 2, 1);

	gpu_picture(1, ARGB, 64, 64);
	cr_assert_eq(gpu_cursor(&request), OK);
	rig.count = 0;
	driver_reset(&rig.driver);
	driver_run(&rig.driver);
	cr_assert_null(gpu_told_once(TOLD_CURSOR, 2)->cursor.pixels);
}
