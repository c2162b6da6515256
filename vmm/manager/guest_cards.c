#include "vmm/manager/guest_cards.h"

#include <stdio.h>
#include <string.h>

#include "common/util.h"
#include "vmm/manager/guest.h"

void guest_cards_note(struct managed_guest *guest, unsigned card, const struct card_fds *fds)
{
	struct guest_card *its = &guest->interfaces[card];

	*its = (struct guest_card){0};
	card_interface(fds->queues[0], its->interface);
	if (!card_statistics_read("/", its->interface, &its->began))
		its->interface[0] = '\0';
}

void guest_cards_record(const struct managed_guest *guest, cJSON *numbers)
{
	cJSON *list = NULL;

	for (unsigned i = 0; i < DEFINITION_NETWORKS_MAX; i++) {
		const struct guest_card *its = &guest->interfaces[i];
		cJSON *item = its->interface[0] ? cJSON_CreateObject() : NULL;

		if (!item)
			continue;
		if (!list)
			list = cJSON_AddArrayToObject(numbers, "interfaces");
		cJSON_AddNumberToObject(item, "card", i);
		cJSON_AddStringToObject(item, "interface", its->interface);
		cJSON_AddNumberToObject(item, "to_guest", (double)its->began.to_guest);
		cJSON_AddNumberToObject(item, "from_guest", (double)its->began.from_guest);
		cJSON_AddNumberToObject(item, "frames", (double)its->began.frames);
		cJSON_AddItemToArray(list, item);
	}
}

static uint64_t number(const cJSON *item, const char *key)
{
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(item, key);

	return cJSON_IsNumber(value) && value->valuedouble >= 0 && value->valuedouble < WHOLE_ALL
		       ? (uint64_t)value->valuedouble
		       : 0;
}

void guest_cards_restore(struct managed_guest *guest)
{
	const cJSON *item;

	memset(guest->interfaces, 0, sizeof(guest->interfaces));
	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(guest->record.numbers, "interfaces"))
	{
		const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "interface"));
		uint64_t card = number(item, "card");
		struct guest_card *its = &guest->interfaces[card % DEFINITION_NETWORKS_MAX];

		if (!name || card >= DEFINITION_NETWORKS_MAX)
			continue;
		snprintf(its->interface, sizeof(its->interface), "%s", name);
		its->began = (struct card_statistics){
			.to_guest = number(item, "to_guest"),
			.from_guest = number(item, "from_guest"),
			.frames = number(item, "frames"),
		};
	}
}

static uint64_t since(uint64_t now, uint64_t began)
{
	return now > began ? now - began : 0;
}

/* With vhost the process has seen next to nothing; without it, it has seen what the interface has. */
static void count_card(const struct guest_card *its, struct device_counters *counters)
{
	struct card_statistics now;

	if (!card_statistics_read("/", its->interface, &now))
		return;
	counters->to_guest = MAX(counters->to_guest, since(now.to_guest, its->began.to_guest));
	counters->from_guest = MAX(counters->from_guest, since(now.from_guest, its->began.from_guest));
	counters->requests = MAX(counters->requests, since(now.frames, its->began.frames));
}

void guest_cards_count(struct managed_guest *guest)
{
	for (unsigned i = 0; i < DEFINITION_NETWORKS_MAX; i++) {
		for (unsigned j = 0; j < guest->counters.network_count; j++) {
			if (guest->cards[i][0] &&
			    strcmp(guest->counters.networks[j].device, guest->cards[i]) == 0)
				count_card(&guest->interfaces[i], &guest->counters.networks[j]);
		}
	}
}
