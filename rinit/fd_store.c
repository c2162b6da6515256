#include "rinit/fd_store.h"

#include <fcntl.h>
#include <linux/kcmp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
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

/* By a process that shares our table of descriptors, and has nothing else to do. */
static void close_aside(const int *fds, size_t count)
{
	pid_t child = count ? (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, NULL) : 1;

	if (child > 0)
		return;
	for (size_t i = 0; i < count; i++)
		close(fds[i]); /* without one more process, here */
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
	close_aside(&one->source.fd, 1);
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

/* Sockets and pipes do. Of a file its file system would be asked, which may be a program that does not
 * answer. */
static bool hangs_up(int fd)
{
	socklen_t size = sizeof(int);
	int type;

	return !getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) || fcntl(fd, F_GETPIPE_SZ) > 0;
}

static bool entry_add(struct unit *unit, int fd, const char *name, bool poll)
{
	struct stored_fd **last = &unit->run.stored;
	struct stored_fd *one = malloc(sizeof(*one) + strlen(name) + 1);

	if (!one)
		return false;
	*one = (struct stored_fd){.source = {.fd = fd, .ready = hung_up}, .unit = unit};
	strcpy(one->name, name);
	one->watched = poll && hangs_up(fd) && !loop_add(unit->manager->loop, &one->source, 0);
	while (*last)
		last = &(*last)->next;
	*last = one;
	unit->run.stored_count++;
	unit->manager->stored_count++;
	return true;
}

void fd_store_add(struct unit *unit, const int *fds, size_t count, const char *name, bool poll)
{
	int unwanted[count + 1];
	size_t unwanted_count = 0;
	bool told = false;

	for (size_t i = 0; i < count; i++) {
		bool full = is_full(unit);

		if (full && !told)
			log_warning("%s: more descriptors than FileDescriptorStoreMax= are not kept",
				    unit->config.name);
		told |= full;
		if (full || has_already(unit, fds[i]) || !entry_add(unit, fds[i], name, poll))
			unwanted[unwanted_count++] = fds[i];
	}
	close_aside(unwanted, unwanted_count);
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
