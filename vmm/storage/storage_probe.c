#include "vmm/storage/storage_probe.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/util.h"
#include "vmm/storage/storage_child.h"
#include "vmm/storage/storage_daemon.h"

#define PROBE_MS        20000
#define END_MS          2000
#define OVERLAY_LOOK_MS 5
#define ANSWER_MAX      MIB(1)

struct monitor {
	struct storage_child child;
	int socket;
	uint64_t until;
	char *text; /* ANSWER_MAX bytes */
	size_t have;
	struct error *err;
};

static char *argument(const char *text)
{
	return (char *)(uintptr_t)text; /* exec does not write to it */
}

unsigned storage_arguments(const cJSON *plan, const char *list, char **argv)
{
	const cJSON *node;
	unsigned count = 0;

	argv[count++] = argument("qemu-storage-daemon");
	if (cJSON_GetObjectItemCaseSensitive(plan, "secret")) {
		argv[count++] = argument("--object");
		argv[count++] = argument("secret,id=key,file=/key");
	}
	cJSON_ArrayForEach(node, cJSON_GetObjectItemCaseSensitive(plan, list))
	{
		if (!cJSON_IsString(node) || count + 8 > STORAGE_CHILD_ARGUMENTS)
			break;
		argv[count++] = argument("--blockdev");
		argv[count++] = node->valuestring;
	}
	return count;
}

/* --- The dialogue --- */

static int monitor_wait(struct monitor *monitor)
{
	struct pollfd wait[] = {{.fd = monitor->socket, .events = POLLIN}, {.fd = STORAGE_CHANNEL_FD}};
	uint64_t now = monotonic_ms();

	if (now >= monitor->until || poll(wait, 2, (int)(monitor->until - now)) <= 0)
		return error_set(monitor->err, -ETIMEDOUT, "qemu-storage-daemon does not answer");
	if (wait[1].revents)
		return error_set(monitor->err, -EPIPE, "its guest is gone");
	return 0;
}

/* It has hung up, and is about to end. */
static int monitor_ended(struct monitor *monitor)
{
	struct pollfd wait = {.fd = monitor->child.pidfd, .events = POLLIN};

	if (poll(&wait, 1, END_MS) <= 0)
		return error_set(monitor->err, -EIO, "qemu-storage-daemon hangs up");
	storage_child_reap(&monitor->child);
	return error_set(monitor->err, -EIO, "%s", monitor->child.reason);
}

/* The next line as JSON; the caller frees it. */
static int monitor_read(struct monitor *monitor, cJSON **message)
{
	for (;;) {
		char *end = memchr(monitor->text, '\n', monitor->have);
		ssize_t got;
		int code;

		if (end) {
			size_t len = (size_t)(end - monitor->text) + 1;

			*message = cJSON_ParseWithLength(monitor->text, len);
			memmove(monitor->text, end + 1, monitor->have - len);
			monitor->have -= len;
			return *message
				       ? 0
				       : error_set(monitor->err, -EPROTO, "qemu-storage-daemon says no JSON");
		}
		if (monitor->have == ANSWER_MAX)
			return error_set(monitor->err, -EMSGSIZE, "qemu-storage-daemon says too much");
		code = monitor_wait(monitor);
		if (code < 0)
			return code;
		got = recv(monitor->socket, monitor->text + monitor->have, ANSWER_MAX - monitor->have,
			   MSG_DONTWAIT);
		if (got > 0)
			monitor->have += (size_t)got;
		else if (got == 0 || errno != EAGAIN)
			return monitor_ended(monitor);
	}
}

static int monitor_refusal(const struct monitor *monitor, const cJSON *error)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(error, "desc"));

	return error_set(monitor->err, -EIO, "%s", text ? text : "qemu-storage-daemon refuses a command");
}

/* The answer to a command; events are passed over. */
static int monitor_ask(struct monitor *monitor, const char *command, cJSON **answer)
{
	size_t len = strlen(command);
	int code = 0;

	*answer = NULL;
	if (send(monitor->socket, command, len, MSG_NOSIGNAL) != (ssize_t)len)
		return error_set(monitor->err, -EIO, "qemu-storage-daemon does not listen");
	while (code == 0) {
		cJSON *message = NULL;
		const cJSON *error;

		code = monitor_read(monitor, &message);
		error = cJSON_GetObjectItemCaseSensitive(message, "error");
		if (error)
			code = monitor_refusal(monitor, error);
		if (code == 0 && cJSON_HasObjectItem(message, "return")) {
			*answer = message;
			return 0;
		}
		cJSON_Delete(message);
	}
	return code;
}

static int monitor_do(struct monitor *monitor, const char *command)
{
	cJSON *answer;
	int code = monitor_ask(monitor, command, &answer);

	cJSON_Delete(answer);
	return code;
}

/* --- What is looked at --- */

static const char *text_of(const cJSON *object, const char *key)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

static const cJSON *node_image(const cJSON *nodes, const char *name)
{
	const cJSON *node;

	cJSON_ArrayForEach(node, nodes)
	{
		const char *its = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(node, "node-name"));

		if (its && strcmp(its, name) == 0)
			return cJSON_GetObjectItemCaseSensitive(node, "image");
	}
	return NULL;
}

/* Names out of the image are not repeated: it may be hostile. */
static int check_leaf(const struct monitor *monitor, const cJSON *image)
{
	if (cJSON_HasObjectItem(image, "backing-filename"))
		return error_set(
			monitor->err, -EINVAL,
			"its image wants another one behind it: name that one as \"backing\" in the definition");
	return 0;
}

static bool is_in_other_files(const cJSON *image)
{
	const cJSON *specific = cJSON_GetObjectItemCaseSensitive(
		cJSON_GetObjectItemCaseSensitive(image, "format-specific"), "data");
	const char *own = text_of(image, "filename");
	const cJSON *extent;

	cJSON_ArrayForEach(extent, cJSON_GetObjectItemCaseSensitive(specific, "extents")) /* VMDK */
	{
		const char *its = text_of(extent, "filename");

		if (!own || !its || strcmp(its, own) != 0)
			return true;
	}
	return cJSON_HasObjectItem(specific, "data-file"); /* qcow2 */
}

/* Of each image: what is behind one is ours to say, where its data are is not. */
static int check_data(const struct monitor *monitor, const cJSON *image)
{
	if (is_in_other_files(image))
		return error_set(monitor->err, -EINVAL,
				 "its image has its data in another file, which is not possible");
	return 0;
}

static int check_nodes(const struct monitor *monitor, const cJSON *plan, const cJSON *nodes)
{
	const cJSON *leaf, *node;
	int code = 0;

	cJSON_ArrayForEach(node, nodes)
	{
		if (code == 0)
			code = check_data(monitor, cJSON_GetObjectItemCaseSensitive(node, "image"));
	}
	cJSON_ArrayForEach(leaf, cJSON_GetObjectItemCaseSensitive(plan, "leaves"))
	{
		if (code == 0 && cJSON_IsString(leaf))
			code = check_leaf(monitor, node_image(nodes, leaf->valuestring));
	}
	return code;
}

/* --- The overlay --- */

/* 1: it is made; 0: not yet. */
static int overlay_look(struct monitor *monitor)
{
	const cJSON *job;
	const char *status, *error;
	cJSON *answer;
	int code = monitor_ask(monitor, "{\"execute\":\"query-jobs\"}\n", &answer);

	if (code < 0)
		return code;
	job = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(answer, "return"), 0);
	status = text_of(job, "status");
	error = text_of(job, "error");
	if (error)
		code = error_set(monitor->err, -EIO, "its overlay cannot be made: %s", error);
	else if (!status)
		code = error_set(monitor->err, -EIO, "its overlay cannot be made");
	else
		code = strcmp(status, "concluded") == 0;
	cJSON_Delete(answer);
	return code;
}

static int overlay_wait(struct monitor *monitor)
{
	int code;

	while ((code = overlay_look(monitor)) == 0) {
		if (monotonic_ms() > monitor->until)
			return error_set(monitor->err, -ETIMEDOUT, "its overlay is not made in time");
		poll(NULL, 0, OVERLAY_LOOK_MS);
	}
	return MIN(code, 0);
}

static int overlay_make(struct monitor *monitor, const char *file, const cJSON *nodes)
{
	const cJSON *size = cJSON_GetObjectItemCaseSensitive(node_image(nodes, "base"), "virtual-size");
	char command[256];
	cJSON *answer;
	int code;

	if (!cJSON_IsNumber(size) || size->valuedouble < 1 || size->valuedouble > 9e15)
		return error_set(monitor->err, -EINVAL, "its size is not known");
	snprintf(
		command, sizeof(command),
		"{\"execute\":\"blockdev-create\",\"arguments\":{\"job-id\":\"overlay\",\"options\":{\"driver\":\"qcow2\","
		"\"file\":\"%s\",\"size\":%.0f}}}\n",
		file, size->valuedouble);
	code = monitor_ask(monitor, command, &answer);
	cJSON_Delete(answer);
	return code < 0 ? code : overlay_wait(monitor);
}

static int look(struct monitor *monitor, const cJSON *plan)
{
	const char *overlay = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(plan, "overlay"));
	const cJSON *nodes;
	cJSON *greeting = NULL, *answer = NULL;
	int code = monitor_read(monitor, &greeting);

	cJSON_Delete(greeting);
	if (code == 0)
		code = monitor_do(monitor, "{\"execute\":\"qmp_capabilities\"}\n");
	if (code == 0)
		code = monitor_ask(
			monitor, "{\"execute\":\"query-named-block-nodes\",\"arguments\":{\"flat\":true}}\n",
			&answer);
	nodes = cJSON_GetObjectItemCaseSensitive(answer, "return");
	if (code == 0)
		code = check_nodes(monitor, plan, nodes);
	if (code == 0 && overlay)
		code = overlay_make(monitor, overlay, nodes);
	cJSON_Delete(answer);
	return code;
}

int storage_probe(const cJSON *plan, struct error *err)
{
	AUTO_FREE char *text = malloc(ANSWER_MAX);
	struct monitor monitor = {.until = monotonic_ms() + PROBE_MS, .text = text, .err = err};
	char *argv[STORAGE_CHILD_ARGUMENTS];
	unsigned count = storage_arguments(plan, "probe", argv);
	int ends[2];
	int code;

	argv[count++] = argument("--chardev");
	argv[count++] = argument("socket,id=monitor,fd=3"); /* STORAGE_CHILD_SOCKET */
	argv[count++] = argument("--monitor");
	argv[count++] = argument("chardev=monitor");
	argv[count] = NULL;
	if (!text || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return error_set(err, -ENOMEM, "out of memory");
	monitor.socket = ends[0];
	code = storage_child_start(&monitor.child, argv, ends[1], false, err);
	close(ends[1]);
	if (code == 0)
		code = look(&monitor, plan);
	close(ends[0]);
	if (code == -EPIPE)
		storage_child_kill(&monitor.child);
	storage_child_end(&monitor.child);
	return code;
}
