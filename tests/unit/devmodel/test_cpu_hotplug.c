/* The registers by which a guest hears of processors that come and go. */
#include <criterion/criterion.h>

#include "devmodel/cpu_hotplug.h"
#include "tests/unit/devmodel/fakes.h"

static struct fake_irq irq = FAKE_IRQ;
static struct cpu_hotplug hotplug;
static unsigned ejections, ejected, answers, answered;
static uint32_t answer_event, answer_status;

static void fake_ejected(struct cpu_hotplug *from, unsigned cpu)
{
	cr_assert_eq(from, &hotplug);
	cr_assert_not(cpu_hotplug_is_there(from, cpu));
	ejected = cpu;
	ejections++;
}

static void fake_answered(struct cpu_hotplug *from, unsigned cpu, uint32_t event, uint32_t status)
{
	cr_assert_eq(from, &hotplug);
	answered = cpu;
	answer_event = event;
	answer_status = status;
	answers++;
}

static void setup(void)
{
	hotplug = (struct cpu_hotplug){.line = &irq.line, .ejected = fake_ejected, .answered = fake_answered};
	cpu_hotplug_come(&hotplug, 0, false);
}

TestSuite(cpu_hotplug, .init = setup);

static uint32_t get(uint64_t offset)
{
	uint32_t value = UINT32_MAX;

	cpu_hotplug_ops.read(&hotplug, offset, (uint8_t *)&value, sizeof(value));
	return value;
}

static void put(uint64_t offset, uint32_t value)
{
	cpu_hotplug_ops.write(&hotplug, offset, (const uint8_t *)&value, sizeof(value));
}

Test(cpu_hotplug, those_it_starts_with_are_not_told)
{
	cr_assert_eq(fake_irq_take(&irq), 0);
	cr_assert_eq(get(CPU_HOTPLUG_CAME), 0);
	cr_assert_eq(get(CPU_HOTPLUG_THERE), 1);
}

Test(cpu_hotplug, what_came_is_told_once_and_stays_there)
{
	cpu_hotplug_come(&hotplug, 3, true);
	cpu_hotplug_come(&hotplug, 254, true);
	cr_assert_eq(fake_irq_take(&irq), 2);
	cr_assert_eq(get(CPU_HOTPLUG_CAME), 1U << 3);
	cr_assert_eq(get(CPU_HOTPLUG_CAME + 7 * 4), 1U << 30);
	cr_assert_eq(get(CPU_HOTPLUG_CAME) | get(CPU_HOTPLUG_CAME + 7 * 4), 0);
	cr_assert_eq(get(CPU_HOTPLUG_THERE), 1 | 1U << 3);
	cr_assert_eq(get(CPU_HOTPLUG_THERE + 7 * 4), 1U << 30);
}

Test(cpu_hotplug, what_is_to_go_is_told_once_and_goes_when_it_is_ejected)
{
	cpu_hotplug_come(&hotplug, 33, true);
	cpu_hotplug_ask_to_leave(&hotplug, 33);
	cr_assert_eq(get(CPU_HOTPLUG_LEAVE + 4), 2);
	cr_assert_eq(get(CPU_HOTPLUG_LEAVE + 4), 0);
	cr_assert_eq(ejections, 0, "only the guest ejects");
	put(CPU_HOTPLUG_EJECT + 4, 2);
	cr_assert_eq(ejections, 1);
	cr_assert_eq(ejected, 33);
	put(CPU_HOTPLUG_EJECT + 4, 2);
	cr_assert_eq(ejections, 1, "it is gone already");
}

Test(cpu_hotplug, the_first_one_stays_and_so_does_what_is_not_there)
{
	put(CPU_HOTPLUG_EJECT, UINT32_MAX);
	cr_assert_eq(ejections, 0);
	cr_assert_eq(get(CPU_HOTPLUG_THERE), 1);
}

Test(cpu_hotplug, what_nobody_took_is_taken_back)
{
	cpu_hotplug_come(&hotplug, 1, true);
	cr_assert(cpu_hotplug_take_back(&hotplug, 1));
	cr_assert_not(cpu_hotplug_take_back(&hotplug, 1));
	cr_assert_eq(get(CPU_HOTPLUG_CAME), 0);
	cr_assert_eq(get(CPU_HOTPLUG_THERE), 1);
}

Test(cpu_hotplug, only_what_was_not_read_is_told_again)
{
	cpu_hotplug_come(&hotplug, 70, true);
	cpu_hotplug_ask_to_leave(&hotplug, 70);
	fake_irq_take(&irq);
	cpu_hotplug_remind(&hotplug);
	cr_assert_eq(fake_irq_take(&irq), 1);
	get(CPU_HOTPLUG_CAME + 2 * 4);
	cpu_hotplug_remind(&hotplug);
	cr_assert_eq(fake_irq_take(&irq), 1);
	get(CPU_HOTPLUG_LEAVE + 2 * 4);
	cpu_hotplug_remind(&hotplug);
	cr_assert_eq(fake_irq_take(&irq), 0);
}

Test(cpu_hotplug, an_answer_is_its_last_register)
{
	put(CPU_HOTPLUG_EVENT, CPU_HOTPLUG_EVENT_EJECT);
	put(CPU_HOTPLUG_STATUS, 0x82);
	cr_assert_eq(answers, 0);
	put(CPU_HOTPLUG_ANSWER, 7);
	cr_assert_eq(answers, 1);
	cr_assert_eq(answered, 7);
	cr_assert_eq(answer_event, CPU_HOTPLUG_EVENT_EJECT);
	cr_assert_eq(answer_status, 0x82);
	put(CPU_HOTPLUG_ANSWER, CPU_HOTPLUG_CPUS);
	cr_assert_eq(answers, 1, "there is no such processor");
}

Test(cpu_hotplug, other_widths_and_registers_do_nothing)
{
	uint64_t wide = UINT64_MAX;

	cpu_hotplug_come(&hotplug, 1, true);
	for (uint64_t offset = 0; offset + 8 <= CPU_HOTPLUG_SIZE; offset++) {
		cpu_hotplug_ops.write(&hotplug, offset, (const uint8_t *)&wide, 1);
		cpu_hotplug_ops.write(&hotplug, offset, (const uint8_t *)&wide, 2);
		cpu_hotplug_ops.write(&hotplug, offset, (const uint8_t *)&wide, 8);
		if (offset % 4 || offset < CPU_HOTPLUG_EJECT)
			put(offset, UINT32_MAX);
		cpu_hotplug_ops.read(&hotplug, offset, (uint8_t *)&wide, 8);
		cr_assert_eq(wide, UINT64_MAX);
	}
	cr_assert_eq(ejections + answers, 0);
	cr_assert_eq(get(CPU_HOTPLUG_CAME + 1), 0);
	cr_assert_eq(get(CPU_HOTPLUG_EJECT), 0);
	cr_assert_eq(get(CPU_HOTPLUG_ANSWER), 0);
	cr_assert_eq(get(CPU_HOTPLUG_CAME), 2, "what nobody has read is still there");
}
