#include "vmm/display/pointer.h"

#include <linux/input-event-codes.h>

#include "common/util.h"

struct button {
	uint16_t type, code;
	int32_t value; /* of a wheel: one notch */
};

static const struct button table[POINTER_BUTTONS] = {
	{EV_KEY, BTN_LEFT, 0},   {EV_KEY, BTN_MIDDLE, 0}, {EV_KEY, BTN_RIGHT, 0},
	{EV_REL, REL_WHEEL, 1},  {EV_REL, REL_WHEEL, -1}, {EV_REL, REL_HWHEEL, -1},
	{EV_REL, REL_HWHEEL, 1}, {EV_KEY, BTN_SIDE, 0},   {EV_KEY, BTN_EXTRA, 0},
};

static int clamp(int value, uint32_t size)
{
	return MAX(0, MIN(value, (int)size - 1));
}

static int32_t scale(int value, uint32_t size)
{
	return size > 1 ? (int32_t)((int64_t)value * DISPLAY_AXIS_MAX / (size - 1)) : 0;
}

static unsigned add(struct display_change *changes, unsigned count, uint16_t type, uint16_t code,
		    int32_t value)
{
	changes[count] = (struct display_change){.type = type, .code = code, .value = value};
	return count + 1;
}

static unsigned move(struct pointer *pointer, enum display_pointer kind, int x, int y, const uint32_t size[2],
		     struct display_change *changes)
{
	unsigned count = 0;

	if (kind == DISPLAY_POINTER_ABSOLUTE) {
		if (!pointer->known || x != pointer->x)
			count = add(changes, count, EV_ABS, ABS_X, scale(x, size[0]));
		if (!pointer->known || y != pointer->y)
			count = add(changes, count, EV_ABS, ABS_Y, scale(y, size[1]));
	} else if (pointer->known) {
		if (x != pointer->x)
			count = add(changes, count, EV_REL, REL_X, x - pointer->x);
		if (y != pointer->y)
			count = add(changes, count, EV_REL, REL_Y, y - pointer->y);
	}
	pointer->known = true;
	pointer->x = x;
	pointer->y = y;
	return count;
}

unsigned pointer_changes(struct pointer *pointer, enum display_pointer kind, unsigned buttons, int x, int y,
			 const uint32_t size[2], struct display_change *changes)
{
	unsigned changed = buttons ^ pointer->buttons;
	unsigned count;

	_Static_assert(2 + POINTER_BUTTONS <= DISPLAY_CHANGES_MAX, "all at once fit");
	if (kind == DISPLAY_POINTER_NONE)
		return 0;
	count = move(pointer, kind, clamp(x, size[0]), clamp(y, size[1]), size, changes);
	for (unsigned i = 0; i < POINTER_BUTTONS; i++) {
		const struct button *button = &table[i];
		bool down = buttons & 1U << i;

		if (!(changed & 1U << i))
			continue;
		if (button->type == EV_KEY)
			count = add(changes, count, EV_KEY, button->code, down);
		else if (down)
			count = add(changes, count, EV_REL, button->code, button->value);
	}
	pointer->buttons = buttons;
	return count;
}
