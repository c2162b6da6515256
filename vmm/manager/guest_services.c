/* How a guest that runs is reached, and what it is told: its console, channels, vsock ports, balloon. */
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

/* {"op":op} with two numbers, the second one unless its key is NULL. */
static int say_numbers(struct managed_guest *guest, const char *op, const char *const keys[2],
		       const double values[2], struct error *err)
{
	cJSON *message = cJSON_CreateObject();
	int code;

	cJSON_AddStringToObject(message, "op", op);
	for (unsigned i = 0; i < 2 && keys[i]; i++)
		cJSON_AddNumberToObject(message, keys[i], values[i]);
	code = guest_process_say(guest, message, NULL, 0, err);
	cJSON_Delete(message);
	return code;
}

int guest_resize_console(struct managed_guest *guest, unsigned columns, unsigned rows, struct error *err)
{
	const char *name = guest->definition->name;

	if (!guest_alive(guest))
		return not_alive(guest, err);
	if (guest->definition->console != GUEST_CONSOLE_VIRTIO)
		return error_set(err, -EOPNOTSUPP,
				 "guest %s: its console is a serial line, which has no size", name);
	return say_numbers(guest, "console-resize", (const char *const[]){"columns", "rows"},
			   (const double[]){columns, rows}, err);
}

int guest_set_memory(struct managed_guest *guest, uint64_t mib, struct error *err)
{
	const struct guest_definition *definition = guest->definition;
	uint64_t memory = definition->memory_mib;

	if (!guest_alive(guest))
		return not_alive(guest, err);
	if (!definition->memballoon.present)
		return error_set(err, -EOPNOTSUPP,
				 "guest %s: has no balloon: its definition has no memballoon",
				 definition->name);
	if (mib > memory)
		return error_set(err, -EINVAL, "guest %s: has %llu MiB of memory, no more can be its own",
				 definition->name, (unsigned long long)memory);
	return say_numbers(guest, "memory-set", (const char *const[]){"memory_mib", NULL},
			   (const double[]){(double)mib, 0}, err);
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
