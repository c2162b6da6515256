#include "devmodel/virtio/vsock_connection.h"

#include <endian.h>
#include <errno.h>
#include <linux/vm_sockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/util.h"
#include "devmodel/virtio/iov.h"

#define LINE_MAX_LEN 32 /* of "CONNECT 4294967295\n" and no more */
#define TICKS        4  /* how often the timer looks during a timeout */

/* Ports that the host's programs connect from: this many, from this one on. */
#define HOST_PORTS_FIRST (1U << 30)

void vsock_table_wait(struct vsock_table *table)
{
	if (table->timer_runs)
		return;
	table->timer_runs = true;
	loop_timer_set(&table->timer, table->timeout_ms * 1000000ULL / TICKS, 0);
}

/* ---- The table ---- */

static struct vsock_bucket *bucket_of(struct vsock_table *table, uint32_t guest_port, uint32_t host_port)
{
	return &table->buckets[(guest_port * 31 + host_port) % VSOCK_BUCKETS];
}

struct vsock_connection *vsock_connection_find(struct vsock_table *table, uint32_t guest_port,
					       uint32_t host_port)
{
	struct vsock_connection *conn = LIST_FIRST(bucket_of(table, guest_port, host_port));

	while (conn && (conn->guest_port != guest_port || conn->host_port != host_port))
		conn = LIST_NEXT(conn, bucket);
	return conn;
}

void vsock_connection_know(struct vsock_connection *conn, uint32_t guest_port, uint32_t host_port)
{
	conn->guest_port = guest_port;
	conn->host_port = host_port;
	conn->is_known = true;
	LIST_INSERT_HEAD(bucket_of(conn->table, guest_port, host_port), conn, bucket);
}

static void connection_forget(struct vsock_connection *conn)
{
	if (conn->is_known)
		LIST_REMOVE(conn, bucket);
	if (conn->is_due)
		TAILQ_REMOVE(&conn->table->due, conn, due);
	conn->is_known = false;
	conn->is_due = false;
	conn->owed = 0;
}

static void deadline_set(struct vsock_connection *conn, unsigned timeouts)
{
	conn->deadline = monotonic_ms() + (uint64_t)conn->table->timeout_ms * timeouts;
	vsock_table_wait(conn->table);
}

void vsock_connection_set_deadline(struct vsock_connection *conn)
{
	deadline_set(conn, 1);
}

struct vsock_connection *vsock_connection_new(struct vsock_table *table, int fd, enum vsock_state state)
{
	struct vsock_connection *conn = calloc(1, sizeof(*conn));

	if (!conn)
		return NULL;
	conn->table = table;
	conn->state = state;
	conn->readable = true; /* or so they may be: the first call will tell */
	conn->writable = true;
	conn->source = (struct loop_source){
		.fd = fd,
		.events = EPOLLIN | EPOLLOUT | EPOLLET,
		.ready = table->ready,
	};
	if (loop_add(table->loop, &conn->source) < 0) {
		free(conn);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&table->all, conn, all);
	table->count++;
	return conn;
}

static void buffer_drop(struct vsock_connection *conn)
{
	free(conn->buffer);
	conn->buffer = NULL;
	conn->start = 0;
	conn->forwarded = conn->received;
}

static void connection_close_host(struct vsock_connection *conn)
{
	if (conn->source.fd < 0)
		return;
	loop_remove(conn->table->loop, &conn->source);
	close(conn->source.fd);
	conn->source.fd = -1;
	buffer_drop(conn);
}

void vsock_connection_free(struct vsock_connection *conn)
{
	struct vsock_table *table = conn->table;

	connection_forget(conn);
	connection_close_host(conn);
	TAILQ_REMOVE(&table->all, conn, all);
	table->count--;
	if (conn->state == VSOCK_HANDSHAKE)
		table->handshakes--;
	free(conn);
}

/* ---- What the guest is owed ---- */

/* Bytes that the guest has room for. */
static uint32_t guest_credit(const struct vsock_connection *conn)
{
	uint32_t unread = conn->sent - conn->guest_fwd_cnt;

	return unread < conn->guest_buf_alloc ? conn->guest_buf_alloc - unread : 0;
}

static bool wants_to_send(const struct vsock_connection *conn)
{
	return conn->state == VSOCK_OPEN && conn->readable &&
	       !(conn->host_shutdown & VIRTIO_VSOCK_SHUTDOWN_SEND) &&
	       !(conn->guest_shutdown & VIRTIO_VSOCK_SHUTDOWN_RCV);
}

void vsock_connection_schedule(struct vsock_connection *conn)
{
	if (wants_to_send(conn) && guest_credit(conn) == 0 && !conn->credit_asked) {
		conn->credit_asked = true;
		conn->owed |= VSOCK_OWED_CREDIT_REQUEST;
	}
	if (conn->is_due || !(conn->owed || (wants_to_send(conn) && guest_credit(conn))))
		return;
	conn->is_due = true;
	TAILQ_INSERT_TAIL(&conn->table->due, conn, due);
}

void vsock_connection_owe(struct vsock_connection *conn, enum vsock_owed what)
{
	if (conn->state != VSOCK_CONNECTING && conn->state != VSOCK_OPEN)
		return;
	conn->owed |= what;
	vsock_connection_schedule(conn);
}

void vsock_connection_reset(struct vsock_connection *conn)
{
	if (!conn->is_known || conn->owed & VSOCK_OWED_REQUEST) {
		vsock_connection_free(conn);
		return;
	}
	connection_close_host(conn);
	conn->state = VSOCK_RESET;
	conn->deadline = 0;
	conn->owed = VSOCK_OWED_RST;
	vsock_connection_schedule(conn);
}

/* The host's side does not send, or does not receive, any more. */
static void host_ended(struct vsock_connection *conn, uint32_t directions)
{
	if ((conn->host_shutdown | directions) == conn->host_shutdown)
		return;
	conn->host_shutdown |= directions;
	if (conn->host_shutdown & VIRTIO_VSOCK_SHUTDOWN_RCV)
		buffer_drop(conn);
	/* The guest may still read what it has, and then says RST. */
	if (conn->host_shutdown == VSOCK_SHUTDOWN_BOTH)
		vsock_connection_set_deadline(conn);
	vsock_connection_owe(conn, VSOCK_OWED_SHUTDOWN);
}

/* ---- Guest to host ---- */

static uint32_t buffer_used(const struct vsock_connection *conn)
{
	return conn->received - conn->forwarded;
}

/* The room that the guest knows of. */
static uint32_t room_told(const struct vsock_connection *conn)
{
	return VIRTIO_VSOCK_BUFFER - (conn->received - conn->told);
}

/* Bytes that the host's side took. */
static size_t host_write(struct vsock_connection *conn, struct iovec *iov, unsigned count)
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
static unsigned buffer_iov(const struct vsock_connection *conn, struct iovec iov[2])
{
	uint32_t used = buffer_used(conn);
	uint32_t first = MIN(used, VIRTIO_VSOCK_BUFFER - conn->start);

	iov[0] = (struct iovec){.iov_base = conn->buffer + conn->start, .iov_len = first};
	iov[1] = (struct iovec){.iov_base = conn->buffer, .iov_len = used - first};
	return used == 0 ? 0 : used == first ? 1 : 2;
}

/* Appends a packet's bytes from offset on; the caller has checked that there is room. */
static bool buffer_append(struct vsock_connection *conn, const struct virtq_chain *chain, size_t offset,
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

static void buffer_flush(struct vsock_connection *conn)
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

/* The guest is done, and all that is left to do is the host's side's: to read on. */
static bool only_drains(const struct vsock_connection *conn)
{
	return buffer_used(conn) &&
	       (conn->state == VSOCK_DRAINING || conn->guest_shutdown == VSOCK_SHUTDOWN_BOTH);
}

void vsock_connection_settle(struct vsock_connection *conn)
{
	uint32_t forwarded = conn->forwarded;

	buffer_flush(conn);
	if (only_drains(conn) && (!conn->deadline || conn->forwarded != forwarded))
		deadline_set(conn, VIRTIO_VSOCK_DRAIN_TIMEOUTS);
	if (conn->guest_shutdown & VIRTIO_VSOCK_SHUTDOWN_SEND && !buffer_used(conn)) {
		if (conn->state == VSOCK_DRAINING) {
			vsock_connection_free(conn);
			return;
		}
		/* 5.10.6.5: both directions shut down are answered with a reset, when all is delivered. */
		if (conn->guest_shutdown == VSOCK_SHUTDOWN_BOTH) {
			vsock_connection_reset(conn);
			return;
		}
		if (!conn->write_ended)
			shutdown(conn->source.fd, SHUT_WR);
		conn->write_ended = true;
	}
	/* Nobody reads any more, so nobody else would find out. */
	if (conn->hung_up && conn->guest_shutdown & VIRTIO_VSOCK_SHUTDOWN_RCV)
		host_ended(conn, VSOCK_SHUTDOWN_BOTH);
	if (room_told(conn) < VIRTIO_VSOCK_BUFFER / 2 && conn->forwarded != conn->told)
		vsock_connection_owe(conn, VSOCK_OWED_CREDIT_UPDATE);
	vsock_connection_schedule(conn);
}

static void receive_data(struct vsock_connection *conn, const struct virtq_chain *chain, uint32_t len)
{
	struct iovec iov[VIRTQ_CHAIN_MAX];
	uint32_t sent = 0;

	/* More than it has credit for, or after it said that there would be no more. */
	if (conn->state != VSOCK_OPEN || conn->guest_shutdown & VIRTIO_VSOCK_SHUTDOWN_SEND ||
	    len > room_told(conn)) {
		vsock_connection_reset(conn);
		return;
	}
	if (!buffer_used(conn) && !(conn->host_shutdown & VIRTIO_VSOCK_SHUTDOWN_RCV))
		sent = (uint32_t)host_write(
			conn, iov, iov_slice(chain->iov, chain->readable_count, VSOCK_HEADER, len, iov));
	/* host_write may just have found out. */
	if (conn->host_shutdown & VIRTIO_VSOCK_SHUTDOWN_RCV)
		sent = len;
	conn->received += sent;
	conn->forwarded += sent;
	if (sent < len && !buffer_append(conn, chain, VSOCK_HEADER + sent, len - sent))
		vsock_connection_reset(conn);
	else
		vsock_connection_settle(conn);
}

static void receive_shutdown(struct vsock_connection *conn, uint32_t flags)
{
	flags &= VSOCK_SHUTDOWN_BOTH;
	if (conn->state != VSOCK_OPEN) {
		vsock_connection_reset(conn);
		return;
	}
	if (flags & ~conn->guest_shutdown & VIRTIO_VSOCK_SHUTDOWN_RCV)
		shutdown(conn->source.fd, SHUT_RD);
	conn->guest_shutdown |= flags;
	vsock_connection_settle(conn);
}

/* What the guest sent before it ended its stream properly is still delivered. */
static void receive_rst(struct vsock_connection *conn)
{
	if (conn->state != VSOCK_OPEN || !(conn->guest_shutdown & VIRTIO_VSOCK_SHUTDOWN_SEND) ||
	    !buffer_used(conn)) {
		vsock_connection_free(conn);
		return;
	}
	connection_forget(conn);
	conn->state = VSOCK_DRAINING;
	deadline_set(conn, VIRTIO_VSOCK_DRAIN_TIMEOUTS);
}

static void receive_response(struct vsock_connection *conn)
{
	char line[LINE_MAX_LEN];
	int len = snprintf(line, sizeof(line), "OK %u\n", conn->host_port);

	if (conn->state != VSOCK_CONNECTING || conn->owed & VSOCK_OWED_REQUEST ||
	    send(conn->source.fd, line, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT) != len) {
		vsock_connection_reset(conn);
		return;
	}
	conn->state = VSOCK_OPEN;
	conn->deadline = 0;
	vsock_connection_settle(conn);
}

void vsock_connection_credit(struct vsock_connection *conn, const struct virtio_vsock_hdr *header)
{
	conn->guest_buf_alloc = le32toh(header->buf_alloc);
	conn->guest_fwd_cnt = le32toh(header->fwd_cnt);
	if (guest_credit(conn))
		conn->credit_asked = false;
}

void vsock_connection_receive(struct vsock_connection *conn, const struct virtio_vsock_hdr *header,
			      const struct virtq_chain *chain)
{
	uint16_t op = le16toh(header->op);

	if (op == VIRTIO_VSOCK_OP_RST) {
		receive_rst(conn);
		return;
	}
	if (conn->state == VSOCK_RESET)
		return; /* the answer is on its way */
	vsock_connection_credit(conn, header);
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
		vsock_connection_owe(conn, VSOCK_OWED_CREDIT_UPDATE);
		break;
	case VIRTIO_VSOCK_OP_CREDIT_UPDATE:
		vsock_connection_settle(conn);
		break;
	default: /* unknown, or a REQUEST for ports that are in use */
		vsock_connection_reset(conn);
		break;
	}
}

/* ---- Host to guest ---- */

void vsock_header_init(const struct vsock_table *table, struct virtio_vsock_hdr *header)
{
	*header = (struct virtio_vsock_hdr){
		.src_cid = htole64(VMADDR_CID_HOST),
		.dst_cid = htole64(table->cid),
		.type = htole16(VIRTIO_VSOCK_TYPE_STREAM),
	};
}

/* Fills in a packet of a connection's, with the credit that every packet carries. */
static void header_fill(struct vsock_connection *conn, struct virtio_vsock_hdr *header,
			enum virtio_vsock_op op)
{
	vsock_header_init(conn->table, header);
	header->src_port = htole32(conn->host_port);
	header->dst_port = htole32(conn->guest_port);
	header->op = htole16((uint16_t)op);
	header->buf_alloc = htole32(VIRTIO_VSOCK_BUFFER);
	header->fwd_cnt = htole32(conn->forwarded);
	conn->told = conn->forwarded;
	conn->owed &= ~(unsigned)VSOCK_OWED_CREDIT_UPDATE;
}

/* Reads from the host's side into the chain, behind the header: the number of bytes, 0 for none. */
static uint32_t host_read(struct vsock_connection *conn, const struct virtq_chain *chain)
{
	size_t credit = MIN(guest_credit(conn), (uint32_t)VIRTIO_VSOCK_BUFFER);
	size_t room = MIN(chain->writable_len - VSOCK_HEADER, credit);
	struct iovec iov[VIRTQ_CHAIN_MAX];
	struct msghdr message = {.msg_iov = iov};
	ssize_t got;

	message.msg_iovlen =
		iov_slice(chain->iov + chain->readable_count, chain->writable_count, VSOCK_HEADER, room, iov);
	do
		got = recvmsg(conn->source.fd, &message, MSG_DONTWAIT);
	while (got < 0 && errno == EINTR);
	if (got > 0)
		return (uint32_t)got;
	conn->readable = false;
	if (got == 0)
		host_ended(conn, conn->hung_up ? VSOCK_SHUTDOWN_BOTH : (uint32_t)VIRTIO_VSOCK_SHUTDOWN_SEND);
	else if (errno != EAGAIN)
		host_ended(conn, VSOCK_SHUTDOWN_BOTH);
	return 0;
}

/* The first packet owed of these kinds, in the order of the table; false when none is. */
static bool owed_packet(struct vsock_connection *conn, unsigned kinds, struct virtio_vsock_hdr *header)
{
	static const struct {
		enum vsock_owed owed;
		enum virtio_vsock_op op;
	} packets[] = {
		{VSOCK_OWED_RST, VIRTIO_VSOCK_OP_RST},
		{VSOCK_OWED_REQUEST, VIRTIO_VSOCK_OP_REQUEST},
		{VSOCK_OWED_RESPONSE, VIRTIO_VSOCK_OP_RESPONSE},
		{VSOCK_OWED_SHUTDOWN, VIRTIO_VSOCK_OP_SHUTDOWN},
		{VSOCK_OWED_CREDIT_UPDATE, VIRTIO_VSOCK_OP_CREDIT_UPDATE},
		{VSOCK_OWED_CREDIT_REQUEST, VIRTIO_VSOCK_OP_CREDIT_REQUEST},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(packets); i++) {
		if (!(conn->owed & kinds & packets[i].owed))
			continue;
		conn->owed &= ~(unsigned)packets[i].owed;
		header_fill(conn, header, packets[i].op);
		if (packets[i].owed == VSOCK_OWED_SHUTDOWN)
			header->flags = htole32(conn->host_shutdown);
		return true;
	}
	return false;
}

bool vsock_connection_next(struct vsock_connection *conn, const struct virtq_chain *chain,
			   struct virtio_vsock_hdr *header)
{
	uint32_t len;

	if (owed_packet(conn, VSOCK_OWED_BEFORE_DATA, header))
		return true;
	if (wants_to_send(conn) && guest_credit(conn) && (len = host_read(conn, chain))) {
		header_fill(conn, header, VIRTIO_VSOCK_OP_RW);
		header->len = htole32(len);
		conn->sent += len;
		return true;
	}
	return owed_packet(conn, ~0U, header);
}

/* ---- The CONNECT line ---- */

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
		if (number >= (uint64_t)VMADDR_PORT_ANY)
			return false;
	}
	*port = (uint32_t)number;
	return true;
}

/* A port of the host's that makes the pair unique; there are more ports than connections. */
static uint32_t choose_host_port(struct vsock_table *table, uint32_t guest_port)
{
	uint32_t port;

	do
		port = HOST_PORTS_FIRST + table->next_host_port++ % HOST_PORTS_FIRST;
	while (vsock_connection_find(table, guest_port, port));
	return port;
}

void vsock_connection_request(struct vsock_connection *conn, uint32_t guest_port)
{
	vsock_connection_know(conn, guest_port, choose_host_port(conn->table, guest_port));
	vsock_connection_set_deadline(conn);
	vsock_connection_owe(conn, VSOCK_OWED_REQUEST);
}

/* Takes the line, and only the line, when all of it is there; what follows it is the guest's. */
void vsock_connection_handshake(struct vsock_connection *conn)
{
	struct vsock_table *table = conn->table;
	char line[LINE_MAX_LEN];
	ssize_t got = recv(conn->source.fd, line, sizeof(line), MSG_PEEK | MSG_DONTWAIT);
	const char *end = got > 0 ? memchr(line, '\n', (size_t)got) : NULL;
	size_t len = end ? (size_t)(end - line) + 1 : 0;
	uint32_t port;

	if (!end && ((got < 0 && (errno == EAGAIN || errno == EINTR)) || (got > 0 && got < LINE_MAX_LEN)))
		return;
	if (!end || !line_parse(line, len, &port) ||
	    recv(conn->source.fd, line, len, MSG_DONTWAIT) != (ssize_t)len) {
		vsock_connection_free(conn);
		return;
	}
	table->handshakes--;
	conn->state = VSOCK_CONNECTING;
	vsock_connection_request(conn, port);
}

/* ---- Deadlines ---- */

bool vsock_table_expire(struct vsock_table *table)
{
	uint64_t now = monotonic_ms();
	struct vsock_connection *next;
	bool more = false;

	for (struct vsock_connection *conn = TAILQ_FIRST(&table->all); conn; conn = next) {
		next = TAILQ_NEXT(conn, all);
		if (conn->deadline && conn->deadline <= now)
			vsock_connection_reset(conn);
		else
			more |= conn->deadline != 0;
	}
	return more;
}
