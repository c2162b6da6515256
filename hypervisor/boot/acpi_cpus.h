/*
 * The processors in the tables: an object each in the DSDT, an entry each in the MADT, and, where they come
 * and go while the guest runs, how it hears of that (ACPI 6.5, 5.2.12, 6.2.10 _MAT, 6.3.3 _EJ0, 6.3.5 _OST,
 * 8.4).
 *
 * The guest's driver (Linux: acpi_processor) hears of a change by Notify, reads which processors it is about
 * from the registers of devmodel/cpu_hotplug.h, takes a new one's APIC id from its _MAT, and lets one go by
 * writing it there (_EJ0). The first processor stays. One that is not there yet is marked as one that may
 * come.
 */
#pragma once

#include "hypervisor/boot/acpi.h"
#include "hypervisor/boot/acpi_aml.h"

/* In the scope \_SB. */
void acpi_cpus_describe(struct aml *aml, const struct acpi_machine *machine);
/* In the event device's _EVT: notifies the processors when its argument is cpus->gsi. */
void acpi_cpus_event(struct aml *aml, const struct acpi_machine *machine);
/* In the MADT; true: there are x2APIC entries. */
bool acpi_cpus_list(struct aml *aml, const struct acpi_machine *machine);
