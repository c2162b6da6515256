/* What a vsock connection sends to its guest: packets with the credit that each of them carries. */
#include <endian.h>
#include <errno.h>
#include <linux/vm_sockets.h>
#include <string.h>
#include <sys/socket.h>

#include "common/util.h"
#include "devmodel/virtio/iov.h"
#include "devmodel/virtio/vsock_connection.h"

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
	header->buf_alloc = htole32(conn->buffer.size);
	header->fwd_cnt = htole32(conn->forwarded);
	conn->told = conn->forwarded;
	conn->owed &= ~(unsigned)VSOCK_OWED_CREDIT_UPDATE;
}

/* Reads from the host's side into the chain, behind the header: the number of bytes, 0 for none. */
static uint32_t host_read(struct vsock_connection *conn, const struct virtq_chain *chain)
{
	size_t credit = MIN(vsock_connection_guest_credit(conn), (uint32_t)VIRTIO_VSOCK_BUFFER);
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
		vsock_connection_host_ended(conn, conn->hung_up ? VSOCK_SHUTDOWN_BOTH
								: (uint32_t)VIRTIO_VSOCK_SHUTDOWN_SEND);
	else if (errno != EAGAIN)
		vsock_connection_host_ended(conn, VSOCK_SHUTDOWN_BOTH);
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
	if (vsock_connection_wants_to_send(conn) && vsock_connection_guest_credit(conn) &&
	    (len = host_read(conn, chain))) {
		header_fill(conn, header, VIRTIO_VSOCK_OP_RW);
		header->len = htole32(len);
		conn->sent += len;
		return true;
	}
	return owed_packet(conn, ~0U, header);
}
