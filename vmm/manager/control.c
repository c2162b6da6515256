#include "vmm/manager/control_client.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "vmm/manager/local_socket.h"

#define VIRTIO_PORTS    "/sys/class/virtio-ports"
#define ACCEPT_AGAIN_NS 200000000ULL /* when there was no descriptor for a client */

static void listener_ready(struct loop_source *source, uint32_t events)
{
	struct control *control = CONTAINER_OF(source, struct control, listener);
	int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	int code;

	(void)events;
	if (fd < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED))
		return;
	if (fd < 0) { /* no descriptor is free: whoever waits at the socket must not keep us busy meanwhile */
		log_limited(&control->turned_away, LOG_LEVEL_WARNING, "control: cannot take a client: %m");
		loop_modify(control->manager->loop, source, 0);
		loop_timer_set(&control->accept_again, ACCEPT_AGAIN_NS, 0);
		return;
	}
	code = control_client_add(control, fd, false);
	if (code < 0)
		log_limited(&control->turned_away, LOG_LEVEL_WARNING, "control: cannot take a client: %s",
			    strerror(-code));
}

static void accept_again(struct loop_timer *timer)
{
	struct control *control = CONTAINER_OF(timer, struct control, accept_again);

	loop_modify(control->manager->loop, &control->listener, EPOLLIN);
}

static int control_listen(struct control *control, struct error *err)
{
	int fd = local_socket_listen("control socket", control->path, &control->manager->local_group, false,
				     err);

	control->listener = (struct loop_source){.fd = fd, .events = EPOLLIN, .ready = listener_ready};
	if (fd < 0)
		return fd;
	if (loop_add(control->manager->loop, &control->listener) < 0 ||
	    loop_timer_init(control->manager->loop, &control->accept_again, accept_again) < 0)
		return error_set(err, -errno, "control socket %s: cannot listen: %m", control->path);
	return 0;
}

/* The device of the virtio port with our name, or false. */
static bool channel_find(char *path, size_t size)
{
	DIR *ports = opendir(VIRTIO_PORTS);
	const struct dirent *entry;
	bool found = false;

	if (!ports)
		return false;
	while (!found && (entry = readdir(ports))) {
		char name_path[512];
		char name[64] = "";
		AUTO_FCLOSE FILE *file = NULL;

		snprintf(name_path, sizeof(name_path), "%s/%s/name", VIRTIO_PORTS, entry->d_name);
		file = fopen(name_path, "re");
		if (!file || !fgets(name, sizeof(name), file))
			continue;
		name[strcspn(name, "\n")] = '\0';
		found = strcmp(name, CONTROL_CHANNEL) == 0;
		if (found)
			snprintf(path, size, "/dev/%s", entry->d_name);
	}
	closedir(ports);
	return found;
}

static void control_open_channel(struct control *control)
{
	char path[288];
	int code;
	int fd;

	if (!channel_find(path, sizeof(path)))
		return;
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	code = fd < 0 ? -errno : control_client_add(control, fd, true);
	if (code < 0)
		log_warning("control: cannot serve the virtio port %s: %s", path, strerror(-code));
}

int control_open(struct manager *manager, void (*down)(void *owner, bool poweroff), void *owner,
		 struct control **result, struct error *err)
{
	struct control *control = calloc(1, sizeof(*control));
	int code;

	if (!control)
		return error_set(err, -ENOMEM, "control socket: out of memory");
	*control = (struct control){
		.manager = manager,
		.listener.fd = -1,
		.accept_again.source.fd = -1,
	};
	operations_init(&control->operations, manager, down, owner);
	control->path = settings_control_socket(manager->settings);
	code = control->path ? control_listen(control, err)
			     : error_set(err, -ENOMEM, "control socket: out of memory");
	if (code < 0) {
		control_close(control);
		return code;
	}
	control_open_channel(control);
	*result = control;
	return 0;
}

void control_deafen(struct control *control)
{
	if (control->listener.fd < 0)
		return;
	loop_remove(control->manager->loop, &control->listener);
	close(control->listener.fd);
	control->listener.fd = -1;
	unlink(control->path);
}

void control_close(struct control *control)
{
	if (!control)
		return;
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		if (control->clients[i])
			control_client_close(control->clients[i]);
	}
	control_deafen(control);
	loop_timer_close(control->manager->loop, &control->accept_again);
	free(control->path);
	free(control);
}

struct operations *control_operations(struct control *control)
{
	return &control->operations;
}

void control_down(struct control *control, unsigned timeout_s, bool force)
{
	manager_down(control->manager, timeout_s, force);
}
