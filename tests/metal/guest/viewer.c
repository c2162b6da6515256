/*
 * A viewer of a guest's screen that speaks RFB (RFC 6143), on the host:
 *
 *      viewer SOCKET check W H SEED     the screen is of this size, and every pixel is right
 *      viewer SOCKET key SYMBOL         a key is pressed and let go
 *      viewer SOCKET point X Y BUTTONS  the pointer is there
 *      viewer SOCKET size W H           would like the screen to be so large
 */
#include <endian.h>
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/metal/guest/screen_pixel.h"

#define RAW           0
#define DESKTOP_SIZE  (-223)
#define EXTENDED_SIZE (-308)

static int server;
static uint32_t width, height;
static uint32_t *pixels;

static void get(void *into, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t got = read(server, (char *)into + done, len - done);

		if (got <= 0)
			errx(1, "the screen is closed");
		done += (size_t)got;
	}
}

static void put(const void *bytes, size_t len)
{
	if (write(server, bytes, len) != (ssize_t)len)
		err(1, "write");
}

static uint16_t get16(void)
{
	uint16_t value;

	get(&value, sizeof(value));
	return be16toh(value);
}

static uint32_t get32(void)
{
	uint32_t value;

	get(&value, sizeof(value));
	return be32toh(value);
}

static void skip(size_t len)
{
	char byte;

	while (len--)
		get(&byte, 1);
}

static void connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (server < 0 || connect(server, (struct sockaddr *)&address, sizeof(address)) < 0)
		err(1, "%s", path);
}

static void begin(void)
{
	static const uint8_t format[] = {0, 0, 0, 0, 32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0, 0, 0, 0};
	static const uint8_t encodings[] = {2,    0,    0,    3,    0,    0,    0,    0,
					    0xff, 0xff, 0xff, 0x21, 0xff, 0xff, 0xfe, 0xcc};
	uint8_t count;

	skip(12);
	put("RFB 003.008\n", 12);
	get(&count, 1);
	skip(count);
	put("\1", 1); /* no password */
	if (get32())
		errx(1, "it wants a password");
	put("\1", 1);
	width = get16();
	height = get16();
	skip(16);
	skip(get32());
	put(format, sizeof(format));
	put(encodings, sizeof(encodings));
}

static void ask(uint8_t incremental)
{
	const uint16_t area[] = {0, 0, htobe16((uint16_t)width), htobe16((uint16_t)height)};
	const uint8_t head[] = {3, incremental};

	put(head, sizeof(head));
	put(area, sizeof(area));
}

/* How many pixels came. */
static size_t take_rectangle(void)
{
	uint32_t x = get16(), y = get16(), w = get16(), h = get16();
	int32_t encoding = (int32_t)get32();

	if (encoding == EXTENDED_SIZE) {
		uint8_t screens[4];

		get(screens, sizeof(screens));
		skip(16U * screens[0]);
	}
	if (encoding == DESKTOP_SIZE || encoding == EXTENDED_SIZE) {
		if (w != width || h != height)
			errx(1, "the screen becomes %ux%u", w, h);
		return 0;
	}
	if (encoding != RAW || x + w > width || y + h > height)
		errx(1, "a part that nobody asked for: %d", encoding);
	for (uint32_t line = y; line < y + h; line++)
		get(pixels + (size_t)line * width + x, (size_t)w * sizeof(*pixels));
	return (size_t)w * h;
}

static void check(uint32_t seed)
{
	size_t left = (size_t)width * height;

	pixels = calloc(left, sizeof(*pixels));
	if (!pixels)
		err(1, "memory");
	ask(0);
	while (left) {
		uint8_t head[2];

		get(head, sizeof(head));
		if (head[0])
			errx(1, "message %u", head[0]);
		for (uint16_t count = get16(); count; count--) {
			size_t came = take_rectangle();

			left -= came < left ? came : left;
		}
		ask(1);
	}
	for (uint32_t y = 0; y < height; y++) {
		for (uint32_t x = 0; x < width; x++) {
			uint32_t pixel = pixels[(size_t)y * width + x] & COLOR_BITS;

			if (pixel != pixel_of(x, y, seed))
				errx(1, "pixel %u, %u is 0x%06x, not 0x%06x", x, y, pixel,
				     pixel_of(x, y, seed));
		}
	}
}

static void key(uint32_t symbol)
{
	for (uint8_t down = 1; down != UINT8_MAX; down--) {
		const uint8_t head[] = {4, down, 0, 0};
		const uint32_t code = htobe32(symbol);

		put(head, sizeof(head));
		put(&code, sizeof(code));
	}
}

static void point(uint16_t x, uint16_t y, uint8_t buttons)
{
	const uint8_t head[] = {5, buttons};
	const uint16_t at[] = {htobe16(x), htobe16(y)};

	put(head, sizeof(head));
	put(at, sizeof(at));
}

static void wish(uint16_t w, uint16_t h)
{
	const uint8_t head[] = {251, 0};
	const uint16_t size[] = {htobe16(w), htobe16(h)};
	const uint8_t one[] = {1, 0, 0, 0, 0, 0, 0, 0, 0, 0}; /* one screen, of number 0, at 0, 0 */
	const uint32_t flags = 0;

	put(head, sizeof(head));
	put(size, sizeof(size));
	put(one, sizeof(one));
	put(size, sizeof(size));
	put(&flags, sizeof(flags));
}

/* What was said is heard before the end of the connection lets go of it all. */
static void settle(void)
{
	shutdown(server, SHUT_WR);
	for (char byte; read(server, &byte, 1) > 0;)
		;
}

static uint32_t number(const char *text)
{
	return (uint32_t)strtoul(text, NULL, 0);
}

int main(int argc, char **argv)
{
	const char *verb = argc > 2 ? argv[2] : "";

	if (argc < 4)
		errx(2, "viewer SOCKET check|key|point|size ...");
	alarm(20);
	connect_to(argv[1]);
	begin();
	if (argc == 6 && strcmp(verb, "check") == 0) {
		if (width != number(argv[3]) || height != number(argv[4]))
			errx(1, "the screen is %ux%u", width, height);
		check(number(argv[5]));
	} else if (argc == 4 && strcmp(verb, "key") == 0) {
		key(number(argv[3]));
		settle();
	} else if (argc == 6 && strcmp(verb, "point") == 0) {
		point((uint16_t)number(argv[3]), (uint16_t)number(argv[4]), (uint8_t)number(argv[5]));
		settle();
	} else if (argc == 5 && strcmp(verb, "size") == 0) {
		wish((uint16_t)number(argv[3]), (uint16_t)number(argv[4]));
		settle();
	} else {
		errx(2, "viewer: what is %s?", verb);
	}
	return 0;
}
