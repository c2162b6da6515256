#include "vmm/manager/guest_hotplug.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/util.h"
#include "vmm/guest/process.h"
#include "vmm/manager/guest_coming.h"
#include "vmm/manager/guest_jail.h"
#include "vmm/manager/manager.h"
#include "vmm/plan/report.h"

#define ASK_AGAIN_NS 3000000000ULL
#define ASKS_MAX     20

/* --- To its process --- */

cJSON *guest_hotplug_message(const char *op, const char *id)
{
	cJSON *message = cJSON_CreateObject();

	cJSON_AddStringToObject(message, "op", op);
	cJSON_AddStringToObject(message, "device", id);
	return message;
}

const cJSON *guest_hotplug_item(const struct guest_definition *definition, const char *array, unsigned index)
{
	return cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(definition->json, array), (int)index);
}

int guest_hotplug_send(struct managed_guest *guest, cJSON *message, const int *fds, unsigned count,
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
	return guest_hotplug_send(guest, message, &fd, fd >= 0, err);
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

int guest_hotplug_resize(struct managed_guest *guest, unsigned index, uint64_t size, struct error *err)
{
	char buffer[DEFINITION_DEVICE_ID_MAX + 1];
	cJSON *message =
		guest_hotplug_message("device-resize", definition_disk_id(guest->definition, index, buffer));

	cJSON_AddNumberToObject(message, "size", (double)size);
	return send_device(guest, message, -1, err);
}

void guest_hotplug_drop_card(struct managed_guest *guest, unsigned card)
{
	passt_stop(&guest->passt[card]);
	networks_detach_card(guest->manager->networks, guest->definition->name, card);
	guest->cards[card][0] = '\0';
}

static int adjust_card(struct managed_guest *guest, const struct hotplug_change *change, struct error *err)
{
	cJSON *link = guest_hotplug_message("device-link", change->id);
	cJSON *bandwidth = guest_hotplug_message("device-bandwidth", change->id);
	int code;

	cJSON_AddItemToObject(
		bandwidth, "definition",
		cJSON_Duplicate(guest_hotplug_item(change->running, "networks", change->index), true));
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
	cJSON *message = guest_hotplug_message("device-limit", change->id);

	cJSON_AddItemToObject(
		message, "definition",
		cJSON_Duplicate(guest_hotplug_item(change->running, "disks", change->index), true));
	return send_device(guest, message, -1, err);
}

/* --- The change --- */

static int start_change(struct managed_guest *guest, const struct hotplug_change *change, struct error *err)
{
	int code;

	if (change->adjusts)
		return change->is_disk ? adjust_disk(guest, change, err) : adjust_card(guest, change, err);
	if (change->removes)
		return send_device(guest, guest_hotplug_message("device-remove", change->id), -1, err);
	code = guest_coming_begin(guest, change, err);
	return code == -ENOENT ? -EBUSY : code; /* what it needs is missing, not the device */
}

static void free_change(struct managed_guest *guest)
{
	guest_coming_cancel(guest);
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
	if (send_device(guest, guest_hotplug_message("device-remove", guest->change.id), -1, &err) < 0)
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
	if (guest_jail_limit(guest, running, err) < 0)
		log_warning("%s", err->text);
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

void guest_hotplug_opened(struct managed_guest *guest, int code, const struct error *why)
{
	if (code == 0)
		return; /* its process will say that it is there */
	guest->change_why = *why;
	finish_change(guest, code == -ENOENT ? -EBUSY : code);
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
	if (code < 0 && code != -EINPROGRESS)
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
	guest_cards_restore(guest);
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
			guest_hotplug_drop_card(guest, i);
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
