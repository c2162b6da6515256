#include "vmm/manager/manager.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/util.h"
#include "vmm/config/file.h"
#include "vmm/guest/process.h"
#include "vmm/guest/resources.h"

#define NS_PER_SECOND   1000000000ULL
#define MESSAGES_A_TURN 16 /* of one guest process, before the others' turn */

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

const char *guest_state_name(enum guest_state state)
{
	static const char *const names[] = {
		[GUEST_OFF] = "off",           [GUEST_STARTING] = "starting", [GUEST_RUNNING] = "running",
		[GUEST_STOPPING] = "stopping", [GUEST_FAILED] = "failed",
	};

	return names[state];
}

static bool guest_alive(const struct managed_guest *guest)
{
	return guest->pid > 0;
}

bool manager_all_off(const struct manager *manager)
{
	for (unsigned i = 0; i < manager->guest_count; i++) {
		if (guest_alive(&manager->guests[i]))
			return false;
	}
	return true;
}

struct managed_guest *manager_find(struct manager *manager, const char *name)
{
	for (unsigned i = 0; i < manager->guest_count; i++) {
		if (strcmp(manager->guests[i].definition->name, name) == 0)
			return &manager->guests[i];
	}
	return NULL;
}

static void manager_changed(struct manager *manager)
{
	if (manager->changed)
		manager->changed(manager->changed_owner);
}

/* --- Messages to and from guest processes --- */

static int guest_tell(struct managed_guest *guest, const char *op, int fd, struct error *err)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} rights = {0};
	char text[64];
	struct iovec iov = {.iov_base = text};
	struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1};

	iov.iov_len = (size_t)snprintf(text, sizeof(text), "{\"op\":\"%s\"}", op);
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

static void guest_says(struct managed_guest *guest, const cJSON *message)
{
	const char *event = json_text(message, "event");

	if (strcmp(event, "report") == 0) {
		if (boot_report_from_json(cJSON_GetObjectItemCaseSensitive(message, "report"),
					  &guest->report) < 0)
			log_warning("guest %s: its process sent a report that cannot be read",
				    guest->definition->name);
		if (guest->state == GUEST_STARTING && guest->report.steps[BOOT_STEP_READY].reached) {
			guest->state = GUEST_RUNNING;
			log_info("guest %s: ready", guest->definition->name);
		}
	} else if (strcmp(event, "status") == 0) {
		copy_printable(guest->status, sizeof(guest->status), json_text(message, "text"));
	} else if (strcmp(event, "ended") == 0) {
		guest->end = machine_end_parse(json_text(message, "end"));
		copy_printable(guest->why, sizeof(guest->why), json_text(message, "why"));
		free(guest->console_tail);
		guest->console_tail = strdup(json_text(message, "console"));
		if (guest->console_tail)
			make_printable(guest->console_tail, "\t\r\n");
	}
	manager_changed(guest->manager);
}

/* Takes up to `most` messages of the process; false when it has hung up. A guest can make its process talk
 * without end (STATUS=), so only one that has ended may be heard out. */
static bool guest_listen(struct managed_guest *guest, unsigned most)
{
	char text[GUEST_MESSAGE_MAX];
	ssize_t got = 1;

	while (most-- > 0 && (got = recv(guest->control.fd, text, sizeof(text), MSG_DONTWAIT)) > 0) {
		cJSON *message = cJSON_ParseWithLength(text, (size_t)got);

		guest_says(guest, message);
		cJSON_Delete(message);
	}
	return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

static void control_ready(struct loop_source *source, uint32_t events)
{
	struct managed_guest *guest = CONTAINER_OF(source, struct managed_guest, control);

	(void)events;
	if (!guest_listen(guest, MESSAGES_A_TURN))
		loop_remove(guest->manager->loop, source); /* its end comes through the pidfd */
}

/* --- The end of a guest process --- */

static bool guest_starts_again(const struct managed_guest *guest)
{
	if (guest->manager->going_down)
		return false;
	if (guest->restart_asked)
		return true;
	if (guest->state == GUEST_STOPPING) /* it did not end by itself */
		return false;
	switch (guest->end) {
	case MACHINE_POWERED_OFF:
		return guest->definition->on_poweroff == GUEST_ACTION_RESTART;
	case MACHINE_RESET:
		return guest->definition->on_reboot == GUEST_ACTION_RESTART;
	case MACHINE_CRASHED:
		return guest->definition->on_crash == GUEST_ACTION_RESTART;
	default:
		return false;
	}
}

static void guest_note_end(struct managed_guest *guest, const siginfo_t *info)
{
	const char *name = guest->definition->name;

	if (info->si_code != CLD_EXITED) {
		guest->end = MACHINE_FAILED;
		snprintf(guest->why, sizeof(guest->why), "guest %s: its process was ended by signal %d (%s)",
			 name, info->si_status, strsignal(info->si_status));
	} else if (guest->end == MACHINE_RUNNING) {
		guest->end = MACHINE_FAILED;
		snprintf(guest->why, sizeof(guest->why), "guest %s: its process ended without a word", name);
	}
	if (machine_end_is_fault(guest->end))
		log_error("%s", guest->why);
	else
		log_info("guest %s: %s", name, machine_end_name(guest->end));
}

/* 0: at once. A guest that ends as soon as it starts must not keep the host busy with its starts. */
static uint64_t restart_delay_ns(const struct managed_guest *guest)
{
	uint64_t lived_ns = now_ns() - guest->started_ns;

	if (guest->end == MACHINE_CRASHED)
		return MANAGER_RESTART_NS;
	return lived_ns < MANAGER_RESTART_NS ? MANAGER_RESTART_NS - lived_ns : 0;
}

static void process_ready(struct loop_source *source, uint32_t events)
{
	struct managed_guest *guest = CONTAINER_OF(source, struct managed_guest, process);
	struct manager *manager = guest->manager;
	siginfo_t info = {0};
	struct error err;
	uint64_t delay_ns;
	bool again;

	(void)events;
	if (waitid(P_PIDFD, (id_t)source->fd, &info, WEXITED | WNOHANG) < 0 || info.si_pid == 0)
		return;
	guest_listen(guest, UINT_MAX);
	guest_note_end(guest, &info);
	loop_remove(manager->loop, &guest->process);
	loop_remove(manager->loop, &guest->control);
	close(guest->process.fd);
	close(guest->control.fd);
	loop_timer_clear(&guest->deadline);
	for (unsigned i = 0; i < DEFINITION_NETWORKS_MAX; i++)
		passt_stop(&guest->passt[i]);
	guest->pid = 0;
	again = guest_starts_again(guest);
	guest->state = machine_end_is_fault(guest->end) ? GUEST_FAILED : GUEST_OFF;
	delay_ns = again ? restart_delay_ns(guest) : 0;
	if (again && delay_ns == 0 && manager_start(guest, &err) < 0)
		log_error("%s", err.text);
	if (delay_ns) {
		if (machine_end_is_fault(guest->end))
			manager_changed(manager); /* whoever waits for READY=1 hears of the crash */
		guest->report = (struct boot_report){0};
		guest->state = GUEST_STARTING;
		loop_timer_set(&guest->deadline, delay_ns, 0);
	}
	manager_changed(manager);
}

/* What the guest was asked did not end it in time: the next stage. */
static void stop_harder(struct managed_guest *guest)
{
	const char *name = guest->definition->name;
	struct error err;

	guest->stop_stage++;
	if (guest->stop_stage == STOP_CTRL_ALT_DEL && guest_tell(guest, "ctrl-alt-del", -1, &err) == 0) {
		loop_timer_set(&guest->deadline, guest->stop_share_ns, 0);
	} else if (guest->stop_stage <= STOP_MACHINE && guest_tell(guest, "stop", -1, &err) == 0) {
		log_warning("guest %s: did not shut down in time, stopping it", name);
		guest->stop_stage = STOP_MACHINE;
		loop_timer_set(&guest->deadline, MANAGER_STOP_NS, 0);
	} else {
		log_warning("guest %s: its process does not stop, killing it", name);
		kill(guest->pid, SIGKILL);
	}
}

static void deadline_expired(struct loop_timer *timer)
{
	struct managed_guest *guest = CONTAINER_OF(timer, struct managed_guest, deadline);
	struct error err;

	if (guest_alive(guest)) {
		stop_harder(guest);
	} else if (manager_start(guest, &err) < 0) { /* it waited to be started again */
		log_error("%s", err.text);
		manager_changed(guest->manager);
	}
}

/* --- The start of a guest process --- */

/* In the fresh process: drops all that is the manager's. */
static void leave_manager(struct manager *manager, const struct managed_guest *self)
{
	sigset_t none;

	for (unsigned i = 0; i < manager->guest_count; i++) {
		struct managed_guest *guest = &manager->guests[i];

		if (guest != self && guest_alive(guest)) {
			close(guest->control.fd);
			close(guest->process.fd);
		}
		close(guest->deadline.source.fd);
	}
	loop_close(manager->loop);
	if (manager->forked)
		manager->forked(manager->forked_owner);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGINT, SIG_IGN); /* Ctrl-C at the manager's terminal is the manager's business */
}

static __attribute__((noreturn)) void guest_process_main(struct managed_guest *guest,
							 struct guest_resources *resources, int control_fd,
							 int console_log_fd)
{
	struct boot_recorder recorder;
	struct error why = {""};
	struct guest_process_config config = {
		.definition = guest->definition,
		.resources = resources,
		.recorder = &recorder,
		.control_fd = control_fd,
		.console_log_fd = console_log_fd,
		.broker_fd = -1,
		.confinement = GUEST_UNCONFINED,
	};
	char name[16];

	boot_recorder_start(&recorder, guest->definition->name, false);
	snprintf(name, sizeof(name), "guest:%s", guest->definition->name);
	prctl(PR_SET_NAME, name);
	leave_manager(guest->manager, guest);
	guest_process_run(&config, &why);
	_exit(0);
}

/* The guest's folder under the runtime folder, and its console log in there. */
static int open_runtime(struct managed_guest *guest, struct error *err)
{
	AUTO_FREE char *log = file_path_join(guest->folder, "console.log");
	int fd;

	if (!log)
		return error_set(err, -ENOMEM, "guest %s: out of memory", guest->definition->name);
	if (mkdir(guest->folder, 0700) < 0 && errno != EEXIST)
		return error_set(err, -errno, "guest %s: cannot make its folder %s: %m",
				 guest->definition->name, guest->folder);
	fd = open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_set(err, -errno, "guest %s: cannot open %s: %m", guest->definition->name, log);
	return fd;
}

static int guest_watch(struct managed_guest *guest, int control_fd, struct error *err)
{
	struct loop *loop = guest->manager->loop;
	int code;

	guest->control = (struct loop_source){.fd = control_fd, .events = EPOLLIN, .ready = control_ready};
	guest->process = (struct loop_source){
		.fd = (int)syscall(SYS_pidfd_open, guest->pid, 0),
		.events = EPOLLIN,
		.ready = process_ready,
	};
	code = guest->process.fd < 0 ? -errno : loop_add(loop, &guest->process);
	if (code == 0)
		code = loop_add(loop, &guest->control);
	if (code < 0 && guest->process.fd >= 0) {
		loop_remove(loop, &guest->process);
		close(guest->process.fd);
	}
	return code < 0 ? error_set(err, code, "guest %s: cannot watch its process: %s",
				    guest->definition->name, strerror(-code))
			: 0;
}

static int guest_fork(struct managed_guest *guest, struct guest_resources *resources, int console_log_fd,
		      struct error *err)
{
	int ends[2];
	int code;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return error_set(err, -errno, "guest %s: cannot make its control socket: %m",
				 guest->definition->name);
	guest->pid = fork();
	if (guest->pid == 0) {
		close(ends[0]);
		guest_process_main(guest, resources, ends[1], console_log_fd);
	}
	close(ends[1]);
	if (guest->pid < 0) {
		guest->pid = 0;
		close(ends[0]);
		return error_set(err, -errno, "guest %s: cannot start its process: %m",
				 guest->definition->name);
	}
	code = guest_watch(guest, ends[0], err);
	if (code < 0) {
		kill(guest->pid, SIGKILL);
		waitpid(guest->pid, NULL, 0);
		guest->pid = 0;
		close(ends[0]);
	}
	return code;
}

/* passt is our child: we reap it when the guest is gone. */
static void guest_keep_helpers(struct managed_guest *guest, struct guest_resources *resources)
{
	for (unsigned i = 0; i < DEFINITION_NETWORKS_MAX; i++) {
		guest->passt[i] = resources->networks[i].passt;
		resources->networks[i].passt = (struct passt){0};
	}
}

int manager_start(struct managed_guest *guest, struct error *err)
{
	struct guest_resources resources;
	int console_log_fd;
	int code;

	if (guest_alive(guest))
		return error_set(err, -EALREADY, "guest %s: already %s", guest->definition->name,
				 guest_state_name(guest->state));
	if (guest->manager->going_down)
		return error_set(err, -EALREADY, "guest %s: cannot start, the manager is going down",
				 guest->definition->name);
	loop_timer_clear(&guest->deadline); /* it may have been waiting to be started again */
	guest->restart_asked = false;
	guest->end = MACHINE_RUNNING;
	free(guest->console_tail);
	guest->console_tail = NULL;
	guest->report = (struct boot_report){0};
	guest->status[0] = '\0';
	guest->why[0] = '\0';
	console_log_fd = code = open_runtime(guest, err);
	if (code >= 0)
		code = guest_resources_open(guest->definition, guest->manager->settings, &resources, err);
	if (code == 0) {
		code = guest_fork(guest, &resources, console_log_fd, err);
		if (code == 0)
			guest_keep_helpers(guest, &resources);
		guest_resources_close(&resources);
	}
	if (console_log_fd >= 0)
		close(console_log_fd);
	guest->state = code < 0 ? GUEST_FAILED : GUEST_STARTING;
	guest->started_ns = now_ns();
	if (code < 0)
		snprintf(guest->why, sizeof(guest->why), "%s", err->text);
	else
		log_info("guest %s: started, process %d", guest->definition->name, (int)guest->pid);
	return code;
}

int manager_start_all(struct manager *manager, struct error *err)
{
	int code = 0;

	for (unsigned i = 0; i < manager->guest_count && code == 0; i++)
		code = manager_start(&manager->guests[i], err);
	return code;
}

/* --- Other operations --- */

static int demand_alive(struct managed_guest *guest, struct error *err)
{
	return guest_alive(guest) ? 0
				  : error_set(err, -ENOTCONN, "guest %s: is %s", guest->definition->name,
					      guest_state_name(guest->state));
}

/* A guest that waits to be started again and shall not: true when it was one. */
static bool cancel_restart(struct managed_guest *guest)
{
	if (guest_alive(guest) || guest->state != GUEST_STARTING)
		return false;
	loop_timer_clear(&guest->deadline);
	guest->state = machine_end_is_fault(guest->end) ? GUEST_FAILED : GUEST_OFF;
	manager_changed(guest->manager);
	return true;
}

int manager_shutdown(struct managed_guest *guest, unsigned timeout_s, struct error *err)
{
	int code;

	if (cancel_restart(guest))
		return 0;
	code = demand_alive(guest, err);
	if (code == 0)
		code = guest_tell(guest, "press-power", -1, err);
	if (code < 0)
		return code;
	guest->state = GUEST_STOPPING;
	guest->restart_asked = false;
	guest->stop_stage = STOP_POWER_BUTTON;
	guest->stop_share_ns = timeout_s * NS_PER_SECOND / 2;
	loop_timer_set(&guest->deadline, guest->stop_share_ns, 0);
	manager_changed(guest->manager);
	return 0;
}

int manager_reboot(struct managed_guest *guest, unsigned timeout_s, struct error *err)
{
	int code = demand_alive(guest, err);

	if (code == 0)
		code = manager_shutdown(guest, timeout_s, err);
	guest->restart_asked = code == 0;
	return code;
}

int manager_kill(struct managed_guest *guest, struct error *err)
{
	int code;

	if (cancel_restart(guest))
		return 0;
	code = demand_alive(guest, err);
	if (code < 0)
		return code;
	guest->state = GUEST_STOPPING;
	guest->restart_asked = false;
	guest->stop_stage = STOP_MACHINE;
	loop_timer_set(&guest->deadline, MANAGER_STOP_NS, 0);
	if (guest_tell(guest, "stop", -1, err) < 0)
		kill(guest->pid, SIGKILL); /* it does not listen */
	return 0;
}

int manager_console(struct managed_guest *guest, int fd, struct error *err)
{
	int code = demand_alive(guest, err);

	return code < 0 ? code : guest_tell(guest, "console", fd, err);
}

void manager_down(struct manager *manager, unsigned timeout_s, bool force)
{
	struct error err;

	manager->going_down = true;
	for (unsigned i = manager->guest_count; i-- > 0;) {
		struct managed_guest *guest = &manager->guests[i];
		int code = 0;

		if (!guest_alive(guest)) {
			cancel_restart(guest);
			continue;
		}
		loop_timer_clear(&guest->deadline);
		code = force ? manager_kill(guest, &err) : manager_shutdown(guest, timeout_s, &err);
		if (code < 0)
			kill(guest->pid, SIGKILL);
	}
	manager_changed(manager);
}

cJSON *manager_describe(const struct managed_guest *guest)
{
	const struct guest_definition *definition = guest->definition;
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "name", definition->name);
	cJSON_AddStringToObject(json, "role", definition->role == GUEST_ROLE_SERVER ? "server" : "desktop");
	cJSON_AddStringToObject(json, "state", guest_state_name(guest->state));
	cJSON_AddNumberToObject(json, "vcpus", topology_vcpus(&definition->topology));
	cJSON_AddNumberToObject(json, "memory_mib", (double)definition->memory_mib);
	if (guest_alive(guest)) {
		cJSON_AddNumberToObject(json, "pid", guest->pid);
		cJSON_AddNumberToObject(json, "uptime_s",
					(double)((now_ns() - guest->started_ns) / NS_PER_SECOND));
	}
	if (guest->status[0])
		cJSON_AddStringToObject(json, "status", guest->status);
	if (guest->why[0])
		cJSON_AddStringToObject(json, "why", guest->why);
	return json;
}

/* --- Opening and closing --- */

static int keep_json(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return len > 5 && entry->d_name[0] != '.' && strcmp(entry->d_name + len - 5, ".json") == 0;
}

static bool mode_runs(enum mode mode, const struct guest_definition *definition)
{
	return definition->role == GUEST_ROLE_SERVER || mode == MODE_DESKTOP;
}

/* Makes a guest of a definition, with what only the manager can give it: a folder, and a vsock path in there.
 * Takes *definition over on success. */
static int manager_adopt(struct manager *manager, struct guest_definition **taken, struct error *err)
{
	struct managed_guest *guest = &manager->guests[manager->guest_count];
	struct guest_definition *definition = *taken;
	int code;

	if (manager_find(manager, definition->name))
		return error_set(err, -EEXIST, "guests folder %s: two guests are named %s",
				 manager->settings->guests_dir, definition->name);
	*guest = (struct managed_guest){.manager = manager, .definition = definition};
	if (asprintf(&guest->folder, "%s/guests/%s", manager->settings->runtime_dir, definition->name) < 0 ||
	    (definition->vsock_cid && !definition->vsock_path &&
	     asprintf(&definition->vsock_path, "%s/vsock.sock", guest->folder) < 0))
		return error_set(err, -ENOMEM, "guest %s: out of memory", definition->name);
	code = loop_timer_init(manager->loop, &guest->deadline, deadline_expired);
	if (code < 0)
		return error_set(err, code, "guest %s: cannot make its timer: %s", definition->name,
				 strerror(-code));
	manager->guest_count++;
	*taken = NULL;
	return 0;
}

/* Definitions of the mode's guests, read before anything is made of them. */
struct definition_list {
	unsigned count;
	struct guest_definition *items[MANAGER_GUESTS_MAX];
};

static int list_read(struct manager *manager, const char *file, struct definition_list *list,
		     struct error *err)
{
	AUTO_FREE char *path = file_path_join(manager->settings->guests_dir, file);
	struct guest_definition *definition = NULL;
	int code = path ? definition_read(path, &definition, err)
			: error_set(err, -ENOMEM, "%s: out of memory", file);

	if (code < 0)
		return code;
	if (!mode_runs(manager->mode, definition)) {
		definition_free(definition);
		return 0;
	}
	if (list->count == MANAGER_GUESTS_MAX) {
		definition_free(definition);
		return error_set(err, -E2BIG, "guests folder %s: defines more than %d guests",
				 manager->settings->guests_dir, MANAGER_GUESTS_MAX);
	}
	list->items[list->count++] = definition;
	return 0;
}

/* The server guest comes first, and there is one. */
static int list_order(const struct manager *manager, struct definition_list *list, struct error *err)
{
	unsigned servers = 0;

	for (unsigned i = 0; i < list->count; i++) {
		struct guest_definition *definition = list->items[i];

		if (definition->role != GUEST_ROLE_SERVER)
			continue;
		servers++;
		list->items[i] = list->items[0];
		list->items[0] = definition;
	}
	if (servers != 1)
		return error_set(err, -EINVAL,
				 "guests folder %s: defines %u guests of role server, must be one",
				 manager->settings->guests_dir, servers);
	return 0;
}

static int manager_read_guests(struct manager *manager, struct error *err)
{
	struct definition_list list = {0};
	struct dirent **entries = NULL;
	int count = scandir(manager->settings->guests_dir, &entries, keep_json, alphasort);
	int code = 0;

	if (count < 0)
		return error_set(err, -errno, "guests folder %s: cannot read: %m",
				 manager->settings->guests_dir);
	for (int i = 0; i < count; i++) {
		if (code == 0)
			code = list_read(manager, entries[i]->d_name, &list, err);
		free(entries[i]);
	}
	free(entries);
	if (code == 0)
		code = list_order(manager, &list, err);
	for (unsigned i = 0; i < list.count; i++) {
		if (code == 0)
			code = manager_adopt(manager, &list.items[i], err);
		definition_free(list.items[i]);
	}
	return code;
}

int manager_open(struct manager *manager, struct settings *settings, const char *mode_word, struct loop *loop,
		 struct error *err)
{
	int code;

	*manager = (struct manager){.settings = settings, .loop = loop};
	code = mode_word ? mode_parse("--mode", mode_word, &manager->mode, err)
			 : mode_read(settings->mode_file, &manager->mode, err);
	if (code == 0)
		code = manager_read_guests(manager, err);
	if (code < 0)
		manager_close(manager);
	return code;
}

void manager_close(struct manager *manager)
{
	for (unsigned i = 0; i < manager->guest_count; i++) {
		struct managed_guest *guest = &manager->guests[i];

		loop_timer_close(manager->loop, &guest->deadline);
		definition_free(guest->definition);
		free(guest->folder);
		free(guest->console_tail);
	}
	manager->guest_count = 0;
}
