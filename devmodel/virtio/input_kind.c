#include "devmodel/virtio/input_kind.h"

#include <endian.h>
#include <linux/input.h>
#include <string.h>

#include "common/util.h"

#define VENDOR    0x1af4 /* virtio's own on PCI */
#define VERSION   1
#define KEYS_LAST KEY_MICMUTE /* of a keyboard: from 1 on, so that nothing a layout has is missing */

_Static_assert(INPUT_KEYS == KEY_CNT, "a bit a key");

/* Codes from first to last of a type of event. */
struct codes {
	uint16_t type, first, last;
};

struct kind {
	const char *name;
	struct codes codes[6]; /* type 0 ends them */
};

static const struct kind kinds[VIRTIO_INPUT_KINDS] = {
	[VIRTIO_INPUT_KEYBOARD] = {"rastOS keyboard",
				   {{EV_KEY, KEY_ESC, KEYS_LAST},
				    {EV_LED, LED_NUML, LED_SCROLLL},
				    {EV_REP, REP_DELAY, REP_PERIOD}}},
	[VIRTIO_INPUT_MOUSE] = {"rastOS mouse",
				{{EV_KEY, BTN_LEFT, BTN_EXTRA},
				 {EV_REL, REL_X, REL_Y},
				 {EV_REL, REL_HWHEEL, REL_HWHEEL},
				 {EV_REL, REL_WHEEL, REL_WHEEL}}},
	[VIRTIO_INPUT_TABLET] = {"rastOS tablet",
				 {{EV_KEY, BTN_LEFT, BTN_EXTRA},
				  {EV_ABS, ABS_X, ABS_Y},
				  {EV_REL, REL_HWHEEL, REL_HWHEEL},
				  {EV_REL, REL_WHEEL, REL_WHEEL}}},
};

bool input_kind_has(enum virtio_input_kind kind, uint16_t type, uint16_t code)
{
	for (unsigned i = 0; i < ARRAY_SIZE(kinds[kind].codes) && kinds[kind].codes[i].type; i++) {
		const struct codes *codes = &kinds[kind].codes[i];

		if (codes->type == type && code >= codes->first && code <= codes->last)
			return true;
	}
	return false;
}

static void answer_text(const char *text, struct virtio_input_config *config)
{
	size_t len = strnlen(text, sizeof(config->u.string));

	memcpy(config->u.string, text, len);
	config->size = (uint8_t)len;
}

/* The size is that of the bits up to the last one that is set. */
static void answer_bits(enum virtio_input_kind kind, uint16_t type, struct virtio_input_config *config)
{
	for (uint16_t code = 0; code < 8 * sizeof(config->u.bitmap); code++) {
		if (!input_kind_has(kind, type, code))
			continue;
		config->u.bitmap[code / 8] |= (uint8_t)(1U << code % 8);
		config->size = (uint8_t)(code / 8 + 1);
	}
}

static void answer_axis(enum virtio_input_kind kind, uint16_t code, struct virtio_input_config *config)
{
	if (!input_kind_has(kind, EV_ABS, code))
		return;
	config->u.abs = (struct virtio_input_absinfo){.max = htole32(VIRTIO_INPUT_AXIS_MAX)};
	config->size = sizeof(config->u.abs);
}

static void answer_ids(enum virtio_input_kind kind, struct virtio_input_config *config)
{
	config->u.ids = (struct virtio_input_devids){
		.bustype = htole16(BUS_VIRTUAL),
		.vendor = htole16(VENDOR),
		.product = htole16((uint16_t)(kind + 1)),
		.version = htole16(VERSION),
	};
	config->size = sizeof(config->u.ids);
}

void input_kind_answer(enum virtio_input_kind kind, const char *serial, struct virtio_input_config *config)
{
	config->size = 0;
	memset(&config->u, 0, sizeof(config->u));
	if (config->select == VIRTIO_INPUT_CFG_EV_BITS)
		answer_bits(kind, config->subsel, config);
	else if (config->select == VIRTIO_INPUT_CFG_ABS_INFO)
		answer_axis(kind, config->subsel, config);
	else if (config->subsel) /* the others have no parts */
		return;
	else if (config->select == VIRTIO_INPUT_CFG_ID_NAME)
		answer_text(kinds[kind].name, config);
	else if (config->select == VIRTIO_INPUT_CFG_ID_SERIAL)
		answer_text(serial, config);
	else if (config->select == VIRTIO_INPUT_CFG_ID_DEVIDS)
		answer_ids(kind, config);
}
