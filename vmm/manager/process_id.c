#include "vmm/manager/process_id.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"

#define START_TIME_FIELD 22
#define AFTER_NAME_FIELD 3 /* the one behind the name in brackets, which may hold anything */

int process_id_of(pid_t pid, struct process_id *id)
{
	AUTO_FCLOSE FILE *file = NULL;
	unsigned long long start;
	char path[32];
	char line[1024];
	char *field;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (!file || !fgets(line, sizeof(line), file))
		return -ESRCH;
	field = strrchr(line, ')');
	for (unsigned i = AFTER_NAME_FIELD - 1; field && i < START_TIME_FIELD; i++)
		field = strchr(field + 1, ' ');
	if (!field || sscanf(field, "%llu", &start) != 1)
		return -ESRCH;
	*id = (struct process_id){.pid = pid, .start_time = start};
	return 0;
}

int process_id_open(const struct process_id *id)
{
	AUTO_CLOSE int fd = id->pid > 0 ? (int)syscall(SYS_pidfd_open, id->pid, 0) : -1;
	struct process_id now;

	/* With the descriptor in hand the number cannot change its owner unseen. */
	if (fd < 0 || process_id_of(id->pid, &now) < 0 || now.start_time != id->start_time)
		return -ESRCH;
	return TAKE_FD(fd);
}
