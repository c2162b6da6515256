#include "vmm/guest/machine_watchdog.h"

#include <errno.h>

#include "common/util.h"
#include "hypervisor/x86_64/layout.h"
#include "vmm/guest/machine_state.h"

#define SLOT (PCI_SLOTS - 1)

/* A message to a local APIC (Intel SDM 3A, 11.11): its physical id is in these bits of the address. */
#define MSI_APIC_SHIFT 12
#define MSI_APIC_MAX   254
#define MSI_NMI        0x400

_Static_assert(SLOT > VIRTIO_SLOTS_MAX, "no virtio device comes here");

static void watchdog_expired(struct i6300esb_host *host)
{
	struct machine *machine = CONTAINER_OF(host, struct machine, devices.watchdog.host);
	enum watchdog_action action = machine->config.definition->watchdog.action;

	if (action == WATCHDOG_RESET || action == WATCHDOG_POWEROFF) {
		atomic_store(&machine->watchdog_expired, true);
		machine_vcpus_kick(machine);
	} else {
		machine->config.watchdog_expired(machine->config.owner);
	}
}

int machine_watchdog_add(struct machine_devices *devices, struct error *err)
{
	struct machine_watchdog *watchdog = &devices->watchdog;

	watchdog->host.expired = watchdog_expired;
	watchdog->device = i6300esb_create(devices->config->loop, &watchdog->host, err);
	if (!watchdog->device)
		return -ENOMEM;
	return pci_bus_add(&devices->pci_bus, SLOT, i6300esb_function(watchdog->device), err);
}

void machine_watchdog_hold(struct machine_watchdog *watchdog, bool held)
{
	if (watchdog->device)
		i6300esb_hold(watchdog->device, held);
}

void machine_watchdog_close(struct machine_devices *devices)
{
	if (devices->watchdog.device)
		pci_bus_remove(&devices->pci_bus, SLOT);
	i6300esb_destroy(devices->watchdog.device);
	devices->watchdog.device = NULL;
}

/* As the line LINT1 would, which the tables say is every processor's. */
void machine_inject_nmi(struct machine *machine)
{
	const struct cpu_topology *topology = &machine->config.definition->topology;

	for (unsigned i = 0; i < machine->vcpu_count; i++) {
		uint64_t apic = topology_apic_id(topology, i);

		if (apic <= MSI_APIC_MAX && !atomic_load(&machine->vcpus[i].parked))
			vm_signal_msi(&machine->vm, LAYOUT_LAPIC | apic << MSI_APIC_SHIFT, MSI_NMI);
	}
}
