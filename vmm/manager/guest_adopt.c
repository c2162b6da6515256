/* A guest whose former manager is gone: its process, if it runs, and what was promised. */
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "vmm/manager/guest_hotplug.h"
#include "vmm/manager/guest_vcpus.h"
#include "vmm/manager/manager.h"
#include "vmm/plan/report.h"

/* A shutdown or reboot that was under way is asked for again: a guest that is at it already does not mind. */
static void take_up_goal(struct managed_guest *guest)
{
	struct error err;
	int code = 0;

	if (guest->record.goal == GOAL_OFF)
		code = guest_shutdown(guest, GUEST_DOWN_SECONDS, &err);
	else if (guest->record.goal == GOAL_REBOOT)
		code = guest_reboot(guest, GUEST_DOWN_SECONDS, &err);
	if (code < 0)
		log_error("%s", err.text);
}

/* The definition it runs with, which may have been replaced or removed on the disk since. */
static void use_recorded_definition(struct managed_guest *guest)
{
	struct guest_definition *running = NULL;
	AUTO_FREE char *text = cJSON_PrintUnformatted(guest->record.definition);
	struct error err;

	if (!guest->record.definition ||
	    cJSON_Compare(guest->record.definition, guest->definition->json, true))
		return;
	if (!text || definition_parse(guest->folder, "/", text, &running, &err) < 0) {
		log_warning("guest %s: its state cannot be read", guest->definition->name);
		return;
	}
	if (guest_give_socket_paths(guest, running) < 0) {
		definition_free(running);
		return;
	}
	guest->fresh = guest->definition;
	guest->definition = running;
}

void guest_adopt(struct managed_guest *guest)
{
	struct error err;

	if (guest->record.process.pid == 0) {
		guest->promised = guest->record.goal != GOAL_OFF;
		if (guest->promised)
			guest->state = LIFE_WAITING;
		return;
	}
	use_recorded_definition(guest);
	if (guest->record.numbers && plan_restore_numbers(guest->record.numbers, guest->definition) < 0)
		log_warning("guest %s: its state does not tell what it was given", guest->definition->name);
	memory_share_adopt(guest);
	guest_vcpus_adopt(guest);
	guest_hotplug_adopt(guest);
	guest->state = LIFE_STARTING; /* until it tells how far it is */
	guest->adopting = true;
	if (guest_process_find(guest, &err) == 0) {
		log_info("guest %s: adopted, process %d", guest->definition->name,
			 (int)guest->record.process.pid);
		events_add(guest->manager->events, "adopted", guest->definition->name, "");
		take_up_goal(guest);
		return;
	}
	guest_process_ended(guest, 0);
}
