/* virtio console, driven from the guest's side. */
#ifdef MICRO_GUEST
#include <linux/virtio_ids.h>

#include "tests/micro/guest_virtio.h"

#define QUEUE_RECEIVE  0
#define QUEUE_TRANSMIT 1

static char text[16];

/* Takes what is typed and prints it back. */
GUEST(echoes)
{
	struct virtio_part in = {text, sizeof(text), true};
	struct virtio_part out = {text, 0, false};

	EXPECT(virtio_start(VIRTIO_ID_CONSOLE, 0, 2));
	virtio_submit(QUEUE_RECEIVE, &in, 1);
	report(1);
	out.size = virtio_wait(QUEUE_RECEIVE);
	EXPECT(out.size == 4);
	virtio_do(QUEUE_TRANSMIT, &out, 1);
	return 0;
}

#else
#include <string.h>

#include "common/util.h"
#include "devmodel/virtio/console.h"
#include "tests/micro/micro.h"

struct terminal {
	struct chardev_backend backend;
	struct micro micro;
	struct virtio_device *console;
	struct loop_timer timer;
	size_t count;
	char text[64];
};

static size_t terminal_output(struct chardev_backend *backend, const uint8_t *data, size_t len)
{
	struct terminal *terminal = CONTAINER_OF(backend, struct terminal, backend);

	cr_assert(terminal->count + len <= sizeof(terminal->text));
	memcpy(terminal->text + terminal->count, data, len);
	terminal->count += len;
	return len;
}

static void terminal_readable(struct chardev_backend *backend)
{
	(void)backend;
}

static void terminal_type(struct loop_timer *timer)
{
	struct terminal *terminal = CONTAINER_OF(timer, struct terminal, timer);
	struct chardev_frontend *frontend = virtio_console_frontend(terminal->console);

	cr_assert_eq(frontend->input(frontend, (const uint8_t *)"ping", 4), 4);
}

static void *type_when_ready(void *argument)
{
	struct terminal *terminal = argument;

	micro_wait_reports(&terminal->micro, 1);
	loop_timer_set(&terminal->timer, 1, 0);
	return NULL;
}

MICRO_TEST(virtio_console, input_is_echoed)
{
	struct terminal terminal = {.backend = {terminal_output, terminal_readable}};
	pthread_t thread;
	struct error err;

	micro_create(&terminal.micro, 1);
	terminal.console = virtio_console_create("console", &terminal.backend, &terminal.micro.memory,
						 &terminal.micro.loop, &err);
	cr_assert_not_null(terminal.console, "%s", err.text);
	micro_virtio_device(&terminal.micro, terminal.console);
	cr_assert_eq(loop_timer_init(&terminal.micro.loop, &terminal.timer, terminal_type), 0);
	thread = micro_thread(type_when_ready, &terminal);
	micro_expect(&terminal.micro, "echoes", 0);
	pthread_join(thread, NULL);
	cr_assert_eq(terminal.count, 4);
	cr_assert_eq(memcmp(terminal.text, "ping", 4), 0);
	loop_timer_close(&terminal.micro.loop, &terminal.timer);
	virtio_device_destroy(terminal.console);
	micro_destroy(&terminal.micro);
}
#endif
