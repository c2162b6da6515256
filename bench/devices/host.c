/*
 * The host's end of the device benchmark: starts a monitor with the guest of guest.c, has it do works, and
 * says what each took.
 *
 *      devices-host SOCKET COMMAND...
 *
 * On standard input, a line each:
 *      WORK COUNT      => counted WORK COUNT RAN_NS EXITS
 *      !COMMAND        a shell's, for whoever wants to look closer
 *
 * RAN_NS is the time in which the one processor did not idle (/proc/schedstat); where its clock ticks once an
 * instruction, it is instructions: everybody's, guest, monitor, kernels, and this program's, which is the
 * other end of the guest's streams. EXITS are KVM's own count. The monitor's standard input and output are
 * the guest's serial line. SOCKET is where a monitor that has unix sockets for vsock puts those of its ports:
 * SOCKET_PORT; the kernel's own vsock is served too.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/vm_sockets.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/devices/wire.h"

#define SETTLE_US     20000 /* what follows a work's end, such as an acknowledgement, is over then */
#define READY_SECONDS 20
#define WORK_SECONDS  5 /* by a clock that counts instructions: many times what any takes */

static char buffer[CHUNK];

/* --- The ends of streams --- */

static void sink_serve(int fd)
{
	while (read(fd, buffer, sizeof(buffer)) > 0)
		;
	(void)!write(fd, "", 1);
}

static void source_serve(int fd)
{
	uint64_t left;

	if (read(fd, &left, sizeof(left)) != sizeof(left))
		return;
	while (left > 0) {
		ssize_t size = write(fd, buffer, left < sizeof(buffer) ? left : sizeof(buffer));

		if (size <= 0)
			return;
		left -= (uint64_t)size;
	}
	(void)!read(fd, buffer, 1); /* until the other end has closed */
}

static void echo_serve(int fd)
{
	ssize_t size;

	while ((size = read(fd, buffer, sizeof(buffer))) > 0)
		if (write(fd, buffer, (size_t)size) != size)
			return;
}

static void stream_serve(int listener, int port)
{
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			err(1, "accept");
		if (port == PORT_SINK)
			sink_serve(fd);
		else if (port == PORT_SOURCE)
			source_serve(fd);
		else
			echo_serve(fd);
		close(fd);
	}
}

/* A process of its own for each port: it ends with this one. */
static bool server_start(void)
{
	pid_t child = fork();

	if (child < 0)
		err(1, "fork");
	if (child == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return child == 0;
}

static void stream_listen(const struct sockaddr *address, socklen_t size, int port)
{
	int fd = socket(address->sa_family, SOCK_STREAM, 0), yes = 1;

	if (fd < 0 && address->sa_family == AF_VSOCK)
		return; /* the kernel has none: then nobody asks for it */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (fd < 0 || bind(fd, address, size) < 0 || listen(fd, 1) < 0)
		err(1, "port %d", port);
	if (server_start())
		stream_serve(fd, port);
	close(fd);
}

static void streams_listen(const char *socket_path)
{
	for (int port = PORT_SINK; port < PORT_END; port++) {
		struct sockaddr_in tcp = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
		struct sockaddr_vm vsock = {
			.svm_family = AF_VSOCK, .svm_port = (unsigned)port, .svm_cid = VMADDR_CID_ANY};
		struct sockaddr_un local = {.sun_family = AF_UNIX};

		snprintf(local.sun_path, sizeof(local.sun_path), "%s_%d", socket_path, port);
		unlink(local.sun_path);
		stream_listen((struct sockaddr *)&tcp, sizeof(tcp), port);
		stream_listen((struct sockaddr *)&vsock, sizeof(vsock), port);
		stream_listen((struct sockaddr *)&local, sizeof(local), port);
	}
}

/* --- The ends of packets --- */

static void packets_serve(int fd, unsigned in, unsigned out)
{
	struct sockaddr_in peer;
	socklen_t size;

	for (;;) {
		for (unsigned come = 0; come < in; come++) {
			size = sizeof(peer);
			if (recvfrom(fd, buffer, PAYLOAD, 0, (struct sockaddr *)&peer, &size) < 0)
				err(1, "packet");
		}
		for (unsigned sent = 0; sent < out; sent++)
			if (sendto(fd, buffer, PAYLOAD, 0, (struct sockaddr *)&peer, size) < 0)
				err(1, "packet");
	}
}

static void packets_listen(void)
{
	for (int port = PORT_PACKET_ECHO; port < PORT_PACKET_END; port++) {
		struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
		int fd = socket(AF_INET, SOCK_DGRAM, 0), room = 4 << 20;

		setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
		if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
			err(1, "UDP port %d", port);
		if (server_start())
			packets_serve(fd, port == PORT_PACKET_SINK ? BURST : 1,
				      port == PORT_PACKET_SOURCE ? BURST : 1);
		close(fd);
	}
}

/* --- What is counted --- */

struct sample {
	uint64_t ran_ns, exits;
};

static uint64_t exits_read(void)
{
	FILE *file = fopen("/sys/kernel/debug/kvm/exits", "re");
	uint64_t exits;

	if (!file || fscanf(file, "%" SCNu64, &exits) != 1)
		errx(1, "no /sys/kernel/debug/kvm/exits: is debugfs mounted?");
	fclose(file);
	return exits;
}

/* The seventh number of a processor is the time that it ran tasks. */
static uint64_t ran_read(void)
{
	FILE *file = fopen("/proc/schedstat", "re");
	uint64_t sum = 0, ran;
	char line[512];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "cpu%*u %*u %*u %*u %*u %*u %*u %" SCNu64, &ran) == 1)
			sum += ran;
	if (sum == 0)
		errx(1, "no /proc/schedstat");
	fclose(file);
	return sum;
}

static struct sample sample_take(void)
{
	usleep(SETTLE_US);
	return (struct sample){.exits = exits_read(), .ran_ns = ran_read()};
}

/* --- The monitor --- */

struct monitor {
	pid_t pid;
	FILE *said;
	int told;
};

static struct monitor monitor_start(char **command)
{
	struct monitor monitor;
	int in[2], out[2];

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		err(1, "pipe");
	monitor.pid = fork();
	if (monitor.pid < 0)
		err(1, "fork");
	if (monitor.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		execvp(command[0], command);
		err(127, "%s", command[0]);
	}
	close(in[0]);
	close(out[1]);
	monitor.told = in[1];
	monitor.said = fdopen(out[0], "re");
	return monitor;
}

/* What else comes, such as a kernel's last words, is for whoever reads the log. */
static void monitor_await(struct monitor *monitor, const char *word, unsigned seconds)
{
	char line[512];

	alarm(seconds);
	while (fgets(line, sizeof(line), monitor->said)) {
		line[strcspn(line, "\r\n")] = '\0';
		if (strcmp(line, word) == 0) {
			alarm(0);
			return;
		}
		fprintf(stderr, "%s\n", line);
		if (strncmp(line, "failed:", 7) == 0)
			errx(1, "%s", line);
	}
	errx(1, "the monitor ended");
}

static void work_count(struct monitor *monitor, const char *work)
{
	struct sample before = sample_take(), after;

	dprintf(monitor->told, "%s\n", work);
	monitor_await(monitor, "done", WORK_SECONDS);
	after = sample_take();
	printf("counted %s %" PRIu64 " %" PRIu64 "\n", work, after.ran_ns - before.ran_ns,
	       after.exits - before.exits);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct monitor monitor;
	char line[4096];

	if (argc < 3)
		errx(2, "usage: devices-host SOCKET COMMAND...");
	streams_listen(argv[1]);
	packets_listen();
	monitor = monitor_start(argv + 2);
	monitor_await(&monitor, "ready", READY_SECONDS);
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		if (*line == '!')
			(void)!system(line + 1);
		else
			work_count(&monitor, line);
	}
	kill(monitor.pid, SIGKILL);
	waitpid(monitor.pid, NULL, 0);
	return 0;
}
