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
#include "vmm/manager/manager.h"

#define MESSAGES_A_TURN 16 /* of one guest process, before the others' turn */
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

static const char *json_text(const cJSON *message, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(message, key);

	return cJSON_IsString(item) ? item->valuestring : "";
}

/* Text from a guest, made safe to print: control characters but those in `kept` become dots, U+0080 to U+009f
 * (which some terminals obey) among them. */
static void make_printable(char *text, const char *kept)
{
	for (; *text; text++) {
		unsigned char byte = (unsigned char)*text;
		unsigned char next = (unsigned char)text[1];

		if (byte == 0xc2 && next >= 0x80 && next < 0xa0)
			text[0] = text[1] = '.';
		else if ((byte < ' ' || byte == 0x7f) && !strchr(kept, byte))
			*text = '.';
	}
}

static void copy_printable(char *into, size_t size, const char *text)
{
	snprintf(into, size, "%s", text);
	make_printable(into, "");
}

/* The guest may have taken its process over: a message says nothing about others, whatever it holds. */
static void take_message(struct managed_guest *guest, const cJSON *message)
{
	if (strcmp(json_text(message, "event"), "counters") == 0) {
		counters_from_json(cJSON_GetObjectItemCaseSensitive(message, "counters"), &guest->counters);
		guest->counters_asked = false;
		manager_changed(guest->manager);
		return;
	}
	if (strcmp(json_text(message, "event"), "state") != 0)
		return;
	boot_report_from_json(cJSON_GetObjectItemCaseSensitive(message, "report"), &guest->report);
	copy_printable(guest->status, sizeof(guest->status), json_text(message, "status"));
	guest->told_paused = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(message, "paused"));
	guest_heard(guest);
}

/* Takes up to `most` messages of the process; false when it has hung up. A guest can make its process talk
 * without end (STATUS=). */
static bool listen_to(struct managed_guest *guest, unsigned most)
{
	char text[GUEST_MESSAGE_MAX];
	ssize_t got = 1;

	while (most-- > 0 && (got = recv(guest->control.fd, text, sizeof(text), MSG_DONTWAIT)) > 0) {
		cJSON *message = cJSON_ParseWithLength(text, (size_t)got);

		take_message(guest, message);
		cJSON_Delete(message);
	}
	return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

static void control_ready(struct loop_source *source, uint32_t events)
{
	struct managed_guest *guest = CONTAINER_OF(source, struct managed_guest, control);

	(void)events;
	if (!listen_to(guest, MESSAGES_A_TURN))
		loop_remove(guest->manager->loop, source); /* its end comes through the pidfd */
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
	struct error err;
	cJSON *words;

	*registers = NULL;
	if (!path || file_read_text("last words", path, GUEST_LAST_WORDS, &text, &err) < 0)
		return;
	words = cJSON_Parse(text);
	if (cJSON_IsObject(words)) {
		guest->end = machine_end_parse(json_text(words, "end"));
		copy_printable(guest->why, sizeof(guest->why), json_text(words, "why"));
		boot_report_from_json(cJSON_GetObjectItemCaseSensitive(words, "report"), &guest->report);
		*registers = strdup(json_text(words, "registers"));
		free(guest->console_tail);
		guest->console_tail = strdup(json_text(words, "console"));
	}
	if (*registers)
		make_printable(*registers, "\n");
	if (guest->console_tail)
		make_printable(guest->console_tail, "\t\r\n");
	cJSON_Delete(words);
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

	boot_recorder_start(&recorder, guest->definition->name, false);
	snprintf(name, sizeof(name), "guest:%s", guest->definition->name);
	prctl(PR_SET_NAME, name);
	cleanup_close(&files->ours);
	manager_leave(guest->manager, guest);
	setsid(); /* what happens at the manager's terminal is the manager's business */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	guest_process_run(&config, &why);
	_exit(0);
}

/* Takes control_fd over. */
static int watch(struct managed_guest *guest, int control_fd, struct error *err)
{
	struct loop *loop = guest->manager->loop;
	int code;

	guest->control = (struct loop_source){.fd = control_fd, .events = EPOLLIN, .ready = control_ready};
	guest->process = (struct loop_source){
		.fd = process_id_open(&guest->record.process),
		.events = EPOLLIN,
		.ready = process_ready,
	};
	code = guest->process.fd < 0 ? guest->process.fd : loop_add(loop, &guest->process);
	if (code == 0)
		code = loop_add(loop, &guest->control);
	if (code == 0)
		return 0;
	guest_process_release(guest);
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
		code = watch(guest, TAKE_FD(files->ours), err);
	if (code < 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		guest_jail_close(guest);
		guest->record.process = (struct process_id){0};
	}
	return code;
}

/* passt is our child: we reap it when the guest is gone. */
static void keep_helpers(struct managed_guest *guest, struct guest_resources *resources)
{
	for (unsigned i = 0; i < DEFINITION_NETWORKS_MAX; i++) {
		guest->passt[i] = resources->networks[i].passt;
		resources->networks[i].passt = (struct passt){0};
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

int guest_process_find(struct managed_guest *guest, struct error *err)
{
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un address;
	int code = process_address(guest, &address, err);

	if (code < 0)
		return code;
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return error_set(err, -ESRCH, "guest %s: its process does not listen: %m",
				 guest->definition->name);
	code = watch(guest, TAKE_FD(fd), err);
	return code < 0 ? code : give_broker(guest, err);
}
