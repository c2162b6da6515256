/* The registers by which a guest hears of PCI devices that come and go. */
#include <criterion/criterion.h>

#include "devmodel/pci_hotplug.h"
#include "tests/unit/devmodel/fakes.h"

static struct fake_irq irq = FAKE_IRQ;
static struct pci_hotplug hotplug;
static uint32_t ejected;
static unsigned ejections;

static void fake_ejected(struct pci_hotplug *from, uint32_t slots)
{
	cr_assert_eq(from, &hotplug);
	ejected = slots;
	ejections++;
}

static void setup(void)
{
	hotplug = (struct pci_hotplug){.line = &irq.line, .ejected = fake_ejected};
}

TestSuite(pci_hotplug, .init = setup);

static uint32_t get(uint64_t offset)
{
	uint32_t value = UINT32_MAX;

	pci_hotplug_ops.read(&hotplug, offset, (uint8_t *)&value, sizeof(value));
	return value;
}

Test(pci_hotplug, what_came_is_told_once)
{
	pci_hotplug_tell_came(&hotplug, 5);
	pci_hotplug_tell_came(&hotplug, 31);
	cr_assert_eq(fake_irq_take(&irq), 2);
	cr_assert_eq(get(PCI_HOTPLUG_LEAVING), 0);
	cr_assert_eq(get(PCI_HOTPLUG_CAME), 1U << 5 | 1U << 31);
	cr_assert_eq(get(PCI_HOTPLUG_CAME), 0);
}

Test(pci_hotplug, what_is_to_go_is_told_once)
{
	pci_hotplug_ask_to_leave(&hotplug, 1);
	cr_assert_eq(fake_irq_take(&irq), 1);
	cr_assert_eq(get(PCI_HOTPLUG_CAME), 0);
	cr_assert_eq(get(PCI_HOTPLUG_LEAVING), 2);
	cr_assert_eq(get(PCI_HOTPLUG_LEAVING), 0);
	cr_assert_eq(ejections, 0, "only the guest ejects");
}

Test(pci_hotplug, a_write_ejects)
{
	uint32_t slots = 1U << 7;

	pci_hotplug_ops.write(&hotplug, PCI_HOTPLUG_EJECT, (const uint8_t *)&slots, sizeof(slots));
	cr_assert_eq(ejections, 1);
	cr_assert_eq(ejected, slots);
	cr_assert_eq(get(PCI_HOTPLUG_EJECT), 0, "write only");
}

Test(pci_hotplug, other_widths_and_registers_do_nothing)
{
	uint64_t wide = UINT64_MAX;

	pci_hotplug_tell_came(&hotplug, 0);
	pci_hotplug_ops.write(&hotplug, PCI_HOTPLUG_EJECT, (const uint8_t *)&wide, 1);
	pci_hotplug_ops.write(&hotplug, PCI_HOTPLUG_EJECT, (const uint8_t *)&wide, 2);
	pci_hotplug_ops.write(&hotplug, PCI_HOTPLUG_CAME, (const uint8_t *)&wide, 4);
	pci_hotplug_ops.write(&hotplug, PCI_HOTPLUG_LEAVING, (const uint8_t *)&wide, 4);
	pci_hotplug_ops.write(&hotplug, PCI_HOTPLUG_EJECT - 2, (const uint8_t *)&wide, 4);
	cr_assert_eq(ejections, 0);
	pci_hotplug_ops.read(&hotplug, PCI_HOTPLUG_CAME, (uint8_t *)&wide, 2);
	pci_hotplug_ops.read(&hotplug, PCI_HOTPLUG_CAME, (uint8_t *)&wide, 8);
	cr_assert_eq(wide, UINT64_MAX);
	cr_assert_eq(get(PCI_HOTPLUG_CAME + 1), 0);
	cr_assert_eq(get(PCI_HOTPLUG_CAME), 1, "what nobody has read is still there");
}
