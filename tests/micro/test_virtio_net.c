/* virtio network over a stream socket, driven from the guest's side. */
#define FRAME_SIZE 60 /* the least an Ethernet frame has */

#ifdef MICRO_GUEST
#include <linux/virtio_ids.h>
#include <linux/virtio_net.h>

#include "tests/micro/guest_virtio.h"

#define QUEUE_RECEIVE  0
#define QUEUE_TRANSMIT 1
#define QUEUE_CONTROL  2

static struct packet {
	struct virtio_net_hdr_v1 header;
	uint8_t frame[1514];
} __attribute__((packed)) sent, received;

/* Sends a frame and waits for the answer: the same with every byte one more. */
GUEST(sends_and_receives)
{
	struct virtio_part in = {&received, sizeof(received), true};
	struct virtio_part out = {&sent, sizeof(sent.header) + FRAME_SIZE, false};

	EXPECT(virtio_start(VIRTIO_ID_NET, 1ULL << VIRTIO_NET_F_MAC, 2));
	EXPECT(mmio_read8(VIRTIO_BASE + VIRTIO_MMIO_CONFIG + 5) == 0x56);
	for (unsigned i = 0; i < FRAME_SIZE; i++)
		sent.frame[i] = (uint8_t)i;
	virtio_submit(QUEUE_RECEIVE, &in, 1);
	virtio_do(QUEUE_TRANSMIT, &out, 1);
	EXPECT(virtio_wait(QUEUE_RECEIVE) == sizeof(received.header) + FRAME_SIZE);
	for (unsigned i = 0; i < FRAME_SIZE; i++)
		EXPECT(received.frame[i] == i + 1);
	return 0;
}

static bool command(uint8_t class, uint8_t number, const void *data, uint32_t len)
{
	static uint8_t bytes[2 + 8], ack;
	struct virtio_part parts[] = {{bytes, 2 + len, false}, {&ack, 1, true}};

	bytes[0] = class;
	bytes[1] = number;
	for (uint32_t i = 0; i < len; i++)
		bytes[2 + i] = ((const uint8_t *)data)[i];
	ack = 0xaa;
	return virtio_do(QUEUE_CONTROL, parts, 2) == 1 && ack == VIRTIO_NET_OK;
}

/* Takes another address, and only frames for it: of the peer's two, the second. */
GUEST(receives_what_it_asked_for)
{
	static const uint8_t address[6] = {0x52, 0x54, 0, 0, 0, 9};
	static const uint8_t off;
	struct virtio_part in = {&received, sizeof(received), true};
	struct virtio_part out = {&sent, sizeof(sent.header) + FRAME_SIZE, false};

	EXPECT(virtio_start(VIRTIO_ID_NET,
			    1ULL << VIRTIO_NET_F_MAC | 1ULL << VIRTIO_NET_F_CTRL_VQ |
				    1ULL << VIRTIO_NET_F_CTRL_RX | 1ULL << VIRTIO_NET_F_CTRL_MAC_ADDR,
			    3));
	EXPECT(command(VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, address, sizeof(address)));
	EXPECT(mmio_read8(VIRTIO_BASE + VIRTIO_MMIO_CONFIG + 5) == 9);
	EXPECT(command(VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, &off, 1));
	EXPECT(!command(VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, &off, 1));
	virtio_submit(QUEUE_RECEIVE, &in, 1);
	virtio_do(QUEUE_TRANSMIT, &out, 1);
	EXPECT(virtio_wait(QUEUE_RECEIVE) == sizeof(received.header) + FRAME_SIZE);
	EXPECT(received.frame[5] == 9);
	return 0;
}

#else
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "devmodel/virtio/net.h"
#include "tests/micro/micro.h"

/* The other end of the wire, with passt's framing: a length in network order before each frame. */
static void *peer_answer(void *argument)
{
	struct {
		uint32_t length;
		uint8_t frame[FRAME_SIZE];
	} message;
	int wire = *(int *)argument;

	cr_assert_eq(recv(wire, &message, sizeof(message), MSG_WAITALL), sizeof(message));
	cr_assert_eq(ntohl(message.length), FRAME_SIZE);
	for (unsigned i = 0; i < FRAME_SIZE; i++)
		cr_assert_eq(message.frame[i]++, i);
	cr_assert_eq(send(wire, &message, sizeof(message), 0), sizeof(message));
	return NULL;
}

/* Two frames, when the guest has sent one: one for somebody else, one for it. */
static void *peer_sends_two(void *argument)
{
	struct {
		uint32_t length;
		uint8_t frame[FRAME_SIZE];
	} message;
	int wire = *(int *)argument;

	cr_assert_eq(recv(wire, &message, sizeof(message), MSG_WAITALL), sizeof(message));
	for (uint8_t last = 8; last <= 9; last++) {
		memcpy(message.frame, (const uint8_t[]){0x52, 0x54, 0, 0, 0, last}, 6);
		cr_assert_eq(send(wire, &message, sizeof(message), 0), sizeof(message));
	}
	return NULL;
}

static void run(const char *guest, void *(*peer_does)(void *wire))
{
	struct virtio_net_options options = {
		.fd_count = 1,
		.name = "net",
		.backend = VIRTIO_NET_STREAM,
		.mac = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56},
	};
	struct virtio_device *net;
	struct micro micro;
	struct error err;
	pthread_t peer;
	int wire[2];

	micro_create(&micro, 1);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, wire), 0);
	options.fds[0] = wire[0];
	net = virtio_net_create(&options, &micro.memory, &micro.loop, &err);
	cr_assert_not_null(net, "%s", err.text);
	micro_virtio_device(&micro, net);
	peer = micro_thread(peer_does, &wire[1]);
	micro_expect(&micro, guest, 0);
	pthread_join(peer, NULL);
	virtio_device_destroy(net);
	close(wire[1]);
	micro_destroy(&micro);
}

MICRO_TEST(virtio_net, frames_go_out_and_come_in)
{
	run("sends_and_receives", peer_answer);
}

MICRO_TEST(virtio_net, the_driver_says_what_it_wants_to_receive)
{
	run("receives_what_it_asked_for", peer_sends_two);
}
#endif
