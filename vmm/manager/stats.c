#include "vmm/manager/stats.h"

#include "common/util.h"
#include "vmm/manager/manager.h"
#include "vmm/manager/process_usage.h"

void stats_ask(struct managed_guest *guest)
{
	struct error ignored; /* one that is going says nothing */

	guest->counters_asked =
		guest->control.fd >= 0 && guest_process_tell(guest, "counters", -1, &ignored) == 0;
	guest->counters = (struct machine_counters){0};
}

static void add_usage(cJSON *json, pid_t pid)
{
	struct process_usage usage;

	if (!process_usage_read(pid, &usage))
		return;
	cJSON_AddNumberToObject(json, "cpu_ns", (double)usage.cpu_ns);
	cJSON_AddNumberToObject(json, "resident_bytes", (double)usage.resident_bytes);
	cJSON_AddNumberToObject(json, "own_bytes", (double)usage.own_bytes);
}

bool stats_counted(const struct managed_guest *guest)
{
	return guest_alive(guest) && !guest->counters_asked && guest->counters.vcpu_count;
}

cJSON *stats_of(const struct managed_guest *guest)
{
	static const char *const taken_over[] = {"state", "pid", "uptime_s", "vcpus", "memory_mib"};
	cJSON *described, *json;

	if (!guest_alive(guest))
		return NULL;
	described = manager_describe(guest);
	json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "guest", guest->definition->name);
	for (unsigned i = 0; i < ARRAY_SIZE(taken_over); i++)
		cJSON_AddItemToObject(json, taken_over[i],
				      cJSON_DetachItemFromObjectCaseSensitive(described, taken_over[i]));
	cJSON_Delete(described);
	add_usage(json, guest->record.process.pid);
	if (stats_counted(guest))
		cJSON_AddItemToObject(json, "counters", counters_to_json(&guest->counters));
	return json;
}
