#include "devmodel/virtio/input.h"

#include <errno.h>
#include <linux/input.h>
#include <linux/virtio_ids.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "devmodel/virtio/input_kind.h"

#define QUEUE_SIZE 64
#define AXES       2 /* ABS_X, ABS_Y */

enum {
	QUEUE_EVENTS,
	QUEUE_STATUS,
	QUEUE_COUNT,
};

/* Of what a guest is told, or would be told had it room. */
struct input_state {
	uint8_t keys[INPUT_KEYS / 8]; /* a bit a key: it is down */
	int32_t axes[AXES];
};

/* All but the configuration, which is the device's lock's, belongs to the lock of the queue of events, lights
 * to that of the status queue. */
struct input {
	struct virtio_device device;
	enum virtio_input_kind kind;
	char serial[VIRTIO_INPUT_SERIAL_MAX + 1];
	struct virtio_input_config config;
	struct virtio_input_options options;
	_Atomic uint32_t leds;

	struct virtio_input_event pending[VIRTIO_INPUT_PENDING]; /* a ring of whole updates */
	unsigned pending_first, pending_count;
	bool lost; /* what is pending does not lead to `now` */
	struct input_state told, now;
	struct virtq_chain chain;        /* of events */
	struct virtq_chain status_chain; /* of the status queue, which may be on another loop */
};

static bool key_is_down(const struct input_state *state, unsigned key)
{
	return state->keys[key / 8] >> key % 8 & 1;
}

static void state_change(struct input_state *state, uint16_t type, uint16_t code, int32_t value)
{
	if (type == EV_KEY && value)
		state->keys[code / 8] |= (uint8_t)(1U << code % 8);
	else if (type == EV_KEY)
		state->keys[code / 8] &= (uint8_t) ~(1U << code % 8);
	else if (type == EV_ABS)
		state->axes[code] = value;
}

/* --- Updates that wait --- */

static void pending_add(struct input *input, uint16_t type, uint16_t code, int32_t value)
{
	unsigned at = (input->pending_first + input->pending_count++) % VIRTIO_INPUT_PENDING;

	input->pending[at] = (struct virtio_input_event){
		.type = htole16(type), .code = htole16(code), .value = htole32((uint32_t)value)};
	state_change(&input->told, type, code, value);
}

/* Events of the first update that waits, SYN_REPORT included. */
static unsigned pending_update(const struct input *input)
{
	for (unsigned i = 0; i < input->pending_count; i++) {
		const struct virtio_input_event *event =
			&input->pending[(input->pending_first + i) % VIRTIO_INPUT_PENDING];

		if (event->type == htole16(EV_SYN))
			return i + 1;
	}
	return 0;
}

/* What the guest has missed, as far as there is room: relative movement is gone for good. */
static void pending_mend(struct input *input)
{
	unsigned room = MIN(VIRTIO_INPUT_PENDING - input->pending_count, VIRTIO_INPUT_UPDATE_MAX + 1);
	unsigned first = input->pending_count;
	bool whole = true;

	for (uint16_t axis = 0; axis < AXES && room > AXES; axis++) {
		if (input->told.axes[axis] != input->now.axes[axis])
			pending_add(input, EV_ABS, axis, input->now.axes[axis]);
	}
	for (uint16_t key = 0; key < INPUT_KEYS && whole; key++) {
		bool down = key_is_down(&input->now, key);

		if (key_is_down(&input->told, key) == down)
			continue;
		whole = input->pending_count - first + 1 < room;
		if (whole)
			pending_add(input, EV_KEY, key, down);
	}
	if (input->pending_count > first)
		pending_add(input, EV_SYN, SYN_REPORT, 0);
	input->lost = !whole || room <= AXES;
}

/* --- The queue of events --- */

static void take_back(struct virtq *queue, const struct virtq_token *tokens, unsigned count)
{
	while (count > 0)
		virtq_unpop(queue, tokens[--count]);
}

/* One update into the guest's buffers; false: they are too few, or the ring is broken. */
static bool update_deliver(struct input *input, unsigned count)
{
	struct virtio_device *device = &input->device;
	struct virtq *queue = &device->queues[QUEUE_EVENTS];
	struct virtq_token tokens[VIRTIO_INPUT_UPDATE_MAX + 1];
	unsigned budget = UINT16_MAX;

	for (unsigned i = 0; i < count; i++) {
		const struct virtio_input_event *event =
			&input->pending[(input->pending_first + i) % VIRTIO_INPUT_PENDING];

		if (!virtio_device_pop(device, QUEUE_EVENTS, &input->chain, &budget)) {
			if (virtio_device_live(device))
				take_back(queue, tokens, i);
			return false;
		}
		tokens[i] = input->chain.token;
		if (virtq_chain_write(&input->chain, 0, event, sizeof(*event)) != sizeof(*event)) {
			virtio_device_broken(device, "a buffer for an event is too small");
			return false;
		}
	}
	for (unsigned i = 0; i < count; i++)
		virtq_fill(queue, tokens[i], sizeof(struct virtio_input_event));
	virtq_publish(queue);
	counter_add(&virtio_queue_counters(device, QUEUE_EVENTS)->to_guest,
		    count * sizeof(struct virtio_input_event));
	return true;
}

static void deliver(struct input *input)
{
	struct virtio_device *device = &input->device;
	unsigned count;
	bool any = false;

	if (input->lost)
		pending_mend(input);
	while ((count = pending_update(input)) && update_deliver(input, count)) {
		input->pending_first = (input->pending_first + count) % VIRTIO_INPUT_PENDING;
		input->pending_count -= count;
		any = true;
		if (input->lost)
			pending_mend(input);
	}
	if (count == 0) /* buffers that come now are for later */
		virtq_disable_notify(&device->queues[QUEUE_EVENTS]);
	if (any && virtio_device_live(device))
		virtio_interrupt(device, QUEUE_EVENTS);
}

/* --- The status queue --- */

static void light_set(struct input *input, const struct virtio_input_event *event)
{
	uint16_t code = le16toh(event->code);
	uint32_t before = atomic_load(&input->leds), leds;

	if (le16toh(event->type) != EV_LED || !input_kind_has(input->kind, EV_LED, code))
		return;
	leds = event->value ? before | 1U << code : before & ~(1U << code);
	atomic_store(&input->leds, leds);
	if (leds != before && input->options.leds)
		input->options.leds(input->options.owner, leds);
}

static void take_status(struct input *input)
{
	struct virtio_device *device = &input->device;
	struct virtq *queue = &device->queues[QUEUE_STATUS];
	unsigned budget = VIRTIO_BATCH;

	virtq_disable_notify(queue);
	while (virtio_device_pop(device, QUEUE_STATUS, &input->status_chain, &budget)) {
		struct virtio_input_event event;

		if (virtq_chain_read(&input->status_chain, 0, &event, sizeof(event)) != sizeof(event)) {
			virtio_device_broken(device, "a buffer with a status is too small");
			break;
		}
		light_set(input, &event);
		virtq_push(queue, input->status_chain.token, 0);
		counter_add(&virtio_queue_counters(device, QUEUE_STATUS)->from_guest, sizeof(event));
	}
	virtio_interrupt(device, QUEUE_STATUS);
}

/* --- The device --- */

static void input_notify(struct virtio_device *device, unsigned index)
{
	struct input *input = CONTAINER_OF(device, struct input, device);

	if (index == QUEUE_EVENTS)
		deliver(input);
	else
		take_status(input);
}

/* The next driver begins with all keys up. */
static void events_forget(struct input *input)
{
	input->pending_count = 0;
	input->lost = false;
	input->told = input->now = (struct input_state){0};
}

static void input_reset(struct virtio_device *device)
{
	struct input *input = CONTAINER_OF(device, struct input, device);

	events_forget(input);
	input->config = (struct virtio_input_config){0};
	atomic_store(&input->leds, 0);
}

static void input_config_read(struct virtio_device *device, uint32_t offset, uint8_t *data, uint32_t len)
{
	struct input *input = CONTAINER_OF(device, struct input, device);

	memcpy(data, (const uint8_t *)&input->config + offset, len);
}

/* 5.8.5.1: select and subsel are the driver's, the rest is not. */
static void input_config_write(struct virtio_device *device, uint32_t offset, const uint8_t *data,
			       uint32_t len)
{
	struct input *input = CONTAINER_OF(device, struct input, device);

	for (uint32_t i = 0; i < len; i++) {
		if (offset + i == offsetof(struct virtio_input_config, select))
			input->config.select = data[i];
		else if (offset + i == offsetof(struct virtio_input_config, subsel))
			input->config.subsel = data[i];
	}
	input_kind_answer(input->kind, input->serial, &input->config);
}

static void input_destroy(struct virtio_device *device)
{
	virtio_device_close(device);
	free(CONTAINER_OF(device, struct input, device));
}

static const struct virtio_device_ops input_ops = {
	.config_read = input_config_read,
	.config_write = input_config_write,
	.reset = input_reset,
	.notify = input_notify,
	.destroy = input_destroy,
};

struct virtio_device *virtio_input_create(const struct virtio_input_options *options,
					  const struct guest_memory *memory, struct loop *loop,
					  struct error *err)
{
	static const char *const names[] = {"keyboard", "mouse", "tablet"};
	struct input *input = calloc(1, sizeof(*input));

	if (!input) {
		error_set(err, -ENOMEM, "virtio input: out of memory");
		return NULL;
	}
	input->options = *options;
	input->kind = options->kind;
	snprintf(input->serial, sizeof(input->serial), "%s", options->serial ? options->serial : "");
	input->device.ops = &input_ops;
	input->device.id = VIRTIO_ID_INPUT;
	input->device.name = names[options->kind];
	input->device.queue_count = QUEUE_COUNT;
	input->device.config_size = sizeof(input->config);
	input->device.in_order = true;
	if (virtio_device_init(&input->device, memory, loop, err) < 0) {
		free(input);
		return NULL;
	}
	for (unsigned i = 0; i < QUEUE_COUNT; i++)
		input->device.queues[i].size_max = QUEUE_SIZE;
	return &input->device;
}

/* --- What the host sends --- */

static bool changes_valid(const struct input *input, const struct virtio_input_change *changes,
			  unsigned count)
{
	if (count > VIRTIO_INPUT_UPDATE_MAX)
		return false;
	for (unsigned i = 0; i < count; i++) {
		const struct virtio_input_change *change = &changes[i];

		if ((change->type != EV_KEY && change->type != EV_REL && change->type != EV_ABS) ||
		    !input_kind_has(input->kind, change->type, change->code) ||
		    (change->type == EV_ABS && (change->value < 0 || change->value > VIRTIO_INPUT_AXIS_MAX)))
			return false;
	}
	return true;
}

static bool is_news(const struct input *input, const struct virtio_input_change *change)
{
	if (change->type == EV_KEY)
		return key_is_down(&input->now, change->code) != (change->value != 0);
	return change->type == EV_ABS ? input->now.axes[change->code] != change->value : change->value != 0;
}

static int update_add(struct input *input, const struct virtio_input_change *changes, unsigned count)
{
	bool full = input->lost || VIRTIO_INPUT_PENDING - input->pending_count < count + 1;
	unsigned first = input->pending_count;

	for (unsigned i = 0; i < count; i++) {
		const struct virtio_input_change *change = &changes[i];
		int32_t value = change->type == EV_KEY ? change->value != 0 : change->value;

		if (!is_news(input, change))
			continue;
		state_change(&input->now, change->type, change->code, value);
		if (full)
			input->lost = true;
		else
			pending_add(input, change->type, change->code, value);
	}
	if (input->pending_count > first)
		pending_add(input, EV_SYN, SYN_REPORT, 0);
	return input->lost ? -ENOBUFS : 0;
}

int virtio_input_send(struct virtio_device *device, const struct virtio_input_change *changes, unsigned count)
{
	struct input *input = CONTAINER_OF(device, struct input, device);
	int code = changes_valid(input, changes, count) ? 0 : -EINVAL;

	if (code < 0)
		return code;
	virtio_queue_lock(device, QUEUE_EVENTS);
	if (virtio_device_live(device) && device->queues[QUEUE_EVENTS].enabled) {
		code = update_add(input, changes, count);
		if (code < 0)
			counter_add(&virtio_queue_counters(device, QUEUE_EVENTS)->errors, 1);
		deliver(input);
	} else {
		code = -ENODEV;
	}
	virtio_queue_unlock(device, QUEUE_EVENTS);
	return code;
}

uint32_t virtio_input_leds(struct virtio_device *device)
{
	return atomic_load(&CONTAINER_OF(device, struct input, device)->leds);
}
