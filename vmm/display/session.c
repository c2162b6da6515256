#include "vmm/display/session.h"

#include <errno.h>
#include <linux/input-event-codes.h>
#include <poll.h>
#include <rfb/rfb.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "vmm/display/confine.h"
#include "vmm/display/extended_key.h"
#include "vmm/display/keys.h"
#include "vmm/display/pointer.h"
#include "vmm/display/screen.h"

#define MESSAGES_MAX 256 /* of the guest's, then it is the viewer's turn */
#define GUEST_MS     1000
#define SAMPLE_BITS  8
#define SAMPLES      3
#define PIXEL_BYTES  4
#define WRONG_S      1 /* after a wrong password */

struct session {
	const struct session_config *config;
	struct screen screen;
	struct display_inbox inbox;
	rfbScreenInfoPtr server;
	rfbClientPtr client;
	char *passwords[2];
	bool keyboard;
	enum display_pointer kind;
	struct pointer pointer;
	uint32_t leds;
	bool greeted; /* the guest process has said what is on the screen */
	bool resized; /* since the viewer was told the size, which cannot be told a new one yet */
	bool over;
};

static struct session *session_of(rfbClientPtr client)
{
	return client->screen->screenData;
}

/* --- To the guest --- */

/* What is lost would leave keys down: a guest process that takes nothing for so long ends it, and knows what
 * is down. */
static void say(struct session *session, const struct display_message *message)
{
	struct pollfd wait = {.fd = session->config->link, .events = POLLOUT};
	int code = display_send(wait.fd, message, NULL, -1);

	if (code == -EAGAIN && poll(&wait, 1, GUEST_MS) > 0)
		code = display_send(wait.fd, message, NULL, -1);
	session->over |= code < 0;
}

static void say_key(struct session *session, uint16_t key, bool down)
{
	const struct display_message message = {
		.kind = DISPLAY_INPUT, .count = 1, .changes = {{EV_KEY, key, down}}};

	if (key && session->keyboard)
		say(session, &message);
}

static void key_pressed(rfbBool down, rfbKeySym symbol, rfbClientPtr client)
{
	say_key(session_of(client), key_of_symbol(symbol), down);
}

void extended_key_pressed(rfbClientPtr client, uint32_t symbol, uint32_t scan_code, bool down)
{
	uint16_t key = key_of_scan_code(scan_code);

	say_key(session_of(client), key ? key : key_of_symbol(symbol), down);
}

static void pointer_moved(int buttons, int x, int y, rfbClientPtr client)
{
	struct session *session = session_of(client);
	const uint32_t size[2] = {session->screen.width, session->screen.height};
	struct display_message message = {.kind = DISPLAY_INPUT};

	message.count = pointer_changes(&session->pointer, session->kind, (unsigned)buttons, x, y, size,
					message.changes);
	if (message.count)
		say(session, &message);
	rfbDefaultPtrAddEvent(buttons, x, y, client);
}

/* The guest follows in its time, or not: then the screen stays as it is. */
static int size_wished(int width, int height, int count, struct rfbExtDesktopScreen *screens,
		       rfbClientPtr client)
{
	const struct display_message message = {.kind = DISPLAY_RESIZE,
						.resize = {(uint32_t)width, (uint32_t)height}};

	(void)screens;
	if (count != 1 || !display_message_valid(&message, sizeof(message), DISPLAY_OF_VIEWER, 0))
		return rfbExtDesktopSize_InvalidScreenLayout;
	say(session_of(client), &message);
	return rfbExtDesktopSize_Success;
}

/* RFB's own: scroll, num, caps. */
static int leds_shown(rfbScreenInfoPtr server)
{
	uint32_t leds = ((const struct session *)server->screenData)->leds;

	return (leds >> LED_SCROLLL & 1 ? rfbKeyboardMaskScrollLock : 0) |
	       (leds >> LED_NUML & 1 ? rfbKeyboardMaskNumLock : 0) |
	       (leds >> LED_CAPSL & 1 ? rfbKeyboardMaskCapsLock : 0);
}

/* --- From the guest --- */

static void take_scanout(struct session *session)
{
	const struct screen *screen = &session->screen;
	uint8_t *old;
	int code = screen_show(&session->screen, &session->inbox.message.scanout, TAKE_FD(session->inbox.fd),
			       &old);

	if (code < 0) {
		session->over = true;
	} else if (old) {
		session->resized |= session->client && !session->client->useNewFBSize;
		rfbNewFramebuffer(session->server, (char *)screen->pixels, (int)screen->width,
				  (int)screen->height, SAMPLE_BITS, SAMPLES, PIXEL_BYTES);
		free(old);
	} else {
		rfbMarkRectAsModified(session->server, 0, 0, (int)screen->width, (int)screen->height);
	}
}

static void take_off(struct session *session)
{
	screen_off(&session->screen);
	rfbMarkRectAsModified(session->server, 0, 0, (int)session->screen.width, (int)session->screen.height);
}

/* What is of a former picture does not fit, and is no fault. */
static void take_flush(struct session *session)
{
	const struct display_area *area = &session->inbox.message.area;

	if (screen_refresh(&session->screen, area))
		rfbMarkRectAsModified(session->server, (int)area->x, (int)area->y,
				      (int)(area->x + area->width), (int)(area->y + area->height));
}

static void move_cursor(struct session *session, int32_t x, int32_t y)
{
	session->server->cursorX = MAX(0, MIN(x, DISPLAY_SIDE_MAX));
	session->server->cursorY = MAX(0, MIN(y, DISPLAY_SIDE_MAX));
	if (session->client)
		session->client->cursorWasMoved = TRUE;
}

/* All its parts are freed with it. */
static rfbCursorPtr cursor_make(const struct display_inbox *inbox)
{
	AUTO_FREE uint8_t *pixels = malloc(DISPLAY_CURSOR_BYTES);
	AUTO_FREE uint8_t *alpha = malloc((size_t)DISPLAY_CURSOR_SIDE * DISPLAY_CURSOR_SIDE);
	rfbCursorPtr cursor = calloc(1, sizeof(*cursor));

	if (!pixels || !alpha || !cursor) {
		free(cursor);
		return NULL;
	}
	screen_convert_cursor(inbox->message.cursor.format, inbox->pixels, pixels, alpha);
	cursor->cleanup = cursor->cleanupMask = cursor->cleanupRichSource = TRUE;
	cursor->width = cursor->height = DISPLAY_CURSOR_SIDE;
	cursor->xhot = (unsigned short)inbox->message.cursor.hot_x;
	cursor->yhot = (unsigned short)inbox->message.cursor.hot_y;
	cursor->mask =
		(unsigned char *)rfbMakeMaskFromAlphaSource(DISPLAY_CURSOR_SIDE, DISPLAY_CURSOR_SIDE, alpha);
	cursor->richSource = TAKE_PTR(pixels);
	cursor->alphaSource = TAKE_PTR(alpha);
	cursor->alphaPreMultiplied = TRUE;
	return cursor;
}

static void take_cursor(struct session *session)
{
	const struct display_message *message = &session->inbox.message;
	rfbCursorPtr cursor = message->cursor.visible ? cursor_make(&session->inbox) : NULL;

	rfbSetCursor(session->server, cursor);
	move_cursor(session, message->cursor.x, message->cursor.y);
}

static void take_message(struct session *session)
{
	const struct display_message *message = &session->inbox.message;

	switch (message->kind) {
	case DISPLAY_HELLO:
		session->keyboard = message->hello.keyboard;
		session->kind = (enum display_pointer)message->hello.pointer;
		break;
	case DISPLAY_SCANOUT:
		take_scanout(session);
		session->greeted = true;
		break;
	case DISPLAY_OFF:
		take_off(session);
		session->greeted = true;
		break;
	case DISPLAY_FLUSH:
		take_flush(session);
		break;
	case DISPLAY_CURSOR:
		take_cursor(session);
		break;
	case DISPLAY_MOVE:
		move_cursor(session, message->move.x, message->move.y);
		break;
	case DISPLAY_LEDS:
		session->leds = message->leds;
		break;
	default:
		break;
	}
}

static void hear_guest(struct session *session)
{
	int code = 1;

	for (unsigned i = 0; i < MESSAGES_MAX && code == 1 && !session->over; i++) {
		code = display_receive(session->config->link, DISPLAY_OF_GUEST, &session->inbox);
		if (code == 1)
			take_message(session);
	}
	session->over |= code < 0;
}

/* --- The viewer --- */

static void viewer_gone(rfbClientPtr client)
{
	session_of(client)->over = true;
	session_of(client)->client = NULL;
}

static enum rfbNewClientAction viewer_here(rfbClientPtr client)
{
	session_of(client)->client = client;
	client->clientGoneHook = viewer_gone;
	return RFB_CLIENT_ACCEPT;
}

static rfbBool password_right(rfbClientPtr client, const char *response, int len)
{
	if (rfbCheckPasswordByList(client, response, len))
		return TRUE;
	sleep(WRONG_S);
	return FALSE;
}

static void say_nothing(const char *format, ...)
{
	(void)format;
}

/* It looks for files when it is used first. */
static void cryptography_begin(void)
{
	unsigned char bytes[16] = {0};
	char key[] = "";

	rfbEncryptBytes(bytes, key);
}

/* Nothing listens: the one viewer is there already. */
static bool server_make(struct session *session)
{
	const struct session_config *config = session->config;
	rfbScreenInfoPtr server;

	rfbLog = rfbErr = say_nothing;
	server = rfbGetScreen(NULL, NULL, (int)session->screen.width, (int)session->screen.height,
			      SAMPLE_BITS, SAMPLES, PIXEL_BYTES);
	if (!server)
		return false;
	session->server = server;
	server->screenData = session;
	server->desktopName = config->name;
	server->frameBuffer = (char *)session->screen.pixels;
	server->cursor = NULL;
	server->autoPort = FALSE;
	server->port = server->ipv6port = 0;
	server->httpPort = server->http6Port = 0;
	server->alwaysShared = TRUE;
	server->deferUpdateTime = 0;
	server->deferPtrUpdateTime = 0;
	server->permitFileTransfer = FALSE;
	server->newClientHook = viewer_here;
	server->kbdAddEvent = key_pressed;
	server->ptrAddEvent = pointer_moved;
	server->setDesktopSizeHook = size_wished;
	server->getKeyboardLedStateHook = leds_shown;
	if (config->password) {
		session->passwords[0] = (char *)(uintptr_t)config->password;
		server->authPasswdData = session->passwords;
		server->passwordCheck = password_right;
	}
	extended_key_offer();
	rfbInitServer(server);
	cryptography_begin();
	return true;
}

/* So that the viewer's first window has the right size. */
static void await_greeting(struct session *session)
{
	struct pollfd wait = {.fd = session->config->link, .events = POLLIN};

	while (!session->greeted && !session->over && poll(&wait, 1, GUEST_MS) > 0)
		hear_guest(session);
}

/* What the library does for those that could be told at the time. */
static void tell_size(struct session *session)
{
	if (!session->resized || !session->client->useNewFBSize)
		return;
	session->client->newFBSizePending = TRUE;
	session->resized = false;
}

static void serve(struct session *session)
{
	struct pollfd wait[] = {{.fd = session->config->link, .events = POLLIN},
				{.fd = session->config->viewer, .events = POLLIN}};

	rfbNewClient(session->server, session->config->viewer);
	while (!session->over && session->client) {
		if (poll(wait, ARRAY_SIZE(wait), -1) < 0 && errno != EINTR)
			return;
		if (wait[0].revents)
			hear_guest(session);
		if (!session->over)
			rfbProcessEvents(session->server, 0);
		if (session->client && session->client->state == RFB_NORMAL) {
			alarm(0);
			tell_size(session);
		}
	}
}

void session_run(const struct session_config *config)
{
	/* Large: not on the stack. The process ends with it. */
	struct session *session = calloc(1, sizeof(*session));

	if (!session || screen_init(&session->screen, SCREEN_DARK_WIDTH, SCREEN_DARK_HEIGHT) < 0)
		return;
	session->config = config;
	signal(SIGALRM, SIG_DFL);
	alarm(SESSION_LOGIN_S);
	if (!server_make(session) || confine_session() < 0)
		return;
	await_greeting(session);
	serve(session);
}
