#include "vmm/guest/process_state.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/util.h"
#include "vmm/guest/device_messages.h"

/* One that cannot be told now is not told: the manager does not wait for it for long. message: taken over. */
static void tell(const struct guest_process *process, cJSON *message)
{
	AUTO_FREE char *text = cJSON_PrintUnformatted(message);

	cJSON_Delete(message);
	if (text && send(process->control.fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		log_debug("guest %s: the manager does not listen: %m", process->config->definition->name);
}

void process_tell_event(const struct guest_process *process, const char *event)
{
	cJSON *message = cJSON_CreateObject();

	cJSON_AddStringToObject(message, "event", event);
	tell(process, message);
}

/* --- With a descriptor, which is taken over --- */

static void take_broker(struct guest_process *process, const cJSON *message, int fd)
{
	(void)message;
	cleanup_close(&process->broker);
	process->broker = fd;
}

static void take_errors(struct guest_process *process, const cJSON *message, int fd)
{
	(void)process, (void)message;
	dup3(fd, STDERR_FILENO, O_CLOEXEC); /* which cannot fail: both are open */
	close(fd);
}

static void add_console(struct guest_process *process, const cJSON *message, int fd)
{
	const char *channel = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(message, "channel"));
	struct error err;

	if (!channel) {
		if (console_hub_add_client(process->console, fd, &err) < 0)
			log_warning("guest %s: %s", process->config->definition->name, err.text);
		return;
	}
	if (machine_connect_channel(process->machine, channel, fd, &err) < 0) {
		log_warning("guest %s: %s", process->config->definition->name, err.text);
		close(fd);
	}
}

/* A client's socket for a port of the guest. Who gets no answer there but its end knows why. */
static void connect_client(struct guest_process *process, const cJSON *message, int fd)
{
	const cJSON *port = cJSON_GetObjectItemCaseSensitive(message, "port");
	bool valid = cJSON_IsNumber(port) && port->valuedouble >= 0 && port->valuedouble < UINT32_MAX;

	if (!valid || machine_vsock_connect(process->machine, fd, (uint32_t)port->valuedouble) < 0)
		close(fd);
}

/* --- Devices --- */

static void device_answered(struct guest_process *process, const cJSON *asked, int code,
			    const struct error *err)
{
	cJSON *message;

	if (code == 0) {
		process_state_changed(process);
		return;
	}
	message = cJSON_CreateObject();
	cJSON_AddStringToObject(message, "event", "device-refused");
	cJSON_AddStringToObject(message, "device", device_message_id(asked));
	cJSON_AddStringToObject(message, "why", err->text);
	tell(process, message);
}

static void add_device(struct guest_process *process, const cJSON *message, int fd)
{
	struct error err;

	struct device_fds fds = {.first = fd, .more = process->more, .more_count = process->more_count};

	process->more_count = 0; /* taken over */
	device_answered(process, message, device_add(process->machine, message, &fds, &err), &err);
}

static void remove_device(struct guest_process *process, const cJSON *message, int fd)
{
	struct error err;

	(void)fd;
	device_answered(process, message, device_remove(process->machine, message, &err), &err);
}

static void set_link(struct guest_process *process, const cJSON *message, int fd)
{
	struct error err;

	(void)fd;
	if (device_set_link(process->machine, message, &err) < 0)
		log_warning("%s", err.text);
}

static void set_bandwidth(struct guest_process *process, const cJSON *message, int fd)
{
	struct error err;

	(void)fd;
	if (device_set_bandwidth(process->machine, message, &err) < 0)
		log_warning("%s", err.text);
}

static void resize_disk(struct guest_process *process, const cJSON *message, int fd)
{
	struct error err;

	(void)fd;
	if (device_resize(process->machine, message, &err) < 0)
		log_warning("%s", err.text);
}

static void limit_disk(struct guest_process *process, const cJSON *message, int fd)
{
	struct error err;

	(void)fd;
	if (device_limit(process->machine, message, &err) < 0)
		log_warning("%s", err.text);
}

/* --- The machine --- */

static void press_power(struct guest_process *process, const cJSON *message, int fd)
{
	(void)message, (void)fd;
	machine_press_power(process->machine);
}

static void ctrl_alt_del(struct guest_process *process, const cJSON *message, int fd)
{
	(void)message, (void)fd;
	machine_ctrl_alt_del(process->machine);
}

static void stop(struct guest_process *process, const cJSON *message, int fd)
{
	(void)message, (void)fd;
	machine_stop(process->machine);
}

static void pause_guest(struct guest_process *process, const cJSON *message, int fd)
{
	(void)message, (void)fd;
	process_pause(process, true);
}

static void resume_guest(struct guest_process *process, const cJSON *message, int fd)
{
	(void)message, (void)fd;
	process_pause(process, false);
}

static void tell_state(struct guest_process *process, const cJSON *asked, int fd)
{
	(void)asked, (void)fd;
	process_state_changed(process);
}

static void tell_counters(struct guest_process *process, const cJSON *asked, int fd)
{
	struct machine_counters counters;
	cJSON *message = cJSON_CreateObject();

	(void)asked, (void)fd;
	machine_count(process->machine, &counters);
	cJSON_AddStringToObject(message, "event", "counters");
	cJSON_AddItemToObject(message, "counters", counters_to_json(&counters));
	tell(process, message);
}

/* False: it is none from 1 to max. */
static bool number_of(const cJSON *message, const char *key, double max, uint64_t *number)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(message, key);

	if (!cJSON_IsNumber(item) || item->valuedouble < 1 || item->valuedouble > max)
		return false;
	*number = (uint64_t)item->valuedouble;
	return true;
}

static void resize_console(struct guest_process *process, const cJSON *message, int fd)
{
	uint64_t columns, rows;

	(void)fd;
	if (number_of(message, "columns", UINT16_MAX, &columns) &&
	    number_of(message, "rows", UINT16_MAX, &rows))
		machine_resize_console(process->machine, (uint16_t)columns, (uint16_t)rows);
}

static void set_memory(struct guest_process *process, const cJSON *message, int fd)
{
	struct error err;
	uint64_t mib;

	(void)fd;
	if (number_of(message, "memory_mib", WANTS_MEMORY_MAX, &mib) &&
	    machine_set_memory(process->machine, mib, &err) < 0)
		log_warning("%s", err.text);
}

static void set_vcpus(struct guest_process *process, const cJSON *message, int fd)
{
	struct error err;
	uint64_t count;

	(void)fd;
	if (!number_of(message, "vcpus", WANTS_VCPUS_MAX, &count))
		return;
	if (machine_set_vcpus(process->machine, (unsigned)count, &err) < 0)
		process_vcpus_set(process, err.text);
}

void process_vcpus_set(void *owner, const char *why)
{
	struct guest_process *process = owner;
	cJSON *message = cJSON_CreateObject();

	cJSON_AddStringToObject(message, "event", "vcpus-set");
	cJSON_AddNumberToObject(message, "vcpus", machine_vcpus(process->machine));
	cJSON_AddStringToObject(message, "why", why ? why : "");
	tell(process, message);
	process_state_changed(process);
}

/* --- All of it --- */

struct request {
	const char *op;
	/* NEEDED: fd is there; ALLOWED: it may be -1; NONE: it is -1. */
	enum { FD_NONE, FD_NEEDED, FD_ALLOWED } descriptor;
	void (*carry_out)(struct guest_process *process, const cJSON *message, int fd);
};

static const struct request requests[] = {
	{"broker", FD_NEEDED, take_broker},
	{"console", FD_NEEDED, add_console},
	{"console-resize", FD_NONE, resize_console},
	{"counters", FD_NONE, tell_counters},
	{"ctrl-alt-del", FD_NONE, ctrl_alt_del},
	{"device-add", FD_ALLOWED, add_device},
	{"device-bandwidth", FD_NONE, set_bandwidth},
	{"device-limit", FD_NONE, limit_disk},
	{"device-link", FD_NONE, set_link},
	{"device-remove", FD_NONE, remove_device},
	{"device-resize", FD_NONE, resize_disk},
	{"display", FD_NEEDED, process_take_display},
	{"errors", FD_NEEDED, take_errors},
	{"memory-set", FD_NONE, set_memory},
	{"pause", FD_NONE, pause_guest},
	{"press-power", FD_NONE, press_power},
	{"resume", FD_NONE, resume_guest},
	{"state", FD_NONE, tell_state},
	{"screenshot", FD_NEEDED, process_take_screenshot},
	{"send-key", FD_NONE, process_send_key},
	{"stop", FD_NONE, stop},
	{"vcpus-set", FD_NONE, set_vcpus},
	{"vsock", FD_NEEDED, connect_client},
};

static const struct request *request_find(const char *op)
{
	for (unsigned i = 0; i < ARRAY_SIZE(requests); i++) {
		if (strcmp(op, requests[i].op) == 0)
			return &requests[i];
	}
	return NULL;
}

void process_asked(struct guest_process *process, const cJSON *message, int fd)
{
	const char *op = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(message, "op"));
	const struct request *request = request_find(op ? op : "");

	if (fd >= 0 && (!request || request->descriptor == FD_NONE))
		close(TAKE_FD(fd));
	if (!request || (request->descriptor == FD_NEEDED && fd < 0))
		log_warning("guest %s: the manager asks \"%s\", which %s", process->config->definition->name,
			    op ? op : "", request ? "needs a descriptor" : "is unknown");
	else
		request->carry_out(process, message, fd);
}
