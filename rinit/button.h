/*
 * The power button. The kernel's ACPI button driver announces it over generic netlink ("acpi_event"), so that
 * no input driver is needed.
 */
#pragma once

#include "rinit/loop.h"

struct button {
	struct loop_source source;
	void (*pressed)(struct button *button);
};

/* 0 or negative errno: -ENOENT where there is no ACPI. */
int button_open(struct button *button, struct loop *loop, void (*pressed)(struct button *button));
