/* What guests' processes say: any bytes give a message and last words that are bounded, are that guest's, and
 * can be printed and put into JSON. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/printable.h"
#include "vmm/manager/guest_words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is printable already does not change any more. */
static void check_text(const char *text, const char *kept)
{
	char *copy = strdup(text);

	if (!copy)
		abort();
	text_make_printable(copy, kept);
	if (strcmp(copy, text) != 0)
		abort();
	free(copy);
}

static void check_report(const struct boot_report *report)
{
	cJSON *json = boot_report_to_json(report);

	if (strcmp(report->guest, "web") != 0 || !json)
		abort();
	cJSON_Delete(json);
}

static void fuzz_message(const char *text, size_t len)
{
	struct guest_message message;

	guest_message_parse(text, len, "web", &message);
	check_text(message.status, "");
	check_text(message.why, "");
	if (message.devices.count > GUEST_DEVICES_MAX ||
	    (message.device[0] && !definition_name_valid(message.device)))
		abort();
	for (unsigned i = 0; i < message.devices.count; i++) {
		if (!definition_name_valid(message.devices.list[i].id))
			abort();
	}
	if (message.kind == GUEST_SAYS_STATE)
		check_report(&message.report);
	if (message.kind == GUEST_SAYS_COUNTERS)
		cJSON_Delete(counters_to_json(&message.counters));
}

static void fuzz_last_words(const char *text)
{
	struct guest_last_words words;

	guest_last_words_parse(text, "web", &words);
	check_text(words.why, "");
	if (words.end == MACHINE_RUNNING && (words.why[0] || words.registers || words.console))
		abort();
	if (words.end != MACHINE_RUNNING) {
		if (!words.registers || !words.console)
			abort();
		check_text(words.registers, "\n");
		check_text(words.console, "\t\r\n");
	}
	guest_last_words_free(&words);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	if (!text)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	fuzz_message(text, size);
	fuzz_last_words(text);
	free(text);
	return 0;
}
