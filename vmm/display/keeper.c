#include "vmm/display/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/descriptors.h"
#include "common/util.h"
#include "vmm/display/confine.h"
#include "vmm/display/session.h"

#define ABOVE 32 /* descriptors are moved above this before they get their places */

enum {
	WATCH_CHANNEL,
	WATCH_LISTENER,
	WATCH_SESSIONS,
	WATCHES = WATCH_SESSIONS + CONFINE_SESSIONS,
};

struct keeper {
	const struct keeper_config *config;
	pid_t pids[CONFINE_SESSIONS]; /* 0: none */
	struct pollfd watches[WATCHES];
};

/* --- To the guest process --- */

static int tell(const struct keeper *keeper, char what, int pass)
{
	struct iovec iov = {.iov_base = &what, .iov_len = sizeof(what)};
	ssize_t sent = descriptors_send(keeper->config->channel, &iov, 1, &pass, pass >= 0, MSG_DONTWAIT);

	return sent < 0 ? (int)sent : 0;
}

/* --- Sessions --- */

static int lift(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, ABOVE);
}

/* It has nothing of the keeper's but its own two sockets. */
static __attribute__((noreturn)) void session_main(const struct keeper_config *config, int viewer, int link)
{
	int high_viewer = lift(viewer), high_link = lift(link);
	struct session_config session = {
		.viewer = STDERR_FILENO + 1,
		.link = STDERR_FILENO + 2,
		.name = config->name,
		.password = config->password,
	};

	if (high_viewer < 0 || high_link < 0 || dup2(high_viewer, session.viewer) < 0 ||
	    dup2(high_link, session.link) < 0 || close_range((unsigned)session.link + 1, ~0U, 0) < 0 ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl(PR_SET_NAME, "display viewer") < 0)
		_exit(EXIT_FAILURE);
	session_run(&session);
	_exit(EXIT_SUCCESS);
}

static void session_start(struct keeper *keeper, unsigned place, int viewer)
{
	int ends[2];
	AUTO_CLOSE int ours = -1;
	AUTO_CLOSE int theirs = -1;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return;
	ours = ends[0];
	theirs = ends[1];
	pid = fork();
	if (pid == 0)
		session_main(keeper->config, viewer, ours);
	if (pid < 0)
		return;
	keeper->pids[place] = pid;
	keeper->watches[WATCH_SESSIONS + place] = (struct pollfd){.fd = pidfd_open(pid, 0), .events = POLLIN};
	if (keeper->watches[WATCH_SESSIONS + place].fd < 0 || tell(keeper, KEEPER_LINK, theirs) < 0)
		kill(pid, SIGKILL);
}

static void session_reap(struct keeper *keeper, unsigned place)
{
	struct pollfd *watch = &keeper->watches[WATCH_SESSIONS + place];

	while (waitpid(keeper->pids[place], NULL, 0) < 0 && errno == EINTR)
		;
	cleanup_close(&watch->fd);
	*watch = (struct pollfd){.fd = -1};
	keeper->pids[place] = 0;
}

/* CONFINE_SESSIONS: all are taken. */
static unsigned place_find(const struct keeper *keeper)
{
	unsigned place = 0;

	while (place < CONFINE_SESSIONS && keeper->pids[place])
		place++;
	return place;
}

static void take_viewer(struct keeper *keeper)
{
	AUTO_CLOSE int viewer = accept4(keeper->config->listener, NULL, NULL, SOCK_CLOEXEC);
	int on = 1;

	if (viewer < 0)
		return;
	setsockopt(viewer, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	session_start(keeper, place_find(keeper), viewer);
}

/* --- Its life --- */

/* False: the guest process has ended. */
static bool turn(struct keeper *keeper)
{
	bool room = place_find(keeper) < CONFINE_SESSIONS;

	keeper->watches[WATCH_LISTENER].fd = room ? keeper->config->listener : -1;
	if (poll(keeper->watches, WATCHES, -1) < 0)
		return errno == EINTR;
	for (unsigned i = 0; i < CONFINE_SESSIONS; i++) {
		if (keeper->watches[WATCH_SESSIONS + i].revents)
			session_reap(keeper, i);
	}
	if (keeper->watches[WATCH_CHANNEL].revents) /* it says nothing: that is its end */
		return false;
	if (keeper->watches[WATCH_LISTENER].revents)
		take_viewer(keeper);
	return true;
}

int keeper_run(const struct keeper_config *config, struct error *err)
{
	struct keeper keeper = {.config = config};
	int code;

	for (unsigned i = 0; i < WATCHES; i++)
		keeper.watches[i].fd = -1;
	keeper.watches[WATCH_CHANNEL] = (struct pollfd){.fd = config->channel, .events = POLLIN};
	keeper.watches[WATCH_LISTENER] = (struct pollfd){.fd = config->listener, .events = POLLIN};
	code = tell(&keeper, KEEPER_READY, -1);
	if (code < 0)
		return error_set(err, code, "display: who started it is gone: %s", strerror(-code));
	while (turn(&keeper))
		;
	for (unsigned i = 0; i < CONFINE_SESSIONS; i++) {
		if (keeper.pids[i])
			kill(keeper.pids[i], SIGKILL);
	}
	return 0;
}
