#include "vmm/guest/machine_devices.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/util.h"
#include "devmodel/pvpanic.h"
#include "devmodel/virtio/blk.h"
#include "devmodel/virtio/net.h"
#include "hypervisor/boot/acpi.h"
#include "hypervisor/boot/smbios.h"
#include "hypervisor/x86_64/reset_vector.h"

/* --- Platform devices --- */

static int add_serial(struct machine_devices *devices, struct error *err)
{
	int code = irqfd_line_open(devices, &devices->serial_irq, SERIAL_IRQ, err);

	if (code < 0)
		return code;
	devices->serial =
		serial_create(&devices->serial_irq.line, console_hub_backend(devices->config->console),
			      devices->config->loop, err);
	if (!devices->serial)
		return -ENOMEM;
	console_hub_connect(devices->config->console, serial_frontend(devices->serial));
	return bus_add(&devices->ports,
		       (struct bus_range){SERIAL_PORT, SERIAL_SIZE, &serial_ops, devices->serial, "serial"},
		       err);
}

static int add_i8042(struct machine_devices *devices, struct error *err)
{
	int code = irqfd_line_open(devices, &devices->keyboard_irq, I8042_IRQ, err);

	if (code < 0)
		return code;
	devices->i8042 = i8042_create(&devices->keyboard_irq.line, devices->events, err);
	if (!devices->i8042)
		return -ENOMEM;
	return bus_add(&devices->ports,
		       (struct bus_range){I8042_PORT, I8042_SIZE, &i8042_ops, devices->i8042, "i8042"}, err);
}

static int add_power(struct machine_devices *devices, struct error *err)
{
	int code = irqfd_line_open(devices, &devices->power_irq, LAYOUT_GSI_POWER, err);

	if (code < 0)
		return code;
	devices->power = acpi_power_create(&devices->power_irq.line, devices->events, err);
	if (!devices->power)
		return -ENOMEM;
	return bus_add(&devices->ports,
		       (struct bus_range){ACPI_POWER_PORT, ACPI_POWER_SIZE, &acpi_power_ops, devices->power,
					  "ACPI power"},
		       err);
}

static int add_rtc(struct machine_devices *devices, struct error *err)
{
	devices->rtc = rtc_create(NULL, err);
	if (!devices->rtc)
		return -ENOMEM;
	rtc_shift(devices->rtc, devices->config->clock_shift);
	return bus_add(&devices->ports, (struct bus_range){RTC_PORT, RTC_SIZE, &rtc_ops, devices->rtc, "RTC"},
		       err);
}

static int add_pvpanic(struct machine_devices *devices, struct error *err)
{
	return bus_add(
		&devices->ports,
		(struct bus_range){PVPANIC_PORT, PVPANIC_SIZE, &pvpanic_ops, devices->events, "pvpanic"},
		err);
}

static int add_boot_marks(struct machine_devices *devices, struct error *err)
{
	int code = bus_add(&devices->ports,
			   (struct bus_range){DEBUG_PORT, DEBUG_PORT_SIZE, &debug_port_ops, devices->marks,
					      "debug port"},
			   err);

	if (code < 0)
		return code;
	return bus_add(&devices->mmio,
		       (struct bus_range){BOOT_TIMER_ADDRESS, BOOT_TIMER_SIZE, &boot_timer_ops,
					  devices->marks, "boot timer"},
		       err);
}

static int add_platform(struct machine_devices *devices, struct error *err)
{
	int code = add_boot_marks(devices, err);

	if (code == 0 && devices->config->definition->wants.current_vcpus)
		code = machine_cpus_make(devices, err);
	if (code == 0)
		code = add_pvpanic(devices, err);
	if (code == 0)
		code = add_power(devices, err);
	if (code == 0)
		code = add_i8042(devices, err);
	if (code == 0)
		code = add_rtc(devices, err);
	if (code == 0 && devices->config->definition->console == GUEST_CONSOLE_SERIAL)
		code = add_serial(devices, err);
	return code;
}

/* --- virtio devices --- */

static int add_disk(struct machine_devices *devices, unsigned index, struct error *err)
{
	const struct guest_definition *definition = devices->config->definition;
	char id[MACHINE_DEVICE_ID];
	struct virtio_slot *slot;

	return machine_devices_add_disk(devices, &definition->disks[index],
					definition_disk_id(definition, index, id),
					&devices->config->resources->disks[index], &slot, err);
}

static int add_network(struct machine_devices *devices, unsigned index, struct error *err)
{
	const struct guest_definition *definition = devices->config->definition;
	char id[MACHINE_DEVICE_ID];
	struct virtio_slot *slot;

	return machine_devices_add_network(devices, &definition->networks[index],
					   definition_network_id(definition, index, id),
					   &devices->config->resources->networks[index], &slot, err);
}

static int add_virtio(struct machine_devices *devices, struct error *err)
{
	const struct guest_definition *definition = devices->config->definition;
	int code = devices->is_pci ? virtio_pci_bus_make(devices, err) : 0;

	for (unsigned i = 0; i < definition->disk_count && code == 0; i++)
		code = add_disk(devices, i, err);
	for (unsigned i = 0; i < definition->network_count && code == 0; i++)
		code = add_network(devices, i, err);
	for (unsigned i = 0; i < definition->filesystems.count && code == 0; i++)
		code = machine_devices_add_filesystem(devices, i, err);
	if (code == 0 && definition->video.heads)
		code = machine_display_add(devices, err);
	if (code == 0)
		code = machine_inputs_add(devices, err);
	if (code == 0)
		code = machine_services_add(devices, err);
	if (code == 0 && devices->is_pci)
		code = machine_hotplug_make(devices, err);
	if (code == 0 && definition->watchdog.present)
		code = machine_watchdog_add(devices, err);
	return code;
}

/* --- The machine's firmware --- */

static int write_smbios(const struct machine_devices *devices, struct error *err)
{
	const char *text = devices->config->definition->uuid;
	uint8_t uuid[UUID_BYTES] = {0};

	if (*text)
		uuid_bytes(text, uuid);
	return smbios_build(devices->memory, uuid, err);
}

/* The places that are taken, in acpi's words; returns how many. */
static unsigned describe_mmio(const struct machine_devices *devices, struct acpi_virtio_mmio *virtio)
{
	unsigned count = 0;

	while (!devices->is_pci && count < LAYOUT_VIRTIO_MAX && devices->virtio[count].device) {
		virtio[count] = (struct acpi_virtio_mmio){virtio_mmio_base(count), VIRTIO_MMIO_SIZE,
							  virtio_gsi(count)};
		count++;
	}
	return count;
}

static struct acpi_pci describe_pci(const struct machine_devices *devices)
{
	return (struct acpi_pci){
		.ecam = LAYOUT_PCI_ECAM,
		.ecam_size = LAYOUT_PCI_ECAM_SIZE,
		.window = LAYOUT_PCI_WINDOW,
		.window_size = LAYOUT_PCI_WINDOW_SIZE,
		.line_first = LAYOUT_GSI_VIRTIO,
		.line_count = VIRTIO_LINES,
		.removable = devices->removable,
		.hotplug_port = PCI_HOTPLUG_PORT,
		.hotplug_gsi = LAYOUT_GSI_HOTPLUG,
	};
}

int machine_devices_write_firmware(const struct machine_devices *devices, uint64_t *rsdp, struct error *err)
{
	struct acpi_virtio_mmio virtio[LAYOUT_VIRTIO_MAX];
	struct acpi_pci pci = describe_pci(devices);
	const struct acpi_cpus cpus = {
		.present = devices->config->definition->wants.current_vcpus,
		.port = CPU_HOTPLUG_PORT,
		.gsi = LAYOUT_GSI_CPUS,
	};
	struct acpi_machine description = {
		.topology = devices->config->definition->topology,
		.cpus = cpus.present ? &cpus : NULL,
		.virtio_count = describe_mmio(devices, virtio),
		.virtio = virtio,
		.serial = devices->serial != NULL,
		.serial_port = SERIAL_PORT,
		.serial_irq = SERIAL_IRQ,
		.i8042 = true,
		.rtc = true,
		.power_port = ACPI_POWER_PORT,
		.power_reset_value = ACPI_POWER_RESET_VALUE,
		.power_s5 = ACPI_POWER_S5,
		.power_button_gsi = LAYOUT_GSI_POWER,
		.pvpanic_port = PVPANIC_PORT,
		.pci = devices->is_pci ? &pci : NULL,
	};

	if (reset_vector_write(devices->memory, ACPI_POWER_PORT + ACPI_POWER_RESET, ACPI_POWER_RESET_VALUE) <
	    0)
		return error_set(err, -ENOMEM, "guest %s: has less than 1 MiB of memory",
				 devices->config->definition->name);
	if (write_smbios(devices, err) < 0)
		return -EFAULT;
	return acpi_build(devices->memory, &description, rsdp, err);
}

/* --- Life --- */

void machine_devices_init(struct machine_devices *devices)
{
	devices->serial_irq.fd = devices->keyboard_irq.fd = devices->power_irq.fd = -1;
	devices->hotplug_irq.fd = devices->changed.fd = -1;
	devices->cpus.irq.fd = devices->cpus.changed.fd = devices->cpus.clock.source.fd = -1;
	devices->is_pci = devices->config->definition->transport == GUEST_TRANSPORT_PCI;
}

int machine_devices_create(struct machine_devices *devices, struct error *err)
{
	int code = add_platform(devices, err);

	return code < 0 ? code : add_virtio(devices, err);
}

int machine_devices_start(struct machine_devices *devices, struct error *err)
{
	return virtio_slots_start(devices, err);
}

unsigned machine_devices_rings(const struct guest_definition *definition)
{
	unsigned count = definition->transport == GUEST_TRANSPORT_PCI ? MACHINE_SPARE_RINGS : 0;

	for (unsigned i = 0; i < definition->disk_count; i++) {
		const struct disk_definition *disk = &definition->disks[i];

		if (disk->io != DISK_IO_THREADS && !disk_definition_has_backend(disk))
			count += disk->queues;
	}
	return count;
}

unsigned machine_devices_threads(const struct guest_definition *definition)
{
	unsigned count = definition->transport == GUEST_TRANSPORT_PCI; /* of disks that come */

	count += definition->video.heads > 0;

	for (unsigned i = 0; i < definition->disk_count; i++)
		count += definition->disks[i].queues;
	return count + machine_devices_rings(definition) * VIRTIO_BLK_WORKERS;
}

void machine_devices_destroy(struct machine_devices *devices)
{
	virtio_slots_stop(devices);
	console_hub_connect(devices->config->console, NULL);
	machine_services_disconnect(&devices->services);
	machine_watchdog_close(devices);
	virtio_slots_close(devices);
	machine_services_close(&devices->services);
	virtio_blk_rings_free(devices->rings);
	machine_hotplug_close(devices);
	machine_cpus_close(devices);
	disk_halt_close(&devices->halt);
	serial_destroy(devices->serial);
	i8042_destroy(devices->i8042);
	rtc_destroy(devices->rtc);
	acpi_power_destroy(devices->power);
	irqfd_line_close(&devices->serial_irq);
	irqfd_line_close(&devices->keyboard_irq);
	irqfd_line_close(&devices->power_irq);
}
