#include "vmm/guest/process_state.h"

#include <stdio.h>

#include "common/clock.h"
#include "common/log.h"

#define TELL_NS 1000000000ULL /* a guest can let it expire all the time */

static const char expired[] = "its watchdog expired";

/* Who resumes it wants to look at it; a disk's error that comes meanwhile must not let it go on. */
static void pause_guest(struct guest_process *process)
{
	if (process->retry.source.fd >= 0)
		loop_timer_clear(&process->retry);
	snprintf(process->halted, sizeof(process->halted), "guest %s: %s", process->config->definition->name,
		 expired);
	process_pause(process, true);
}

/* The manager bounds the time that it takes; where there is none the button has to do. */
static void shut_down(struct guest_process *process)
{
	if (process->control.fd < 0)
		machine_press_power(process->machine);
}

void process_watchdog_expired(void *owner)
{
	struct guest_process *process = owner;
	enum watchdog_action action = process->config->definition->watchdog.action;
	uint64_t now = monotonic_ns();

	if (now - process->watchdog_told_ns >= TELL_NS) {
		process->watchdog_told_ns = now;
		log_warning("guest %s: %s: %s", process->config->definition->name, expired,
			    watchdog_action_name(action));
		process_tell_event(process, "watchdog");
	}
	if (action == WATCHDOG_PAUSE)
		pause_guest(process);
	else if (action == WATCHDOG_SHUTDOWN)
		shut_down(process);
	else if (action == WATCHDOG_INJECT_NMI)
		machine_inject_nmi(process->machine);
}
