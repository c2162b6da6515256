/* What a viewer's process makes of a guest process' messages, and a guest's process of a viewer's: packets of
 * the input go through a real socket, pictures come with the descriptor of one sealed memory. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "vmm/display/screen.h"
#include "vmm/display/wire.h"

#define PICTURE_SIZE 65536

static int ends[2] = {-1, -1};
static int picture = -1;

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	picture = memfd_create("picture", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (picture < 0 || ftruncate(picture, PICTURE_SIZE) < 0 ||
	    fcntl(picture, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		abort();
	return 0;
}

static void carry_out(struct screen *screen, struct display_inbox *inbox)
{
	static uint8_t pixels[DISPLAY_CURSOR_BYTES], mask[DISPLAY_CURSOR_BYTES / 4];
	const struct display_message *message = &inbox->message;
	uint8_t *old;

	if (message->kind == DISPLAY_SCANOUT) {
		if ((uint64_t)message->scanout.width * message->scanout.height > 1U << 20)
			close(TAKE_FD(inbox->fd));
		else if (screen_show(screen, &message->scanout, TAKE_FD(inbox->fd), &old) == 0)
			free(old);
	} else if (message->kind == DISPLAY_FLUSH) {
		screen_refresh(screen, &message->area);
	} else if (message->kind == DISPLAY_OFF) {
		screen_off(screen);
	} else if (message->kind == DISPLAY_CURSOR && message->cursor.visible) {
		screen_convert_cursor(message->cursor.format, inbox->pixels, pixels, mask);
	}
}

/* A packet: what it has (a bit: a descriptor, a bit: pixels), and a message; shorter ones are padded, which
 * the low bits of the first byte may take away again. */
static bool send_packet(const uint8_t **data, size_t *size, enum display_side from)
{
	static uint8_t pixels[DISPLAY_CURSOR_BYTES];
	struct display_message message = {0};
	uint8_t how = **data;
	size_t len = MIN(*size - 1, sizeof(message));

	memcpy(&message, *data + 1, len);
	*data += 1 + len;
	*size -= 1 + len;
	if (how & 4)
		return send(ends[0], &message, MAX(1U, how >> 3U), MSG_DONTWAIT) > 0;
	return display_send(ends[0], &message, how & 2 ? pixels : NULL,
			    how & 1 && from == DISPLAY_OF_GUEST ? picture : -1) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct display_inbox inbox;
	struct screen screen;
	enum display_side from = size % 2 ? DISPLAY_OF_VIEWER : DISPLAY_OF_GUEST;

	if (screen_init(&screen, 16, 16) < 0)
		abort();
	while (size > 1) {
		if (!send_packet(&data, &size, from))
			continue;
		if (display_receive(ends[1], from, &inbox) == 1)
			carry_out(&screen, &inbox);
	}
	screen_close(&screen);
	return 0;
}
