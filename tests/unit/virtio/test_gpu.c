/* The GPU's commands (virtio 1.2, 5.7.6.8), good and bad. */
#include <criterion/criterion.h>
#include <linux/virtio_ids.h>
#include <string.h>

#include "common/util.h"
#include "tests/unit/virtio/gpu_rig.h"

#define OK           VIRTIO_GPU_RESP_OK_NODATA
#define UNSPEC       VIRTIO_GPU_RESP_ERR_UNSPEC
#define NO_MEMORY    VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY
#define BAD_RESOURCE VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID
#define BAD          VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER

#define VRAM MIB(16)
#define MOST UINT32_MAX
#define WIDE 64
#define HIGH 48

static void setup(void)
{
	gpu_rig_open(2, VRAM);
}

TestSuite(gpu, .init = setup, .fini = gpu_rig_close);

static uint64_t errors_of_it(void)
{
	struct virtio_counters counters;

	virtio_device_count(rig.driver.device, &counters);
	return counters.errors;
}

/* ---- What the device is ---- */

Test(gpu, is_what_the_specification_says)
{
	struct virtio_gpu_config config;

	virtio_device_config_read(rig.driver.device, 0, (uint8_t *)&config, sizeof(config));
	cr_assert_eq(rig.driver.device->id, VIRTIO_ID_GPU);
	cr_assert_eq(rig.driver.device->queue_count, 2);
	cr_assert_eq(config.num_scanouts, 2);
	cr_assert_eq(config.num_capsets, 0);
	cr_assert_eq(config.events_read, 0);
	cr_assert(rig.driver.device->offered & 1 << VIRTIO_GPU_F_EDID);
	cr_assert_not(rig.driver.device->offered &
		      (1 << VIRTIO_GPU_F_VIRGL | 1 << VIRTIO_GPU_F_RESOURCE_UUID |
		       1 << VIRTIO_GPU_F_RESOURCE_BLOB | 1 << VIRTIO_GPU_F_CONTEXT_INIT));
}

/* ---- Pictures ---- */

Test(gpu, pictures_are_made_or_refused)
{
	static const struct {
		uint32_t id, format, width, height, answer;
	} rows[] = {
		{1, VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM, WIDE, HIGH, OK},
		{2, VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, WIDE, HIGH, OK},
		{3, VIRTIO_GPU_FORMAT_A8R8G8B8_UNORM, WIDE, HIGH, OK},
		{4, VIRTIO_GPU_FORMAT_X8R8G8B8_UNORM, WIDE, HIGH, OK},
		{5, VIRTIO_GPU_FORMAT_R8G8B8A8_UNORM, WIDE, HIGH, OK},
		{6, VIRTIO_GPU_FORMAT_X8B8G8R8_UNORM, WIDE, HIGH, OK},
		{7, VIRTIO_GPU_FORMAT_A8B8G8R8_UNORM, WIDE, HIGH, OK},
		{8, VIRTIO_GPU_FORMAT_R8G8B8X8_UNORM, WIDE, HIGH, OK},
		{MOST, XRGB, 1, 1, OK},
		{9, XRGB, VIRTIO_GPU_SIDE_MAX, 1, OK},
		{10, XRGB, 1, VIRTIO_GPU_SIDE_MAX, OK},
		{1, XRGB, WIDE, HIGH, BAD_RESOURCE},
		{0, XRGB, WIDE, HIGH, BAD_RESOURCE},
		{20, 0, WIDE, HIGH, BAD},
		{20, 5, WIDE, HIGH, BAD},
		{20, MOST, WIDE, HIGH, BAD},
		{20, XRGB, 0, HIGH, BAD},
		{20, XRGB, WIDE, 0, BAD},
		{20, XRGB, VIRTIO_GPU_SIDE_MAX + 1, 1, BAD},
		{20, XRGB, 1, VIRTIO_GPU_SIDE_MAX + 1, BAD},
		{20, XRGB, MOST, MOST, BAD},
		{20, XRGB, 0x40000001, 4, BAD},
		{20, XRGB, VIRTIO_GPU_SIDE_MAX, VIRTIO_GPU_SIDE_MAX, NO_MEMORY},
		{20, XRGB, 2048, 2048, NO_MEMORY}, /* as much as there is, were it not for the others */
		{20, XRGB, WIDE, HIGH, OK},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		cr_expect_eq(gpu_create(rows[i].id, rows[i].format, rows[i].width, rows[i].height),
			     rows[i].answer, "row %zu", i);
	cr_assert_eq(errors_of_it(), 13);
}

Test(gpu, all_the_memory_may_be_one_picture_and_comes_back)
{
	for (unsigned i = 0; i < 3; i++) {
		cr_assert_eq(gpu_create(1, XRGB, 2048, 2048), OK);
		cr_assert_eq(gpu_create(2, XRGB, 1, 1), NO_MEMORY);
		cr_assert_eq(gpu_unref(1), OK);
	}
}

Test(gpu, pictures_are_bounded_in_number)
{
	for (uint32_t i = 1; i <= VIRTIO_GPU_RESOURCES_MAX; i++)
		cr_assert_eq(gpu_create(i, XRGB, 1, 1), OK);
	cr_assert_eq(gpu_create(VIRTIO_GPU_RESOURCES_MAX + 1, XRGB, 1, 1), NO_MEMORY);
	cr_assert_eq(gpu_unref(500), OK);
	cr_assert_eq(gpu_create(VIRTIO_GPU_RESOURCES_MAX + 1, XRGB, 1, 1), OK);
}

Test(gpu, pictures_go_once)
{
	cr_assert_eq(gpu_create(7, XRGB, 8, 8), OK);
	cr_assert_eq(gpu_unref(0), BAD_RESOURCE);
	cr_assert_eq(gpu_unref(8), BAD_RESOURCE);
	cr_assert_eq(gpu_unref(7), OK);
	cr_assert_eq(gpu_unref(7), BAD_RESOURCE);
}

/* ---- Backing ---- */

static uint64_t end_of_memory(void)
{
	return DRIVER_RAM_BASE + DRIVER_RAM_SIZE;
}

Test(gpu, backing_is_attached_or_refused)
{
	const struct {
		uint64_t address;
		uint32_t length, answer;
	} rows[] = {
		{DRIVER_RAM_BASE, 4096, OK},
		{DRIVER_RAM_BASE, DRIVER_RAM_SIZE, OK},
		{end_of_memory() - 1, 1, OK},
		{DRIVER_RAM_BASE, 0, BAD},
		{DRIVER_RAM_BASE, DRIVER_RAM_SIZE + 1, BAD},
		{DRIVER_RAM_BASE - 1, 2, BAD},
		{end_of_memory() - 1, 2, BAD},
		{end_of_memory(), 1, BAD},
		{0, 4096, BAD},
		{UINT64_MAX, 2, BAD},
		{UINT64_MAX - 4095, MOST, BAD},
		{1ULL << 63, 4096, BAD},
	};

	cr_assert_eq(gpu_create(1, XRGB, WIDE, HIGH), OK);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct virtio_gpu_mem_entry entries[] = {
			{.addr = DRIVER_RAM_BASE, .length = 4096},
			{.addr = rows[i].address, .length = rows[i].length},
		};

		cr_expect_eq(gpu_attach(1, entries, 2), rows[i].answer, "row %zu", i);
		cr_expect_eq(gpu_detach(1), rows[i].answer == OK ? OK : UNSPEC, "row %zu", i);
	}
}

Test(gpu, backing_is_attached_once)
{
	struct virtio_gpu_mem_entry entry = {.addr = DRIVER_RAM_BASE, .length = 4096};

	cr_assert_eq(gpu_attach(1, &entry, 1), BAD_RESOURCE);
	cr_assert_eq(gpu_detach(1), BAD_RESOURCE);
	cr_assert_eq(gpu_create(1, XRGB, WIDE, HIGH), OK);
	cr_assert_eq(gpu_attach(1, &entry, 0), BAD);
	cr_assert_eq(gpu_attach(1, &entry, 1), OK);
	cr_assert_eq(gpu_attach(1, &entry, 1), UNSPEC);
	cr_assert_eq(gpu_unref(1), OK);
	cr_assert_eq(gpu_create(1, XRGB, WIDE, HIGH), OK);
	cr_assert_eq(gpu_detach(1), UNSPEC);
}

/* Entries that are said but not there. */
Test(gpu, backing_that_is_not_said_whole_is_refused)
{
	static const uint32_t counts[] = {3, 255, 65536, 65537, 0x10000000, MOST};
	struct {
		struct virtio_gpu_resource_attach_backing command;
		struct virtio_gpu_mem_entry entries[2];
	} request = {
		.command = {.hdr.type = VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING, .resource_id = 1},
		.entries = {{.addr = DRIVER_RAM_BASE, .length = 16}, {.addr = DRIVER_RAM_BASE, .length = 16}},
	};

	cr_assert_eq(gpu_create(1, XRGB, WIDE, HIGH), OK);
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		request.command.nr_entries = counts[i];
		cr_expect_eq(gpu_ask(&request, sizeof(request), NULL, 0), BAD, "%u entries", counts[i]);
	}
	request.command.nr_entries = 2;
	cr_assert_eq(gpu_ask(&request, sizeof(request) - 1, NULL, 0), BAD);
	cr_assert_eq(gpu_ask(&request, sizeof(request), NULL, 0), OK);
}

/* What lists of pieces take of the host's memory is counted as pictures are. */
Test(gpu, backing_is_bounded_by_vram)
{
	struct virtio_gpu_mem_entry entries[256];
	uint32_t id = 2;

	for (size_t i = 0; i < ARRAY_SIZE(entries); i++)
		entries[i] = (struct virtio_gpu_mem_entry){.addr = DRIVER_RAM_BASE, .length = 4096};
	cr_assert_eq(gpu_create(1, XRGB, 2048, 2047), OK); /* two pages are left */
	cr_assert_eq(gpu_create(id, XRGB, 1, 1), OK);
	cr_assert_eq(gpu_attach(1, entries, 256), OK);
	cr_assert_eq(gpu_attach(id, entries, 1), NO_MEMORY);
	cr_assert_eq(gpu_detach(1), OK);
	cr_assert_eq(gpu_attach(id, entries, 1), OK);
}

/* ---- Commands ---- */

Test(gpu, commands_that_are_not_offered_are_refused)
{
	static const uint32_t types[] = {
		0,
		1,
		0xff,
		VIRTIO_GPU_CMD_GET_CAPSET_INFO,
		VIRTIO_GPU_CMD_GET_CAPSET,
		VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID,
		VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB,
		VIRTIO_GPU_CMD_SET_SCANOUT_BLOB,
		VIRTIO_GPU_CMD_CTX_CREATE,
		VIRTIO_GPU_CMD_CTX_DESTROY,
		VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE,
		VIRTIO_GPU_CMD_CTX_DETACH_RESOURCE,
		VIRTIO_GPU_CMD_RESOURCE_CREATE_3D,
		VIRTIO_GPU_CMD_TRANSFER_TO_HOST_3D,
		VIRTIO_GPU_CMD_TRANSFER_FROM_HOST_3D,
		VIRTIO_GPU_CMD_SUBMIT_3D,
		VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB,
		VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB,
		VIRTIO_GPU_CMD_UPDATE_CURSOR, /* of the other queue */
		VIRTIO_GPU_RESP_OK_NODATA,
		MOST,
	};
	uint8_t request[256] = {0};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		memcpy(request, &types[i], sizeof(types[i]));
		cr_expect_eq(gpu_ask(request, sizeof(request), NULL, 0), UNSPEC, "type 0x%x", types[i]);
	}
	cr_assert_not(driver_sees_broken(&rig.driver));
}

Test(gpu, commands_that_are_too_short_are_refused)
{
	static const struct {
		uint32_t type, size;
	} rows[] = {
		{VIRTIO_GPU_CMD_GET_DISPLAY_INFO, sizeof(struct virtio_gpu_ctrl_hdr)},
		{VIRTIO_GPU_CMD_RESOURCE_CREATE_2D, sizeof(struct virtio_gpu_resource_create_2d)},
		{VIRTIO_GPU_CMD_RESOURCE_UNREF, sizeof(struct virtio_gpu_resource_unref)},
		{VIRTIO_GPU_CMD_SET_SCANOUT, sizeof(struct virtio_gpu_set_scanout)},
		{VIRTIO_GPU_CMD_RESOURCE_FLUSH, sizeof(struct virtio_gpu_resource_flush)},
		{VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D, sizeof(struct virtio_gpu_transfer_to_host_2d)},
		{VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING, sizeof(struct virtio_gpu_resource_attach_backing)},
		{VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING, sizeof(struct virtio_gpu_resource_detach_backing)},
		{VIRTIO_GPU_CMD_GET_EDID, sizeof(struct virtio_gpu_cmd_get_edid)},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t request[256] = {0};

		memcpy(request, &rows[i].type, sizeof(rows[i].type));
		cr_expect_eq(gpu_ask(request, rows[i].size - 1, NULL, 0), BAD, "type 0x%x", rows[i].type);
		cr_expect_eq(gpu_ask(request, 1, NULL, 0), BAD, "type 0x%x", rows[i].type);
	}
}

/* 5.7.6.7: the answer to a fenced command says that its fence is reached. */
Test(gpu, fences_come_back)
{
	struct virtio_gpu_resource_create_2d request = {
		.hdr = {.type = VIRTIO_GPU_CMD_RESOURCE_CREATE_2D,
			.flags = VIRTIO_GPU_FLAG_FENCE,
			.fence_id = 0x123456789abcdef0ULL,
			.ctx_id = 42},
		.resource_id = 1,
		.format = XRGB,
		.width = 1,
		.height = 1,
	};
	struct virtio_gpu_ctrl_hdr answer;

	cr_assert_eq(gpu_ask(&request, sizeof(request), &answer, sizeof(answer)), OK);
	cr_assert_eq(answer.flags, VIRTIO_GPU_FLAG_FENCE);
	cr_assert_eq(answer.fence_id, 0x123456789abcdef0ULL);
	cr_assert_eq(answer.ctx_id, 42);
	cr_assert_eq(gpu_ask(&request, sizeof(request), &answer, sizeof(answer)), BAD_RESOURCE);
	cr_assert_eq(answer.fence_id, 0x123456789abcdef0ULL);
	request.hdr.flags = 0;
	cr_assert_eq(gpu_ask(&request, sizeof(request), &answer, sizeof(answer)), BAD_RESOURCE);
	cr_assert_eq(answer.flags, 0);
	cr_assert_eq(answer.fence_id, 0);
}

Test(gpu, an_answer_without_room_is_an_error)
{
	struct virtio_gpu_ctrl_hdr request = {.type = VIRTIO_GPU_CMD_GET_DISPLAY_INFO};
	struct virtio_gpu_ctrl_hdr answer;

	cr_assert_eq(gpu_ask(&request, sizeof(request), &answer, sizeof(answer)), BAD);
	cr_assert_not(driver_sees_broken(&rig.driver));
}

Test(gpu, no_room_for_any_answer_breaks_the_device)
{
	struct virtio_gpu_ctrl_hdr request = {.type = VIRTIO_GPU_CMD_GET_DISPLAY_INFO};
	struct driver_buffer buffers[] = {driver_out(&rig.driver, &request, sizeof(request)),
					  driver_in(&rig.driver, sizeof(request) - 1)};

	driver_add(&rig.driver, CONTROL, buffers, 2);
	driver_kick(&rig.driver, CONTROL);
	cr_assert(driver_sees_broken(&rig.driver));
	driver_reset(&rig.driver);
	driver_start(&rig.driver, 0);
	cr_assert_eq(gpu_create(1, XRGB, 1, 1), OK);
}

/* ---- Reset ---- */

Test(gpu, a_reset_forgets_all_pictures)
{
	gpu_picture(1, XRGB, WIDE, HIGH);
	gpu_show(1, WIDE, HIGH);
	driver_reset(&rig.driver);
	cr_assert_eq(rig.count, 0, "nothing is told on the thread that resets");
	driver_start(&rig.driver, 0);
	cr_assert_eq(gpu_unref(1), BAD_RESOURCE);
	gpu_told_once(TOLD_OFF, 0);
	cr_assert_eq(gpu_create(1, XRGB, 2048, 2048), OK);
}

Test(gpu, a_reset_is_heard_of_though_no_driver_comes)
{
	gpu_picture(1, XRGB, WIDE, HIGH);
	gpu_show(1, WIDE, HIGH);
	driver_reset(&rig.driver);
	driver_run(&rig.driver);
	gpu_told_once(TOLD_OFF, 0);
}

Test(gpu, a_device_with_pictures_can_be_destroyed)
{
	gpu_picture(1, XRGB, WIDE, HIGH);
	gpu_show(1, WIDE, HIGH);
}
