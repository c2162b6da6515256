#include "devmodel/virtio/vsock.h"

#include <endian.h>
#include <errno.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_vsock.h>
#include <linux/vm_sockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/util.h"
#include "devmodel/virtio/iov.h"

/* 5.10.2. QUEUE_RX is what the guest receives. The last queue is for events: the only one is for a guest that
 * migrated. */
#define QUEUE_RX    0
#define QUEUE_TX    1
#define QUEUE_COUNT 3
#define QUEUE_SIZE  256

#define HEADER       sizeof(struct virtio_vsock_hdr)
#define BUCKETS      1024
#define RESETS_MAX   64
#define ACCEPT_BATCH 16
#define LINE_MAX_LEN 32 /* of "CONNECT 4294967295\n" and no more */
#define TICKS        4  /* how often the timer looks during a timeout */

/* Ports that the host's programs connect from: this many, from this one on. */
#define HOST_PORTS_FIRST (1U << 30)

/* The same with the width that comparing needs. */
#define PORT_ANY ((uint64_t)VMADDR_PORT_ANY)
#define CID_ANY  ((uint64_t)VMADDR_CID_ANY)

#define SHUTDOWN_BOTH ((uint32_t)VIRTIO_VSOCK_SHUTDOWN_RCV | (uint32_t)VIRTIO_VSOCK_SHUTDOWN_SEND)

/*
 *      host connects --> HANDSHAKE --"CONNECT"--> CONNECTING --RESPONSE--> OPEN <--REQUEST-- guest connects
 *                                                                          |  \
 *                                       guest gave up, bytes for the host  |   \  either side is done
 *                                                                  DRAINING     RESET --RST sent--> gone
 */
enum connection_state {
	HANDSHAKE,  /* the guest knows nothing of it */
	CONNECTING, /* the guest's answer is awaited */
	OPEN,
	DRAINING, /* the guest forgot it; the host's side has not read all yet */
	RESET,    /* the host's side is closed; the guest is to be told */
};

/*
 * What the guest is still to be sent, in this order. These are flags and not packets, so that nothing is lost
 * and nothing grows while the guest offers no buffer.
 */
enum owed {
	OWED_RST = 1 << 0,
	OWED_REQUEST = 1 << 1,
	OWED_RESPONSE = 1 << 2,
	OWED_SHUTDOWN = 1 << 3,
	OWED_CREDIT_UPDATE = 1 << 4, /* data do as well: they carry the same */
	OWED_CREDIT_REQUEST = 1 << 5,
	OWED_BEFORE_DATA = OWED_RST | OWED_REQUEST | OWED_RESPONSE | OWED_SHUTDOWN,
};

struct connection {
	struct vsock *vsock;
	TAILQ_ENTRY(connection) all;
	TAILQ_ENTRY(connection) due;   /* when is_due */
	LIST_ENTRY(connection) bucket; /* when is_known */
	bool is_due;
	bool is_known; /* to the guest, by its ports */
	enum connection_state state;
	uint32_t guest_port;
	uint32_t host_port;
	unsigned owed;
	uint64_t deadline; /* ms; 0: none */

	/* The host's side. Edges are remembered here until a call says EAGAIN. */
	struct loop_source source; /* fd -1 when closed */
	bool readable;
	bool writable;
	bool hung_up;
	bool write_ended;

	uint32_t guest_shutdown; /* VIRTIO_VSOCK_SHUTDOWN_*: what each side does not want to do any more */
	uint32_t host_shutdown;

	/* Host to guest: bytes sent, and the guest's credit (5.10.6.3). All counters wrap around. */
	uint32_t sent;
	uint32_t guest_buf_alloc;
	uint32_t guest_fwd_cnt;
	bool credit_asked;

	/* Guest to host: bytes received, passed on to the host's side, and what the guest was told of that.
	 */
	uint32_t received;
	uint32_t forwarded;
	uint32_t told;
	/* received - forwarded bytes from `start` on, around the end; NULL when there are none */
	uint8_t *buffer;
	uint32_t start;
};

TAILQ_HEAD(connection_list, connection);
LIST_HEAD(connection_bucket, connection);

/* A packet that nobody is there for gets this answer. */
struct stray_reset {
	uint32_t guest_port;
	uint32_t host_port;
	uint16_t type;
};

struct vsock {
	struct virtio_device device;
	struct virtio_vsock_options options;
	struct loop_source listener; /* fd -1: none */
	struct loop_source wake;     /* the device was reset: the loop's thread is to close what is open */
	struct loop_timer timer;
	bool timer_runs;
	bool reset_pending;
	bool tx_paused; /* no room for another stray reset */

	unsigned connection_count;
	unsigned handshake_count;
	uint32_t next_host_port;
	struct connection_list all;
	struct connection_list due; /* those that owe the guest something, in turn */
	struct connection_bucket buckets[BUCKETS];
	unsigned reset_count;
	struct stray_reset resets[RESETS_MAX];
	struct virtq_chain chain;
};

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void timer_start(struct vsock *vsock)
{
	if (vsock->timer_runs)
		return;
	vsock->timer_runs = true;
	loop_timer_set(&vsock->timer, vsock->options.timeout_ms * 1000000ULL / TICKS, 0);
}

/* ---- Connections: their table ---- */

static struct connection_bucket *bucket_of(struct vsock *vsock, uint32_t guest_port, uint32_t host_port)
{
	return &vsock->buckets[(guest_port * 31 + host_port) % BUCKETS];
}

static struct connection *connection_find(struct vsock *vsock, uint32_t guest_port, uint32_t host_port)
{
	struct connection *conn;

	LIST_FOREACH(conn, bucket_of(vsock, guest_port, host_port), bucket)
	{
		if (conn->guest_port == guest_port && conn->host_port == host_port)
			return conn;
	}
	return NULL;
}

static void connection_know(struct connection *conn, uint32_t guest_port, uint32_t host_port)
{
	conn->guest_port = guest_port;
	conn->host_port = host_port;
	conn->is_known = true;
	LIST_INSERT_HEAD(bucket_of(conn->vsock, guest_port, host_port), conn, bucket);
}

static void connection_forget(struct connection *conn)
{
	if (conn->is_known)
		LIST_REMOVE(conn, bucket);
	if (conn->is_due)
		TAILQ_REMOVE(&conn->vsock->due, conn, due);
	conn->is_known = false;
	conn->is_due = false;
	conn->owed = 0;
}

static void connection_set_deadline(struct connection *conn)
{
	conn->deadline = now_ms() + conn->vsock->options.timeout_ms;
	timer_start(conn->vsock);
}

static void connection_ready(struct loop_source *source, uint32_t events);

/* Takes fd over; NULL when there is no memory. */
static struct connection *connection_new(struct vsock *vsock, int fd, enum connection_state state)
{
	struct connection *conn = calloc(1, sizeof(*conn));

	if (!conn)
		return NULL;
	conn->vsock = vsock;
	conn->state = state;
	conn->readable = true; /* or so they may be: the first call will tell */
	conn->writable = true;
	conn->source = (struct loop_source){
		.fd = fd,
		.events = EPOLLIN | EPOLLOUT | EPOLLET,
		.ready = connection_ready,
	};
	if (loop_add(vsock->device.loop, &conn->source) < 0) {
		free(conn);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&vsock->all, conn, all);
	vsock->connection_count++;
	return conn;
}

static void buffer_drop(struct connection *conn)
{
	free(conn->buffer);
	conn->buffer = NULL;
	conn->start = 0;
	conn->forwarded = conn->received;
}

static void connection_close_host(struct connection *conn)
{
	if (conn->source.fd < 0)
		return;
	loop_remove(conn->vsock->device.loop, &conn->source);
	close(conn->source.fd);
	conn->source.fd = -1;
	buffer_drop(conn);
}

static void connection_free(struct connection *conn)
{
	struct vsock *vsock = conn->vsock;

	connection_forget(conn);
	connection_close_host(conn);
	TAILQ_REMOVE(&vsock->all, conn, all);
	vsock->connection_count--;
	if (conn->state == HANDSHAKE)
		vsock->handshake_count--;
	free(conn);
}

/* ---- Connections: what the guest is owed ---- */

/* Bytes that the guest has room for. */
static uint32_t guest_credit(const struct connection *conn)
{
	uint32_t unread = conn->sent - conn->guest_fwd_cnt;

	return unread < conn->guest_buf_alloc ? conn->guest_buf_alloc - unread : 0;
}

static bool wants_to_send(const struct connection *conn)
{
	return conn->state == OPEN && conn->readable && !(conn->host_shutdown & VIRTIO_VSOCK_SHUTDOWN_SEND) &&
	       !(conn->guest_shutdown & VIRTIO_VSOCK_SHUTDOWN_RCV);
}

/* Lines the connection up when it has something for the guest. */
static void connection_schedule(struct connection *conn)
{
	if (wants_to_send(conn) && guest_credit(conn) == 0 && !conn->credit_asked) {
		conn->credit_asked = true;
		conn->owed |= OWED_CREDIT_REQUEST;
	}
	if (conn->is_due || !(conn->owed || (wants_to_send(conn) && guest_credit(conn))))
		return;
	conn->is_due = true;
	TAILQ_INSERT_TAIL(&conn->vsock->due, conn, due);
}

static void connection_owe(struct connection *conn, enum owed what)
{
	if (conn->state != CONNECTING && conn->state != OPEN)
		return;
	conn->owed |= what;
	connection_schedule(conn);
}

/* The end of a connection: the host's side at once, the guest's with the RST that it is owed. */
static void connection_reset(struct connection *conn)
{
	if (!conn->is_known || conn->owed & OWED_REQUEST) {
		connection_free(conn);
		return;
	}
	connection_close_host(conn);
	conn->state = RESET;
	conn->deadline = 0;
	conn->owed = OWED_RST;
	connection_schedule(conn);
}

/* The host's side does not send, or does not receive, any more. */
static void host_ended(struct connection *conn, uint32_t directions)
{
	if ((conn->host_shutdown | directions) == conn->host_shutdown)
		return;
	conn->host_shutdown |= directions;
	if (conn->host_shutdown & VIRTIO_VSOCK_SHUTDOWN_RCV)
		buffer_drop(conn);
	/* The guest may still read what it has, and then says RST. */
	if (conn->host_shutdown == SHUTDOWN_BOTH)
		connection_set_deadline(conn);
	connection_owe(conn, OWED_SHUTDOWN);
}

/* ---- Guest to host ---- */

static uint32_t buffer_used(const struct connection *conn)
{
	return conn->received - conn->forwarded;
}

/* Bytes that the host's side took. */
static size_t host_write(struct connection *conn, struct iovec *iov, unsigned count)
{
	struct msghdr message = {.msg_iov = iov, .msg_iovlen = count};
	ssize_t sent;

	if (!conn->writable || count == 0)
		return 0;
	do
		sent = sendmsg(conn->source.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (sent < 0 && errno == EINTR);
	if (sent >= 0)
		return (size_t)sent;
	conn->writable = false;
	if (errno != EAGAIN)
		host_ended(conn, VIRTIO_VSOCK_SHUTDOWN_RCV);
	return 0;
}

/* The bytes buffered, as a list. */
static unsigned buffer_iov(const struct connection *conn, struct iovec iov[2])
{
	uint32_t used = buffer_used(conn);
	uint32_t first = MIN(used, VIRTIO_VSOCK_BUFFER - conn->start);

	iov[0] = (struct iovec){.iov_base = conn->buffer + conn->start, .iov_len = first};
	iov[1] = (struct iovec){.iov_base = conn->buffer, .iov_len = used - first};
	return used == 0 ? 0 : used == first ? 1 : 2;
}

/* Appends a packet's bytes from offset on; the caller has checked that there is room. */
static bool buffer_append(struct connection *conn, const struct virtq_chain *chain, size_t offset,
			  uint32_t len)
{
	uint32_t end = (conn->start + buffer_used(conn)) % VIRTIO_VSOCK_BUFFER;
	uint32_t first = MIN(len, VIRTIO_VSOCK_BUFFER - end);

	if (!conn->buffer)
		conn->buffer = malloc(VIRTIO_VSOCK_BUFFER);
	if (!conn->buffer)
		return false;
	virtq_chain_read(chain, offset, conn->buffer + end, first);
	virtq_chain_read(chain, offset + first, conn->buffer, len - first);
	conn->received += len;
	return true;
}

static void buffer_flush(struct connection *conn)
{
	struct iovec iov[2];
	unsigned count;
	size_t sent;

	while (conn->buffer && (count = buffer_iov(conn, iov)) && (sent = host_write(conn, iov, count))) {
		conn->forwarded += (uint32_t)sent;
		conn->start = (conn->start + (uint32_t)sent) % VIRTIO_VSOCK_BUFFER;
	}
	if (conn->buffer && !buffer_used(conn))
		buffer_drop(conn);
}

/*
 * Does what has become possible or due after any change: passes on, ends what is at its end, gives credit.
 * The connection may be gone afterwards.
 */
static void connection_settle(struct connection *conn)
{
	uint32_t guest_sees_free = VIRTIO_VSOCK_BUFFER - (conn->received - conn->told);

	buffer_flush(conn);
	if (conn->guest_shutdown & VIRTIO_VSOCK_SHUTDOWN_SEND && !buffer_used(conn)) {
		if (conn->state == DRAINING) {
			connection_free(conn);
			return;
		}
		/* 5.10.6.6: both directions shut down are answered with a reset, when all is delivered. */
		if (conn->guest_shutdown == SHUTDOWN_BOTH) {
			connection_reset(conn);
			return;
		}
		if (!conn->write_ended)
			shutdown(conn->source.fd, SHUT_WR);
		conn->write_ended = true;
	}
	/* Nobody reads any more, so nobody else would find out. */
	if (conn->hung_up && conn->guest_shutdown & VIRTIO_VSOCK_SHUTDOWN_RCV)
		host_ended(conn, SHUTDOWN_BOTH);
	if (guest_sees_free < VIRTIO_VSOCK_BUFFER / 2 && conn->forwarded != conn->told)
		connection_owe(conn, OWED_CREDIT_UPDATE);
	connection_schedule(conn);
}

static void receive_data(struct connection *conn, const struct virtq_chain *chain, uint32_t len)
{
	struct iovec iov[VIRTQ_CHAIN_MAX];
	uint32_t sent = 0;

	/* More than it has credit for, or after it said that there would be no more. */
	if (conn->state != OPEN || conn->guest_shutdown & VIRTIO_VSOCK_SHUTDOWN_SEND ||
	    len > VIRTIO_VSOCK_BUFFER - buffer_used(conn)) {
		connection_reset(conn);
		return;
	}
	if (!buffer_used(conn) && !(conn->host_shutdown & VIRTIO_VSOCK_SHUTDOWN_RCV))
		sent = (uint32_t)host_write(conn, iov,
					    iov_slice(chain->iov, chain->readable_count, HEADER, len, iov));
	/* host_write may just have found out. */
	if (conn->host_shutdown & VIRTIO_VSOCK_SHUTDOWN_RCV)
		sent = len;
	conn->received += sent;
	conn->forwarded += sent;
	if (sent < len && !buffer_append(conn, chain, HEADER + sent, len - sent))
		connection_reset(conn);
	else
		connection_settle(conn);
}

static void receive_shutdown(struct connection *conn, uint32_t flags)
{
	flags &= SHUTDOWN_BOTH;
	if (conn->state != OPEN) {
		connection_reset(conn);
		return;
	}
	if (flags & ~conn->guest_shutdown & VIRTIO_VSOCK_SHUTDOWN_RCV)
		shutdown(conn->source.fd, SHUT_RD);
	conn->guest_shutdown |= flags;
	connection_settle(conn);
}

/* What the guest sent before it ended its stream properly is still delivered. */
static void receive_rst(struct connection *conn)
{
	if (conn->state != OPEN || !(conn->guest_shutdown & VIRTIO_VSOCK_SHUTDOWN_SEND) ||
	    !buffer_used(conn)) {
		connection_free(conn);
		return;
	}
	connection_forget(conn);
	conn->state = DRAINING;
	conn->deadline = 0;
}

static void receive_response(struct connection *conn)
{
	char line[LINE_MAX_LEN];
	int len = snprintf(line, sizeof(line), "OK %u\n", conn->host_port);

	if (conn->state != CONNECTING || conn->owed & OWED_REQUEST ||
	    send(conn->source.fd, line, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT) != len) {
		connection_reset(conn);
		return;
	}
	conn->state = OPEN;
	conn->deadline = 0;
	connection_settle(conn);
}

static void stray_reset_add(struct vsock *vsock, const struct virtio_vsock_hdr *header)
{
	vsock->resets[vsock->reset_count++] = (struct stray_reset){
		.guest_port = le32toh(header->src_port),
		.host_port = le32toh(header->dst_port),
		.type = le16toh(header->type),
	};
}

static void update_credit(struct connection *conn, const struct virtio_vsock_hdr *header)
{
	conn->guest_buf_alloc = le32toh(header->buf_alloc);
	conn->guest_fwd_cnt = le32toh(header->fwd_cnt);
	if (guest_credit(conn))
		conn->credit_asked = false;
}

static void receive_request(struct vsock *vsock, const struct virtio_vsock_hdr *header)
{
	uint32_t port = le32toh(header->dst_port);
	struct connection *conn = NULL;
	int fd = -ECONNREFUSED;

	if (vsock->connection_count < VIRTIO_VSOCK_CONNECTIONS_MAX)
		fd = vsock->options.connect(vsock->options.owner, port);
	if (fd >= 0)
		conn = connection_new(vsock, fd, OPEN);
	if (!conn) {
		if (fd >= 0)
			close(fd);
		stray_reset_add(vsock, header);
		return;
	}
	connection_know(conn, le32toh(header->src_port), port);
	update_credit(conn, header);
	connection_owe(conn, OWED_RESPONSE);
}

static void receive_for(struct connection *conn, const struct virtio_vsock_hdr *header,
			const struct virtq_chain *chain)
{
	uint16_t op = le16toh(header->op);

	if (op == VIRTIO_VSOCK_OP_RST) {
		receive_rst(conn);
		return;
	}
	if (conn->state == RESET)
		return; /* the answer is on its way */
	update_credit(conn, header);
	switch (op) {
	case VIRTIO_VSOCK_OP_RESPONSE:
		receive_response(conn);
		break;
	case VIRTIO_VSOCK_OP_SHUTDOWN:
		receive_shutdown(conn, le32toh(header->flags));
		break;
	case VIRTIO_VSOCK_OP_RW:
		receive_data(conn, chain, le32toh(header->len));
		break;
	case VIRTIO_VSOCK_OP_CREDIT_REQUEST:
		connection_owe(conn, OWED_CREDIT_UPDATE);
		break;
	case VIRTIO_VSOCK_OP_CREDIT_UPDATE:
		connection_settle(conn);
		break;
	default: /* unknown, or a REQUEST for ports that are in use */
		connection_reset(conn);
		break;
	}
}

/* 5.10.6.4: packets that are not from this guest to this host are dropped. */
static void receive_packet(struct vsock *vsock, const struct virtio_vsock_hdr *header,
			   const struct virtq_chain *chain)
{
	bool stream = le16toh(header->type) == VIRTIO_VSOCK_TYPE_STREAM;
	struct connection *conn = NULL;

	if (le64toh(header->src_cid) != vsock->options.cid || le64toh(header->dst_cid) != VMADDR_CID_HOST)
		return;
	if (stream)
		conn = connection_find(vsock, le32toh(header->src_port), le32toh(header->dst_port));
	if (conn)
		receive_for(conn, header, chain);
	else if (stream && le16toh(header->op) == VIRTIO_VSOCK_OP_REQUEST)
		receive_request(vsock, header);
	else if (le16toh(header->op) != VIRTIO_VSOCK_OP_RST)
		stray_reset_add(vsock, header);
}

static bool packet_valid(const struct virtio_vsock_hdr *header, const struct virtq_chain *chain)
{
	return chain->readable_len >= HEADER && le32toh(header->len) <= chain->readable_len - HEADER;
}

static void take_from_guest(struct vsock *vsock)
{
	struct virtio_device *device = &vsock->device;
	struct virtq *queue = &device->queues[QUEUE_TX];
	unsigned budget = VIRTIO_BATCH;

	if (!virtio_device_live(device))
		return;
	virtq_disable_notify(queue);
	while (vsock->reset_count < RESETS_MAX &&
	       virtio_device_pop(device, QUEUE_TX, &vsock->chain, &budget)) {
		struct virtio_vsock_hdr header = {0};

		virtq_chain_read(&vsock->chain, 0, &header, sizeof(header));
		if (!packet_valid(&header, &vsock->chain)) {
			virtio_device_broken(device, "a packet is shorter than it says");
			break;
		}
		receive_packet(vsock, &header, &vsock->chain);
		virtq_push(queue, vsock->chain.head, 0);
	}
	vsock->tx_paused = vsock->reset_count == RESETS_MAX;
	virtio_interrupt(device, QUEUE_TX);
}

/* ---- Host to guest ---- */

static void header_init(const struct vsock *vsock, struct virtio_vsock_hdr *header)
{
	*header = (struct virtio_vsock_hdr){
		.src_cid = htole64(VMADDR_CID_HOST),
		.dst_cid = htole64(vsock->options.cid),
		.type = htole16(VIRTIO_VSOCK_TYPE_STREAM),
	};
}

/* Fills in a packet of a connection's, with the credit that every packet carries. */
static void header_fill(struct connection *conn, struct virtio_vsock_hdr *header, enum virtio_vsock_op op)
{
	header_init(conn->vsock, header);
	header->src_port = htole32(conn->host_port);
	header->dst_port = htole32(conn->guest_port);
	header->op = htole16((uint16_t)op);
	header->buf_alloc = htole32(VIRTIO_VSOCK_BUFFER);
	header->fwd_cnt = htole32(conn->forwarded);
	conn->told = conn->forwarded;
	conn->owed &= ~(unsigned)OWED_CREDIT_UPDATE;
}

/* Reads from the host's side into the chain, behind the header: the number of bytes, 0 for none. */
static uint32_t host_read(struct connection *conn, const struct virtq_chain *chain)
{
	size_t credit = MIN(guest_credit(conn), (uint32_t)VIRTIO_VSOCK_BUFFER);
	size_t room = MIN(chain->writable_len - HEADER, credit);
	struct iovec iov[VIRTQ_CHAIN_MAX];
	struct msghdr message = {.msg_iov = iov};
	ssize_t got;

	message.msg_iovlen =
		iov_slice(chain->iov + chain->readable_count, chain->writable_count, HEADER, room, iov);
	do
		got = recvmsg(conn->source.fd, &message, MSG_DONTWAIT);
	while (got < 0 && errno == EINTR);
	if (got > 0)
		return (uint32_t)got;
	conn->readable = false;
	if (got == 0)
		host_ended(conn, conn->hung_up ? SHUTDOWN_BOTH : (uint32_t)VIRTIO_VSOCK_SHUTDOWN_SEND);
	else if (errno != EAGAIN)
		host_ended(conn, SHUTDOWN_BOTH);
	return 0;
}

/* The first packet owed of these kinds, in the order of the table; false when none is. */
static bool owed_packet(struct connection *conn, unsigned kinds, struct virtio_vsock_hdr *header)
{
	static const struct {
		enum owed owed;
		enum virtio_vsock_op op;
	} packets[] = {
		{OWED_RST, VIRTIO_VSOCK_OP_RST},
		{OWED_REQUEST, VIRTIO_VSOCK_OP_REQUEST},
		{OWED_RESPONSE, VIRTIO_VSOCK_OP_RESPONSE},
		{OWED_SHUTDOWN, VIRTIO_VSOCK_OP_SHUTDOWN},
		{OWED_CREDIT_UPDATE, VIRTIO_VSOCK_OP_CREDIT_UPDATE},
		{OWED_CREDIT_REQUEST, VIRTIO_VSOCK_OP_CREDIT_REQUEST},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(packets); i++) {
		if (!(conn->owed & kinds & packets[i].owed))
			continue;
		conn->owed &= ~(unsigned)packets[i].owed;
		header_fill(conn, header, packets[i].op);
		if (packets[i].owed == OWED_SHUTDOWN)
			header->flags = htole32(conn->host_shutdown);
		return true;
	}
	return false;
}

/* The connection's next packet; false when it has none after all. */
static bool next_packet(struct connection *conn, const struct virtq_chain *chain,
			struct virtio_vsock_hdr *header)
{
	uint32_t len;

	if (owed_packet(conn, OWED_BEFORE_DATA, header))
		return true;
	if (wants_to_send(conn) && guest_credit(conn) && (len = host_read(conn, chain))) {
		header_fill(conn, header, VIRTIO_VSOCK_OP_RW);
		header->len = htole32(len);
		conn->sent += len;
		return true;
	}
	return owed_packet(conn, ~0U, header);
}

/* The next packet of the connection whose turn it is, which then goes to the end of the line. */
static bool due_packet(struct vsock *vsock, const struct virtq_chain *chain, struct virtio_vsock_hdr *header)
{
	struct connection *conn = TAILQ_FIRST(&vsock->due);
	bool filled;

	TAILQ_REMOVE(&vsock->due, conn, due);
	conn->is_due = false;
	filled = next_packet(conn, chain, header);
	if (filled && conn->state == RESET)
		connection_free(conn);
	else
		connection_schedule(conn);
	return filled;
}

static void stray_reset_packet(struct vsock *vsock, struct virtio_vsock_hdr *header)
{
	const struct stray_reset *reset = &vsock->resets[--vsock->reset_count];

	header_init(vsock, header);
	header->src_port = htole32(reset->host_port);
	header->dst_port = htole32(reset->guest_port);
	header->type = htole16(reset->type);
	header->op = htole16(VIRTIO_VSOCK_OP_RST);
}

static bool guest_is_owed(const struct vsock *vsock)
{
	return vsock->reset_count || !TAILQ_EMPTY(&vsock->due);
}

static void give_packet(struct vsock *vsock)
{
	struct virtq *queue = &vsock->device.queues[QUEUE_RX];
	const struct virtq_chain *chain = &vsock->chain;
	struct virtio_vsock_hdr header;

	if (chain->readable_count || chain->writable_len <= HEADER) {
		virtio_device_broken(&vsock->device, "a receive buffer has no room for data");
		return;
	}
	if (vsock->reset_count) {
		stray_reset_packet(vsock, &header);
	} else if (!due_packet(vsock, chain, &header)) {
		virtq_unpop(queue);
		return;
	}
	virtq_chain_write(chain, 0, &header, sizeof(header));
	virtq_push(queue, chain->head, (uint32_t)HEADER + le32toh(header.len));
}

static void give_to_guest(struct vsock *vsock)
{
	struct virtio_device *device = &vsock->device;
	unsigned budget = VIRTIO_BATCH;

	if (!virtio_device_live(device))
		return;
	virtq_disable_notify(&device->queues[QUEUE_RX]);
	while (virtio_device_live(device) && guest_is_owed(vsock) &&
	       virtio_device_pop(device, QUEUE_RX, &vsock->chain, &budget))
		give_packet(vsock);
	virtio_interrupt(device, QUEUE_RX);
	if (vsock->tx_paused && vsock->reset_count < RESETS_MAX)
		virtio_device_kick(device, QUEUE_TX);
}

/* ---- The host's programs ---- */

/* "CONNECT port\n" */
static bool line_parse(const char *line, size_t len, uint32_t *port)
{
	static const char word[] = "CONNECT ";
	size_t at = sizeof(word) - 1;
	uint64_t number = 0;

	if (len <= sizeof(word) || strncasecmp(line, word, at) != 0)
		return false;
	for (; at < len - 1; at++) {
		if (line[at] < '0' || line[at] > '9')
			return false;
		number = number * 10 + (unsigned)(line[at] - '0');
		if (number >= PORT_ANY)
			return false;
	}
	*port = (uint32_t)number;
	return true;
}

/* A port of the host's that makes the pair unique; there are more ports than connections. */
static uint32_t choose_host_port(struct vsock *vsock, uint32_t guest_port)
{
	uint32_t port;

	do
		port = HOST_PORTS_FIRST + vsock->next_host_port++ % HOST_PORTS_FIRST;
	while (connection_find(vsock, guest_port, port));
	return port;
}

/* Takes the line, and only the line, when all of it is there; what follows it is the guest's. */
static void handshake(struct connection *conn)
{
	struct vsock *vsock = conn->vsock;
	char line[LINE_MAX_LEN];
	ssize_t got = recv(conn->source.fd, line, sizeof(line), MSG_PEEK | MSG_DONTWAIT);
	const char *end = got > 0 ? memchr(line, '\n', (size_t)got) : NULL;
	size_t len = end ? (size_t)(end - line) + 1 : 0;
	uint32_t port;

	if (!end && ((got < 0 && (errno == EAGAIN || errno == EINTR)) || (got > 0 && got < LINE_MAX_LEN)))
		return;
	if (!end || !line_parse(line, len, &port) ||
	    recv(conn->source.fd, line, len, MSG_DONTWAIT) != (ssize_t)len) {
		connection_free(conn);
		return;
	}
	vsock->handshake_count--;
	conn->state = CONNECTING;
	connection_know(conn, port, choose_host_port(vsock, port));
	connection_set_deadline(conn);
	connection_owe(conn, OWED_REQUEST);
}

static void accept_program(struct vsock *vsock, int fd)
{
	struct connection *conn = NULL;

	if (virtio_device_live(&vsock->device) && vsock->handshake_count < VIRTIO_VSOCK_HANDSHAKES_MAX &&
	    vsock->connection_count < VIRTIO_VSOCK_CONNECTIONS_MAX)
		conn = connection_new(vsock, fd, HANDSHAKE);
	if (!conn) {
		close(fd);
		return;
	}
	vsock->handshake_count++;
	connection_set_deadline(conn);
}

/* ---- Events ---- */

static void drop_all(struct vsock *vsock)
{
	struct connection *conn;

	while ((conn = TAILQ_FIRST(&vsock->all)))
		connection_free(conn);
	vsock->reset_count = 0;
	vsock->tx_paused = false;
	vsock->reset_pending = false;
}

/* False when the device was reset meanwhile: all connections are gone then. */
static bool vsock_begin(struct vsock *vsock)
{
	pthread_mutex_lock(&vsock->device.lock);
	if (!vsock->reset_pending)
		return true;
	drop_all(vsock);
	return false;
}

static void vsock_end(struct vsock *vsock)
{
	give_to_guest(vsock);
	pthread_mutex_unlock(&vsock->device.lock);
}

static void connection_ready(struct loop_source *source, uint32_t events)
{
	struct connection *conn = CONTAINER_OF(source, struct connection, source);
	struct vsock *vsock = conn->vsock;

	if (vsock_begin(vsock)) {
		conn->readable |= (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0;
		conn->writable |= (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0;
		conn->hung_up |= (events & EPOLLHUP) != 0;
		if (conn->state == HANDSHAKE)
			handshake(conn);
		else
			connection_settle(conn);
	}
	vsock_end(vsock);
}

static void listener_ready(struct loop_source *source, uint32_t events)
{
	struct vsock *vsock = CONTAINER_OF(source, struct vsock, listener);

	(void)events;
	vsock_begin(vsock);
	for (unsigned i = 0; i < ACCEPT_BATCH; i++) {
		int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			accept_program(vsock, fd);
			continue;
		}
		/* Out of descriptors, most likely: the program waits until the timer looks again. */
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
			loop_modify(vsock->device.loop, source, 0);
			timer_start(vsock);
		}
		break;
	}
	vsock_end(vsock);
}

static void wake_ready(struct loop_source *source, uint32_t events)
{
	struct vsock *vsock = CONTAINER_OF(source, struct vsock, wake);

	(void)events;
	vsock_begin(vsock);
	vsock_end(vsock);
}

/* Ends what took too long; true when others have a deadline still. */
static bool expire(struct vsock *vsock)
{
	uint64_t now = now_ms();
	struct connection *next;
	bool more = false;

	for (struct connection *conn = TAILQ_FIRST(&vsock->all); conn; conn = next) {
		next = TAILQ_NEXT(conn, all);
		if (conn->deadline && conn->deadline <= now)
			connection_reset(conn);
		else
			more |= conn->deadline != 0;
	}
	return more;
}

static void timer_expired(struct loop_timer *timer)
{
	struct vsock *vsock = CONTAINER_OF(timer, struct vsock, timer);

	vsock_begin(vsock);
	vsock->timer_runs = false;
	if (expire(vsock))
		timer_start(vsock);
	if (vsock->listener.fd >= 0)
		loop_modify(vsock->device.loop, &vsock->listener, EPOLLIN);
	vsock_end(vsock);
}

/* ---- The device ---- */

static void vsock_notify(struct virtio_device *device, unsigned queue)
{
	struct vsock *vsock = CONTAINER_OF(device, struct vsock, device);

	if (vsock->reset_pending)
		drop_all(vsock);
	if (queue == QUEUE_TX)
		take_from_guest(vsock);
	give_to_guest(vsock);
}

/* On a vCPU's thread: the connections are the loop thread's to close, before it does anything else here. */
static void vsock_reset(struct virtio_device *device)
{
	struct vsock *vsock = CONTAINER_OF(device, struct vsock, device);
	uint64_t one = 1;

	vsock->reset_pending = true;
	if (write(vsock->wake.fd, &one, sizeof(one)) < 0)
		return; /* full: it is awake */
}

static void vsock_config_read(struct virtio_device *device, uint32_t offset, uint8_t *data, uint32_t len)
{
	const struct vsock *vsock = CONTAINER_OF(device, struct vsock, device);
	struct virtio_vsock_config space = {.guest_cid = htole64(vsock->options.cid)};

	memcpy(data, (const uint8_t *)&space + offset, len);
}

static void vsock_destroy(struct virtio_device *device)
{
	struct vsock *vsock = CONTAINER_OF(device, struct vsock, device);

	drop_all(vsock);
	if (vsock->listener.fd >= 0) {
		loop_remove(device->loop, &vsock->listener);
		close(vsock->listener.fd);
	}
	loop_timer_close(device->loop, &vsock->timer);
	loop_remove(device->loop, &vsock->wake);
	close(vsock->wake.fd);
	virtio_device_close(device);
	free(vsock);
}

static const struct virtio_device_ops vsock_ops = {
	.config_read = vsock_config_read,
	.reset = vsock_reset,
	.notify = vsock_notify,
	.destroy = vsock_destroy,
};

/* The sources that the loop gets; on failure none of them stays there. */
static int vsock_attach(struct vsock *vsock, struct loop *loop)
{
	int code;

	vsock->wake.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (vsock->wake.fd < 0)
		return -errno;
	code = loop_add(loop, &vsock->wake);
	if (code < 0)
		goto no_wake;
	code = loop_timer_init(loop, &vsock->timer, timer_expired);
	if (code < 0)
		goto no_timer;
	if (vsock->listener.fd >= 0)
		code = loop_add(loop, &vsock->listener);
	if (code == 0)
		return 0;
	loop_timer_close(loop, &vsock->timer);
no_timer:
	loop_remove(loop, &vsock->wake);
no_wake:
	close(vsock->wake.fd);
	return code;
}

static struct vsock *vsock_new(const struct virtio_vsock_options *options)
{
	struct vsock *vsock = calloc(1, sizeof(*vsock));

	if (!vsock)
		return NULL;
	vsock->device = (struct virtio_device){
		.ops = &vsock_ops,
		.id = VIRTIO_ID_VSOCK,
		.name = "vsock",
		.queue_count = QUEUE_COUNT,
		.config_size = sizeof(struct virtio_vsock_config),
	};
	vsock->options = *options;
	if (!vsock->options.timeout_ms)
		vsock->options.timeout_ms = VIRTIO_VSOCK_TIMEOUT_MS;
	vsock->listener =
		(struct loop_source){.fd = options->listen_fd, .events = EPOLLIN, .ready = listener_ready};
	vsock->wake = (struct loop_source){.fd = -1, .events = EPOLLIN | EPOLLET, .ready = wake_ready};
	TAILQ_INIT(&vsock->all);
	TAILQ_INIT(&vsock->due);
	return vsock;
}

struct virtio_device *virtio_vsock_create(const struct virtio_vsock_options *options,
					  const struct guest_memory *memory, struct loop *loop,
					  struct error *err)
{
	struct vsock *vsock;
	int code;

	if (options->cid < VIRTIO_VSOCK_CID_MIN || options->cid >= CID_ANY) {
		error_set(err, -EINVAL, "vsock: %llu is not a guest's CID: those start at %d",
			  (unsigned long long)options->cid, VIRTIO_VSOCK_CID_MIN);
		return NULL;
	}
	vsock = vsock_new(options);
	if (!vsock) {
		error_set(err, -ENOMEM, "vsock: out of memory");
		return NULL;
	}
	if (virtio_device_init(&vsock->device, memory, loop, err) < 0)
		goto failed;
	for (unsigned i = 0; i < QUEUE_COUNT; i++)
		vsock->device.queues[i].size_max = QUEUE_SIZE;
	code = vsock_attach(vsock, loop);
	if (code == 0)
		return &vsock->device;
	error_set(err, code, "vsock: its loop does not take it: %s", strerror(-code));
	virtio_device_close(&vsock->device);
failed:
	free(vsock);
	return NULL;
}
