#include "vmm/manager/process_usage.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"

#define NS_PER_SECOND 1000000000ULL

static FILE *open_proc(pid_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	return fopen(path, "re");
}

/* The name before the fields may hold anything. */
static bool read_cpu(pid_t pid, struct process_usage *usage)
{
	AUTO_FCLOSE FILE *file = open_proc(pid, "stat");
	uint64_t user = 0, system = 0;
	char text[1024];
	const char *rest;

	if (!file || !fgets(text, sizeof(text), file))
		return false;
	rest = strrchr(text, ')');
	if (!rest || sscanf(rest, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64, &user,
			    &system) != 2)
		return false;
	usage->cpu_ns = (user + system) * NS_PER_SECOND / (uint64_t)sysconf(_SC_CLK_TCK);
	return true;
}

static bool read_memory(pid_t pid, struct process_usage *usage)
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
	usage->resident_bytes = resident * 1024;
	usage->shared_bytes = shared * 1024;
	usage->own_bytes = resident > shared ? (resident - shared) * 1024 : 0;
	return resident > 0;
}

bool process_usage_read(pid_t pid, struct process_usage *usage)
{
	*usage = (struct process_usage){0};
	return read_cpu(pid, usage) && read_memory(pid, usage);
}
