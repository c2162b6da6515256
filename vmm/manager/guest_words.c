#include "vmm/manager/guest_words.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/printable.h"
#include "vmm/guest/process.h"

/* --- Texts --- */

static const char *json_text(const cJSON *json, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, key);

	return cJSON_IsString(item) ? item->valuestring : "";
}

static void copy_text(const cJSON *json, const char *key, char *into, size_t size)
{
	snprintf(into, size, "%s", json_text(json, key));
	text_make_printable(into, "");
}

static char *take_text(const cJSON *json, const char *key, const char *kept)
{
	char *text = strdup(json_text(json, key));

	if (text)
		text_make_printable(text, kept);
	return text;
}

/* A report that cannot be understood is empty; whose it is, the manager knows better. It is an object where
 * an earlier rastos-vmm started the guest. */
static void take_report(const cJSON *json, const char *guest, struct boot_report *report)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, "report");

	if ((cJSON_IsString(item) ? boot_report_from_text(item->valuestring, report)
				  : boot_report_from_json(item, report)) < 0)
		boot_report_clear(report, guest);
	snprintf(report->guest, sizeof(report->guest), "%s", guest);
}

/* --- Devices --- */

static void copy_id(const cJSON *json, char id[DEFINITION_NAME_MAX + 1])
{
	const char *text = json_text(json, "device");

	snprintf(id, DEFINITION_NAME_MAX + 1, "%s", definition_name_valid(text) ? text : "");
}

static void take_devices(const cJSON *array, struct guest_devices *devices)
{
	const cJSON *item;

	devices->told = cJSON_IsArray(array);
	cJSON_ArrayForEach(item, array)
	{
		struct guest_device *device = &devices->list[devices->count];

		if (devices->count == GUEST_DEVICES_MAX)
			break;
		copy_id(item, device->id);
		device->leaving = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(item, "leaving"));
		devices->count += device->id[0] != '\0';
	}
}

/* --- Channels --- */

static uint32_t take_channels(const cJSON *array)
{
	uint32_t open = 0;
	unsigned i = 0;
	const cJSON *item;

	cJSON_ArrayForEach(item, array)
	{
		if (i == CHANNELS_MAX)
			break;
		open |= (uint32_t)cJSON_IsTrue(item) << i++;
	}
	return open;
}

static unsigned take_vcpus(const cJSON *json)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, "vcpus");
	bool valid = cJSON_IsNumber(item) && item->valuedouble >= 1 && item->valuedouble <= WANTS_VCPUS_MAX;

	return valid ? (unsigned)item->valuedouble : 0;
}

/* --- Memory --- */

static void take_memory(const cJSON *json, struct guest_message *message)
{
	const cJSON *bytes = cJSON_GetObjectItemCaseSensitive(json, "bytes");

	message->memory_driver = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "driver"));
	message->memory_bytes = UINT64_MAX; /* what cannot be is more than any guest has */
	if (cJSON_IsNumber(bytes) && bytes->valuedouble >= 0 && bytes->valuedouble < 0x1p53)
		message->memory_bytes = (uint64_t)bytes->valuedouble;
}

/* --- Messages --- */

void guest_message_parse(const char *text, size_t len, const char *guest, struct guest_message *message)
{
	cJSON *json = cJSON_ParseWithLength(text, len);
	const char *event = json_text(json, "event");

	*message = (struct guest_message){.kind = GUEST_SAYS_NOTHING};
	if (strcmp(event, "counters") == 0) {
		message->kind = GUEST_SAYS_COUNTERS;
		counters_from_json(cJSON_GetObjectItemCaseSensitive(json, "counters"), &message->counters);
	} else if (strcmp(event, "state") == 0) {
		message->kind = GUEST_SAYS_STATE;
		take_report(json, guest, &message->report);
		copy_text(json, "status", message->status, sizeof(message->status));
		copy_text(json, "halted", message->halted, sizeof(message->halted));
		message->paused = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "paused"));
		take_devices(cJSON_GetObjectItemCaseSensitive(json, "devices"), &message->devices);
		message->vcpus = take_vcpus(json);
		message->channels_open = take_channels(cJSON_GetObjectItemCaseSensitive(json, "channels"));
		message->display = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "display"));
		take_memory(cJSON_GetObjectItemCaseSensitive(json, "memory"), message);
	} else if (strcmp(event, "vcpus-set") == 0) {
		message->kind = GUEST_SAYS_VCPUS;
		message->vcpus = take_vcpus(json);
		copy_text(json, "why", message->why, sizeof(message->why));
	} else if (strcmp(event, "watchdog") == 0) {
		message->kind = GUEST_SAYS_WATCHDOG;
	} else if (strcmp(event, "device-refused") == 0) {
		message->kind = GUEST_SAYS_NO;
		copy_id(json, message->device);
		copy_text(json, "why", message->why, sizeof(message->why));
	}
	cJSON_Delete(json);
}

/* --- Last words --- */

void guest_last_words_parse(const char *text, const char *guest, struct guest_last_words *words)
{
	cJSON *json = cJSON_Parse(text);

	*words = (struct guest_last_words){.end = MACHINE_RUNNING};
	if (cJSON_IsObject(json))
		words->end = machine_end_parse(json_text(json, "end"));
	if (words->end != MACHINE_RUNNING) {
		copy_text(json, "why", words->why, sizeof(words->why));
		if (!words->why[0] && machine_end_is_fault(words->end))
			snprintf(words->why, sizeof(words->why),
				 "guest %s: its process did not say why it ended", guest);
		take_report(json, guest, &words->report);
		words->registers = take_text(json, "registers", "\n");
		words->console = take_text(json, "console", "\t\r\n");
	}
	cJSON_Delete(json);
}

void guest_last_words_free(struct guest_last_words *words)
{
	free(words->registers);
	free(words->console);
	words->registers = words->console = NULL;
}
