/*
 * A guest's keyboard, mouse and tablet, as its definition has them: "inputs" (docs/configuration.md). The
 * words are libvirt's (format domain, "Input devices"). Part of definition.h.
 */
#pragma once

#include <stdbool.h>

#include "vmm/config/json.h"

struct input_definitions {
	bool keyboard;
	bool mouse;  /* relative */
	bool tablet; /* absolute */
};

/* "inputs"; shown: the guest has "graphics", and where none is said gets what a viewer wants, a keyboard and a
 * tablet. */
int input_definitions_read(const struct json_place *root, bool shown, struct input_definitions *inputs);
