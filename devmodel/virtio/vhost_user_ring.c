#include "devmodel/virtio/vhost_user_ring.h"

#include <endian.h>
#include <errno.h>
#include <linux/virtio_ring.h>
#include <stdatomic.h>
#include <string.h>

#include "common/util.h"

#define PAGE          4096U
#define TABLE_ENTRIES (VHOST_USER_PARTS_MAX + 2) /* head and tail */
#define END_SIZE      64                         /* head and tail of a slot, the tail at END_TAIL */
#define END_TAIL      VHOST_USER_HEAD_MAX

/* Where things are, from the ring's start on. */
#define DESC_AT   0U
#define AVAIL_AT  (DESC_AT + VHOST_USER_RING_SIZE * sizeof(struct vring_desc))
#define USED_AT   (AVAIL_AT + PAGE)
#define ENDS_AT   (USED_AT + PAGE)
#define TABLES_AT (ENDS_AT + VHOST_USER_RING_SIZE * END_SIZE)
#define ALL_BYTES (TABLES_AT + VHOST_USER_RING_SIZE * TABLE_ENTRIES * sizeof(struct vring_desc))

_Static_assert(END_TAIL + VHOST_USER_TAIL_MAX <= END_SIZE, "head and tail fit");

uint64_t vhost_user_ring_bytes(void)
{
	return ALIGN_UP((uint64_t)ALL_BYTES, (uint64_t)PAGE);
}

static void ring_clear(struct vhost_user_ring *ring)
{
	memset(ring->avail, 0, sizeof(*ring->avail) + VHOST_USER_RING_SIZE * sizeof(uint16_t));
	memset(ring->used, 0, sizeof(*ring->used) + VHOST_USER_RING_SIZE * sizeof(struct vring_used_elem));
	/* One look after each batch is enough: we know of no event index. */
	ring->avail_next = ring->used_next = 0;
}

void vhost_user_ring_forget(struct vhost_user_ring *ring)
{
	memset(ring->slots, 0, sizeof(ring->slots));
	ring->busy = 0;
	ring->idle_count = VHOST_USER_RING_SIZE;
	for (unsigned i = 0; i < VHOST_USER_RING_SIZE; i++)
		ring->idle[i] = (uint8_t)(VHOST_USER_RING_SIZE - 1 - i);
}

void vhost_user_ring_init(struct vhost_user_ring *ring, const struct guest_memory *memory, uint8_t *shared,
			  uint64_t guest)
{
	*ring = (struct vhost_user_ring){
		.desc = (struct vring_desc *)(void *)(shared + DESC_AT),
		.avail = (struct vring_avail *)(void *)(shared + AVAIL_AT),
		.used = (struct vring_used *)(void *)(shared + USED_AT),
		.tables = (struct vring_desc *)(void *)(shared + TABLES_AT),
		.ends = shared + ENDS_AT,
		.guest = guest,
		.memory = memory,
	};
	vhost_user_ring_forget(ring);
	ring_clear(ring);
}

static void make_available(struct vhost_user_ring *ring, unsigned slot)
{
	ring->avail->ring[ring->avail_next % VHOST_USER_RING_SIZE] = htole16((uint16_t)slot);
	ring->avail_next++;
	atomic_thread_fence(memory_order_release);
	__atomic_store_n(&ring->avail->idx, htole16(ring->avail_next), __ATOMIC_RELEASE);
}

/* The slot of the request that was put first after the one with this number; -1: none. */
static int slot_after(const struct vhost_user_ring *ring, uint64_t number)
{
	int found = -1;

	for (int i = 0; i < VHOST_USER_RING_SIZE; i++) {
		uint64_t its = ring->slots[i].number;

		if (its > number && (found < 0 || its < ring->slots[found].number))
			found = i;
	}
	return found;
}

unsigned vhost_user_ring_renew(struct vhost_user_ring *ring)
{
	unsigned count = 0;
	uint64_t number = 0;
	int slot;

	ring_clear(ring);
	while ((slot = slot_after(ring, number)) >= 0) {
		number = ring->slots[slot].number;
		make_available(ring, (unsigned)slot);
		count++;
	}
	return count;
}

/* --- Requests --- */

struct table {
	struct vring_desc *entries;
	unsigned count;
};

static void table_add(struct table *table, uint64_t address, size_t len, bool in)
{
	table->entries[table->count] = (struct vring_desc){
		.addr = htole64(address),
		.len = htole32((uint32_t)len),
		.flags = htole16(in ? VRING_DESC_F_WRITE : 0),
	};
	table->count++;
}

static int table_add_buffers(const struct vhost_user_ring *ring, struct table *table, const struct iovec *iov,
			     unsigned count, bool in)
{
	for (unsigned i = 0; i < count; i++) {
		uint64_t address;

		if (iov[i].iov_len == 0)
			continue;
		if (table->count == TABLE_ENTRIES - 1)
			return -E2BIG;
		if (guest_memory_address(ring->memory, iov[i].iov_base, iov[i].iov_len, &address) < 0)
			return -EFAULT;
		table_add(table, address, iov[i].iov_len, in);
	}
	return 0;
}

static void table_chain(struct table *table)
{
	for (unsigned i = 0; i + 1 < table->count; i++) {
		table->entries[i].flags |= htole16(VRING_DESC_F_NEXT);
		table->entries[i].next = htole16((uint16_t)(i + 1));
	}
}

static uint64_t place_of(const struct vhost_user_ring *ring, const void *pointer)
{
	return ring->guest + (uint64_t)((const uint8_t *)pointer - (const uint8_t *)ring->desc);
}

static uint64_t bytes_of(const struct iovec *iov, unsigned count)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < count; i++)
		bytes += iov[i].iov_len;
	return bytes;
}

static int slot_fill(struct vhost_user_ring *ring, unsigned slot, const struct vhost_user_ask *ask)
{
	struct table table = {.entries = ring->tables + (size_t)slot * TABLE_ENTRIES};
	uint8_t *ends = ring->ends + (size_t)slot * END_SIZE;
	int code;

	if (ask->head_len)
		memcpy(ends, ask->head, ask->head_len);
	memset(ends + END_TAIL, 0xff, VHOST_USER_TAIL_MAX); /* no answer that would be taken for a good one */
	if (ask->head_len)
		table_add(&table, place_of(ring, ends), ask->head_len, false);
	code = table_add_buffers(ring, &table, ask->out, ask->out_count, false);
	if (code == 0)
		code = table_add_buffers(ring, &table, ask->in, ask->in_count, true);
	if (code < 0)
		return code;
	if (ask->tail_len)
		table_add(&table, place_of(ring, ends + END_TAIL), ask->tail_len, true);
	table_chain(&table);
	ring->desc[slot] = (struct vring_desc){
		.addr = htole64(place_of(ring, table.entries)),
		.len = htole32((uint32_t)(table.count * sizeof(*table.entries))),
		.flags = htole16(VRING_DESC_F_INDIRECT),
	};
	return 0;
}

int vhost_user_ring_put(struct vhost_user_ring *ring, const struct vhost_user_ask *ask)
{
	unsigned slot;
	int code;

	if (ring->idle_count == 0)
		return -EBUSY;
	if (ask->head_len > VHOST_USER_HEAD_MAX || ask->tail_len > VHOST_USER_TAIL_MAX)
		return -E2BIG;
	slot = ring->idle[ring->idle_count - 1];
	code = slot_fill(ring, slot, ask);
	if (code < 0)
		return code;
	ring->idle_count--;
	ring->busy++;
	ring->slots[slot] = (struct vhost_user_slot){
		.owner = ask->owner,
		.tail_len = ask->tail_len,
		.room = ask->tail_len + bytes_of(ask->in, ask->in_count),
		.number = ++ring->last_number,
	};
	make_available(ring, slot);
	return 0;
}

bool vhost_user_ring_wants_kick(const struct vhost_user_ring *ring)
{
	atomic_thread_fence(
		memory_order_seq_cst); /* what was put is seen before this is looked at (2.7.13.4) */
	return !(le16toh(__atomic_load_n(&ring->used->flags, __ATOMIC_RELAXED)) & VRING_USED_F_NO_NOTIFY);
}

/* --- Answers --- */

static void slot_free(struct vhost_user_ring *ring, unsigned slot)
{
	ring->slots[slot] = (struct vhost_user_slot){0};
	ring->idle[ring->idle_count++] = (uint8_t)slot;
	ring->busy--;
}

int vhost_user_ring_take(struct vhost_user_ring *ring, struct vhost_user_answer *answer)
{
	uint16_t index = le16toh(__atomic_load_n(&ring->used->idx, __ATOMIC_ACQUIRE));
	const struct vring_used_elem *used = &ring->used->ring[ring->used_next % VHOST_USER_RING_SIZE];
	uint32_t slot, written;

	if (index == ring->used_next)
		return 0;
	if ((uint16_t)(index - ring->used_next) > ring->busy)
		return -EPROTO;
	slot = le32toh(__atomic_load_n(&used->id, __ATOMIC_RELAXED));
	written = le32toh(__atomic_load_n(&used->len, __ATOMIC_RELAXED));
	if (slot >= VHOST_USER_RING_SIZE || ring->slots[slot].number == 0)
		return -EPROTO;
	ring->used_next++;
	*answer = (struct vhost_user_answer){
		.owner = ring->slots[slot].owner,
		.written = (uint32_t)MIN((uint64_t)written, ring->slots[slot].room),
	};
	memcpy(answer->tail, ring->ends + (size_t)slot * END_SIZE + END_TAIL, ring->slots[slot].tail_len);
	slot_free(ring, slot);
	return 1;
}

bool vhost_user_ring_take_lost(struct vhost_user_ring *ring, struct vhost_user_answer *answer)
{
	int slot = slot_after(ring, 0);

	if (slot < 0)
		return false;
	*answer = (struct vhost_user_answer){.owner = ring->slots[slot].owner, .lost = true};
	slot_free(ring, (unsigned)slot);
	return true;
}
