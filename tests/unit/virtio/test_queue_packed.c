/* Packed queues, the device's side (virtio 1.2, 2.8): what a correct driver gets, and what a hostile one
 * gets. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "tests/unit/virtio/driver.h"

#define SIZE       6 /* need not be a power of two (2.8.10.1) */
#define BEYOND_RAM (DRIVER_RAM_BASE + DRIVER_RAM_SIZE)

#define AVAIL (1U << VRING_PACKED_DESC_F_AVAIL)
#define USED  (1U << VRING_PACKED_DESC_F_USED)
#define WRAP  (1U << VRING_PACKED_EVENT_F_WRAP_CTR)

static struct driver driver;
static struct virtq queue;
static struct virtq_chain chain;

static void setup(void)
{
	driver_init(&driver);
	queue = (struct virtq){.size_max = VIRTQ_SIZE_MAX};
	driver_layout_packed(&driver, &queue, 0, SIZE);
}

static void teardown(void)
{
	driver_close(&driver);
}

TestSuite(queue_packed, .init = setup, .fini = teardown);

static int try_enable(void)
{
	return virtq_enable(&queue, &driver.memory, DRIVER_PACKED);
}

static void enable(uint64_t features)
{
	cr_assert_eq(virtq_enable(&queue, &driver.memory, DRIVER_PACKED | features), 0);
}

static struct vring_packed_desc *desc(unsigned place)
{
	return &driver.queues[0].packed[place];
}

static struct vring_packed_desc_event *driver_event(void)
{
	return driver.queues[0].driver_event;
}

static struct vring_packed_desc_event *device_event(void)
{
	return driver.queues[0].device_event;
}

/* A chain of `count` writable buffers of 4 bytes. */
static uint16_t add(unsigned count)
{
	struct driver_buffer buffers[SIZE];

	for (unsigned i = 0; i < count; i++)
		buffers[i] = driver_in(&driver, 4);
	return driver_add(&driver, 0, buffers, count);
}

static struct virtq_token pop(void)
{
	cr_assert_eq(virtq_pop(&queue, &chain), 1);
	return chain.token;
}

static void expect_used(uint16_t id, uint32_t written)
{
	struct driver_used used;

	cr_assert(driver_collect(&driver, 0, &used));
	cr_assert_eq(used.head, id);
	cr_assert_eq(used.written, written);
}

static void expect_nothing_used(void)
{
	struct driver_used used;

	cr_assert_not(driver_collect(&driver, 0, &used));
}

/* One chain of `count` descriptors all the way. */
static void serve(unsigned count)
{
	uint16_t id = add(count);

	virtq_push(&queue, pop(), 4);
	expect_used(id, 4);
}

/* Makes one descriptor available as it is written here, in the ring's first round. */
static void offer_raw(uint64_t address, uint32_t len, uint16_t flags)
{
	*desc(0) =
		(struct vring_packed_desc){.addr = address, .len = len, .flags = (uint16_t)(flags | AVAIL)};
}

/* Set-up (2.8.10.1) */

Test(queue_packed, any_size_within_the_limit_is_taken)
{
	queue.size = 1;
	cr_assert_eq(try_enable(), 0);
	queue.size = 0;
	cr_assert_eq(try_enable(), -EINVAL);
	queue.size_max = 5;
	queue.size = 6;
	cr_assert_eq(try_enable(), -EINVAL);
	cr_assert_not(queue.enabled);
}

Test(queue_packed, rings_must_be_aligned_and_in_memory)
{
	const struct virtq good = queue;

	queue.desc_address += 8;
	cr_expect_eq(try_enable(), -EINVAL);
	queue = good;
	queue.avail_address += 2;
	cr_expect_eq(try_enable(), -EINVAL);
	queue = good;
	queue.used_address += 2;
	cr_expect_eq(try_enable(), -EINVAL);
	queue = good;
	queue.desc_address = BEYOND_RAM - 16 * (SIZE - 1);
	cr_expect_eq(try_enable(), -EINVAL);
	queue = good;
	queue.avail_address = BEYOND_RAM;
	cr_expect_eq(try_enable(), -EINVAL);
	queue = good;
	queue.used_address = UINT64_MAX - 3;
	cr_expect_eq(try_enable(), -EINVAL);
	queue = good;
	cr_expect_eq(try_enable(), 0);
}

Test(queue_packed, a_queue_that_is_not_enabled_takes_nothing)
{
	enable(0);
	add(1);
	virtq_disable(&queue);
	cr_assert_eq(virtq_pop(&queue, &chain), 0);
	virtq_push(&queue, (struct virtq_token){.descriptors = 1}, 4);
	virtq_unpop(&queue, (struct virtq_token){.descriptors = 1});
	cr_assert_not(virtq_needs_interrupt(&queue));
	cr_assert_not(virtq_enable_notify(&queue));
	expect_nothing_used();
}

/* Chains and rounds (2.8.1, 2.8.6) */

Test(queue_packed, an_empty_ring_has_nothing)
{
	enable(0);
	cr_assert_eq(virtq_pop(&queue, &chain), 0);
}

Test(queue_packed, a_chain_is_taken_whole_and_given_back)
{
	struct driver_used used;
	char bytes[8] = "";
	uint16_t id;

	enable(0);
	id = driver_add(&driver, 0,
			(struct driver_buffer[]){driver_out(&driver, "ab", 2), driver_out(&driver, "cd", 2),
						 driver_in(&driver, 8)},
			3);
	cr_assert_eq(pop().descriptors, 3);
	cr_assert_eq(chain.token.id, id);
	cr_assert_eq(chain.readable_count, 2);
	cr_assert_eq(chain.writable_count, 1);
	cr_assert_eq(virtq_chain_read(&chain, 0, bytes, sizeof(bytes)), 4);
	cr_assert_str_eq(bytes, "abcd");
	cr_assert_not(driver_collect(&driver, 0, &used));
	virtq_push(&queue, chain.token, 7);
	expect_used(id, 7);
	cr_assert_eq(virtq_pop(&queue, &chain), 0);
}

Test(queue_packed, chains_of_all_lengths_go_round)
{
	enable(0);
	for (unsigned i = 0; i < 20 * SIZE; i++)
		serve(1 + i % SIZE);
	cr_assert_eq(virtq_pop(&queue, &chain), 0);
	expect_nothing_used();
}

Test(queue_packed, the_id_is_the_drivers_own)
{
	enable(0);
	*desc(0) = (struct vring_packed_desc){
		.addr = DRIVER_RAM_BASE, .len = 4, .id = 0xbeef, .flags = VRING_DESC_F_WRITE | AVAIL};
	virtq_push(&queue, pop(), 4);
	cr_assert_eq(desc(0)->id, 0xbeef);
	cr_assert_eq(desc(0)->flags, VRING_DESC_F_WRITE | AVAIL | USED);
}

Test(queue_packed, the_length_counts_only_when_something_was_written)
{
	enable(0);
	driver_add(&driver, 0, (struct driver_buffer[]){driver_out(&driver, "ab", 2)}, 1);
	virtq_push(&queue, pop(), 0);
	cr_assert_eq(desc(0)->flags, AVAIL | USED);
}

Test(queue_packed, chains_may_be_given_back_in_another_order)
{
	struct virtq_token first, second, third;

	enable(0);
	add(3);
	add(1);
	add(2);
	first = pop();
	second = pop();
	third = pop();
	virtq_push(&queue, second, 1);
	virtq_push(&queue, third, 2);
	virtq_push(&queue, first, 3);
	expect_used(second.id, 1);
	expect_used(third.id, 2);
	expect_used(first.id, 3);
	for (unsigned i = 0; i < 3 * SIZE; i++)
		serve(1 + i % 4);
}

Test(queue_packed, chains_are_taken_back_the_last_one_first)
{
	struct virtq_token tokens[3];

	enable(0);
	for (unsigned round = 0; round < 3 * SIZE; round++) { /* begins at every place of the ring */
		for (unsigned i = 0; i < 3; i++)
			add(1 + i % 2);
		for (unsigned i = 0; i < 3; i++)
			tokens[i] = pop();
		for (unsigned i = 3; i-- > 1;)
			virtq_unpop(&queue, tokens[i]);
		virtq_push(&queue, tokens[0], 4);
		expect_used(tokens[0].id, 4);
		for (unsigned i = 1; i < 3; i++) {
			cr_assert_eq(pop().id, tokens[i].id);
			virtq_push(&queue, chain.token, 4);
			expect_used(tokens[i].id, 4);
		}
		serve(1);
	}
}

Test(queue_packed, a_chain_of_the_whole_ring_is_taken_back)
{
	enable(0);
	serve(2);
	add(SIZE);
	virtq_unpop(&queue, pop());
	cr_assert_eq(pop().descriptors, SIZE);
	cr_assert_eq(virtq_pop(&queue, &chain), 0);
}

Test(queue_packed, what_is_filled_is_seen_at_once_when_it_is_published)
{
	struct virtq_token tokens[3];

	enable(0);
	for (unsigned round = 0; round < 2 * SIZE; round++) {
		for (unsigned i = 0; i < 3; i++)
			add(1);
		for (unsigned i = 0; i < 3; i++) {
			tokens[i] = pop();
			virtq_fill(&queue, tokens[i], 1 + i);
		}
		expect_nothing_used();
		virtq_publish(&queue);
		for (unsigned i = 0; i < 3; i++)
			expect_used(tokens[i].id, 1 + i);
		serve(1);
	}
}

Test(queue_packed, a_reset_begins_again)
{
	enable(0);
	serve(5);
	virtq_reset(&queue);
	cr_assert_eq(queue.size_max, VIRTQ_SIZE_MAX);
	driver_layout_packed(&driver, &queue, 0, SIZE);
	enable(0);
	for (unsigned i = 0; i < 2 * SIZE; i++)
		serve(2);
}

/* Indirect tables (2.8.7) */

Test(queue_packed, an_indirect_table_is_a_chain_in_one_place)
{
	struct driver_buffer buffers[3 * SIZE];
	uint16_t id;

	enable(DRIVER_INDIRECT);
	for (unsigned i = 0; i < 3 * SIZE; i++)
		buffers[i] = driver_in(&driver, 4);
	for (unsigned round = 0; round < 3 * SIZE; round++) {
		id = driver_add_indirect(&driver, 0, buffers, 3 * SIZE);
		cr_assert_eq(pop().descriptors, 1);
		cr_assert_eq(chain.writable_count, 3 * SIZE);
		virtq_push(&queue, chain.token, 5);
		expect_used(id, 5);
	}
}

Test(queue_packed, other_flags_in_an_indirect_table_do_not_count)
{
	uint64_t address = driver_alloc(&driver, 2 * sizeof(struct vring_packed_desc));
	struct vring_packed_desc *table = driver_at(&driver, address, 2 * sizeof(*table));

	table[0] = (struct vring_packed_desc){.addr = DRIVER_RAM_BASE, .len = 4};
	table[1] = (struct vring_packed_desc){
		.addr = DRIVER_RAM_BASE, .len = 4, .flags = VRING_DESC_F_WRITE | VRING_DESC_F_NEXT | USED};
	enable(DRIVER_INDIRECT);
	offer_raw(address, 2 * sizeof(*table), VRING_DESC_F_INDIRECT);
	pop();
	cr_assert_eq(chain.readable_count, 1);
	cr_assert_eq(chain.writable_count, 1);
}

static void breaks(void)
{
	cr_assert_eq(virtq_pop(&queue, &chain), -EPROTO);
	cr_assert_eq(virtq_pop(&queue, &chain), -EPROTO);
}

Test(queue_packed, an_indirect_table_that_was_not_agreed_breaks_the_ring)
{
	enable(0);
	offer_raw(DRIVER_RAM_BASE, 16, VRING_DESC_F_INDIRECT);
	breaks();
}

Test(queue_packed, an_indirect_table_in_a_list_breaks_the_ring)
{
	enable(DRIVER_INDIRECT);
	offer_raw(DRIVER_RAM_BASE, 16, VRING_DESC_F_INDIRECT | VRING_DESC_F_NEXT);
	breaks();
	offer_raw(DRIVER_RAM_BASE, 16, VRING_DESC_F_NEXT);
	*desc(1) = (struct vring_packed_desc){
		.addr = DRIVER_RAM_BASE, .len = 16, .flags = VRING_DESC_F_INDIRECT | AVAIL};
	breaks();
}

Test(queue_packed, an_ill_sized_table_breaks_the_ring)
{
	static const uint32_t bad[] = {0, 1, 15, 17, 16 * (VIRTQ_CHAIN_MAX + 1)};

	enable(DRIVER_INDIRECT);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		offer_raw(DRIVER_RAM_BASE, bad[i], VRING_DESC_F_INDIRECT);
		cr_expect_eq(virtq_pop(&queue, &chain), -EPROTO, "size %u", bad[i]);
	}
}

Test(queue_packed, a_table_outside_memory_breaks_the_ring)
{
	static const uint64_t bad[] = {0, BEYOND_RAM - 16, UINT64_MAX - 31, UINT64_MAX};

	enable(DRIVER_INDIRECT);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		offer_raw(bad[i], 32, VRING_DESC_F_INDIRECT);
		cr_expect_eq(virtq_pop(&queue, &chain), -EPROTO, "case %u", i);
	}
}

/* Hostile chains */

Test(queue_packed, a_buffer_outside_memory_breaks_the_ring)
{
	enable(0);
	offer_raw(BEYOND_RAM - 3, 4, VRING_DESC_F_WRITE);
	breaks();
	offer_raw(UINT64_MAX, 4, VRING_DESC_F_WRITE);
	breaks();
}

Test(queue_packed, a_list_without_an_end_breaks_the_ring)
{
	enable(0);
	for (unsigned i = 0; i < SIZE; i++)
		*desc(i) = (struct vring_packed_desc){
			.addr = DRIVER_RAM_BASE, .len = 1, .flags = VRING_DESC_F_NEXT | AVAIL};
	breaks();
}

Test(queue_packed, a_readable_descriptor_after_a_writable_one_breaks_the_ring)
{
	enable(0);
	offer_raw(DRIVER_RAM_BASE, 4, VRING_DESC_F_WRITE | VRING_DESC_F_NEXT);
	*desc(1) = (struct vring_packed_desc){.addr = DRIVER_RAM_BASE, .len = 4, .flags = AVAIL};
	breaks();
}

Test(queue_packed, a_chain_is_as_long_as_others_may_be)
{
	struct driver_buffer buffer = driver_in(&driver, 1);

	queue = (struct virtq){.size_max = VIRTQ_SIZE_MAX};
	driver_layout_packed(&driver, &queue, 0, VIRTQ_SIZE_MAX);
	enable(0);
	for (unsigned i = 0; i <= VIRTQ_CHAIN_MAX; i++)
		*desc(i) = (struct vring_packed_desc){
			.addr = buffer.address,
			.len = 1,
			.flags = (uint16_t)(AVAIL | (i + 1 < VIRTQ_CHAIN_MAX ? VRING_DESC_F_NEXT : 0))};
	cr_assert_eq(pop().descriptors, VIRTQ_CHAIN_MAX);
	virtq_unpop(&queue, chain.token);
	desc(VIRTQ_CHAIN_MAX - 1)->flags |= VRING_DESC_F_NEXT;
	breaks();
}

/* A driver that makes places available again that the device has not given back. */
Test(queue_packed, more_at_once_than_the_ring_holds_breaks_it)
{
	enable(0);
	for (unsigned i = 0; i < SIZE; i++) {
		add(1);
		pop();
	}
	add(1);
	breaks();
}

/* Interrupts (2.8.10) */

Test(queue_packed, interrupts_are_turned_off_and_on)
{
	enable(0);
	serve(1);
	cr_assert(virtq_needs_interrupt(&queue));
	cr_assert_not(virtq_needs_interrupt(&queue), "nothing new");
	driver_event()->flags = VRING_PACKED_EVENT_FLAG_DISABLE;
	serve(1);
	cr_assert_not(virtq_needs_interrupt(&queue));
	driver_event()->flags = VRING_PACKED_EVENT_FLAG_ENABLE;
	serve(1);
	cr_assert(virtq_needs_interrupt(&queue));
}

/* Asks at every place of three rounds for an interrupt two places on: chains of one descriptor. */
Test(queue_packed, the_place_that_interrupts_is_the_one_that_was_asked_for)
{
	enable(DRIVER_EVENT_INDEX);
	driver_event()->flags = VRING_PACKED_EVENT_FLAG_DESC;
	for (unsigned i = 0; i < 3 * SIZE; i++) {
		unsigned at = 3 * i; /* places used so far */
		unsigned event = at + 2;

		driver_event()->off_wrap = (uint16_t)(event % SIZE | (event / SIZE % 2 ? 0 : WRAP));
		serve(1);
		cr_expect_not(virtq_needs_interrupt(&queue), "round %u", i);
		serve(1);
		cr_expect_not(virtq_needs_interrupt(&queue), "round %u", i);
		serve(1);
		cr_expect(virtq_needs_interrupt(&queue), "round %u", i);
	}
}

Test(queue_packed, a_place_inside_a_batch_or_a_list_interrupts)
{
	enable(DRIVER_EVENT_INDEX);
	driver_event()->flags = VRING_PACKED_EVENT_FLAG_DESC;
	driver_event()->off_wrap = 1 | WRAP;
	for (unsigned i = 0; i < 4; i++)
		serve(1);
	cr_assert(virtq_needs_interrupt(&queue));
	driver_event()->off_wrap = 0; /* of the second round */
	serve(3);
	cr_assert(virtq_needs_interrupt(&queue));
}

Test(queue_packed, a_place_that_does_not_exist_interrupts_never)
{
	enable(DRIVER_EVENT_INDEX);
	driver_event()->flags = VRING_PACKED_EVENT_FLAG_DESC;
	driver_event()->off_wrap = 0x7fff | WRAP;
	for (unsigned i = 0; i < 3 * SIZE; i++) {
		serve(1);
		cr_assert_not(virtq_needs_interrupt(&queue));
	}
}

Test(queue_packed, many_rounds_without_a_question_interrupt)
{
	enable(DRIVER_EVENT_INDEX);
	driver_event()->flags = VRING_PACKED_EVENT_FLAG_DESC;
	driver_event()->off_wrap = 3 | WRAP;
	for (unsigned i = 0; i < 100 * SIZE; i++)
		serve(1);
	cr_assert(virtq_needs_interrupt(&queue));
}

/* Notifications (2.8.10) */

Test(queue_packed, notifications_are_turned_off_and_on)
{
	enable(0);
	virtq_disable_notify(&queue);
	cr_assert_eq(device_event()->flags, VRING_PACKED_EVENT_FLAG_DISABLE);
	cr_assert_not(virtq_enable_notify(&queue));
	cr_assert_eq(device_event()->flags, VRING_PACKED_EVENT_FLAG_ENABLE);
	add(1);
	cr_assert(virtq_enable_notify(&queue), "it came before");
}

Test(queue_packed, notifications_are_asked_for_by_place)
{
	enable(DRIVER_EVENT_INDEX);
	cr_assert_not(virtq_enable_notify(&queue));
	cr_assert_eq(device_event()->flags, VRING_PACKED_EVENT_FLAG_DESC);
	cr_assert_eq(device_event()->off_wrap, WRAP);
	serve(4);
	cr_assert_not(virtq_enable_notify(&queue));
	cr_assert_eq(device_event()->off_wrap, 4 | WRAP);
	serve(3);
	virtq_disable_notify(&queue);
	cr_assert_not(virtq_enable_notify(&queue));
	cr_assert_eq(device_event()->off_wrap, 1);
	add(1);
	cr_assert(virtq_enable_notify(&queue));
}
