/* A vhost-user back end of the tests' own, on a thread of its own, which may be hostile; and who looks after
 * it. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "devmodel/virtio/vhost_user_message.h"

#define CONFIG_SIZE   16
#define FAKE_FEATURES (1ULL << 32 | 1ULL << 30 | 1ULL << VIRTIO_RING_F_INDIRECT_DESC | 1ULL << 9)
#define FAKE_PROTOCOL (1ULL << 0 | 1ULL << 3 | 1ULL << 5 | 1ULL << 9)
#define FAKE_REGIONS  8
#define FAKE_QUEUES   2

/* What it does wrong when it gets the message `at`; VHOST_USER_NONE: nothing. */
enum wrong {
	WRONG_TYPE,
	WRONG_LENGTH,
	WRONG_VERSION,
	WRONG_HUGE,
	WRONG_NOT_A_REPLY,
	WRONG_TWICE,
	WRONG_DESCRIPTOR,
	WRONG_NUMBER,
	WRONG_HANGS_UP,
};

struct fake {
	pthread_t thread;
	bool running;
	int connection; /* its end */
	int requests;   /* of its own; -1: not told */
	enum vhost_user_message_type at;
	enum wrong wrong;
	uint64_t number; /* WRONG_NUMBER */
	uint64_t more_features;
	_Atomic bool silent; /* replies to nothing from now on */
	uint8_t config[VHOST_USER_CONFIG_MAX];
	struct vhost_user_region regions[FAKE_REGIONS];
	uint8_t *maps[FAKE_REGIONS];
	unsigned region_count;
	unsigned queues; /* 0: one */
	struct vhost_user_vring_addresses addresses;
	int kick, call;
	uint16_t taken; /* of the available ring */
	struct fake_queue {
		struct vhost_user_vring_addresses addresses;
		int call;
		uint16_t taken;
	} more; /* the second one */
};

/* Hands a connection to it, with this number, into the channel. */
void fake_launch(struct fake *fake, int channel, uint32_t number);
void fake_stop(struct fake *fake);
/* Where it has what the front end has at this address; NULL: nowhere. */
void *fake_at_user(const struct fake *fake, uint64_t user);
/* What it takes of the ring: the slot, and the number in the request's head. */
bool fake_take(struct fake *fake, uint16_t *slot, uint32_t *number);
/* Answers: the tail is this byte. */
void fake_give(struct fake *fake, uint16_t slot, uint8_t tail);

/* The same of either queue, of requests that lie in guest memory alone: the pieces of a request; and the
 * answer, of so many bytes, as it says. */
unsigned fake_take_pieces(struct fake *fake, unsigned queue, uint16_t *slot, struct iovec *pieces,
			  unsigned max);
void fake_give_bytes(struct fake *fake, unsigned queue, uint16_t slot, uint32_t written);
