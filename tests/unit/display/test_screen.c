/* A viewer's copy of a picture that somebody else may write to. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_gpu.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm/display/screen.h"

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW)

static struct screen screen;

static void setup(void)
{
	cr_assert_eq(screen_init(&screen, 8, 4), 0);
}

static void teardown(void)
{
	screen_close(&screen);
}

TestSuite(screen, .init = setup, .fini = teardown);

static const struct display_scanout small = {.width = 4,
					     .height = 2,
					     .stride = 20,
					     .format = VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM,
					     .offset = 4,
					     .size = 44};

static int picture_make(size_t size, int seals)
{
	int fd = memfd_create("picture", MFD_ALLOW_SEALING);
	uint8_t bytes[64];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	cr_assert(write(fd, bytes, size) == (ssize_t)size && fcntl(fd, F_ADD_SEALS, seals) == 0);
	return fd;
}

Test(screen, shows_a_picture_red_first)
{
	uint8_t *old;

	cr_assert_eq(screen_show(&screen, &small, picture_make(44, SEALS), &old), 0);
	cr_assert_not_null(old, "it is of another size");
	free(old);
	cr_assert_eq(screen.width, 4);
	cr_assert_arr_eq(screen.pixels, ((uint8_t[]){6, 5, 4, 0, 10, 9, 8, 0}), 8);
	cr_assert_arr_eq(screen.pixels + 16, ((uint8_t[]){26, 25, 24, 0}), 4);
}

Test(screen, copies_what_is_new_when_it_is_told)
{
	int fd = picture_make(44, SEALS), other = dup(fd);
	uint8_t *old;

	screen_show(&screen, &small, fd, &old);
	free(old);
	cr_assert_eq(pwrite(other, "\xff\xff\xff\xff", 4, 8), 4);
	cr_assert_eq(screen.pixels[4], 10);
	cr_assert(screen_refresh(&screen, &(struct display_area){1, 0, 1, 1}));
	cr_assert_arr_eq(screen.pixels + 4, ((uint8_t[]){255, 255, 255, 0}), 4);
	close(other);
}

Test(screen, parts_outside_are_none)
{
	const struct display_area bad[] = {
		{0, 0, 5, 1},          {4, 0, 1, 1},          {0, 2, 1, 1},
		{0, 0, 0, 1},          {0, 0, 1, 0},          {UINT32_MAX, 0, 1, 1},
		{1, 0, UINT32_MAX, 1}, {0, 1, 1, UINT32_MAX}, {0, 0, 4, 3}};
	uint8_t *old;

	cr_assert_not(screen_refresh(&screen, &(struct display_area){0, 0, 1, 1}), "it is dark");
	screen_show(&screen, &small, picture_make(44, SEALS), &old);
	free(old);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		cr_assert_not(screen_refresh(&screen, &bad[i]), "%u", i);
	cr_assert(screen_refresh(&screen, &(struct display_area){0, 0, 4, 2}));
}

static void refused(const struct display_scanout *scanout, int fd)
{
	uint8_t *old;

	cr_assert_eq(screen_show(&screen, scanout, fd, &old), -EINVAL);
	cr_assert_null(old);
	cr_assert_eq(screen.width, 8, "nothing has changed");
	cr_assert_eq(fcntl(fd, F_GETFD), -1, "it is closed");
}

Test(screen, memory_that_may_go_is_refused)
{
	refused(&small, picture_make(44, 0));
	refused(&small, picture_make(44, F_SEAL_SHRINK));
	refused(&small, picture_make(44, F_SEAL_GROW));
	refused(&small, picture_make(43, SEALS));
	refused(&small, dup(STDIN_FILENO));
}

Test(screen, off_is_black_and_as_large)
{
	uint8_t *old;

	screen_show(&screen, &small, picture_make(44, SEALS), &old);
	free(old);
	screen_off(&screen);
	cr_assert_eq(screen.width, 4);
	for (unsigned i = 0; i < 32; i++)
		cr_assert_eq(screen.pixels[i], 0);
	cr_assert_not(screen_refresh(&screen, &(struct display_area){0, 0, 1, 1}));
}

Test(screen, a_cursor_has_a_mask)
{
	static uint8_t from[DISPLAY_CURSOR_BYTES] = {1, 2, 3, 128};
	static uint8_t pixels[DISPLAY_CURSOR_BYTES], mask[DISPLAY_CURSOR_BYTES / 4];

	screen_convert_cursor(VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM, from, pixels, mask);
	cr_assert_arr_eq(pixels, ((uint8_t[]){3, 2, 1, 0}), 4);
	cr_assert_eq(mask[0], 128);
	cr_assert_eq(mask[1], 0);
	screen_convert_cursor(VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, from, pixels, mask);
	cr_assert_eq(mask[1], 255);
}
