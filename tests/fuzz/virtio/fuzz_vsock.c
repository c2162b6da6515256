/*
 * The socket device behind the MMIO transport, with the host's programs and services as the input wants them.
 * The backend's operation:
 *
 *      0 connect                       a program connects to the unix socket
 *      1 write    which:8 len:8 bytes
 *      2 read     which:8 len:16
 *      3 shutdown which:8 how:8
 *      4 close    which:8
 *      5 packet   op:8 guest:8 host:8 flags:8 credit:16 len:8 bytes    a good packet into the transmit
 * queue's next chain
 *
 *      6 owner    port:8                                               its owner connects a program
 *
 * `which` is one of the last programs, and services that the guest connected to. Guest ports are 8 bits wide
 * there; the host's are too, or count from the first one that programs get.
 */
#include <errno.h>
#include <linux/virtio_ring.h>
#include <linux/virtio_vsock.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/util.h"
#include "devmodel/virtio/vsock.h"
#include "tests/fuzz/virtio/machine.h"

#define CID        3
#define PEERS_MAX  8
#define PACKETS_AT 0x4000 /* in guest memory; 16 of PACKET_AREA bytes */
#define TX_QUEUE   1

#define PACKET_AREA 0x200

static struct sockaddr_un address;
static socklen_t address_size;
static int peers[PEERS_MAX];
static unsigned peer_next;
static unsigned packet_next;

static void peer_add(int fd)
{
	int *place = &peers[peer_next++ % PEERS_MAX];

	if (*place >= 0)
		close(*place);
	*place = fd;
}

static int connect_service(void *owner, uint32_t port)
{
	int small = 4096;
	int ends[2];

	(void)owner;
	if (port % 4 == 3)
		return -ECONNREFUSED;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) < 0)
		return -EMFILE;
	setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	peer_add(ends[0]);
	return ends[1];
}

static void owner_connects(struct fuzz_machine *machine, uint32_t port)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) < 0)
		abort();
	peer_add(ends[0]);
	if (virtio_vsock_connect(machine->device, ends[1], port) < 0)
		close(ends[1]);
}

static void program_connects(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (fd < 0)
		abort();
	if (connect(fd, (struct sockaddr *)&address, address_size) < 0)
		close(fd); /* the queue is full */
	else
		peer_add(fd);
}

/* A packet that is right in all but what the input says, as one descriptor at the end of the available ring.
 */
static void guest_sends(struct fuzz_machine *machine, struct fuzz_input *input)
{
	uint64_t base = TX_QUEUE * FUZZ_QUEUE_AREA;
	struct vring_desc *table = guest_memory_at(&machine->memory, base, FUZZ_QUEUE_AREA);
	struct vring_avail *avail = guest_memory_at(&machine->memory, base + 0x200, FUZZ_QUEUE_AREA - 0x200);
	unsigned slot = packet_next++ % FUZZ_QUEUE_SIZE;
	uint64_t at = PACKETS_AT + slot * PACKET_AREA;
	struct virtio_vsock_hdr header = {.src_cid = CID, .dst_cid = 2, .type = VIRTIO_VSOCK_TYPE_STREAM};
	const uint8_t *bytes;
	uint32_t port;
	size_t len;

	header.op = (uint16_t)(fuzz_take(input, 1) % 10);
	header.src_port = (uint32_t)fuzz_take(input, 1);
	port = (uint32_t)fuzz_take(input, 1);
	header.dst_port = port & 0x80 ? (1U << 30) + (port & 0x7f) : port;
	header.flags = (uint32_t)fuzz_take(input, 1);
	header.buf_alloc = (uint32_t)fuzz_take(input, 2);
	bytes = fuzz_take_bytes(input, fuzz_take(input, 1), &len);
	header.len = (uint32_t)len;
	guest_memory_write(&machine->memory, at, &header, sizeof(header));
	guest_memory_write(&machine->memory, at + sizeof(header), bytes, len);
	table[slot] = (struct vring_desc){.addr = at, .len = (uint32_t)(sizeof(header) + len)};
	avail->ring[avail->idx % FUZZ_QUEUE_SIZE] = (uint16_t)slot;
	avail->idx++;
	virtio_device_kick(machine->device, TX_QUEUE);
}

static void world_acts(struct fuzz_machine *machine, struct fuzz_input *input)
{
	static uint8_t sink[UINT16_MAX];
	unsigned what = fuzz_take(input, 1) % 7;
	const uint8_t *bytes;
	int *peer;
	size_t len;

	if (what == 0) {
		program_connects();
		return;
	}
	if (what == 5) {
		guest_sends(machine, input);
		return;
	}
	if (what == 6) {
		owner_connects(machine, (uint32_t)fuzz_take(input, 1));
		return;
	}
	peer = &peers[fuzz_take(input, 1) % PEERS_MAX];
	if (what == 1) {
		bytes = fuzz_take_bytes(input, fuzz_take(input, 1), &len);
		if (send(*peer, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			return; /* not there, closed or full */
	} else if (what == 2) {
		if (recv(*peer, sink, fuzz_take(input, 2), MSG_DONTWAIT) < 0)
			return;
	} else if (what == 3) {
		shutdown(*peer, (int)(fuzz_take(input, 1) % 3));
	} else if (*peer >= 0) {
		close(*peer);
		*peer = -1;
	}
}

static int make_listener(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	/* An abstract name of the kernel's choice. */
	address = (struct sockaddr_un){.sun_family = AF_UNIX};
	address_size = sizeof(address);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(sa_family_t)) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &address_size) < 0 || listen(fd, PEERS_MAX) < 0)
		abort();
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct virtio_vsock_options options = {
		.cid = CID, .connect = connect_service, .listen_fd = make_listener()};
	struct fuzz_input input = {data, size};
	struct fuzz_machine machine;

	for (unsigned i = 0; i < PEERS_MAX; i++)
		peers[i] = -1;
	peer_next = 0;
	packet_next = 0;
	fuzz_machine_init(&machine);
	machine.backend = world_acts;
	fuzz_machine_run(&machine, virtio_vsock_create(&options, &machine.memory, &machine.loop, NULL),
			 &input);
	for (unsigned i = 0; i < PEERS_MAX; i++) {
		if (peers[i] >= 0)
			close(peers[i]);
	}
	return 0;
}
