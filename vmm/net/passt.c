#include "vmm/net/passt.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "vmm/net/publish.h"

#define PASST_SOCKET_FD        3 /* where passt finds its end of the socket */
#define PASST_START_TIMEOUT_MS 10000
#define PASST_MESSAGES_MAX     8192
#define PASST_FIXED_ARGUMENTS  14

/* Started by root, passt becomes this user: nobody, and nogroup. */
#define PASST_UID 65534
#define PASST_GID 65534

extern char **environ;

/* The ends that passt gets; the others stay here. */
struct passt_pipes {
	int socket;
	int ready;    /* passt writes its process id to it once its ports are bound */
	int messages; /* a memfd that cannot grow, so that nothing a guest provokes fills the host's memory */
};

struct passt_arguments {
	char specs[PASST_PUBLISH_MAX][PUBLISH_SPEC_MAX];
	char mtu[8];
	char *list[PASST_FIXED_ARGUMENTS + 2 * PASST_PUBLISH_MAX];
	unsigned count;
};

static void add_argument(struct passt_arguments *arguments, const char *text)
{
	arguments->list[arguments->count++] = (char *)(uintptr_t)text; /* posix_spawn does not write to it */
}

static void fill_arguments(struct passt_arguments *arguments, const struct publish *rules, unsigned count,
			   unsigned mtu)
{
	*arguments = (struct passt_arguments){0};
	add_argument(arguments, "passt");
	add_argument(arguments, "--foreground");
	add_argument(arguments, "--quiet");
	add_argument(arguments, "--fd");
	add_argument(arguments, "3"); /* PASST_SOCKET_FD */
	add_argument(arguments, "--pid");
	add_argument(arguments, "/proc/self/fd/1");
	if (geteuid() == 0) {
		add_argument(arguments, "--runas");
		add_argument(arguments, "65534:65534"); /* PASST_UID, PASST_GID */
	}
	if (mtu) {
		snprintf(arguments->mtu, sizeof(arguments->mtu), "%u", mtu);
		add_argument(arguments, "--mtu");
		add_argument(arguments, arguments->mtu);
	}
	for (unsigned i = 0; i < count; i++) {
		publish_spec(&rules[i], arguments->specs[i]);
		add_argument(arguments, rules[i].protocol == PUBLISH_UDP ? "--udp-ports" : "--tcp-ports");
		add_argument(arguments, arguments->specs[i]);
	}
	add_argument(arguments, NULL);
}

static int read_rules(const char *const *publish, unsigned count, struct publish *rules, struct error *err)
{
	int code = 0;

	if (count > PASST_PUBLISH_MAX)
		return error_set(err, -E2BIG, "publish: at most %d rules", PASST_PUBLISH_MAX);
	for (unsigned i = 0; i < count && code == 0; i++)
		code = publish_parse(publish[i], &rules[i], err);
	if (code == 0)
		code = publish_check(rules, count, err);
	for (unsigned i = 0; i < count && code == 0; i++)
		code = publish_check_free(&rules[i], publish[i], err);
	return code;
}

/* What passt said last, without what libc's syslog has to say in a host that has no log. */
static void last_message(int messages, char *line, size_t size)
{
	char text[PASST_MESSAGES_MAX + 1] = "";
	char *rest = text;
	char *next;

	snprintf(line, size, "it ended without a word");
	if (pread(messages, text, PASST_MESSAGES_MAX, 0) < 0)
		return;
	while ((next = strsep(&rest, "\n"))) {
		if (*next && strncmp(next, "Failed to send ", strlen("Failed to send ")) != 0)
			snprintf(line, size, "%s", next);
	}
}

/* passt takes the guest's address and route from the host's. */
static const char *advice(const char *message)
{
	return strstr(message, "xternal") && strstr(message, "interface")
		       ? ": the host has no default route yet (see `ip route`)"
		       : "";
}

static int make_messages(void)
{
	AUTO_CLOSE int fd = memfd_create("passt", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, PASST_MESSAGES_MAX) < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_GROW) < 0)
		return -errno;
	return TAKE_FD(fd);
}

static int spawn_with(pid_t *pid, char *const *arguments, posix_spawn_file_actions_t *actions,
		      posix_spawnattr_t *attributes)
{
	sigset_t none;
	sigset_t all;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_setsigmask(attributes, &none);
	posix_spawnattr_setsigdefault(attributes, &all);
	/* A group of its own: Ctrl-C in the terminal is the guest's or ours, never passt's. */
	posix_spawnattr_setpgroup(attributes, 0);
	posix_spawnattr_setflags(attributes,
				 POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
	return posix_spawnp(pid, arguments[0], actions, attributes, arguments, environ);
}

/* 0 or a negative errno. */
static int spawn(pid_t *pid, char *const *arguments, const struct passt_pipes *pipes)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int code;

	code = posix_spawn_file_actions_init(&actions);
	if (code)
		return -code;
	code = posix_spawnattr_init(&attributes);
	if (code)
		goto no_attributes;
	code = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (!code)
		code = posix_spawn_file_actions_adddup2(&actions, pipes->ready, STDOUT_FILENO);
	if (!code)
		code = posix_spawn_file_actions_adddup2(&actions, pipes->messages, STDERR_FILENO);
	if (!code)
		code = posix_spawn_file_actions_adddup2(&actions, pipes->socket, PASST_SOCKET_FD);
	if (!code)
		code = posix_spawn_file_actions_addclosefrom_np(&actions, PASST_SOCKET_FD + 1);
	if (!code)
		code = spawn_with(pid, arguments, &actions, &attributes);
	posix_spawnattr_destroy(&attributes);
no_attributes:
	posix_spawn_file_actions_destroy(&actions);
	return -code;
}

/* True when passt wrote to the pipe; false when it ended before, or is stuck. */
static bool wait_until_ready(int ready)
{
	struct pollfd wait = {.fd = ready, .events = POLLIN};
	int count;

	do
		count = poll(&wait, 1, PASST_START_TIMEOUT_MS);
	while (count < 0 && errno == EINTR);
	return count > 0 && wait.revents & POLLIN;
}

static int start(struct passt *passt, const struct passt_arguments *arguments, struct passt_pipes *pipes,
		 int ready, struct error *err)
{
	char line[256];
	int code;

	code = spawn(&passt->pid, arguments->list, pipes);
	if (code == -ENOENT)
		return error_set(err, code, "passt is not installed: apt-get install passt");
	if (code < 0)
		return error_set(err, code, "cannot run passt: %s", strerror(-code));
	/* Our copy of its end: while it is open the pipe has no end. */
	close(TAKE_FD(pipes->ready));
	if (wait_until_ready(ready))
		return 0;
	passt_stop(passt);
	last_message(pipes->messages, line, sizeof(line));
	return error_set(err, -EIO, "passt did not start: %s%s", line, advice(line));
}

static int start_connected(struct passt *passt, const struct passt_arguments *arguments, struct error *err)
{
	int socket_ends[2] = {-1, -1};
	int ready_ends[2] = {-1, -1};
	struct passt_pipes pipes = {.socket = -1, .ready = -1, .messages = -1};
	int code = -EIO;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socket_ends) < 0 ||
	    pipe2(ready_ends, O_CLOEXEC) < 0 || fcntl(socket_ends[0], F_SETFL, O_NONBLOCK) < 0) {
		code = error_set(err, -errno, "cannot make the socket to passt: %m");
		goto out;
	}
	pipes = (struct passt_pipes){
		.socket = socket_ends[1],
		.ready = TAKE_FD(ready_ends[1]),
		.messages = make_messages(),
	};
	/* It opens the pipe by its name in /proc, as the user that it has become. */
	if (pipes.messages < 0 || (geteuid() == 0 && fchown(pipes.ready, PASST_UID, PASST_GID) < 0)) {
		code = error_set(err, -errno, "cannot make the pipes to passt: %m");
		goto out;
	}
	code = start(passt, arguments, &pipes, ready_ends[0], err);
	if (code == 0)
		code = TAKE_FD(socket_ends[0]);
out:
	cleanup_close(&socket_ends[0]);
	cleanup_close(&socket_ends[1]);
	cleanup_close(&ready_ends[0]);
	cleanup_close(&ready_ends[1]);
	cleanup_close(&pipes.ready);
	cleanup_close(&pipes.messages);
	return code;
}

int passt_start(struct passt *passt, const char *name, const char *const *publish, unsigned count,
		unsigned mtu, struct error *err)
{
	struct publish rules[PASST_PUBLISH_MAX] = {0};
	struct passt_arguments arguments;
	int code;

	*passt = (struct passt){0};
	code = read_rules(publish, count, rules, err);
	if (code == 0) {
		fill_arguments(&arguments, rules, count, mtu);
		code = start_connected(passt, &arguments, err);
	}
	return code < 0 ? error_prefix(err, code, "network of guest %s", name) : code;
}

bool passt_ended(struct passt *passt)
{
	siginfo_t info = {0};

	if (passt->pid <= 0 || waitid(P_PID, (id_t)passt->pid, &info, WEXITED | WNOHANG) < 0 || !info.si_pid)
		return false;
	passt->pid = 0;
	return true;
}

void passt_stop(struct passt *passt)
{
	if (passt->pid <= 0)
		return;
	kill(passt->pid, SIGKILL); /* it keeps nothing that would want to be put away */
	while (waitpid(passt->pid, NULL, 0) < 0 && errno == EINTR)
		;
	passt->pid = 0;
}
