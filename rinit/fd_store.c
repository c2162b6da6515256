#include "rinit/fd_store.h"

#include <linux/kcmp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/util.h"
#include "rinit/log.h"
#include "rinit/manager.h"

bool fd_name_is_valid(const char *name)
{
	size_t length = 0;

	for (; name[length]; length++)
		if (name[length] < ' ' || name[length] > '~' || name[length] == ':')
			return false;
	return length && length <= FD_NAME_MAX;
}

/* A process that shares our table of descriptors, and has nothing else to do. */
static void close_aside(int fd)
{
	pid_t child = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, NULL);

	if (child > 0)
		return;
	close(fd); /* without one more process, here */
	if (!child)
		_exit(0);
}

static bool is_same_file(int one, int other)
{
	pid_t self = getpid();

	return !syscall(SYS_kcmp, self, self, KCMP_FILE, one, other);
}

static bool has_already(const struct unit *unit, int fd)
{
	for (const struct stored_fd *one = unit->run.stored; one; one = one->next)
		if (is_same_file(one->source.fd, fd))
			return true;
	return false;
}

static void entry_drop(struct unit *unit, struct stored_fd **at)
{
	struct stored_fd *one = *at;

	if (one->watched)
		loop_remove(unit->manager->loop, &one->source);
	*at = one->next;
	unit->run.stored_count--;
	unit->manager->stored_count--;
	close_aside(one->source.fd);
	free(one);
}

static void hung_up(struct loop_source *source, uint32_t events)
{
	struct unit *unit = CONTAINER_OF(source, struct stored_fd, source)->unit;
	struct stored_fd **at = &unit->run.stored;

	(void)events;
	while (&(*at)->source != source)
		at = &(*at)->next;
	entry_drop(unit, at);
}

static bool is_full(const struct unit *unit)
{
	struct rlimit limit = {0};

	getrlimit(RLIMIT_NOFILE, &limit);
	return unit->run.stored_count >= unit->config.service.fd_store_max ||
	       (rlim_t)unit->manager->stored_count >= limit.rlim_cur / 2;
}

static bool entry_add(struct unit *unit, int fd, const char *name, bool poll)
{
	struct stored_fd **last = &unit->run.stored;
	struct stored_fd *one = malloc(sizeof(*one) + strlen(name) + 1);

	if (!one)
		return false;
	*one = (struct stored_fd){.source = {.fd = fd, .ready = hung_up}, .unit = unit};
	strcpy(one->name, name);
	one->watched =
		poll && !loop_add(unit->manager->loop, &one->source, 0); /* plain files never hang up */
	while (*last)
		last = &(*last)->next;
	*last = one;
	unit->run.stored_count++;
	unit->manager->stored_count++;
	return true;
}

void fd_store_add(struct unit *unit, const int *fds, size_t count, const char *name, bool poll)
{
	bool told = false;

	for (size_t i = 0; i < count; i++) {
		bool full = is_full(unit);

		if (full && !told)
			log_warning("%s: more descriptors than FileDescriptorStoreMax= are not kept",
				    unit->config.name);
		told |= full;
		if (full || has_already(unit, fds[i]) || !entry_add(unit, fds[i], name, poll))
			close_aside(fds[i]);
	}
}

void fd_store_drop(struct unit *unit, const char *name)
{
	struct stored_fd **at = &unit->run.stored;

	while (*at)
		if (!name || !strcmp((*at)->name, name))
			entry_drop(unit, at);
		else
			at = &(*at)->next;
}
