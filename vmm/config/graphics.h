/*
 * Who may look at a guest's first display, and where: "graphics" (docs/displays.md). The words are libvirt's
 * (format domain, "Graphical framebuffers"). Part of definition.h.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vmm/config/json.h"

#define GRAPHICS_LISTEN_DEFAULT "127.0.0.1"
#define GRAPHICS_PORT_FIRST     5900 /* VNC's display 0 */
#define GRAPHICS_PORT_LAST      6899 /* of those that are found automatically */

struct graphics_definition {
	bool present;
	/* Either a unix socket ... */
	char *socket;
	/* ... or an address of the host's, and a port; 0: the first from GRAPHICS_PORT_FIRST on that is free.
	 */
	char *listen; /* NULL: GRAPHICS_LISTEN_DEFAULT */
	uint16_t port;
	char *password_file; /* its first line is the password; NULL: whoever gets there may look */
};

/* "graphics": an array of one; paths are made absolute against folder. video: the guest has a display. */
int graphics_definition_read(const struct json_place *root, const char *folder, bool video,
			     struct graphics_definition *graphics);
void graphics_definition_free(struct graphics_definition *graphics);
/* Whether a text is an address that can be listened at: IPv4, or IPv6 without brackets. */
bool graphics_address_valid(const char *text);
/* Whether only this host gets there. */
bool graphics_address_is_local(const char *text);
