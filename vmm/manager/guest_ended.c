/* What became of a guest whose process has ended: why, and whether it starts again. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "vmm/jail/cgroup.h"
#include "vmm/manager/crash.h"
#include "vmm/manager/manager.h"

static bool starts_again(const struct managed_guest *guest)
{
	if (guest->manager->going_down)
		return false;
	if (guest->record.goal == GOAL_REBOOT)
		return true;
	if (guest->record.goal == GOAL_OFF) /* it did not end by itself */
		return false;
	switch (guest->end) {
	case MACHINE_POWERED_OFF:
		return guest->definition->on_poweroff == GUEST_ACTION_RESTART;
	case MACHINE_RESET:
		return guest->definition->on_reboot == GUEST_ACTION_RESTART;
	case MACHINE_CRASHED:
		return guest->definition->on_crash == GUEST_ACTION_RESTART;
	case MACHINE_WATCHDOG:
		return (guest->definition->watchdog.action == WATCHDOG_POWEROFF
				? guest->definition->on_poweroff
				: guest->definition->on_reboot) == GUEST_ACTION_RESTART;
	default:
		return false;
	}
}

/* Its limit leaves it room for all that it needs (cgroup_memory_for): it is a crash as others are, and
 * followed by the same. */
static void note_out_of_memory(struct managed_guest *guest, bool at_limit)
{
	guest->end = MACHINE_CRASHED;
	snprintf(guest->why, sizeof(guest->why), "guest %s: killed by the kernel: out of memory: %s",
		 guest->definition->name,
		 at_limit ? "its process had all that its control group allows (memory.max)"
			  : "the host had none left");
}

static void note_end(struct managed_guest *guest, int signal)
{
	const char *name = guest->definition->name;
	bool at_limit;

	if (guest->end == MACHINE_RUNNING && cgroup_out_of_memory(guest->record.cgroup, &at_limit))
		note_out_of_memory(guest, at_limit);
	else if (signal == SIGSYS) { /* whatever it left as its last words */
		guest->end = MACHINE_FAILED;
		snprintf(
			guest->why, sizeof(guest->why),
			"guest %s: its process tried to break its jail and was ended: it made a system call that it may not make",
			name);
	} else if (guest->end == MACHINE_RUNNING) {
		guest->end = guest->record.goal == GOAL_OFF ? MACHINE_KILLED : MACHINE_FAILED;
		if (signal)
			snprintf(guest->why, sizeof(guest->why),
				 "guest %s: its process was ended by signal %d (%s)", name, signal,
				 strsignal(signal));
		else
			snprintf(guest->why, sizeof(guest->why), "guest %s: its process ended without a word",
				 name);
	}
	if (machine_end_is_fault(guest->end))
		log_error("%s", guest->why);
	else
		log_info("guest %s: %s", name, machine_end_name(guest->end));
}

void guest_process_ended(struct managed_guest *guest, int signal)
{
	AUTO_FREE char *registers = NULL;
	bool fault, again;

	guest_process_last_words(guest, &registers);
	note_end(guest, signal);
	guest_process_forget(guest);
	loop_timer_clear(&guest->deadline);
	again = starts_again(guest);
	if (!again || guest->fresh) /* else its network waits for it */
		networks_detach(guest->manager->networks, guest->definition->name);
	fault = machine_end_is_fault(guest->end);
	if (guest->end == MACHINE_WATCHDOG)
		events_add(guest->manager->events, "watchdog", guest->definition->name,
			   watchdog_action_name(guest->definition->watchdog.action));
	if (fault && guest->end != MACHINE_REFUSED)
		crash_report_write(guest, registers ? registers : "");
	if (!again)
		guest_remember(guest, GOAL_OFF);
	guest_happened(guest, again ? LIFE_ENDED_AGAIN : fault ? LIFE_ENDED_BADLY : LIFE_ENDED);
}
