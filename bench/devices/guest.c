/*
 * The guest's end of the device benchmark: process 1 of a guest that has nothing else. Linked statically; one
 * source for every monitor and transport, so that what differs between two of them is not in here.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/fs.h>
#include <linux/vm_sockets.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include "bench/devices/wire.h"

#define BLOCK          4096U
#define PIECE          (64U << 10)
#define DEPTH          32U /* requests at once */
#define PACKET_SECONDS 5   /* then a packet is lost */
#define KIB            1024ULL

static char buffer[DEPTH * PIECE] __attribute__((aligned(4096)));

/* --- The disk: past the page cache, so that each call is a request --- */

static int disk_open(uint64_t *blocks)
{
	int fd = open("/dev/vda", O_RDWR | O_DIRECT);
	uint64_t bytes;

	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &bytes) < 0)
		return -1;
	*blocks = bytes / BLOCK;
	return fd;
}

/* Knuth's MMIX generator: the same places in every guest. */
static uint64_t place_next(uint64_t *state, uint64_t blocks)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (*state >> 33) % blocks * BLOCK;
}

static int disk_each(unsigned count, bool writes)
{
	uint64_t blocks, state = 1;
	int fd = disk_open(&blocks);

	for (unsigned i = 0; fd >= 0 && i < count; i++) {
		off_t place = (off_t)place_next(&state, blocks);
		ssize_t size = writes ? pwrite(fd, buffer, BLOCK, place) : pread(fd, buffer, BLOCK, place);

		if (size != BLOCK)
			return -1;
	}
	return fd < 0 ? -1 : close(fd);
}

static int disk_read(unsigned count)
{
	return disk_each(count, false);
}

static int disk_write(unsigned count)
{
	return disk_each(count, true);
}

static int disk_stream(unsigned count)
{
	uint64_t blocks;
	int fd = disk_open(&blocks);

	for (unsigned i = 0; fd >= 0 && i < count; i++) {
		uint64_t place = i * (uint64_t)PIECE % (blocks * BLOCK);

		if (pread(fd, buffer, PIECE, (off_t)place) != PIECE)
			return -1;
	}
	return fd < 0 ? -1 : close(fd);
}

/* All that are on their way come back before the next are sent. */
static int disk_together(aio_context_t context, int fd, uint16_t opcode, uint64_t blocks, uint64_t *state)
{
	struct iocb requests[DEPTH], *list[DEPTH];
	struct io_event events[DEPTH];

	for (unsigned i = 0; i < DEPTH; i++) {
		requests[i] = (struct iocb){
			.aio_lio_opcode = opcode,
			.aio_fildes = (uint32_t)fd,
			.aio_buf = (uintptr_t)(buffer + (size_t)i * BLOCK),
			.aio_nbytes = BLOCK,
			.aio_offset = (int64_t)place_next(state, blocks),
		};
		list[i] = &requests[i];
	}
	if (syscall(SYS_io_submit, context, DEPTH, list) != DEPTH ||
	    syscall(SYS_io_getevents, context, DEPTH, DEPTH, events, NULL) != DEPTH)
		return -1;
	for (unsigned i = 0; i < DEPTH; i++)
		if (events[i].res != BLOCK)
			return -1;
	return 0;
}

static int disk_many(unsigned count, uint16_t opcode)
{
	aio_context_t context = 0;
	uint64_t blocks, state = 1;
	int fd = disk_open(&blocks);

	if (fd < 0 || syscall(SYS_io_setup, DEPTH, &context) < 0)
		return -1;
	for (unsigned i = 0; i < count; i += DEPTH)
		if (disk_together(context, fd, opcode, blocks, &state) < 0)
			return -1;
	syscall(SYS_io_destroy, context);
	return close(fd);
}

static int disk_read_many(unsigned count)
{
	return disk_many(count, IOCB_CMD_PREAD);
}

static int disk_write_many(unsigned count)
{
	return disk_many(count, IOCB_CMD_PWRITE);
}

/* --- Streams: TCP through the card, and vsock --- */

static int tcp_connect(uint16_t port)
{
	struct sockaddr_in host = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	inet_pton(AF_INET, HOST_ADDRESS, &host.sin_addr);
	return connect(fd, (struct sockaddr *)&host, sizeof(host)) < 0 ? -1 : fd;
}

static int vsock_connect(uint16_t port)
{
	struct sockaddr_vm host = {.svm_family = AF_VSOCK, .svm_port = port, .svm_cid = VMADDR_CID_HOST};
	int fd = socket(AF_VSOCK, SOCK_STREAM, 0);

	return connect(fd, (struct sockaddr *)&host, sizeof(host)) < 0 ? -1 : fd;
}

/* It has ended when the host has all of it. */
static int stream_send(int fd, unsigned kib)
{
	uint64_t left = kib * KIB;

	while (fd >= 0 && left > 0) {
		ssize_t size = write(fd, buffer, left < CHUNK ? left : CHUNK);

		if (size <= 0)
			return -1;
		left -= (uint64_t)size;
	}
	if (fd < 0 || shutdown(fd, SHUT_WR) < 0 || read(fd, buffer, 1) != 1)
		return -1;
	return close(fd);
}

static int stream_receive(int fd, unsigned kib)
{
	uint64_t left = kib * KIB;

	if (fd < 0 || write(fd, &left, sizeof(left)) != sizeof(left))
		return -1;
	while (left > 0) {
		ssize_t size = read(fd, buffer, CHUNK);

		if (size <= 0)
			return -1;
		left -= (uint64_t)size;
	}
	return close(fd);
}

static int stream_turns(int fd, unsigned count)
{
	for (unsigned i = 0; fd >= 0 && i < count; i++)
		if (write(fd, buffer, 1) != 1 || read(fd, buffer, 1) != 1)
			return -1;
	return fd < 0 ? -1 : close(fd);
}

static int tcp_out(unsigned kib)
{
	return stream_send(tcp_connect(PORT_SINK), kib);
}

static int tcp_in(unsigned kib)
{
	return stream_receive(tcp_connect(PORT_SOURCE), kib);
}

static int vsock_out(unsigned kib)
{
	return stream_send(vsock_connect(PORT_SINK), kib);
}

static int vsock_in(unsigned kib)
{
	return stream_receive(vsock_connect(PORT_SOURCE), kib);
}

static int vsock_turn(unsigned count)
{
	return stream_turns(vsock_connect(PORT_ECHO), count);
}

/* --- Small packets: UDP --- */

static int packet_socket(uint16_t port)
{
	struct sockaddr_in host = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct timeval patience = {.tv_sec = PACKET_SECONDS};
	int fd = socket(AF_INET, SOCK_DGRAM, 0), room = 4 << 20;

	inet_pton(AF_INET, HOST_ADDRESS, &host.sin_addr);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	return connect(fd, (struct sockaddr *)&host, sizeof(host)) < 0 ? -1 : fd;
}

/* As many go out, then as many come in, again and again until `count` have gone the way that has more. */
static int packets_exchange(uint16_t port, unsigned count, unsigned out, unsigned in)
{
	int fd = packet_socket(port);

	for (unsigned i = 0; fd >= 0 && i<count; i += out> in ? out : in) {
		for (unsigned sent = 0; sent < out; sent++)
			if (send(fd, buffer, PAYLOAD, 0) != PAYLOAD)
				return -1;
		for (unsigned come = 0; come < in; come++)
			if (recv(fd, buffer, PAYLOAD, 0) != PAYLOAD)
				return -1;
	}
	return fd < 0 ? -1 : close(fd);
}

static int packet_turn(unsigned count)
{
	return packets_exchange(PORT_PACKET_ECHO, count, 1, 1);
}

static int packet_out(unsigned count)
{
	return packets_exchange(PORT_PACKET_SINK, count, BURST, 1);
}

static int packet_in(unsigned count)
{
	return packets_exchange(PORT_PACKET_SOURCE, count, 1, BURST);
}

/* --- The works by their names, and what asks for them --- */

static const struct {
	const char *name;
	int (*run)(unsigned count);
} works[] = {
	{"disk-read", disk_read},
	{"disk-write", disk_write},
	{"disk-stream", disk_stream},
	{"disk-read-many", disk_read_many},
	{"disk-write-many", disk_write_many},
	{"tcp-out", tcp_out},
	{"tcp-in", tcp_in},
	{"packet-turn", packet_turn},
	{"packet-out", packet_out},
	{"packet-in", packet_in},
	{"vsock-out", vsock_out},
	{"vsock-in", vsock_in},
	{"vsock-turn", vsock_turn},
};

static int work_run(const char *name, unsigned count)
{
	for (size_t i = 0; i < sizeof(works) / sizeof(works[0]); i++)
		if (strcmp(works[i].name, name) == 0)
			return works[i].run(count);
	errno = ENOSYS;
	return -1;
}

static void serve(FILE *line)
{
	char text[LINE], name[LINE];
	unsigned count;

	while (fgets(text, sizeof(text), line)) {
		if (sscanf(text, "%79s %u", name, &count) != 2)
			continue;
		errno = 0;
		if (work_run(name, count) < 0)
			dprintf(fileno(line), "failed: %s: %s\n", name, errno ? strerror(errno) : "short");
		else
			dprintf(fileno(line), "done\n");
	}
}

static void card_start(void)
{
	struct ifreq card = {.ifr_name = "eth0"};
	struct sockaddr_in *address = (struct sockaddr_in *)&card.ifr_addr;
	int fd = socket(AF_INET, SOCK_DGRAM, 0), knob;

	/* What it says of itself would be counted. */
	knob = open("/proc/sys/net/ipv6/conf/all/disable_ipv6", O_WRONLY);
	if (knob >= 0) {
		(void)!write(knob, "1", 1);
		close(knob);
	}
	address->sin_family = AF_INET;
	inet_pton(AF_INET, GUEST_ADDRESS, &address->sin_addr);
	ioctl(fd, SIOCSIFADDR, &card);
	inet_pton(AF_INET, NETMASK, &address->sin_addr);
	ioctl(fd, SIOCSIFNETMASK, &card);
	ioctl(fd, SIOCGIFFLAGS, &card);
	card.ifr_flags |= IFF_UP;
	ioctl(fd, SIOCSIFFLAGS, &card);
	close(fd);
}

static FILE *line_open(void)
{
	int fd = open("/dev/ttyS0", O_RDWR | O_NOCTTY);
	struct termios mode;

	if (fd < 0 || tcgetattr(fd, &mode) < 0)
		return NULL;
	cfmakeraw(&mode);
	tcsetattr(fd, TCSANOW, &mode);
	return fdopen(fd, "r+");
}

int main(void)
{
	FILE *line;

	mkdir("/dev", 0755);
	mkdir("/proc", 0755);
	mount("dev", "/dev", "devtmpfs", 0, NULL);
	mount("proc", "/proc", "proc", 0, NULL);
	card_start();
	memset(buffer, 'x', sizeof(buffer)); /* its pages are there from now on */
	line = line_open();
	if (line) {
		dprintf(fileno(line), "ready\n");
		serve(line);
	}
	return reboot(RB_AUTOBOOT);
}
