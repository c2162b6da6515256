#include "rinit/shutdown.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/swap.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "rinit/file.h"
#include "rinit/log.h"
#include "rinit/root.h"

#define SERVICES_MAX_MS  150000 /* all of them, one after the other */
#define TERMINATE_MAX_MS 2000
#define KILL_MAX_MS      2000
#define MOUNTS_MAX       (4 << 20) /* bytes of the kernel's list */
#define UNMOUNT_PASSES   4         /* a mount below another one is busy until that one is gone */
#define EXIT_REBOOT      133       /* what systemd-nspawn takes for a reboot */

const char *shutdown_name(enum shutdown_kind kind)
{
	static const char *const names[] = {
		[SHUTDOWN_POWEROFF] = "power off", [SHUTDOWN_REBOOT] = "reboot", [SHUTDOWN_HALT] = "halt"};

	return names[kind];
}

static void phase_begin(struct shutdown *shutdown, enum shutdown_phase phase)
{
	static const uint64_t limits[] = {[PHASE_SERVICES] = SERVICES_MAX_MS,
					  [PHASE_TERMINATE] = TERMINATE_MAX_MS,
					  [PHASE_KILL] = KILL_MAX_MS};

	shutdown->phase = phase;
	if (phase == PHASE_TERMINATE) {
		kill(-1, SIGTERM);
		kill(-1, SIGHUP); /* shells at a terminal ignore SIGTERM */
		kill(-1, SIGCONT);
	} else if (phase == PHASE_KILL) {
		kill(-1, SIGKILL);
	}
	if (phase == PHASE_DONE)
		loop_stop(shutdown->loop);
	else
		loop_timer_set(shutdown->loop, &shutdown->timer, limits[phase]);
}

static void phase_expired(struct loop_timer *timer)
{
	struct shutdown *shutdown = CONTAINER_OF(timer, struct shutdown, timer);

	if (shutdown->phase == PHASE_SERVICES)
		manager_kill_all(shutdown->manager);
	if (shutdown->phase == PHASE_KILL)
		log_warning("some processes could not be killed");
	phase_begin(shutdown, shutdown->phase + 1);
}

void shutdown_init(struct shutdown *shutdown, struct loop *loop, struct manager *manager)
{
	*shutdown = (struct shutdown){.loop = loop, .manager = manager, .timer.expired = phase_expired};
}

bool shutdown_begin(struct shutdown *shutdown, enum shutdown_kind kind)
{
	if (shutdown->phase != PHASE_UP)
		return false;
	shutdown->kind = kind;
	log_quiet(false);
	log_notice("going to %s", shutdown_name(kind));
	phase_begin(shutdown, PHASE_SERVICES);
	manager_stop_all(shutdown->manager);
	return true;
}

void shutdown_advance(struct shutdown *shutdown, bool none_left)
{
	if (shutdown->phase == PHASE_SERVICES && manager_is_idle(shutdown->manager))
		phase_begin(shutdown, none_left ? PHASE_DONE : PHASE_TERMINATE);
	else if (none_left && (shutdown->phase == PHASE_TERMINATE || shutdown->phase == PHASE_KILL))
		phase_begin(shutdown, PHASE_DONE);
}

/* The kernel's own, and the parts of an overlay root, which are in use until the end. */
static bool stays_mounted(const char *path)
{
	static const char *const trees[] = {"/proc", "/sys", "/dev", ROOT_PARTS};

	for (size_t i = 0; i < ARRAY_SIZE(trees); i++) {
		size_t length = strlen(trees[i]);

		if (!strncmp(path, trees[i], length) && (!path[length] || path[length] == '/'))
			return true;
	}
	return !strcmp(path, "/") || !strcmp(path, "/run");
}

struct mounts {
	char **paths;
	size_t count;
};

/* A word of the line, counted from 0, blanks and the like in it as \ooo (proc(5)); cut in place. */
static char *word_at(char *line, unsigned int index)
{
	char *path = line, *out;

	while (index--) {
		path += strcspn(path, " \t");
		path += *path != '\0';
	}
	path[strcspn(path, " \t\n")] = '\0';
	out = path;
	for (const char *p = path; *p; out++) {
		bool escaped = *p == '\\' && p[1] && p[2] && p[3];
		int octal = escaped ? (p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0') : *p;

		*out = (char)octal;
		p += escaped ? 4 : 1;
	}
	*out = '\0';
	return path;
}

/* Calls each with that word of every line of the file. */
static void words_each(const char *file, unsigned int index, void *context,
		       void (*each)(void *context, const char *word))
{
	AUTO_FREE char *text = NULL;
	size_t length;
	char *rest, *line;

	if (file_load(file, MOUNTS_MAX, &text, &length))
		return;
	for (rest = text; (line = strsep(&rest, "\n")) && *line;)
		each(context, word_at(line, index));
}

static void mount_add(void *context, const char *path)
{
	if (!stays_mounted(path))
		string_list_add(context, path);
}

static struct mounts mounts_read(void)
{
	struct string_list paths = {0};

	words_each("/proc/self/mounts", 1, &paths, mount_add);
	return (struct mounts){paths.items, paths.count};
}

/* Newest first. Returns how many are left. */
static size_t unmount_pass(const struct mounts *mounts, bool last)
{
	size_t left = 0;

	for (size_t i = mounts->count; i-- > 0;) {
		const char *path = mounts->paths[i];

		if (!umount2(path, UMOUNT_NOFOLLOW) || errno == EINVAL)
			continue;
		left++;
		if (!last)
			continue;
		log_warning("%s: cannot unmount: %m", path);
		mount(NULL, path, NULL, MS_REMOUNT | MS_RDONLY, NULL);
	}
	return left;
}

/* A file that is swapped to keeps its file system busy. Nobody is left whose memory must be fetched back. */
static void swap_off(void *context, const char *path)
{
	(void)context;
	if (*path == '/' && swapoff(path))
		log_warning("%s: cannot stop swapping on it: %m", path);
}

static void unmount_all(void)
{
	static const char *const root_parts[] = {"/", ROOT_WRITABLE, ROOT_READ_ONLY};
	size_t left = 1;

	for (int pass = 1; left && pass <= UNMOUNT_PASSES; pass++) {
		struct mounts mounts = mounts_read();

		left = unmount_pass(&mounts, pass == UNMOUNT_PASSES);
	}
	/* An overlay's disks are clean once nobody can write to them. */
	for (size_t i = 0; i < ARRAY_SIZE(root_parts); i++)
		if (mount(NULL, root_parts[i], NULL, MS_REMOUNT | MS_RDONLY, NULL) && errno == EBUSY)
			log_warning("%s: cannot make it read-only: %m", root_parts[i]);
}

static void container_exit(const struct shutdown *shutdown)
{
	if (shutdown->kind == SHUTDOWN_REBOOT) {
		/* In a PID namespace this ends us with SIGHUP, which its maker takes for a reboot
		 * (reboot(2)). */
		reboot(RB_AUTOBOOT);
		_exit(EXIT_REBOOT);
	}
	_exit(EXIT_SUCCESS);
}

void shutdown_finish(struct shutdown *shutdown, bool container)
{
	static const unsigned int commands[] = {[SHUTDOWN_POWEROFF] = RB_POWER_OFF,
						[SHUTDOWN_REBOOT] = RB_AUTOBOOT,
						[SHUTDOWN_HALT] = RB_HALT_SYSTEM};

	if (!container) {
		words_each("/proc/swaps", 0, NULL, swap_off);
		unmount_all();
	}
	sync();
	log_notice("%s now", shutdown_name(shutdown->kind));
	log_flush(1000);
	if (container)
		container_exit(shutdown);
	reboot((int)commands[shutdown->kind]);
	for (;;) /* a machine that cannot power off; PID 1 must not end */
		pause();
}
