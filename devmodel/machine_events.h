/*
 * What a guest asks of its machine through a device: to power off, to reset. The assembler of the machine implements it.
 * Called on vCPU threads, perhaps several at once; must not block; the vCPU that asked is stopped by the assembler.
 */
#pragma once

struct machine_events {
	void (*power_off)(struct machine_events *events);
	void (*panicked)(struct machine_events *events); /* the guest's kernel did, and said so */
	void (*reset)(struct machine_events *events, const char *by); /* by: "i8042", "ACPI reset register"; a literal */
};
