#include "rinit/syslog.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "rinit/file.h"
#include "rinit/manager.h"
#include "rinit/service_run.h"
#include "rinit/syslog_parse.h"

#define GATHER_MS        20  /* lines for the provider */
#define RETRY_MS         100 /* until the provider listens */
#define FORWARD_TURN_MAX 64
#define SENDER_DEPTH_MAX 8
#define CRITICAL         2 /* syslog(3)'s severity: from here on the console shows it */

/* ---- from programs ---- */

/* The unit that the sender or one of its ancestors is the process of. */
static const struct unit *unit_of_sender(const struct manager *manager, pid_t pid)
{
	for (int depth = 0; pid > 1 && depth < SENDER_DEPTH_MAX; depth++, pid = process_parent(pid))
		for (size_t i = 0; i < manager->units.count; i++)
			if (manager->units.items[i]->run.pid == pid)
				return manager->units.items[i];
	return NULL;
}

/* Lines of one message; each becomes one of the log, the first one's tag theirs. */
static void message_write(const struct unit *unit, const char *data, size_t size)
{
	struct syslog_message message;
	const char *who;
	bool first = true;

	syslog_parse(data, size, &message);
	who = unit ? unit->config.name : *message.tag ? message.tag : "syslog";
	while (message.length) {
		const char *newline = memchr(message.text, '\n', message.length);
		size_t line = newline ? (size_t)(newline - message.text) : message.length;

		if (line)
			log_write_priority((message.priority & 7) <= CRITICAL ? LOG_WARNING : LOG_OUTPUT,
					   message.priority, first && *message.tag, who, message.text, line);
		first = false;
		line += newline != NULL;
		message.text += line;
		message.length -= line;
	}
}

/* A message's length, negative when there is none. */
static ssize_t message_receive(int fd, char *text, size_t size, pid_t *sender)
{
	union {
		struct cmsghdr header; /* aligns it */
		char space[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct iovec part = {.iov_base = text, .iov_len = size};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	ssize_t length = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	const struct cmsghdr *header = length >= 0 ? CMSG_FIRSTHDR(&message) : NULL;
	struct ucred credentials = {0};

	if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_CREDENTIALS)
		memcpy(&credentials, CMSG_DATA(header), sizeof(credentials));
	*sender = credentials.pid;
	return length;
}

static void window_over(struct loop_timer *timer)
{
	struct syslog *syslog = CONTAINER_OF(timer, struct syslog, window);

	syslog->taken = 0;
	if (syslog->paused && syslog->source.fd >= 0)
		loop_modify(syslog->loop, &syslog->source, EPOLLIN);
	syslog->paused = false;
}

static void messages_ready(struct loop_source *source, uint32_t events)
{
	struct syslog *syslog = CONTAINER_OF(source, struct syslog, source);
	const struct unit *unit = NULL;
	pid_t known = 0;
	(void)events;

	if (!syslog->window.armed)
		loop_timer_set(syslog->loop, &syslog->window, SYSLOG_WINDOW_MS);
	for (int i = 0; i < SYSLOG_TURN_MAX; i++) {
		char text[SYSLOG_MESSAGE_MAX];
		pid_t sender;
		ssize_t length = message_receive(source->fd, text, sizeof(text), &sender);

		if (length < 0)
			return;
		if (sender != known) /* a flood is looked up once a turn */
			unit = unit_of_sender(syslog->manager, sender);
		known = sender;
		message_write(unit, text, (size_t)length);
		syslog->taken++;
	}
	if (syslog->taken >= SYSLOG_WINDOW_MAX) {
		syslog->paused = true;
		loop_modify(syslog->loop, source, 0);
	}
}

static int path_take(struct syslog *syslog)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = SYSLOG_PATH};
	AUTO_CLOSE int fd = -1;
	int on = 1;

	if (syslog->source.fd >= 0)
		return 0;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	unlink(address.sun_path);
	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) || chmod(address.sun_path, 0666))
		return -errno;
	syslog->source = (struct loop_source){.fd = TAKE_FD(fd), .ready = messages_ready};
	syslog->paused = false;
	return loop_add(syslog->loop, &syslog->source, EPOLLIN);
}

/* What has been sent already is still read. */
static void path_give_up(struct syslog *syslog)
{
	if (syslog->source.fd < 0)
		return;
	unlink(SYSLOG_PATH);
	messages_ready(&syslog->source, EPOLLIN);
	loop_remove(syslog->loop, &syslog->source);
	close(syslog->source.fd);
	syslog->source.fd = -1;
}

/* ---- to the unit that is the logger ---- */

size_t syslog_format(const struct log_entry *entry, uint64_t time_of_day_ms, char *text, size_t size)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct log_date date = log_date(time_of_day_ms);
	int length = snprintf(text, size, "<%u>%.3s %2u %02u:%02u:%02u %s%s%s", entry->priority,
			      months + (date.month - 1) * 3, date.day, date.hour, date.minute, date.second,
			      entry->tagged ? "" : entry->who, entry->tagged ? "" : ": ", entry->text);

	return MIN((size_t)MAX(length, 0), size - 1);
}

static void forward_close(struct syslog *syslog)
{
	if (syslog->forward.fd < 0)
		return;
	loop_remove(syslog->loop, &syslog->forward);
	close(syslog->forward.fd);
	syslog->forward.fd = -1;
	syslog->full = false;
}

/* Its own words about what it is sent would make more of them, without end. */
static bool worth_forwarding(const struct syslog *syslog, const struct log_entry *entry)
{
	return entry->tagged || strcmp(entry->who, syslog->provider->config.name) != 0;
}

static void forward_lines(struct syslog *syslog)
{
	for (int i = 0; i < FORWARD_TURN_MAX; i++) {
		struct log_cursor next = syslog->cursor;
		struct log_entry entry;
		char text[LOG_WHO_MAX + LOG_LINE_MAX + 64];
		uint64_t missed = 0;
		size_t length;

		if (!log_next(&next, &entry, &missed))
			return;
		length = syslog_format(&entry, log_time_of_day(entry.time_ms), text, sizeof(text));
		if (worth_forwarding(syslog, &entry) &&
		    send(syslog->forward.fd, text, length, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
			if (errno != EAGAIN && errno != ENOBUFS) {
				forward_close(syslog);
				loop_timer_set(syslog->loop, &syslog->later, RETRY_MS);
				return;
			}
			syslog->full = true;
			loop_modify(syslog->loop, &syslog->forward, EPOLLOUT);
			return;
		}
		syslog->cursor = next;
	}
	loop_timer_set(syslog->loop, &syslog->later, 0); /* others have their turn first */
}

static void forward_ready(struct loop_source *source, uint32_t events)
{
	struct syslog *syslog = CONTAINER_OF(source, struct syslog, forward);

	(void)events;
	syslog->full = false;
	loop_modify(syslog->loop, source, 0);
	forward_lines(syslog);
}

static int forward_connect(struct syslog *syslog, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	strcpy(address.sun_path, path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return -errno;
	syslog->forward = (struct loop_source){.fd = TAKE_FD(fd), .ready = forward_ready};
	return loop_add(syslog->loop, &syslog->forward, 0);
}

static void forward_later(struct loop_timer *timer)
{
	struct syslog *syslog = CONTAINER_OF(timer, struct syslog, later);

	if (!syslog->provider)
		return;
	if (syslog->forward.fd < 0 && (syslog->source.fd >= 0 || forward_connect(syslog, SYSLOG_PATH))) {
		if (forward_connect(syslog, SYSLOG_JOURNAL_PATH)) {
			loop_timer_set(syslog->loop, &syslog->later, RETRY_MS);
			return;
		}
		path_take(syslog); /* programs still know /dev/log only */
	}
	if (!syslog->full)
		forward_lines(syslog);
}

static void line_added(struct log_watcher *watcher)
{
	struct syslog *syslog = CONTAINER_OF(watcher, struct syslog, watcher);

	if (!syslog->later.armed && !syslog->full)
		loop_timer_set(syslog->loop, &syslog->later, GATHER_MS);
}

/* ---- who it is ---- */

static bool unit_is_provider(const struct syslog *syslog, const struct unit *unit)
{
	static const char *const names[] = {"rsyslog.service", "busybox-syslogd.service",
					    "syslog-ng.service"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(unit->config.name, names[i]))
			return true;
	return unit_set_find(&syslog->manager->units, "syslog.service") == unit; /* or its alias */
}

static bool is_up(enum service_state state)
{
	return service_has_process(state) || service_is_active(state);
}

void syslog_unit_moved(struct syslog *syslog, const struct unit *unit, enum service_state from)
{
	enum service_state to = unit->run.state;

	if (!syslog->loop || is_up(from) == is_up(to) || !unit_is_provider(syslog, unit))
		return;
	if (is_up(to) && !syslog->provider) {
		syslog->provider = unit;
		path_give_up(syslog);
		log_watch(&syslog->watcher);
		loop_timer_set(syslog->loop, &syslog->later, RETRY_MS);
	} else if (!is_up(to) && syslog->provider == unit) {
		syslog->provider = NULL;
		forward_close(syslog);
		loop_timer_clear(syslog->loop, &syslog->later);
		log_unwatch(&syslog->watcher);
		path_take(syslog);
	}
}

int syslog_listen(struct syslog *syslog, struct loop *loop, const struct manager *manager)
{
	*syslog = (struct syslog){.loop = loop,
				  .manager = manager,
				  .source.fd = -1,
				  .forward.fd = -1,
				  .window.expired = window_over,
				  .later.expired = forward_later,
				  .watcher.added = line_added};
	return path_take(syslog);
}
