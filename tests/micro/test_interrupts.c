/* Interrupts from the host (irqfd) and to it (ioeventfd). */
#define GSI      20
#define DOORBELL 0xd0000050UL
#define KICKS    3

#ifdef MICRO_GUEST
#include "tests/micro/guest_apic.h"

#define VECTOR 0x40

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

GUEST(rings_doorbell)
{
	mmio_write32(DOORBELL, 7);
	mmio_write32(DOORBELL, 8);
	return 0;
}

#else
#include "tests/micro/micro.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include "devmodel/irq.h"

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
