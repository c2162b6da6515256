#include "vmm/cli/sample.h"

#include <stdio.h>
#include <stdlib.h>

#include "vmm/cli/answer.h"

/* The sum of a number over the objects of an array. */
static double sum(const cJSON *counters, const char *array, const char *key)
{
	const cJSON *item;
	double total = 0;

	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(counters, array))
	{
		total += answer_number(item, key);
	}
	return total;
}

/* Of its RAM, what the guest has of it while the balloon holds the rest; and what is plugged in. */
static double memory_of(const cJSON *json, const cJSON *counters)
{
	const cJSON *balloon = cJSON_GetObjectItemCaseSensitive(counters, "balloon");
	const cJSON *memory = cJSON_GetObjectItemCaseSensitive(counters, "memory");
	double ram = balloon ? answer_number(balloon, "current_bytes")
			     : answer_number(json, "memory_mib") * 1048576;

	return ram + answer_number(memory, "plugged_bytes");
}

static void sample_read(const cJSON *json, struct sample *sample)
{
	const cJSON *counters = cJSON_GetObjectItemCaseSensitive(json, "counters");

	*sample = (struct sample){
		.pid = answer_number(json, "pid"),
		.uptime_s = answer_number(json, "uptime_s"),
		.vcpus = answer_number(json, "vcpus"),
		.cpu_s = answer_number(json, "cpu_ns") / 1e9,
		.resident = answer_number(json, "resident_bytes"),
		.own = answer_number(json, "own_bytes"),
		.memory = memory_of(json, counters),
		.exits = sum(counters, "vcpus", "exits"),
		.read = sum(counters, "disks", "read_bytes"),
		.written = sum(counters, "disks", "written_bytes"),
		.received = sum(counters, "networks", "received_bytes"),
		.sent = sum(counters, "networks", "sent_bytes"),
	};
	snprintf(sample->guest, sizeof(sample->guest), "%s", answer_text(json, "guest"));
	snprintf(sample->state, sizeof(sample->state), "%s", answer_text(json, "state"));
}

bool samples_read(const cJSON *answer, struct samples *samples)
{
	const cJSON *json;

	*samples = (struct samples){0};
	samples->items = calloc((size_t)cJSON_GetArraySize(answer) + 1, sizeof(*samples->items));
	if (!samples->items)
		return false;
	cJSON_ArrayForEach(json, answer)
	{
		sample_read(json, &samples->items[samples->count++]);
	}
	return true;
}

void samples_free(struct samples *samples)
{
	free(samples->items);
	*samples = (struct samples){0};
}
