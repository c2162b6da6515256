#include "devmodel/pci_hotplug.h"

#include <endian.h>
#include <string.h>

static void hotplug_read(void *device, uint64_t offset, uint8_t *data, uint32_t len)
{
	struct pci_hotplug *hotplug = device;
	uint32_t slots = 0;

	if (len != sizeof(slots))
		return;
	if (offset == PCI_HOTPLUG_CAME)
		slots = __atomic_exchange_n(&hotplug->came, 0, __ATOMIC_SEQ_CST);
	else if (offset == PCI_HOTPLUG_LEAVING)
		slots = __atomic_exchange_n(&hotplug->leaving, 0, __ATOMIC_SEQ_CST);
	slots = htole32(slots);
	memcpy(data, &slots, sizeof(slots));
}

static void hotplug_write(void *device, uint64_t offset, const uint8_t *data, uint32_t len)
{
	struct pci_hotplug *hotplug = device;
	uint32_t slots;

	if (len != sizeof(slots) || offset != PCI_HOTPLUG_EJECT)
		return;
	memcpy(&slots, data, sizeof(slots));
	hotplug->ejected(hotplug, le32toh(slots));
}

const struct bus_ops pci_hotplug_ops = {.read = hotplug_read, .write = hotplug_write};

void pci_hotplug_tell_came(struct pci_hotplug *hotplug, unsigned slot)
{
	__atomic_fetch_or(&hotplug->came, 1U << slot, __ATOMIC_SEQ_CST);
	irq_raise(hotplug->line);
}

void pci_hotplug_ask_to_leave(struct pci_hotplug *hotplug, unsigned slot)
{
	__atomic_fetch_or(&hotplug->leaving, 1U << slot, __ATOMIC_SEQ_CST);
	irq_raise(hotplug->line);
}
