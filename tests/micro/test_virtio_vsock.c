/* virtio socket, driven from the guest's side: the way a guest says READY to its host. */
#define PORT_HOST  9999
#define PORT_GUEST 1234
#define CID_GUEST  3
#define MESSAGE    "READY=1\n"

#ifdef MICRO_GUEST
#include <linux/virtio_ids.h>
#include <linux/virtio_vsock.h>

#include "tests/micro/guest_virtio.h"

#define QUEUE_RECEIVE  0
#define QUEUE_TRANSMIT 1
#define QUEUES         3
#define CID_HOST       2
#define BUFFER         4096

static struct virtio_vsock_hdr sent, received;
static uint8_t data[64];

static void packet_send(uint16_t op, uint32_t flags, void *bytes, uint32_t len)
{
	struct virtio_part parts[] = {{&sent, sizeof(sent), false}, {bytes, len, false}};

	sent = (struct virtio_vsock_hdr){
		.src_cid = CID_GUEST,
		.dst_cid = CID_HOST,
		.src_port = PORT_GUEST,
		.dst_port = PORT_HOST,
		.len = len,
		.type = VIRTIO_VSOCK_TYPE_STREAM,
		.op = op,
		.flags = flags,
		.buf_alloc = BUFFER,
	};
	virtio_do(QUEUE_TRANSMIT, parts, len ? 2 : 1);
}

/* Offers one buffer and waits for a packet; its operation, 0 when it is not of this connection. */
static uint16_t packet_receive(void)
{
	struct virtio_part parts[] = {{&received, sizeof(received), true}, {data, sizeof(data), true}};
	uint32_t size = virtio_do(QUEUE_RECEIVE, parts, 2);

	if (size < sizeof(received) || received.src_cid != CID_HOST || received.src_port != PORT_HOST ||
	    received.dst_cid != CID_GUEST || received.dst_port != PORT_GUEST)
		return 0;
	return received.op;
}

GUEST(says_ready)
{
	EXPECT(virtio_start(VIRTIO_ID_VSOCK, 0, QUEUES));
	EXPECT(mmio_read32(VIRTIO_BASE + VIRTIO_MMIO_CONFIG) == CID_GUEST);
	packet_send(VIRTIO_VSOCK_OP_REQUEST, 0, NULL, 0);
	EXPECT(packet_receive() == VIRTIO_VSOCK_OP_RESPONSE);
	EXPECT(received.buf_alloc >= sizeof(MESSAGE));
	packet_send(VIRTIO_VSOCK_OP_RW, 0, MESSAGE, sizeof(MESSAGE) - 1);
	packet_send(VIRTIO_VSOCK_OP_SHUTDOWN, VIRTIO_VSOCK_SHUTDOWN_RCV | VIRTIO_VSOCK_SHUTDOWN_SEND, NULL,
		    0);
	do
		EXPECT(packet_receive());
	while (received.op == VIRTIO_VSOCK_OP_CREDIT_UPDATE);
	EXPECT(received.op == VIRTIO_VSOCK_OP_RST);
	return 0;
}

GUEST(is_refused)
{
	EXPECT(virtio_start(VIRTIO_ID_VSOCK, 0, QUEUES));
	packet_send(VIRTIO_VSOCK_OP_REQUEST, 0, NULL, 0);
	EXPECT(packet_receive() == VIRTIO_VSOCK_OP_RST);
	return 0;
}

#else
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "devmodel/virtio/vsock.h"
#include "tests/micro/micro.h"

struct listener {
	uint32_t port; /* that was asked for */
	int ours;
	int error; /* what to answer, 0 for a connection */
};

static int listener_connect(void *owner, uint32_t port)
{
	struct listener *listener = owner;
	int pair[2];

	listener->port = port;
	if (listener->error)
		return listener->error;
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
	listener->ours = pair[0];
	return pair[1];
}

static void vsock_run(struct listener *listener, const char *guest)
{
	struct virtio_vsock_options options = {
		.cid = CID_GUEST,
		.listen_fd = -1,
		.connect = listener_connect,
		.owner = listener,
	};
	struct virtio_device *vsock;
	struct micro micro;
	struct error err;

	micro_create(&micro, 1);
	vsock = virtio_vsock_create(&options, &micro.memory, &micro.loop, &err);
	cr_assert_not_null(vsock, "%s", err.text);
	micro_virtio_device(&micro, vsock);
	micro_expect(&micro, guest, 0);
	virtio_device_destroy(vsock);
	micro_destroy(&micro);
	cr_assert_eq(listener->port, PORT_HOST);
}

MICRO_TEST(virtio_vsock, message_reaches_the_host)
{
	struct listener listener = {.ours = -1};
	char text[64];
	ssize_t size;

	vsock_run(&listener, "says_ready");
	size = read(listener.ours, text, sizeof(text));
	cr_assert_eq(size, sizeof(MESSAGE) - 1);
	cr_assert_eq(memcmp(text, MESSAGE, sizeof(MESSAGE) - 1), 0);
	cr_assert_eq(read(listener.ours, text, sizeof(text)), 0, "and then the end");
	close(listener.ours);
}

MICRO_TEST(virtio_vsock, port_where_nobody_listens_is_reset)
{
	struct listener listener = {.ours = -1, .error = -ECONNREFUSED};

	vsock_run(&listener, "is_refused");
}
#endif
