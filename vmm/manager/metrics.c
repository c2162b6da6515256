#include "vmm/manager/metrics.h"

#include <dirent.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "vmm/manager/metrics_guests.h"
#include "vmm/manager/process_usage.h"

static unsigned count_waiting(const struct operations *operations, bool followers)
{
	unsigned count = 0;

	for (const struct call *call = operations->waiting; call; call = call->next)
		count += (call->wait == CALL_EVENTS) == followers;
	return count;
}

static void write_one(struct prometheus *out, const char *name, const char *type, const char *help,
		      double value)
{
	prometheus_family(out, name, type, help);
	prometheus_sample(out, "", NULL, value);
}

/* -1: nobody knows. */
static int count_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = -3; /* ".", "..", and the folder itself */

	if (!dir)
		return -1;
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

/* Under the names that every program's exporter has for these. */
static void write_process(struct prometheus *out, const struct manager *manager)
{
	double age = (double)(monotonic_ns() - manager->started_ns) / 1e9;
	struct process_usage usage;
	int files = count_files();
	struct timespec now;

	if (process_usage_read(getpid(), &usage)) {
		write_one(out, "process_cpu_seconds_total", "counter", "CPU time of the manager.",
			  (double)usage.cpu_ns / 1e9);
		write_one(out, "process_resident_memory_bytes", "gauge",
			  "Memory of the manager that is there.", (double)usage.resident_bytes);
	}
	if (files >= 0)
		write_one(out, "process_open_fds", "gauge", "Descriptors that the manager has open.", files);
	clock_gettime(CLOCK_REALTIME, &now);
	write_one(out, "process_start_time_seconds", "gauge", "When the manager was started, since 1970.",
		  (double)now.tv_sec + (double)now.tv_nsec / 1e9 - age);
}

static void write_tasks(struct prometheus *out, const struct tasks *tasks)
{
	write_one(out, "rastos_manager_tasks", "gauge", "Tasks that run.", tasks->running);
	prometheus_family(out, "rastos_manager_tasks_ended_total", "counter",
			  "Tasks that have ended, by how.");
	for (unsigned state = TASK_DONE; state < TASK_STATES; state++) {
		const struct prometheus_label labels[] = {{"state", task_state_name((enum task_state)state)},
							  {NULL, NULL}};

		prometheus_sample(out, "", labels, (double)tasks->ended[state]);
	}
}

static void write_manager(struct prometheus *out, const struct operations *operations)
{
	const struct manager *manager = operations->manager;
	const struct prometheus_label build[] = {
		{"version", RASTOS_VERSION}, {"mode", mode_name(manager->mode)}, {NULL, NULL}};

	prometheus_family(out, "rastos_info", "gauge", "The version of rastos-vmm and the host's mode.");
	prometheus_sample(out, "", build, 1);
	write_process(out, manager);
	write_one(out, "rastos_manager_requests_total", "counter", "Requests, whichever way they came.",
		  (double)operations->requests);
	write_one(out, "rastos_manager_waiting_requests", "gauge", "Requests that wait for something.",
		  count_waiting(operations, false));
	write_one(out, "rastos_manager_followers", "gauge", "Who follows the events.",
		  count_waiting(operations, true));
	write_one(out, "rastos_manager_events_total", "counter", "Events that have happened.",
		  (double)manager->events->last);
	write_one(out, "rastos_manager_commands", "gauge", "Commands that run in guests for the API.",
		  operations->execs);
	write_tasks(out, &manager->tasks);
}

char *metrics_text(const struct operations *operations)
{
	struct prometheus out = {0};
	char *text = NULL;
	size_t size = 0;

	out.file = open_memstream(&text, &size);
	if (!out.file)
		return NULL;
	write_manager(&out, operations);
	metrics_guests(&out, operations->manager);
	if (fclose(out.file) == 0)
		return text;
	free(text);
	return NULL;
}
