#include "vmm/manager/service.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/util.h"
#include "vmm/api/api.h"
#include "vmm/config/file.h"
#include "vmm/manager/control.h"
#include "vmm/manager/manager.h"
#include "vmm/manager/manager_log.h"

#define LOCK_TRIES    250
#define LOCK_PAUSE_US 20000
#define MANAGER_FILES 8192
#define LOG_CHECK_NS  10000000000ULL

struct service {
	const struct service_config *config;
	struct loop loop;
	struct manager manager;
	struct control *control;
	struct api *api;
	struct loop_source signals;
	struct loop_timer log_check;
	int lock;
	int started_fd;
	bool asked; /* a first signal came: the next one forces */
	bool poweroff;
};

/* --- The runtime folder and its lock --- */

/* A folder that somebody else made, as anybody may in /tmp, would put our sockets into his hands. */
static int make_folder(const char *path, mode_t mode, struct error *err)
{
	struct stat status;

	if (mkdir(path, mode) < 0 && errno != EEXIST)
		return error_set(err, -errno, "runtime folder %s: cannot make: %m", path);
	if (stat(path, &status) < 0)
		return error_set(err, -errno, "runtime folder %s: cannot stat: %m", path);
	if (!S_ISDIR(status.st_mode))
		return error_set(err, -ENOTDIR, "runtime folder %s: is not a folder", path);
	if (status.st_uid != geteuid() || status.st_mode & (S_IWGRP | S_IWOTH))
		return error_set(err, -EPERM,
				 "runtime folder %s: others could write to it; it must be yours alone: "
				 "remove it, or set runtime_dir to another",
				 path);
	return 0;
}

/* A lock of the process (fcntl(2), F_SETLK), not of the descriptor: a guest process that was just forked has
 * the latter too, for a moment, and a manager that was killed then would seem to be there. It must never open
 * the file again: closing that would end the lock. */
static int lock_open(const struct settings *settings)
{
	AUTO_FREE char *path = file_path_join(settings->runtime_dir, "lock");
	AUTO_CLOSE int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (fd < 0)
		return -errno;
	if (fcntl(fd, F_SETLK, &lock) < 0)
		return errno == EACCES ? -EWOULDBLOCK : -errno;
	return TAKE_FD(fd);
}

/* By another process. */
static bool lock_held(const struct settings *settings)
{
	AUTO_FREE char *path = file_path_join(settings->runtime_dir, "lock");
	AUTO_CLOSE int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	return fd >= 0 && fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

bool service_running(const struct settings *settings)
{
	AUTO_FREE char *path = settings_control_socket(settings);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (!lock_held(settings) || !path || fd < 0 || strlen(path) >= sizeof(address.sun_path))
		return false;
	strcpy(address.sun_path, path);
	/* EAGAIN: so many ask that it has no time for this one now. */
	return connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 || errno == EAGAIN;
}

int service_prepare(const struct settings *settings, struct error *err)
{
	AUTO_FREE char *guests = file_path_join(settings->runtime_dir, "guests");
	mode_t mode = geteuid() == 0 ? 0755 : 0700; /* the group rastos may use root's socket */
	int code = guests ? make_folder(settings->runtime_dir, mode, err)
			  : error_set(err, -ENOMEM, "runtime folder: out of memory");

	return code < 0 ? code : make_folder(guests, 0755, err);
}

static int service_lock(struct service *service, struct error *err)
{
	const struct settings *settings = service->config->settings;
	int code = service_prepare(settings, err);

	if (code < 0)
		return code;
	/* Whoever has it and does not listen is on its way out, or about to listen. */
	for (unsigned i = 0; i < LOCK_TRIES; i++) {
		service->lock = lock_open(settings);
		if (service->lock != -EWOULDBLOCK || service_running(settings))
			break;
		usleep(LOCK_PAUSE_US);
	}
	if (service->lock == -EWOULDBLOCK)
		return error_set(err, -EALREADY, SERVICE_RUNS_ALREADY);
	if (service->lock < 0)
		return error_set(err, service->lock, "runtime folder %s: cannot lock: %s",
				 settings->runtime_dir, strerror(-service->lock));
	return 0;
}

/* --- The init system --- */

static void tell_init(const char *text)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	AUTO_CLOSE int fd = -1;

	if (!path || !*path || strlen(path) >= sizeof(address.sun_path))
		return;
	strcpy(address.sun_path, path);
	if (*path == '@')
		address.sun_path[0] = '\0'; /* an abstract address, unix(7) */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&address,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path))) < 0)
		log_warning("cannot tell %s: %m", path);
}

static void power_off_host(void)
{
	static char program[] = "/sbin/poweroff";
	char *argv[] = {program, NULL};
	pid_t pid = fork();

	if (pid == 0) {
		execv(program, argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, NULL, 0) < 0)
		log_error("cannot power the host off: %m");
}

static void tell_starter(struct service *service, int code, const struct error *err)
{
	if (service->started_fd < 0)
		return;
	if (dprintf(service->started_fd, "%s\n", code < 0 ? err->text : "") < 0)
		log_warning("nobody waits for the start any more");
	cleanup_close(&service->started_fd);
	service->started_fd = -1;
}

/* --- Its life --- */

static void service_down(void *owner, bool poweroff)
{
	struct service *service = owner;

	service->poweroff = poweroff;
	api_deafen(service->api);
	control_deafen(service->control); /* the next manager may come */
	loop_stop(&service->loop);
}

static void signals_ready(struct loop_source *source, uint32_t events)
{
	struct service *service = CONTAINER_OF(source, struct service, signals);
	struct signalfd_siginfo info;

	(void)events;
	if (read(source->fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGCHLD) {
		manager_reap(&service->manager);
		return;
	}
	tell_init("STOPPING=1\n");
	control_down(service->control, GUEST_DOWN_SECONDS, service->asked);
	service->asked = true;
}

static int service_watch_signals(struct service *service, struct error *err)
{
	sigset_t set;
	int code;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	service->signals = (struct loop_source){
		.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK),
		.events = EPOLLIN,
		.ready = signals_ready,
	};
	code = service->signals.fd < 0 ? -errno : loop_add(&service->loop, &service->signals);
	return code < 0 ? error_set(err, code, "cannot watch signals: %s", strerror(-code)) : 0;
}

/* Each guest takes a handful of descriptors, each client two: more than the usual soft limit allows. */
static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = MIN(limit.rlim_max, (rlim_t)MANAGER_FILES);
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		log_warning("cannot raise the limit of open files: %m");
}

static void log_check_due(struct loop_timer *timer)
{
	const struct service *service = CONTAINER_OF(timer, struct service, log_check);

	manager_log_rotate(service->config->settings);
}

static int service_watch_log(struct service *service, struct error *err)
{
	int code = loop_timer_init(&service->loop, &service->log_check, log_check_due);

	if (code < 0)
		return error_set(err, code, "cannot make the log's timer: %s", strerror(-code));
	manager_log_rotate(service->config->settings);
	loop_timer_set(&service->log_check, LOG_CHECK_NS, LOG_CHECK_NS);
	return 0;
}

static int service_open(struct service *service, struct error *err)
{
	int code = service_lock(service, err);

	if (code < 0)
		return code;
	raise_file_limit();
	code = loop_init(&service->loop);
	if (code < 0)
		return error_set(err, code, "cannot make an event loop: %s", strerror(-code));
	code = service_watch_signals(service, err);
	if (code == 0 && service->config->own_log)
		code = service_watch_log(service, err);
	if (code == 0)
		code = manager_open(&service->manager, service->config->settings, service->config->mode,
				    &service->loop, err);
	if (code == 0)
		code = control_open(&service->manager, service_down, service, &service->control, err);
	if (code == 0)
		code = api_open(control_operations(service->control), &service->api, err);
	return code;
}

static void service_close(struct service *service)
{
	api_close(service->api);
	control_close(service->control);
	manager_close(&service->manager);
	loop_timer_close(&service->loop, &service->log_check);
	cleanup_close(&service->signals.fd);
	loop_close(&service->loop);
	cleanup_close(&service->lock);
}

int service_run(const struct service_config *config, struct error *err)
{
	struct service service = {
		.config = config,
		.lock = -1,
		.started_fd = config->started_fd,
		.signals.fd = -1,
		.log_check.source.fd = -1,
		.manager = {.hush.source.fd = -1, .leaving.source.fd = -1, .memory_timer.source.fd = -1},
		.loop = {.epoll = -1, .stop = -1},
	};
	int code = service_open(&service, err);
	int started = code;

	if (code == 0)
		started = manager_start_all(&service.manager, err);
	else
		service_close(&service); /* whoever hears of it shall find nothing of us */
	tell_starter(&service, started, err);
	if (code < 0)
		return code;
	if (started < 0 && manager_all_off(&service.manager))
		control_down(service.control, GUEST_DOWN_SECONDS, true);
	else
		tell_init("READY=1\nSTATUS=guests started\n");
	code = loop_run(&service.loop);
	if (code < 0)
		error_set(err, code, "event loop failed: %s", strerror(-code));
	service_close(&service);
	if (service.poweroff)
		power_off_host();
	return started < 0 ? started : code;
}
