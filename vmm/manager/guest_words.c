#include "vmm/manager/guest_words.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/guest/process.h"

/* --- Texts --- */

static bool is_continuation(unsigned char byte)
{
	return (byte & 0xc0) == 0x80;
}

/* How many bytes the character at text has; 0: it is none (RFC 3629). */
static unsigned utf8_length(const unsigned char *text)
{
	unsigned char first = text[0];

	if (first < 0x80)
		return 1;
	if (first < 0xc2 || first > 0xf4 || !is_continuation(text[1]))
		return 0;
	if (first < 0xe0)
		return 2;
	if ((first == 0xe0 && text[1] < 0xa0) || (first == 0xed && text[1] >= 0xa0) ||
	    !is_continuation(text[2]))
		return 0;
	if (first < 0xf0)
		return 3;
	if ((first == 0xf0 && text[1] < 0x90) || (first == 0xf4 && text[1] >= 0x90) ||
	    !is_continuation(text[3]))
		return 0;
	return 4;
}

/* Makes it safe to print, and to put into JSON: control characters but those in `kept` become dots, U+0080 to
 * U+009f (which some terminals obey) among them; what is not UTF-8 becomes question marks. */
static void make_printable(char *text, const char *kept)
{
	unsigned len;

	for (; *text; text += len) {
		unsigned char byte = (unsigned char)*text;

		len = utf8_length((unsigned char *)text);
		if (len == 0) {
			*text = '?';
			len = 1;
		} else if (byte == 0xc2 && (unsigned char)text[1] < 0xa0) {
			text[0] = text[1] = '.';
		} else if ((byte < ' ' || byte == 0x7f) && !strchr(kept, byte)) {
			*text = '.';
		}
	}
}

static const char *json_text(const cJSON *json, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, key);

	return cJSON_IsString(item) ? item->valuestring : "";
}

static void copy_text(const cJSON *json, const char *key, char *into, size_t size)
{
	snprintf(into, size, "%s", json_text(json, key));
	make_printable(into, "");
}

static char *take_text(const cJSON *json, const char *key, const char *kept)
{
	char *text = strdup(json_text(json, key));

	if (text)
		make_printable(text, kept);
	return text;
}

/* A report that cannot be understood is empty; whose it is, the manager knows better. */
static void take_report(const cJSON *json, const char *guest, struct boot_report *report)
{
	if (boot_report_from_json(cJSON_GetObjectItemCaseSensitive(json, "report"), report) < 0)
		*report = (struct boot_report){0};
	snprintf(report->guest, sizeof(report->guest), "%s", guest);
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
		message->paused = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "paused"));
	}
	cJSON_Delete(json);
}

/* --- Last words --- */

void guest_last_words_parse(const char *text, const char *guest, struct guest_last_words *words)
{
	cJSON *json = cJSON_Parse(text);

	*words = (struct guest_last_words){.end = MACHINE_RUNNING};
	if (cJSON_IsObject(json)) {
		words->end = machine_end_parse(json_text(json, "end"));
		copy_text(json, "why", words->why, sizeof(words->why));
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
