/* A guest's definition with another device, or without one. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "vmm/manager/devices.h"

static int definition_of(const struct managed_guest *guest, const cJSON *json,
			 struct guest_definition **definition, struct error *err)
{
	AUTO_FREE char *text = cJSON_PrintUnformatted(json);

	return text ? definition_parse("definition", "/", text, definition, err)
		    : error_set(err, -ENOMEM, "guest %s: out of memory", guest->definition->name);
}

/* The item with its id, unless its place gives it that id anyway. */
static cJSON *item_at(const struct device_wish *wish, unsigned index)
{
	cJSON *item = cJSON_Duplicate(wish->item, true);
	char word[DEFINITION_DEVICE_ID_MAX + 1];

	snprintf(word, sizeof(word), "%s%u", wish->kind->word, index);
	if (!cJSON_HasObjectItem(item, "id") && strcmp(word, wish->id) != 0)
		cJSON_AddStringToObject(item, "id", wish->id);
	return item;
}

/* "/disks/3/path" of the whole definition is "/definition/path" of what was asked. */
static void point_to_item(struct error *err, const struct device_wish *wish, unsigned index)
{
	char before[32], rest[sizeof(err->pointer)];
	int len = snprintf(before, sizeof(before), "/%s/%u", wish->kind->array, index);

	if (strncmp(err->pointer, before, (size_t)len) != 0)
		return;
	memcpy(rest, err->pointer + len, sizeof(rest) - (size_t)len);
	rest[sizeof(rest) - 1] = '\0';
	snprintf(err->pointer, sizeof(err->pointer), "/definition%.100s", rest);
}

/* Where a card of the changed definition was before: UINT_MAX for one that came, or is another one now. */
static unsigned card_before(const struct device_wish *wish, unsigned index, unsigned card)
{
	if (wish->item)
		return card == index ? UINT_MAX : card;
	return card < index ? card : card + 1;
}

/* A card that says no address has one by its place and by what the others have: those that stay keep theirs.
 * True: one has to say it for that. */
static bool keep_macs(cJSON *cards, const struct guest_definition *base, const struct device_wish *wish,
		      unsigned index, const struct guest_definition *changed)
{
	bool kept = false;

	for (unsigned i = 0; i < changed->network_count; i++) {
		unsigned before = card_before(wish, index, i);
		const uint8_t *mac = before < base->network_count ? base->networks[before].mac : NULL;
		char text[18];

		if (!mac || memcmp(mac, changed->networks[i].mac, sizeof(changed->networks[i].mac)) == 0)
			continue;
		snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
			 mac[4], mac[5]);
		cJSON_AddStringToObject(cJSON_GetArrayItem(cards, (int)i), "mac", text);
		kept = true;
	}
	return kept;
}

/* index: of the card that came, went or is another one. json is freed. */
static int changed_cards(const struct managed_guest *guest, cJSON *json, const struct guest_definition *base,
			 const struct device_wish *wish, unsigned index, struct guest_definition **result,
			 struct error *err)
{
	int code = definition_of(guest, json, result, err);

	if (code == 0 && keep_macs(device_array(json, DEVICE_NETWORK), base, wish, index, *result)) {
		definition_free(*result);
		*result = NULL;
		code = definition_of(guest, json, result, err);
	}
	cJSON_Delete(json);
	return code;
}

static int with_item(const struct managed_guest *guest, const struct guest_definition *base,
		     const struct device_wish *wish, struct guest_definition **result, struct error *err)
{
	cJSON *json = cJSON_Duplicate(base->json, true);
	const struct device_kind *kind = wish->kind;
	unsigned index = device_count(base, kind);
	bool replaces = device_find(base, wish->id, &kind, &index);
	cJSON *array = device_array(json, wish->kind);
	int code;

	if (replaces && kind != wish->kind) {
		cJSON_Delete(json);
		return error_set(err, -EEXIST, "guest %s: device %s: is a %s", guest->definition->name,
				 wish->id, kind->type);
	}
	if (!array)
		array = cJSON_AddArrayToObject(json, wish->kind->array);
	if (replaces)
		cJSON_ReplaceItemInArray(array, (int)index, item_at(wish, index));
	else
		cJSON_AddItemToArray(array, item_at(wish, index));
	code = changed_cards(guest, json, base, wish, kind == DEVICE_NETWORK ? index : UINT_MAX, result, err);
	if (code < 0)
		point_to_item(err, wish, index);
	return code;
}

/* Those behind it keep the ids that their places gave them. */
static void keep_ids(cJSON *array, const struct guest_definition *base, const struct device_kind *kind,
		     unsigned index)
{
	char buffer[DEFINITION_DEVICE_ID_MAX + 1];

	for (unsigned i = index + 1; i < device_count(base, kind); i++) {
		cJSON *item = cJSON_GetArrayItem(array, (int)i);

		if (!cJSON_HasObjectItem(item, "id"))
			cJSON_AddStringToObject(item, "id", device_id(base, kind, i, buffer));
	}
}

static int without_item(const struct managed_guest *guest, const struct guest_definition *base,
			const struct device_wish *wish, struct guest_definition **result, struct error *err)
{
	const struct device_kind *kind = NULL;
	unsigned index = 0;
	bool found = device_find(base, wish->id, &kind, &index);
	cJSON *json;

	if (found && kind == DEVICE_DISK && base->kernel_disk != DEFINITION_NO_DISK &&
	    index <= base->kernel_disk)
		return error_set(err, -EBUSY,
				 "guest %s: device %s: the guest's kernel is on this disk, or on one "
				 "behind it",
				 guest->definition->name, wish->id);
	json = cJSON_Duplicate(base->json, true);
	if (found) {
		keep_ids(device_array(json, kind), base, kind, index);
		cJSON_DeleteItemFromArray(device_array(json, kind), (int)index);
	}
	return changed_cards(guest, json, base, wish, found && kind == DEVICE_NETWORK ? index : UINT_MAX,
			     result, err);
}

int device_wish_apply(const struct managed_guest *guest, const struct guest_definition *base,
		      const struct device_wish *wish, struct guest_definition **result, struct error *err)
{
	return wish->item ? with_item(guest, base, wish, result, err)
			  : without_item(guest, base, wish, result, err);
}
