/*
 * Messages of the vhost-user protocol as they go over its socket (QEMU docs/interop/vhost-user.rst, "Message
 * Specification"): a header, a payload, and descriptors beside them. The front end's side: it asks, the back
 * end replies; over a socket of its own the back end asks, too.
 *
 * The back end is not trusted: a version that is not 1, a payload longer than any that we know, or a
 * descriptor that nobody asked for is -EPROTO, after which the connection is of no use.
 *
 * The sockets do not block: what a message's receiver lacks is read at the next call; what a message's sender
 * cannot get rid of is -EAGAIN, which a back end that reads never causes. One thread a socket.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VHOST_USER_CONFIG_MAX  256 /* bytes of a device's configuration space */
#define VHOST_USER_REGIONS_MAX 8   /* of memory in one table */
#define VHOST_USER_FDS_MAX     VHOST_USER_REGIONS_MAX

/* Requests of the front end. */
enum vhost_user_message_type {
	VHOST_USER_NONE = 0,
	VHOST_USER_GET_FEATURES = 1,
	VHOST_USER_SET_FEATURES = 2,
	VHOST_USER_SET_OWNER = 3,
	VHOST_USER_SET_MEM_TABLE = 5,
	VHOST_USER_SET_VRING_NUM = 8,
	VHOST_USER_SET_VRING_ADDR = 9,
	VHOST_USER_SET_VRING_BASE = 10,
	VHOST_USER_SET_VRING_KICK = 12,
	VHOST_USER_SET_VRING_CALL = 13,
	VHOST_USER_GET_PROTOCOL_FEATURES = 15,
	VHOST_USER_SET_PROTOCOL_FEATURES = 16,
	VHOST_USER_GET_QUEUE_NUM = 17,
	VHOST_USER_SET_VRING_ENABLE = 18,
	VHOST_USER_SET_BACKEND_REQ_FD = 21,
	VHOST_USER_GET_CONFIG = 24,
};

/* Requests of the back end. */
#define VHOST_USER_BACKEND_CONFIG_CHANGE 2

#define VHOST_USER_VERSION    1U
#define VHOST_USER_VERSION_OF 3U
#define VHOST_USER_REPLY      (1U << 2)
#define VHOST_USER_NEED_REPLY (1U << 3)

struct vhost_user_header {
	uint32_t type;
	uint32_t flags;
	uint32_t size; /* of the payload, bytes */
} __attribute__((packed));

struct vhost_user_vring_state {
	uint32_t index;
	uint32_t number;
} __attribute__((packed));

struct vhost_user_vring_addresses {
	uint32_t index;
	uint32_t flags;
	uint64_t desc; /* as this process maps it */
	uint64_t used;
	uint64_t avail;
	uint64_t log;
} __attribute__((packed));

struct vhost_user_region {
	uint64_t guest;  /* guest-physical */
	uint64_t size;   /* bytes */
	uint64_t user;   /* where this process has it */
	uint64_t offset; /* in the descriptor that comes with it */
} __attribute__((packed));

struct vhost_user_memory {
	uint32_t count;
	uint32_t padding;
	struct vhost_user_region regions[VHOST_USER_REGIONS_MAX];
} __attribute__((packed));

struct vhost_user_config {
	uint32_t offset;
	uint32_t size;
	uint32_t flags;
	uint8_t bytes[VHOST_USER_CONFIG_MAX];
} __attribute__((packed));

#define VHOST_USER_CONFIG_HEADER offsetof(struct vhost_user_config, bytes)

struct vhost_user_message {
	struct vhost_user_header header;
	union {
		uint64_t number;
		struct vhost_user_vring_state state;
		struct vhost_user_vring_addresses addresses;
		struct vhost_user_memory memory;
		struct vhost_user_config config;
	} payload;
} __attribute__((packed));

/* A message that is being received. */
struct vhost_user_inbox {
	struct vhost_user_message message;
	size_t have; /* bytes of it */
};

/* With the version; sent whole or not at all. 0 or a negative errno. */
int vhost_user_send(int fd, struct vhost_user_message *message, const int *fds, unsigned count);
/* 1: a whole message is in the inbox, which vhost_user_inbox_clear empties; 0: not yet; -EPIPE: there is
 * nobody any more; -EPROTO and others: see above. */
int vhost_user_receive(int fd, struct vhost_user_inbox *inbox);
void vhost_user_inbox_clear(struct vhost_user_inbox *inbox);
