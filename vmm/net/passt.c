#include "vmm/net/passt.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/child.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "vmm/net/publish.h"

#define PASST_START_MS        10000
#define PASST_MESSAGES_MAX    8192 /* so that nothing a guest provokes fills the host's memory */
#define PASST_FIXED_ARGUMENTS 14

/* Started by root, passt becomes this user: nobody, and nogroup. */
#define PASST_UID 65534
#define PASST_GID 65534

struct passt_arguments {
	char specs[PASST_PUBLISH_MAX][PUBLISH_SPEC_MAX];
	char mtu[8];
	char *list[PASST_FIXED_ARGUMENTS + 2 * PASST_PUBLISH_MAX];
	unsigned count;
};

static void add_argument(struct passt_arguments *arguments, const char *text)
{
	arguments->list[arguments->count++] = (char *)(uintptr_t)text; /* nobody writes to it */
}

static void fill_arguments(struct passt_arguments *arguments, const struct publish *rules, unsigned count,
			   unsigned mtu)
{
	*arguments = (struct passt_arguments){0};
	add_argument(arguments, "passt");
	add_argument(arguments, "--foreground");
	add_argument(arguments, "--quiet");
	add_argument(arguments, "--fd");
	add_argument(arguments, "3"); /* struct child, more */
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

static int spawn(pid_t *pid, const struct passt_arguments *arguments, int socket, int ready, int messages,
		 struct error *err)
{
	const struct child child = {
		.path = "passt",
		.argv = (const char *const *)arguments->list,
		.input = -1,
		.output = ready,
		.errors = messages,
		.more = &socket,
		.more_count = 1,
		.session = true, /* Ctrl-C in the terminal is the guest's or ours, never passt's */
	};
	int code = child_spawn(&child, pid);

	if (code == -ENOENT)
		return error_set(err, code, "passt is not installed: apt-get install passt");
	return code < 0 ? error_set(err, code, "cannot run passt: %s", strerror(-code)) : 0;
}

static int start_connected(struct passt *passt, struct passt_start *start,
			   const struct passt_arguments *arguments, struct error *err)
{
	int socket_ends[2] = {-1, -1};
	int ready_ends[2] = {-1, -1};
	AUTO_CLOSE int messages = child_output(PASST_MESSAGES_MAX);
	int code;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socket_ends) < 0 ||
	    pipe2(ready_ends, O_CLOEXEC) < 0 || fcntl(socket_ends[0], F_SETFL, O_NONBLOCK) < 0)
		code = error_set(err, -errno, "cannot make the socket to passt: %m");
	/* It opens the pipe by its name in /proc, as the user that it has become. */
	else if (messages < 0 || (geteuid() == 0 && fchown(ready_ends[1], PASST_UID, PASST_GID) < 0))
		code = error_set(err, messages < 0 ? messages : -errno, "cannot make the pipes to passt: %s",
				 strerror(messages < 0 ? -messages : errno));
	else
		code = spawn(&passt->pid, arguments, socket_ends[1], ready_ends[1], messages, err);
	if (code == 0) {
		*start = (struct passt_start){
			.word = TAKE_FD(ready_ends[0]),
			.messages = TAKE_FD(messages),
			.until_ms = monotonic_ms() + PASST_START_MS,
		};
		code = TAKE_FD(socket_ends[0]);
	}
	cleanup_close(&socket_ends[0]);
	cleanup_close(&socket_ends[1]);
	cleanup_close(&ready_ends[0]);
	cleanup_close(&ready_ends[1]);
	return code;
}

int passt_begin(struct passt *passt, struct passt_start *start, const char *name, const char *const *publish,
		unsigned count, unsigned mtu, struct error *err)
{
	struct publish rules[PASST_PUBLISH_MAX] = {0};
	struct passt_arguments arguments;
	int code;

	*passt = (struct passt){0};
	*start = (struct passt_start){.word = -1, .messages = -1};
	code = read_rules(publish, count, rules, err);
	if (code == 0) {
		fill_arguments(&arguments, rules, count, mtu);
		code = start_connected(passt, start, &arguments, err);
	}
	return code < 0 ? error_prefix(err, code, "network of guest %s", name) : code;
}

int passt_heard(struct passt *passt, struct passt_start *start, const char *name, struct error *err)
{
	struct pollfd word = {.fd = start->word, .events = POLLIN};
	char line[256];

	if (start->word < 0)
		return 0;
	if (poll(&word, 1, 0) <= 0 && monotonic_ms() < start->until_ms)
		return -EAGAIN;
	if (word.revents & POLLIN) {
		passt_start_close(start);
		return 0;
	}
	passt_stop(passt);
	last_message(start->messages, line, sizeof(line));
	passt_start_close(start);
	error_set(err, -EIO, "passt did not start: %s%s", line, advice(line));
	return error_prefix(err, -EIO, "network of guest %s", name);
}

void passt_start_close(struct passt_start *start)
{
	cleanup_close(&start->word);
	cleanup_close(&start->messages);
	*start = (struct passt_start){.word = -1, .messages = -1};
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
