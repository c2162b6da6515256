#include "vmm/storage/storage_daemon.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/descriptors.h"
#include "common/util.h"
#include "devmodel/virtio/vhost_user_message.h"
#include "vmm/storage/storage_child.h"
#include "vmm/storage/storage_probe.h"
#include "vmm/storage/storage_root.h"

#define START_MS 10000
#define END_MS   20
#define PLAN_MAX MIB(1)

struct keeper {
	cJSON *plan;
	const char *about;
	struct storage_socket socket;
	struct storage_child child;
	uint32_t number;     /* of the connection */
	uint64_t started_ms; /* the daemon of now, or the last one */
	uint64_t apart_ms;   /* from one start to the next */
	bool reconnect;
};

/* --- To the guest --- */

static void tell(const struct keeper *keeper, const char *why)
{
	char text[256];
	int len = snprintf(text, sizeof(text), "%s", why);

	(void)keeper;
	len = MIN(len, (int)sizeof(text) - 1);
	/* Four bytes would be a number. */
	if (len > (int)sizeof(uint32_t))
		send(STORAGE_CHANNEL_FD, text, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static int hand_over(struct keeper *keeper, int fd)
{
	struct iovec iov = {.iov_base = &keeper->number, .iov_len = sizeof(keeper->number)};
	ssize_t sent;

	keeper->number++;
	sent = descriptors_send(STORAGE_CHANNEL_FD, &iov, 1, &fd, 1, 0);
	return sent < 0 ? (int)sent : 0;
}

/* --- A daemon --- */

static int child_ended(struct keeper *keeper, struct error *err)
{
	storage_child_reap(&keeper->child);
	return error_set(err, -EIO, "%s", keeper->child.reason);
}

/* It serves when it answers a first question, which any front end may ask again. */
static int wait_alive(struct keeper *keeper, int connection, struct error *err)
{
	struct vhost_user_message question = {.header.type = VHOST_USER_GET_FEATURES};
	struct vhost_user_inbox inbox = {0};
	uint64_t until = monotonic_ms() + START_MS;
	int code = vhost_user_send(connection, &question, NULL, 0);

	while (code == 0) {
		struct pollfd wait[] = {{.fd = connection, .events = POLLIN},
					{.fd = keeper->child.pidfd, .events = POLLIN},
					{.fd = STORAGE_CHANNEL_FD}};
		uint64_t now = monotonic_ms();

		if (now >= until || poll(wait, ARRAY_SIZE(wait), (int)(until - now)) <= 0)
			return error_set(err, -ETIMEDOUT, "%s does not answer", keeper->child.program);
		if (wait[1].revents)
			return child_ended(keeper, err);
		if (wait[2].revents) /* with all its locks */
			return error_set(err, -EPIPE, "its guest is gone");
		code = vhost_user_receive(connection, &inbox);
	}
	return code == 1 ? 0
			 : error_set(err, code, "%s does not answer: %s", keeper->child.program,
				     strerror(-code));
}

static int export_argument(const struct keeper *keeper, char *text, size_t size)
{
	const cJSON *queues = cJSON_GetObjectItemCaseSensitive(keeper->plan, "queues");
	bool writable = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(keeper->plan, "writable"));

	return snprintf(
		text, size,
		"type=vhost-user-blk,id=disk,node-name=disk,writable=%s,num-queues=%d,addr.type=fd,addr.str=%d",
		writable ? "on" : "off", cJSON_IsNumber(queues) ? queues->valueint : 1, STORAGE_CHILD_SOCKET);
}

static void disk_arguments(const struct keeper *keeper, char *export, size_t size, char **argv)
{
	static char option[] = "--export";
	unsigned count = storage_arguments(keeper->plan, "serve", argv);

	export_argument(keeper, export, size);
	argv[count++] = option;
	argv[count++] = export;
	argv[count] = NULL;
}

static void program_arguments(const cJSON *program, char **argv)
{
	const cJSON *argument;
	unsigned count = 0;

	cJSON_ArrayForEach(argument, program)
	{
		if (cJSON_IsString(argument) && count + 1 < STORAGE_CHILD_ARGUMENTS)
			argv[count++] = argument->valuestring;
	}
	argv[count] = NULL;
}

static int daemon_start(struct keeper *keeper, struct error *err)
{
	const cJSON *program = cJSON_GetObjectItemCaseSensitive(keeper->plan, "program");
	bool owners = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(keeper->plan, "owners"));
	char *argv[STORAGE_CHILD_ARGUMENTS];
	char export[256];
	AUTO_CLOSE int connection = storage_socket_connect(&keeper->socket);
	int code;

	if (program)
		program_arguments(program, argv);
	else
		disk_arguments(keeper, export, sizeof(export), argv);
	keeper->started_ms = monotonic_ms();
	if (connection < 0)
		return error_set(err, connection, "cannot connect to it: %s", strerror(-connection));
	code = storage_child_start(&keeper->child, argv, keeper->socket.listener, owners, err);
	if (code == 0)
		code = wait_alive(keeper, connection, err);
	if (code == 0 && hand_over(keeper, connection) < 0)
		code = error_set(err, -EPIPE, "its guest is gone");
	if (code < 0)
		storage_child_kill(&keeper->child);
	return code;
}

/* One more; what it failed for is told, and it is tried again later. */
static void daemon_restart(struct keeper *keeper)
{
	struct error err;

	if (daemon_start(keeper, &err) < 0)
		tell(keeper, err.text);
}

/* --- Its life --- */

/* One that is about to end by itself, which the guest has seen first, has its own reason. */
static void put_down(struct keeper *keeper)
{
	struct pollfd end = {.fd = keeper->child.pidfd, .events = POLLIN};
	char why[128];

	if (poll(&end, 1, END_MS) > 0) {
		storage_child_reap(&keeper->child);
		tell(keeper, keeper->child.reason);
	} else {
		storage_child_kill(&keeper->child);
		snprintf(why, sizeof(why), "%s was ended, as the guest's process wanted",
			 keeper->child.program);
		tell(keeper, why);
	}
}

/* False: the guest is gone, or has no more use for it. */
static bool hear(struct keeper *keeper)
{
	uint32_t number = 0;
	ssize_t got = recv(STORAGE_CHANNEL_FD, &number, sizeof(number), MSG_DONTWAIT);

	if (got < 0)
		return errno == EAGAIN || errno == EINTR;
	if (got != sizeof(number))
		return false;
	if (number == keeper->number && keeper->child.pid > 0)
		put_down(keeper);
	return true;
}

static int time_to_start(const struct keeper *keeper)
{
	uint64_t at = keeper->started_ms + keeper->apart_ms, now = monotonic_ms();

	if (keeper->child.pid > 0)
		return -1;
	return now >= at ? 0 : (int)(at - now);
}

static void keep(struct keeper *keeper)
{
	for (;;) {
		struct pollfd wait[] = {
			{.fd = STORAGE_CHANNEL_FD, .events = POLLIN},
			{.fd = keeper->child.pid > 0 ? keeper->child.pidfd : -1, .events = POLLIN}};
		int count = poll(wait, 2, time_to_start(keeper));

		if (count > 0 && wait[1].revents) {
			storage_child_reap(&keeper->child);
			tell(keeper, keeper->child.reason);
		}
		if (count > 0 && wait[0].revents && !hear(keeper))
			break;
		if (keeper->child.pid > 0)
			continue;
		if (!keeper->reconnect)
			break;
		if (time_to_start(keeper) == 0)
			daemon_restart(keeper);
	}
	storage_child_end(&keeper->child);
}

/* --- The start --- */

static int plan_read(struct keeper *keeper, struct error *err)
{
	AUTO_CLOSE int fd = STORAGE_PLAN_FD;
	AUTO_FREE char *text = NULL;
	const cJSON *seconds;
	struct stat status;

	if (fstat(fd, &status) < 0 || status.st_size <= 0 || (uint64_t)status.st_size > PLAN_MAX ||
	    fcntl(STORAGE_CHANNEL_FD, F_SETFD, FD_CLOEXEC) < 0)
		return error_set(err, -EINVAL, STORAGE_DAEMON_COMMAND " is for the manager to start");
	text = calloc(1, (size_t)status.st_size + 1);
	if (!text || pread(fd, text, (size_t)status.st_size, 0) != status.st_size)
		return error_set(err, -ENOMEM, "cannot read what a disk's daemon is to do");
	keeper->plan = cJSON_Parse(text);
	keeper->about = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(keeper->plan, "about"));
	if (!keeper->about)
		return error_set(err, -EINVAL, STORAGE_DAEMON_COMMAND ": what it is to do makes no sense");
	seconds = cJSON_GetObjectItemCaseSensitive(keeper->plan, "seconds");
	keeper->apart_ms = cJSON_IsNumber(seconds) ? (uint64_t)seconds->valueint * 1000 : 1000;
	keeper->reconnect = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(keeper->plan, "reconnect"));
	return 0;
}

/* Raw images need no look: there is nothing in them that could be wrong. */
static bool needs_probe(const cJSON *plan)
{
	return cJSON_HasObjectItem(plan, "overlay") ||
	       cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(plan, "leaves")) > 0;
}

static int begin(struct keeper *keeper, struct error *err)
{
	int code = storage_root_enter(keeper->plan, &keeper->socket, err);

	if (code == 0 && needs_probe(keeper->plan))
		code = storage_probe(keeper->plan, err);
	if (code == 0)
		code = daemon_start(keeper, err);
	return code;
}

int storage_daemon_run(struct error *err)
{
	struct keeper keeper = {.socket.listener = -1};
	int code = plan_read(&keeper, err);

	prctl(PR_SET_NAME, STORAGE_DAEMON_COMMAND);
	signal(SIGPIPE, SIG_IGN);
	if (code == 0) {
		code = begin(&keeper, err);
		if (code < 0)
			tell(&keeper, err->text);
		else
			keep(&keeper);
	}
	storage_root_leave(keeper.plan, &keeper.socket);
	cJSON_Delete(keeper.plan);
	cleanup_close(&keeper.socket.listener);
	return code;
}
