/*
 * The hardware-reduced ACPI machine's power registers and button (ACPI 6.5, 4.8.3.7 sleep control, 4.8.3.8 sleep
 * status, 4.8.3.6 reset register, 5.6.9 generic event device).
 *
 *      port base + 0   sleep control: SLP_TYPx in bits 2-4, SLP_EN bit 5; S5 powers the machine off
 *      port base + 1   sleep status: reads as 0
 *      port base + 2   reset register: writing ACPI_POWER_RESET_VALUE resets the machine
 *
 * The button is one edge interrupt on a line of its own, which the DSDT's generic event device turns into
 * Notify(PWRB, 0x80).
 */
#pragma once

#include "common/error.h"
#include "devmodel/bus.h"
#include "devmodel/irq.h"
#include "devmodel/machine_events.h"

#define ACPI_POWER_PORT        0x600
#define ACPI_POWER_SIZE        3
#define ACPI_POWER_SLEEP       0
#define ACPI_POWER_STATUS      1
#define ACPI_POWER_RESET       2
#define ACPI_POWER_RESET_VALUE 1
#define ACPI_POWER_S5          5 /* the DSDT's \_S5 package says the same */

struct acpi_power;

extern const struct bus_ops acpi_power_ops; /* its device is a struct acpi_power */

struct acpi_power *acpi_power_create(struct irq_line *button, struct machine_events *events, struct error *err);
void acpi_power_press(struct acpi_power *power); /* any thread */
void acpi_power_destroy(struct acpi_power *power); /* NULL is allowed */
