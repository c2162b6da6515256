/* How a guest that runs is reached, and what it is told: its console, channels, vsock ports, display
 * and keyboard. */
#include <errno.h>

#include "vmm/manager/guest.h"

static int not_alive(const struct managed_guest *guest, struct error *err)
{
	return error_set(err, -ENOTCONN, "guest %s: is %s", guest->definition->name,
			 life_state_name(guest->state));
}

int guest_console(struct managed_guest *guest, const char *channel, int fd, struct error *err)
{
	const struct guest_definition *definition = guest->definition;
	cJSON *message;
	int code;

	if (!guest_alive(guest))
		return not_alive(guest, err);
	if (channel && channel_definitions_find(&definition->channels, channel) < 0)
		return error_set(err, -ENOENT, "guest %s: has no channel %.64s", definition->name, channel);
	if (fd < 0)
		return 0;
	message = cJSON_CreateObject();
	cJSON_AddStringToObject(message, "op", "console");
	if (channel)
		cJSON_AddStringToObject(message, "channel", channel);
	code = guest_process_say(guest, message, &fd, 1, err);
	cJSON_Delete(message);
	return code;
}

int guest_resize_console(struct managed_guest *guest, unsigned columns, unsigned rows, struct error *err)
{
	const char *name = guest->definition->name;
	cJSON *message;
	int code;

	if (!guest_alive(guest))
		return not_alive(guest, err);
	if (guest->definition->console != GUEST_CONSOLE_VIRTIO)
		return error_set(err, -EOPNOTSUPP,
				 "guest %s: its console is a serial line, which has no size", name);
	message = cJSON_CreateObject();
	cJSON_AddStringToObject(message, "op", "console-resize");
	cJSON_AddNumberToObject(message, "columns", columns);
	cJSON_AddNumberToObject(message, "rows", rows);
	code = guest_process_say(guest, message, NULL, 0, err);
	cJSON_Delete(message);
	return code;
}

int guest_screenshot(struct managed_guest *guest, int fd, struct error *err)
{
	const struct guest_definition *definition = guest->definition;

	if (!guest_alive(guest))
		return not_alive(guest, err);
	if (!definition->video.heads)
		return error_set(err, -EOPNOTSUPP, "guest %s: has no display: its definition has no video",
				 definition->name);
	return fd < 0 ? 0 : guest_process_tell(guest, "screenshot", fd, err);
}

int guest_send_key(struct managed_guest *guest, const uint16_t *keys, unsigned count, unsigned hold_ms,
		   struct error *err)
{
	const struct guest_definition *definition = guest->definition;
	cJSON *message, *codes;
	int code;

	if (!guest_alive(guest))
		return not_alive(guest, err);
	if (!definition->inputs.keyboard)
		return error_set(err, -EOPNOTSUPP,
				 "guest %s: has no keyboard: its definition has none in inputs",
				 definition->name);
	message = cJSON_CreateObject();
	cJSON_AddStringToObject(message, "op", "send-key");
	codes = cJSON_AddArrayToObject(message, "keys");
	for (unsigned i = 0; i < count; i++)
		cJSON_AddItemToArray(codes, cJSON_CreateNumber(keys[i]));
	cJSON_AddNumberToObject(message, "hold_ms", hold_ms);
	code = guest_process_say(guest, message, NULL, 0, err);
	cJSON_Delete(message);
	return code;
}

int guest_vsock(struct managed_guest *guest, uint32_t port, int fd, struct error *err)
{
	const char *name = guest->definition->name;

	if (!guest_alive(guest))
		return not_alive(guest, err);
	if (!guest->definition->vsock_cid)
		return error_set(err, -ENOTCONN, "guest %s: its definition gives it no vsock device", name);
	if (guest->state == LIFE_PAUSED)
		return error_set(err, -EBUSY, "guest %s: is paused; rastos-vmm resume %s first", name, name);
	return fd < 0 ? 0 : guest_process_connect(guest, port, fd, err);
}
