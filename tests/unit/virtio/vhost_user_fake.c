#include "tests/unit/virtio/vhost_user_fake.h"

#include <criterion/criterion.h>
#include <linux/virtio_ring.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/descriptors.h"
#include "common/util.h"
#include "devmodel/virtio/vhost_user_ring.h"

void *fake_at_user(const struct fake *fake, uint64_t user)
{
	for (unsigned i = 0; i < fake->region_count; i++)
		if (user >= fake->regions[i].user && user - fake->regions[i].user < fake->regions[i].size)
			return fake->maps[i] + (user - fake->regions[i].user);
	return NULL;
}

static void *at_guest(const struct fake *fake, uint64_t guest)
{
	for (unsigned i = 0; i < fake->region_count; i++)
		if (guest >= fake->regions[i].guest && guest - fake->regions[i].guest < fake->regions[i].size)
			return fake->maps[i] + (guest - fake->regions[i].guest);
	return NULL;
}

static void map_memory(struct fake *fake, const struct vhost_user_memory *memory, const int *fds)
{
	fake->region_count = memory->count;
	for (unsigned i = 0; i < memory->count; i++) {
		fake->regions[i] = memory->regions[i];
		fake->maps[i] = mmap(NULL, memory->regions[i].size, PROT_READ | PROT_WRITE, MAP_SHARED,
				     fds[i], (off_t)memory->regions[i].offset);
	}
}

static void say(const struct fake *fake, struct vhost_user_message *reply)
{
	const uint8_t *bytes = (const uint8_t *)reply;
	size_t len = sizeof(reply->header) + MIN(reply->header.size, (uint32_t)sizeof(reply->payload));

	if (send(fake->connection, bytes, len, MSG_NOSIGNAL) < 0)
		return;
}

static void reply_to(struct fake *fake, const struct vhost_user_message *message)
{
	struct vhost_user_message reply = {
		.header = {message->header.type, VHOST_USER_VERSION | VHOST_USER_REPLY, sizeof(uint64_t)}};
	bool bad = message->header.type == (uint32_t)fake->at;

	if (fake->silent)
		return;
	switch (message->header.type) {
	case VHOST_USER_GET_FEATURES:
		reply.payload.number = FAKE_FEATURES | fake->more_features;
		break;
	case VHOST_USER_GET_PROTOCOL_FEATURES:
		reply.payload.number = FAKE_PROTOCOL;
		break;
	case VHOST_USER_GET_QUEUE_NUM:
		reply.payload.number = MAX(fake->queues, 1U);
		break;
	case VHOST_USER_GET_CONFIG:
		reply.header.size = message->header.size;
		reply.payload.config.size = message->payload.config.size;
		memcpy(reply.payload.config.bytes, fake->config, message->payload.config.size);
		break;
	default:
		if (!(message->header.flags & VHOST_USER_NEED_REPLY))
			return;
	}
	if (bad && fake->wrong == WRONG_TYPE)
		reply.header.type++;
	if (bad && fake->wrong == WRONG_LENGTH)
		reply.header.size--;
	if (bad && fake->wrong == WRONG_VERSION)
		reply.header.flags ^= 3;
	if (bad && fake->wrong == WRONG_HUGE)
		reply.header.size = UINT32_MAX;
	if (bad && fake->wrong == WRONG_NOT_A_REPLY)
		reply.header.flags &= ~VHOST_USER_REPLY;
	if (bad && fake->wrong == WRONG_NUMBER)
		reply.payload.number = fake->number;
	say(fake, &reply);
	if (bad && fake->wrong == WRONG_TWICE)
		say(fake, &reply);
}

static void take_message(struct fake *fake, const struct vhost_user_message *message, const int *fds)
{
	switch (message->header.type) {
	case VHOST_USER_SET_MEM_TABLE:
		map_memory(fake, &message->payload.memory, fds);
		break;
	case VHOST_USER_SET_VRING_ADDR:
		*(message->payload.addresses.index ? &fake->more.addresses : &fake->addresses) =
			message->payload.addresses;
		break;
	case VHOST_USER_SET_VRING_KICK:
		fake->kick = fds[0];
		break;
	case VHOST_USER_SET_VRING_CALL:
		*(message->payload.number & 0xff ? &fake->more.call : &fake->call) = fds[0];
		break;
	case VHOST_USER_SET_BACKEND_REQ_FD:
		fake->requests = fds[0];
		break;
	}
}

/* One message; false: there is no more. */
static bool serve_message(struct fake *fake)
{
	struct vhost_user_message message;
	int fds[VHOST_USER_FDS_MAX] = {0};
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(fds))];
	} rights;
	struct iovec iov = {.iov_base = &message, .iov_len = sizeof(message.header)};
	struct msghdr header = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &rights, .msg_controllen = sizeof(rights)};
	struct cmsghdr *item;

	if (recvmsg(fake->connection, &header, MSG_WAITALL) != sizeof(message.header) ||
	    (message.header.size && recv(fake->connection, &message.payload, message.header.size,
					 MSG_WAITALL) != (ssize_t)message.header.size))
		return false;
	item = CMSG_FIRSTHDR(&header);
	if (item)
		memcpy(fds, CMSG_DATA(item), item->cmsg_len - CMSG_LEN(0));
	if (message.header.type == (uint32_t)fake->at && fake->wrong == WRONG_HANGS_UP) {
		shutdown(fake->connection, SHUT_RDWR);
		return false;
	}
	if (message.header.type == (uint32_t)fake->at && fake->wrong == WRONG_DESCRIPTOR) {
		struct vhost_user_message reply = {
			.header = {message.header.type, VHOST_USER_REPLY, sizeof(uint64_t)}};

		vhost_user_send(fake->connection, &reply, &fake->connection, 1);
		return true;
	}
	take_message(fake, &message, fds);
	reply_to(fake, &message);
	return true;
}

static void *fake_main(void *argument)
{
	struct fake *fake = argument;

	while (serve_message(fake))
		continue;
	return NULL;
}

void fake_launch(struct fake *fake, int channel, uint32_t number)
{
	int ends[2];
	struct iovec iov = {.iov_base = &number, .iov_len = sizeof(number)};

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	fake->connection = ends[0];
	fake->requests = -1;
	cr_assert_eq(pthread_create(&fake->thread, NULL, fake_main, fake), 0);
	fake->running = true;
	cr_assert_eq(descriptors_send(channel, &iov, 1, &ends[1], 1, 0), (ssize_t)sizeof(number));
	close(ends[1]);
}

bool fake_take(struct fake *fake, uint16_t *slot, uint32_t *number)
{
	const struct vring_avail *avail = fake_at_user(fake, fake->addresses.avail);
	const struct vring_desc *desc = fake_at_user(fake, fake->addresses.desc);

	if (__atomic_load_n(&avail->idx, __ATOMIC_ACQUIRE) == fake->taken)
		return false;
	*slot = avail->ring[fake->taken++ % VHOST_USER_RING_SIZE];
	desc = at_guest(fake, desc[*slot].addr);
	memcpy(number, at_guest(fake, desc->addr), sizeof(*number));
	return true;
}

void fake_give(struct fake *fake, uint16_t slot, uint8_t tail)
{
	struct vring_used *used = fake_at_user(fake, fake->addresses.used);
	const struct vring_desc *desc = fake_at_user(fake, fake->addresses.desc);
	uint64_t one = 1;

	desc = at_guest(fake, desc[slot].addr);
	while (desc->flags & VRING_DESC_F_NEXT)
		desc++;
	*(uint8_t *)at_guest(fake, desc->addr) = tail;
	used->ring[used->idx % VHOST_USER_RING_SIZE].id = slot;
	__atomic_store_n(&used->idx, (uint16_t)(used->idx + 1), __ATOMIC_RELEASE);
	cr_assert_eq(write(fake->call, &one, sizeof(one)), (ssize_t)sizeof(one));
}

/* A table of its own in the rings' memory, whose entries lead into guest memory. */
unsigned fake_take_pieces(struct fake *fake, unsigned queue, uint16_t *slot, struct iovec *pieces,
			  unsigned max)
{
	const struct vhost_user_vring_addresses *at = queue ? &fake->more.addresses : &fake->addresses;
	uint16_t *taken = queue ? &fake->more.taken : &fake->taken;
	const struct vring_avail *avail = fake_at_user(fake, at->avail);
	const struct vring_desc *desc = fake_at_user(fake, at->desc);
	unsigned count = 0;

	if (__atomic_load_n(&avail->idx, __ATOMIC_ACQUIRE) == *taken)
		return 0;
	*slot = avail->ring[(*taken)++ % VHOST_USER_RING_SIZE];
	desc = at_guest(fake, desc[*slot].addr);
	do
		pieces[count++] = (struct iovec){at_guest(fake, desc->addr), desc->len};
	while (count < max && (desc++)->flags & VRING_DESC_F_NEXT);
	return count;
}

void fake_give_bytes(struct fake *fake, unsigned queue, uint16_t slot, uint32_t written)
{
	const struct vhost_user_vring_addresses *at = queue ? &fake->more.addresses : &fake->addresses;
	struct vring_used *used = fake_at_user(fake, at->used);
	uint64_t one = 1;

	used->ring[used->idx % VHOST_USER_RING_SIZE] = (struct vring_used_elem){slot, written};
	__atomic_store_n(&used->idx, (uint16_t)(used->idx + 1), __ATOMIC_RELEASE);
	cr_assert_eq(write(queue ? fake->more.call : fake->call, &one, sizeof(one)), (ssize_t)sizeof(one));
}

void fake_stop(struct fake *fake)
{
	if (!fake->running)
		return;
	shutdown(fake->connection, SHUT_RDWR);
	pthread_join(fake->thread, NULL);
	close(fake->connection);
	fake->running = false;
}
