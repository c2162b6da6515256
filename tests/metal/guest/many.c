/*
 * Many connections at once, with every byte checked; places as in vsock.c: on the host unix sockets, in the
 * guest vsock ports, and PATH:PORT through a guest's unix socket to its port.
 *
 *      metal-many echo PLACE COUNT              takes COUNT connections and sends back what comes on each, to
 * its end metal-many connect PLACE COUNT BYTES     opens COUNT of them, then sends BYTES on each, says on
 * each that it is done (half-close), and reads the same back metal-many late PLACE SECONDS BYTES      takes
 * one connection, sleeps, then reads BYTES and checks them metal-many push PLACE BYTES              sends
 * BYTES on one connection
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CHUNK 4096

struct connection {
	int fd;
	size_t sent, received;
	bool ended; /* its sending */
	size_t kept, taken;
	unsigned char buffer[CHUNK]; /* of an echo: what is to be sent back */
};

static unsigned char byte_of(unsigned connection, size_t at)
{
	return (unsigned char)(connection * 31 + at * 7 + at / 251);
}

static int place_socket(const char *place, unsigned cid, struct sockaddr_storage *address, socklen_t *size)
{
	struct sockaddr_vm *vm = (struct sockaddr_vm *)address;
	struct sockaddr_un *un = (struct sockaddr_un *)address;

	memset(address, 0, sizeof(*address));
	if (*place != '/') {
		vm->svm_family = AF_VSOCK;
		vm->svm_cid = cid;
		vm->svm_port = (unsigned)atoi(place);
		*size = sizeof(*vm);
		return socket(AF_VSOCK, SOCK_STREAM, 0);
	}
	un->sun_family = AF_UNIX;
	snprintf(un->sun_path, sizeof(un->sun_path), "%.*s", (int)strcspn(place, ":"), place);
	*size = sizeof(*un);
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

static int listen_at(const char *place)
{
	struct sockaddr_storage address;
	socklen_t size;
	int fd = place_socket(place, VMADDR_CID_ANY, &address, &size);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) < 0 || listen(fd, 4096) < 0)
		err(1, "%s", place);
	return fd;
}

/* A connection, the line of one through a unix socket sent, too. */
static int connect_to(const char *place)
{
	struct sockaddr_storage address;
	const char *port = *place == '/' ? strchr(place, ':') : NULL;
	socklen_t size;
	int fd = place_socket(place, VMADDR_CID_HOST, &address, &size);

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, size) < 0)
		err(1, "%s", place);
	if (port && dprintf(fd, "CONNECT %s\n", port + 1) < 0)
		err(1, "%s", place);
	return fd;
}

static void expect_ok(const char *place, int fd)
{
	char letter = 0, first = 0;

	if (*place != '/' || !strchr(place, ':'))
		return;
	while (letter != '\n') {
		if (read(fd, &letter, 1) != 1)
			errx(1, "%s: refused", place);
		first = first ? first : letter;
	}
	if (first != 'O')
		errx(1, "%s: no OK", place);
}

static struct connection *connections_new(unsigned count)
{
	struct connection *list = calloc(count, sizeof(*list));

	if (!list)
		err(1, "memory");
	return list;
}

/* --- The echo --- */

static void echo_step(struct connection *one, unsigned *open)
{
	ssize_t moved;

	if (one->kept == one->taken) {
		moved = read(one->fd, one->buffer, sizeof(one->buffer));
		one->kept = moved > 0 ? (size_t)moved : 0;
		one->taken = 0;
		if (moved < 0 && errno != EAGAIN)
			err(1, "read");
		if (moved == 0) {
			close(one->fd);
			one->fd = -1;
			(*open)--;
			return;
		}
	}
	moved = write(one->fd, one->buffer + one->taken, one->kept - one->taken);
	if (moved < 0 && errno != EAGAIN)
		err(1, "write");
	one->taken += moved > 0 ? (size_t)moved : 0;
}

static int echo(const char *place, unsigned count)
{
	struct connection *list = connections_new(count);
	struct pollfd *wait = calloc(count + 1, sizeof(*wait));
	int listener = listen_at(place);
	unsigned came = 0, open = 0;

	fcntl(listener, F_SETFL, O_NONBLOCK);
	printf("listening at %s\n", place);
	fflush(stdout);
	while (came < count || open) {
		wait[0] = (struct pollfd){.fd = came < count ? listener : -1, .events = POLLIN};
		for (unsigned i = 0; i < came; i++)
			wait[i + 1] = (struct pollfd){
				.fd = list[i].fd,
				.events = list[i].kept == list[i].taken ? POLLIN : POLLOUT,
			};
		if (poll(wait, came + 1, 200000) <= 0)
			errx(1, "%s: %u came, %u are open, and nothing happens", place, came, open);
		for (unsigned i = 0; i < came; i++) {
			if (wait[i + 1].revents)
				echo_step(&list[i], &open);
		}
		while (came < count && (list[came].fd = accept(listener, NULL, NULL)) >= 0) {
			fcntl(list[came++].fd, F_SETFL, O_NONBLOCK);
			open++;
		}
	}
	printf("echoed %u\n", came);
	return 0;
}

/* --- Who talks to it --- */

static void send_step(struct connection *one, unsigned number, size_t bytes)
{
	unsigned char data[CHUNK];
	size_t len = bytes - one->sent < sizeof(data) ? bytes - one->sent : sizeof(data);
	ssize_t sent;

	for (size_t i = 0; i < len; i++)
		data[i] = byte_of(number, one->sent + i);
	sent = write(one->fd, data, len);
	if (sent < 0 && errno != EAGAIN)
		err(1, "connection %u: write", number);
	one->sent += sent > 0 ? (size_t)sent : 0;
	if (one->sent == bytes && !one->ended) {
		shutdown(one->fd, SHUT_WR);
		one->ended = true;
	}
}

static void receive_step(struct connection *one, unsigned number, size_t bytes, unsigned *open)
{
	unsigned char data[CHUNK];
	ssize_t got = read(one->fd, data, sizeof(data));

	if (got < 0 && errno == EAGAIN)
		return;
	if (got < 0)
		err(1, "connection %u: read", number);
	for (ssize_t i = 0; i < got; i++) {
		if (data[i] != byte_of(number, one->received + (size_t)i))
			errx(1, "connection %u: byte %zu is wrong", number, one->received + (size_t)i);
	}
	one->received += (size_t)got;
	if (got)
		return;
	if (one->received != bytes)
		errx(1, "connection %u: ended after %zu bytes", number, one->received);
	close(one->fd);
	one->fd = -1;
	(*open)--;
}

static int talk(const char *place, unsigned count, size_t bytes)
{
	struct connection *list = connections_new(count);
	struct pollfd *wait = calloc(count, sizeof(*wait));
	unsigned open = count;

	for (unsigned i = 0; i < count; i++)
		list[i].fd = connect_to(place);
	for (unsigned i = 0; i < count; i++) {
		expect_ok(place, list[i].fd);
		fcntl(list[i].fd, F_SETFL, O_NONBLOCK);
	}
	printf("%u are connected\n", count);
	fflush(stdout);
	while (open) {
		for (unsigned i = 0; i < count; i++)
			wait[i] = (struct pollfd){
				.fd = list[i].fd,
				.events = (short)(POLLIN | (list[i].ended ? 0 : POLLOUT)),
			};
		if (poll(wait, count, 60000) <= 0)
			errx(1, "%s: %u are open, and nothing happens", place, open);
		for (unsigned i = 0; i < count; i++) {
			if (wait[i].revents & POLLOUT)
				send_step(&list[i], i, bytes);
			if (wait[i].revents & ~POLLOUT)
				receive_step(&list[i], i, bytes, &open);
		}
	}
	printf("%u came back whole\n", count);
	return 0;
}

/* --- A reader that sleeps --- */

static int read_late(const char *place, unsigned seconds, size_t bytes)
{
	struct connection one = {.fd = accept(listen_at(place), NULL, NULL)};
	unsigned open = 1;

	if (one.fd < 0)
		err(1, "%s", place);
	sleep(seconds);
	while (open)
		receive_step(&one, 0, bytes, &open);
	printf("late but whole\n");
	return 0;
}

static int push(const char *place, size_t bytes)
{
	struct connection one = {.fd = connect_to(place)};

	expect_ok(place, one.fd);
	while (one.sent < bytes)
		send_step(&one, 0, bytes);
	printf("pushed\n");
	return 0;
}

int main(int argc, char **argv)
{
	struct rlimit files = {8192, 8192};

	setrlimit(RLIMIT_NOFILE, &files);
	if (argc == 4 && !strcmp(argv[1], "echo"))
		return echo(argv[2], (unsigned)atoi(argv[3]));
	if (argc == 5 && !strcmp(argv[1], "connect"))
		return talk(argv[2], (unsigned)atoi(argv[3]), (size_t)atoi(argv[4]));
	if (argc == 5 && !strcmp(argv[1], "late"))
		return read_late(argv[2], (unsigned)atoi(argv[3]), (size_t)atoi(argv[4]));
	if (argc == 4 && !strcmp(argv[1], "push"))
		return push(argv[2], (size_t)atoi(argv[3]));
	errx(2, "echo PLACE COUNT | connect PLACE COUNT BYTES | late PLACE SECONDS BYTES | push PLACE BYTES");
}
