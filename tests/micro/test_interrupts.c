/* Interrupts from the host (irqfd) and to it (ioeventfd). */
#define GSI      20
#define DOORBELL 0xd0000050UL
#define KICKS    3
#define VECTOR   0x40

#ifdef MICRO_GUEST
#include "tests/micro/guest_apic.h"

static volatile unsigned interrupts;

INTERRUPT(count)
{
	interrupts++;
	lapic_eoi();
}

GUEST(waits_for_interrupts)
{
	idt_set(VECTOR, count);
	idt_load();
	lapic_enable();
	ioapic_route(GSI, VECTOR, 0);
	for (unsigned i = 1; i <= KICKS; i++) {
		report(i);
		while (interrupts < i)
			interrupt_wait();
	}
	return interrupts;
}

/* The same, of messages: no IOAPIC. */
GUEST(waits_for_messages)
{
	idt_set(VECTOR, count);
	idt_load();
	lapic_enable();
	for (unsigned i = 1; i <= KICKS; i++) {
		report(i);
		while (interrupts < i)
			interrupt_wait();
	}
	return interrupts;
}

GUEST(rings_doorbell)
{
	mmio_write32(DOORBELL, 7);
	mmio_write32(DOORBELL, 8);
	return 0;
}

#else
#include "tests/micro/micro.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/util.h"
#include "devmodel/irq.h"
#include "hypervisor/kvm/vm_messages.h"

struct raiser {
	struct micro micro;
	struct irq_line *line;
};

/* Raises the line whenever the guest says that it is about to wait. */
static void *raise_when_ready(void *argument)
{
	struct raiser *raiser = argument;

	for (unsigned i = 1; i <= KICKS; i++) {
		micro_wait_reports(&raiser->micro, i);
		irq_raise(raiser->line);
	}
	return NULL;
}

MICRO_TEST(interrupts, irqfd_wakes_a_halted_guest_each_time)
{
	struct raiser raiser;
	pthread_t thread;

	micro_create(&raiser.micro, 1);
	raiser.line = micro_irq_line(&raiser.micro, GSI);
	thread = micro_thread(raise_when_ready, &raiser);
	micro_expect(&raiser.micro, "waits_for_interrupts", KICKS);
	pthread_join(thread, NULL);
	micro_destroy(&raiser.micro);
}

/* Messages that KVM sends when an eventfd is written. */
#define MESSAGE_ADDRESS 0xfee00000UL /* the only CPU */

struct writer {
	struct micro micro;
	int eventfd;
};

static void *write_when_ready(void *argument)
{
	struct writer *writer = argument;

	for (unsigned i = 1; i <= KICKS; i++) {
		micro_wait_reports(&writer->micro, i);
		cr_assert_eq(eventfd_write(writer->eventfd, 1), 0);
	}
	return NULL;
}

MICRO_TEST(interrupts, eventfd_sends_a_message)
{
	struct writer writer = {.eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
	struct vm_messages messages;
	pthread_t thread;

	micro_create(&writer.micro, 1);
	vm_messages_open(&messages, &writer.micro.vm);
	cr_assert_eq(vm_messages_bind(&messages, writer.eventfd, MESSAGE_ADDRESS, VECTOR), 0);
	thread = micro_thread(write_when_ready, &writer);
	micro_expect(&writer.micro, "waits_for_messages", KICKS);
	pthread_join(thread, NULL);
	vm_messages_unbind(&messages, writer.eventfd);
	micro_destroy(&writer.micro);
	close(writer.eventfd);
}

/* KVM's own lines are still where they were. */
MICRO_TEST(interrupts, lines_work_beside_messages)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct vm_messages messages;
	struct raiser raiser;
	pthread_t thread;

	micro_create(&raiser.micro, 1);
	raiser.line = micro_irq_line(&raiser.micro, GSI);
	vm_messages_open(&messages, &raiser.micro.vm);
	cr_assert_eq(vm_messages_bind(&messages, fd, MESSAGE_ADDRESS, VECTOR + 1), 0);
	thread = micro_thread(raise_when_ready, &raiser);
	micro_expect(&raiser.micro, "waits_for_interrupts", KICKS);
	pthread_join(thread, NULL);
	micro_destroy(&raiser.micro);
	close(fd);
}

MICRO_TEST(interrupts, messages_are_bound_until_there_is_no_room)
{
	struct vm_messages messages;
	int fds[VM_MESSAGES_MAX + 1];
	struct micro micro;
	int64_t count;

	micro_create(&micro, 1);
	vm_messages_open(&messages, &micro.vm);
	for (unsigned i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	for (unsigned i = 0; i < VM_MESSAGES_MAX; i++)
		cr_assert_eq(vm_messages_bind(&messages, fds[i], MESSAGE_ADDRESS, VECTOR), 0, "%u", i);
	cr_assert_eq(vm_messages_bind(&messages, fds[VM_MESSAGES_MAX], MESSAGE_ADDRESS, VECTOR), -ENOSPC);
	vm_messages_unbind(&messages, fds[VM_MESSAGES_MAX]);
	vm_messages_unbind(&messages, fds[5]);
	cr_assert_eq(eventfd_write(fds[5], 1), 0);
	cr_assert_eq(read(fds[5], &count, sizeof(count)), sizeof(count), "it is its owner's again");
	cr_assert_eq(vm_messages_bind(&messages, fds[VM_MESSAGES_MAX], MESSAGE_ADDRESS, VECTOR), 0);
	micro_destroy(&micro);
	for (unsigned i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
}

static unsigned others;

static void doorbell_write(void *device, uint64_t offset, const uint8_t *data, uint32_t len)
{
	(void)device;
	if (offset == 0 && len == 4 && data[0] == 8)
		others++;
}

static const struct bus_ops doorbell_ops = {.write = doorbell_write};

MICRO_TEST(interrupts, ioeventfd_takes_its_value_and_no_other)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct micro micro;
	struct error err;
	uint64_t rung;

	micro_create(&micro, 1);
	micro_mmio_device(&micro, DOORBELL, 4, &doorbell_ops, NULL);
	cr_assert_eq(vm_ioeventfd_mmio(&micro.vm, fd, DOORBELL, 4, 7, &err), 0, "%s", err.text);
	micro_expect(&micro, "rings_doorbell", 0);
	cr_assert_eq(read(fd, &rung, sizeof(rung)), sizeof(rung));
	cr_assert_eq(rung, 1);
	cr_assert_eq(others, 1, "the other value came to user space");
	micro_destroy(&micro);
	close(fd);
}

MICRO_TEST(interrupts, line_beyond_the_ioapic_is_refused)
{
	int fd = eventfd(0, EFD_CLOEXEC);
	struct micro micro;
	struct error err;

	micro_create(&micro, 1);
	cr_assert_lt(vm_irqfd(&micro.vm, fd, 1 << 20, &err), 0);
	micro_destroy(&micro);
	close(fd);
}
#endif
