/* A viewer's pointer, which says where it is and which buttons are down, as events. A pure function. */
#pragma once

#include "vmm/display/wire.h"

/* RFB's buttons (RFC 6143, 7.5.5): left, middle, right; then the wheel's four ways, which are pressed and
 * released once a notch; then back and forward. */
#define POINTER_BUTTONS 9

struct pointer {
	bool known; /* it was somewhere before */
	int x, y;
	unsigned buttons;
};

/* What is new: at most DISPLAY_CHANGES_MAX events; returns how many. (x, y) is on a screen of this size, or
 * is moved to its edge. */
unsigned pointer_changes(struct pointer *pointer, enum display_pointer kind, unsigned buttons, int x, int y,
			 const uint32_t size[2], struct display_change *changes);
