/*
 * The descriptors of a guest's network card (devmodel/virtio/net.h): one for each pair of its queues, and one
 * of /dev/vhost-net for each of them when the host's kernel is to move the frames.
 *
 * Owned by who holds the struct. One of zeros is not empty: card_fds_init.
 */
#pragma once

#include <string.h>

#include "common/cleanup.h"

#define CARD_QUEUES_MAX 8 /* pairs; VIRTIO_NET_PAIRS_MAX */

struct card_fds {
	int queues[CARD_QUEUES_MAX]; /* -1 from the first that is none */
	int vhost[CARD_QUEUES_MAX];  /* -1: none; as many as queues, or none at all */
};

static inline void card_fds_init(struct card_fds *fds)
{
	memset(fds, 0xff, sizeof(*fds));
}

static inline unsigned card_fds_count(const struct card_fds *fds)
{
	unsigned count = 0;

	while (count < CARD_QUEUES_MAX && fds->queues[count] >= 0)
		count++;
	return count;
}

static inline void card_fds_close(struct card_fds *fds)
{
	for (unsigned i = 0; i < CARD_QUEUES_MAX; i++) {
		cleanup_close(&fds->queues[i]);
		cleanup_close(&fds->vhost[i]);
	}
	card_fds_init(fds);
}

#define AUTO_CARD_FDS __attribute__((cleanup(card_fds_close))) struct card_fds
