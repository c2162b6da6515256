/*
 * The vhost-user front end with a back end that is the fuzzer's input (vhost_user.h):
 *
 *      byte      1: the set-up is done right first; else the messages below are all that comes
 *      16 bits   how many bytes of messages follow; then those
 *      then operations, each a byte (modulo their number) and its operands:
 *
 *      0 used      index:16 id:32 place:8      writes the used ring
 *      1 put       count:8                     a request, of so many buffers
 *      2 take      -                           answers
 *      3 request   len:8 bytes                 on the socket of the back end's own requests
 *      4 run       -                           lets the loop run
 *      5 memory    offset:32 value:8           writes anywhere in the rings' memory
 *      6 ends      -                           the back end is gone; another comes, which is set up right
 */
#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/descriptors.h"
#include "devmodel/virtio/vhost_user_front.h"
#include "tests/fuzz/virtio/machine.h"

#define CONFIG_SIZE 60
#define FEATURES    (1ULL << 32 | 1ULL << 30 | 1ULL << VIRTIO_RING_F_INDIRECT_DESC)
#define PROTOCOL    (1ULL << 0 | 1ULL << 3 | 1ULL << 5 | 1ULL << 9)
#define ANSWERS     10 /* acknowledgements in a set-up, at most */

static struct vhost_user *front;
static int channel, connection;
static char owner;
static bool right;

static void answered(void *its_owner, unsigned queue)
{
	(void)its_owner;
	(void)queue;
}

static void send_bytes(int fd, const void *bytes, size_t len)
{
	if (len && send(fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return;
}

static void reply(enum vhost_user_message_type type, uint64_t number)
{
	struct vhost_user_message message = {
		.header = {type, VHOST_USER_VERSION | VHOST_USER_REPLY, sizeof(number)},
		.payload.number = number,
	};

	send_bytes(connection, &message, sizeof(message.header) + sizeof(number));
}

/* All replies of a set-up of one queue, in their order. */
static void reply_right(void)
{
	static const enum vhost_user_message_type rest[] = {
		VHOST_USER_SET_BACKEND_REQ_FD, VHOST_USER_SET_FEATURES,   VHOST_USER_SET_MEM_TABLE,
		VHOST_USER_SET_VRING_NUM,      VHOST_USER_SET_VRING_BASE, VHOST_USER_SET_VRING_ADDR,
		VHOST_USER_SET_VRING_CALL,     VHOST_USER_SET_VRING_KICK, VHOST_USER_SET_VRING_ENABLE,
	};
	struct vhost_user_message config = {
		.header = {VHOST_USER_GET_CONFIG, VHOST_USER_VERSION | VHOST_USER_REPLY,
			   (uint32_t)VHOST_USER_CONFIG_HEADER + CONFIG_SIZE},
		.payload.config.size = CONFIG_SIZE,
	};

	reply(VHOST_USER_GET_FEATURES, FEATURES);
	reply(VHOST_USER_GET_PROTOCOL_FEATURES, PROTOCOL);
	reply(VHOST_USER_GET_QUEUE_NUM, 1);
	reply(VHOST_USER_SET_OWNER, 0);
	send_bytes(connection, &config, sizeof(config.header) + config.header.size);
	for (size_t i = 0; i < sizeof(rest) / sizeof(*rest); i++)
		reply(rest[i], 0);
}

static void hand_over(uint32_t number)
{
	struct iovec iov = {.iov_base = &number, .iov_len = sizeof(number)};
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		abort();
	connection = ends[0];
	if (descriptors_send(channel, &iov, 1, &ends[1], 1, MSG_DONTWAIT) < 0)
		abort();
	close(ends[1]);
}

static void put(const struct fuzz_machine *machine, unsigned count)
{
	struct iovec parts[256];
	struct vhost_user_ask ask = {.head = "0123456789abcdef",
				     .head_len = 16,
				     .in = parts,
				     .in_count = count,
				     .tail_len = 1,
				     .owner = &owner};

	for (unsigned i = 0; i < count; i++)
		parts[i] = (struct iovec){machine->memory.regions[0].host + i, 16};
	if (vhost_user_put(front, 0, &ask) == 0)
		vhost_user_kick(front, 0);
}

/* What comes back is what was put. */
static void take(void)
{
	struct vhost_user_answer answer;

	while (vhost_user_take(front, 0, &answer)) {
		if (answer.owner != &owner)
			abort();
	}
}

static void write_used(struct fuzz_input *input)
{
	struct vring_used *used = front->queues[0].ring.used;
	uint16_t index = (uint16_t)fuzz_take(input, 2);
	uint32_t id = (uint32_t)fuzz_take(input, 4);

	used->ring[fuzz_take(input, 1) % VHOST_USER_RING_SIZE].id = id;
	used->idx = index;
}

static void operate(const struct fuzz_machine *machine, struct fuzz_input *input, uint32_t *number)
{
	const uint8_t *bytes;
	uint64_t offset;
	size_t len;

	switch (fuzz_take(input, 1) % 7) {
	case 0:
		write_used(input);
		break;
	case 1:
		put(machine, (unsigned)fuzz_take(input, 1));
		break;
	case 2:
		take();
		break;
	case 3:
		bytes = fuzz_take_bytes(input, fuzz_take(input, 1), &len);
		send_bytes(front->backend_theirs, bytes, len);
		break;
	case 4:
		loop_step((struct loop *)&machine->loop, 0);
		break;
	case 5:
		offset = fuzz_take(input, 4) % front->shared_size;
		front->shared[offset] = (uint8_t)fuzz_take(input, 1);
		break;
	case 6:
		if (!right)
			break;
		close(connection);
		hand_over(++*number);
		reply_right();
		loop_step((struct loop *)&machine->loop, 0);
		break;
	}
}

static void begin(struct fuzz_machine *machine, struct fuzz_input *input, int theirs)
{
	struct vhost_user_options options = {
		.name = "disk fuzz",
		.channel = theirs,
		.queues = 1,
		.config_size = CONFIG_SIZE,
		.reconnect = true,
		.answered = answered,
	};
	const uint8_t *bytes;
	size_t len;

	hand_over(1);
	right = fuzz_take(input, 1) & 1;
	if (right)
		reply_right();
	bytes = fuzz_take_bytes(input, fuzz_take(input, 2), &len);
	send_bytes(connection, bytes, len);
	right = right && !len;
	if (!right) { /* so that nobody waits for more */
		shutdown(connection, SHUT_WR);
		shutdown(channel, SHUT_WR);
	}
	front = vhost_user_open(&options, &machine->memory, &machine->loop, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	struct fuzz_machine machine;
	uint32_t number = 1;
	int ends[2];

	fuzz_machine_make(&machine, false);
	machine.memory.fd = memfd_create("guest", MFD_CLOEXEC);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0 || machine.memory.fd < 0)
		abort();
	channel = ends[0];
	begin(&machine, &input, ends[1]);
	close(ends[1]);
	for (unsigned i = 0; front && input.size && i < 256; i++)
		operate(&machine, &input, &number);
	close(connection);
	close(channel);
	vhost_user_close(front);
	close(machine.memory.fd);
	loop_close(&machine.loop);
	return 0;
}
