/* Split queues, the device's side (virtio 1.2, 2.7): what a correct driver gets, and what a hostile one gets.
 */
#include "tests/unit/virtio/driver.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#define SIZE       DRIVER_QUEUE_SIZE
#define BEYOND_RAM (DRIVER_RAM_BASE + DRIVER_RAM_SIZE)

static struct driver driver;
static struct virtq queue;
static struct virtq_chain chain;

static void setup(void)
{
	driver_init(&driver);
	queue = (struct virtq){.size_max = VIRTQ_SIZE_MAX};
	driver_layout(&driver, &queue, 0, SIZE);
}

static void teardown(void)
{
	driver_close(&driver);
}

TestSuite(queue, .init = setup, .fini = teardown);

static int try_enable(void)
{
	return virtq_enable(&queue, &driver.memory, 0);
}

static void enable(bool event_index, bool indirect)
{
	cr_assert_eq(virtq_enable(&queue, &driver.memory,
				  (event_index ? DRIVER_EVENT_INDEX : 0) | (indirect ? DRIVER_INDIRECT : 0)),
		     0);
}

static struct vring_desc *desc(unsigned index)
{
	return &driver.queues[0].desc[index];
}

static uint16_t *used_event(void)
{
	return &driver.queues[0].avail->ring[SIZE];
}

static uint16_t avail_event(void)
{
	return *(uint16_t *)&driver.queues[0].used->ring[SIZE];
}

static void add(const char *bytes)
{
	driver_add(&driver, 0, (struct driver_buffer[]){driver_out(&driver, bytes, strlen(bytes))}, 1);
}

/* Offers a chain of one descriptor with these fields, written as they are. */
static void offer_raw(uint64_t address, uint32_t len, uint16_t flags, uint16_t next)
{
	*desc(0) = (struct vring_desc){.addr = address, .len = len, .flags = flags, .next = next};
	driver_offer(&driver, 0, 0);
}

/* Puts the ring in the state after `count` requests, served and collected. */
static void run_to(unsigned count)
{
	struct driver_used used;
	struct driver_buffer buffer = driver_in(&driver, 4);

	while (count-- > 0) {
		driver_add(&driver, 0, &buffer, 1);
		cr_assert_eq(virtq_pop(&queue, &chain), 1);
		virtq_push(&queue, chain.token, 4);
		virtq_needs_interrupt(&queue);
		cr_assert(driver_collect(&driver, 0, &used));
	}
}

/* Enabling */

Test(queue, enable_refuses_a_size_of_zero)
{
	queue.size = 0;
	cr_assert_eq(try_enable(), -EINVAL);
	cr_assert_not(queue.enabled);
}

Test(queue, enable_refuses_a_size_that_is_no_power_of_two)
{
	queue.size = 12;
	cr_assert_eq(try_enable(), -EINVAL);
}

Test(queue, enable_refuses_a_size_above_the_maximum)
{
	queue.size_max = SIZE / 2;
	cr_assert_eq(try_enable(), -EINVAL);
}

Test(queue, enable_takes_a_size_of_one)
{
	queue.size = 1;
	cr_assert_eq(try_enable(), 0);
}

Test(queue, enable_refuses_rings_that_are_misaligned)
{
	uint64_t desc_address = queue.desc_address, avail = queue.avail_address, used = queue.used_address;

	queue.desc_address = desc_address + 8;
	cr_assert_eq(try_enable(), -EINVAL);
	queue.desc_address = desc_address;
	queue.avail_address = avail + 1;
	cr_assert_eq(try_enable(), -EINVAL);
	queue.avail_address = avail;
	queue.used_address = used + 2;
	cr_assert_eq(try_enable(), -EINVAL);
	queue.used_address = used;
	cr_assert_eq(try_enable(), 0);
}

Test(queue, enable_refuses_rings_that_reach_beyond_memory)
{
	const uint64_t desc_size = 16 * SIZE, avail_size = 6 + 2 * SIZE, used_size = 6 + 8 * SIZE;
	uint64_t desc_address = queue.desc_address, avail = queue.avail_address;

	queue.desc_address = BEYOND_RAM - desc_size + 16;
	cr_assert_eq(try_enable(), -EINVAL);
	queue.desc_address = desc_address;
	queue.avail_address = BEYOND_RAM - avail_size + 2;
	cr_assert_eq(try_enable(), -EINVAL);
	queue.avail_address = avail;
	queue.used_address = BEYOND_RAM - used_size + 2;
	cr_assert_eq(try_enable(), -EINVAL);
	queue.used_address = UINT64_MAX - 3;
	cr_assert_eq(try_enable(), -EINVAL);
}

Test(queue, enable_takes_rings_that_end_with_memory)
{
	queue.avail_address = BEYOND_RAM - (6 + 2 * SIZE);
	cr_assert_eq(try_enable(), 0);
}

Test(queue, a_queue_that_is_not_enabled_is_empty_and_takes_nothing)
{
	struct virtq never = {.size_max = VIRTQ_SIZE_MAX};

	cr_assert_eq(virtq_pop(&never, &chain), 0);
	cr_assert_not(virtq_enable_notify(&never));
	virtq_disable_notify(&never);
	virtq_push(&never, (struct virtq_token){.id = 0, .descriptors = 1}, 0);
	cr_assert_not(virtq_needs_interrupt(&never));
}

Test(queue, a_queue_that_was_stopped_leaves_its_rings_alone)
{
	enable(false, false);
	add("abc");
	virtq_disable(&queue);
	cr_assert_eq(virtq_pop(&queue, &chain), 0);
	virtq_push(&queue, (struct virtq_token){.id = 0, .descriptors = 1}, 3);
	cr_assert_eq(driver.queues[0].used->idx, 0);
}

Test(queue, reset_keeps_nothing_but_the_maximum)
{
	enable(true, true);
	virtq_reset(&queue);
	cr_assert_not(queue.enabled);
	cr_assert_eq(queue.size, 0);
	cr_assert_eq(queue.desc_address, 0);
	cr_assert_eq(queue.size_max, VIRTQ_SIZE_MAX);
}

/* Popping and pushing */

Test(queue, pop_finds_nothing_in_an_empty_ring)
{
	enable(false, false);
	cr_assert_eq(virtq_pop(&queue, &chain), 0);
}

Test(queue, pop_takes_a_chain_with_both_kinds_of_buffers)
{
	char bytes[8] = {0};
	uint16_t head;

	enable(false, false);
	head = driver_add(&driver, 0,
			  (struct driver_buffer[]){driver_out(&driver, "ab", 2),
						   driver_out(&driver, "cde", 3), driver_in(&driver, 7)},
			  3);
	cr_assert_eq(virtq_pop(&queue, &chain), 1);
	cr_assert_eq(chain.token.id, head);
	cr_assert_eq(chain.readable_count, 2);
	cr_assert_eq(chain.writable_count, 1);
	cr_assert_eq(chain.readable_len, 5);
	cr_assert_eq(chain.writable_len, 7);
	cr_assert_eq(virtq_chain_read(&chain, 0, bytes, sizeof(bytes)), 5);
	cr_assert_str_eq(bytes, "abcde");
	cr_assert_eq(virtq_pop(&queue, &chain), 0);
}

Test(queue, pop_returns_chains_in_order)
{
	enable(false, false);
	for (uint16_t i = 0; i < SIZE; i++)
		add("x");
	for (uint16_t i = 0; i < SIZE; i++) {
		cr_assert_eq(virtq_pop(&queue, &chain), 1);
		cr_assert_eq(chain.token.id, i);
	}
	cr_assert_eq(virtq_pop(&queue, &chain), 0);
}

Test(queue, unpop_gives_the_same_chain_again)
{
	enable(false, false);
	add("first");
	add("second");
	cr_assert_eq(virtq_pop(&queue, &chain), 1);
	virtq_unpop(&queue, chain.token);
	cr_assert_eq(virtq_pop(&queue, &chain), 1);
	cr_assert_eq(chain.token.id, 0);
	cr_assert_eq(chain.readable_len, strlen("first"));
}

Test(queue, push_publishes_head_and_length)
{
	struct driver_used used;

	enable(false, false);
	add("a");
	add("b");
	cr_assert_eq(virtq_pop(&queue, &chain), 1);
	cr_assert_eq(virtq_pop(&queue, &chain), 1);
	virtq_push(&queue, (struct virtq_token){.id = 1, .descriptors = 1}, 77);
	cr_assert(driver_collect(&driver, 0, &used));
	cr_assert_eq(used.head, 1);
	cr_assert_eq(used.written, 77);
	cr_assert_not(driver_collect(&driver, 0, &used));
}

Test(queue, a_buffer_of_length_zero_is_a_buffer)
{
	enable(false, false);
	offer_raw(DRIVER_RAM_BASE, 0, 0, 0);
	cr_assert_eq(virtq_pop(&queue, &chain), 1);
	cr_assert_eq(chain.readable_count, 1);
	cr_assert_eq(chain.readable_len, 0);
}

Test(queue, the_sixteen_bit_indices_wrap_around)
{
	struct driver_used used;

	enable(false, false);
	run_to(65535);
	add("last");
	add("first");
	cr_assert_eq(driver.queues[0].avail->idx, 1);
	for (unsigned i = 0; i < 2; i++) {
		cr_assert_eq(virtq_pop(&queue, &chain), 1);
		virtq_push(&queue, chain.token, 0);
		cr_assert(driver_collect(&driver, 0, &used));
	}
	cr_assert_eq(virtq_pop(&queue, &chain), 0);
	cr_assert_eq(driver.queues[0].used->idx, 1);
}

/* Hostile chains */

Test(queue, an_index_that_runs_ahead_breaks_the_ring)
{
	enable(false, false);
	driver.queues[0].avail->idx = SIZE + 1;
	cr_assert_eq(virtq_pop(&queue, &chain), -EPROTO);
}

Test(queue, more_at_once_than_the_queue_holds_breaks_the_ring)
{
	enable(false, false);
	for (unsigned i = 0; i < SIZE; i++) {
		driver_offer(&driver, 0, 0);
		*desc(0) = (struct vring_desc){.addr = DRIVER_RAM_BASE, .len = 4};
		cr_assert_eq(virtq_pop(&queue, &chain), 1);
	}
	driver_offer(&driver, 0, 0);
	cr_assert_eq(virtq_pop(&queue, &chain), -EPROTO);
	cr_assert_eq(virtq_pop(&queue, &chain), -EPROTO);
	virtq_push(&queue, chain.token, 0);
	cr_assert_eq(virtq_pop(&queue, &chain), 1);
}

Test(queue, an_index_that_runs_backwards_breaks_the_ring)
{
	enable(false, false);
	run_to(3);
	driver.queues[0].avail->idx = 2;
	cr_assert_eq(virtq_pop(&queue, &chain), -EPROTO);
}

/* A descriptor without fault behind the table: its index there. */
static uint16_t lay_beyond_table(void)
{
	uint64_t address = driver_alloc(&driver, sizeof(struct vring_desc));
	struct vring_desc *beyond = driver_at(&driver, address, sizeof(*beyond));

	*beyond = (struct vring_desc){.addr = DRIVER_RAM_BASE, .len = 4};
	return (uint16_t)((address - queue.desc_address) / sizeof(*beyond));
}

Test(queue, a_head_beyond_the_table_breaks_the_ring)
{
	enable(false, false);
	driver_offer(&driver, 0, lay_beyond_table());
	cr_assert_eq(virtq_pop(&queue, &chain), -EPROTO);
}

Test(queue, a_next_beyond_the_table_breaks_the_ring)
{
	enable(false, false);
	offer_raw(DRIVER_RAM_BASE, 4, VRING_DESC_F_NEXT, lay_beyond_table());
	cr_assert_eq(virtq_pop(&queue, &chain), -EPROTO);
}

Test(queue, a_chain_that_loops_breaks_the_ring)
{
	enable(false, false);
	*desc(1) =
		(struct vring_desc){.addr = DRIVER_RAM_BASE, .len = 4, .flags = VRING_DESC_F_NEXT, .next = 0};
	offer_raw(DRIVER_RAM_BASE, 4, VRING_DESC_F_NEXT, 1);
	cr_assert_eq(virtq_pop(&queue, &chain), -EPROTO);
}

Test(queue, a_chain_of_the_whole_queue_is_taken)
{
	struct driver_buffer buffers[SIZE];

	for (unsigned i = 0; i < SIZE; i++)
		buffers[i] = driver_in(&driver, 16);
	enable(false, false);
	driver_add(&driver, 0, buffers, SIZE);
	cr_assert_eq(virtq_pop(&queue, &chain), 1);
	cr_assert_eq(chain.writable_count, SIZE);
	cr_assert_eq(chain.writable_len, 16 * SIZE);
}

Test(queue, a_chain_longer_than_the_limit_breaks_the_ring)
{
	enum { LONG = 2 * VIRTQ_CHAIN_MAX };
	static struct driver_buffer buffers[LONG];

	for (unsigned i = 0; i < LONG; i++)
		buffers[i] = driver_in(&driver, 1);
	driver_layout(&driver, &queue, 0, LONG);
	enable(false, false);
	driver_add(&driver, 0, buffers, VIRTQ_CHAIN_MAX);
	cr_assert_eq(virtq_pop(&queue, &chain), 1);
	driver_add(&driver, 0, buffers, VIRTQ_CHAIN_MAX + 1);
	cr_assert_eq(virtq_pop(&queue, &chain), -EPROTO);
}

Test(queue, a_readable_buffer_after_a_writable_one_breaks_the_ring)
{
	enable(false, false);
	driver_add(&driver, 0,
		   (struct driver_buffer[]){driver_in(&driver, 4), driver_out(&driver, "late", 4)}, 2);
	cr_assert_eq(virtq_pop(&queue, &chain), -EPROTO);
}

Test(queue, a_buffer_outside_memory_breaks_the_ring)
{
	static const struct {
		uint64_t address;
		uint32_t len;
	} bad[] = {
		{0, 16},         {DRIVER_RAM_BASE - 1, 2}, {BEYOND_RAM - 8, 9},           {BEYOND_RAM, 1},
		{UINT64_MAX, 1}, {UINT64_MAX - 7, 16},     {DRIVER_RAM_BASE, UINT32_MAX},
	};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		driver_layout(&driver, &queue, 0, SIZE);
		enable(false, false);
		offer_raw(bad[i].address, bad[i].len, VRING_DESC_F_WRITE, 0);
		cr_expect_eq(virtq_pop(&queue, &chain), -EPROTO, "case %u", i);
	}
}

Test(queue, a_buffer_that_ends_with_memory_is_taken)
{
	enable(false, false);
	offer_raw(BEYOND_RAM - 8, 8, VRING_DESC_F_WRITE, 0);
	cr_assert_eq(virtq_pop(&queue, &chain), 1);
}

Test(queue, more_than_4_gib_in_one_chain_breaks_the_ring)
{
	const unsigned count = 4;
	struct guest_memory big = {.fd = -1};
	struct driver_buffer buffers[4];

	/* Nothing here touches the memory, so it need not be there. */
	cr_assert_eq(guest_memory_add(&big, DRIVER_RAM_BASE, DRIVER_RAM_SIZE, driver.ram, 0), 0);
	cr_assert_eq(guest_memory_add(&big, 1ULL << 32, 2ULL << 30, driver.ram, 0), 0);
	cr_assert_eq(virtq_enable(&queue, &big, 0), 0);
	for (unsigned i = 0; i < count; i++)
		buffers[i] = (struct driver_buffer){.address = 1ULL << 32, .len = 1U << 30, .writable = true};
	driver_add(&driver, 0, buffers, count);
	cr_assert_eq(virtq_pop(&queue, &chain), 1);
	cr_assert_eq(chain.writable_len, 1ULL << 32);
	buffers[0].len++;
	driver_add(&driver, 0, buffers, count);
	cr_assert_eq(virtq_pop(&queue, &chain), -EPROTO);
}

Test(queue, a_broken_chain_is_not_taken)
{
	enable(false, false);
	offer_raw(0, 16, 0, 0);
	cr_assert_eq(virtq_pop(&queue, &chain), -EPROTO);
	cr_assert_eq(virtq_pop(&queue, &chain), -EPROTO);
}

/* Indirect descriptors (2.7.5.3) */

Test(queue, an_indirect_table_is_followed)
{
	char bytes[6] = {0};

	enable(false, true);
	driver_add_indirect(&driver, 0,
			    (struct driver_buffer[]){driver_out(&driver, "ab", 2),
						     driver_out(&driver, "cde", 3), driver_in(&driver, 9)},
			    3);
	cr_assert_eq(virtq_pop(&queue, &chain), 1);
	cr_assert_eq(chain.readable_len, 5);
	cr_assert_eq(chain.writable_len, 9);
	virtq_chain_read(&chain, 0, bytes, 5);
	cr_assert_str_eq(bytes, "abcde");
}

Test(queue, an_indirect_table_may_be_unaligned_and_longer_than_the_queue)
{
	enum { COUNT = 2 * SIZE };
	uint64_t address = driver_alloc(&driver, 16 * COUNT + 1) + 1;
	uint8_t *table = driver_at(&driver, address, 16 * COUNT);

	for (unsigned i = 0; i < COUNT; i++) {
		struct vring_desc entry = {
			.addr = DRIVER_RAM_BASE + i,
			.len = 1,
			.flags = VRING_DESC_F_WRITE | (i + 1 < COUNT ? VRING_DESC_F_NEXT : 0),
			.next = i + 1,
		};
		memcpy(table + 16 * i, &entry, sizeof(entry));
	}
	enable(false, true);
	offer_raw(address, 16 * COUNT, VRING_DESC_F_INDIRECT, 0);
	cr_assert_eq(virtq_pop(&queue, &chain), 1);
	cr_assert_eq(chain.writable_count, COUNT);
}

Test(queue, direct_descriptors_may_lead_to_an_indirect_one)
{
	struct driver_buffer first = driver_out(&driver, "ab", 2);

	enable(false, true);
	driver_add_indirect(&driver, 0, (struct driver_buffer[]){driver_out(&driver, "cd", 2)}, 1);
	*desc(1) =
		(struct vring_desc){.addr = first.address, .len = 2, .flags = VRING_DESC_F_NEXT, .next = 0};
	driver.queues[0].avail->ring[0] = 1;
	cr_assert_eq(virtq_pop(&queue, &chain), 1);
	cr_assert_eq(chain.readable_len, 4);
}

Test(queue, the_write_flag_of_an_indirect_descriptor_means_nothing)
{
	enable(false, true);
	driver_add_indirect(&driver, 0, (struct driver_buffer[]){driver_out(&driver, "ab", 2)}, 1);
	desc(0)->flags |= VRING_DESC_F_WRITE;
	cr_assert_eq(virtq_pop(&queue, &chain), 1);
	cr_assert_eq(chain.readable_len, 2);
}

Test(queue, an_indirect_descriptor_that_was_not_agreed_breaks_the_ring)
{
	enable(false, false);
	driver_add_indirect(&driver, 0, (struct driver_buffer[]){driver_in(&driver, 4)}, 1);
	cr_assert_eq(virtq_pop(&queue, &chain), -EPROTO);
}

Test(queue, an_indirect_descriptor_with_a_next_breaks_the_ring)
{
	enable(false, true);
	driver_add_indirect(&driver, 0, (struct driver_buffer[]){driver_in(&driver, 4)}, 1);
	desc(0)->flags |= VRING_DESC_F_NEXT;
	cr_assert_eq(virtq_pop(&queue, &chain), -EPROTO);
}

Test(queue, an_indirect_table_of_a_bad_size_breaks_the_ring)
{
	static const uint32_t bad[] = {0, 8, 15, 17, 24, UINT32_MAX, UINT32_MAX - 15};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		driver_layout(&driver, &queue, 0, SIZE);
		enable(false, true);
		offer_raw(DRIVER_RAM_BASE, bad[i], VRING_DESC_F_INDIRECT, 0);
		cr_expect_eq(virtq_pop(&queue, &chain), -EPROTO, "size %u", bad[i]);
	}
}

Test(queue, an_indirect_table_outside_memory_breaks_the_ring)
{
	enable(false, true);
	offer_raw(BEYOND_RAM - 16, 32, VRING_DESC_F_INDIRECT, 0);
	cr_assert_eq(virtq_pop(&queue, &chain), -EPROTO);
}

Test(queue, a_nested_indirect_table_breaks_the_ring)
{
	uint64_t address = driver_alloc(&driver, 16);
	struct vring_desc *inner = driver_at(&driver, address, 16);

	*inner = (struct vring_desc){.addr = address, .len = 16, .flags = VRING_DESC_F_INDIRECT};
	enable(false, true);
	offer_raw(address, 16, VRING_DESC_F_INDIRECT, 0);
	cr_assert_eq(virtq_pop(&queue, &chain), -EPROTO);
}

Test(queue, a_next_beyond_the_indirect_table_breaks_the_ring)
{
	uint64_t address = driver_alloc(&driver, 32);
	struct vring_desc *table = driver_at(&driver, address, 32);

	table[0] = (struct vring_desc){.addr = address, .len = 1, .flags = VRING_DESC_F_NEXT, .next = 1};
	table[1] = (struct vring_desc){.addr = address, .len = 1};
	enable(false, true);
	offer_raw(address, 16, VRING_DESC_F_INDIRECT, 0);
	cr_assert_eq(virtq_pop(&queue, &chain), -EPROTO);
}

Test(queue, an_indirect_table_that_loops_breaks_the_ring)
{
	uint64_t address = driver_alloc(&driver, 16);
	struct vring_desc *table = driver_at(&driver, address, 16);

	*table = (struct vring_desc){.addr = address, .len = 1, .flags = VRING_DESC_F_NEXT, .next = 0};
	enable(false, true);
	offer_raw(address, 16, VRING_DESC_F_INDIRECT, 0);
	cr_assert_eq(virtq_pop(&queue, &chain), -EPROTO);
}

/* Interrupts (2.7.7, 2.7.8) */

static void serve_one(void)
{
	struct driver_buffer buffer = {.address = DRIVER_RAM_BASE, .len = 1, .writable = true};

	driver_add(&driver, 0, &buffer, 1);
	cr_assert_eq(virtq_pop(&queue, &chain), 1);
	virtq_push(&queue, chain.token, 0);
}

Test(queue, no_interrupt_where_nothing_was_pushed)
{
	enable(false, false);
	cr_assert_not(virtq_needs_interrupt(&queue));
	serve_one();
	cr_assert(virtq_needs_interrupt(&queue));
	cr_assert_not(virtq_needs_interrupt(&queue));
}

Test(queue, the_no_interrupt_flag_is_obeyed)
{
	enable(false, false);
	driver.queues[0].avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
	serve_one();
	cr_assert_not(virtq_needs_interrupt(&queue));
	driver.queues[0].avail->flags = 0;
	serve_one();
	cr_assert(virtq_needs_interrupt(&queue));
}

Test(queue, the_event_index_names_the_entry_that_interrupts)
{
	enable(true, false);
	*used_event() = 2;
	serve_one();
	cr_assert_not(virtq_needs_interrupt(&queue));
	serve_one();
	cr_assert_not(virtq_needs_interrupt(&queue));
	serve_one();
	cr_assert(virtq_needs_interrupt(&queue));
	serve_one();
	cr_assert_not(virtq_needs_interrupt(&queue));
}

Test(queue, the_event_index_counts_when_it_lies_inside_a_batch)
{
	enable(true, false);
	*used_event() = 1;
	for (unsigned i = 0; i < 4; i++)
		serve_one();
	cr_assert(virtq_needs_interrupt(&queue));
}

Test(queue, the_event_index_replaces_the_flag)
{
	enable(true, false);
	driver.queues[0].avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
	serve_one();
	cr_assert(virtq_needs_interrupt(&queue));
}

Test(queue, the_event_index_wraps_around)
{
	enable(true, false);
	run_to(65535);
	*used_event() = 65535;
	serve_one();
	cr_assert(virtq_needs_interrupt(&queue));
	*used_event() = 0;
	serve_one();
	cr_assert(virtq_needs_interrupt(&queue));
}

Test(queue, a_whole_round_without_a_question_interrupts)
{
	enable(true, false);
	*used_event() = 40000;
	for (unsigned i = 0; i < 65536; i++)
		serve_one();
	cr_assert(virtq_needs_interrupt(&queue));
	*used_event() = 40000;
	serve_one();
	cr_assert_not(virtq_needs_interrupt(&queue));
}

/* Notifications (2.7.9, 2.7.10) */

Test(queue, notifications_are_turned_off_and_on_by_flag)
{
	enable(false, false);
	virtq_disable_notify(&queue);
	cr_assert_eq(driver.queues[0].used->flags, VRING_USED_F_NO_NOTIFY);
	cr_assert_not(virtq_enable_notify(&queue));
	cr_assert_eq(driver.queues[0].used->flags, 0);
}

Test(queue, notifications_are_asked_for_by_event_index)
{
	enable(true, false);
	run_to(5);
	virtq_disable_notify(&queue);
	cr_assert_eq(driver.queues[0].used->flags, 0);
	cr_assert_not(virtq_enable_notify(&queue));
	cr_assert_eq(avail_event(), 5);
}

Test(queue, enabling_notifications_tells_of_buffers_that_came_meanwhile)
{
	for (int event_index = 0; event_index < 2; event_index++) {
		driver_layout(&driver, &queue, 0, SIZE);
		enable(event_index, false);
		virtq_disable_notify(&queue);
		add("meanwhile");
		cr_assert(virtq_enable_notify(&queue));
	}
}

/* Copying */

Test(queue, chain_read_and_write_cross_descriptors)
{
	struct driver_buffer in[2] = {driver_in(&driver, 3), driver_in(&driver, 4)};
	struct driver_buffer all[4] = {driver_out(&driver, "abc", 3), driver_out(&driver, "defg", 4), in[0],
				       in[1]};
	char bytes[8] = {0};

	enable(false, false);
	driver_add(&driver, 0, all, 4);
	cr_assert_eq(virtq_pop(&queue, &chain), 1);
	cr_assert_eq(virtq_chain_read(&chain, 2, bytes, 3), 3);
	cr_assert_arr_eq(bytes, "cde", 3);
	cr_assert_eq(virtq_chain_read(&chain, 5, bytes, 8), 2);
	cr_assert_eq(virtq_chain_read(&chain, 7, bytes, 1), 0);
	cr_assert_eq(virtq_chain_read(&chain, SIZE_MAX, bytes, 1), 0);
	cr_assert_eq(virtq_chain_write(&chain, 2, "UVWXYZ", 6), 5);
	cr_assert_arr_eq(driver_at(&driver, in[0].address, 3), "\0\0U", 3);
	cr_assert_arr_eq(driver_at(&driver, in[1].address, 4), "VWXY", 4);
	cr_assert_eq(virtq_chain_write(&chain, 7, "Z", 1), 0);
}
