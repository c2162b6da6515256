#include "vmm/guest/process_state.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/util.h"
#include "vmm/guest/boot_files.h"
#include "vmm/guest/confine.h"
#include "vmm/guest/console_log.h"
#include "vmm/guest/display_link.h"
#include "vmm/guest/fixed_file.h"
#include "vmm/guest/last_words.h"
#include "vmm/guest/notify.h"
#include "vmm/guest/vsock_broker.h"
#include "vmm/terminal/terminal.h"

#define CONSOLE_FLUSH_MS 2000
#define CONSOLE_TAIL     4096 /* bytes of console output among the last words */

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
			process_state_changed(process);
	} else if (strcmp(key, "STATUS") == 0) {
		snprintf(process->status, sizeof(process->status), "%s", value);
		process_state_changed(process);
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
	process_state_changed(owner);
}

static void vcpus_changed(void *owner)
{
	process_state_changed(owner);
}

static void channels_changed(void *owner)
{
	process_state_changed(owner);
}

static void memory_changes(void *owner)
{
	process_state_changes(owner);
}

static void thread_started(void *owner, enum machine_thread kind)
{
	static const enum filter_kind filters[] = {
		[MACHINE_THREAD_VCPU] = FILTER_VCPU,
		[MACHINE_THREAD_DISK] = FILTER_DISK,
		[MACHINE_THREAD_DISPLAY] = FILTER_DISPLAY,
	};
	const struct guest_process *process = owner;

	confine_thread(process->config, filters[kind]);
}

/* --- From the user --- */

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

/* Of the terminal on which the console is; 0 by 0 is one that does not know (tty_ioctl(4)). */
static void terminal_resized(struct guest_process *process)
{
	unsigned columns, rows;

	if (process->machine && terminal_size(STDIN_FILENO, &columns, &rows) && columns && rows)
		machine_resize_console(process->machine, (uint16_t)columns, (uint16_t)rows);
}

static void signals_ready(struct loop_source *source, uint32_t events)
{
	struct guest_process *process = CONTAINER_OF(source, struct guest_process, signals);
	struct signalfd_siginfo info;

	(void)events;
	if (read(source->fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGWINCH)
		terminal_resized(process);
	else
		stop_politely(process);
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
	sigaddset(&set, SIGWINCH);
	sigprocmask(SIG_BLOCK, &set, NULL); /* before the first thread: all inherit it */
	process->signals = (struct loop_source){
		.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK),
		.events = EPOLLIN,
		.ready = signals_ready,
	};
	code = process->signals.fd < 0 ? -errno : loop_add(&process->loop, &process->signals);
	return code < 0 ? error_set(err, code, "cannot watch signals: %s", strerror(-code)) : 0;
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
		code = process_watch_manager(process, err);
	return code;
}

static void write_last_words(struct guest_process *process)
{
	char tail[CONSOLE_TAIL + 1] = "";
	char text[BOOT_REPORT_TEXT_MAX];
	struct boot_report report;
	cJSON *words;
	int code;

	if (!process->last_words)
		return;
	if (process->console)
		tail[console_hub_tail(process->console, tail, CONSOLE_TAIL)] = '\0';
	boot_recorder_read(process->config->recorder, &report);
	boot_report_to_text(&report, text);
	words = cJSON_CreateObject();
	cJSON_AddStringToObject(words, "end", machine_end_name(process->end));
	cJSON_AddStringToObject(words, "why", process->why->text);
	cJSON_AddStringToObject(words, "registers", process->registers);
	cJSON_AddStringToObject(words, "console", tail);
	cJSON_AddStringToObject(words, "report", text);
	code = last_words_write(process->last_words, words);
	cJSON_Delete(words);
	if (code < 0)
		log_warning("guest %s: cannot leave its last words: %s", process->config->definition->name,
			    strerror(-code));
}

static void process_close(struct guest_process *process)
{
	machine_destroy(process->machine);
	process->machine = NULL;
	process_display_close(process);
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

static int make_machine(struct guest_process *process, const struct boot_source *source, int64_t shift)
{
	const struct guest_process_config *config = process->config;
	const struct machine_config machine = {
		.definition = config->definition,
		.resources = config->resources,
		.source = source,
		.clock_shift = shift,
		.loop = &process->loop,
		.console = process->console,
		.recorder = config->recorder,
		.vsock_connect = vsock_connect,
		.thread_started = thread_started,
		.vcpus_set = process_vcpus_set,
		.vcpus_changed = vcpus_changed,
		.channels_changed = channels_changed,
		.display = process->display ? display_link_gpu(process->display) : NULL,
		.leds = process_leds_changed,
		.memory_changes = memory_changes,
		.device_gone = device_gone,
		.halted = process_halted,
		.watchdog_expired = process_watchdog_expired,
		.ended = guest_ended,
		.owner = process,
	};

	return machine_create(&machine, &process->machine, process->why);
}

/* All that comes before the guest runs. */
static int guest_prepare(struct guest_process *process)
{
	const struct guest_process_config *config = process->config;
	struct error *why = process->why;
	int64_t shift = clock_shift(&config->definition->clock);
	struct boot_source source;
	int code = files_map(process, why);

	if (code == 0)
		code = guest_resources_map(config->definition, config->resources, why);
	if (code == 0)
		code = process_open(process, why);
	if (code == 0)
		code = boot_files_find(config->definition, config->resources, confine_verifier(config),
				       config->recorder, &source, why);
	if (code == 0)
		code = process_display_make(process, why);
	if (code == 0)
		code = confine_process(config, why);
	if (code == 0)
		code = make_machine(process, &source, shift);
	if (code == -EKEYREJECTED || code == -EBADMSG) /* fit.h */
		process->end = MACHINE_REFUSED;
	return code;
}

static int guest_run(struct guest_process *process)
{
	const struct guest_process_config *config = process->config;
	int code = machine_start(process->machine, process->why);

	if (code < 0)
		return code;
	if (config->terminal)
		terminal_resized(process);
	confine_thread(config, FILTER_MAIN);
	process_state_changed(process);
	code = loop_run(&process->loop);
	return code < 0 ? error_set(process->why, code, "guest %s: event loop failed: %s",
				    config->definition->name, strerror(-code))
			: 0;
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
		.key_timer.source.fd = -1,
		.loop = {.epoll = -1, .stop = -1},
	};
	struct terminal_state terminal = {0};

	raise_file_limit();
	if (guest_prepare(&process) == 0) {
		if (config->terminal)
			terminal_raw(&terminal, STDIN_FILENO);
		guest_run(&process);
	}
	process_close(&process);
	terminal_restore(&terminal);
	if (process.asked_to_stop && (process.end == MACHINE_POWERED_OFF || process.end == MACHINE_RESET))
		process.end = MACHINE_KILLED; /* not by itself: it does not start again */
	return process.end;
}
