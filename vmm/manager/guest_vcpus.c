#include "vmm/manager/guest_vcpus.h"

#include <errno.h>
#include <stdio.h>

#include "common/log.h"
#include "vmm/manager/division.h"
#include "vmm/manager/manager.h"

unsigned guest_vcpus(const struct managed_guest *guest)
{
	const struct guest_definition *definition = guest->definition;

	return definition->wants.current_vcpus ? definition->wants.current_vcpus
					       : topology_vcpus(&definition->topology);
}

static int check(const struct managed_guest *guest, unsigned count, struct error *err)
{
	const struct guest_definition *definition = guest->definition;
	const char *name = definition->name;

	if (!guest_alive(guest))
		return error_set(err, -ENOTCONN, "guest %s: is %s", name, life_state_name(guest->state));
	if (guest->state == LIFE_PAUSED)
		return error_set(err, -EBUSY, "guest %s: is paused; rastos-vmm resume %s first", name, name);
	if (!definition->current_vcpus)
		return error_set(err, -EOPNOTSUPP,
				 "guest %s: its vCPUs come and go only with current_vcpus in its definition",
				 name);
	if (count > definition->wants.vcpus)
		return error_set(err, -EINVAL, "guest %s: has at most %u vCPUs, its definition's vcpus", name,
				 definition->wants.vcpus);
	if (guest->vcpus_change.number)
		return error_set(err, -EBUSY, "guest %s: another change of its vCPUs is under way", name);
	return 0;
}

/* With so many in the plan, if there is room. */
static int reserve(struct managed_guest *guest, unsigned count, struct error *err)
{
	unsigned before = guest->definition->wants.current_vcpus;
	int code;

	if (count <= before)
		return 0;
	guest->definition->wants.current_vcpus = count;
	code = division_check(guest->manager, guest->definition, err);
	if (code < 0)
		guest->definition->wants.current_vcpus = before;
	return code;
}

/* What the plan counts, and where they run. */
static void note(struct managed_guest *guest, unsigned count)
{
	guest->definition->wants.current_vcpus = count;
	guest_remember_numbers(guest);
	division_apply(guest->manager);
	manager_changed(guest->manager);
}

static int say(struct managed_guest *guest, unsigned count, struct error *err)
{
	cJSON *message = cJSON_CreateObject();
	int code;

	cJSON_AddStringToObject(message, "op", "vcpus-set");
	cJSON_AddNumberToObject(message, "vcpus", count);
	code = guest_process_say(guest, message, NULL, 0, err);
	cJSON_Delete(message);
	return code;
}

int64_t guest_set_vcpus(struct managed_guest *guest, unsigned count, struct error *err)
{
	unsigned before = guest_vcpus(guest);
	int code = check(guest, count, err);

	if (code == 0)
		code = reserve(guest, count, err);
	if (code == 0) {
		if (count > before) { /* on record before it is so; and each begins on its own CPU */
			guest_remember_numbers(guest);
			division_apply(guest->manager);
		}
		code = say(guest, count, err);
		if (code < 0)
			note(guest, before);
	}
	if (code < 0)
		return code;
	guest->vcpus_change.number = ++guest->vcpus_change.last;
	guest->vcpus_change.wanted = count;
	return (int64_t)guest->vcpus_change.number;
}

static void finish(struct managed_guest *guest, int code)
{
	guest->vcpus_change.ended = guest->vcpus_change.number;
	guest->vcpus_change.code = code;
	guest->vcpus_change.number = 0;
	if (code < 0)
		log_warning("%s", guest->vcpus_change.why.text);
	manager_changed(guest->manager);
}

int guest_vcpus_outcome(const struct managed_guest *guest, uint64_t number, struct error *err)
{
	if (guest->vcpus_change.number == number)
		return -EINPROGRESS;
	if (guest->vcpus_change.ended != number)
		return error_set(err, -ECANCELED, "guest %s: another change of its vCPUs came after it",
				 guest->definition->name);
	return guest->vcpus_change.code < 0
		       ? error_set(err, guest->vcpus_change.code, "%s", guest->vcpus_change.why.text)
		       : 0;
}

const char *guest_vcpus_remark(const struct managed_guest *guest)
{
	return guest->vcpus_change.code == 0 ? guest->vcpus_change.why.text : "";
}

/* --- On record --- */

void guest_vcpus_note(const struct managed_guest *guest, cJSON *numbers)
{
	if (guest->definition->current_vcpus)
		cJSON_AddNumberToObject(numbers, "current_vcpus", guest_vcpus(guest));
}

void guest_vcpus_adopt(struct managed_guest *guest)
{
	const cJSON *number = cJSON_GetObjectItemCaseSensitive(guest->record.numbers, "current_vcpus");

	guest_vcpus_begin(guest);
	if (guest->definition->current_vcpus && cJSON_IsNumber(number) && number->valuedouble >= 1 &&
	    number->valuedouble <= guest->definition->wants.vcpus)
		guest->definition->wants.current_vcpus = (unsigned)number->valuedouble;
}

/* --- What its process tells --- */

void guest_vcpus_begin(struct managed_guest *guest)
{
	guest->definition->wants.current_vcpus = guest->definition->current_vcpus;
}

/* Never more than the plan counts, whatever it says. */
static bool makes_sense(const struct managed_guest *guest, unsigned count)
{
	return guest->definition->current_vcpus && count >= 1 && count <= guest_vcpus(guest);
}

void guest_vcpus_heard(struct managed_guest *guest, unsigned count)
{
	char text[16];

	if (!makes_sense(guest, count) || guest->vcpus_change.number || count == guest_vcpus(guest))
		return;
	snprintf(text, sizeof(text), "%u", count);
	if (!guest->adopting)
		events_add(guest->manager->events, "vcpus-changed", guest->definition->name, text);
	note(guest, count);
}

void guest_vcpus_set(struct managed_guest *guest, unsigned count, const char *why)
{
	const char *name = guest->definition->name;
	char text[16];
	int code;

	if (!guest->vcpus_change.number)
		return;
	if (!makes_sense(guest, count))
		count = guest_vcpus(guest);
	snprintf(text, sizeof(text), "%u", count);
	events_add(guest->manager->events, "vcpus-changed", name, text);
	note(guest, count);
	if (count == guest->vcpus_change.wanted)
		code = error_set(&guest->vcpus_change.why, 0, "%s%s%s%s", *why ? "guest " : "",
				 *why ? name : "", *why ? ": " : "", why);
	else
		code = error_set(&guest->vcpus_change.why, -EBUSY, "guest %s: has %u vCPUs, not %u: %s", name,
				 count, guest->vcpus_change.wanted, why);
	finish(guest, code);
}

void guest_vcpus_end(struct managed_guest *guest)
{
	if (guest->vcpus_change.number)
		finish(guest,
		       error_set(&guest->vcpus_change.why, -ENOTCONN,
				 "guest %s: has ended before its vCPUs changed", guest->definition->name));
	guest_vcpus_begin(guest); /* as many as its next start gives it */
}
