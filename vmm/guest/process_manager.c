#include "vmm/guest/process_state.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "vmm/guest/device_messages.h"
#include "vmm/guest/display_link.h"

/* --- What it is told --- */

static void add_channels(const struct guest_process *process, cJSON *message)
{
	const struct channel_definitions *channels = &process->config->definition->channels;
	cJSON *array = channels->count ? cJSON_AddArrayToObject(message, "channels") : NULL;

	for (unsigned i = 0; i < channels->count; i++)
		cJSON_AddItemToArray(array, cJSON_CreateBool(machine_channel_open(process->machine, i)));
}

/* What the guest has of its memory, where that can change. */
static void add_memory(const struct guest_process *process, cJSON *message)
{
	struct machine_memory memory;
	cJSON *object;

	machine_memory_read(process->machine, &memory);
	if (!memory.changes)
		return;
	object = cJSON_AddObjectToObject(message, "memory");
	cJSON_AddBoolToObject(object, "driver", memory.driver);
	cJSON_AddNumberToObject(object, "bytes", (double)memory.bytes);
}

static cJSON *state_json(struct guest_process *process)
{
	char text[BOOT_REPORT_TEXT_MAX];
	struct boot_report report;
	cJSON *message = cJSON_CreateObject();

	boot_recorder_read(process->config->recorder, &report);
	boot_report_to_text(&report, text);
	cJSON_AddStringToObject(message, "event", "state");
	cJSON_AddStringToObject(message, "report", text);
	cJSON_AddStringToObject(message, "status", process->status);
	cJSON_AddBoolToObject(message, "paused", process->paused);
	if (process->halted[0])
		cJSON_AddStringToObject(message, "halted", process->halted);
	if (machine_has_hotplug(process->machine))
		cJSON_AddItemToObject(message, "devices", device_list(process->machine));
	if (machine_vcpus(process->machine))
		cJSON_AddNumberToObject(message, "vcpus", machine_vcpus(process->machine));
	add_channels(process, message);
	if (process->config->definition->graphics.present)
		cJSON_AddBoolToObject(message, "display", display_link_is_open(process->display));
	add_memory(process, message);
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

void process_state_changed(struct guest_process *process)
{
	process->untold = true;
	tell_state(process);
}

void process_state_changes(struct guest_process *process)
{
	process->untold = true;
	if (process->control.fd >= 0) /* which has room now, or when it has */
		loop_modify(&process->loop, &process->control, EPOLLIN | EPOLLOUT);
}

/* --- The connection --- */

/* The guest goes on: the next manager will come. */
static void manager_gone(struct guest_process *process)
{
	if (process->control.fd < 0)
		return;
	loop_remove(&process->loop, &process->control);
	cleanup_close(&process->spare);
	process->spare = TAKE_FD(process->control.fd);
}

static void control_ready(struct loop_source *source, uint32_t events)
{
	struct guest_process *process = CONTAINER_OF(source, struct guest_process, control);
	char text[GUEST_MESSAGE_MAX];
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(GUEST_MESSAGE_FDS * sizeof(int))];
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
	process->more_count = 0;
	if (cmsg && cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS) {
		process->more_count = (unsigned)((cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int)) - 1;
		memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
		memcpy(process->more, CMSG_DATA(cmsg) + sizeof(fd), process->more_count * sizeof(int));
	}
	message = cJSON_ParseWithLength(text, (size_t)got);
	process_asked(process, message, fd);
	while (process->more_count > 0)
		close(process->more[--process->more_count]);
	cJSON_Delete(message);
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
		process_state_changed(process);
}

int process_watch_manager(struct guest_process *process, struct error *err)
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
