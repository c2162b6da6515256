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

static void deadline_set(struct vsock_connection *conn, unsigned timeouts)
{
	conn->deadline = monotonic_ms() + (uint64_t)conn->table->timeout_ms * timeouts;
	vsock_table_wait(conn->table);
}

void vsock_connection_set_deadline(struct vsock_connection *conn)
{
	deadline_set(conn, 1);
}

/* Of the many narrow ones the kernel, too, holds little. Best effort: it is what the guest may use up of its
 * own process' memory. */
static void host_buffer_bound(const struct vsock_connection *conn)
{
	int bytes = (int)conn->buffer.size;

	if (bytes < VIRTIO_VSOCK_BUFFER)
		setsockopt(conn->source.fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

struct vsock_connection *vsock_connection_new(struct vsock_table *table, int fd, enum vsock_state state)
{
	struct vsock_connection *conn = calloc(1, sizeof(*conn));

	if (!conn)
		return NULL;
	conn->table = table;
	conn->state = state;
	conn->buffer.size = vsock_table_buffer_size(table);
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
	host_buffer_bound(conn);
	TAILQ_INSERT_TAIL(&table->all, conn, all);
	table->count++;
	table->promised += conn->buffer.size;
	return conn;
}

/* What the host's side took, or never will. */
static void buffer_pass(struct vsock_connection *conn, uint32_t len)
{
	vsock_buffer_take(&conn->buffer, len);
	conn->forwarded += len;
}

static void buffer_drop(struct vsock_connection *conn)
{
	buffer_pass(conn, conn->buffer.used);
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

	vsock_connection_forget(conn);
	connection_close_host(conn);
	TAILQ_REMOVE(&table->all, conn, all);
	table->count--;
	table->promised -= conn->buffer.size;
	if (conn->state == VSOCK_HANDSHAKE)
		table->handshakes--;
	free(conn);
}

/* ---- What the guest is owed ---- */

uint32_t vsock_connection_guest_credit(const struct vsock_connection *conn)
{
	uint32_t unread = conn->sent - conn->guest_fwd_cnt;

	return unread < conn->guest_buf_alloc ? conn->guest_buf_alloc - unread : 0;
}

bool vsock_connection_wants_to_send(const struct vsock_connection *conn)
{
	return conn->state == VSOCK_OPEN && conn->readable &&
	       !(conn->host_shutdown & VIRTIO_VSOCK_SHUTDOWN_SEND) &&
	       !(conn->guest_shutdown & VIRTIO_VSOCK_SHUTDOWN_RCV);
}

void vsock_connection_schedule(struct vsock_connection *conn)
{
	if (vsock_connection_wants_to_send(conn) && vsock_connection_guest_credit(conn) == 0 &&
	    !conn->credit_asked) {
		conn->credit_asked = true;
		conn->owed |= VSOCK_OWED_CREDIT_REQUEST;
	}
	if (conn->is_due ||
	    !(conn->owed || (vsock_connection_wants_to_send(conn) && vsock_connection_guest_credit(conn))))
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

void vsock_connection_host_ended(struct vsock_connection *conn, uint32_t directions)
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

/* The room that the guest knows of. */
static uint32_t room_told(const struct vsock_connection *conn)
{
	return conn->buffer.size - (conn->forwarded + conn->buffer.used - conn->told);
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
		vsock_connection_host_ended(conn, VIRTIO_VSOCK_SHUTDOWN_RCV);
	return 0;
}

static void buffer_flush(struct vsock_connection *conn)
{
	struct iovec iov[2];
	unsigned count;
	size_t sent;

	while ((count = vsock_buffer_list(&conn->buffer, iov)) && (sent = host_write(conn, iov, count)))
		buffer_pass(conn, (uint32_t)sent);
}

/* The guest is done, and all that is left to do is the host's side's: to read on. */
static bool only_drains(const struct vsock_connection *conn)
{
	return conn->buffer.used &&
	       (conn->state == VSOCK_DRAINING || conn->guest_shutdown == VSOCK_SHUTDOWN_BOTH);
}

void vsock_connection_settle(struct vsock_connection *conn)
{
	uint32_t forwarded = conn->forwarded;

	buffer_flush(conn);
	if (only_drains(conn) && (!conn->deadline || conn->forwarded != forwarded))
		deadline_set(conn, VIRTIO_VSOCK_DRAIN_TIMEOUTS);
	if (conn->guest_shutdown & VIRTIO_VSOCK_SHUTDOWN_SEND && !conn->buffer.used) {
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
		vsock_connection_host_ended(conn, VSOCK_SHUTDOWN_BOTH);
	if (room_told(conn) < conn->buffer.size / 2 && conn->forwarded != conn->told)
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
	if (!conn->buffer.used && !(conn->host_shutdown & VIRTIO_VSOCK_SHUTDOWN_RCV))
		sent = (uint32_t)host_write(
			conn, iov, iov_slice(chain->iov, chain->readable_count, VSOCK_HEADER, len, iov));
	/* host_write may just have found out. */
	if (conn->host_shutdown & VIRTIO_VSOCK_SHUTDOWN_RCV)
		sent = len;
	conn->forwarded += sent;
	if (sent < len && !vsock_buffer_append(&conn->buffer, chain, VSOCK_HEADER + sent, len - sent))
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
	    !conn->buffer.used) {
		vsock_connection_free(conn);
		return;
	}
	vsock_connection_forget(conn);
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
	if (vsock_connection_guest_credit(conn))
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

void vsock_connection_request(struct vsock_connection *conn, uint32_t guest_port)
{
	vsock_connection_know(conn, guest_port, vsock_table_host_port(conn->table, guest_port));
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
