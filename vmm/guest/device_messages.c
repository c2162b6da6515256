#include "vmm/guest/device_messages.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"

const char *device_message_id(const cJSON *message)
{
	const cJSON *id = cJSON_GetObjectItemCaseSensitive(message, "device");

	return cJSON_IsString(id) ? id->valuestring : "";
}

/*
 * Reads a device's definition with the reader of a guest's, as the only one of an otherwise empty guest: it
 * holds for a device that comes later what holds for one that was there from the start. array: "disks" or
 * "networks".
 */
static int definition_of_device(const cJSON *message, const char *array, struct guest_definition **definition,
				struct error *err)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(message, "definition");
	cJSON *guest = cJSON_CreateObject();
	AUTO_FREE char *text = NULL;

	cJSON_AddStringToObject(guest, "name", "device");
	cJSON_AddStringToObject(guest, "image", "/");
	cJSON_AddItemToArray(cJSON_AddArrayToObject(guest, array), cJSON_Duplicate(item, true));
	text = cJSON_PrintUnformatted(guest);
	cJSON_Delete(guest);
	if (!item || !text)
		return error_set(err, item ? -ENOMEM : -EINVAL, "device %s: %s", device_message_id(message),
				 item ? "out of memory" : "has no definition");
	return definition_parse(device_message_id(message), "/", text, definition, err);
}

static bool read_size(const cJSON *message, uint64_t *size)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(message, "size");

	if (!cJSON_IsNumber(item) || item->valuedouble < 0 || item->valuedouble >= (double)INT64_MAX)
		return false;
	*size = (uint64_t)item->valuedouble;
	return true;
}

static int add_disk(struct machine *machine, const cJSON *message, int *fd, struct error *err)
{
	struct disk_resource resource = {.fd = *fd};
	struct guest_definition *definition = NULL;
	int code = definition_of_device(message, "disks", &definition, err);

	if (code < 0)
		return code;
	if (read_size(message, &resource.size)) {
		code = machine_add_disk(machine, &definition->disks[0], device_message_id(message), &resource,
					err);
	} else {
		code = error_set(err, -EINVAL, "device %s: has no size", device_message_id(message));
	}
	*fd = resource.fd;
	definition_free(definition);
	return code;
}

/* One descriptor for each pair of queues, then one of vhost-net for each; fds is emptied. */
static int take_card(const cJSON *message, struct device_fds *fds, struct card_fds *card, struct error *err)
{
	bool vhost = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(message, "vhost"));
	unsigned count = fds->more_count + 1;
	unsigned queues = vhost ? count / 2 : count;

	if (queues > CARD_QUEUES_MAX || (vhost && count % 2))
		return error_set(err, -EINVAL, "device %s: came with %u descriptors",
				 device_message_id(message), count);
	for (unsigned i = 0; i < count; i++) {
		int fd = i == 0 ? fds->first : fds->more[i - 1];

		if (i < queues)
			card->queues[i] = fd;
		else
			card->vhost[i - queues] = fd;
	}
	*fds = (struct device_fds){.first = -1};
	return 0;
}

static int add_network(struct machine *machine, const cJSON *message, struct device_fds *fds,
		       struct error *err)
{
	struct network_resource resource = {0};
	struct guest_definition *definition = NULL;
	int code = definition_of_device(message, "networks", &definition, err);

	if (code < 0)
		return code;
	card_fds_init(&resource.fds);
	code = take_card(message, fds, &resource.fds, err);
	if (code == 0)
		code = machine_add_network(machine, &definition->networks[0], device_message_id(message),
					   &resource, err);
	card_fds_close(&resource.fds);
	definition_free(definition);
	return code;
}

static void device_fds_close(struct device_fds *fds)
{
	cleanup_close(&fds->first);
	for (unsigned i = 0; i < fds->more_count; i++)
		close(fds->more[i]);
}

int device_add(struct machine *machine, const cJSON *message, const struct device_fds *fds, struct error *err)
{
	const cJSON *kind = cJSON_GetObjectItemCaseSensitive(message, "kind");
	const char *word = cJSON_IsString(kind) ? kind->valuestring : "";
	struct device_fds own = *fds;
	int code;

	if (own.first < 0 || !*device_message_id(message))
		code = error_set(err, -EINVAL, "device %s: came without %s", device_message_id(message),
				 own.first < 0 ? "a descriptor" : "an id");
	else if (strcmp(word, "disk") == 0)
		code = add_disk(machine, message, &own.first, err);
	else if (strcmp(word, "network") == 0)
		code = add_network(machine, message, &own, err);
	else
		code = error_set(err, -EINVAL, "device %s: its kind is neither disk nor network",
				 device_message_id(message));
	device_fds_close(&own);
	return code;
}

int device_set_link(struct machine *machine, const cJSON *message, struct error *err)
{
	const cJSON *up = cJSON_GetObjectItemCaseSensitive(message, "up");

	if (!cJSON_IsBool(up))
		return error_set(err, -EINVAL, "device %s: its link is to be up or down",
				 device_message_id(message));
	return machine_set_link(machine, device_message_id(message), cJSON_IsTrue(up), err);
}

int device_resize(struct machine *machine, const cJSON *message, struct error *err)
{
	uint64_t size;

	if (!read_size(message, &size))
		return error_set(err, -EINVAL, "device %s: has no size", device_message_id(message));
	return machine_resize_disk(machine, device_message_id(message), size, err);
}

int device_limit(struct machine *machine, const cJSON *message, struct error *err)
{
	struct guest_definition *definition = NULL;
	int code = definition_of_device(message, "disks", &definition, err);

	if (code == 0)
		code = machine_limit_disk(machine, device_message_id(message), &definition->disks[0], err);
	definition_free(definition);
	return code;
}

int device_set_bandwidth(struct machine *machine, const cJSON *message, struct error *err)
{
	struct guest_definition *definition = NULL;
	int code = definition_of_device(message, "networks", &definition, err);

	if (code < 0)
		return code;
	code = machine_set_rates(machine, device_message_id(message), &definition->networks[0].rates, err);
	definition_free(definition);
	return code;
}

int device_remove(struct machine *machine, const cJSON *message, struct error *err)
{
	return machine_remove_device(machine, device_message_id(message), err);
}

static void list_one(void *argument, const struct machine_device *device)
{
	cJSON *item = cJSON_CreateObject();

	cJSON_AddStringToObject(item, "device", device->id);
	cJSON_AddStringToObject(item, "kind", device->kind);
	cJSON_AddNumberToObject(item, "slot", device->slot);
	cJSON_AddBoolToObject(item, "leaving", device->leaving);
	cJSON_AddItemToArray(argument, item);
}

cJSON *device_list(const struct machine *machine)
{
	cJSON *devices = cJSON_CreateArray();

	machine_each_device(machine, list_one, devices);
	return devices;
}
