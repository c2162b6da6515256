/*
 * The start of a guest's process: what it gets. What takes time (vmm/guest/opening.h) is waited for by the
 * loop; until it is there the guest has a `start` and no process. guest_process_start_cancel is the way out.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/util.h"
#include "vmm/config/file.h"
#include "vmm/config/json_memory.h"
#include "vmm/guest/console_log.h"
#include "vmm/guest/fixed_file.h"
#include "vmm/guest/handover.h"
#include "vmm/guest/last_words.h"
#include "vmm/guest/opening.h"
#include "vmm/manager/guest.h"
#include "vmm/manager/guest_display.h"
#include "vmm/manager/guest_hotplug.h"
#include "vmm/manager/guest_jail.h"
#include "vmm/manager/manager.h"

#define NS_PER_MS 1000000ULL

/* --- Its files --- */

/* What a process gets from its manager beside the guest's resources. */
struct process_files {
	int control;    /* the process's end */
	int ours;       /* the manager's end */
	int listen;     /* where the next manager connects */
	int last_words; /* a file */
	int log;        /* the console's */
	int broker;     /* its end of the vsock broker */
	int errors;     /* its standard error */
};

static void process_files_close(struct process_files *files)
{
	cleanup_close(&files->control);
	cleanup_close(&files->ours);
	cleanup_close(&files->listen);
	cleanup_close(&files->last_words);
	cleanup_close(&files->log);
	cleanup_close(&files->broker);
	cleanup_close(&files->errors);
}

static int open_fixed(const struct managed_guest *guest, const char *name, size_t size, bool clear,
		      struct error *err)
{
	AUTO_FREE char *path = file_path_join(guest->folder, name);
	int fd = path ? fixed_file_open(path, size, clear, err) : error_set(err, -ENOMEM, "out of memory");

	return fd < 0 ? error_prefix(err, fd, "guest %s", guest->definition->name) : fd;
}

static int open_listener(const struct managed_guest *guest, struct error *err)
{
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un address;
	int code = guest_process_address(guest, &address, err);

	if (code < 0)
		return code;
	unlink(address.sun_path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 1) < 0)
		return error_set(err, -errno, "guest %s: cannot listen at %s: %m", guest->definition->name,
				 address.sun_path);
	return TAKE_FD(fd);
}

static int process_files_open(const struct managed_guest *guest, struct process_files *files,
			      struct error *err)
{
	int ends[2];

	*files = (struct process_files){-1, -1, -1, -1, -1, -1, -1};
	if (mkdir(guest->folder, 0700) < 0 && errno != EEXIST)
		return error_set(err, -errno, "guest %s: cannot make its folder %s: %m",
				 guest->definition->name, guest->folder);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return error_set(err, -errno, "guest %s: cannot make its control socket: %m",
				 guest->definition->name);
	files->ours = ends[0];
	files->control = ends[1];
	files->listen = open_listener(guest, err);
	if (files->listen < 0)
		return files->listen;
	files->last_words = open_fixed(guest, LAST_WORDS_NAME, LAST_WORDS_SIZE, true, err);
	if (files->last_words < 0)
		return files->last_words;
	files->log = open_fixed(guest, CONSOLE_LOG_NAME, CONSOLE_LOG_SIZE, false, err);
	return MIN(files->log, 0);
}

/* --- The process --- */

static struct guest_process_config process_config(const struct managed_guest *guest,
						  struct guest_resources *resources,
						  const struct process_files *files)
{
	return (struct guest_process_config){
		.definition = guest->definition,
		.resources = resources,
		.control_fd = files->control,
		.listen_fd = files->listen,
		.last_words_fd = files->last_words,
		.console_log_fd = files->log,
		.broker_fd = files->broker,
		.confinement = guest->manager->settings->jail ? GUEST_JAILED : GUEST_UNCONFINED,
	};
}

/* This program again, with nothing of this process' but what it is handed. */
static pid_t process_execute(const struct managed_guest *guest, const struct jail_config *jail,
			     struct guest_resources *resources, const struct process_files *files, int *pidfd,
			     struct error *err)
{
	const struct guest_process_config config = process_config(guest, resources, files);
	char *const argv[] = {(char[]){"rastos-vmm"}, (char[]){GUEST_PROCESS_COMMAND},
			      guest->definition->name, NULL};
	struct jail_program program = {.argv = argv};
	struct handover handover;
	pid_t pid;
	int code = handover_make(&config, files->errors, monotonic_ns(), &handover, err);

	if (code < 0)
		return code;
	program.descriptors = handover.descriptors;
	program.count = handover.count;
	pid = jail_spawn(jail, &program, pidfd, err);
	handover_close(&handover);
	return pid;
}

/* --- A start --- */

/* One that is under way: what it has by now. */
struct guest_start {
	struct managed_guest *guest;
	struct process_files files;
	struct jail_config jail;
	struct guest_resources resources;
	struct guest_opening opening;
	struct loop_source waits; /* the opening's epoll; -1: not watched */
	struct loop_timer look;
};

static int start_execute(struct guest_start *start, struct error *err)
{
	struct managed_guest *guest = start->guest;
	AUTO_CLOSE int pidfd = -1; /* jail_spawn closes it when it fails */
	pid_t pid = -1;
	int code = guest_broker_open(guest, &start->files.broker, err);

	if (code == 0)
		code = guest_errors_open(guest, &start->files.errors, err);
	if (code == 0) {
		pid = process_execute(guest, &start->jail, &start->resources, &start->files, &pidfd, err);
		code = MIN(pid, 0);
	}
	if (code < 0)
		return code;
	code = process_id_of(pid, &guest->record.process);
	if (code == 0)
		code = guest_process_watch(guest, TAKE_FD(pidfd), err);
	else
		error_set(err, code, "guest %s: its process cannot be found: %s", guest->definition->name,
			  strerror(-code));
	if (code == 0)
		code = guest_process_hear(guest, TAKE_FD(start->files.ours), err);
	if (code < 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		guest_process_release(guest);
		guest->record.process = (struct process_id){0};
	}
	return code;
}

/* passt and disks' daemons are our children: we reap them when they end, which may be before the guest is
 * gone. */
static void keep_helpers(struct managed_guest *guest, struct guest_resources *resources)
{
	for (unsigned i = 0; i < DEFINITION_NETWORKS_MAX; i++) {
		guest->passt[i] = resources->networks[i].passt;
		guest_cards_note(guest, i, &resources->networks[i].fds);
		resources->networks[i].passt = (struct passt){0};
	}
	guest->record.display_port = resources->display_port;
	memcpy(guest->backends, resources->backends, sizeof(guest->backends));
	memset(resources->backends, 0, sizeof(resources->backends));
}

static void start_unwatch(struct guest_start *start)
{
	if (start->waits.fd >= 0)
		loop_remove(start->guest->manager->loop, &start->waits);
	start->waits.fd = -1;
}

static void start_free(struct guest_start *start)
{
	start_unwatch(start);
	if (start->look.source.fd >= 0)
		loop_timer_close(start->guest->manager->loop, &start->look);
	guest_opening_end(&start->opening);
	process_files_close(&start->files);
	cleanup_close(&start->jail.cgroup_fd);
	start->guest->start = NULL;
	free(start);
}

/* Everything is there, or something is not: the start is over. */
static int start_finish(struct guest_start *start, int code, struct error *err)
{
	struct managed_guest *guest = start->guest;

	start_unwatch(start);
	if (code == 0) {
		guest_opening_end(&start->opening);
		code = start_execute(start, err);
		keep_helpers(guest, &start->resources);
		guest_resources_close(&start->resources);
	} else if (start->opening.resources) {
		keep_helpers(guest, &start->resources);
	}
	start_free(start);
	if (code == 0) {
		guest_hotplug_begin(guest);
		guest->record.definition = cJSON_Duplicate(guest->definition->json, true);
		guest_note_numbers(guest);
	} else {
		guest_broker_close(guest);
		guest_errors_close(guest);
		for (unsigned i = 0; i < DEFINITION_NETWORKS_MAX; i++)
			passt_stop(&guest->passt[i]);
		if (guest->backends[GUEST_BACKEND_DISPLAY].pid > 0) /* else its socket is another's */
			guest_display_end(guest);
		if (!guest->leaving) /* else they are another run's, and have their time */
			guest_process_leave(guest, 0);
		networks_detach(guest->manager->networks, guest->definition->name);
	}
	return code;
}

/* --- What it waits for --- */

static void start_go_on(struct guest_start *start);

static void start_ready(struct loop_source *source, uint32_t events)
{
	(void)events;
	start_go_on(CONTAINER_OF(source, struct guest_start, waits));
}

static void start_look(struct loop_timer *timer)
{
	start_go_on(CONTAINER_OF(timer, struct guest_start, look));
}

static int start_watch(struct guest_start *start, struct error *err)
{
	struct loop *loop = start->guest->manager->loop;
	uint64_t now = monotonic_ms(), until = start->opening.until_ms;
	int code = 0;

	if (start->look.source.fd < 0)
		code = loop_timer_init(loop, &start->look, start_look);
	/* Words that came already stay where they are: while a lock is waited for they would wake the loop
	 * again and again. */
	if (start->opening.busy_since_ms)
		start_unwatch(start);
	else if (code == 0 && start->waits.fd < 0 && start->opening.epoll >= 0) {
		start->waits = (struct loop_source){
			.fd = start->opening.epoll, .events = EPOLLIN, .ready = start_ready};
		code = loop_add(loop, &start->waits);
		if (code < 0)
			start->waits.fd = -1;
	}
	if (code < 0)
		return error_set(err, code, "guest %s: cannot wait for what it needs: %s",
				 start->guest->definition->name, strerror(-code));
	return loop_timer_set(&start->look, now < until ? (until - now) * NS_PER_MS : 0, 0);
}

/* 0: its process is there; -EINPROGRESS: it will go on by itself; or it has failed. */
static int start_step(struct guest_start *start, struct error *err)
{
	int code = guest_opening_go_on(&start->opening, err);

	if (code == -EAGAIN) {
		code = start_watch(start, err);
		if (code == 0)
			return -EINPROGRESS;
	}
	return start_finish(start, code, err);
}

static void start_stepped(struct managed_guest *guest, int code, struct error *err)
{
	if (code == -EINPROGRESS)
		guest_waits(guest);
	else
		guest_started(guest, code, err);
}

static void start_go_on(struct guest_start *start)
{
	struct managed_guest *guest = start->guest;
	struct error err;

	json_memory_missed();
	start_stepped(guest, start_step(start, &err), &err);
}

static int start_begin(struct guest_start *start, struct error *err)
{
	struct managed_guest *guest = start->guest;
	struct disk_backend_place place = {.jail = guest->manager->settings->jail};
	int code = process_files_open(guest, &start->files, err);

	if (code == 0)
		code = guest_jail_open(guest, &start->jail, err);
	if (code < 0)
		return start_finish(start, code, err);
	place.cgroup_fd = start->jail.cgroup_fd;
	place.id_slot = guest->record.id_slot;
	guest_opening_begin(&start->opening, guest->definition, guest->manager->settings,
			    guest->manager->networks, &place, &start->resources);
	return start_step(start, err);
}

int guest_process_start(struct managed_guest *guest, struct error *err)
{
	struct guest_start *start = calloc(1, sizeof(*start));

	if (!start)
		return error_set(err, -ENOMEM, "guest %s: out of memory", guest->definition->name);
	*start = (struct guest_start){
		.guest = guest,
		.files = {-1, -1, -1, -1, -1, -1, -1},
		.jail.cgroup_fd = -1,
		.waits.fd = -1,
		.look.source.fd = -1,
	};
	guest->start = start;
	return guest->leaving ? -EINPROGRESS : start_begin(start, err);
}

void guest_process_left(struct managed_guest *guest)
{
	struct error err;

	if (!guest->start || guest->start->opening.definition)
		return;
	json_memory_missed();
	start_stepped(guest, start_begin(guest->start, &err), &err);
}

const char *guest_process_waits_for(const struct managed_guest *guest)
{
	if (!guest->start)
		return "";
	return guest->start->opening.definition ? guest->start->opening.waits_for
						: "waits for the storage daemons of its last run";
}

void guest_process_start_cancel(struct managed_guest *guest)
{
	struct error err;

	if (guest->start)
		start_finish(guest->start, -ECANCELED, &err);
}

int guest_process_go(struct managed_guest *guest, struct error *err)
{
	return guest_process_tell(guest, "go", -1, err);
}

void guest_process_abandon(struct managed_guest *guest)
{
	pid_t pid = guest->record.process.pid;

	kill(pid, SIGKILL); /* our child, not reaped yet: the number is its own */
	waitpid(pid, NULL, 0);
	guest_process_forget(guest);
	networks_detach(guest->manager->networks, guest->definition->name);
}
