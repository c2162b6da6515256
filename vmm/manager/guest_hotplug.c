#include "vmm/manager/guest_hotplug.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/util.h"
#include "vmm/guest/process.h"
#include "vmm/guest/resources.h"
#include "vmm/manager/manager.h"
#include "vmm/plan/report.h"

#define ASK_AGAIN_NS 3000000000ULL
#define ASKS_MAX     20

/* --- To its process --- */

static cJSON *message_new(const char *op, const char *id)
{
	cJSON *message = cJSON_CreateObject();

	cJSON_AddStringToObject(message, "op", op);
	cJSON_AddStringToObject(message, "device", id);
	return message;
}

static const cJSON *item_of(const struct guest_definition *definition, const char *array, unsigned index)
{
	return cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(definition->json, array), (int)index);
}

static int send_device_with(struct managed_guest *guest, cJSON *message, const int *fds, unsigned count,
			    struct error *err)
{
	int code;

	guest->refused_device[0] = guest->refused_why[0] = '\0';
	code = guest_process_say(guest, message, fds, count, err);
	cJSON_Delete(message);
	return code;
}

static int send_device(struct managed_guest *guest, cJSON *message, int fd, struct error *err)
{
	return send_device_with(guest, message, &fd, fd >= 0, err);
}

/* A disk that is larger than any that the process had when its limits were set. */
int guest_raise_file_limit(const struct managed_guest *guest, uint64_t size, struct error *err)
{
	pid_t pid = guest->record.process.pid;
	struct rlimit limit;

	if (prlimit(pid, RLIMIT_FSIZE, NULL, &limit) == 0 &&
	    (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= size))
		return 0;
	limit.rlim_cur = limit.rlim_max = size;
	if (prlimit(pid, RLIMIT_FSIZE, &limit, NULL) < 0)
		return error_set(err, -errno,
				 "guest %s: cannot raise the limit of its process for the disk: %m",
				 guest->definition->name);
	return 0;
}

static int add_disk(struct managed_guest *guest, const struct guest_definition *definition, unsigned index,
		    struct error *err)
{
	const struct disk_definition *disk = &definition->disks[index];
	char buffer[DEFINITION_DEVICE_ID_MAX + 1];
	struct disk_resource resource = {.fd = -1};
	AUTO_CLOSE int fd = -1;
	cJSON *message;
	int code;

	if (disk_definition_has_backend(disk))
		return error_set(
			err, -EOPNOTSUPP,
			"disk %s: one with format, source or transient comes only while the guest is off",
			disk_definition_name(disk));
	code = disk_open(disk, guest->manager->settings, &resource, err);

	fd = resource.fd;
	if (code == 0)
		code = disk_open_direct(disk, &resource, err);
	if (code == 0)
		code = guest_raise_file_limit(guest, resource.size, err);
	if (code < 0)
		return code;
	message = message_new("device-add", definition_disk_id(definition, index, buffer));
	cJSON_AddStringToObject(message, "kind", "disk");
	cJSON_AddItemToObject(message, "definition",
			      cJSON_Duplicate(item_of(definition, "disks", index), true));
	cJSON_AddNumberToObject(message, "size", (double)resource.size);
	return send_device(guest, message, fd, err);
}

int guest_hotplug_resize(struct managed_guest *guest, unsigned index, uint64_t size, struct error *err)
{
	char buffer[DEFINITION_DEVICE_ID_MAX + 1];
	cJSON *message = message_new("device-resize", definition_disk_id(guest->definition, index, buffer));

	cJSON_AddNumberToObject(message, "size", (double)size);
	return send_device(guest, message, -1, err);
}

static int free_card(const struct managed_guest *guest)
{
	for (int i = 0; i < DEFINITION_NETWORKS_MAX; i++) {
		if (!guest->cards[i][0])
			return i;
	}
	return -ENOSPC;
}

static void drop_card(struct managed_guest *guest, unsigned card)
{
	passt_stop(&guest->passt[card]);
	networks_detach_card(guest->manager->networks, guest->definition->name, card);
	guest->cards[card][0] = '\0';
}

/* With its MAC address: the guest's process does not know which one is this card's by default. */
static cJSON *card_message(const struct guest_definition *definition, unsigned index, const char *id)
{
	const uint8_t *mac = definition->networks[index].mac;
	cJSON *card = cJSON_Duplicate(item_of(definition, "networks", index), true);
	cJSON *message = message_new("device-add", id);
	char text[18];

	snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
		 mac[5]);
	cJSON_DeleteItemFromObjectCaseSensitive(card, "mac");
	cJSON_AddStringToObject(card, "mac", text);
	cJSON_AddStringToObject(message, "kind", "network");
	cJSON_AddItemToObject(message, "definition", card);
	return message;
}

static int send_card(struct managed_guest *guest, cJSON *message, const struct card_fds *card,
		     struct error *err)
{
	unsigned queues = card_fds_count(card);
	unsigned count = queues;
	int fds[GUEST_MESSAGE_FDS];

	memcpy(fds, card->queues, queues * sizeof(int));
	if (card->vhost[0] >= 0) {
		memcpy(fds + queues, card->vhost, queues * sizeof(int));
		count += queues;
		cJSON_AddTrueToObject(message, "vhost");
	}
	return send_device_with(guest, message, fds, count, err);
}

static int add_network(struct managed_guest *guest, const struct guest_definition *definition, unsigned index,
		       struct error *err)
{
	struct network_resource resource = {0};
	char buffer[DEFINITION_DEVICE_ID_MAX + 1];
	const char *id = definition_network_id(definition, index, buffer);
	int card = free_card(guest);
	int code;

	if (card < 0)
		return error_set(err, card, "guest %s: has %d network cards, which is the most",
				 guest->definition->name, DEFINITION_NETWORKS_MAX);
	code = network_open(guest->definition->name, (unsigned)card, &definition->networks[index],
			    guest->manager->networks, &resource, err);
	if (code < 0)
		return code;
	guest->passt[card] = resource.passt;
	snprintf(guest->cards[card], sizeof(guest->cards[card]), "%s", id);
	code = send_card(guest, card_message(definition, index, id), &resource.fds, err);
	card_fds_close(&resource.fds);
	if (code < 0)
		drop_card(guest, (unsigned)card);
	return code;
}

static int adjust_card(struct managed_guest *guest, const struct hotplug_change *change, struct error *err)
{
	cJSON *link = message_new("device-link", change->id);
	cJSON *bandwidth = message_new("device-bandwidth", change->id);
	int code;

	cJSON_AddItemToObject(bandwidth, "definition",
			      cJSON_Duplicate(item_of(change->running, "networks", change->index), true));
	cJSON_AddBoolToObject(link, "up", !change->running->networks[change->index].link_down);
	code = send_device(guest, bandwidth, -1, err);
	if (code < 0) {
		cJSON_Delete(link);
		return code;
	}
	return send_device(guest, link, -1, err);
}

static int adjust_disk(struct managed_guest *guest, const struct hotplug_change *change, struct error *err)
{
	cJSON *message = message_new("device-limit", change->id);

	cJSON_AddItemToObject(message, "definition",
			      cJSON_Duplicate(item_of(change->running, "disks", change->index), true));
	return send_device(guest, message, -1, err);
}

/* --- The change --- */

static int start_change(struct managed_guest *guest, const struct hotplug_change *change, struct error *err)
{
	int code;

	if (change->adjusts)
		return change->is_disk ? adjust_disk(guest, change, err) : adjust_card(guest, change, err);
	if (change->removes)
		return send_device(guest, message_new("device-remove", change->id), -1, err);
	code = change->is_disk ? add_disk(guest, change->running, change->index, err)
			       : add_network(guest, change->running, change->index, err);
	return code == -ENOENT ? -EBUSY : code; /* what it needs is missing, not the device */
}

static void free_change(struct managed_guest *guest)
{
	definition_free(guest->change.running);
	definition_free(guest->change.next);
	guest->change = (struct hotplug_change){0};
	loop_timer_clear(&guest->ask_again);
}

static int check_change(const struct managed_guest *guest, const struct hotplug_change *change,
			struct error *err)
{
	const char *name = guest->definition->name;

	if (guest->definition->transport != GUEST_TRANSPORT_PCI && !change->adjusts)
		return error_set(err, -EOPNOTSUPP,
				 "guest %s: devices come and go only while it is off; with \"transport\": "
				 "\"pci\" in its definition they do while it runs",
				 name);
	if (!guest->devices.told && !change->adjusts)
		return error_set(err, -EBUSY,
				 "guest %s: its process has not said yet what devices it has; try again",
				 name);
	if (guest->change.number && !guest->change.removes)
		return error_set(err, -EBUSY, "guest %s: device %s is just coming; try again", name,
				 guest->change.id);
	return 0;
}

/* A guest that was still busy with its boot, or with another device, may not have heard it. */
void guest_hotplug_ask_again(struct loop_timer *timer)
{
	struct managed_guest *guest = CONTAINER_OF(timer, struct managed_guest, ask_again);
	struct error err;

	if (guest->asked++ == ASKS_MAX || !guest->change.removes) {
		loop_timer_clear(timer);
		return;
	}
	if (send_device(guest, message_new("device-remove", guest->change.id), -1, &err) < 0)
		log_warning("%s", err.text);
}

/* What the guest runs with from now on, on record; its next start has the same. */
static int note_change(struct managed_guest *guest, struct error *err)
{
	struct guest_definition *running = guest->change.running;
	int code = 0;

	if (guest_give_socket_paths(guest, running) < 0 ||
	    (guest->record.numbers && plan_restore_numbers(guest->record.numbers, running) < 0))
		return error_set(err, -ENOMEM, "guest %s: cannot note its devices", guest->definition->name);
	running->wants.current_vcpus = guest->definition->wants.current_vcpus;
	guest->change.running = NULL;
	running->wants.requested_mib = guest->definition->wants.requested_mib;
	cJSON_Delete(guest->record.definition);
	guest->record.definition = cJSON_Duplicate(running->json, true);
	definition_free(guest->definition);
	guest->definition = running;
	guest_remember_numbers(guest);
	code = manager_define(guest->manager, guest->change.next, true, err);
	if (code < 0)
		return code;
	guest->change.next = NULL;
	if (guest->fresh && cJSON_Compare(guest->fresh->json, running->json, true))
		definition_free(TAKE_PTR(guest->fresh));
	return 0;
}

static void finish_change(struct managed_guest *guest, int code)
{
	guest->changed = guest->change.number;
	guest->change_code = code;
	if (code < 0)
		log_warning("%s", guest->change_why.text);
	else
		events_add(guest->manager->events,
			   guest->change.adjusts   ? "device-changed"
			   : guest->change.removes ? "device-removed"
						   : "device-added",
			   guest->definition->name, guest->change.id);
	free_change(guest);
	manager_changed(guest->manager);
}

int64_t guest_hotplug_change(struct managed_guest *guest, const struct hotplug_change *change,
			     struct error *err)
{
	int code = check_change(guest, change, err);

	if (code < 0)
		return code;
	free_change(guest);
	/* Whose id this is, nobody else takes for one that has gone. */
	snprintf(guest->change.id, sizeof(guest->change.id), "%s", change->id);
	code = start_change(guest, change, err);
	guest->change = (struct hotplug_change){0};
	if (code < 0)
		return code;
	guest->change = *change;
	guest->change.number = ++guest->change_last;
	guest->asked = 1;
	if (change->removes)
		loop_timer_set(&guest->ask_again, ASK_AGAIN_NS, ASK_AGAIN_NS);
	code = (int)guest->change.number;
	if (change->adjusts) /* nobody is to agree to it */
		finish_change(guest, note_change(guest, &guest->change_why));
	return code;
}

int guest_hotplug_outcome(const struct managed_guest *guest, uint64_t number, struct error *err)
{
	const char *name = guest->definition->name;

	if (guest->change.number == number)
		return -EINPROGRESS;
	if (guest->changed != number)
		return error_set(err, -ECANCELED, "guest %s: another change of its devices came first", name);
	return guest->change_code < 0 ? error_set(err, guest->change_code, "%s", guest->change_why.text) : 0;
}

static bool is_there(const struct managed_guest *guest, const char *id)
{
	for (unsigned i = 0; i < guest->devices.count; i++) {
		if (strcmp(guest->devices.list[i].id, id) == 0)
			return true;
	}
	return false;
}

static void look_at_change(struct managed_guest *guest)
{
	const struct hotplug_change *change = &guest->change;

	if (!change->number)
		return;
	if (strcmp(guest->refused_device, change->id) == 0)
		finish_change(guest, error_set(&guest->change_why, -EBUSY, "guest %s: device %s: %s",
					       guest->definition->name, change->id, guest->refused_why));
	else if (is_there(guest, change->id) != change->removes)
		finish_change(guest, note_change(guest, &guest->change_why));
}

/* --- What its process tells --- */

void guest_hotplug_begin(struct managed_guest *guest)
{
	const struct guest_definition *definition = guest->definition;
	char buffer[DEFINITION_DEVICE_ID_MAX + 1];

	memset(guest->cards, 0, sizeof(guest->cards));
	for (unsigned i = 0; i < definition->network_count; i++)
		snprintf(guest->cards[i], sizeof(guest->cards[i]), "%s",
			 definition_network_id(definition, i, buffer));
}

void guest_hotplug_adopt(struct managed_guest *guest)
{
	const cJSON *cards = cJSON_GetObjectItemCaseSensitive(guest->record.numbers, "cards");

	guest_hotplug_begin(guest);
	for (int i = 0; i < DEFINITION_NETWORKS_MAX && cJSON_IsArray(cards); i++) {
		const char *id = cJSON_GetStringValue(cJSON_GetArrayItem(cards, i));

		snprintf(guest->cards[i], sizeof(guest->cards[i]), "%s",
			 id && definition_name_valid(id) ? id : "");
	}
}

void guest_hotplug_heard(struct managed_guest *guest)
{
	bool refused = guest->refused_device[0] && strcmp(guest->refused_device, guest->change.id) == 0;

	for (unsigned i = 0; guest->devices.told && i < DEFINITION_NETWORKS_MAX; i++) {
		bool coming =
			!refused && !guest->change.removes && strcmp(guest->cards[i], guest->change.id) == 0;

		if (guest->cards[i][0] && !coming && !is_there(guest, guest->cards[i]))
			drop_card(guest, i);
	}
	look_at_change(guest);
}

void guest_hotplug_end(struct managed_guest *guest)
{
	guest->devices = (struct guest_devices){0};
	if (guest->change.number)
		finish_change(guest,
			      error_set(&guest->change_why, -ENOTCONN,
					"guest %s: has ended before device %s %s", guest->definition->name,
					guest->change.id, guest->change.removes ? "went" : "came"));
}
