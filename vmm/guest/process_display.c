/* The guest process' part in what shows its display and carries its input (display_link.h). */
#include <errno.h>
#include <linux/input-event-codes.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/util.h"
#include "devmodel/virtio/input.h"
#include "vmm/guest/display_link.h"
#include "vmm/guest/process_state.h"
#include "vmm/guest/screenshot.h"

#define NS_PER_MS 1000000UL

/* --- Viewers --- */

static void viewer_input(void *owner, const struct display_change *changes, unsigned count)
{
	struct guest_process *process = owner;
	struct virtio_input_change update[DISPLAY_CHANGES_MAX];

	_Static_assert(DISPLAY_CHANGES_MAX <= VIRTIO_INPUT_UPDATE_MAX, "one is another's");
	_Static_assert(DISPLAY_AXIS_MAX == VIRTIO_INPUT_AXIS_MAX, "axes are of one length");
	for (unsigned i = 0; i < count; i++)
		update[i] = (struct virtio_input_change){changes[i].type, changes[i].code, changes[i].value};
	if (process->machine)
		machine_input(process->machine, update, count);
}

static void viewer_resize(void *owner, uint32_t width, uint32_t height)
{
	struct guest_process *process = owner;

	if (process->machine)
		machine_resize_display(process->machine, 0, width, height);
}

static void display_closed(void *owner)
{
	struct guest_process *process = owner;

	log_warning("guest %s: rastos-display has ended: its screen is closed",
		    process->config->definition->name);
	process_state_changed(process);
}

void process_leds_changed(void *owner, uint32_t leds)
{
	struct guest_process *process = owner;

	if (process->display)
		display_link_leds(process->display, leds);
}

static enum display_pointer pointer_of(const struct input_definitions *inputs)
{
	if (inputs->tablet)
		return DISPLAY_POINTER_ABSOLUTE;
	return inputs->mouse ? DISPLAY_POINTER_RELATIVE : DISPLAY_POINTER_NONE;
}

int process_display_make(struct guest_process *process, struct error *err)
{
	const struct guest_definition *definition = process->config->definition;
	const struct display_link_config config = {
		.loop = &process->loop,
		.keyboard = definition->inputs.keyboard,
		.pointer = pointer_of(&definition->inputs),
		.input = viewer_input,
		.resize = viewer_resize,
		.closed = display_closed,
		.owner = process,
	};
	int *channel = &process->config->resources->display_fd;
	int code = definition->video.heads ? display_link_create(&config, &process->display, err) : 0;

	if (code == 0 && process->display && *channel >= 0)
		code = display_link_open(process->display, TAKE_FD(*channel), err);
	return code < 0 ? error_prefix(err, code, "guest %s", definition->name) : 0;
}

void process_display_close(struct guest_process *process)
{
	screenshot_free(TAKE_PTR(process->screenshot));
	loop_timer_close(&process->loop, &process->key_timer);
	display_link_destroy(TAKE_PTR(process->display));
}

void process_take_display(struct guest_process *process, const cJSON *message, int fd)
{
	struct error err;

	(void)message;
	if (!process->display)
		close(fd);
	else if (display_link_open(process->display, fd, &err) < 0)
		log_warning("guest %s: %s", process->config->definition->name, err.text);
	process_state_changed(process);
}

/* --- Screenshots --- */

static void screenshot_done(void *owner)
{
	struct guest_process *process = owner;

	screenshot_free(TAKE_PTR(process->screenshot));
}

/* Who gets nothing but the end knows that there was nothing. */
void process_take_screenshot(struct guest_process *process, const cJSON *message, int fd)
{
	struct display_scanout scanout;
	int memfd = process->display && !process->screenshot
			    ? display_link_picture(process->display, &scanout)
			    : -EBUSY;

	(void)message;
	if (memfd < 0)
		close(fd);
	else
		process->screenshot =
			screenshot_begin(&process->loop, &scanout, memfd, fd, screenshot_done, process);
}

/* --- Keys that the manager presses --- */

static void keys_send(struct guest_process *process, int32_t value)
{
	struct virtio_input_change update[PROCESS_KEYS_MAX];

	_Static_assert(PROCESS_KEYS_MAX <= VIRTIO_INPUT_UPDATE_MAX, "one update");
	for (unsigned i = 0; i < process->key_count; i++)
		update[i] = (struct virtio_input_change){EV_KEY, process->keys[i], value};
	if (process->key_count)
		machine_input(process->machine, update, process->key_count);
}

static void keys_release(struct guest_process *process)
{
	keys_send(process, 0);
	process->key_count = 0;
}

static void hold_over(struct loop_timer *timer)
{
	keys_release(CONTAINER_OF(timer, struct guest_process, key_timer));
}

void process_send_key(struct guest_process *process, const cJSON *message, int fd)
{
	const cJSON *keys = cJSON_GetObjectItemCaseSensitive(message, "keys");
	const cJSON *hold = cJSON_GetObjectItemCaseSensitive(message, "hold_ms");
	const cJSON *key;

	(void)fd;
	keys_release(process); /* those before */
	cJSON_ArrayForEach(key, keys)
	{
		if (cJSON_IsNumber(key) && key->valueint > 0 && key->valueint < KEY_CNT &&
		    process->key_count < PROCESS_KEYS_MAX)
			process->keys[process->key_count++] = (uint16_t)key->valueint;
	}
	keys_send(process, 1);
	if (process->key_timer.source.fd < 0 &&
	    loop_timer_init(&process->loop, &process->key_timer, hold_over) < 0)
		keys_release(process);
	else if (!cJSON_IsNumber(hold) || hold->valueint < 1)
		keys_release(process);
	else
		loop_timer_set(&process->key_timer, (unsigned long)hold->valueint * NS_PER_MS, 0);
}
