/*
 * The file system behind the MMIO transport, with a back end that is the fuzzer's input
 * (devmodel/virtio/vhost_user.h). What it is set up with is right. The backend's operation:
 *
 *      0 answer  queue:8 len:32              the oldest request that is not answered; so many bytes, it says
 *      1 used    queue:8 index:16 id:32 place:8   writes the used ring
 *      2 write   queue:8 offset:16 value:8   writes anywhere in the ring's memory
 *      3 ends    -                           it is gone
 *      4 comes   -                           another is there
 */
#include <linux/virtio_ring.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/descriptors.h"
#include "devmodel/virtio/fs.h"
#include "devmodel/virtio/vhost_user_front.h"
#include "tests/fuzz/virtio/machine.h"

#define QUEUES   2
#define FEATURES (1ULL << 32 | 1ULL << 30 | 1ULL << VIRTIO_RING_F_INDIRECT_DESC)
#define PROTOCOL (1ULL << 0 | 1ULL << 3 | 1ULL << 5)

/* What it knows of a queue: addresses are those that our own process has. */
static struct ring {
	struct vhost_user_vring_addresses at;
	int call;
	uint16_t taken;
} rings[QUEUES];
static int channel, connection;
static uint32_t number;

/* --- Its set-up --- */

static void reply(enum vhost_user_message_type type, uint64_t value)
{
	struct vhost_user_message message = {
		.header = {type, VHOST_USER_VERSION | VHOST_USER_REPLY, sizeof(value)},
		.payload.number = value,
	};

	if (send(connection, &message, sizeof(message.header) + sizeof(value), MSG_NOSIGNAL | MSG_DONTWAIT) <
	    0)
		abort();
}

/* All replies, before they are asked for. */
static void reply_right(void)
{
	static const enum vhost_user_message_type once[] = {
		VHOST_USER_SET_OWNER, VHOST_USER_SET_BACKEND_REQ_FD, VHOST_USER_SET_FEATURES,
		VHOST_USER_SET_MEM_TABLE};
	static const enum vhost_user_message_type each[] = {
		VHOST_USER_SET_VRING_NUM,  VHOST_USER_SET_VRING_BASE, VHOST_USER_SET_VRING_ADDR,
		VHOST_USER_SET_VRING_CALL, VHOST_USER_SET_VRING_KICK, VHOST_USER_SET_VRING_ENABLE};

	reply(VHOST_USER_GET_FEATURES, FEATURES);
	reply(VHOST_USER_GET_PROTOCOL_FEATURES, PROTOCOL);
	reply(VHOST_USER_GET_QUEUE_NUM, QUEUES);
	for (size_t i = 0; i < sizeof(once) / sizeof(*once); i++)
		reply(once[i], 0);
	for (size_t i = 0; i < QUEUES * sizeof(each) / sizeof(*each); i++)
		reply(each[i % (sizeof(each) / sizeof(*each))], 0);
}

static void hand_over(void)
{
	struct iovec iov = {.iov_base = &number, .iov_len = sizeof(number)};
	int ends[2];

	number++;
	for (unsigned i = 0; i < QUEUES; i++)
		rings[i].taken = 0;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		abort();
	connection = ends[0];
	if (descriptors_send(channel, &iov, 1, &ends[1], 1, MSG_DONTWAIT) < 0)
		abort();
	close(ends[1]);
	reply_right();
}

static void note(const struct vhost_user_message *message, const int *fds, unsigned count)
{
	unsigned queue = (unsigned)message->payload.number & (QUEUES - 1);

	if (message->header.type == VHOST_USER_SET_VRING_ADDR) {
		rings[message->payload.addresses.index].at = message->payload.addresses;
		rings[message->payload.addresses.index].taken = 0;
	} else if (message->header.type == VHOST_USER_SET_VRING_CALL && count) {
		if (rings[queue].call >= 0)
			close(rings[queue].call);
		rings[queue].call = fds[0];
		return;
	}
	for (unsigned i = 0; i < count; i++)
		close(fds[i]);
}

/* What it was told so far. */
static void listen_up(void)
{
	struct vhost_user_message message;
	int fds[VHOST_USER_FDS_MAX];
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(fds))];
	} rights;

	for (;;) {
		struct iovec iov = {&message, sizeof(message.header)};
		struct msghdr header = {.msg_iov = &iov,
					.msg_iovlen = 1,
					.msg_control = &rights,
					.msg_controllen = sizeof(rights)};
		const struct cmsghdr *item;
		size_t bytes = 0;

		if (recvmsg(connection, &header, MSG_DONTWAIT) != sizeof(message.header))
			return;
		item = CMSG_FIRSTHDR(&header);
		if (item)
			memcpy(fds, CMSG_DATA(item), bytes = item->cmsg_len - CMSG_LEN(0));
		if (message.header.size && recv(connection, &message.payload, message.header.size,
						MSG_DONTWAIT) != (ssize_t)message.header.size)
			abort();
		note(&message, fds, (unsigned)(bytes / sizeof(int)));
	}
}

/* --- Its answers --- */

static void call(const struct ring *ring)
{
	uint64_t one = 1;

	if (ring->call >= 0 && write(ring->call, &one, sizeof(one)) < 0)
		return;
}

/* False: there is nothing that it was asked. */
static bool answer(struct ring *ring, uint32_t len)
{
	const struct vring_avail *avail = (const void *)(uintptr_t)ring->at.avail;
	struct vring_used *used = (void *)(uintptr_t)ring->at.used;

	if (!avail || connection < 0 || avail->idx == ring->taken)
		return false;
	used->ring[used->idx % VHOST_USER_RING_SIZE] =
		(struct vring_used_elem){avail->ring[ring->taken++ % VHOST_USER_RING_SIZE], len};
	used->idx++;
	return true;
}

static void write_used(struct ring *ring, struct fuzz_input *input)
{
	struct vring_used *used = (void *)(uintptr_t)ring->at.used;
	uint16_t index = (uint16_t)fuzz_take(input, 2);
	uint32_t id = (uint32_t)fuzz_take(input, 4);

	if (!used)
		return;
	used->ring[fuzz_take(input, 1) % VHOST_USER_RING_SIZE].id = id;
	used->idx = index;
}

static void write_anywhere(const struct ring *ring, struct fuzz_input *input)
{
	uint64_t offset = fuzz_take(input, 2) % vhost_user_ring_bytes();

	if (ring->at.desc)
		((uint8_t *)(uintptr_t)ring->at.desc)[offset] = (uint8_t)fuzz_take(input, 1);
}

static void backend_ends(void)
{
	if (connection >= 0)
		close(connection);
	connection = -1;
}

static void backend_acts(struct fuzz_machine *machine, struct fuzz_input *input)
{
	unsigned what = fuzz_take(input, 1) % 5;
	struct ring *ring;

	if (connection >= 0)
		listen_up();
	if (what >= 3) {
		backend_ends();
		if (what == 4)
			hand_over();
		loop_step(&machine->loop, 0);
		return;
	}
	ring = &rings[fuzz_take(input, 1) % QUEUES];
	if (what == 0)
		answer(ring, (uint32_t)fuzz_take(input, 4));
	else if (what == 1)
		write_used(ring, input);
	else
		write_anywhere(ring, input);
	call(ring);
}

/* Nobody waits: a reset finds that all is answered, or the back end ended, and who closes that it is gone. */
int __real_poll(struct pollfd *fds, nfds_t count, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout);

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout)
{
	bool any = false;
	int ready;

	(void)timeout;
	if (fds) {
		ready = __real_poll(fds, count, 0);
		if (ready)
			return ready;
		backend_ends();
		shutdown(channel, SHUT_RDWR);
		return __real_poll(fds, count, 0);
	}
	if (connection >= 0)
		listen_up();
	for (unsigned i = 0; i < QUEUES; i++) {
		while (answer(&rings[i], 0))
			any = true;
	}
	for (unsigned i = 0; i < QUEUES && !any && rings[i].at.used; i++)
		((struct vring_used *)(uintptr_t)rings[i].at.used)->idx += VHOST_USER_RING_SIZE + 1;
	return 0;
}

static void forget_rings(void)
{
	for (unsigned i = 0; i < QUEUES; i++) {
		if (rings[i].call >= 0)
			close(rings[i].call);
		rings[i] = (struct ring){.call = -1};
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct virtio_fs_options options = {.tag = "fuzz"};
	struct fuzz_input input = {data, size};
	struct fuzz_machine machine;
	int ends[2], memory = memfd_create("guest", MFD_CLOEXEC);

	if (memory < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		abort();
	for (unsigned i = 0; i < QUEUES; i++)
		rings[i] = (struct ring){.call = -1};
	number = 0;
	channel = ends[0];
	options.channel = ends[1];
	hand_over();
	fuzz_machine_init(&machine);
	machine.memory.fd = memory;
	machine.backend = backend_acts;
	fuzz_machine_run(&machine, virtio_fs_create(&options, &machine.memory, &machine.loop, NULL), &input);
	backend_ends();
	close(channel);
	close(memory);
	forget_rings();
	return 0;
}
