/* PID 1: the order in which things happen. */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/util.h"
#include "rinit/dhcp.h"
#include "rinit/early.h"
#include "rinit/file.h"
#include "rinit/getty.h"
#include "rinit/load.h"
#include "rinit/log.h"
#include "rinit/mount.h"
#include "rinit/mount_helper.h"
#include "rinit/mounts.h"
#include "rinit/recovery.h"
#include "rinit/root.h"
#include "rinit/spawn.h"
#include "rinit/system.h"

#define CONFIG_FOLDER      "/etc/rinit"
#define UDEV_UNIT          "systemd-udevd.service"
#define GETTY_PATIENCE_MS  10000          /* then logins come up beside what still starts */
#define STOPPING_MAX_MS    200            /* for the host to be told */
#define READY_PORT_ADDRESS "vsock:2:9999" /* the host; see docs/rinit.md */

/* The manager's and the host's callbacks are given less than this. There is one PID 1. */
static struct system pid1;

/* ---- signals ---- */

static void reap(struct system *sys)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (!modules_child_ended(&sys->modules, pid))
			manager_child_ended(&sys->manager, pid, status);
	shutdown_advance(&sys->shutdown, pid < 0 && errno == ECHILD);
}

void system_shutdown(struct system *sys, enum shutdown_kind kind)
{
	if (!shutdown_begin(&sys->shutdown, kind))
		return;
	notify_host_send(&sys->host, "STOPPING=1\nSTATUS=Shutting down\n");
	log_file_ending(&sys->log_file);
	reap(sys); /* there may be nothing to wait for */
}

/*
 * The meanings of systemd(1), and those of busybox init, whose shell has reboot (SIGTERM), poweroff (SIGUSR2)
 * and halt (SIGUSR1) built in. To a container SIGTERM says stop.
 */
static bool signal_shutdown_kind(int number, bool container, enum shutdown_kind *kind)
{
	const struct {
		int number;
		enum shutdown_kind kind;
	} meanings[] = {
		{SIGINT, SHUTDOWN_REBOOT}, /* Ctrl-Alt-Del */
		{SIGTERM, container ? SHUTDOWN_POWEROFF : SHUTDOWN_REBOOT},
		{SIGPWR, SHUTDOWN_POWEROFF},
		{SIGUSR1, SHUTDOWN_HALT},
		{SIGUSR2, SHUTDOWN_POWEROFF},
		{SIGRTMIN + 3, SHUTDOWN_HALT},
		{SIGRTMIN + 4, SHUTDOWN_POWEROFF},
		{SIGRTMIN + 5, SHUTDOWN_REBOOT},
		{SIGRTMIN + 13, SHUTDOWN_HALT},
		{SIGRTMIN + 14, SHUTDOWN_POWEROFF},
		{SIGRTMIN + 15, SHUTDOWN_REBOOT},
	};

	for (size_t i = 0; i < ARRAY_SIZE(meanings); i++) {
		if (meanings[i].number == number) {
			*kind = meanings[i].kind;
			return true;
		}
	}
	return false;
}

static void signals_ready(struct loop_source *source, uint32_t events)
{
	struct system *sys = CONTAINER_OF(source, struct system, signals);
	struct signalfd_siginfo info;
	enum shutdown_kind kind;

	(void)events;
	while (read(source->fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			reap(sys);
		else if (signal_shutdown_kind((int)info.ssi_signo, sys->runtime == RUNTIME_CONTAINER, &kind))
			system_shutdown(sys, kind);
	}
}

/* Everything is blocked but the signals of a fault, which recovery.c handles; SIGPIPE is never wanted. */
static int signals_open(struct system *sys)
{
	static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS, SIGTRAP};
	sigset_t mask;

	sigfillset(&mask);
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
		sigdelset(&mask, faults[i]);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	sys->signals = (struct loop_source){.fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK),
					    .ready = signals_ready};
	return sys->signals.fd < 0 ? -errno : loop_add(&sys->loop, &sys->signals, EPOLLIN);
}

/* ---- early user space ---- */

static void cmdline_add(char *cmdline, const char *word)
{
	size_t used = strlen(cmdline);

	if (used + strlen(word) + 2 <= CMDLINE_MAX)
		sprintf(cmdline + used, "%s%s", used ? " " : "", word);
}

/* In a container /proc/cmdline is somebody else's: only arguments count there. */
static void cmdline_read(struct system *sys)
{
	if (sys->runtime != RUNTIME_CONTAINER)
		file_read_line("/proc/cmdline", sys->cmdline, sizeof(sys->cmdline));
	for (char *const *word = sys->argv + 1; sys->argv[0] && *word; word++)
		cmdline_add(sys->cmdline, *word);
}

static void hostname_set(void)
{
	char name[65];
	ssize_t length = file_read_line("/etc/hostname", name, sizeof(name));

	if (length > 0 && sethostname(name, (size_t)length) && errno != EPERM)
		log_warning("/etc/hostname: cannot set the host name \"%s\": %m", name);
}

/* What console_open returned. The log goes there, from its first line on, however late that is. */
static void console_use(struct system *sys, int fd)
{
	sys->console_missing = fd < 0;
	if (fd >= 0)
		log_open(&sys->loop, fd);
}

/* Mounts, console, signals: without these nothing else can be done or said. */
static void early_user_space(struct system *sys)
{
	int console;

	mount_proc();
	if (runtime_is_container()) {
		sys->runtime = RUNTIME_CONTAINER;
		sys->begin_ms = clock_ms();
	}
	cmdline_read(sys);
	if (sys->runtime != RUNTIME_CONTAINER && root_is_initramfs() && !cmdline_has(sys->cmdline, "root")) {
		umount2("/proc", MNT_DETACH);
		if (root_make_pivotable())
			log_warning("/: cannot make it a root that can be pivoted away from: %m");
	}
	sys->nodes_by_hand = mount_early(sys->runtime == RUNTIME_CONTAINER);
	if (sys->runtime != RUNTIME_CONTAINER && runtime_is_rastos())
		sys->runtime = RUNTIME_RASTOS;
	if (sys->runtime == RUNTIME_RASTOS)
		runtime_mark_start();
	/* A kernel without a console has opened no descriptors for us: 0 to 2 must not become the loop's. */
	console = console_open(sys->runtime == RUNTIME_CONTAINER);
	loop_init(&sys->loop);
	console_use(sys, console);
	signals_open(sys);
	if (sys->runtime != RUNTIME_CONTAINER)
		reboot(RB_DISABLE_CAD); /* Ctrl-Alt-Del is a signal to us instead of a reset */
	mkdir("/run/rinit", 0755);
}

/* ---- the system ---- */

static void environment_set(struct system *sys)
{
	struct string_list *environment = &sys->manager.environment;
	char text[64];

	string_list_add(environment, "PATH=" SPAWN_PATH);
	snprintf(text, sizeof(text), "RASTOS_RUNTIME=%s", runtime_name(sys->runtime));
	string_list_add(environment, text);
	snprintf(text, sizeof(text), "RASTOS_MODE=%s", mode_name(sys->mode));
	string_list_add(environment, text);
}

static void mode_choose(struct system *sys)
{
	struct error err;

	if (mode_read("/etc/rastos/mode", &sys->mode, &err)) {
		log_warning("%s; going to single-user mode", err.text);
		sys->single = true;
	}
	log_info("version %s, runtime %s, mode %s", RASTOS_VERSION, runtime_name(sys->runtime),
		 mode_name(sys->mode));
}

/* What /etc/rastos/mode says; without it default.target, where there is one. */
static void default_target_choose(struct system *sys)
{
	const char *name = sys->mode == MODE_DESKTOP ? "graphical.target"
			   : sys->mode == MODE_NONE  ? "default.target"
						     : "multi-user.target";
	struct unit *unit;

	if (manager_find(&sys->manager, name, &unit)) {
		name = "multi-user.target";
		if (manager_find(&sys->manager, name, &unit))
			return;
	}
	snprintf(sys->default_target, sizeof(sys->default_target), "%s", unit->config.name);
}

/* The boot's fixed points that wait for rinit itself; the others are unit_builtin.c's. */
static void targets_add(struct system *sys)
{
	struct manager *manager = &sys->manager;

	struct unit *network;

	early_targets_add(manager);
	network = manager_add_target(manager, "network.target", true);
	if (network) {
		string_list_add(&network->config.after, "logger.target");
		string_list_add(&network->config.before, "display-manager.service");
	}
	manager_add_target(manager, "network-online.target", true);
}

static void system_ready(struct system *sys)
{
	uint64_t now = clock_ms() - sys->begin_ms;

	sys->booted = true;
	log_notice("ready (%.2f s)", seconds(now));
	notify_host_send(&sys->host, "READY=1\nSTATUS=Ready\n");
	log_quiet(true);
}

/* For who waits for READY=1 and will not get it. */
static void system_status(struct system *sys, const char *status)
{
	char message[NOTIFY_MESSAGE_MAX];

	snprintf(message, sizeof(message), "STATUS=%s\n", status);
	notify_host_send(&sys->host, message);
}

/* A file system that the machine needs is not there: nothing more starts but a shell. */
static void mount_failed(struct system *sys, const struct unit *unit)
{
	int status = unit->run.exit_status;
	char sentence[UNIT_NAME_MAX + 64];

	if (WIFEXITED(status) && WEXITSTATUS(status) == MOUNT_EXIT_REBOOT) {
		log_notice("%s: fsck mended it: the machine starts anew", unit->config.name);
		system_shutdown(sys, SHUTDOWN_REBOOT);
		return;
	}
	snprintf(sentence, sizeof(sentence), "%s failed: see rinitctl log", unit->config.name);
	log_warning("%s: an emergency shell: mend it, then reboot", sentence);
	manager_cancel_waiting(&sys->manager);
	sys->shell = shell_add(&sys->manager, "emergency.service", "emergency shell",
			       sys->runtime == RUNTIME_CONTAINER);
	system_status(sys, sentence);
	if (sys->shell)
		manager_start(&sys->manager, sys->shell);
}

static void unit_moved(struct manager *manager, struct unit *unit, enum service_state from)
{
	syslog_unit_moved(&CONTAINER_OF(manager, struct system, manager)->syslog, unit, from);
}

/* File systems are mounted now. A system without /var keeps its log in memory. */
static void log_file_begin(struct system *sys)
{
	const struct config *config = &sys->config;

	if (config->no_log_file || sys->log_file.loop ||
	    (!*config->log_file && access("/var", W_OK) && errno != EROFS)) /* that one is said */
		return;
	log_file_start(&sys->log_file, &sys->loop, *config->log_file ? config->log_file : CONFIG_LOG_FILE,
		       config->log_file_max ? config->log_file_max : CONFIG_LOG_FILE_MAX,
		       config->log_file_keep ? (unsigned int)MAX(config->log_file_keep, 0)
					     : CONFIG_LOG_FILE_KEEP);
}

static void multi_user(struct system *sys);
static void devices_start(struct system *sys);
static void devices_settled(struct system *sys, const struct unit *unit);

static void unit_settled(struct manager *manager, struct unit *unit)
{
	struct system *sys = CONTAINER_OF(manager, struct system, manager);

	if (unit == sys->generator) {
		sys->generator = NULL;
		if (sys->shutdown.phase == PHASE_UP)
			multi_user(sys);
	}
	control_unit_settled(&sys->control, unit);
	devices_settled(sys, unit);
	if (unit->run.state == STATE_RUNNING && unit_is_getty(unit))
		log_quiet(true); /* somebody reads and writes there now */
	if (unit->run.state == STATE_EXITED &&
	    (unit == manager->default_target || !strcmp(unit->config.name, "logger.target")))
		log_file_begin(sys);
	if (unit == sys->shell && sys->runtime == RUNTIME_CONTAINER && !service_is_active(unit->run.state))
		system_shutdown(sys, SHUTDOWN_POWEROFF); /* there is nothing else in it */
	if (unit == manager->default_target && unit->run.state == STATE_EXITED && !sys->booted)
		system_ready(sys);
	if (unit->config.kind == UNIT_MOUNT && unit->run.state == STATE_FAILED && !sys->booted &&
	    !sys->shell && sys->shutdown.phase == PHASE_UP && mount_is_vital(unit))
		mount_failed(sys, unit);
}

static void boot_takes_long(struct loop_timer *timer)
{
	getty_start_now(&CONTAINER_OF(timer, struct system, getty_patience)->manager);
}

/* The kernel tells (EPOLLPRI) when one becomes active, such as hvc0 when its driver has been loaded. */
static void consoles_changed(struct loop_source *source, uint32_t events)
{
	struct system *sys = CONTAINER_OF(source, struct system, consoles);
	char first;

	(void)events;
	if (pread(source->fd, &first, sizeof(first), 0) < 0) {
		loop_remove(&sys->loop, source);
		return;
	}
	if (sys->console_missing)
		console_use(sys, console_open(false));
	if (sys->shutdown.phase == PHASE_UP && !sys->shell)
		getty_add(&sys->manager, &sys->config, false, sys->default_target);
}

static void consoles_watch(struct system *sys)
{
	sys->consoles = (struct loop_source){.fd = open(CONSOLES_ACTIVE, O_RDONLY | O_CLOEXEC),
					     .ready = consoles_changed};
	if (sys->consoles.fd >= 0)
		loop_add(&sys->loop, &sys->consoles, EPOLLPRI);
	if (sys->console_missing) /* it may have come meanwhile */
		console_use(sys, console_open(false));
}

/* All unit files are there. */
static void multi_user(struct system *sys)
{
	bool container = sys->runtime == RUNTIME_CONTAINER;

	targets_add(sys);
	early_jobs_add(&sys->manager, &sys->config, sys->cmdline, container);
	manager_load(&sys->manager, "");
	default_target_choose(sys);
	getty_add(&sys->manager, &sys->config, container, "sysinit.target");
	manager_resolve(&sys->manager, sys->default_target);
	network_start(&sys->network, &sys->loop, &sys->manager, CONFIG_FOLDER "/network");
	sys->getty_patience.expired = boot_takes_long;
	loop_timer_set(&sys->loop, &sys->getty_patience, GETTY_PATIENCE_MS);
	manager_boot(&sys->manager);
	if (!container)
		consoles_watch(sys);
	devices_start(sys);
}

static void multi_user_begin(struct system *sys)
{
	config_read(&sys->config, CONFIG_FOLDER "/rinit.conf");
	sys->generator = early_generator_add(&sys->manager, sys->cmdline, sys->runtime == RUNTIME_CONTAINER);
	if (sys->generator)
		manager_start(&sys->manager, sys->generator);
	else
		multi_user(sys);
}

static void shell_only(struct system *sys, const char *name, const char *description)
{
	network_loopback();
	system_status(sys, description);
	sys->shell = shell_add(&sys->manager, name, description, sys->runtime == RUNTIME_CONTAINER);
	manager_resolve(&sys->manager, name);
	sys->manager.root = ""; /* what somebody starts by hand is looked for */
	manager_boot(&sys->manager);
}

/* ---- devices ---- */

static void modules_idle(struct modules *modules)
{
	struct system *sys = CONTAINER_OF(modules, struct system, modules);

	if (sys->in_initrd)
		initrd_try(&sys->initrd);
	else
		manager_reached(&sys->manager, "modules.target");
}

static bool is_down(const struct unit *unit)
{
	return unit->run.state == STATE_INACTIVE || unit->run.state == STATE_FAILED;
}

/* udev loads modules too, by its rules: then rinit leaves it to it. */
static bool udev_does_it(const struct system *sys)
{
	const struct unit *unit = unit_set_find(&sys->manager.units, UDEV_UNIT);

	return unit && !is_down(unit);
}

static void devices_settled(struct system *sys, const struct unit *unit)
{
	if (strcmp(unit->config.name, UDEV_UNIT) != 0 || !is_down(unit) || sys->shutdown.phase != PHASE_UP ||
	    sys->runtime == RUNTIME_CONTAINER)
		return;
	modules_want_coldplug(&sys->modules); /* of what came meanwhile, too */
	modules_load(&sys->modules);
}

static void uevent_seen(struct uevents *uevents, const struct uevent *event)
{
	struct system *sys = CONTAINER_OF(uevents, struct system, uevents);

	if (sys->nodes_by_hand)
		uevent_node(event, "/dev");
	if (!strcmp(event->action, "add") && *event->modalias && !*event->synthetic && !udev_does_it(sys)) {
		modules_want(&sys->modules, event->modalias);
		modules_load(&sys->modules);
	}
	if (sys->in_initrd && !strcmp(event->subsystem, "block"))
		initrd_try(&sys->initrd);
}

static void button_pressed(struct button *button)
{
	system_shutdown(CONTAINER_OF(button, struct system, button), SHUTDOWN_POWEROFF);
}

/* A container's devices and modules are its host's. */
static void devices_start(struct system *sys)
{
	int rc;

	if (sys->runtime == RUNTIME_CONTAINER) {
		manager_reached(&sys->manager, "modules.target");
		return;
	}
	rc = uevents_open(&sys->uevents, &sys->loop, uevent_seen);
	if (rc)
		log_warning("cannot listen to device events: %s: drivers that come later are not loaded",
			    strerror(-rc));
	else if (sys->nodes_by_hand)
		uevents_again();
	if (!sys->in_initrd)
		button_open(&sys->button, &sys->loop, button_pressed); /* a machine without is fine */
	modules_want_configured(&sys->modules, "/etc/modules-load.d");
	if (!udev_does_it(sys))
		modules_want_coldplug(&sys->modules);
	modules_load(&sys->modules);
}

/* ---- initrd ---- */

static void initrd_failed(struct initrd *initrd, const char *sentence)
{
	struct system *sys = CONTAINER_OF(initrd, struct system, initrd);

	sys->in_initrd = false;
	log_warning("%s", sentence);
	shell_only(sys, "emergency.service", "emergency shell");
	system_status(sys, sentence);
}

/* False when this isn't an initrd: the root that there is, is the one to stay. */
static bool initrd_begin(struct system *sys)
{
	struct initrd *initrd = &sys->initrd;
	struct error err;
	int rc = 0;

	if (sys->runtime != RUNTIME_CONTAINER && root_is_initramfs())
		rc = root_request_parse(&initrd->request, sys->cmdline, &err);
	if (!rc)
		return false;
	initrd->loop = &sys->loop;
	initrd->modules = &sys->modules;
	initrd->argv = sys->argv;
	initrd->failed = initrd_failed;
	sys->in_initrd = true;
	if (rc < 0)
		initrd_failed(initrd, err.text);
	else
		initrd_start(initrd);
	return true;
}

/* ---- what kind of boot ---- */

/*
 * Debian's scripts ask for the folder /run/systemd/system before they use systemctl (sd_booted(3)). What
 * would ask systemd over D-Bus (docker, runc) does so only where it is no link. An initrd does not make it:
 * who comes after it may be another init.
 */
static void booted_mark(void)
{
	mkdir("/run/systemd", 0755);
	mkdir("/run/rinit/system", 0755);
	if (symlink("/run/rinit/system", "/run/systemd/system") && errno != EEXIST)
		log_warning("/run/systemd/system: cannot make the link: %m");
}

void system_interface_online(struct system *sys, const char *interface)
{
	network_interface_online(&sys->network, interface);
}

static void services_listen(struct system *sys)
{
	int rc = notify_listen(&sys->notify, &sys->loop, &sys->manager);

	if (rc)
		log_warning(NOTIFY_SOCKET_PATH ": %s: services of Type=notify will time out", strerror(-rc));
	rc = syslog_listen(&sys->syslog, &sys->loop, &sys->manager);
	if (rc)
		log_warning(SYSLOG_PATH ": %s: what programs tell syslog is lost", strerror(-rc));
	rc = control_listen(&sys->control, sys);
	if (rc)
		log_warning(CONTROL_SOCKET_PATH ": %s: rinitctl will not work", strerror(-rc));
}

static void host_open(struct system *sys)
{
	char text[128];
	struct notify_address address = {0};
	const char *from_environment = getenv("NOTIFY_SOCKET");

	if (from_environment)
		snprintf(text, sizeof(text), "%s", from_environment);
	else if (!cmdline_get(sys->cmdline, "rastos.notify", text, sizeof(text)) &&
		 sys->runtime == RUNTIME_RASTOS)
		strcpy(text, READY_PORT_ADDRESS);
	if (*text && notify_address_parse(text, &address))
		log_warning("cannot notify \"%s\": not vsock:CID:PORT, a path or an @name", text);
	notify_host_init(&sys->host, &sys->loop, &address);
}

static void system_start(struct system *sys)
{
	const char *crash = recovery_reason(sys->argv);

	manager_init(&sys->manager, &sys->loop);
	sys->manager.settled = unit_settled;
	sys->manager.moved = unit_moved;
	shutdown_init(&sys->shutdown, &sys->loop, &sys->manager);
	modules_init(&sys->modules, &sys->loop, modules_idle);
	host_open(sys);
	if (!crash && initrd_begin(sys)) {
		services_listen(sys);
		devices_start(sys);
		return;
	}
	booted_mark();
	spawn_raise_descriptors();
	hostname_set();
	mode_choose(sys);
	environment_set(sys);
	services_listen(sys);
	if (crash) {
		log_warning("PID 1 crashed (%s): an emergency shell; what was running still is", crash);
		shell_only(sys, "emergency.service", "emergency shell");
	} else if (sys->single || cmdline_has(sys->cmdline, "single")) {
		shell_only(sys, "single.service", "single-user shell");
	} else {
		multi_user_begin(sys);
		return;
	}
	devices_start(sys);
}

static int usage(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--version")) {
		puts("rinit " RASTOS_VERSION);
		return 0;
	}
	if (argc == 2 && !strcmp(argv[1], "--help")) {
		puts("rinit is the first process (PID 1); the kernel or a container runtime starts it.\n"
		     "Use rinitctl to talk to the one that is running. See rinit(8).");
		return 0;
	}
	fputs("rinit: not PID 1: use rinitctl to talk to the rinit that is running\n", stderr);
	return 2;
}

int main(int argc, char **argv)
{
	const char *name = argc ? strrchr(argv[0], '/') : NULL;

	if (getpid() != 1)
		return name && !strcmp(name + 1, DHCP_HELPER_NAME) ? dhcp_main(argc, argv)
								   : usage(argc, argv);
	recovery_arm(recovery_reason(argv) != NULL);
	umask(022);
	syscall(SYS_close_range, STDERR_FILENO + 1, ~0U,
		CLOSE_RANGE_CLOEXEC); /* whatever it came with is no service's */
	pid1.argv = argv;
	early_user_space(&pid1);
	if (pid1.runtime != RUNTIME_CONTAINER)
		early_clock();
	system_start(&pid1);
	loop_run(&pid1.loop);
	notify_host_flush(&pid1.host, STOPPING_MAX_MS);
	if (pid1.runtime != RUNTIME_CONTAINER && !pid1.in_initrd)
		early_save();
	log_file_stop(&pid1.log_file);
	shutdown_finish(&pid1.shutdown, pid1.runtime == RUNTIME_CONTAINER);
}
