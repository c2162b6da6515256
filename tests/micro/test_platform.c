/* The small devices of the PC: keyboard controller, clock, power registers, boot marks. */
#ifdef MICRO_GUEST
#include "tests/micro/guest_apic.h"

#define VECTOR        0x30
#define I8042_DATA    0x60
#define I8042_COMMAND 0x64
#define PULSE_RESET   0xfe
#define RTC_INDEX     0x70
#define RTC_DATA      0x71
#define RTC_B         0x0b
#define RTC_B_BINARY  0x06 /* and 24 hours */
#define POWER         0x600
#define POWER_SLEEP   0x34 /* SLP_EN, SLP_TYP 5 */
#define POWER_RESET   1
#define BUTTON_PIN    5
#define BOOT_TIMER    0xc0000000UL
#define DEBUG_PORT    0x80

GUEST(resets_by_keyboard)
{
	outb(I8042_COMMAND, PULSE_RESET);
	for (;;)
		cpu_pause();
}

static uint8_t clock_read(uint8_t index)
{
	outb(RTC_INDEX, index);
	return inb(RTC_DATA);
}

GUEST(reads_clock)
{
	outb(RTC_INDEX, RTC_B);
	outb(RTC_DATA, RTC_B_BINARY);
	EXPECT(clock_read(0x32) == 20);
	EXPECT(clock_read(0x09) == 1);
	EXPECT(clock_read(0x08) == 9);
	EXPECT(clock_read(0x07) == 9);
	EXPECT(clock_read(0x04) == 1);
	EXPECT(clock_read(0x02) == 46);
	EXPECT(clock_read(0x00) == 40);
	return 0;
}

GUEST(powers_off)
{
	outb(POWER, POWER_SLEEP);
	for (;;)
		cpu_pause();
}

GUEST(resets_by_acpi)
{
	outb(POWER + 2, POWER_RESET);
	for (;;)
		cpu_pause();
}

static volatile bool pressed;

INTERRUPT(press)
{
	pressed = true;
	lapic_eoi();
}

GUEST(waits_for_button)
{
	idt_set(VECTOR, press);
	idt_load();
	lapic_enable();
	ioapic_route(BUTTON_PIN, VECTOR, 0);
	report(1);
	while (!pressed)
		interrupt_wait();
	return 0;
}

GUEST(marks_boot)
{
	outb(DEBUG_PORT, 0x40);
	mmio_write8(BOOT_TIMER, 123);
	outb(DEBUG_PORT, 0x41);
	return 0;
}

#else
#include "tests/micro/micro.h"

#include <string.h>
#include <time.h>

#include "common/util.h"
#include "devmodel/acpi_power.h"
#include "devmodel/boot_marks.h"
#include "devmodel/i8042.h"
#include "devmodel/rtc.h"
#include "hypervisor/x86_64/layout.h"

MICRO_TEST(platform, keyboard_controller_resets)
{
	struct i8042 *i8042;
	struct micro micro;
	struct error err;

	micro_create(&micro, 1);
	i8042 = i8042_create(micro_irq_line(&micro, I8042_IRQ), &micro.events, &err);
	micro_port_device(&micro, I8042_PORT, I8042_SIZE, &i8042_ops, i8042);
	cr_assert_eq(micro_run(&micro, "resets_by_keyboard").stop, VCPU_KICKED);
	cr_assert_not_null(micro.reset_by);
	cr_assert(strstr(micro.reset_by, "8042"), "%s", micro.reset_by);
	i8042_destroy(i8042);
	micro_destroy(&micro);
}

static void billennium(struct timespec *now)
{
	*now = (struct timespec){.tv_sec = 1000000000}; /* 2001-09-09 01:46:40 UTC */
}

MICRO_TEST(platform, clock_tells_date_and_time)
{
	struct micro micro;
	struct error err;
	struct rtc *rtc;

	micro_create(&micro, 1);
	rtc = rtc_create(billennium, &err);
	micro_port_device(&micro, RTC_PORT, RTC_SIZE, &rtc_ops, rtc);
	micro_expect(&micro, "reads_clock", 0);
	rtc_destroy(rtc);
	micro_destroy(&micro);
}

struct power_machine {
	struct micro micro;
	struct acpi_power *power;
};

static void power_create(struct power_machine *machine)
{
	struct error err;

	micro_create(&machine->micro, 1);
	machine->power = acpi_power_create(micro_irq_line(&machine->micro, LAYOUT_GSI_POWER),
					   &machine->micro.events, &err);
	micro_port_device(&machine->micro, ACPI_POWER_PORT, ACPI_POWER_SIZE, &acpi_power_ops, machine->power);
}

static void power_destroy(struct power_machine *machine)
{
	acpi_power_destroy(machine->power);
	micro_destroy(&machine->micro);
}

MICRO_TEST(platform, sleep_register_powers_off)
{
	struct power_machine machine;

	power_create(&machine);
	cr_assert_eq(micro_run(&machine.micro, "powers_off").stop, VCPU_KICKED);
	cr_assert(machine.micro.powered_off);
	cr_assert_null(machine.micro.reset_by);
	power_destroy(&machine);
}

MICRO_TEST(platform, reset_register_resets)
{
	struct power_machine machine;

	power_create(&machine);
	cr_assert_eq(micro_run(&machine.micro, "resets_by_acpi").stop, VCPU_KICKED);
	cr_assert_not(machine.micro.powered_off);
	cr_assert_not_null(machine.micro.reset_by);
	power_destroy(&machine);
}

static void *press_when_ready(void *argument)
{
	struct power_machine *machine = argument;

	micro_wait_reports(&machine->micro, 1);
	acpi_power_press(machine->power);
	return NULL;
}

MICRO_TEST(platform, power_button_interrupts)
{
	struct power_machine machine;
	pthread_t thread;

	power_create(&machine);
	thread = micro_thread(press_when_ready, &machine);
	micro_expect(&machine.micro, "waits_for_button", 0);
	pthread_join(thread, NULL);
	power_destroy(&machine);
}

struct marks_seen {
	struct boot_marks marks;
	unsigned count;
	struct {
		enum boot_mark mark;
		uint8_t value;
	} seen[4];
};

static void marks_note(struct boot_marks *marks, enum boot_mark mark, uint8_t value)
{
	struct marks_seen *seen = CONTAINER_OF(marks, struct marks_seen, marks);

	cr_assert(seen->count < 4);
	seen->seen[seen->count].mark = mark;
	seen->seen[seen->count++].value = value;
}

MICRO_TEST(platform, boot_marks_arrive_in_order)
{
	struct marks_seen seen = {.marks = {marks_note}};
	struct micro micro;

	micro_create(&micro, 1);
	micro_port_device(&micro, DEBUG_PORT, DEBUG_PORT_SIZE, &debug_port_ops, &seen.marks);
	micro_mmio_device(&micro, BOOT_TIMER_ADDRESS, BOOT_TIMER_SIZE, &boot_timer_ops, &seen.marks);
	micro_expect(&micro, "marks_boot", 0);
	cr_assert_eq(seen.count, 3);
	cr_assert(seen.seen[0].mark == BOOT_MARK_PORT80 && seen.seen[0].value == DEBUG_PORT_KERNEL);
	cr_assert(seen.seen[1].mark == BOOT_MARK_TIMER && seen.seen[1].value == BOOT_TIMER_VALUE);
	cr_assert(seen.seen[2].mark == BOOT_MARK_PORT80 && seen.seen[2].value == DEBUG_PORT_USER);
	micro_destroy(&micro);
}
#endif
