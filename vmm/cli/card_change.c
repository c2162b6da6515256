#include "vmm/cli/card_change.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/util.h"

/* {"average":..,"peak":..,"burst":..}; the manager says what is wrong with the numbers. NULL: not numbers. */
static cJSON *read_rate(const char *text)
{
	static const char *const keys[] = {"average", "peak", "burst"};
	cJSON *rate = cJSON_CreateObject();
	unsigned count = 0;

	for (;;) {
		char *end = NULL;
		unsigned long long number;

		if (count == ARRAY_SIZE(keys) || *text < '0' || *text > '9')
			break;
		number = strtoull(text, &end, 10);
		cJSON_AddNumberToObject(rate, keys[count++], (double)number);
		if (*end == '\0')
			return rate;
		if (*end != ',')
			break;
		text = end + 1;
	}
	cJSON_Delete(rate);
	return NULL;
}

static int set_rate(cJSON *card, const char *direction, const char *text, struct error *err)
{
	cJSON *bandwidth = cJSON_GetObjectItemCaseSensitive(card, "bandwidth");
	cJSON *rate = NULL;

	if (strcmp(text, "0") != 0) {
		rate = read_rate(text);
		if (!rate)
			return error_set(err, -EINVAL, "--%s: must be AVERAGE[,PEAK[,BURST]] in KiB, or 0",
					 direction);
	}
	if (!bandwidth)
		bandwidth = cJSON_AddObjectToObject(card, "bandwidth");
	cJSON_DeleteItemFromObjectCaseSensitive(bandwidth, direction);
	if (rate)
		cJSON_AddItemToObject(bandwidth, direction, rate);
	if (!bandwidth->child)
		cJSON_DeleteItemFromObjectCaseSensitive(card, "bandwidth");
	return 0;
}

int card_change_apply(const struct card_change *change, cJSON *card, struct error *err)
{
	int code = 0;

	if (change->link && strcmp(change->link, "up") != 0 && strcmp(change->link, "down") != 0)
		return error_set(err, -EINVAL, "--link: must be up or down");
	if (change->link) {
		cJSON_DeleteItemFromObjectCaseSensitive(card, "link");
		cJSON_AddStringToObject(card, "link", change->link);
	}
	if (change->inbound)
		code = set_rate(card, "inbound", change->inbound, err);
	if (code == 0 && change->outbound)
		code = set_rate(card, "outbound", change->outbound, err);
	return code;
}
