#include "vmm/guest/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/util.h"
#include "hypervisor/kvm/vcpu.h"
#include "vmm/terminal/terminal.h"
#include "vmm/guest/console_hub.h"
#include "vmm/guest/boot_files.h"
#include "vmm/guest/confine.h"
#include "vmm/guest/device_messages.h"
#include "vmm/guest/console_log.h"
#include "vmm/guest/fixed_file.h"
#include "vmm/guest/last_words.h"
#include "vmm/guest/notify.h"
#include "vmm/guest/vsock_broker.h"

#define NS_PER_SECOND    1000000000ULL
#define CONSOLE_FLUSH_MS 2000
#define CONSOLE_TAIL     4096 /* bytes of console output among the last words */
#define STATUS_MAX       256
#define RETRY_MIN_NS     (1 * NS_PER_SECOND)
#define RETRY_MAX_NS     (60 * NS_PER_SECOND)

struct guest_process {
	const struct guest_process_config *config;
	struct loop loop;
	struct console_hub *console;
	struct console_log *console_log; /* NULL: none */
	char *last_words;                /* memory of a file; NULL: none */
	struct notify *notify;
	struct machine *machine;
	struct loop_source control;  /* the manager; -1: none is there now */
	struct loop_source listener; /* for the next one */
	int spare; /* the former one's socket, so that a descriptor is free for the next; -1 */
	struct loop_source signals;
	int broker; /* vsock_broker.h; -1: none */
	uint32_t broker_number;
	bool untold; /* the manager does not know the present state */
	bool paused;
	char halted[sizeof(struct error)]; /* why it was paused by us; "" when the manager did, or it runs */
	struct loop_timer retry;           /* of what halted it, where nobody resumes it */
	uint64_t retry_ns;
	char status[STATUS_MAX];
	bool asked_to_stop; /* the power button was pressed by the terminal's user or a signal */
	enum machine_end end;
	struct error *why;
	char registers[VCPU_STATE_TEXT_MAX];
};

static const char *const end_names[] = {
	[MACHINE_RUNNING] = "running", [MACHINE_POWERED_OFF] = "powered-off", [MACHINE_RESET] = "reset",
	[MACHINE_CRASHED] = "crashed", [MACHINE_FAILED] = "failed",           [MACHINE_KILLED] = "killed",
	[MACHINE_REFUSED] = "refused",
};

const char *machine_end_name(enum machine_end end)
{
	return end_names[end];
}

enum machine_end machine_end_parse(const char *name)
{
	for (unsigned i = 0; i < ARRAY_SIZE(end_names); i++) {
		if (strcmp(end_names[i], name) == 0)
			return (enum machine_end)i;
	}
	return MACHINE_FAILED;
}

bool machine_end_is_fault(enum machine_end end)
{
	return end == MACHINE_FAILED || end == MACHINE_CRASHED || end == MACHINE_REFUSED;
}

/* --- To the manager --- */

static cJSON *state_json(struct guest_process *process)
{
	struct boot_report report;
	cJSON *message = cJSON_CreateObject();

	boot_recorder_read(process->config->recorder, &report);
	cJSON_AddStringToObject(message, "event", "state");
	cJSON_AddItemToObject(message, "report", boot_report_to_json(&report));
	cJSON_AddStringToObject(message, "status", process->status);
	cJSON_AddBoolToObject(message, "paused", process->paused);
	if (process->halted[0])
		cJSON_AddStringToObject(message, "halted", process->halted);
	if (machine_has_hotplug(process->machine))
		cJSON_AddItemToObject(message, "devices", device_list(process->machine));
	return message;
}

/* Tells the manager the present state if it does not know it. When its socket is full, that is done as soon
 * as it is not: what happened meanwhile is then told at once. */
static void tell_state(struct guest_process *process)
{
	AUTO_FREE char *text = NULL;
	cJSON *message;
	bool told;

	if (!process->untold || process->control.fd < 0)
		return;
	message = state_json(process);
	text = cJSON_PrintUnformatted(message);
	cJSON_Delete(message);
	told = text && send(process->control.fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
	if (told || (errno != EAGAIN && errno != ENOBUFS))
		process->untold = false;
	loop_modify(&process->loop, &process->control,
		    process->untold ? EPOLLIN | EPOLLOUT : (uint32_t)EPOLLIN);
}

static void state_changed(struct guest_process *process)
{
	process->untold = true;
	tell_state(process);
}

/* One that cannot be told now is not told: the manager does not wait for it for long. */
static void tell_counters(struct guest_process *process)
{
	AUTO_FREE char *text = NULL;
	struct machine_counters counters;
	cJSON *message = cJSON_CreateObject();

	machine_count(process->machine, &counters);
	cJSON_AddStringToObject(message, "event", "counters");
	cJSON_AddItemToObject(message, "counters", counters_to_json(&counters));
	text = cJSON_PrintUnformatted(message);
	cJSON_Delete(message);
	if (text && send(process->control.fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		log_debug("guest %s: the manager does not listen: %m", process->config->definition->name);
}

static void write_last_words(struct guest_process *process)
{
	char tail[CONSOLE_TAIL + 1] = "";
	struct boot_report report;
	cJSON *words;
	int code;

	if (!process->last_words)
		return;
	if (process->console)
		tail[console_hub_tail(process->console, tail, CONSOLE_TAIL)] = '\0';
	boot_recorder_read(process->config->recorder, &report);
	words = cJSON_CreateObject();
	cJSON_AddStringToObject(words, "end", machine_end_name(process->end));
	cJSON_AddStringToObject(words, "why", process->why->text);
	cJSON_AddStringToObject(words, "registers", process->registers);
	cJSON_AddStringToObject(words, "console", tail);
	cJSON_AddItemToObject(words, "report", boot_report_to_json(&report));
	code = last_words_write(process->last_words, words);
	cJSON_Delete(words);
	if (code < 0)
		log_warning("guest %s: cannot leave its last words: %s", process->config->definition->name,
			    strerror(-code));
}

/* --- From the guest --- */

static void guest_ended(void *owner, enum machine_end end, const char *why)
{
	struct guest_process *process = owner;

	process->end = end;
	snprintf(process->registers, sizeof(process->registers), "%s",
		 machine_crash_registers(process->machine));
	error_set(process->why, 0, "guest %s: %s", process->config->definition->name, why);
	loop_stop(&process->loop);
}

static void guest_told(void *owner, const char *key, const char *value)
{
	struct guest_process *process = owner;

	if (strcmp(key, "READY") == 0 && strcmp(value, "1") == 0) {
		if (boot_recorder_mark(process->config->recorder, BOOT_STEP_READY))
			state_changed(process);
	} else if (strcmp(key, "STATUS") == 0) {
		snprintf(process->status, sizeof(process->status), "%s", value);
		state_changed(process);
	}
}

static void console_first_output(void *owner)
{
	struct guest_process *process = owner;

	boot_recorder_mark(process->config->recorder, BOOT_STEP_KERNEL);
}

/* The guest's connection to a host port: READY's listener, or the unix socket "PATH_PORT" of a host program,
 * which the manager connects to where there is one. */
static int vsock_connect(void *owner, uint32_t port)
{
	struct guest_process *process = owner;

	if (port == NOTIFY_PORT)
		return notify_connect(process->notify);
	if (process->config->confinement == GUEST_OF_USER)
		return vsock_broker_connect(process->config->definition->vsock_path, port);
	return vsock_broker_ask(process->broker, &process->broker_number, port);
}

/* Its descriptor is closed, and whoever waits for that hears of it. */
static void device_gone(void *owner, const char *id)
{
	log_info("guest %s: let go of device %s", ((struct guest_process *)owner)->config->definition->name,
		 id);
	state_changed(owner);
}

static void thread_started(void *owner, enum machine_thread kind)
{
	const struct guest_process *process = owner;

	confine_thread(process->config, kind == MACHINE_THREAD_VCPU ? FILTER_VCPU : FILTER_DISK);
}

/* --- From the user and the manager --- */

/* First asks the guest to shut down, the second time ends it. */
static void stop_politely(struct guest_process *process)
{
	if (!process->machine)
		return; /* it is still being made: the key was typed before */
	if (process->asked_to_stop) {
		machine_stop(process->machine);
		return;
	}
	process->asked_to_stop = true;
	machine_press_power(process->machine);
	fprintf(stderr, "\r\nrastos-vmm: asked guest %s to power off; once more ends it at once\r\n",
		process->config->definition->name);
}

static void terminal_escape(void *owner)
{
	stop_politely(owner);
}

static void signals_ready(struct loop_source *source, uint32_t events)
{
	struct guest_process *process = CONTAINER_OF(source, struct guest_process, signals);
	struct signalfd_siginfo info;

	(void)events;
	if (read(source->fd, &info, sizeof(info)) == sizeof(info))
		stop_politely(process);
}

/* The guest goes on: the next manager will come. */
static void manager_gone(struct guest_process *process)
{
	if (process->control.fd < 0)
		return;
	loop_remove(&process->loop, &process->control);
	cleanup_close(&process->spare);
	process->spare = TAKE_FD(process->control.fd);
}

static void pause_guest(struct guest_process *process, bool paused)
{
	process->paused = paused;
	if (!paused)
		process->halted[0] = '\0';
	if (paused)
		machine_pause(process->machine);
	else
		machine_resume(process->machine);
	state_changed(process);
}

/* Nobody resumes a guest that has no manager, or one that has never been ready. */
static bool is_resumed(const struct guest_process *process)
{
	struct boot_report report;

	boot_recorder_read(process->config->recorder, &report);
	return process->config->listen_fd >= 0 &&
	       (process->config->definition->ready == GUEST_READY_STARTED ||
		report.steps[BOOT_STEP_READY].reached);
}

static void retry_expired(struct loop_timer *timer)
{
	struct guest_process *process = CONTAINER_OF(timer, struct guest_process, retry);

	if (process->halted[0])
		pause_guest(process, false);
}

static void machine_halted(void *owner, const char *why)
{
	struct guest_process *process = owner;
	const char *name = process->config->definition->name;

	if (process->paused)
		return;
	snprintf(process->halted, sizeof(process->halted), "%s", why);
	pause_guest(process, true);
	if (is_resumed(process)) {
		log_warning("guest %s: paused: %s", name, why);
		return;
	}
	process->retry_ns = MIN(MAX(process->retry_ns * 2, RETRY_MIN_NS), RETRY_MAX_NS);
	log_warning("guest %s: paused: %s; it is tried again in %llu s", name, why,
		    (unsigned long long)(process->retry_ns / NS_PER_SECOND));
	if (process->retry.source.fd >= 0 ||
	    loop_timer_init(&process->loop, &process->retry, retry_expired) == 0)
		loop_timer_set(&process->retry, process->retry_ns, 0);
}

/* A client's socket for a port of the guest. Who gets no answer there but its end knows why. */
static void connect_client(struct guest_process *process, const cJSON *message, int fd)
{
	const cJSON *port = cJSON_GetObjectItemCaseSensitive(message, "port");
	bool valid = cJSON_IsNumber(port) && port->valuedouble >= 0 && port->valuedouble < UINT32_MAX;

	if (!valid || !process->machine ||
	    machine_vsock_connect(process->machine, fd, (uint32_t)port->valuedouble) < 0)
		close(fd);
}

static void refuse_device(struct guest_process *process, const cJSON *asked, const char *why)
{
	cJSON *message = cJSON_CreateObject();
	AUTO_FREE char *text = NULL;

	cJSON_AddStringToObject(message, "event", "device-refused");
	cJSON_AddStringToObject(message, "device", device_message_id(asked));
	cJSON_AddStringToObject(message, "why", why);
	text = cJSON_PrintUnformatted(message);
	cJSON_Delete(message);
	if (text && send(process->control.fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		log_debug("guest %s: the manager does not listen: %m", process->config->definition->name);
}

/* A device is to come (fd is its descriptor; taken over) or to go. */
static void change_devices(struct guest_process *process, const cJSON *message, bool add, int fd)
{
	struct error err;
	int code = add ? device_add(process->machine, message, fd, &err)
		       : device_remove(process->machine, message, &err);

	if (code < 0)
		refuse_device(process, message, err.text);
	else
		state_changed(process);
}

/* fd: came with the message, or -1; taken over. */
static void manager_asks(struct guest_process *process, const cJSON *message, int fd)
{
	const cJSON *op = cJSON_GetObjectItemCaseSensitive(message, "op");
	const char *word = cJSON_IsString(op) ? op->valuestring : "";
	struct error err;

	if (strcmp(word, "broker") == 0 && fd >= 0) {
		cleanup_close(&process->broker);
		process->broker = fd;
		return;
	}
	if (strcmp(word, "errors") == 0 && fd >= 0) {
		dup3(fd, STDERR_FILENO, O_CLOEXEC); /* which cannot fail: both are open */
		close(fd);
		return;
	}
	if (strcmp(word, "console") == 0 && fd >= 0) {
		if (console_hub_add_client(process->console, fd, &err) < 0)
			log_warning("guest %s: %s", process->config->definition->name, err.text);
		return;
	}
	if (strcmp(word, "vsock") == 0 && fd >= 0) {
		connect_client(process, message, fd);
		return;
	}
	if (strcmp(word, "device-add") == 0) {
		change_devices(process, message, true, fd);
		return;
	}
	if (fd >= 0)
		close(fd);
	if (strcmp(word, "press-power") == 0)
		machine_press_power(process->machine);
	else if (strcmp(word, "ctrl-alt-del") == 0)
		machine_ctrl_alt_del(process->machine);
	else if (strcmp(word, "stop") == 0)
		machine_stop(process->machine);
	else if (strcmp(word, "device-remove") == 0)
		change_devices(process, message, false, -1);
	else if (strcmp(word, "device-link") == 0 && device_set_link(process->machine, message, &err) < 0)
		log_warning("%s", err.text);
	else if (strcmp(word, "device-link") == 0)
		return;
	else if (strcmp(word, "counters") == 0)
		tell_counters(process);
	else if (strcmp(word, "pause") == 0 || strcmp(word, "resume") == 0)
		pause_guest(process, strcmp(word, "pause") == 0);
	else
		log_warning("guest %s: the manager asks \"%s\", which is unknown",
			    process->config->definition->name, word);
}

static void control_ready(struct loop_source *source, uint32_t events)
{
	struct guest_process *process = CONTAINER_OF(source, struct guest_process, control);
	char text[GUEST_MESSAGE_MAX];
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} rights;
	struct iovec iov = {.iov_base = text, .iov_len = sizeof(text)};
	struct msghdr header = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &rights,
		.msg_controllen = sizeof(rights),
	};
	const struct cmsghdr *cmsg;
	cJSON *message;
	ssize_t got;
	int fd = -1;

	if (events & EPOLLOUT)
		tell_state(process);
	got = recvmsg(source->fd, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		manager_gone(process);
		return;
	}
	cmsg = CMSG_FIRSTHDR(&header);
	if (cmsg && cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
	message = cJSON_ParseWithLength(text, (size_t)got);
	manager_asks(process, message, fd);
	cJSON_Delete(message);
}

/* --- The process --- */

static int watch_signals(struct guest_process *process, struct error *err)
{
	sigset_t set;
	int code;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL); /* before the first thread: all inherit it */
	process->signals = (struct loop_source){
		.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK),
		.events = EPOLLIN,
		.ready = signals_ready,
	};
	code = process->signals.fd < 0 ? -errno : loop_add(&process->loop, &process->signals);
	return code < 0 ? error_set(err, code, "cannot watch signals: %s", strerror(-code)) : 0;
}

static int manager_connected(struct guest_process *process, int fd)
{
	process->control = (struct loop_source){.fd = fd, .events = EPOLLIN, .ready = control_ready};
	return loop_add(&process->loop, &process->control);
}

static void listener_ready(struct loop_source *source, uint32_t events)
{
	struct guest_process *process = CONTAINER_OF(source, struct guest_process, listener);
	int fd;

	(void)events;
	manager_gone(process); /* the former one, if it is still there: the newest is the manager */
	cleanup_close(&process->spare);
	process->spare = -1;
	fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0 && manager_connected(process, fd) == 0)
		state_changed(process);
}

static int watch_manager(struct guest_process *process, struct error *err)
{
	int code = manager_connected(process, process->config->control_fd);

	process->listener = (struct loop_source){
		.fd = process->config->listen_fd,
		.events = EPOLLIN,
		.ready = listener_ready,
	};
	if (code == 0 && process->listener.fd >= 0)
		code = loop_add(&process->loop, &process->listener);
	return code < 0 ? error_set(err, code, "cannot watch the manager: %s", strerror(-code)) : 0;
}

/* The files that it leaves something in; it keeps no descriptor of them. */
static int files_map(struct guest_process *process, struct error *err)
{
	const struct guest_process_config *config = process->config;

	if (config->last_words_fd >= 0)
		process->last_words = fixed_file_map(config->last_words_fd, LAST_WORDS_SIZE, err);
	if (config->console_log_fd >= 0)
		process->console_log = console_log_map(config->console_log_fd, err);
	if ((config->last_words_fd >= 0 && !process->last_words) ||
	    (config->console_log_fd >= 0 && !process->console_log))
		return -EINVAL;
	return 0;
}

static int process_open(struct guest_process *process, struct error *err)
{
	const struct guest_process_config *config = process->config;
	struct console_hub_config hub = {
		.loop = &process->loop,
		.log = process->console_log,
		.first_output = console_first_output,
		.escape = config->terminal && isatty(STDIN_FILENO) ? terminal_escape : NULL,
		.owner = process,
	};
	int code = loop_init(&process->loop);

	if (code < 0)
		return error_set(err, code, "cannot make an event loop: %s", strerror(-code));
	process->notify = notify_create(&process->loop, guest_told, process);
	process->console = console_hub_create(&hub, err);
	if (!process->notify || !process->console)
		return -ENOMEM;
	if (config->terminal)
		code = console_hub_add_terminal(process->console, STDIN_FILENO, STDOUT_FILENO, err);
	if (code == 0 && config->terminal)
		code = watch_signals(process, err);
	if (code == 0 && config->control_fd >= 0)
		code = watch_manager(process, err);
	return code;
}

static void process_close(struct guest_process *process)
{
	machine_destroy(process->machine);
	loop_timer_close(&process->loop, &process->retry);
	if (process->console)
		console_hub_flush(process->console, CONSOLE_FLUSH_MS);
	write_last_words(process);
	console_hub_destroy(process->console);
	console_log_unmap(process->console_log);
	notify_destroy(process->notify);
	cleanup_close(&process->broker);
	cleanup_close(&process->signals.fd);
	cleanup_close(&process->control.fd);
	cleanup_close(&process->spare);
	cleanup_close(&process->listener.fd);
	loop_close(&process->loop);
}

/* Each vsock connection takes a descriptor: more than the usual soft limit allows. */
static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = MIN(limit.rlim_max, (rlim_t)GUEST_FILES);
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		log_warning("cannot raise the limit of open files: %m");
}

/* Before the jail closes: the host's time zone is a file. */
static int64_t clock_shift(const struct guest_clock *clock)
{
	time_t now = time(NULL);
	struct tm local;

	if (!clock->local || !localtime_r(&now, &local))
		return clock->adjustment;
	return clock->adjustment + local.tm_gmtoff;
}

enum machine_end guest_process_run(const struct guest_process_config *config, struct error *why)
{
	struct guest_process process = {
		.config = config,
		.end = MACHINE_FAILED,
		.why = why,
		.signals.fd = -1,
		.broker = config->broker_fd,
		.control.fd = -1,
		.spare = -1,
		.listener.fd = -1,
		.retry.source.fd = -1,
		.loop = {.epoll = -1, .stop = -1},
	};
	struct machine_config machine = {
		.definition = config->definition,
		.resources = config->resources,
		.clock_shift = clock_shift(&config->definition->clock),
		.loop = &process.loop,
		.recorder = config->recorder,
		.vsock_connect = vsock_connect,
		.thread_started = thread_started,
		.device_gone = device_gone,
		.halted = machine_halted,
		.ended = guest_ended,
		.owner = &process,
	};
	struct terminal_state terminal = {0};
	struct boot_source source;
	int code = 0;

	raise_file_limit();
	code = files_map(&process, why);
	if (code == 0)
		code = guest_resources_map(config->definition, config->resources, why);
	if (code == 0)
		code = process_open(&process, why);
	if (code == 0)
		code = boot_files_find(config->definition, config->resources, confine_verifier(config),
				       config->recorder, &source, why);
	if (code == 0)
		code = confine_process(config, why);
	machine.console = process.console;
	machine.source = &source;
	if (code == 0)
		code = machine_create(&machine, &process.machine, why);
	if (code == -EKEYREJECTED || code == -EBADMSG) /* fit.h */
		process.end = MACHINE_REFUSED;
	if (code == 0 && config->terminal)
		terminal_raw(&terminal, STDIN_FILENO);
	if (code == 0)
		code = machine_start(process.machine, why);
	if (code == 0)
		confine_thread(config, FILTER_MAIN);
	if (code == 0) {
		state_changed(&process);
		code = loop_run(&process.loop);
		if (code < 0)
			error_set(why, code, "guest %s: event loop failed: %s", config->definition->name,
				  strerror(-code));
	}
	process_close(&process);
	terminal_restore(&terminal);
	if (process.asked_to_stop && (process.end == MACHINE_POWERED_OFF || process.end == MACHINE_RESET))
		process.end = MACHINE_KILLED; /* not by itself: it does not start again */
	return process.end;
}
