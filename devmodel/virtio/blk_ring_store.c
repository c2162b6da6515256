#include "devmodel/virtio/blk_ring_store.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

struct blk_ring_store {
	pthread_mutex_t lock;
	unsigned count;
	struct blk_ring rings[];
};

void blk_ring_store_put(struct blk_ring_store *store, const struct blk_ring *ring)
{
	pthread_mutex_lock(&store->lock);
	store->rings[store->count] = *ring;
	store->rings[store->count++].store = NULL; /* as if it had none: it ends with this one */
	pthread_mutex_unlock(&store->lock);
}

int blk_ring_store_take(struct blk_ring_store *store, struct blk_ring *ring)
{
	int code = -ENOSPC;

	pthread_mutex_lock(&store->lock);
	if (store->count) {
		*ring = store->rings[--store->count];
		ring->store = store;
		code = 0;
	}
	pthread_mutex_unlock(&store->lock);
	return code;
}

struct blk_ring_store *blk_ring_store_make(unsigned count, unsigned jobs, unsigned workers)
{
	struct blk_ring_store *store = calloc(1, sizeof(*store) + count * sizeof(*store->rings));

	if (!store)
		return NULL;
	while (store->count < count && blk_ring_open(&store->rings[store->count], jobs, workers) == 0)
		store->count++;
	if (store->count == 0) {
		free(store);
		return NULL;
	}
	pthread_mutex_init(&store->lock, NULL);
	return store;
}

void blk_ring_store_free(struct blk_ring_store *store)
{
	if (!store)
		return;
	for (unsigned i = 0; i < store->count; i++)
		blk_ring_close(&store->rings[i]);
	pthread_mutex_destroy(&store->lock);
	free(store);
}
