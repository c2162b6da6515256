#include "vmm/config/graphics.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

bool graphics_address_valid(const char *text)
{
	struct in6_addr address;

	return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1;
}

bool graphics_address_is_local(const char *text)
{
	return strncmp(text, "127.", 4) == 0 || strcmp(text, "::1") == 0;
}

static int read_type(const struct json_place *place)
{
	static const char *const words[] = {"vnc",     "spice", "sdl",          "rdp",
					    "desktop", "dbus",  "egl-headless", NULL};
	unsigned type = 0;
	int code = json_word(place, "type", words, &type);

	if (code == 0 && type)
		return json_error(place, "type", "cannot be \"%s\": screens are shown by \"vnc\" alone",
				  words[type]);
	return code;
}

static int read_port(const struct json_place *place, struct graphics_definition *graphics)
{
	bool automatic = !cJSON_HasObjectItem(place->object, "port");
	uint64_t port = 0;
	int code = json_uint(place, "port", 1, UINT16_MAX, &port);

	if (code == 0)
		code = json_bool(place, "autoport", &automatic);
	if (code < 0)
		return code;
	if (automatic && port)
		return json_error(place, "autoport", "and port exclude each other");
	if (!automatic && !port)
		return json_error(place, "port", "is missing, and autoport is false");
	graphics->port = (uint16_t)port;
	return 0;
}

static int read_place(const struct json_place *place, const char *folder,
		      struct graphics_definition *graphics)
{
	static const char *const of_tcp[] = {"listen", "port", "autoport"};
	int code = json_path(place, "socket", folder, &graphics->socket);

	if (code == 0)
		code = json_string(place, "listen", &graphics->listen);
	if (code == 0)
		code = read_port(place, graphics);
	if (code < 0)
		return code;
	for (unsigned i = 0; graphics->socket && i < sizeof(of_tcp) / sizeof(*of_tcp); i++) {
		if (cJSON_HasObjectItem(place->object, of_tcp[i]))
			return json_error(place, of_tcp[i], "and socket exclude each other");
	}
	if (graphics->socket && strlen(graphics->socket) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return json_error(place, "socket", "is too long for a unix socket");
	if (graphics->listen && !graphics_address_valid(graphics->listen))
		return json_error(place, "listen",
				  "must be an address of this host, as 127.0.0.1 or ::1, and no name");
	return 0;
}

/* The password of VNC keeps nobody out for long, but without one there is nothing at all. */
static int check_open(const struct json_place *place, const struct graphics_definition *graphics)
{
	if (!graphics->listen || graphics->password_file || graphics_address_is_local(graphics->listen))
		return 0;
	return json_error(place, "listen",
			  "can be reached from elsewhere, which needs password_file; better is a socket, or "
			  "127.0.0.1, behind ssh");
}

int graphics_definition_read(const struct json_place *root, const char *folder, bool video,
			     struct graphics_definition *graphics)
{
	static const char *const keys[] = {"type",   "listen",        "port", "autoport",
					   "socket", "password_file", NULL};
	struct json_place place;
	const cJSON *array;
	unsigned count;
	int code = json_array(root, "graphics", 1, &array, &count);

	if (code < 0 || !count)
		return code;
	if ((code = json_array_object(root, "graphics", array, 0, &place)) < 0 ||
	    (code = json_keys(&place, keys)) < 0 || (code = read_type(&place)) < 0 ||
	    (code = read_place(&place, folder, graphics)) < 0 ||
	    (code = json_path(&place, "password_file", folder, &graphics->password_file)) < 0 ||
	    (code = check_open(&place, graphics)) < 0)
		return code;
	if (!cJSON_HasObjectItem(place.object, "type"))
		return json_error(&place, "type", "is missing: \"vnc\"?");
	if (!video)
		return json_error(root, "graphics", "needs video: what is there to be seen?");
	graphics->present = true;
	return 0;
}

void graphics_definition_free(struct graphics_definition *graphics)
{
	free(graphics->socket);
	free(graphics->listen);
	free(graphics->password_file);
}
