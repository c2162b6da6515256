#include "rinit/bus_helper.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "rinit/bus_message.h"
#include "rinit/client.h"
#include "rinit/file.h"
#include "rinit/service_config.h"

#define RETRY_MS     100 /* until there is a bus; doubled each time */
#define RETRY_MAX_MS 1000
#define ANSWER_MAX   256 /* of the handshake */
#define ANSWER_MAX_S 30  /* for the handshake, and for the rest of a message that has begun */
#define NO_OWNER     BUS_ITSELF ".Error.NameHasNoOwner"
#define MATCH        "type='signal',sender='" BUS_ITSELF "',member='NameOwnerChanged',arg0='%s'"

struct bus {
	int fd; /* -1: there is none */
	uint32_t serial;
	struct string_list names;
	uint32_t *queries; /* of each name, the serial of the newest question for its owner's process */
	size_t watched;    /* so many of the names are */
};

/* ---- to rinit ---- */

/* pid: 0 nobody, -1 somebody. Without rinit there is nothing to do here. */
static void tell(const char *name, long pid)
{
	char argument[BUS_NAME_MAX + 32];
	AUTO_FREE char *text = NULL;
	struct error err;

	snprintf(argument, sizeof(argument), "%s %ld", name, pid);
	if (client_ask("bus", argument, &text, &err)) {
		fprintf(stderr, "cannot tell rinit of %s: %s\n", name, text ? text : err.text);
		exit(1);
	}
}

/* Adds those that are new. */
static void names_ask(struct bus *bus)
{
	AUTO_FREE char *text = NULL;
	struct error err;
	uint32_t *queries;

	if (client_ask("bus-names", "", &text, &err)) {
		fprintf(stderr, "cannot ask rinit for names: %s\n", text ? text : err.text);
		exit(1);
	}
	for (char *name = strtok(text, "\n"); name; name = strtok(NULL, "\n"))
		if (bus_name_is_valid(name) && !string_list_has(&bus->names, name) &&
		    string_list_add(&bus->names, name))
			exit(1);
	queries = realloc(bus->queries, (bus->names.count + 1) * sizeof(*queries));
	if (!queries)
		exit(1);
	bus->queries = queries;
}

/* ---- to the bus ---- */

static int call(struct bus *bus, const char *member, const char *argument)
{
	uint8_t data[1024];
	size_t length = bus_message_call(data, sizeof(data), ++bus->serial, member, argument);

	return length ? write_all(bus->fd, data, length) : -EMSGSIZE;
}

static int ask_owner(struct bus *bus, size_t name)
{
	int rc = call(bus, "GetConnectionUnixProcessID", bus->names.items[name]);

	bus->queries[name] = bus->serial;
	return rc;
}

/* Watches the names that are not, and asks for all. */
static int names_watch(struct bus *bus)
{
	int rc = 0;

	for (; bus->watched < bus->names.count && !rc; bus->watched++) {
		char rule[sizeof(MATCH) + BUS_NAME_MAX];

		snprintf(rule, sizeof(rule), MATCH, bus->names.items[bus->watched]);
		rc = call(bus, "AddMatch", rule);
	}
	for (size_t i = 0; i < bus->names.count && !rc; i++)
		rc = ask_owner(bus, i);
	return rc;
}

static int read_all(int fd, uint8_t *data, size_t length)
{
	while (length) {
		ssize_t got = read(fd, data, length);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? -errno : -ECONNRESET;
		data += got;
		length -= (size_t)got;
	}
	return 0;
}

/* "Authentication Protocol": who we are says the socket. */
static int handshake(int fd)
{
	char text[64], answer[ANSWER_MAX + 1];
	size_t length = 0;
	int rc;

	snprintf(text, sizeof(text), "%u", geteuid());
	rc = write_all(fd, "\0AUTH EXTERNAL ", 15);
	for (const char *digit = text; *digit && !rc; digit++) {
		char hex[3];

		snprintf(hex, sizeof(hex), "%02x", (unsigned int)*digit);
		rc = write_all(fd, hex, 2);
	}
	if (!rc)
		rc = write_all(fd, "\r\n", 2);
	while (!rc && length < ANSWER_MAX && (!length || answer[length - 1] != '\n'))
		rc = read_all(fd, (uint8_t *)answer + length++, 1);
	if (!rc && (length < 4 || strncmp(answer, "OK ", 3) != 0))
		rc = -EACCES;
	return rc ? rc : write_all(fd, "BEGIN\r\n", 7);
}

static int bus_connect(struct bus *bus)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = BUS_SOCKET_PATH};
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const struct timeval patience = {.tv_sec = ANSWER_MAX_S};
	int rc;

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	rc = handshake(fd);
	if (rc)
		return rc;
	bus->fd = TAKE_FD(fd);
	bus->watched = 0;
	names_ask(bus);
	rc = call(bus, "Hello", NULL);
	return rc ? rc : names_watch(bus);
}

/* ---- from the bus ---- */

static int owner_changed(struct bus *bus, const struct bus_message *message)
{
	const char *name, *old, *new;
	size_t at = 0;

	if (strcmp(message->signature, "sss") != 0 || bus_body_string(message, &at, &name) ||
	    bus_body_string(message, &at, &old) || bus_body_string(message, &at, &new))
		return -EBADMSG;
	for (size_t i = 0; i < bus->names.count; i++) {
		if (strcmp(bus->names.items[i], name) != 0)
			continue;
		if (*new)
			return ask_owner(bus, i);
		bus->queries[i] = 0; /* what comes now is about the one before */
		tell(name, 0);
	}
	return 0;
}

static int answered(struct bus *bus, const struct bus_message *message)
{
	uint32_t pid = 0;
	size_t at = 0;

	for (size_t i = 0; i < bus->names.count; i++) {
		if (!message->reply_serial || bus->queries[i] != message->reply_serial)
			continue;
		if (message->type == BUS_RETURN &&
		    (strcmp(message->signature, "u") != 0 || bus_body_u32(message, &at, &pid)))
			return -EBADMSG;
		tell(bus->names.items[i], message->type == BUS_RETURN         ? (long)pid
					  : !strcmp(message->error, NO_OWNER) ? 0
									      : -1);
	}
	return 0;
}

static int message_take(struct bus *bus)
{
	static uint8_t data[BUS_MESSAGE_MAX];
	struct bus_message message;
	size_t length;
	int rc = read_all(bus->fd, data, BUS_HEADER_SIZE);

	if (rc)
		return rc;
	length = bus_message_length(data);
	if (!length)
		return -EBADMSG;
	rc = read_all(bus->fd, data + BUS_HEADER_SIZE, length - BUS_HEADER_SIZE);
	if (!rc)
		rc = bus_message_parse(data, length, &message);
	if (rc)
		return rc;
	if (message.type == BUS_SIGNAL && !strcmp(message.sender, BUS_ITSELF) &&
	    !strcmp(message.member, "NameOwnerChanged"))
		return owner_changed(bus, &message);
	return message.type == BUS_RETURN || message.type == BUS_ERROR ? answered(bus, &message) : 0;
}

static void bus_lost(struct bus *bus, int rc)
{
	fprintf(stderr, "the bus is lost: %s\n", strerror(-rc));
	close(bus->fd);
	bus->fd = -1;
}

int bus_helper_main(int argc, char **argv)
{
	struct bus bus = {.fd = -1};
	struct signalfd_siginfo info;
	struct pollfd polls[2];
	int retry_ms = RETRY_MS, rc;
	sigset_t mask;

	(void)argc;
	(void)argv;
	sigemptyset(&mask);
	sigaddset(&mask, SIGURG);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	signal(SIGPIPE, SIG_IGN);
	polls[0] = (struct pollfd){.fd = signalfd(-1, &mask, SFD_CLOEXEC), .events = POLLIN};
	for (;;) {
		if (bus.fd < 0 && (rc = bus_connect(&bus)) && bus.fd >= 0)
			bus_lost(&bus, rc);
		polls[1] = (struct pollfd){.fd = bus.fd, .events = POLLIN};
		if (bus.fd >= 0)
			retry_ms = RETRY_MS;
		if (poll(polls, 2, bus.fd >= 0 ? -1 : retry_ms) < 0)
			return 1;
		retry_ms = MIN(retry_ms * 2, RETRY_MAX_MS);
		rc = 0;
		if (polls[0].revents && read(polls[0].fd, &info, sizeof(info)) > 0 && bus.fd >= 0) {
			names_ask(&bus);
			rc = names_watch(&bus);
		}
		if (bus.fd >= 0 && !rc && polls[1].revents)
			rc = message_take(&bus);
		if (rc)
			bus_lost(&bus, rc);
	}
}
