#include "vmm/manager/stats.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "vmm/manager/manager.h"

#define NS_PER_SECOND 1000000000ULL

void stats_ask(struct managed_guest *guest)
{
	struct error ignored; /* one that is going says nothing */

	guest->counters_asked =
		guest->control.fd >= 0 && guest_process_tell(guest, "counters", -1, &ignored) == 0;
	guest->counters = (struct machine_counters){0};
}

static FILE *open_proc(pid_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	return fopen(path, "re");
}

/* /proc/PID/stat, fields 14 and 15: CPU time in clock ticks. The name before them may hold anything. */
static void add_cpu(cJSON *json, pid_t pid)
{
	AUTO_FCLOSE FILE *file = open_proc(pid, "stat");
	uint64_t user = 0, system = 0;
	char text[1024];
	const char *rest;

	if (!file || !fgets(text, sizeof(text), file))
		return;
	rest = strrchr(text, ')');
	if (rest && sscanf(rest, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64, &user,
			   &system) == 2)
		cJSON_AddNumberToObject(json, "cpu_ns",
					(double)(user + system) * (double)NS_PER_SECOND /
						(double)sysconf(_SC_CLK_TCK));
}

/* /proc/PID/status. The guest's RAM is a memfd: shared memory, and what is not is the process's own. */
static void add_memory(cJSON *json, pid_t pid)
{
	AUTO_FCLOSE FILE *file = open_proc(pid, "status");
	uint64_t resident = 0, shared = 0, kib;
	char line[256];

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "VmRSS: %" SCNu64, &kib) == 1)
			resident = kib;
		else if (sscanf(line, "RssShmem: %" SCNu64, &kib) == 1)
			shared = kib;
	}
	if (!file || resident == 0)
		return;
	cJSON_AddNumberToObject(json, "resident_bytes", (double)resident * 1024);
	cJSON_AddNumberToObject(json, "own_bytes",
				resident > shared ? (double)(resident - shared) * 1024 : 0);
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
	add_cpu(json, guest->record.process.pid);
	add_memory(json, guest->record.process.pid);
	if (!guest->counters_asked && guest->counters.vcpu_count)
		cJSON_AddItemToObject(json, "counters", counters_to_json(&guest->counters));
	return json;
}
