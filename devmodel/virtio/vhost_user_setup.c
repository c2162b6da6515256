/*
 * A back end's set-up: one message at a time, each of which is replied to (VHOST_USER_PROTOCOL_F_REPLY_ACK),
 * so that what it refuses is known, and by which message.
 */
#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <string.h>

#include "common/util.h"
#include "devmodel/virtio/vhost_user_front.h"

#define RING_FEATURES (1ULL << VIRTIO_F_VERSION_1 | 1ULL << VIRTIO_RING_F_INDIRECT_DESC)

/* How far: what comes before the queues, then four messages and two a queue. */
enum step {
	STEP_FEATURES,
	STEP_PROTOCOL,
	STEP_SET_PROTOCOL,
	STEP_QUEUE_NUMBER,
	STEP_OWNER,
	STEP_CONFIG,
	STEP_BACKEND_REQUESTS,
	STEP_SET_FEATURES,
	STEP_MEMORY,
	STEP_QUEUES, /* and on: QUEUE_STEPS each */
};

static const enum vhost_user_message_type queue_steps[] = {
	VHOST_USER_SET_VRING_NUM,  VHOST_USER_SET_VRING_BASE, VHOST_USER_SET_VRING_ADDR,
	VHOST_USER_SET_VRING_CALL, VHOST_USER_SET_VRING_KICK, VHOST_USER_SET_VRING_ENABLE,
};

#define QUEUE_STEPS ARRAY_SIZE(queue_steps)

static bool has_protocol(const struct vhost_user *front, enum vhost_user_protocol_feature feature)
{
	return front->protocol >> feature & 1;
}

static int refused(const struct vhost_user *front, struct error *err, const char *what)
{
	return error_set(err, -EPROTO, "%s: its back end %s", front->name, what);
}

/* --- Asking --- */

static int ask(struct vhost_user *front, struct vhost_user_message *message, const int *fds, unsigned count,
	       struct error *err)
{
	enum vhost_user_message_type type = message->header.type;
	int code;

	/* Those that are answered by themselves, or come too early to have that agreed. */
	if (type != VHOST_USER_GET_FEATURES && type != VHOST_USER_GET_PROTOCOL_FEATURES &&
	    type != VHOST_USER_GET_QUEUE_NUM && type != VHOST_USER_GET_CONFIG &&
	    type != VHOST_USER_SET_PROTOCOL_FEATURES)
		message->header.flags |= VHOST_USER_NEED_REPLY;
	code = vhost_user_send(front->link.fd, message, fds, count);
	if (code < 0)
		return error_set(err, code, "%s: its back end does not listen: %s", front->name,
				 strerror(-code));
	front->awaited = type == VHOST_USER_SET_PROTOCOL_FEATURES ? VHOST_USER_NONE : type;
	return 0;
}

static int ask_simply(struct vhost_user *front, enum vhost_user_message_type type, struct error *err)
{
	struct vhost_user_message message = {.header.type = type};

	return ask(front, &message, NULL, 0, err);
}

static int ask_number(struct vhost_user *front, enum vhost_user_message_type type, uint64_t number, int fd,
		      struct error *err)
{
	struct vhost_user_message message = {
		.header = {.type = type, .size = sizeof(number)},
		.payload.number = number,
	};

	return ask(front, &message, &fd, fd >= 0, err);
}

int vhost_user_setup_fetch(struct vhost_user *front, struct error *err)
{
	struct vhost_user_message message = {
		.header = {.type = VHOST_USER_GET_CONFIG,
			   .size = (uint32_t)VHOST_USER_CONFIG_HEADER + front->config_size},
		.payload.config.size = front->config_size,
	};

	return ask(front, &message, NULL, 0, err);
}

static void add_region(struct vhost_user_memory *memory, struct vhost_user_region region)
{
	memory->regions[memory->count++] = region;
}

static int ask_memory(struct vhost_user *front, struct error *err)
{
	struct vhost_user_message message = {.header.type = VHOST_USER_SET_MEM_TABLE};
	struct vhost_user_memory memory = {0};
	int fds[VHOST_USER_FDS_MAX];

	_Static_assert(GUEST_MEMORY_REGIONS_MAX + 1 <= VHOST_USER_REGIONS_MAX, "the rings' own is one more");
	for (unsigned i = 0; i < front->memory->count; i++) {
		const struct guest_memory_region *region = &front->memory->regions[i];

		fds[memory.count] = front->memory->fd;
		add_region(&memory, (struct vhost_user_region){region->base, region->size,
							       (uintptr_t)region->host, region->fd_offset});
	}
	fds[memory.count] = front->shared_fd;
	add_region(&memory, (struct vhost_user_region){front->queues[0].ring.guest, front->shared_size,
						       (uintptr_t)front->shared, 0});
	message.header.size = (uint32_t)(offsetof(struct vhost_user_memory, regions) +
					 memory.count * sizeof(*memory.regions));
	memcpy(&message.payload.memory, &memory, sizeof(memory));
	return ask(front, &message, fds, memory.count, err);
}

static int ask_addresses(struct vhost_user *front, const struct vhost_user_queue *queue, struct error *err)
{
	struct vhost_user_message message = {
		.header = {.type = VHOST_USER_SET_VRING_ADDR, .size = sizeof(message.payload.addresses)},
		.payload.addresses =
			{
				.index = queue->index,
				.desc = (uintptr_t)queue->ring.desc,
				.avail = (uintptr_t)queue->ring.avail,
				.used = (uintptr_t)queue->ring.used,
			},
	};

	return ask(front, &message, NULL, 0, err);
}

static int ask_state(struct vhost_user *front, enum vhost_user_message_type type, unsigned index,
		     uint32_t number, struct error *err)
{
	struct vhost_user_message message = {
		.header = {.type = type, .size = sizeof(message.payload.state)},
		.payload.state = {index, number},
	};

	return ask(front, &message, NULL, 0, err);
}

static int ask_of_queue(struct vhost_user *front, unsigned step, struct error *err)
{
	const struct vhost_user_queue *queue = &front->queues[step / QUEUE_STEPS];
	enum vhost_user_message_type type = queue_steps[step % QUEUE_STEPS];

	switch (type) {
	case VHOST_USER_SET_VRING_NUM:
		return ask_state(front, type, queue->index, VHOST_USER_RING_SIZE, err);
	case VHOST_USER_SET_VRING_ADDR:
		return ask_addresses(front, queue, err);
	case VHOST_USER_SET_VRING_CALL:
		return ask_number(front, type, queue->index, queue->call.fd, err);
	case VHOST_USER_SET_VRING_KICK:
		return ask_number(front, type, queue->index, queue->kick, err);
	case VHOST_USER_SET_VRING_ENABLE:
		return ask_state(front, type, queue->index, 1, err);
	default:
		return ask_state(front, type, queue->index, 0, err);
	}
}

static uint64_t protocol_wanted(const struct vhost_user *front)
{
	return front->protocol &
	       (1ULL << VHOST_USER_PROTOCOL_MQ | 1ULL << VHOST_USER_PROTOCOL_REPLY_ACK |
		1ULL << VHOST_USER_PROTOCOL_BACKEND_REQ | 1ULL << VHOST_USER_PROTOCOL_CONFIG);
}

/* Whether the step is left out with this back end. */
static bool step_is_void(const struct vhost_user *front)
{
	switch (front->step) {
	case STEP_QUEUE_NUMBER:
		return !has_protocol(front, VHOST_USER_PROTOCOL_MQ);
	case STEP_CONFIG:
		return front->config_size == 0;
	case STEP_BACKEND_REQUESTS:
		return !has_protocol(front, VHOST_USER_PROTOCOL_BACKEND_REQ);
	default:
		return false;
	}
}

static int step_ask(struct vhost_user *front, struct error *err)
{
	switch (front->step) {
	case STEP_FEATURES:
		return ask_simply(front, VHOST_USER_GET_FEATURES, err);
	case STEP_PROTOCOL:
		return ask_simply(front, VHOST_USER_GET_PROTOCOL_FEATURES, err);
	case STEP_SET_PROTOCOL:
		return ask_number(front, VHOST_USER_SET_PROTOCOL_FEATURES, protocol_wanted(front), -1, err);
	case STEP_QUEUE_NUMBER:
		return ask_simply(front, VHOST_USER_GET_QUEUE_NUM, err);
	case STEP_OWNER:
		return ask_simply(front, VHOST_USER_SET_OWNER, err);
	case STEP_CONFIG:
		return vhost_user_setup_fetch(front, err);
	case STEP_BACKEND_REQUESTS: {
		struct vhost_user_message message = {.header.type = VHOST_USER_SET_BACKEND_REQ_FD};

		return ask(front, &message, &front->backend_theirs, 1, err);
	}
	case STEP_SET_FEATURES:
		return ask_number(front, VHOST_USER_SET_FEATURES,
				  front->wanted | RING_FEATURES | 1ULL << VHOST_USER_F_PROTOCOL_FEATURES, -1,
				  err);
	case STEP_MEMORY:
		return ask_memory(front, err);
	default:
		return ask_of_queue(front, front->step - STEP_QUEUES, err);
	}
}

/* Asks until a reply has to be waited for. 1: there is nothing left to ask. */
static int ask_next(struct vhost_user *front, struct error *err)
{
	unsigned last = STEP_QUEUES + front->queue_count * (unsigned)QUEUE_STEPS;
	int code = 0;

	while (code == 0 && front->awaited == VHOST_USER_NONE && front->step < last) {
		if (!step_is_void(front))
			code = step_ask(front, err);
		front->step++;
	}
	return code < 0 || front->awaited != VHOST_USER_NONE ? code : 1;
}

int vhost_user_setup_begin(struct vhost_user *front, struct error *err)
{
	front->step = 0;
	front->awaited = VHOST_USER_NONE;
	front->fetch_again = false;
	front->features = front->protocol = 0;
	vhost_user_inbox_clear(&front->inbox);
	vhost_user_inbox_clear(&front->backend_inbox);
	return ask_next(front, err);
}

/* --- Replies --- */

static int take_features(struct vhost_user *front, uint64_t features, struct error *err)
{
	uint64_t needed = front->wanted | RING_FEATURES | 1ULL << VHOST_USER_F_PROTOCOL_FEATURES;

	front->features = features;
	if (needed & ~features)
		return error_set(err, -EPROTO, "%s: its back end lacks features 0x%llx", front->name,
				 (unsigned long long)(needed & ~features));
	return 0;
}

static int take_protocol(struct vhost_user *front, uint64_t features, struct error *err)
{
	front->protocol = features;
	if (!has_protocol(front, VHOST_USER_PROTOCOL_REPLY_ACK))
		return refused(front, err, "does not acknowledge messages");
	if (front->config_size && !has_protocol(front, VHOST_USER_PROTOCOL_CONFIG))
		return refused(front, err, "has no configuration space");
	return 0;
}

static int take_config(struct vhost_user *front, const struct vhost_user_message *reply, struct error *err)
{
	const struct vhost_user_config *config = &reply->payload.config;

	if (reply->header.size != VHOST_USER_CONFIG_HEADER + front->config_size || config->offset != 0 ||
	    config->size != front->config_size)
		return refused(front, err, "does not say what its device is like");
	memcpy(front->config, config->bytes, front->config_size);
	return 0;
}

static int take_number(struct vhost_user *front, enum vhost_user_message_type type, uint64_t number,
		       struct error *err)
{
	switch (type) {
	case VHOST_USER_GET_FEATURES:
		return take_features(front, number, err);
	case VHOST_USER_GET_PROTOCOL_FEATURES:
		return take_protocol(front, number, err);
	case VHOST_USER_GET_QUEUE_NUM:
		if (number < front->queue_count)
			return error_set(err, -EPROTO, "%s: its back end has %llu queues, not %u",
					 front->name, (unsigned long long)number, front->queue_count);
		return 0;
	default: /* an acknowledgement */
		return number ? error_set(err, -EPROTO, "%s: its back end refuses message %d", front->name,
					  (int)type)
			      : 0;
	}
}

static int take_reply(struct vhost_user *front, struct error *err)
{
	const struct vhost_user_message *reply = &front->inbox.message;
	enum vhost_user_message_type awaited = front->awaited;
	uint64_t number;

	if (awaited == VHOST_USER_NONE || reply->header.type != (uint32_t)awaited ||
	    !(reply->header.flags & VHOST_USER_REPLY))
		return refused(front, err, "says what it was not asked");
	front->awaited = VHOST_USER_NONE;
	if (awaited == VHOST_USER_GET_CONFIG)
		return take_config(front, reply, err);
	if (reply->header.size != sizeof(number))
		return refused(front, err, "gives a reply of the wrong length");
	number = reply->payload.number;
	return take_number(front, awaited, number, err);
}

int vhost_user_setup_go_on(struct vhost_user *front, struct error *err)
{
	int code = take_reply(front, err);

	if (code < 0)
		return code;
	if (!front->serving)
		return ask_next(front, err);
	if (!front->fetch_again)
		return 2;
	front->fetch_again = false;
	code = vhost_user_setup_fetch(front, err);
	return code < 0 ? code : 2;
}
