/* A guest's process as the manager sees it: its start, its messages, its end; and how the next manager finds
 * it. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/util.h"
#include "vmm/config/file.h"
#include "vmm/guest/process.h"
#include "vmm/guest/resources.h"
#include "vmm/manager/guest.h"
#include "vmm/manager/guest_jail.h"
#include "vmm/manager/guest_words.h"
#include "vmm/manager/manager.h"

#define MESSAGES_MAX    16 /* of one guest process, in a moment (manager_hears) */
#define LISTEN_NAME     "process.sock"
#define LAST_WORDS_NAME "end.json"
#define LOG_NAME        "console.log"

/* --- Messages --- */

/* Sends text, with a descriptor unless fd is -1. */
static int tell(struct managed_guest *guest, char *text, int fd, struct error *err)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} rights = {0};
	struct iovec iov = {.iov_base = text, .iov_len = strlen(text)};
	struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1};

	if (fd >= 0) {
		rights.header.cmsg_level = SOL_SOCKET;
		rights.header.cmsg_type = SCM_RIGHTS;
		rights.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&rights.header), &fd, sizeof(fd));
		header.msg_control = &rights;
		header.msg_controllen = sizeof(rights);
	}
	if (guest->control.fd < 0)
		return error_set(err, -ENOTCONN, "guest %s: its process does not listen",
				 guest->definition->name);
	if (sendmsg(guest->control.fd, &header, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return error_set(err, -errno, "guest %s: its process does not answer: %m",
				 guest->definition->name);
	return 0;
}

int guest_process_tell(struct managed_guest *guest, const char *op, int fd, struct error *err)
{
	char text[64];

	snprintf(text, sizeof(text), "{\"op\":\"%s\"}", op);
	return tell(guest, text, fd, err);
}

int guest_process_connect(struct managed_guest *guest, uint32_t port, int fd, struct error *err)
{
	char text[64];

	snprintf(text, sizeof(text), "{\"op\":\"vsock\",\"port\":%u}", port);
	return tell(guest, text, fd, err);
}

/* The guest may have taken its process over: a message says nothing about others, whatever it holds. */
static void take_message(struct managed_guest *guest, const struct guest_message *message)
{
	switch (message->kind) {
	case GUEST_SAYS_COUNTERS:
		guest->counters = message->counters;
		guest->counters_asked = false;
		manager_changed(guest->manager);
		break;
	case GUEST_SAYS_STATE:
		guest->report = message->report;
		memcpy(guest->status, message->status, sizeof(guest->status));
		guest->told_paused = message->paused;
		guest_heard(guest);
		break;
	case GUEST_SAYS_NOTHING:
		break;
	}
}

/* A guest can make its process talk without end (STATUS=); one that has hung up has little more to say. */
static void control_ready(struct loop_source *source, uint32_t events)
{
	struct managed_guest *guest = CONTAINER_OF(source, struct managed_guest, control);
	char text[GUEST_MESSAGE_MAX];
	struct guest_message message;

	while (events & EPOLLHUP || manager_hears(guest->manager, source, &guest->talk, MESSAGES_MAX)) {
		ssize_t got = recv(source->fd, text, sizeof(text), MSG_DONTWAIT);

		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (got <= 0) { /* its end comes through the pidfd */
			loop_remove(guest->manager->loop, source);
			return;
		}
		guest_message_parse(text, (size_t)got, guest->definition->name, &message);
		take_message(guest, &message);
	}
}

/* --- Its end --- */

static void process_ready(struct loop_source *source, uint32_t events)
{
	struct managed_guest *guest = CONTAINER_OF(source, struct managed_guest, process);
	siginfo_t info = {0};

	(void)events;
	/* It is not our child when a former manager started it: the pidfd says that it has ended, and no
	 * more. */
	if (waitid(P_PIDFD, (id_t)source->fd, &info, WEXITED | WNOHANG) == 0 && info.si_pid == 0)
		return;
	guest_process_ended(guest, info.si_pid && info.si_code != CLD_EXITED ? info.si_status : 0);
}

void guest_process_last_words(struct managed_guest *guest, char **registers)
{
	AUTO_FREE char *path = file_path_join(guest->folder, LAST_WORDS_NAME);
	AUTO_FREE char *text = NULL;
	struct guest_last_words words;
	struct error err;

	*registers = NULL;
	if (!path || file_read_text("last words", path, GUEST_LAST_WORDS, &text, &err) < 0)
		return;
	guest_last_words_parse(text, guest->definition->name, &words);
	if (words.end == MACHINE_RUNNING)
		return;
	guest->end = words.end;
	memcpy(guest->why, words.why, sizeof(guest->why));
	guest->report = words.report;
	*registers = TAKE_PTR(words.registers);
	free(guest->console_tail);
	guest->console_tail = TAKE_PTR(words.console);
}

void guest_process_kill(struct managed_guest *guest)
{
	if (syscall(SYS_pidfd_send_signal, guest->process.fd, SIGKILL, NULL, 0) < 0 && errno != ESRCH)
		log_error("guest %s: cannot kill its process: %m", guest->definition->name);
}

void guest_process_release(struct managed_guest *guest)
{
	struct loop *loop = guest->manager->loop;

	if (guest->process.fd >= 0) {
		loop_remove(loop, &guest->process);
		close(guest->process.fd);
	}
	if (guest->control.fd >= 0) {
		loop_remove(loop, &guest->control);
		close(guest->control.fd);
	}
	guest->process.fd = guest->control.fd = -1;
	guest_broker_close(guest);
}

void guest_process_forget(struct managed_guest *guest)
{
	guest_process_release(guest);
	for (unsigned i = 0; i < DEFINITION_NETWORKS_MAX; i++)
		passt_stop(&guest->passt[i]);
	guest_jail_close(guest);
	guest->record.process = (struct process_id){0};
	cJSON_Delete(TAKE_PTR(guest->record.definition));
}

/* --- Its start --- */

void guest_process_leave(struct managed_guest *guest, bool self)
{
	if (!self) {
		cleanup_close(&guest->control.fd);
		cleanup_close(&guest->process.fd);
		cleanup_close(&guest->broker.fd);
	}
	cleanup_close(&guest->deadline.source.fd);
}

/* What a process gets from its manager beside the guest's resources. */
struct process_files {
	int control;    /* the process's end */
	int ours;       /* the manager's end */
	int listen;     /* where the next manager connects */
	int last_words; /* a file */
	int log;        /* the console's */
	int broker;     /* its end of the vsock broker */
};

static void process_files_close(struct process_files *files)
{
	cleanup_close(&files->control);
	cleanup_close(&files->ours);
	cleanup_close(&files->listen);
	cleanup_close(&files->last_words);
	cleanup_close(&files->log);
	cleanup_close(&files->broker);
}

static int open_in_folder(const struct managed_guest *guest, const char *name, int flags, struct error *err)
{
	AUTO_FREE char *path = file_path_join(guest->folder, name);
	int fd = path ? open(path, flags | O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600) : -1;

	return fd < 0 ? error_set(err, -errno, "guest %s: cannot open %s/%s: %m", guest->definition->name,
				  guest->folder, name)
		      : fd;
}

static int process_address(const struct managed_guest *guest, struct sockaddr_un *address, struct error *err)
{
	int len = snprintf(address->sun_path, sizeof(address->sun_path), "%s/%s", guest->folder, LISTEN_NAME);

	address->sun_family = AF_UNIX;
	if (len < 0 || (size_t)len >= sizeof(address->sun_path))
		return error_set(err, -ENAMETOOLONG,
				 "guest %s: the path of its folder %s is too long for sockets",
				 guest->definition->name, guest->folder);
	return 0;
}

static int open_listener(const struct managed_guest *guest, struct error *err)
{
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un address;
	int code = process_address(guest, &address, err);

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

	*files = (struct process_files){-1, -1, -1, -1, -1, -1};
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
	files->last_words = open_in_folder(guest, LAST_WORDS_NAME, O_TRUNC, err);
	if (files->last_words < 0)
		return files->last_words;
	files->log = open_in_folder(guest, LOG_NAME, O_APPEND, err);
	return MIN(files->log, 0);
}

/* Nobody would find it again if the manager were gone before it had it on record. */
static void wait_for_go(int control)
{
	char go[16];

	if (recv(control, go, sizeof(go), 0) <= 0)
		_exit(1);
}

static __attribute__((noreturn)) void
process_main(struct managed_guest *guest, struct guest_resources *resources, struct process_files *files)
{
	struct boot_recorder recorder;
	struct error why = {""};
	struct guest_process_config config = {
		.definition = guest->definition,
		.resources = resources,
		.recorder = &recorder,
		.control_fd = files->control,
		.listen_fd = files->listen,
		.last_words_fd = files->last_words,
		.console_log_fd = files->log,
		.broker_fd = files->broker,
		.confinement = guest->manager->settings->jail ? GUEST_JAILED : GUEST_UNCONFINED,
	};
	char name[16];
	sigset_t none;

	cleanup_close(&files->ours);
	wait_for_go(files->control);
	boot_recorder_start(&recorder, guest->definition->name, false);
	snprintf(name, sizeof(name), "guest:%s", guest->definition->name);
	prctl(PR_SET_NAME, name);
	manager_leave(guest->manager, guest);
	setsid(); /* what happens at the manager's terminal is the manager's business */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	guest_process_run(&config, &why);
	_exit(0);
}

static int watch_process(struct managed_guest *guest, struct error *err)
{
	int code;

	guest->process = (struct loop_source){
		.fd = process_id_open(&guest->record.process),
		.events = EPOLLIN,
		.ready = process_ready,
	};
	code = guest->process.fd < 0 ? guest->process.fd : loop_add(guest->manager->loop, &guest->process);
	if (code == 0)
		return 0;
	guest_process_release(guest);
	return error_set(err, code, "guest %s: cannot watch its process: %s", guest->definition->name,
			 strerror(-code));
}

/* Takes fd over. */
static int watch_control(struct managed_guest *guest, int fd, struct error *err)
{
	int code;

	guest->control = (struct loop_source){.fd = fd, .events = EPOLLIN, .ready = control_ready};
	code = loop_add(guest->manager->loop, &guest->control);
	if (code == 0)
		return 0;
	close(fd);
	guest->control.fd = -1;
	return error_set(err, code, "guest %s: cannot watch its process: %s", guest->definition->name,
			 strerror(-code));
}

static int process_fork(struct managed_guest *guest, struct guest_resources *resources,
			struct process_files *files, struct error *err)
{
	struct jail_config jail;
	int pidfd = -1;
	pid_t pid = -1;
	int code = guest_jail_open(guest, &jail, err);

	if (code == 0)
		code = guest_broker_open(guest, &files->broker, err);
	if (code == 0) {
		pid = jail_fork(&jail, &pidfd, err);
		code = MIN(pid, 0);
	}
	if (pid == 0)
		process_main(guest, resources, files);
	cleanup_close(&jail.cgroup_fd);
	cleanup_close(&pidfd);
	if (code < 0) {
		guest_broker_close(guest);
		guest_jail_close(guest);
		return code;
	}
	code = process_id_of(pid, &guest->record.process);
	if (code == 0)
		code = watch_process(guest, err);
	else
		error_set(err, code, "guest %s: its process cannot be found: %s", guest->definition->name,
			  strerror(-code));
	if (code == 0)
		code = watch_control(guest, TAKE_FD(files->ours), err);
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

/* passt is our child: we reap it when it ends, which may be before the guest is gone. */
static void keep_helpers(struct managed_guest *guest, struct guest_resources *resources)
{
	for (unsigned i = 0; i < DEFINITION_NETWORKS_MAX; i++) {
		guest->passt[i] = resources->networks[i].passt;
		resources->networks[i].passt = (struct passt){0};
	}
}

void guest_process_reap(struct managed_guest *guest)
{
	for (unsigned i = 0; i < DEFINITION_NETWORKS_MAX; i++) {
		if (passt_ended(&guest->passt[i]))
			log_warning("guest %s: networks[%u]: passt has ended; the guest has no network there "
				    "until it is started again",
				    guest->definition->name, i);
	}
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
			code = process_fork(guest, &resources, &files, err);
			if (code == 0)
				keep_helpers(guest, &resources);
			guest_resources_close(&resources);
		}
	}
	process_files_close(&files);
	if (code == 0) {
		guest->record.definition = cJSON_Duplicate(guest->definition->json, true);
		guest->record.topology = guest->definition->topology;
		guest->record.memory_mib = guest->definition->memory_mib;
	} else {
		networks_detach(guest->manager->networks, guest->definition->name);
	}
	return code;
}

/* A guest that a former manager started had that one's broker. */
static int give_broker(struct managed_guest *guest, struct error *err)
{
	AUTO_CLOSE int theirs = -1;
	int code = guest_broker_open(guest, &theirs, err);

	return code < 0 ? code : guest_process_tell(guest, "broker", theirs, err);
}

static int connect_to(const struct managed_guest *guest, struct error *err)
{
	/* One that does not accept must not hold us up. */
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address;
	int code = process_address(guest, &address, err);

	if (code < 0)
		return code;
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return error_set(err, -errno, "guest %s: its process does not listen: %m",
				 guest->definition->name);
	return TAKE_FD(fd);
}

int guest_process_find(struct managed_guest *guest, struct error *err)
{
	int code = watch_process(guest, err);
	int fd;

	if (code < 0)
		return code;
	fd = connect_to(guest, err);
	if (fd < 0 || watch_control(guest, fd, err) < 0 || give_broker(guest, err) < 0) {
		/* It runs all the same, and holds what it holds. */
		snprintf(guest->why, sizeof(guest->why), "%s", err->text);
		log_warning("%s", err->text);
	}
	return 0;
}
