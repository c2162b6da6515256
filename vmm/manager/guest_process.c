/* A guest's process as the manager sees it: its messages, its end; and how the next manager finds it. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/descriptors.h"
#include "common/log.h"
#include "common/util.h"
#include "vmm/config/file.h"
#include "vmm/config/json_memory.h"
#include "vmm/guest/last_words.h"
#include "vmm/guest/process.h"
#include "vmm/manager/guest.h"
#include "vmm/manager/guest_display.h"
#include "vmm/manager/guest_hotplug.h"
#include "vmm/manager/guest_jail.h"
#include "vmm/manager/guest_vcpus.h"
#include "vmm/manager/guest_words.h"
#include "vmm/manager/manager.h"

#define MESSAGES_MAX 16 /* of one guest process, in a moment (manager_hears) */

/* --- Messages --- */

_Static_assert(GUEST_MESSAGE_FDS <= DESCRIPTORS_MAX, "they go with one message");

/* Sends text, with so many descriptors. */
static int tell(struct managed_guest *guest, char *text, const int *fds, unsigned count, struct error *err)
{
	struct iovec iov = {.iov_base = text, .iov_len = strlen(text)};
	ssize_t sent;

	if (guest->control.fd < 0)
		return error_set(err, -ENOTCONN, "guest %s: its process does not listen",
				 guest->definition->name);
	sent = descriptors_send(guest->control.fd, &iov, 1, fds, count, MSG_DONTWAIT);
	return sent < 0 ? error_set(err, (int)sent, "guest %s: its process does not answer: %s",
				    guest->definition->name, strerror((int)-sent))
			: 0;
}

int guest_process_tell(struct managed_guest *guest, const char *op, int fd, struct error *err)
{
	char text[64];

	snprintf(text, sizeof(text), "{\"op\":\"%s\"}", op);
	return tell(guest, text, &fd, fd >= 0, err);
}

int guest_process_say(struct managed_guest *guest, const cJSON *message, const int *fds, unsigned count,
		      struct error *err)
{
	AUTO_FREE char *text = cJSON_PrintUnformatted(message);

	if (!text)
		return error_set(err, -ENOMEM, "guest %s: out of memory", guest->definition->name);
	return tell(guest, text, fds, count, err);
}

int guest_process_connect(struct managed_guest *guest, uint32_t port, int fd, struct error *err)
{
	char text[64];

	snprintf(text, sizeof(text), "{\"op\":\"vsock\",\"port\":%u}", port);
	return tell(guest, text, &fd, 1, err);
}

/* The guest may have taken its process over: a message says nothing about others, whatever it holds. */
static void take_message(struct managed_guest *guest, const struct guest_message *message)
{
	switch (message->kind) {
	case GUEST_SAYS_COUNTERS:
		guest->counters = message->counters;
		guest_cards_count(guest);
		guest->counters_asked = false;
		manager_changed(guest->manager);
		break;
	case GUEST_SAYS_STATE:
		guest->report = message->report;
		memcpy(guest->status, message->status, sizeof(guest->status));
		guest->told_paused = message->paused;
		memcpy(guest->told_halted, message->halted, sizeof(guest->told_halted));
		guest->devices = message->devices;
		guest->channels_open = message->channels_open;
		guest->told_display = message->display;
		guest_vcpus_heard(guest, message->vcpus);
		/* First: who waits for its memory must not hear that it runs and has no driver. */
		memory_share_heard(guest, message->memory_driver, message->memory_bytes);
		guest_heard(guest);
		guest_hotplug_heard(guest);
		guest_display_heard(guest);
		break;
	case GUEST_SAYS_VCPUS:
		guest_vcpus_set(guest, message->vcpus, message->why);
		break;
	case GUEST_SAYS_WATCHDOG:
		guest_watchdog_expired(guest);
		break;
	case GUEST_SAYS_NO:
		memcpy(guest->refused_device, message->device, sizeof(guest->refused_device));
		memcpy(guest->refused_why, message->why, sizeof(guest->refused_why));
		guest_hotplug_heard(guest);
		break;
	case GUEST_SAYS_NOTHING:
		break;
	}
}

/* A guest can make its process talk without end (STATUS=); one that has hung up has little more to say. */
static void control_ready(struct loop_source *source, uint32_t events)
{
	struct managed_guest *guest = CONTAINER_OF(source, struct managed_guest, control);
	char text[GUEST_MESSAGE_MAX];
	struct guest_message message;

	while (events & EPOLLHUP || manager_hears(guest->manager, source, &guest->talk, MESSAGES_MAX)) {
		ssize_t got = recv(source->fd, text, sizeof(text), MSG_DONTWAIT | MSG_PEEK);

		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (got <= 0) { /* its end comes through the pidfd */
			loop_remove(guest->manager->loop, source);
			return;
		}
		json_memory_missed();
		guest_message_parse(text, (size_t)got, guest->definition->name, &message);
		if (json_memory_missed() && !(events & EPOLLHUP)) { /* it may say READY, and says it once */
			manager_hush(guest->manager, source);
			return;
		}
		recv(source->fd, text, sizeof(text), MSG_DONTWAIT);
		take_message(guest, &message);
	}
}

/* --- Its end --- */

static void process_ready(struct loop_source *source, uint32_t events)
{
	struct managed_guest *guest = CONTAINER_OF(source, struct managed_guest, process);
	siginfo_t info = {0};

	(void)events;
	/* It is not our child when a former manager started it: the pidfd says that it has ended, and no
	 * more. */
	if (waitid(P_PIDFD, (id_t)source->fd, &info, WEXITED | WNOHANG) == 0 && info.si_pid == 0)
		return;
	guest_process_ended(guest, info.si_pid && info.si_code != CLD_EXITED ? info.si_status : 0);
}

static void no_last_words(struct managed_guest *guest)
{
	guest->end = guest->record.goal == GOAL_OFF ? MACHINE_KILLED : MACHINE_FAILED;
	snprintf(guest->why, sizeof(guest->why),
		 "guest %s: its process has ended, and there was no memory to read why",
		 guest->definition->name);
}

void guest_process_last_words(struct managed_guest *guest, char **registers)
{
	AUTO_FREE char *path = file_path_join(guest->folder, LAST_WORDS_NAME);
	AUTO_FREE char *text = NULL;
	struct guest_last_words words;
	int code;

	*registers = NULL;
	code = path ? last_words_read(path, &text) : -ENOMEM;
	if (code == -ENOMEM)
		no_last_words(guest);
	if (code < 0)
		return;
	json_memory_missed();
	guest_last_words_parse(text, guest->definition->name, &words);
	if (json_memory_missed()) {
		guest_last_words_free(&words);
		no_last_words(guest);
		return;
	}
	if (words.end == MACHINE_RUNNING)
		return;
	guest->end = words.end;
	memcpy(guest->why, words.why, sizeof(guest->why));
	guest->report = words.report;
	*registers = TAKE_PTR(words.registers);
	free(guest->console_tail);
	guest->console_tail = TAKE_PTR(words.console);
}

void guest_process_kill(struct managed_guest *guest)
{
	if (syscall(SYS_pidfd_send_signal, guest->process.fd, SIGKILL, NULL, 0) < 0 && errno != ESRCH)
		log_error("guest %s: cannot kill its process: %m", guest->definition->name);
}

void guest_process_release(struct managed_guest *guest)
{
	struct loop *loop = guest->manager->loop;

	if (guest->process.fd >= 0) {
		loop_remove(loop, &guest->process);
		close(guest->process.fd);
	}
	if (guest->control.fd >= 0) {
		loop_remove(loop, &guest->control);
		close(guest->control.fd);
	}
	guest->process.fd = guest->control.fd = -1;
	guest_broker_close(guest);
	guest_errors_close(guest);
}

void guest_process_forget(struct managed_guest *guest)
{
	guest_process_release(guest);
	for (unsigned i = 0; i < DEFINITION_NETWORKS_MAX; i++)
		passt_stop(&guest->passt[i]);
	guest_process_leave(guest, DISK_BACKEND_LEAVE_MS);
	guest_hotplug_end(guest);
	guest_display_end(guest);
	guest_vcpus_end(guest);
	guest->channels_open = 0;
	memory_share_end(guest);
	guest->record.process = (struct process_id){0};
	cJSON_Delete(TAKE_PTR(guest->record.definition));
	cJSON_Delete(TAKE_PTR(guest->record.numbers));
}

/* --- What goes after it --- */

static bool still_there(struct managed_guest *guest)
{
	bool there = false;

	for (unsigned i = 0; i < GUEST_BACKENDS_MAX; i++) {
		disk_backend_ended(&guest->backends[i]);
		there = there || guest->backends[i].pid > 0;
	}
	return there;
}

void guest_process_leave(struct managed_guest *guest, unsigned patience_ms)
{
	guest->leaving = still_there(guest);
	for (unsigned i = 0; i < GUEST_BACKENDS_MAX && guest->leaving; i++)
		guest->backends[i].until_ms = monotonic_ms() + patience_ms;
	if (!guest->leaving) {
		guest_jail_close(guest);
		return;
	}
	guest_process_hurry(guest);
	manager_guest_leaves(guest);
}

void guest_process_hurry(struct managed_guest *guest)
{
	for (unsigned i = 0; i < GUEST_BACKENDS_MAX && guest->leaving; i++)
		disk_backend_hurry(&guest->backends[i]);
}

static void look_at_leaving(struct managed_guest *guest)
{
	if (!guest->leaving || still_there(guest))
		return;
	guest->leaving = false;
	guest_jail_close(guest); /* and no sooner: their cgroup is the guest's */
	guest_process_left(guest);
	manager_changed(guest->manager);
}

/* --- How it is watched --- */

int guest_process_address(const struct managed_guest *guest, struct sockaddr_un *address, struct error *err)
{
	int len = snprintf(address->sun_path, sizeof(address->sun_path), "%s/%s", guest->folder,
			   GUEST_LISTEN_NAME);

	address->sun_family = AF_UNIX;
	if (len < 0 || (size_t)len >= sizeof(address->sun_path))
		return error_set(err, -ENAMETOOLONG,
				 "guest %s: the path of its folder %s is too long for sockets",
				 guest->definition->name, guest->folder);
	return 0;
}

int guest_process_watch(struct managed_guest *guest, int pidfd, struct error *err)
{
	int code;

	guest->process = (struct loop_source){.fd = pidfd, .events = EPOLLIN, .ready = process_ready};
	code = guest->process.fd < 0 ? guest->process.fd : loop_add(guest->manager->loop, &guest->process);
	if (code == 0)
		return 0;
	guest_process_release(guest);
	return error_set(err, code, "guest %s: cannot watch its process: %s", guest->definition->name,
			 strerror(-code));
}

int guest_process_hear(struct managed_guest *guest, int fd, struct error *err)
{
	int code;

	guest->control = (struct loop_source){.fd = fd, .events = EPOLLIN, .ready = control_ready};
	code = loop_add(guest->manager->loop, &guest->control);
	if (code == 0)
		return 0;
	close(fd);
	guest->control.fd = -1;
	return error_set(err, code, "guest %s: cannot watch its process: %s", guest->definition->name,
			 strerror(-code));
}

void guest_process_reap(struct managed_guest *guest)
{
	still_there(guest); /* the guest's process knows what the end of a daemon means to its disk */
	for (unsigned i = 0; i < DEFINITION_NETWORKS_MAX; i++) {
		if (passt_ended(&guest->passt[i]))
			log_warning("guest %s: networks[%u]: passt has ended; the guest has no network there "
				    "until it is started again",
				    guest->definition->name, i);
	}
	look_at_leaving(guest);
}

/* --- How it is found again --- */

/* A guest that a former manager started had that one's broker. */
static int give_broker(struct managed_guest *guest, struct error *err)
{
	AUTO_CLOSE int theirs = -1;
	int code = guest_broker_open(guest, &theirs, err);

	return code < 0 ? code : guest_process_tell(guest, "broker", theirs, err);
}

/* And that one's pipe. */
static int give_errors(struct managed_guest *guest, struct error *err)
{
	AUTO_CLOSE int theirs = -1;
	int code = guest_errors_open(guest, &theirs, err);

	return code < 0 ? code : guest_process_tell(guest, "errors", theirs, err);
}

static int connect_to(const struct managed_guest *guest, struct error *err)
{
	/* One that does not accept must not hold us up. */
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address;
	int code = guest_process_address(guest, &address, err);

	if (code < 0)
		return code;
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return error_set(err, -errno, "guest %s: its process does not listen: %m",
				 guest->definition->name);
	return TAKE_FD(fd);
}

int guest_process_find(struct managed_guest *guest, struct error *err)
{
	int code = guest_process_watch(guest, process_id_open(&guest->record.process), err);
	int fd;

	if (code < 0)
		return code;
	fd = connect_to(guest, err);
	if (fd < 0 || guest_process_hear(guest, fd, err) < 0 || give_errors(guest, err) < 0 ||
	    give_broker(guest, err) < 0) {
		/* It runs all the same, and holds what it holds. */
		snprintf(guest->why, sizeof(guest->why), "%s", err->text);
		log_warning("%s", err->text);
	}
	return 0;
}
