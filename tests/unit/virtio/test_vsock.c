/*
 * The socket device (virtio 1.2, 5.10). The test is the guest's driver on one side, and on the other the
 * program that connects to the unix socket or that the guest connects to.
 */
#include "tests/unit/virtio/driver.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_vsock.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/util.h"
#include "devmodel/virtio/vsock.h"

#define RECEIVE    0
#define TRANSMIT   1
#define CID        42
#define HOST_CID   2
#define HEADER     sizeof(struct virtio_vsock_hdr)
#define BUFFER     VIRTIO_VSOCK_BUFFER
#define GUEST_PORT 1024
#define HOST_PORT  9999
#define REFUSED    7 /* a host port that nobody listens on */
#define BOTH       (VIRTIO_VSOCK_SHUTDOWN_RCV | VIRTIO_VSOCK_SHUTDOWN_SEND)
#define DATA_MAX   4096

/* What a packet in either direction is about. */
struct packet {
	uint16_t op;
	uint32_t guest_port;
	uint32_t host_port;
	uint32_t flags;
	uint32_t buf_alloc;
	uint32_t fwd_cnt;
	const void *data;
	uint32_t len;
};

static struct driver driver;
static struct error err;
static struct sockaddr_un address;
static int listener;
static int service = -1; /* the host's end of the guest's last connection */
static unsigned connects;
static bool shallow; /* services' sockets hold little, so that the device's buffer empties bit by bit */
static uint64_t receive_buffers[DRIVER_QUEUE_SIZE]; /* by head */
static uint64_t transmit_buffer;

static int connect_service(void *owner, uint32_t port)
{
	int ends[2];

	cr_assert_eq(owner, &driver);
	if (port == REFUSED)
		return -ECONNREFUSED;
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
	if (shallow)
		cr_assert_eq(setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &(int){8192}, sizeof(int)), 0);
	service = ends[0];
	connects++;
	return ends[1];
}

static void plug(unsigned timeout_ms)
{
	struct virtio_vsock_options options = {
		.cid = CID,
		.connect = connect_service,
		.owner = &driver,
		.timeout_ms = timeout_ms,
	};

	/* An abstract name of the kernel's choice. */
	address = (struct sockaddr_un){.sun_family = AF_UNIX};
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(listener, (struct sockaddr *)&address, sizeof(sa_family_t)), 0);
	cr_assert_eq(getsockname(listener, (struct sockaddr *)&address, &(socklen_t){sizeof(address)}), 0);
	cr_assert_eq(listen(listener, 200), 0);
	options.listen_fd = listener;
	driver_init(&driver);
	driver_plug(&driver, virtio_vsock_create(&options, &driver.memory, &driver.loop, &err));
}

static void setup_plugged(void)
{
	plug(0);
}

static void setup(void)
{
	plug(0);
	driver_start(&driver, 0);
	transmit_buffer = driver_alloc(&driver, HEADER + BUFFER);
}

/* Long enough for a handshake on a busy machine, short enough to be waited for. */
#define IMPATIENT_MS 200

static void setup_impatient(void)
{
	plug(IMPATIENT_MS);
	driver_start(&driver, 0);
	transmit_buffer = driver_alloc(&driver, HEADER + BUFFER);
}

static void teardown(void)
{
	driver_close(&driver);
	if (service >= 0)
		close(service);
}

TestSuite(vsock, .init = setup, .fini = teardown);
TestSuite(vsock_early, .init = setup_plugged, .fini = teardown);
TestSuite(vsock_impatient, .init = setup_impatient, .fini = teardown);

/* ---- The guest ---- */

static void add_receive_buffer(void)
{
	struct driver_buffer buffer = {.address = driver_alloc(&driver, HEADER + DATA_MAX),
				       .len = HEADER + DATA_MAX,
				       .writable = true};

	receive_buffers[driver_add(&driver, RECEIVE, &buffer, 1)] = buffer.address;
}

static void add_receive_buffers(unsigned count)
{
	while (count--)
		add_receive_buffer();
	driver_kick(&driver, RECEIVE);
}

static void send_header(const struct virtio_vsock_hdr *header, const void *data, uint32_t len)
{
	struct driver_buffer buffers[2] = {
		{.address = transmit_buffer, .len = HEADER},
		{.address = transmit_buffer + HEADER, .len = len},
	};
	struct driver_used used;

	memcpy(driver_at(&driver, transmit_buffer, HEADER), header, HEADER);
	if (len)
		memcpy(driver_at(&driver, transmit_buffer + HEADER, len), data, len);
	driver_add(&driver, TRANSMIT, buffers, len ? 2 : 1);
	driver_kick(&driver, TRANSMIT);
	if (!driver_sees_broken(&driver)) {
		cr_assert(driver_collect(&driver, TRANSMIT, &used));
		cr_assert_eq(used.written, 0);
	}
}

static struct virtio_vsock_hdr header_of(const struct packet *packet)
{
	return (struct virtio_vsock_hdr){
		.src_cid = CID,
		.dst_cid = HOST_CID,
		.src_port = packet->guest_port ? packet->guest_port : GUEST_PORT,
		.dst_port = packet->host_port ? packet->host_port : HOST_PORT,
		.len = packet->len,
		.type = VIRTIO_VSOCK_TYPE_STREAM,
		.op = packet->op,
		.flags = packet->flags,
		.buf_alloc = packet->buf_alloc ? packet->buf_alloc : 256 * 1024,
		.fwd_cnt = packet->fwd_cnt,
	};
}

static void send_packet(struct packet packet)
{
	struct virtio_vsock_hdr header = header_of(&packet);

	send_header(&header, packet.data, packet.len);
}

#define SEND(...) send_packet((struct packet){__VA_ARGS__})

/* The next packet for the guest, or false; its data are in *data. */
static bool receive(struct virtio_vsock_hdr *header, uint8_t data[DATA_MAX])
{
	struct driver_used used;
	uint8_t *bytes;

	if (!driver_collect(&driver, RECEIVE, &used))
		return false;
	bytes = driver_at(&driver, receive_buffers[used.head], HEADER + DATA_MAX);
	memcpy(header, bytes, HEADER);
	memcpy(data, bytes + HEADER, DATA_MAX);
	cr_assert_eq(header->src_cid, HOST_CID);
	cr_assert_eq(header->dst_cid, CID);
	cr_assert_eq(used.written, HEADER + header->len);
	return true;
}

static void expect_nothing(void)
{
	struct virtio_vsock_hdr header;
	uint8_t data[DATA_MAX];

	cr_assert_not(receive(&header, data), "op %u for the guest", header.op);
}

static struct virtio_vsock_hdr expect_op(uint16_t op)
{
	struct virtio_vsock_hdr header;
	uint8_t data[DATA_MAX];

	cr_assert(receive(&header, data), "nothing for the guest, which expects op %u", op);
	cr_assert_eq(header.op, op, "op %u instead of %u", header.op, op);
	cr_assert_eq(header.type, VIRTIO_VSOCK_TYPE_STREAM);
	return header;
}

static void expect_data(const char *text)
{
	struct virtio_vsock_hdr header;
	uint8_t data[DATA_MAX];

	cr_assert(receive(&header, data), "no data for the guest");
	cr_assert_eq(header.op, VIRTIO_VSOCK_OP_RW, "op %u", header.op);
	cr_assert_eq(header.len, strlen(text));
	cr_assert_arr_eq(data, text, header.len);
}

/* The guest connects to the host; `service` is what it reaches. */
static void guest_connects(uint32_t guest_port)
{
	SEND(.op = VIRTIO_VSOCK_OP_REQUEST, .guest_port = guest_port);
	cr_assert_eq(expect_op(VIRTIO_VSOCK_OP_RESPONSE).dst_port, guest_port ? guest_port : GUEST_PORT);
}

/* ---- The host ---- */

static void expect_host_reads(int fd, const char *text)
{
	char got[256];

	cr_assert_eq(recv(fd, got, sizeof(got), MSG_DONTWAIT), (ssize_t)strlen(text));
	cr_assert_arr_eq(got, text, strlen(text));
}

static void expect_host_waits(int fd)
{
	char byte;

	cr_assert_eq(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
	cr_assert_eq(errno, EAGAIN);
}

static void expect_host_end(int fd)
{
	char byte;

	cr_assert_eq(recv(fd, &byte, 1, MSG_DONTWAIT), 0);
}

static void host_writes(int fd, const char *text)
{
	cr_assert_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
	driver_run(&driver);
}

static int program_connects(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(address);

	cr_assert_eq(getsockname(listener, (struct sockaddr *)&address, &size), 0);
	cr_assert_eq(connect(fd, (struct sockaddr *)&address, size), 0);
	driver_run(&driver);
	return fd;
}

/* A program's connection to port 80 of the guest, accepted. */
static int program_reaches_guest(uint32_t *host_port)
{
	int fd = program_connects();
	char want[32];

	host_writes(fd, "CONNECT 80\n");
	*host_port = expect_op(VIRTIO_VSOCK_OP_REQUEST).src_port;
	SEND(.op = VIRTIO_VSOCK_OP_RESPONSE, .guest_port = 80, .host_port = *host_port);
	snprintf(want, sizeof(want), "OK %u\n", *host_port);
	expect_host_reads(fd, want);
	return fd;
}

static void sleep_ms(unsigned ms)
{
	usleep(ms * 1000);
	driver_run(&driver);
}

static void its_patience_ends(void)
{
	for (unsigned passed = 0; passed < IMPATIENT_MS * 3 / 2; passed += 10)
		sleep_ms(10);
}

/* ---- The device ---- */

Test(vsock_early, shows_its_cid)
{
	struct virtio_vsock_config config;

	cr_assert_eq(driver.device->id, VIRTIO_ID_VSOCK);
	virtio_device_config_read(driver.device, 0, (uint8_t *)&config, sizeof(config));
	cr_assert_eq(config.guest_cid, CID);
}

Test(vsock_early, a_program_is_turned_away_while_there_is_no_driver)
{
	int fd = program_connects();

	expect_host_end(fd);
	close(fd);
}

Test(vsock_early, a_cid_that_is_not_a_guests_is_refused)
{
	struct virtio_vsock_options options = {.cid = 2, .listen_fd = -1, .connect = connect_service};

	cr_assert_null(virtio_vsock_create(&options, &driver.memory, &driver.loop, &err));
	cr_assert_str_eq(err.text, "vsock: 2 is not a guest's CID: those start at 3");
	options.cid = 1ULL << 32;
	cr_assert_null(virtio_vsock_create(&options, &driver.memory, &driver.loop, &err));
}

/* ---- The guest connects ---- */

Test(vsock, the_guest_connects_to_a_service)
{
	struct virtio_vsock_hdr header;

	add_receive_buffers(4);
	SEND(.op = VIRTIO_VSOCK_OP_REQUEST);
	header = expect_op(VIRTIO_VSOCK_OP_RESPONSE);
	cr_assert_eq(header.src_port, HOST_PORT);
	cr_assert_eq(header.dst_port, GUEST_PORT);
	cr_assert_eq(header.buf_alloc, BUFFER);
	cr_assert_eq(header.fwd_cnt, 0);
	SEND(.op = VIRTIO_VSOCK_OP_RW, .data = "hello", .len = 5);
	expect_host_reads(service, "hello");
	host_writes(service, "welcome");
	expect_data("welcome");
	expect_nothing();
}

/* The way of READY=1. */
Test(vsock, connect_send_and_close_deliver_every_byte_and_then_the_end)
{
	add_receive_buffers(4);
	guest_connects(0);
	SEND(.op = VIRTIO_VSOCK_OP_RW, .data = "READY=1\n", .len = 8);
	SEND(.op = VIRTIO_VSOCK_OP_SHUTDOWN, .flags = BOTH);
	expect_op(VIRTIO_VSOCK_OP_RST);
	expect_host_reads(service, "READY=1\n");
	expect_host_end(service);
	SEND(.op = VIRTIO_VSOCK_OP_RST);
	expect_nothing();
}

Test(vsock, a_service_that_is_not_there_is_a_reset)
{
	struct virtio_vsock_hdr header;

	add_receive_buffers(4);
	SEND(.op = VIRTIO_VSOCK_OP_REQUEST, .host_port = REFUSED);
	header = expect_op(VIRTIO_VSOCK_OP_RST);
	cr_assert_eq(header.src_port, REFUSED);
	cr_assert_eq(header.dst_port, GUEST_PORT);
}

Test(vsock, a_request_for_ports_in_use_resets_the_connection)
{
	add_receive_buffers(4);
	guest_connects(0);
	SEND(.op = VIRTIO_VSOCK_OP_REQUEST);
	expect_op(VIRTIO_VSOCK_OP_RST);
	expect_host_end(service);
	cr_assert_eq(connects, 1);
}

/* Room for both ends of so many connections. */
static void allow_connections(unsigned count)
{
	struct rlimit files = {.rlim_cur = 2 * count + 256, .rlim_max = 2 * count + 256};

	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		cr_skip_test("the limit of open files is too low here");
}

Test(vsock, connections_beyond_the_most_are_reset_and_the_others_live)
{
	unsigned refused = 0;
	int first = -1;

	allow_connections(VIRTIO_VSOCK_CONNECTIONS_MAX);
	for (unsigned i = 0; i <= VIRTIO_VSOCK_CONNECTIONS_MAX; i++) {
		struct virtio_vsock_hdr header;
		uint8_t data[DATA_MAX];

		driver.heap = transmit_buffer + HEADER + BUFFER;
		add_receive_buffers(1);
		SEND(.op = VIRTIO_VSOCK_OP_REQUEST, .guest_port = 5000 + i);
		cr_assert(receive(&header, data));
		refused += header.op == VIRTIO_VSOCK_OP_RST;
		if (i == 0)
			first = service;
	}
	cr_assert_eq(connects, VIRTIO_VSOCK_CONNECTIONS_MAX);
	cr_assert_eq(refused, 1);
	SEND(.op = VIRTIO_VSOCK_OP_RW, .guest_port = 5000, .data = "x", .len = 1);
	expect_host_reads(first, "x");
}

/* ---- A program connects ---- */

Test(vsock, a_program_connects_to_the_guest)
{
	uint32_t port;
	int fd;

	add_receive_buffers(4);
	fd = program_reaches_guest(&port);
	SEND(.op = VIRTIO_VSOCK_OP_RW, .guest_port = 80, .host_port = port, .data = "hi", .len = 2);
	expect_host_reads(fd, "hi");
	host_writes(fd, "ho");
	expect_data("ho");
	close(fd);
	driver_run(&driver);
	cr_assert_eq(expect_op(VIRTIO_VSOCK_OP_SHUTDOWN).flags, BOTH);
}

Test(vsock, bytes_right_behind_the_line_are_the_guests)
{
	uint32_t port;
	int fd = program_connects();

	add_receive_buffers(4);
	host_writes(fd, "CONNECT 80\nearly");
	port = expect_op(VIRTIO_VSOCK_OP_REQUEST).src_port;
	expect_nothing();
	SEND(.op = VIRTIO_VSOCK_OP_RESPONSE, .guest_port = 80, .host_port = port);
	expect_data("early");
	close(fd);
}

Test(vsock, the_line_may_come_letter_by_letter)
{
	static const char line[] = "CONNECT 4294967294\n";
	int fd = program_connects();

	add_receive_buffers(2);
	for (unsigned i = 0; i < sizeof(line) - 1; i++) {
		expect_nothing();
		cr_assert_eq(send(fd, &line[i], 1, 0), 1);
		driver_run(&driver);
	}
	cr_assert_eq(expect_op(VIRTIO_VSOCK_OP_REQUEST).dst_port, 4294967294U);
	close(fd);
}

Test(vsock, lines_that_are_no_connect_end_the_connection)
{
	static const char *const lines[] = {
		"\n",
		"CONNECT\n",
		"CONNECT \n",
		"CONNECT 80 \n",
		"CONNECT 80\r\n",
		"CONNECT -1\n",
		"CONNECT 4294967295\n",
		"CONNECT 18446744073709551696\n",
		"CONNECT  80\n",
		"CONNECT 0x50\n",
		"GET / HTTP/1.1\n",
		"CONNECT 00000000000000000000000000000080\n",
		"no end of line in all of these bytes",
	};

	add_receive_buffers(2);
	for (unsigned i = 0; i < ARRAY_SIZE(lines); i++) {
		int fd = program_connects();
		char byte;

		host_writes(fd, lines[i]);
		/* the end, perhaps as a reset for what was not read */
		cr_assert_leq(recv(fd, &byte, 1, MSG_DONTWAIT), 0, "line %u", i);
		cr_assert_neq(errno, EAGAIN, "line %u is waited for", i);
		errno = 0;
		close(fd);
	}
	expect_nothing();
}

Test(vsock, a_program_that_is_refused_by_the_guest_sees_the_end)
{
	uint32_t port;
	int fd = program_connects();

	add_receive_buffers(2);
	host_writes(fd, "CONNECT 80\n");
	port = expect_op(VIRTIO_VSOCK_OP_REQUEST).src_port;
	SEND(.op = VIRTIO_VSOCK_OP_RST, .guest_port = 80, .host_port = port);
	expect_host_end(fd);
	expect_nothing();
	close(fd);
}

Test(vsock, a_program_that_left_before_the_answer_resets_the_guest)
{
	uint32_t port;
	int fd = program_connects();

	add_receive_buffers(2);
	host_writes(fd, "CONNECT 80\n");
	port = expect_op(VIRTIO_VSOCK_OP_REQUEST).src_port;
	close(fd);
	driver_run(&driver);
	SEND(.op = VIRTIO_VSOCK_OP_RESPONSE, .guest_port = 80, .host_port = port);
	expect_op(VIRTIO_VSOCK_OP_RST);
}

/* ---- The device's owner connects for a program ---- */

/* The program's end of a connection to the guest's port 80; the guest was asked, from *port. */
static int owner_connects(uint32_t *port)
{
	int ends[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	cr_assert_eq(virtio_vsock_connect(driver.device, ends[1], 80), 0);
	*port = expect_op(VIRTIO_VSOCK_OP_REQUEST).src_port;
	return ends[0];
}

Test(vsock, its_owner_connects_a_program_that_says_no_line)
{
	uint32_t port;
	char line[32];
	int fd;

	add_receive_buffers(4);
	fd = owner_connects(&port);
	SEND(.op = VIRTIO_VSOCK_OP_RESPONSE, .guest_port = 80, .host_port = port);
	snprintf(line, sizeof(line), "OK %u\n", port);
	expect_host_reads(fd, line);
	host_writes(fd, "CONNECT 81\n");
	expect_data("CONNECT 81\n");
	close(fd);
	driver_run(&driver);
	cr_assert_eq(expect_op(VIRTIO_VSOCK_OP_SHUTDOWN).flags, BOTH);
}

Test(vsock, its_owners_program_that_is_refused_by_the_guest_sees_the_end)
{
	uint32_t port;
	int fd;

	add_receive_buffers(4);
	fd = owner_connects(&port);
	SEND(.op = VIRTIO_VSOCK_OP_RST, .guest_port = 80, .host_port = port);
	expect_host_end(fd);
	close(fd);
}

Test(vsock_impatient, its_owners_program_is_not_kept_waiting_by_a_guest_that_does_not_answer)
{
	uint32_t port;
	int fd;

	add_receive_buffers(4);
	fd = owner_connects(&port);
	its_patience_ends();
	expect_op(VIRTIO_VSOCK_OP_RST);
	expect_host_end(fd);
	close(fd);
}

Test(vsock_early, its_owner_is_told_that_there_is_no_driver)
{
	int fd = eventfd(0, EFD_CLOEXEC);

	cr_assert_eq(virtio_vsock_connect(driver.device, fd, 80), -ENOTCONN);
	cr_assert_eq(close(fd), 0, "it is still the caller's");
}

Test(vsock, its_owner_is_told_of_too_many_and_of_no_port)
{
	int ends[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	cr_assert_eq(virtio_vsock_connect(driver.device, ends[1], UINT32_MAX), -EINVAL);
	for (unsigned i = 0; i < VIRTIO_VSOCK_CONNECTIONS_MAX; i++)
		cr_assert_eq(virtio_vsock_connect(driver.device, fcntl(ends[1], F_DUPFD_CLOEXEC, 0), 80), 0);
	cr_assert_eq(virtio_vsock_connect(driver.device, ends[1], 80), -EMFILE);
	close(ends[0]);
	close(ends[1]);
}

Test(vsock, programs_that_say_nothing_are_bounded)
{
	int fds[VIRTIO_VSOCK_HANDSHAKES_MAX + 1];
	unsigned turned_away = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = program_connects();
	for (unsigned i = 0; i < ARRAY_SIZE(fds); i++) {
		char byte;

		turned_away += recv(fds[i], &byte, 1, MSG_DONTWAIT) == 0;
	}
	cr_assert_eq(turned_away, 1);
	/* one that goes makes room for another */
	close(fds[0]);
	driver_run(&driver);
	fds[0] = program_connects();
	expect_host_waits(fds[0]);
	for (unsigned i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
}

Test(vsock_impatient, a_program_that_says_nothing_is_turned_away_in_time)
{
	int fd = program_connects();

	expect_host_waits(fd);
	its_patience_ends();
	expect_host_end(fd);
	close(fd);
}

Test(vsock_impatient, a_guest_that_does_not_answer_is_reset_in_time)
{
	int fd = program_connects();

	add_receive_buffers(4);
	host_writes(fd, "CONNECT 80\n");
	expect_op(VIRTIO_VSOCK_OP_REQUEST);
	its_patience_ends();
	expect_op(VIRTIO_VSOCK_OP_RST);
	expect_host_end(fd);
	close(fd);
}

Test(vsock_impatient, a_connection_that_is_open_has_all_the_time)
{
	uint32_t port;
	int fd;

	add_receive_buffers(4);
	fd = program_reaches_guest(&port);
	its_patience_ends();
	expect_nothing();
	expect_host_waits(fd);
	close(fd);
}

Test(vsock_impatient, a_guest_that_does_not_end_its_side_is_reset_in_time)
{
	add_receive_buffers(4);
	guest_connects(0);
	close(service);
	service = -1;
	driver_run(&driver);
	cr_assert_eq(expect_op(VIRTIO_VSOCK_OP_SHUTDOWN).flags, BOTH);
	its_patience_ends();
	expect_op(VIRTIO_VSOCK_OP_RST);
}

Test(vsock, programs_wait_while_descriptors_are_short)
{
	struct rlimit files;
	struct rlimit none;
	uint32_t port;
	int fd;

	driver_needs_split();
	add_receive_buffers(4);
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &files), 0);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	none = (struct rlimit){.rlim_cur = (rlim_t)fd + 1, .rlim_max = files.rlim_max};
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof(sa_family_t) + 6), 0);
	driver_run(&driver); /* and does not spin */
	expect_host_waits(fd);
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &files), 0);
	for (unsigned i = 0; i < 100 && driver.queues[RECEIVE].used->idx == 0; i++) {
		if (i == 0)
			cr_assert_eq(send(fd, "CONNECT 80\n", 11, 0), 11);
		sleep_ms(50);
	}
	port = expect_op(VIRTIO_VSOCK_OP_REQUEST).src_port;
	SEND(.op = VIRTIO_VSOCK_OP_RST, .guest_port = 80, .host_port = port);
	close(fd);
}

/* ---- Ends ---- */

Test(vsock, when_the_host_shuts_down_the_guest_can_still_send)
{
	add_receive_buffers(4);
	guest_connects(0);
	host_writes(service, "last words");
	shutdown(service, SHUT_WR);
	driver_run(&driver);
	expect_data("last words");
	cr_assert_eq(expect_op(VIRTIO_VSOCK_OP_SHUTDOWN).flags, VIRTIO_VSOCK_SHUTDOWN_SEND);
	SEND(.op = VIRTIO_VSOCK_OP_RW, .data = "an answer", .len = 9);
	expect_host_reads(service, "an answer");
	SEND(.op = VIRTIO_VSOCK_OP_SHUTDOWN, .flags = BOTH);
	expect_op(VIRTIO_VSOCK_OP_RST);
	expect_host_end(service);
}

Test(vsock, when_the_guest_shuts_down_the_host_can_still_send)
{
	add_receive_buffers(4);
	guest_connects(0);
	SEND(.op = VIRTIO_VSOCK_OP_RW, .data = "question", .len = 8);
	SEND(.op = VIRTIO_VSOCK_OP_SHUTDOWN, .flags = VIRTIO_VSOCK_SHUTDOWN_SEND);
	expect_host_reads(service, "question");
	expect_host_end(service);
	host_writes(service, "answer");
	expect_data("answer");
	close(service);
	service = -1;
	driver_run(&driver);
	cr_assert_eq(expect_op(VIRTIO_VSOCK_OP_SHUTDOWN).flags, BOTH);
	SEND(.op = VIRTIO_VSOCK_OP_RST);
	expect_nothing();
}

Test(vsock, when_the_guest_receives_no_more_the_hosts_writes_fail)
{
	add_receive_buffers(4);
	guest_connects(0);
	SEND(.op = VIRTIO_VSOCK_OP_SHUTDOWN, .flags = VIRTIO_VSOCK_SHUTDOWN_RCV);
	cr_assert_eq(send(service, "x", 1, MSG_NOSIGNAL), -1);
	cr_assert_eq(errno, EPIPE);
	SEND(.op = VIRTIO_VSOCK_OP_RW, .data = "y", .len = 1);
	expect_host_reads(service, "y");
	SEND(.op = VIRTIO_VSOCK_OP_SHUTDOWN, .flags = VIRTIO_VSOCK_SHUTDOWN_SEND);
	expect_op(VIRTIO_VSOCK_OP_RST);
	expect_host_end(service);
}

Test(vsock, a_host_that_closes_after_the_guest_stopped_receiving_is_noticed)
{
	add_receive_buffers(4);
	guest_connects(0);
	SEND(.op = VIRTIO_VSOCK_OP_SHUTDOWN, .flags = VIRTIO_VSOCK_SHUTDOWN_RCV);
	close(service);
	service = -1;
	driver_run(&driver);
	cr_assert_eq(expect_op(VIRTIO_VSOCK_OP_SHUTDOWN).flags, BOTH);
}

Test(vsock, bytes_for_a_host_that_reads_no_more_are_dropped_and_their_sender_told)
{
	uint8_t bytes[1000] = {0};

	add_receive_buffers(8);
	guest_connects(0);
	shutdown(service, SHUT_RD);
	for (unsigned i = 0; i < 100; i++)
		SEND(.op = VIRTIO_VSOCK_OP_RW, .data = bytes, .len = sizeof(bytes));
	cr_assert_eq(expect_op(VIRTIO_VSOCK_OP_SHUTDOWN).flags, VIRTIO_VSOCK_SHUTDOWN_RCV);
	expect_op(VIRTIO_VSOCK_OP_CREDIT_UPDATE);
	host_writes(service, "still here");
	cr_assert_not(driver_sees_broken(&driver));
}

Test(vsock, a_reset_of_the_guests_ends_the_hosts_side)
{
	add_receive_buffers(4);
	guest_connects(0);
	SEND(.op = VIRTIO_VSOCK_OP_RST);
	expect_host_end(service);
	expect_nothing();
}

Test(vsock, a_device_reset_closes_all_connections)
{
	uint32_t port;
	int waiting;
	int fd;

	add_receive_buffers(4);
	guest_connects(0);
	fd = program_reaches_guest(&port);
	waiting = program_connects();
	driver_reset(&driver);
	driver_run(&driver);
	expect_host_end(service);
	expect_host_end(fd);
	expect_host_end(waiting);
	driver_start(&driver, 0);
	add_receive_buffers(4);
	SEND(.op = VIRTIO_VSOCK_OP_RW, .data = "x", .len = 1);
	expect_op(VIRTIO_VSOCK_OP_RST);
	close(fd);
	close(waiting);
}

Test(vsock, connections_from_before_a_reset_are_gone_even_when_the_driver_is_quick)
{
	struct packet packet = {.op = VIRTIO_VSOCK_OP_RW, .guest_port = GUEST_PORT};
	struct virtio_vsock_hdr header = header_of(&packet);
	struct driver_buffer buffer;

	add_receive_buffers(4);
	guest_connects(0);
	/* this notification is the first thing that the loop sees after all of the rest */
	virtio_device_kick(driver.device, TRANSMIT);
	driver_reset(&driver);
	driver_start(&driver, 0);
	add_receive_buffer();
	buffer = driver_out(&driver, &header, HEADER);
	driver_add(&driver, TRANSMIT, &buffer, 1);
	driver_run(&driver);
	expect_op(VIRTIO_VSOCK_OP_RST);
	expect_host_end(service);
}

/* ---- Credit ---- */

/* Sends on until the host's socket and the device's buffer are full; returns what the guest has sent then. */
static uint32_t fill_host(uint8_t *bytes, uint32_t sent, uint32_t chunk, uint32_t *told)
{
	struct virtio_vsock_hdr header;
	uint8_t data[DATA_MAX];

	for (unsigned turns = 0; turns < 10000; turns++) {
		while (receive(&header, data)) {
			if (header.op == VIRTIO_VSOCK_OP_CREDIT_UPDATE)
				*told = header.fwd_cnt;
			add_receive_buffers(1);
			driver.heap -= HEADER + DATA_MAX;
		}
		if (sent + chunk - *told > BUFFER)
			break;
		for (uint32_t i = 0; i < chunk; i++)
			bytes[sent + i] = (uint8_t)(sent + i + (sent + i) / 255);
		SEND(.op = VIRTIO_VSOCK_OP_RW, .data = bytes + sent, .len = chunk);
		sent += chunk;
	}
	return sent;
}

static uint8_t stream[8 << 20];

/* Reads to the end of the stream, and checks every byte. */
static void expect_stream(int fd, uint32_t len)
{
	uint32_t at = 0;
	uint8_t got[5000];
	ssize_t size;

	while ((size = recv(fd, got, sizeof(got), MSG_DONTWAIT)) > 0) {
		cr_assert_leq(at + size, len);
		cr_assert_eq(memcmp(got, stream + at, (size_t)size), 0);
		at += (uint32_t)size;
		driver_run(&driver);
	}
	cr_assert_eq(size, 0, "%s", strerror(errno));
	cr_assert_eq(at, len);
}

Test(vsock, a_host_that_does_not_read_stops_the_guest_and_gets_all_later)
{
	uint32_t told = 0;
	uint32_t sent;

	add_receive_buffers(4);
	guest_connects(0);
	sent = fill_host(stream, 0, 3000, &told);
	cr_assert_gt(sent, BUFFER);
	SEND(.op = VIRTIO_VSOCK_OP_SHUTDOWN, .flags = BOTH);
	expect_nothing(); /* no reset while there is something to deliver */
	expect_stream(service, sent);
	expect_op(VIRTIO_VSOCK_OP_RST);
}

/* For tests of many packets: one buffer at a time, always the same memory. */
static void offer_the_buffer(void)
{
	driver.heap = transmit_buffer + HEADER + BUFFER;
	add_receive_buffers(1);
}

/* The guest sends all that it has credit for, and what it is given more; nobody reads. Returns how much. */
static uint32_t flood(uint32_t guest_port, uint32_t room)
{
	struct virtio_vsock_hdr header;
	uint8_t data[DATA_MAX] = {0};
	uint32_t told = 0, sent = 0;

	while (sent - told < room) {
		uint32_t len = MIN((uint32_t)DATA_MAX, room - (sent - told));

		SEND(.op = VIRTIO_VSOCK_OP_RW, .guest_port = guest_port, .data = data, .len = len);
		sent += len;
		while (receive(&header, data)) {
			cr_assert_eq(header.op, VIRTIO_VSOCK_OP_CREDIT_UPDATE);
			cr_assert_eq(header.buf_alloc, room, "the room stays what it is");
			told = header.fwd_cnt;
			offer_the_buffer();
		}
	}
	return sent;
}

Test(vsock, hosts_that_never_read_cost_bounded_memory)
{
	const unsigned wide = VIRTIO_VSOCK_WIDE_BYTES / VIRTIO_VSOCK_BUFFER, narrow = 400;
	size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
	uint64_t promised = 0;
	uint64_t sent = 0;
	size_t used;

	if (mallinfo2().arena == 0)
		cr_skip("a sanitizer's memory does not say how much is in use");
	allow_connections(wide + narrow);
	offer_the_buffer();
	for (unsigned i = 0; i < wide + narrow; i++) {
		struct virtio_vsock_hdr header;

		SEND(.op = VIRTIO_VSOCK_OP_REQUEST, .guest_port = 5000 + i);
		header = expect_op(VIRTIO_VSOCK_OP_RESPONSE);
		cr_assert_eq(header.buf_alloc, i < wide ? VIRTIO_VSOCK_BUFFER : VIRTIO_VSOCK_BUFFER_NARROW);
		promised += header.buf_alloc;
		offer_the_buffer();
		sent += flood(5000 + i, header.buf_alloc);
	}
	cr_assert_leq(promised, VIRTIO_VSOCK_WIDE_BYTES + narrow * VIRTIO_VSOCK_BUFFER_NARROW);
	used = mallinfo2().uordblks + mallinfo2().hblkhd - before;
	cr_assert_gt(used, promised / 2, "the device holds nothing at all");
	cr_assert_lt(used, promised + (wide + narrow) * 8192);
	/* what is beyond that is in the kernel: at most the usual send buffer of a wide one, little of others
	 */
	cr_assert_lt(sent, promised + wide * 256 * 1024 + narrow * 16 * 1024);
	/* and all of it comes back */
	driver_reset(&driver);
	driver_run(&driver);
	cr_assert_lt(mallinfo2().uordblks + mallinfo2().hblkhd, before + 65536);
}

Test(vsock, a_host_that_reads_now_and_then_gets_every_byte)
{
	static uint8_t got[sizeof(stream)];
	uint32_t told = 0;
	uint32_t sent = 0;
	uint32_t have = 0;
	ssize_t size;

	shallow = true;
	add_receive_buffers(4);
	guest_connects(0);
	for (unsigned turns = 0; turns < 200; turns++) {
		sent = fill_host(stream, sent, 1999, &told);
		size = recv(service, got + have, 7001, MSG_DONTWAIT);
		cr_assert_gt(size, 0);
		have += (uint32_t)size;
		driver_run(&driver);
	}
	cr_assert_gt(sent, 500000, "the guest was held up");
	SEND(.op = VIRTIO_VSOCK_OP_SHUTDOWN, .flags = BOTH);
	while ((size = recv(service, got + have, 7001, MSG_DONTWAIT)) > 0) {
		have += (uint32_t)size;
		driver_run(&driver);
	}
	cr_assert_eq(have, sent);
	cr_assert_eq(memcmp(got, stream, sent), 0);
}

Test(vsock, a_guest_that_gives_up_waiting_still_has_its_bytes_delivered)
{
	uint32_t told = 0;
	uint32_t sent;

	add_receive_buffers(4);
	guest_connects(0);
	sent = fill_host(stream, 0, 3000, &told);
	SEND(.op = VIRTIO_VSOCK_OP_SHUTDOWN, .flags = BOTH);
	SEND(.op = VIRTIO_VSOCK_OP_RST);
	/* its ports are free again */
	{
		int old = service;

		guest_connects(0);
		expect_stream(old, sent);
		close(old);
	}
	SEND(.op = VIRTIO_VSOCK_OP_RW, .data = "new", .len = 3);
	expect_host_reads(service, "new");
	expect_nothing();
}

/* Whether the device has closed its end, whatever there is still to read. */
static bool host_is_closed(int fd)
{
	struct pollfd end = {.fd = fd};

	poll(&end, 1, 0);
	return (end.revents & POLLHUP) != 0;
}

static bool is_closed_within(int fd, unsigned ms)
{
	for (unsigned passed = 0; passed < ms && !host_is_closed(fd); passed += 10)
		sleep_ms(10);
	return host_is_closed(fd);
}

Test(vsock_impatient, a_host_that_never_reads_is_not_waited_for_when_the_guest_shut_down)
{
	uint32_t told = 0;

	add_receive_buffers(4);
	guest_connects(0);
	fill_host(stream, 0, 3000, &told);
	SEND(.op = VIRTIO_VSOCK_OP_SHUTDOWN, .flags = BOTH);
	expect_nothing();
	cr_assert_not(host_is_closed(service));
	cr_assert(is_closed_within(service, 5000));
	expect_op(VIRTIO_VSOCK_OP_RST);
}

Test(vsock_impatient, a_host_that_never_reads_is_not_waited_for_when_the_guest_gave_up)
{
	uint32_t told = 0;

	add_receive_buffers(4);
	guest_connects(0);
	fill_host(stream, 0, 3000, &told);
	SEND(.op = VIRTIO_VSOCK_OP_SHUTDOWN, .flags = BOTH);
	SEND(.op = VIRTIO_VSOCK_OP_RST);
	cr_assert_not(host_is_closed(service));
	cr_assert(is_closed_within(service, 5000));
	expect_nothing();
}

Test(vsock_impatient, a_guest_that_only_stopped_sending_is_not_cut_off)
{
	uint32_t told = 0;
	uint32_t sent;

	add_receive_buffers(4);
	guest_connects(0);
	sent = fill_host(stream, 0, 3000, &told);
	SEND(.op = VIRTIO_VSOCK_OP_SHUTDOWN, .flags = VIRTIO_VSOCK_SHUTDOWN_SEND);
	cr_assert_not(is_closed_within(service, IMPATIENT_MS * VIRTIO_VSOCK_DRAIN_TIMEOUTS * 2));
	expect_stream(service, sent);
}

Test(vsock_impatient, a_host_that_reads_slowly_gets_all)
{
	uint32_t told = 0;
	uint32_t have = 0;
	uint32_t sent;
	ssize_t size;

	shallow = true;
	add_receive_buffers(4);
	guest_connects(0);
	sent = fill_host(stream, 0, 3000, &told);
	SEND(.op = VIRTIO_VSOCK_OP_SHUTDOWN, .flags = BOTH);
	SEND(.op = VIRTIO_VSOCK_OP_RST);
	do {
		static uint8_t got[16384];

		sleep_ms(60);
		size = recv(service, got, sizeof(got), MSG_DONTWAIT);
		cr_assert_geq(size, 0, "%s", strerror(errno));
		cr_assert_eq(memcmp(got, stream + have, (size_t)size), 0);
		have += (uint32_t)size;
	} while (size > 0);
	cr_assert_eq(have, sent);
}

Test(vsock, more_than_its_credit_resets_the_guest)
{
	uint32_t told = 0;

	add_receive_buffers(4);
	guest_connects(0);
	fill_host(stream, 0, 4096, &told);
	SEND(.op = VIRTIO_VSOCK_OP_RW, .data = stream, .len = BUFFER);
	expect_op(VIRTIO_VSOCK_OP_RST);
}

Test(vsock, the_guest_hears_of_its_credit_when_it_asks)
{
	add_receive_buffers(4);
	guest_connects(0);
	SEND(.op = VIRTIO_VSOCK_OP_RW, .data = "12345", .len = 5);
	expect_nothing();
	SEND(.op = VIRTIO_VSOCK_OP_CREDIT_REQUEST);
	cr_assert_eq(expect_op(VIRTIO_VSOCK_OP_CREDIT_UPDATE).fwd_cnt, 5);
}

Test(vsock, the_guest_is_sent_no_more_than_it_has_room_for)
{
	add_receive_buffers(8);
	SEND(.op = VIRTIO_VSOCK_OP_REQUEST, .buf_alloc = 10);
	expect_op(VIRTIO_VSOCK_OP_RESPONSE);
	host_writes(service, "0123456789abcdef");
	expect_data("0123456789");
	expect_op(VIRTIO_VSOCK_OP_CREDIT_REQUEST);
	SEND(.op = VIRTIO_VSOCK_OP_CREDIT_UPDATE, .buf_alloc = 10);
	expect_nothing();
	SEND(.op = VIRTIO_VSOCK_OP_CREDIT_UPDATE, .buf_alloc = 10, .fwd_cnt = 3);
	expect_data("abc");
	expect_op(VIRTIO_VSOCK_OP_CREDIT_REQUEST);
	SEND(.op = VIRTIO_VSOCK_OP_CREDIT_UPDATE, .buf_alloc = 10, .fwd_cnt = 13);
	expect_data("def");
	/* counts that cannot be are no credit */
	SEND(.op = VIRTIO_VSOCK_OP_CREDIT_UPDATE, .buf_alloc = 10, .fwd_cnt = 17);
	host_writes(service, "more");
	expect_op(VIRTIO_VSOCK_OP_CREDIT_REQUEST);
	expect_nothing();
}

/* ---- Want of receive buffers ---- */

Test(vsock, what_the_guest_is_owed_waits_for_buffers)
{
	SEND(.op = VIRTIO_VSOCK_OP_REQUEST);
	host_writes(service, "data");
	close(service);
	service = -1;
	driver_run(&driver);
	expect_nothing();
	add_receive_buffers(1);
	expect_op(VIRTIO_VSOCK_OP_RESPONSE);
	add_receive_buffers(1);
	expect_data("data");
	add_receive_buffers(1);
	cr_assert_eq(expect_op(VIRTIO_VSOCK_OP_SHUTDOWN).flags, BOTH);
	add_receive_buffers(1);
	expect_nothing();
}

Test(vsock, no_reset_is_lost_for_want_of_buffers)
{
	const unsigned count = 200;
	bool seen[200] = {false};
	unsigned answered = 0;
	struct driver_used used;
	unsigned collected = 0;

	driver_needs_split();
	/* more packets for nobody than the device keeps answers for: it stops taking them */
	for (unsigned i = 0; i < count; i++) {
		struct packet packet = {.op = VIRTIO_VSOCK_OP_RW, .guest_port = 2000 + i};
		struct virtio_vsock_hdr header = header_of(&packet);
		struct driver_buffer buffer = driver_out(&driver, &header, HEADER);
		struct virtio_vsock_hdr answer;
		uint8_t data[DATA_MAX];

		if (i - collected == DRIVER_QUEUE_SIZE) {
			add_receive_buffers(DRIVER_QUEUE_SIZE);
			while (receive(&answer, data)) {
				cr_assert_eq(answer.op, VIRTIO_VSOCK_OP_RST);
				seen[answer.dst_port - 2000] = true;
				answered++;
			}
			driver.heap -= DRIVER_QUEUE_SIZE * (HEADER + DATA_MAX);
			while (driver_collect(&driver, TRANSMIT, &used))
				collected++;
		}
		driver_add(&driver, TRANSMIT, &buffer, 1);
		driver_kick(&driver, TRANSMIT);
		while (driver_collect(&driver, TRANSMIT, &used))
			collected++;
	}
	for (unsigned turns = 0; turns < 20; turns++) {
		struct virtio_vsock_hdr answer;
		uint8_t data[DATA_MAX];

		add_receive_buffers(DRIVER_QUEUE_SIZE - driver.queues[RECEIVE].avail->idx +
				    driver.queues[RECEIVE].used->idx);
		while (receive(&answer, data)) {
			seen[answer.dst_port - 2000] = true;
			answered++;
		}
	}
	cr_assert_eq(answered, count);
	for (unsigned i = 0; i < count; i++)
		cr_assert(seen[i], "%u", i);
}

Test(vsock, connections_take_turns)
{
	int first;
	unsigned order[4];

	add_receive_buffers(2);
	guest_connects(100);
	first = service;
	guest_connects(200);
	for (unsigned i = 0; i < 2; i++) {
		cr_assert_eq(send(first, stream, DATA_MAX, 0), DATA_MAX);
		cr_assert_eq(send(service, stream, DATA_MAX, 0), DATA_MAX);
	}
	driver_run(&driver);
	for (unsigned i = 0; i < 4; i++) {
		add_receive_buffers(1);
		order[i] = expect_op(VIRTIO_VSOCK_OP_RW).dst_port;
	}
	cr_assert_neq(order[0], order[1]);
	cr_assert_eq(order[0], order[2]);
	cr_assert_eq(order[1], order[3]);
	close(first);
}

/* ---- A hostile guest ---- */

Test(vsock, packets_for_nobody_are_answered_with_a_reset_but_not_resets)
{
	struct virtio_vsock_hdr header;

	add_receive_buffers(8);
	SEND(.op = VIRTIO_VSOCK_OP_RW, .data = "x", .len = 1);
	header = expect_op(VIRTIO_VSOCK_OP_RST);
	cr_assert_eq(header.src_port, HOST_PORT);
	cr_assert_eq(header.dst_port, GUEST_PORT);
	SEND(.op = VIRTIO_VSOCK_OP_RESPONSE);
	expect_op(VIRTIO_VSOCK_OP_RST);
	SEND(.op = VIRTIO_VSOCK_OP_SHUTDOWN, .flags = BOTH);
	expect_op(VIRTIO_VSOCK_OP_RST);
	SEND(.op = VIRTIO_VSOCK_OP_RST);
	expect_nothing();
}

Test(vsock, packets_of_another_cid_are_dropped)
{
	struct packet packet = {.op = VIRTIO_VSOCK_OP_REQUEST};
	struct virtio_vsock_hdr header = header_of(&packet);

	add_receive_buffers(2);
	header.src_cid = CID + 1;
	send_header(&header, NULL, 0);
	header.src_cid = CID | 1ULL << 32;
	send_header(&header, NULL, 0);
	header.src_cid = CID;
	header.dst_cid = 5;
	send_header(&header, NULL, 0);
	expect_nothing();
	cr_assert_eq(connects, 0);
}

Test(vsock, other_types_are_answered_with_a_reset_of_their_type)
{
	struct packet packet = {.op = VIRTIO_VSOCK_OP_REQUEST};
	struct virtio_vsock_hdr header = header_of(&packet);
	uint8_t data[DATA_MAX];

	add_receive_buffers(2);
	header.type = VIRTIO_VSOCK_TYPE_SEQPACKET;
	send_header(&header, NULL, 0);
	cr_assert(receive(&header, data));
	cr_assert_eq(header.op, VIRTIO_VSOCK_OP_RST);
	cr_assert_eq(header.type, VIRTIO_VSOCK_TYPE_SEQPACKET);
	cr_assert_eq(connects, 0);
}

Test(vsock, unknown_operations_reset_the_connection)
{
	add_receive_buffers(8);
	guest_connects(1);
	SEND(.op = 99, .guest_port = 1);
	expect_op(VIRTIO_VSOCK_OP_RST);
	guest_connects(2);
	SEND(.op = VIRTIO_VSOCK_OP_INVALID, .guest_port = 2);
	expect_op(VIRTIO_VSOCK_OP_RST);
	guest_connects(3);
	SEND(.op = VIRTIO_VSOCK_OP_RESPONSE, .guest_port = 3);
	expect_op(VIRTIO_VSOCK_OP_RST);
}

Test(vsock, data_before_the_answer_or_after_the_end_reset_the_connection)
{
	uint32_t port;
	int fd = program_connects();

	add_receive_buffers(8);
	host_writes(fd, "CONNECT 80\n");
	port = expect_op(VIRTIO_VSOCK_OP_REQUEST).src_port;
	SEND(.op = VIRTIO_VSOCK_OP_RW, .guest_port = 80, .host_port = port, .data = "x", .len = 1);
	expect_op(VIRTIO_VSOCK_OP_RST);
	expect_host_end(fd);
	guest_connects(0);
	SEND(.op = VIRTIO_VSOCK_OP_SHUTDOWN, .flags = VIRTIO_VSOCK_SHUTDOWN_SEND);
	SEND(.op = VIRTIO_VSOCK_OP_RW, .data = "x", .len = 1);
	expect_op(VIRTIO_VSOCK_OP_RST);
	close(fd);
}

Test(vsock, a_length_beyond_the_packet_breaks_the_device)
{
	struct packet packet = {.op = VIRTIO_VSOCK_OP_RW, .len = 6};
	struct virtio_vsock_hdr header = header_of(&packet);

	send_header(&header, "12345", 5);
	cr_assert(driver_sees_broken(&driver));
}

Test(vsock, a_packet_without_a_whole_header_breaks_the_device)
{
	struct driver_buffer buffer = driver_out(&driver, stream, HEADER - 1);

	driver_add(&driver, TRANSMIT, &buffer, 1);
	driver_kick(&driver, TRANSMIT);
	cr_assert(driver_sees_broken(&driver));
}

Test(vsock, a_receive_buffer_without_room_for_data_breaks_the_device)
{
	struct driver_buffer buffer = driver_in(&driver, HEADER);

	driver_add(&driver, RECEIVE, &buffer, 1);
	SEND(.op = VIRTIO_VSOCK_OP_RW);
	cr_assert(driver_sees_broken(&driver));
}

Test(vsock, data_in_many_pieces_arrive_whole)
{
	struct packet packet = {.op = VIRTIO_VSOCK_OP_RW, .len = 10};
	struct virtio_vsock_hdr header = header_of(&packet);
	uint8_t bytes[HEADER + 10];
	struct driver_buffer buffers[3];

	add_receive_buffers(2);
	guest_connects(0);
	memcpy(bytes, &header, HEADER);
	memcpy(bytes + HEADER, "0123456789", 10);
	buffers[0] = driver_out(&driver, bytes, 20);
	buffers[1] = driver_out(&driver, bytes + 20, HEADER - 20 + 3);
	buffers[2] = driver_out(&driver, bytes + HEADER + 3, 7);
	driver_add(&driver, TRANSMIT, buffers, 3);
	driver_kick(&driver, TRANSMIT);
	expect_host_reads(service, "0123456789");
}
