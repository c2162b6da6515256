#include "vmm/guest/process_state.h"

#include <stdio.h>

#include "common/log.h"
#include "common/util.h"

#define NS_PER_SECOND 1000000000ULL
#define RETRY_MIN_NS  (1 * NS_PER_SECOND)
#define RETRY_MAX_NS  (60 * NS_PER_SECOND)

void process_pause(struct guest_process *process, bool paused)
{
	process->paused = paused;
	if (!paused)
		process->halted[0] = '\0';
	if (paused)
		machine_pause(process->machine);
	else
		machine_resume(process->machine);
	process_state_changed(process);
}

/* Nobody resumes a guest that has no manager, or one that has never been ready. */
static bool is_resumed(const struct guest_process *process)
{
	struct boot_report report;

	boot_recorder_read(process->config->recorder, &report);
	return process->config->listen_fd >= 0 &&
	       (process->config->definition->ready == GUEST_READY_STARTED ||
		report.steps[BOOT_STEP_READY].reached);
}

static void retry_expired(struct loop_timer *timer)
{
	struct guest_process *process = CONTAINER_OF(timer, struct guest_process, retry);

	if (process->halted[0])
		process_pause(process, false);
}

void process_halted(void *owner, const char *why)
{
	struct guest_process *process = owner;
	const char *name = process->config->definition->name;

	if (process->paused)
		return;
	snprintf(process->halted, sizeof(process->halted), "%s", why);
	process_pause(process, true);
	if (is_resumed(process)) {
		log_warning("guest %s: paused: %s", name, why);
		return;
	}
	process->retry_ns = MIN(MAX(process->retry_ns * 2, RETRY_MIN_NS), RETRY_MAX_NS);
	log_warning("guest %s: paused: %s; it is tried again in %llu s", name, why,
		    (unsigned long long)(process->retry_ns / NS_PER_SECOND));
	if (process->retry.source.fd >= 0 ||
	    loop_timer_init(&process->loop, &process->retry, retry_expired) == 0)
		loop_timer_set(&process->retry, process->retry_ns, 0);
}
