/* The MSI-X table (PCI 3.0, 6.8.2): when a message is sent, and when it waits. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "common/util.h"
#include "devmodel/msix.h"

#define VECTORS 3
#define ADDRESS 0xfee00000U
#define DATA    0x4042U

static struct msix msix;

static struct fake_bus {
	struct irq_messages messages;
	unsigned count;
	uint64_t address;
	uint32_t data;
} sent;

static void fake_send(struct irq_messages *messages, uint64_t address, uint32_t data)
{
	cr_assert_eq(messages, &sent.messages);
	sent.count++;
	sent.address = address;
	sent.data = data;
}

/* What is bound. */
static struct fake_kernel {
	int result;
	unsigned binds;
	int eventfd; /* -1: nothing */
	uint64_t address;
	uint32_t data;
} kernel;

static int fake_bind(struct irq_messages *messages, int eventfd, uint64_t address, uint32_t data)
{
	cr_assert_eq(messages, &sent.messages);
	cr_assert_eq(kernel.eventfd, -1, "bound twice");
	kernel.binds++;
	if (kernel.result < 0)
		return kernel.result;
	kernel.eventfd = eventfd;
	kernel.address = address;
	kernel.data = data;
	return 0;
}

static void fake_unbind(struct irq_messages *messages, int eventfd)
{
	cr_assert_eq(messages, &sent.messages);
	cr_assert_eq(kernel.eventfd, eventfd, "what is not bound is unbound");
	kernel.eventfd = -1;
}

static void setup(void)
{
	sent = (struct fake_bus){
		.messages = {.send = fake_send, .bind = fake_bind, .unbind = fake_unbind},
	};
	kernel = (struct fake_kernel){.eventfd = -1};
	msix_init(&msix, VECTORS, &sent.messages);
}

static void teardown(void)
{
	msix_close(&msix);
}

TestSuite(msix, .init = setup, .fini = teardown);

static void set(uint64_t offset, uint32_t value)
{
	msix_table_write(&msix, offset, (const uint8_t *)&value, sizeof(value));
}

static uint32_t get(uint64_t offset)
{
	uint32_t value = UINT32_MAX;

	msix_table_read(&msix, offset, (uint8_t *)&value, sizeof(value));
	return value;
}

static uint32_t pending(void)
{
	uint32_t value = UINT32_MAX;

	msix_pending_read(&msix, 0, (uint8_t *)&value, sizeof(value));
	return value;
}

static void set_vector(unsigned vector, bool masked)
{
	set(vector * MSIX_ENTRY_SIZE + PCI_MSIX_ENTRY_LOWER_ADDR, ADDRESS + (vector << 12));
	set(vector * MSIX_ENTRY_SIZE + PCI_MSIX_ENTRY_UPPER_ADDR, 0);
	set(vector * MSIX_ENTRY_SIZE + PCI_MSIX_ENTRY_DATA, DATA + vector);
	set(vector * MSIX_ENTRY_SIZE + PCI_MSIX_ENTRY_VECTOR_CTRL, masked);
}

Test(msix, capability_says_how_many_and_where)
{
	uint8_t bytes[MSIX_CAPABILITY_SIZE - 2];

	msix_capability(&msix, 0x4000, 0x5000, bytes);
	cr_assert_arr_eq(bytes, ((uint8_t[]){VECTORS - 1, 0, 0, 0x40, 0, 0, 0, 0x50, 0, 0}), sizeof(bytes));
}

Test(msix, begins_masked_and_off)
{
	for (unsigned i = 0; i < VECTORS; i++)
		cr_assert_eq(get(i * MSIX_ENTRY_SIZE + PCI_MSIX_ENTRY_VECTOR_CTRL), 1);
	cr_assert_not(msix_enabled(&msix));
	msix_raise(&msix, 0);
	cr_assert_eq(pending(), 0, "who is off remembers nothing");
}

Test(msix, sends_the_vectors_message)
{
	set_vector(2, false);
	msix_control(&msix, PCI_MSIX_FLAGS_ENABLE);
	cr_assert(msix_enabled(&msix));
	msix_raise(&msix, 2);
	cr_assert_eq(sent.count, 1);
	cr_assert_eq(sent.address, ADDRESS + 0x2000);
	cr_assert_eq(sent.data, DATA + 2);
}

Test(msix, an_address_has_64_bits)
{
	set_vector(0, false);
	set(PCI_MSIX_ENTRY_UPPER_ADDR, 0x12);
	msix_control(&msix, PCI_MSIX_FLAGS_ENABLE);
	msix_raise(&msix, 0);
	cr_assert_eq(sent.address, 0x1200000000ULL + ADDRESS);
}

Test(msix, a_masked_vector_waits_and_is_sent_once)
{
	set_vector(1, true);
	msix_control(&msix, PCI_MSIX_FLAGS_ENABLE);
	msix_raise(&msix, 1);
	msix_raise(&msix, 1);
	cr_assert_eq(sent.count, 0);
	cr_assert_eq(pending(), 1 << 1);
	set(MSIX_ENTRY_SIZE + PCI_MSIX_ENTRY_VECTOR_CTRL, 0);
	cr_assert_eq(sent.count, 1);
	cr_assert_eq(pending(), 0);
}

Test(msix, all_can_be_masked_at_once)
{
	set_vector(0, false);
	set_vector(1, true);
	msix_control(&msix, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	msix_raise(&msix, 0);
	msix_raise(&msix, 1);
	cr_assert_eq(sent.count, 0);
	cr_assert_eq(pending(), 3);
	msix_control(&msix, PCI_MSIX_FLAGS_ENABLE);
	cr_assert_eq(sent.count, 1, "the other is masked by itself");
	cr_assert_eq(pending(), 2);
}

Test(msix, turned_off_it_forgets_what_waits)
{
	set_vector(0, true);
	msix_control(&msix, PCI_MSIX_FLAGS_ENABLE);
	msix_raise(&msix, 0);
	msix_control(&msix, 0);
	cr_assert_eq(pending(), 0);
	set(PCI_MSIX_ENTRY_VECTOR_CTRL, 0);
	msix_control(&msix, PCI_MSIX_FLAGS_ENABLE);
	cr_assert_eq(sent.count, 0);
}

Test(msix, vectors_that_are_not_there_are_ignored)
{
	msix_control(&msix, PCI_MSIX_FLAGS_ENABLE);
	msix_raise(&msix, VECTORS);
	msix_raise(&msix, 0xffff);
	cr_assert_eq(sent.count, 0);
	cr_assert_eq(pending(), 0);
	set(VECTORS * MSIX_ENTRY_SIZE, 1);
	cr_assert_eq(get(VECTORS * MSIX_ENTRY_SIZE), 0);
}

Test(msix, reserved_bits_stay_zero)
{
	set(PCI_MSIX_ENTRY_VECTOR_CTRL, UINT32_MAX);
	cr_assert_eq(get(PCI_MSIX_ENTRY_VECTOR_CTRL), PCI_MSIX_ENTRY_CTRL_MASKBIT);
	set(PCI_MSIX_ENTRY_LOWER_ADDR, UINT32_MAX);
	cr_assert_eq(get(PCI_MSIX_ENTRY_LOWER_ADDR), UINT32_MAX - 3);
}

Test(msix, only_aligned_accesses_of_32_and_64_bits)
{
	uint64_t wide = 0x1122334455667788ULL;
	uint8_t bytes[8];

	msix_table_write(&msix, 0, (const uint8_t *)&wide, 8);
	cr_assert_eq(get(PCI_MSIX_ENTRY_LOWER_ADDR), 0x55667788);
	cr_assert_eq(get(PCI_MSIX_ENTRY_UPPER_ADDR), 0x11223344);
	msix_table_read(&msix, 0, bytes, 8);
	cr_assert_arr_eq(bytes, (const uint8_t *)&wide, 8);
	for (unsigned len = 1; len < 8; len++) {
		if (len == 4)
			continue;
		memset(bytes, 0, sizeof(bytes));
		msix_table_write(&msix, 0, bytes, len);
		memset(bytes, 0xff, sizeof(bytes));
		msix_table_read(&msix, 0, bytes, len);
		cr_assert_eq(bytes[0], 0);
	}
	memset(bytes, 0, sizeof(bytes));
	msix_table_write(&msix, 2, bytes, 4);
	msix_table_write(&msix, 4, bytes, 8);
	cr_assert_eq(get(PCI_MSIX_ENTRY_LOWER_ADDR), 0x55667788);
	cr_assert_eq(get(PCI_MSIX_ENTRY_UPPER_ADDR), 0x11223344);
}

Test(msix, pending_bits_are_read_in_both_widths)
{
	uint64_t wide = UINT64_MAX;
	uint32_t high = UINT32_MAX;
	uint8_t byte = 0xff;

	msix_control(&msix, PCI_MSIX_FLAGS_ENABLE);
	msix_raise(&msix, 2);
	msix_pending_read(&msix, 0, (uint8_t *)&wide, 8);
	cr_assert_eq(wide, 4);
	msix_pending_read(&msix, 4, (uint8_t *)&high, 4);
	cr_assert_eq(high, 0);
	msix_pending_read(&msix, 0, &byte, 1);
	cr_assert_eq(byte, 0);
	msix_pending_read(&msix, 8, (uint8_t *)&wide, 8);
	cr_assert_eq(wide, 0, "beyond the last vector");
}

Test(msix, as_many_vectors_as_there_may_be)
{
	static struct msix large;
	uint64_t bits = 0;

	msix_init(&large, MSIX_VECTORS_MAX, &sent.messages);
	msix_control(&large, PCI_MSIX_FLAGS_ENABLE);
	msix_raise(&large, MSIX_VECTORS_MAX - 1);
	msix_raise(&large, MSIX_VECTORS_MAX);
	cr_assert_eq(sent.count, 0, "all are masked");
	msix_pending_read(&large, 0, (uint8_t *)&bits, sizeof(bits));
	cr_assert_eq(bits, 1ULL << (MSIX_VECTORS_MAX - 1));
	msix_close(&large);
}

/* --- Calls: eventfds whose writes are interrupts --- */

#define EVENTFD 7

Test(msix, call_is_bound_while_its_message_may_be_sent)
{
	struct msix_call call;

	msix_call_add(&msix, &call, EVENTFD, 1);
	cr_assert_eq(kernel.eventfd, -1, "MSI-X is off");
	set_vector(1, false);
	msix_control(&msix, PCI_MSIX_FLAGS_ENABLE);
	cr_assert_eq(kernel.eventfd, EVENTFD);
	cr_assert_eq(kernel.address, ADDRESS + (1 << 12));
	cr_assert_eq(kernel.data, DATA + 1);
	set(MSIX_ENTRY_SIZE + PCI_MSIX_ENTRY_VECTOR_CTRL, 1);
	cr_assert_eq(kernel.eventfd, -1, "the vector is masked");
	set(MSIX_ENTRY_SIZE + PCI_MSIX_ENTRY_VECTOR_CTRL, 0);
	cr_assert_eq(kernel.eventfd, EVENTFD);
	msix_control(&msix, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	cr_assert_eq(kernel.eventfd, -1, "all are masked");
	msix_control(&msix, PCI_MSIX_FLAGS_ENABLE);
	cr_assert_eq(kernel.eventfd, EVENTFD);
	msix_call_remove(&msix, &call);
	cr_assert_eq(kernel.eventfd, -1);
	msix_call_remove(&msix, &call);
}

Test(msix, call_follows_its_message)
{
	struct msix_call call;

	set_vector(1, false);
	msix_control(&msix, PCI_MSIX_FLAGS_ENABLE);
	msix_call_add(&msix, &call, EVENTFD, 1);
	set(MSIX_ENTRY_SIZE + PCI_MSIX_ENTRY_DATA, 0x55);
	cr_assert_eq(kernel.eventfd, EVENTFD);
	cr_assert_eq(kernel.data, 0x55);
	kernel.binds = 0;
	set_vector(0, false);
	cr_assert_eq(kernel.binds, 0, "another's message is nothing to it");
	msix_call_remove(&msix, &call);
}

Test(msix, call_that_cannot_be_bound_is_raised_by_hand)
{
	struct msix_call call;

	kernel.result = -ENOSPC;
	set_vector(1, false);
	msix_control(&msix, PCI_MSIX_FLAGS_ENABLE);
	msix_call_add(&msix, &call, EVENTFD, 1);
	cr_assert_eq(kernel.binds, 1);
	msix_raise(&msix, 1);
	cr_assert_eq(sent.count, 1);
	msix_call_remove(&msix, &call);
}

Test(msix, call_of_no_vector_is_bound_to_nothing)
{
	struct msix_call call;

	msix_control(&msix, PCI_MSIX_FLAGS_ENABLE);
	msix_call_add(&msix, &call, EVENTFD, VECTORS);
	cr_assert_eq(kernel.binds, 0);
	msix_call_remove(&msix, &call);
}

Test(msix, calls_where_nothing_can_be_bound)
{
	struct msix_call call;

	sent.messages.bind = NULL;
	set_vector(0, false);
	msix_control(&msix, PCI_MSIX_FLAGS_ENABLE);
	msix_call_add(&msix, &call, EVENTFD, 0);
	msix_call_remove(&msix, &call);
}
