/*
 * The keyboard and the pointers of a guest's machine, and how what a viewer does reaches them. Part of
 * machine_devices.c; the loop's thread.
 */
#include <errno.h>
#include <linux/input-event-codes.h>

#include "devmodel/virtio/input.h"
#include "vmm/guest/machine_devices.h"
#include "vmm/guest/machine_state.h"

static int add_input(struct machine_devices *devices, enum virtio_input_kind kind, const char *id,
		     struct error *err)
{
	const struct machine_config *config = devices->config;
	struct virtio_slot *slot = virtio_slot_open(devices, VIRTIO_SLOT_FIXED, id, false, err);
	const struct virtio_input_options options = {
		.kind = kind, .serial = id, .leds = config->leds, .owner = config->owner};

	if (!slot)
		return -ENOSPC;
	devices->inputs[kind] = virtio_input_create(&options, devices->memory, virtio_slot_loop(slot), err);
	return virtio_slot_fill(slot, devices->inputs[kind], NULL, err);
}

int machine_inputs_add(struct machine_devices *devices, struct error *err)
{
	const struct input_definitions *inputs = &devices->config->definition->inputs;
	int code = inputs->keyboard ? add_input(devices, VIRTIO_INPUT_KEYBOARD, "keyboard0", err) : 0;

	if (code == 0 && inputs->mouse)
		code = add_input(devices, VIRTIO_INPUT_MOUSE, "mouse0", err);
	if (code == 0 && inputs->tablet)
		code = add_input(devices, VIRTIO_INPUT_TABLET, "tablet0", err);
	return code;
}

static bool is_key(const struct virtio_input_change *change)
{
	return change->type == EV_KEY && (change->code < BTN_MISC || change->code >= KEY_OK);
}

int machine_input(struct machine *machine, const struct virtio_input_change *changes, unsigned count)
{
	struct virtio_device *const *inputs = machine->devices.inputs;
	struct virtio_device *pointer =
		inputs[VIRTIO_INPUT_TABLET] ? inputs[VIRTIO_INPUT_TABLET] : inputs[VIRTIO_INPUT_MOUSE];
	struct virtio_device *device = count && is_key(&changes[0]) ? inputs[VIRTIO_INPUT_KEYBOARD] : pointer;

	return device ? virtio_input_send(device, changes, count) : -ENODEV;
}
