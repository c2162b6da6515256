#include "vmm/display/extended_key.h"

#include <endian.h>

/* rfbproto.h has the numbers of the message, and the viewer's side of it alone. */
#define PSEUDO_ENCODING ((int)rfbEncodingQemuExtendedKeyEvent)
#define KEY_EVENT       0 /* of QEMU's messages */

static rfbBool offered(rfbClientPtr client, void **data, int encoding)
{
	const struct {
		rfbFramebufferUpdateMsg update;
		rfbFramebufferUpdateRectHeader rectangle;
	} __attribute__((packed)) answer = {
		.update = {.type = rfbFramebufferUpdate, .nRects = htobe16(1)},
		.rectangle = {.encoding = htobe32((uint32_t)PSEUDO_ENCODING)},
	};

	(void)data;
	if (encoding != PSEUDO_ENCODING)
		return FALSE;
	return rfbWriteExact(client, (const char *)&answer, sizeof(answer)) > 0;
}

static rfbBool said(rfbClientPtr client, void *data, const rfbClientToServerMsg *message)
{
	rfbQemuExtendedKeyEventMsg event = {0};

	(void)data;
	if (message->type != rfbQemuEvent)
		return FALSE;
	if (rfbReadExact(client, (char *)&event + 1, sz_rfbQemuExtendedKeyEventMsg - 1) <= 0) {
		rfbCloseClient(client);
		return TRUE;
	}
	if (event.subtype != KEY_EVENT) { /* how long it is, nobody knows */
		rfbCloseClient(client);
		return TRUE;
	}
	extended_key_pressed(client, be32toh(event.keysym), be32toh(event.keycode), be16toh(event.down) != 0);
	return TRUE;
}

void extended_key_offer(void)
{
	/* The library links it into a list of its own, for good. */
	static int encodings[] = {PSEUDO_ENCODING, 0};
	static rfbProtocolExtension extension = {
		.pseudoEncodings = encodings,
		.enablePseudoEncoding = offered,
		.handleMessage = said,
	};

	rfbRegisterProtocolExtension(&extension);
}
