/* A display's EDID: edid-decode(1) is the judge, where it is installed. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/util.h"
#include "devmodel/virtio/gpu.h"
#include "devmodel/virtio/gpu_edid.h"

static const struct {
	uint32_t width, height;
} sizes[] = {
	{VIRTIO_GPU_SIDE_MIN, VIRTIO_GPU_SIDE_MIN},
	{VIRTIO_GPU_SIDE_MIN, VIRTIO_GPU_DISPLAY_MAX},
	{VIRTIO_GPU_DISPLAY_MAX, VIRTIO_GPU_SIDE_MIN},
	{VIRTIO_GPU_DISPLAY_MAX, VIRTIO_GPU_DISPLAY_MAX},
	{640, 480},
	{1023, 767},
	{1280, 800},
	{1366, 768},
	{1920, 1080},
	{3840, 2160},
};

Test(gpu_edid, its_bytes_add_up_to_nothing)
{
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		uint8_t edid[GPU_EDID_SIZE];
		uint8_t sum = 0;

		gpu_edid_write(edid, 0, sizes[i].width, sizes[i].height);
		for (size_t at = 0; at < sizeof(edid); at++)
			sum = (uint8_t)(sum + edid[at]);
		cr_assert_eq(sum, 0);
	}
}

/* What edid-decode says; NULL: it is not installed. */
static char *decoded(const uint8_t *edid)
{
	static char text[16384];
	char path[] = "/tmp/edid.XXXXXX";
	char command[64];
	int fd = mkstemp(path);
	FILE *program;

	cr_assert_eq(write(fd, edid, GPU_EDID_SIZE), GPU_EDID_SIZE);
	close(fd);
	snprintf(command, sizeof(command), "edid-decode --check %s 2>&1", path);
	program = popen(command, "r");
	cr_assert_not_null(program);
	text[fread(text, 1, sizeof(text) - 1, program)] = '\0';
	unlink(path);
	return WEXITSTATUS(pclose(program)) == 127 ? NULL : text;
}

Test(gpu_edid, edid_decode_accepts_it)
{
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		uint8_t edid[GPU_EDID_SIZE];
		const char *text;
		char timing[64];

		gpu_edid_write(edid, 3, sizes[i].width, sizes[i].height);
		text = decoded(edid);
		if (!text)
			cr_skip_test("edid-decode is not installed");
		snprintf(timing, sizeof(timing), "DTD 1: %5ux%-5u", sizes[i].width, sizes[i].height);
		cr_assert(strstr(text, "EDID conformity: PASS"), "%s", text);
		cr_assert(strstr(text, timing), "%s in %s", timing, text);
		cr_assert(strstr(text, "Serial Number: 4"), "%s", text);
	}
}

Test(gpu_edid, edid_decode_refuses_one_that_is_wrong)
{
	uint8_t edid[GPU_EDID_SIZE];
	const char *text;

	gpu_edid_write(edid, 0, 1280, 800);
	edid[100]++;
	text = decoded(edid);
	if (!text)
		cr_skip_test("edid-decode is not installed");
	cr_assert(strstr(text, "EDID conformity: FAIL"), "%s", text);
}
