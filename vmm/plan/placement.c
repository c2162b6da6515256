#include "vmm/plan/placement.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "common/cleanup.h"

#define VCPU_NAME   "vcpu "
#define DISK_NAME   "disk "
#define WORKER_NAME "iou-wrk-"
#define NAME_ROOM   32
#define ROUNDS      8 /* a process that makes threads faster than we move them is not a guest */

static void name_thread(const char *kind, unsigned index)
{
	char name[16];

	snprintf(name, sizeof(name), "%s%u", kind, index);
	prctl(PR_SET_NAME, name);
}

void placement_name_vcpu(unsigned index)
{
	name_thread(VCPU_NAME, index);
}

void placement_name_disk(unsigned index)
{
	name_thread(DISK_NAME, index);
}

void placement_name_display(void)
{
	prctl(PR_SET_NAME, "display");
}

static void kernel_set(const struct cpu_set *set, cpu_set_t *kernel)
{
	CPU_ZERO(kernel);
	CPU_SET_FOREACH(cpu, set)
	CPU_SET(cpu, kernel);
}

/* The CPUs of one thread: index is a vCPU's, or negative. */
static void thread_set(const struct guest_placement *placement, long index, cpu_set_t *kernel)
{
	const struct cpu_set *own = index < 0              ? &placement->emulator_pin
				    : placement->vcpu_pins ? &placement->vcpu_pins[index]
							   : NULL;

	if (index < 0 || index >= (long)placement->pin_count) {
		kernel_set(own && !cpu_set_empty(own) ? own : &placement->cpus, kernel);
		return;
	}
	CPU_ZERO(kernel);
	CPU_SET(placement->pins[index], kernel);
}

static int refused(const struct guest_placement *placement, const char *guest, int code, struct error *err)
{
	char text[CPU_SET_TEXT_MAX];

	return error_set(err, code, "guest %s: cannot run on CPUs %.64s: %s", guest,
			 cpu_set_format(&placement->cpus, text),
			 code == -EINVAL ? "they are offline, or not this process's to use"
					 : strerror(-code));
}

int placement_enter(const struct guest_placement *placement, const char *guest, struct error *err)
{
	cpu_set_t kernel;

	if (cpu_set_empty(&placement->cpus))
		return 0;
	thread_set(placement, -1, &kernel);
	return sched_setaffinity(0, sizeof(kernel), &kernel) < 0 ? refused(placement, guest, -errno, err) : 0;
}

int placement_vcpu_attributes(const struct guest_placement *placement, unsigned index,
			      pthread_attr_t *attributes)
{
	cpu_set_t kernel;

	/* Else it has those of the thread that makes it. */
	if (index >= placement->pin_count && !placement->vcpu_pins && cpu_set_empty(&placement->emulator_pin))
		return 0;
	thread_set(placement, (long)index, &kernel);
	return -pthread_attr_setaffinity_np(attributes, sizeof(kernel), &kernel);
}

/* "" when it has ended. */
static void read_name(const char *folder, const char *thread, char name[NAME_ROOM])
{
	AUTO_CLOSE int fd = -1;
	char path[PATH_MAX];

	memset(name, 0, NAME_ROOM);
	snprintf(path, sizeof(path), "%s/%s/comm", folder, thread);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && read(fd, name, NAME_ROOM - 1) < 0)
		name[0] = '\0';
}

/* The vCPU that a thread is, by its name; -1: none. */
static long vcpu_of_name(const char *name)
{
	char *end;
	long index;

	if (strncmp(name, VCPU_NAME, strlen(VCPU_NAME)) != 0)
		return -1;
	index = strtol(name + strlen(VCPU_NAME), &end, 10);
	return end > name + strlen(VCPU_NAME) && (*end == '\n' || !*end) && index < WANTS_VCPUS_MAX ? index
												    : -1;
}

static int move_thread(const char *folder, const char *entry, const struct guest_placement *placement)
{
	cpu_set_t wanted, current;
	pid_t thread = (pid_t)strtol(entry, NULL, 10);
	char name[NAME_ROOM];

	read_name(folder, entry, name);
	thread_set(placement, vcpu_of_name(name), &wanted);
	if (sched_getaffinity(thread, sizeof(current), &current) == 0 && CPU_EQUAL(&wanted, &current))
		return 0;
	if (sched_setaffinity(thread, sizeof(wanted), &wanted) == 0)
		return 1;
	/* io_uring's workers cannot be moved before Linux 6.3; they come and go. */
	return errno == ESRCH || strncmp(name, WORKER_NAME, strlen(WORKER_NAME)) == 0 ? 0 : -errno;
}

/* How many threads were moved, or a negative errno. */
static int move_threads(const char *folder, const struct guest_placement *placement)
{
	DIR *threads = opendir(folder);
	const struct dirent *entry;
	int moved = 0;
	int code = 0;

	if (!threads)
		return errno == ENOENT ? -ESRCH : -errno;
	while (code >= 0 && (entry = readdir(threads))) {
		if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
			continue;
		code = move_thread(folder, entry->d_name, placement);
		moved += code > 0;
	}
	closedir(threads);
	return code < 0 ? code : moved;
}

int placement_apply(pid_t pid, const struct guest_placement *placement, const char *guest, struct error *err)
{
	char folder[PATH_MAX];
	int moved = 1;

	if (cpu_set_empty(&placement->cpus))
		return 0;
	snprintf(folder, sizeof(folder), "/proc/%d/task", (int)pid);
	/* A thread that was made meanwhile has its maker's CPUs, old or new: once more, until nothing is left
	 * to do. */
	for (unsigned round = 0; round < ROUNDS && moved > 0; round++)
		moved = move_threads(folder, placement);
	if (moved == -ESRCH)
		return error_set(err, -ESRCH, "guest %s: process %d has ended", guest, (int)pid);
	return moved < 0 ? refused(placement, guest, moved, err) : 0;
}
