/*
 * Pictures on a guest's displays, drawn in the guest and looked at from the host. Every pixel of a drawn
 * picture is told by its place and a seed.
 *
 *      screen draw /dev/fb0 SEED                in a guest: a picture on the console's frame buffer
 *      screen mode /dev/dri/card0 W H SEED      in a guest: sets a display to another size, draws, and waits
 * to be killed screen check PID W H SEED                on the host: that is what the guest's process has,
 * pixel by pixel screen lit PID W H                       on the host: says how many pixels are not black
 *
 * On the host a picture is a memfd of a process (devmodel/virtio/gpu.h), found by its name and size.
 */
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <libdrm/drm.h>
#include <limits.h>
#include <linux/fb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/metal/guest/screen_pixel.h"

#define PAGE      4096UL
#define LIST_MAX  16
#define MODES_MAX 64
#define PICTURE   "/memfd:gpu picture"

static uint32_t number(const char *text)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (!*text || *end || value > UINT32_MAX)
		errx(2, "%s is no number", text);
	return (uint32_t)value;
}

static void draw(uint8_t *bytes, uint32_t stride, uint32_t width, uint32_t height, uint32_t seed)
{
	for (uint32_t y = 0; y < height; y++) {
		for (uint32_t x = 0; x < width; x++) {
			uint32_t pixel = pixel_of(x, y, seed);

			memcpy(bytes + (size_t)y * stride + x * sizeof(pixel), &pixel, sizeof(pixel));
		}
	}
}

/* --- In a guest --- */

/* The kernel tells the device soon after what was written (deferred I/O). */
static void draw_console(const char *path, uint32_t seed)
{
	struct fb_var_screeninfo screen;
	struct fb_fix_screeninfo memory;
	int fd = open(path, O_RDWR);
	uint8_t *bytes;

	if (fd < 0 || ioctl(fd, FBIOGET_VSCREENINFO, &screen) < 0 ||
	    ioctl(fd, FBIOGET_FSCREENINFO, &memory) < 0)
		err(1, "%s", path);
	bytes = mmap(NULL, memory.smem_len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (bytes == MAP_FAILED)
		err(1, "%s: mmap", path);
	draw(bytes, memory.line_length, screen.xres, screen.yres, seed);
	printf("drawn %ux%u\n", screen.xres, screen.yres);
}

static void ask(int fd, unsigned long request, void *argument, const char *what)
{
	if (ioctl(fd, request, argument) < 0)
		err(1, "%s", what);
}

#define POINTER(array) ((uint64_t)(uintptr_t)(array))

/* A display that is plugged in, and its mode of this size. */
static uint32_t find_mode(int fd, const struct drm_mode_card_res *card, const uint32_t *connectors,
			  uint32_t width, uint32_t height, struct drm_mode_modeinfo *mode)
{
	for (uint32_t i = 0; i < card->count_connectors; i++) {
		static struct drm_mode_modeinfo modes[MODES_MAX];
		struct drm_mode_get_connector connector = {.connector_id = connectors[i]};

		ask(fd, DRM_IOCTL_MODE_GETCONNECTOR, &connector, "connector");
		if (connector.count_modes > MODES_MAX)
			errx(1, "%u modes are too many", connector.count_modes);
		connector.modes_ptr = POINTER(modes);
		connector.count_props = connector.count_encoders = 0;
		ask(fd, DRM_IOCTL_MODE_GETCONNECTOR, &connector, "its modes");
		for (uint32_t m = 0; m < connector.count_modes; m++) {
			if (modes[m].hdisplay == width && modes[m].vdisplay == height) {
				*mode = modes[m];
				return connectors[i];
			}
		}
	}
	errx(1, "no display offers %ux%u", width, height);
}

static uint32_t make_picture(int fd, uint32_t width, uint32_t height, uint32_t seed)
{
	struct drm_mode_create_dumb buffer = {.width = width, .height = height, .bpp = 32};
	struct drm_mode_fb_cmd picture = {.width = width, .height = height, .bpp = 32, .depth = 24};
	struct drm_mode_map_dumb map = {0};
	uint8_t *bytes;

	ask(fd, DRM_IOCTL_MODE_CREATE_DUMB, &buffer, "buffer");
	picture.handle = map.handle = buffer.handle;
	picture.pitch = buffer.pitch;
	ask(fd, DRM_IOCTL_MODE_ADDFB, &picture, "frame buffer");
	ask(fd, DRM_IOCTL_MODE_MAP_DUMB, &map, "map");
	bytes = mmap(NULL, buffer.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)map.offset);
	if (bytes == MAP_FAILED)
		err(1, "mmap");
	draw(bytes, buffer.pitch, width, height, seed);
	return picture.fb_id;
}

static void set_mode(const char *path, uint32_t width, uint32_t height, uint32_t seed)
{
	uint32_t connectors[LIST_MAX], crtcs[LIST_MAX], encoders[LIST_MAX], frames[LIST_MAX];
	struct drm_mode_card_res card = {
		.connector_id_ptr = POINTER(connectors),
		.crtc_id_ptr = POINTER(crtcs),
		.encoder_id_ptr = POINTER(encoders),
		.fb_id_ptr = POINTER(frames),
		.count_connectors = LIST_MAX,
		.count_crtcs = LIST_MAX,
		.count_encoders = LIST_MAX,
		.count_fbs = LIST_MAX,
	};
	struct drm_mode_crtc crtc = {.mode_valid = 1, .count_connectors = 1};
	struct drm_mode_fb_dirty_cmd dirty = {0};
	uint32_t connector;
	int fd = open(path, O_RDWR);

	if (fd < 0)
		err(1, "%s", path);
	ask(fd, DRM_IOCTL_MODE_GETRESOURCES, &card, "card");
	connector = find_mode(fd, &card, connectors, width, height, &crtc.mode);
	crtc.crtc_id = crtcs[0];
	crtc.set_connectors_ptr = POINTER(&connector);
	crtc.fb_id = dirty.fb_id = make_picture(fd, width, height, seed);
	ask(fd, DRM_IOCTL_MODE_SETCRTC, &crtc, "mode");
	ask(fd, DRM_IOCTL_MODE_DIRTYFB, &dirty, "flush");
	printf("shown %ux%u\n", width, height);
	fflush(stdout);
	pause();
}

/* --- On the host --- */

/* The file number of a picture of this size, or -1; from `fd` on. */
static int picture_open(const char *process, const char *name, size_t size)
{
	char path[PATH_MAX], target[PATH_MAX] = "";
	struct stat status;
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/fd/%s", process, name);
	if (readlink(path, target, sizeof(target) - 1) < 0 || strncmp(target, PICTURE, strlen(PICTURE)) != 0)
		return -1;
	fd = open(path, O_RDONLY);
	if (fd >= 0 && (fstat(fd, &status) < 0 || (size_t)status.st_size != size)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* The first picture of this size. */
static const uint8_t *find_picture(const char *process, uint32_t width, uint32_t height)
{
	size_t size = ((size_t)width * height * 4 + PAGE - 1) / PAGE * PAGE;
	char path[PATH_MAX];
	struct dirent *entry;
	int fd = -1;
	DIR *folder;
	void *bytes;

	snprintf(path, sizeof(path), "/proc/%s/fd", process);
	folder = opendir(path);
	if (!folder)
		err(1, "%s", path);
	while (fd < 0 && (entry = readdir(folder)))
		fd = picture_open(process, entry->d_name, size);
	if (fd < 0)
		errx(1, "process %s has no picture of %ux%u", process, width, height);
	bytes = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (bytes == MAP_FAILED)
		err(1, "mmap");
	return bytes;
}

static uint32_t pixel_at(const uint8_t *bytes, uint32_t width, uint32_t x, uint32_t y)
{
	uint32_t pixel;

	memcpy(&pixel, bytes + ((size_t)y * width + x) * sizeof(pixel), sizeof(pixel));
	return pixel & COLOR_BITS;
}

static void check(const char *process, uint32_t width, uint32_t height, uint32_t seed)
{
	const uint8_t *bytes = find_picture(process, width, height);

	for (uint32_t y = 0; y < height; y++) {
		for (uint32_t x = 0; x < width; x++) {
			if (pixel_at(bytes, width, x, y) != pixel_of(x, y, seed))
				errx(1, "pixel %u, %u is 0x%06x, not 0x%06x", x, y,
				     pixel_at(bytes, width, x, y), pixel_of(x, y, seed));
		}
	}
}

static void count_lit(const char *process, uint32_t width, uint32_t height)
{
	const uint8_t *bytes = find_picture(process, width, height);
	unsigned long lit = 0;

	for (uint32_t y = 0; y < height; y++) {
		for (uint32_t x = 0; x < width; x++)
			lit += pixel_at(bytes, width, x, y) != 0;
	}
	printf("%lu\n", lit);
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "draw") == 0)
		draw_console(argv[2], number(argv[3]));
	else if (argc == 6 && strcmp(argv[1], "mode") == 0)
		set_mode(argv[2], number(argv[3]), number(argv[4]), number(argv[5]));
	else if (argc == 6 && strcmp(argv[1], "check") == 0)
		check(argv[2], number(argv[3]), number(argv[4]), number(argv[5]));
	else if (argc == 5 && strcmp(argv[1], "lit") == 0)
		count_lit(argv[2], number(argv[3]), number(argv[4]));
	else
		errx(2, "screen draw|mode|check|lit ...");
	return 0;
}
