#include "vmm/manager/memory_share.h"

#include <errno.h>
#include <stdio.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"
#include "vmm/jail/cgroup.h"
#include "vmm/manager/division.h"
#include "vmm/manager/guest_jail.h"
#include "vmm/manager/manager.h"
#include "vmm/manager/process_usage.h"

#define ASK_NS      250000000ULL
#define ASK_SLOW_NS 5000000000ULL  /* one that was asked for longer than ... */
#define PATIENT_NS  60000000000ULL /* ... this */
#define FILES_BYTES MIB(4) /* shared memory of its process that is not the guest's: its log, last words */

bool memory_share_moves(const struct managed_guest *guest)
{
	const struct guest_definition *definition = guest->definition;
	const struct guest_wants *wants = &definition->wants;

	return definition->role != GUEST_ROLE_GUEST && !wants->memory_mib && wants->pages == PAGES_NORMAL &&
	       definition->memballoon.present && !definition->memballoon.autodeflate;
}

/* All of its RAM, and what it is to have plugged in. */
static uint64_t most_of(const struct managed_guest *guest)
{
	return guest->definition->memory_mib + guest->definition->wants.requested_mib;
}

uint64_t memory_share_live(const struct managed_guest *guest)
{
	uint64_t most = most_of(guest);
	bool now = guest->state == LIFE_STARTING || (guest->state == LIFE_RUNNING && guest->share.driver);

	if (!guest_active(guest) || !now || !memory_share_moves(guest))
		return 0;
	return guest->share.hand_mib ? MIN(most, guest->share.hand_mib) : most;
}

void memory_share_begin(struct managed_guest *guest)
{
	guest->share = (struct memory_share){.target_mib = most_of(guest), .given_mib = most_of(guest)};
}

void memory_share_end(struct managed_guest *guest)
{
	guest->share = (struct memory_share){0};
	guest->definition->wants.requested_mib = memory_devices_requested(&guest->definition->memory_devices);
}

/* Whether there is anything to be said of it. */
static bool changes(const struct managed_guest *guest)
{
	return memory_share_moves(guest) || guest->definition->memory_devices.count;
}

/* --- On record --- */

void memory_share_note(const struct managed_guest *guest, cJSON *numbers)
{
	const struct memory_share *share = &guest->share;

	if (!changes(guest))
		return;
	cJSON_AddNumberToObject(numbers, "memory_target_mib", (double)share->target_mib);
	cJSON_AddNumberToObject(numbers, "memory_given_mib", (double)share->given_mib);
	cJSON_AddNumberToObject(numbers, "memory_requested_mib",
				(double)guest->definition->wants.requested_mib);
	if (share->hand_mib)
		cJSON_AddNumberToObject(numbers, "memory_hand_mib", (double)share->hand_mib);
}

static uint64_t number(const cJSON *numbers, const char *key, uint64_t least, uint64_t most,
		       uint64_t otherwise)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(numbers, key);

	if (!cJSON_IsNumber(item) ||
	    !(item->valuedouble >= (double)least && item->valuedouble <= (double)most))
		return otherwise;
	return (uint64_t)item->valuedouble;
}

void memory_share_adopt(struct managed_guest *guest)
{
	const cJSON *numbers = guest->record.numbers;
	struct guest_definition *definition = guest->definition;
	uint64_t most = definition->memory_mib + memory_devices_size(&definition->memory_devices);

	memory_share_begin(guest);
	definition->wants.requested_mib =
		number(numbers, "memory_requested_mib", 0, most - definition->memory_mib,
		       definition->wants.requested_mib);
	guest->share.given_mib = number(numbers, "memory_given_mib", 1, most, guest->share.given_mib);
	guest->share.target_mib =
		number(numbers, "memory_target_mib", 1, guest->share.given_mib, guest->share.given_mib);
	guest->share.hand_mib = number(numbers, "memory_hand_mib", 1, most, 0);
	guest->share.asked_ns = monotonic_ns();
	if (guest->share.target_mib < guest->share.given_mib)
		loop_timer_set(&guest->manager->memory_timer, ASK_NS, 0);
}

void memory_share_describe(const struct managed_guest *guest, cJSON *json)
{
	uint64_t live = memory_share_live(guest);

	if (!changes(guest))
		return;
	cJSON_AddNumberToObject(json, "current_memory_mib", (double)guest->share.given_mib);
	if (live)
		cJSON_AddNumberToObject(json, "live_memory_mib", (double)live);
}

/* --- What it is told --- */

static void tell(struct managed_guest *guest, uint64_t mib)
{
	cJSON *message = cJSON_CreateObject();
	struct error err;

	cJSON_AddStringToObject(message, "op", "memory-set");
	cJSON_AddNumberToObject(message, "memory_mib", (double)mib);
	if (guest_process_say(guest, message, NULL, 0, &err) < 0)
		log_warning("%s", err.text);
	cJSON_Delete(message);
}

static void limit(struct managed_guest *guest)
{
	struct error err;

	if (guest_jail_limit(guest, guest->definition, &err) < 0)
		log_warning("guest %s: %s", guest->definition->name, err.text);
}

static void say(const struct managed_guest *guest, const char *event, uint64_t mib)
{
	char detail[64];

	snprintf(detail, sizeof(detail), "%llu of %llu MiB", (unsigned long long)mib,
		 (unsigned long long)most_of(guest));
	log_info("guest %s: %s: %s", guest->definition->name, event, detail);
	events_add(guest->manager->events, event, guest->definition->name, detail);
}

static void shrink(struct managed_guest *guest, uint64_t mib)
{
	struct memory_share *share = &guest->share;

	share->target_mib = mib;
	share->asked_ns = monotonic_ns();
	guest_remember_numbers(guest);
	say(guest, "memory-asked", mib);
	tell(guest, mib);
	loop_timer_set(&guest->manager->memory_timer, ASK_NS, 0);
}

/* It may use the memory as soon as it hears of it: everything else comes first. */
static void grow(struct managed_guest *guest, uint64_t mib)
{
	struct memory_share *share = &guest->share;

	share->target_mib = mib;
	share->given_mib = MAX(share->given_mib, mib);
	guest_remember_numbers(guest);
	limit(guest);
	say(guest, "memory-changed", mib);
	tell(guest, mib);
}

void memory_share_aim(struct managed_guest *guest, uint64_t planned_mib, uint64_t *free_mib)
{
	struct memory_share *share = &guest->share;
	uint64_t aim = MIN(planned_mib, memory_share_live(guest));
	uint64_t most = share->given_mib + *free_mib;

	if (!aim || aim == share->target_mib)
		return;
	if (aim < share->target_mib) {
		shrink(guest, aim);
		return;
	}
	aim = MIN(aim, most);
	*free_mib = most - MAX(aim, share->given_mib);
	if (aim > share->target_mib)
		grow(guest, aim);
}

/* --- By hand --- */

static int check_by_hand(const struct managed_guest *guest, uint64_t mib, struct error *err)
{
	const struct guest_definition *definition = guest->definition;
	const struct memory_devices *devices = &definition->memory_devices;
	uint64_t ram = definition->memory_mib;
	uint64_t most = ram + memory_devices_size(devices);
	uint64_t parts[MEMORY_DEVICES_MAX];
	uint64_t over;

	if (!guest_alive(guest))
		return error_set(err, -ENOTCONN, "guest %s: is %s", definition->name,
				 life_state_name(guest->state));
	if (!definition->memballoon.present && (mib < ram || !devices->count))
		return error_set(err, -EOPNOTSUPP,
				 "guest %s: has no balloon: its definition has no memballoon",
				 definition->name);
	if (mib > most)
		return error_set(err, -EINVAL, "guest %s: has %llu MiB of memory, no more can be its own",
				 definition->name, (unsigned long long)most);
	over = memory_devices_divide(devices, mib > ram ? mib - ram : 0, parts);
	if (over)
		return error_set(
			err, -EINVAL,
			"guest %s: beyond its %llu MiB memory is plugged in by whole blocks: %llu MiB is the "
			"nearest below",
			definition->name, (unsigned long long)ram, (unsigned long long)(mib - over));
	return 0;
}

static int check_free(const struct managed_guest *guest, uint64_t more_mib, struct error *err)
{
	uint64_t free_mib = 0;
	int code = division_free(guest->manager, &free_mib, err);

	if (code == 0 && more_mib > free_mib)
		code = error_set(err, -ENOSPC, "guest %s: %llu MiB more are not free, %llu MiB are",
				 guest->definition->name, (unsigned long long)more_mib,
				 (unsigned long long)free_mib);
	return code;
}

/* What is plugged in counts: it is refused when it does not fit beside what others have. */
static int request(struct managed_guest *guest, uint64_t requested_mib, struct error *err)
{
	uint64_t *requested = &guest->definition->wants.requested_mib;
	uint64_t before = *requested;
	int code = 0;

	*requested = requested_mib;
	if (requested_mib > before)
		code = division_fits(guest, err);
	/* The plan takes it from what the guest was started with; but without a balloon that keeps all of it.
	 */
	if (code == 0 && requested_mib > before && !memory_share_moves(guest))
		code = check_free(guest, most_of(guest) - MIN(most_of(guest), guest->share.given_mib), err);
	if (code < 0)
		*requested = before;
	return code;
}

int memory_share_by_hand(struct managed_guest *guest, uint64_t mib, struct error *err)
{
	uint64_t ram = guest->definition->memory_mib;
	int code = check_by_hand(guest, mib, err);

	if (code == 0)
		code = request(guest, mib > ram ? mib - ram : 0, err);
	if (code < 0)
		return code;
	if (memory_share_moves(guest)) {
		guest->share.hand_mib = mib < ram ? mib : 0;
		guest_remember_numbers(guest);
		division_apply(guest->manager);
		return 0;
	}
	if (most_of(guest) < guest->share.target_mib)
		shrink(guest, most_of(guest));
	else if (most_of(guest) > guest->share.target_mib)
		grow(guest, most_of(guest));
	tell(guest, mib); /* what the balloon then holds of its RAM is promised to nobody */
	return 0;
}

/* --- What becomes of it --- */

static bool is_giving(const struct managed_guest *guest)
{
	return guest_alive(guest) && guest->share.target_mib < guest->share.given_mib;
}

/* The host's own count of what its process holds of it. Without a control group what it maps, which has pages
 * of memory devices twice where devices used them: rather too much than too little. */
static uint64_t held_bytes(const struct managed_guest *guest)
{
	struct process_usage usage;
	uint64_t bytes;

	if (cgroup_memory_held(guest->record.cgroup, &bytes) == 0)
		return bytes;
	return process_usage_read(guest->record.process.pid, &usage) ? usage.shared_bytes : UINT64_MAX;
}

static bool has_given(const struct managed_guest *guest)
{
	const struct memory_share *share = &guest->share;

	return (share->driver || !memory_share_moves(guest)) && share->told_bytes <= MIB(share->target_mib) &&
	       held_bytes(guest) <=
		       MIB(share->target_mib) + KIB(guest->definition->video.vram_kib) + FILES_BYTES;
}

void memory_share_heard(struct managed_guest *guest, bool driver, uint64_t bytes)
{
	struct memory_share *share = &guest->share;
	bool came = driver && !share->driver;

	share->driver = driver;
	share->told_bytes = bytes;
	if (is_giving(guest) && has_given(guest)) {
		share->given_mib = share->target_mib;
		limit(guest);
		guest_remember_numbers(guest);
		say(guest, "memory-changed", share->given_mib);
		manager_memory_given(guest->manager);
	} else if (came && memory_share_moves(guest)) {
		division_apply(guest->manager);
	}
}

void memory_share_timer(struct loop_timer *timer)
{
	struct manager *manager = CONTAINER_OF(timer, struct manager, memory_timer);
	uint64_t next = 0;
	struct error err;

	for (unsigned i = 0; i < manager->guest_count; i++) {
		struct managed_guest *guest = manager->guests[i];
		uint64_t wait = monotonic_ns() - guest->share.asked_ns > PATIENT_NS ? ASK_SLOW_NS : ASK_NS;

		if (!is_giving(guest))
			continue;
		if (guest_process_tell(guest, "state", -1, &err) < 0)
			log_debug("%s", err.text);
		next = next ? MIN(next, wait) : wait;
	}
	if (next)
		loop_timer_set(timer, next, 0);
}
