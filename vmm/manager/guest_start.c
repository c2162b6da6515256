/* The start of a guest's process: what it gets. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
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
#include "vmm/guest/console_log.h"
#include "vmm/guest/fixed_file.h"
#include "vmm/guest/handover.h"
#include "vmm/guest/last_words.h"
#include "vmm/guest/resources.h"
#include "vmm/manager/guest.h"
#include "vmm/manager/guest_hotplug.h"
#include "vmm/manager/guest_jail.h"
#include "vmm/manager/manager.h"

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

static int start_backends(const struct managed_guest *guest, const struct jail_config *jail,
			  struct guest_resources *resources, struct error *err)
{
	const struct disk_backend_place place = {
		.jail = guest->manager->settings->jail,
		.cgroup_fd = jail->cgroup_fd,
		.id_slot = guest->record.id_slot,
	};

	return guest_resources_open_backends(guest->definition, guest->manager->settings, &place, resources, err);
}

static int process_start(struct managed_guest *guest, struct guest_resources *resources,
			 struct process_files *files, struct error *err)
{
	struct jail_config jail;
	AUTO_CLOSE int pidfd = -1; /* jail_spawn closes it when it fails */
	pid_t pid = -1;
	int code = guest_jail_open(guest, &jail, err);

	if (code == 0)
		code = start_backends(guest, &jail, resources, err);
	if (code == 0)
		code = guest_broker_open(guest, &files->broker, err);
	if (code == 0)
		code = guest_errors_open(guest, &files->errors, err);
	if (code == 0) {
		pid = process_execute(guest, &jail, resources, files, &pidfd, err);
		code = MIN(pid, 0);
	}
	cleanup_close(&jail.cgroup_fd);
	if (code < 0) {
		guest_broker_close(guest);
		guest_errors_close(guest);
		guest_jail_close(guest);
		return code;
	}
	code = process_id_of(pid, &guest->record.process);
	if (code == 0)
		code = guest_process_watch(guest, TAKE_FD(pidfd), err);
	else
		error_set(err, code, "guest %s: its process cannot be found: %s", guest->definition->name,
			  strerror(-code));
	if (code == 0)
		code = guest_process_hear(guest, TAKE_FD(files->ours), err);
	if (code < 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		guest_process_forget(guest);
	}
	return code;
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

/* passt and disks' daemons are our children: we reap them when they end, which may be before the guest is gone. */
static void keep_helpers(struct managed_guest *guest, struct guest_resources *resources)
{
	for (unsigned i = 0; i < DEFINITION_NETWORKS_MAX; i++) {
		guest->passt[i] = resources->networks[i].passt;
		resources->networks[i].passt = (struct passt){0};
	}
	guest->record.display_port = resources->display_port;
	memcpy(guest->backends, resources->backends, sizeof(guest->backends));
	memset(resources->backends, 0, sizeof(resources->backends));
}

int guest_process_start(struct managed_guest *guest, struct error *err)
{
	struct guest_resources resources;
	struct process_files files;
	int code = process_files_open(guest, &files, err);

	if (code == 0) {
		code = guest_resources_open(guest->definition, guest->manager->settings,
					    guest->manager->networks, &resources, err);
		if (code == 0) {
			code = process_start(guest, &resources, &files, err);
			if (code == 0)
				keep_helpers(guest, &resources);
			guest_resources_close(&resources);
		}
	}
	process_files_close(&files);
	if (code == 0) {
		guest_hotplug_begin(guest);
		guest->record.definition = cJSON_Duplicate(guest->definition->json, true);
		guest_note_numbers(guest);
	} else {
		networks_detach(guest->manager->networks, guest->definition->name);
	}
	return code;
}
