#include "vmm/guest/process_state.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "vmm/guest/device_messages.h"

/* One that cannot be told now is not told: the manager does not wait for it for long. */
static void tell_counters(struct guest_process *process)
{
	AUTO_FREE char *text = NULL;
	struct machine_counters counters;
	cJSON *message = cJSON_CreateObject();

	machine_count(process->machine, &counters);
	cJSON_AddStringToObject(message, "event", "counters");
	cJSON_AddItemToObject(message, "counters", counters_to_json(&counters));
	text = cJSON_PrintUnformatted(message);
	cJSON_Delete(message);
	if (text && send(process->control.fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		log_debug("guest %s: the manager does not listen: %m", process->config->definition->name);
}

/* A client's socket for a port of the guest. Who gets no answer there but its end knows why. */
static void connect_client(struct guest_process *process, const cJSON *message, int fd)
{
	const cJSON *port = cJSON_GetObjectItemCaseSensitive(message, "port");
	bool valid = cJSON_IsNumber(port) && port->valuedouble >= 0 && port->valuedouble < UINT32_MAX;

	if (!valid || !process->machine ||
	    machine_vsock_connect(process->machine, fd, (uint32_t)port->valuedouble) < 0)
		close(fd);
}

static void refuse_device(struct guest_process *process, const cJSON *asked, const char *why)
{
	cJSON *message = cJSON_CreateObject();
	AUTO_FREE char *text = NULL;

	cJSON_AddStringToObject(message, "event", "device-refused");
	cJSON_AddStringToObject(message, "device", device_message_id(asked));
	cJSON_AddStringToObject(message, "why", why);
	text = cJSON_PrintUnformatted(message);
	cJSON_Delete(message);
	if (text && send(process->control.fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		log_debug("guest %s: the manager does not listen: %m", process->config->definition->name);
}

/* A device is to come (fd is its descriptor; taken over) or to go. */
static void change_devices(struct guest_process *process, const cJSON *message, bool add, int fd)
{
	struct error err;
	int code = add ? device_add(process->machine, message, fd, &err)
		       : device_remove(process->machine, message, &err);

	if (code < 0)
		refuse_device(process, message, err.text);
	else
		process_state_changed(process);
}

void process_asked(struct guest_process *process, const cJSON *message, int fd)
{
	const cJSON *op = cJSON_GetObjectItemCaseSensitive(message, "op");
	const char *word = cJSON_IsString(op) ? op->valuestring : "";
	struct error err;

	if (strcmp(word, "broker") == 0 && fd >= 0) {
		cleanup_close(&process->broker);
		process->broker = fd;
		return;
	}
	if (strcmp(word, "errors") == 0 && fd >= 0) {
		dup3(fd, STDERR_FILENO, O_CLOEXEC); /* which cannot fail: both are open */
		close(fd);
		return;
	}
	if (strcmp(word, "console") == 0 && fd >= 0) {
		if (console_hub_add_client(process->console, fd, &err) < 0)
			log_warning("guest %s: %s", process->config->definition->name, err.text);
		return;
	}
	if (strcmp(word, "vsock") == 0 && fd >= 0) {
		connect_client(process, message, fd);
		return;
	}
	if (strcmp(word, "device-add") == 0) {
		change_devices(process, message, true, fd);
		return;
	}
	if (fd >= 0)
		close(fd);
	if (strcmp(word, "press-power") == 0)
		machine_press_power(process->machine);
	else if (strcmp(word, "ctrl-alt-del") == 0)
		machine_ctrl_alt_del(process->machine);
	else if (strcmp(word, "stop") == 0)
		machine_stop(process->machine);
	else if (strcmp(word, "device-remove") == 0)
		change_devices(process, message, false, -1);
	else if (strcmp(word, "device-link") == 0 && device_set_link(process->machine, message, &err) < 0)
		log_warning("%s", err.text);
	else if (strcmp(word, "device-link") == 0)
		return;
	else if (strcmp(word, "counters") == 0)
		tell_counters(process);
	else if (strcmp(word, "pause") == 0 || strcmp(word, "resume") == 0)
		process_pause(process, strcmp(word, "pause") == 0);
	else
		log_warning("guest %s: the manager asks \"%s\", which is unknown",
			    process->config->definition->name, word);
}
