#include "vmm/manager/guest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"
#include "vmm/config/json_memory.h"
#include "vmm/manager/division.h"
#include "vmm/manager/guest_vcpus.h"
#include "vmm/manager/manager.h"
#include "vmm/plan/report.h"

#define NS_PER_SECOND  1000000000ULL
#define RESTART_MIN_NS NS_PER_SECOND        /* from one start to the next, at least */
#define RESTART_MAX_NS (60 * NS_PER_SECOND) /* between a crash and the next start, at most */
#define START_COST     4                    /* times what its start took, before it starts again by itself */
#define LIVED_WELL_NS  (60 * NS_PER_SECOND) /* who lived so long has no former crashes */

bool guest_alive(const struct managed_guest *guest)
{
	return guest->process.fd >= 0;
}

bool guest_active(const struct managed_guest *guest)
{
	return guest_alive(guest) || guest->start;
}

bool guest_ready(const struct managed_guest *guest)
{
	return guest->state == LIFE_RUNNING || guest->state == LIFE_PAUSED;
}

/* --- The state --- */

static int remember(struct managed_guest *guest, enum guest_goal goal, struct error *err)
{
	guest->record.goal = goal;
	if (mkdir(guest->folder, 0700) < 0 && errno != EEXIST)
		return error_set(err, -errno, "guest %s: cannot make its folder %s: %m",
				 guest->definition->name, guest->folder);
	return record_write(guest->folder, &guest->record, err);
}

/* What cannot be undone, and nobody waits for: said in the log. */
void guest_remember(struct managed_guest *guest, enum guest_goal goal)
{
	struct error err;

	if (remember(guest, goal, &err) < 0)
		log_error("%s", err.text);
}

void guest_note_numbers(struct managed_guest *guest)
{
	cJSON *numbers = cJSON_CreateObject();
	cJSON *cards = cJSON_AddArrayToObject(numbers, "cards"); /* guest_hotplug_adopt */

	for (unsigned i = 0; i < DEFINITION_NETWORKS_MAX; i++)
		cJSON_AddItemToArray(cards, cJSON_CreateString(guest->cards[i]));
	guest_cards_record(guest, numbers);
	cJSON_AddNumberToObject(numbers, "memory_mib", (double)guest->definition->memory_mib);
	memory_share_note(guest, numbers);
	guest_vcpus_note(guest, numbers);
	plan_describe_placement(numbers, guest->definition);
	cJSON_Delete(guest->record.numbers);
	guest->record.numbers = numbers;
}

void guest_remember_numbers(struct managed_guest *guest)
{
	guest_note_numbers(guest);
	guest_remember(guest, guest->record.goal);
}

static int refuse(const struct managed_guest *guest, int code, struct error *err)
{
	const char *name = guest->definition->name;
	const char *state = life_state_name(guest->state);

	switch (code) {
	case -EALREADY:
		return error_set(err, code, "guest %s: already %s", name, state);
	case -EBUSY:
		return error_set(err, code, "guest %s: not while it is %s", name, state);
	default:
		return error_set(err, code, "guest %s: is %s", name, state);
	}
}

static int act(struct managed_guest *guest, enum life_action action, struct error *err);

/* Lets an event happen; err holds the sentence when the state refuses it or the action fails. */
static int happen(struct managed_guest *guest, enum life_event event, struct error *err)
{
	enum life_state before = guest->state;
	struct life_step step;
	int code = life_step(guest->state, event, &step);

	if (code < 0)
		return refuse(guest, code, err);
	guest->state = step.next;
	if (step.next != LIFE_WAITING) {
		guest->holds = false;
		guest->memory_due_ns = 0;
	}
	code = act(guest, step.action, err);
	if (code < 0 && guest->state == step.next)
		guest->state = before; /* it did not happen */
	if (guest->state == step.next && guest->state != before)
		manager_guest_changed(guest);
	return code;
}

/* For events that no state refuses. */
void guest_happened(struct managed_guest *guest, enum life_event event)
{
	struct error err = {0};

	if (happen(guest, event, &err) < 0)
		log_error("%s", err.text);
}

void guest_use_fresh(struct managed_guest *guest)
{
	if (!guest->fresh)
		return;
	definition_free(guest->definition);
	guest->definition = TAKE_PTR(guest->fresh);
}

/* Its process is there: it is on record before it does anything. */
static int put_on_record(struct managed_guest *guest, struct error *err)
{
	int code;

	guest->record.started_ns = monotonic_ns();
	code = json_memory_missed() ? error_set(err, -ENOMEM, "guest %s: no memory to keep what it was given",
						guest->definition->name)
				    : remember(guest, GOAL_RUN, err);
	if (code == 0)
		code = guest_process_go(guest, err);
	if (code < 0)
		guest_process_abandon(guest);
	return code;
}

static int start_over(struct managed_guest *guest, int code, struct error *err)
{
	struct error gone;

	guest->start_cost_ns = monotonic_ns() - guest->start_began_ns;
	if (code == 0)
		code = put_on_record(guest, err);
	guest->start_code = code;
	if (code < 0) {
		guest->end = MACHINE_FAILED;
		snprintf(guest->why, sizeof(guest->why), "%s", err->text);
		guest_remember(guest, GOAL_OFF);
		happen(guest, LIFE_ENDED_BADLY, &gone);
		return code;
	}
	log_info("guest %s: started, process %d", guest->definition->name, (int)guest->record.process.pid);
	return 0;
}

static void note_wait(struct managed_guest *guest)
{
	snprintf(guest->why, sizeof(guest->why), "%s", guest_process_waits_for(guest));
}

void guest_waits(struct managed_guest *guest)
{
	if (strcmp(guest->why, guest_process_waits_for(guest)) == 0)
		return;
	note_wait(guest);
	events_add(guest->manager->events, "waits", guest->definition->name, guest->why);
	manager_changed(guest->manager);
}

void guest_started(struct managed_guest *guest, int code, struct error *err)
{
	guest->why[0] = '\0';
	if (start_over(guest, code, err) < 0) {
		log_error("%s", err->text); /* nobody is told otherwise */
		return;
	}
	division_apply(guest->manager); /* others may have come meanwhile */
	manager_changed(guest->manager);
}

/* It promised to start, and is to do so under the next manager, too. */
static int start_waits(struct managed_guest *guest, struct error *err)
{
	int code = remember(guest, GOAL_RUN, err);

	if (code < 0) {
		guest_process_start_cancel(guest);
		return code;
	}
	note_wait(guest);
	log_info("guest %s: %s", guest->definition->name, guest->why);
	return 0;
}

static int spawn(struct managed_guest *guest, struct error *err)
{
	int code;

	guest->start_began_ns = monotonic_ns();
	guest->start_code = 0;
	guest_use_fresh(guest);
	guest_vcpus_begin(guest);
	loop_timer_clear(&guest->deadline);
	guest->end = MACHINE_RUNNING;
	boot_report_clear(&guest->report, guest->definition->name);
	guest->status[0] = guest->why[0] = '\0';
	guest->halted = false;
	free(TAKE_PTR(guest->console_tail));
	json_memory_missed();
	code = division_give(guest, err);
	if (code == 0) {
		memory_share_begin(guest);
		code = guest_process_start(guest, err);
	}
	if (code == -EINPROGRESS) {
		code = start_waits(guest, err);
		if (code == 0)
			return 0;
	}
	return start_over(guest, code, err);
}

/* It is to end before it has a process: what was made ready for one is given up. */
static int give_up_start(struct managed_guest *guest)
{
	guest_process_start_cancel(guest);
	guest->end = MACHINE_KILLED;
	guest->start_code = -ECANCELED;
	snprintf(guest->why, sizeof(guest->why), "guest %s: was ended before it ran",
		 guest->definition->name);
	guest_happened(guest, LIFE_ENDED);
	return 0;
}

/* A guest that ends as soon as it starts must not keep the host busy with its starts: each crash doubles the
 * time to the next start. What a guest needs for it may cost much, which a disk that the guest wrote can make
 * more (boot_from_disk.h). */
static uint64_t restart_delay_ns(struct managed_guest *guest)
{
	uint64_t lived_ns = monotonic_ns() - guest->record.started_ns;
	uint64_t delay_ns = RESTART_MIN_NS;

	if (guest->end != MACHINE_CRASHED && guest->end != MACHINE_WATCHDOG) {
		delay_ns = MAX(delay_ns, START_COST * guest->start_cost_ns);
		return lived_ns < delay_ns ? delay_ns - lived_ns : 0;
	}
	if (lived_ns >= LIVED_WELL_NS)
		guest->record.restarts = 0;
	for (unsigned i = 0; i < guest->record.restarts && delay_ns < RESTART_MAX_NS; i++)
		delay_ns *= 2;
	guest->record.restarts++;
	return MAX(MIN(delay_ns, RESTART_MAX_NS), START_COST * guest->start_cost_ns);
}

static int act(struct managed_guest *guest, enum life_action action, struct error *err)
{
	switch (action) {
	case LIFE_SPAWN:
		return spawn(guest, err);
	case LIFE_DELAY:
		loop_timer_set(&guest->deadline, restart_delay_ns(guest), 0);
		guest_remember(guest, GOAL_RUN);
		return 0;
	case LIFE_TELL_PAUSE:
		return guest_process_tell(guest, "pause", -1, err);
	case LIFE_TELL_RESUME:
		return guest_process_tell(guest, "resume", -1, err);
	case LIFE_ASK:
		if (guest->start)
			return give_up_start(guest);
		if (guest_process_tell(guest, "resume", -1, err) < 0 ||
		    guest_process_tell(guest, "press-power", -1, err) < 0)
			guest_process_kill(guest); /* it does not listen */
		guest->stop_stage = STOP_POWER_BUTTON;
		loop_timer_set(&guest->deadline, guest->stop_share_ns, 0);
		return 0;
	case LIFE_FORCE:
		if (guest->start)
			return give_up_start(guest);
		if (guest_process_tell(guest, "stop", -1, err) < 0)
			guest_process_kill(guest);
		guest->stop_stage = STOP_MACHINE;
		loop_timer_set(&guest->deadline, GUEST_STOP_NS, 0);
		return 0;
	case LIFE_CANCEL:
		loop_timer_clear(&guest->deadline);
		return 0;
	case LIFE_NOTHING:
		break;
	}
	return 0;
}

/* --- Operations --- */

int guest_start(struct managed_guest *guest, struct error *err)
{
	guest->record.restarts = 0; /* somebody believes in it */
	return happen(guest, LIFE_START, err);
}

int guest_hold(struct managed_guest *guest, const char *why, struct error *err)
{
	enum guest_goal before = guest->record.goal;
	struct life_step step;
	int code = life_step(guest->state, LIFE_HOLD, &step);

	if (code < 0)
		return refuse(guest, code, err);
	code = remember(guest, GOAL_RUN, err);
	if (code < 0) {
		guest->record.goal = before;
		return code;
	}
	guest->start_code = 0;
	loop_timer_clear(&guest->deadline); /* of a restart, which now waits for another reason */
	guest->memory_due_ns = 0;
	snprintf(guest->why, sizeof(guest->why), "%s", why);
	code = happen(guest, LIFE_HOLD, err);
	guest->holds = guest->state == LIFE_WAITING;
	return code;
}

void guest_hold_over(struct managed_guest *guest)
{
	guest_happened(guest, LIFE_DUE);
}

void guest_hold_fail(struct managed_guest *guest, const char *why)
{
	snprintf(guest->why, sizeof(guest->why), "%s", why);
	guest_remember(guest, GOAL_OFF);
	log_error("%s", why);
	guest_happened(guest, LIFE_ENDED_BADLY);
}

/* What was promised is on record before it is done; on a disk that is full a guest can be stopped all the
 * same. */
static int stop(struct managed_guest *guest, enum life_event event, enum guest_goal goal, struct error *err)
{
	struct life_step step;
	int code = life_step(guest->state, event, &step);

	if (code < 0)
		return refuse(guest, code, err);
	guest_remember(guest, goal);
	return happen(guest, event, err);
}

int guest_shutdown(struct managed_guest *guest, unsigned timeout_s, struct error *err)
{
	guest->stop_share_ns = timeout_s * NS_PER_SECOND / 2;
	return stop(guest, LIFE_SHUTDOWN, GOAL_OFF, err);
}

int guest_reboot(struct managed_guest *guest, unsigned timeout_s, struct error *err)
{
	if (!guest_alive(guest))
		return refuse(guest, -ENOTCONN, err);
	guest->stop_share_ns = timeout_s * NS_PER_SECOND / 2;
	return stop(guest, LIFE_SHUTDOWN, GOAL_REBOOT, err);
}

int guest_kill(struct managed_guest *guest, struct error *err)
{
	return stop(guest, LIFE_KILL, GOAL_OFF, err);
}

int guest_pause(struct managed_guest *guest, struct error *err)
{
	return happen(guest, LIFE_PAUSE, err);
}

int guest_resume(struct managed_guest *guest, struct error *err)
{
	return happen(guest, LIFE_RESUME, err);
}

/* --- Time --- */

/* What the guest was asked did not end it in time: the next stage. */
static void stop_harder(struct managed_guest *guest)
{
	const char *name = guest->definition->name;
	struct error err;

	guest->stop_stage++;
	if (guest->stop_stage == STOP_CTRL_ALT_DEL &&
	    guest_process_tell(guest, "ctrl-alt-del", -1, &err) == 0) {
		loop_timer_set(&guest->deadline, guest->stop_share_ns, 0);
	} else if (guest->stop_stage <= STOP_MACHINE && guest_process_tell(guest, "stop", -1, &err) == 0) {
		log_warning("guest %s: did not shut down in time, stopping it", name);
		guest->stop_stage = STOP_MACHINE;
		loop_timer_set(&guest->deadline, GUEST_STOP_NS, 0);
	} else {
		log_warning("guest %s: its process does not stop, killing it", name);
		guest_process_kill(guest);
	}
}

void guest_deadline_expired(struct loop_timer *timer)
{
	struct managed_guest *guest = CONTAINER_OF(timer, struct managed_guest, deadline);

	if (guest_alive(guest))
		stop_harder(guest);
	else
		manager_guest_due(guest);
}

/* --- What its process tells --- */

/* A disk's error paused it, or it goes on after one. */
static void heard_of_disks(struct managed_guest *guest)
{
	bool halted = guest->told_paused && guest->told_halted[0];
	enum life_state before = guest->state;

	if (halted && guest->state == LIFE_RUNNING) {
		log_warning("guest %s: paused: %s", guest->definition->name, guest->told_halted);
		snprintf(guest->why, sizeof(guest->why), "%s", guest->told_halted);
		guest->halted = true;
		guest->state = LIFE_PAUSED;
	} else if (!halted && guest->halted) {
		guest->why[0] = '\0';
		guest->halted = false;
		if (guest->state == LIFE_PAUSED)
			guest->state = LIFE_RUNNING;
	}
	if (guest->state != before)
		manager_guest_changed(guest);
}

void guest_heard(struct managed_guest *guest)
{
	/* It tells for the first time when its vCPUs were let go; who ran first is not known yet then. */
	enum boot_step step =
		guest->definition->ready == GUEST_READY_NOTIFY ? BOOT_STEP_READY : BOOT_STEP_LOAD;

	if (guest->state == LIFE_STARTING && guest->report.steps[step].reached) {
		log_info("guest %s: ready", guest->definition->name);
		guest_happened(guest, LIFE_READY);
	}
	heard_of_disks(guest);
	if (guest->adopting && guest->told_paused && guest->state == LIFE_RUNNING) {
		guest->state = LIFE_PAUSED; /* by a former manager */
		manager_guest_changed(guest);
	}
	guest->adopting = false;
	manager_changed(guest->manager);
}

/* The definition says what it is to mean, whatever its process says. */
void guest_watchdog_expired(struct managed_guest *guest)
{
	const struct watchdog_definition *watchdog = &guest->definition->watchdog;
	struct error err;

	if (!watchdog->present)
		return;
	log_warning("guest %s: its watchdog expired: %s", guest->definition->name,
		    watchdog_action_name(watchdog->action));
	events_add(guest->manager->events, "watchdog", guest->definition->name,
		   watchdog_action_name(watchdog->action));
	if (watchdog->action == WATCHDOG_SHUTDOWN && guest->state != LIFE_STOPPING) {
		if (guest_shutdown(guest, GUEST_DOWN_SECONDS, &err) < 0)
			log_warning("%s", err.text);
	} else if (watchdog->action == WATCHDOG_PAUSE) {
		snprintf(guest->why, sizeof(guest->why), "guest %s: its watchdog expired",
			 guest->definition->name);
		guest->halted = true;
		guest_happened(guest, LIFE_HALT);
	}
	manager_changed(guest->manager);
}
