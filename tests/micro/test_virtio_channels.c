/* A named port, driven from the guest's side as Linux does it. */
#define NAME "org.qemu.guest_agent.0"

#ifdef MICRO_GUEST
#include <linux/virtio_console.h>
#include <linux/virtio_ids.h>

#include "tests/micro/guest_virtio.h"

#define CONTROL_IN  2
#define CONTROL_OUT 3
#define PORT_IN     4
#define PORT_OUT    5
#define QUEUES      6
#define PORT        1

static struct virtio_console_control said;
static struct {
	struct virtio_console_control control;
	char name[32];
} told;
static char text[16];

static void say(uint16_t event)
{
	struct virtio_part part = {&said, sizeof(said), false};

	said = (struct virtio_console_control){.id = PORT, .event = event, .value = 1};
	virtio_do(CONTROL_OUT, &part, 1);
}

/* Whether the next message is this, with so many bytes behind it. */
static bool is_told(uint16_t event, unsigned more)
{
	struct virtio_part part = {&told, sizeof(told), true};
	uint32_t size = virtio_do(CONTROL_IN, &part, 1);

	return size == sizeof(told.control) + more && told.control.id == PORT &&
	       told.control.event == event && told.control.value == 1;
}

GUEST(answers_as_an_agent)
{
	struct virtio_part in = {text, sizeof(text), true};
	struct virtio_part out = {text, 0, false};

	EXPECT(virtio_start(VIRTIO_ID_CONSOLE, 1ULL << VIRTIO_CONSOLE_F_MULTIPORT, QUEUES));
	say(VIRTIO_CONSOLE_DEVICE_READY);
	EXPECT(is_told(VIRTIO_CONSOLE_PORT_ADD, 0));
	say(VIRTIO_CONSOLE_PORT_READY);
	EXPECT(is_told(VIRTIO_CONSOLE_PORT_NAME, sizeof(NAME) - 1));
	for (unsigned i = 0; i < sizeof(NAME) - 1; i++)
		EXPECT(told.name[i] == NAME[i]);
	EXPECT(is_told(VIRTIO_CONSOLE_PORT_OPEN, 0));
	virtio_submit(PORT_IN, &in, 1);
	say(VIRTIO_CONSOLE_PORT_OPEN);
	report(1);
	out.size = virtio_wait(PORT_IN);
	EXPECT(out.size == 4);
	virtio_do(PORT_OUT, &out, 1);
	return 0;
}

#else
#include <string.h>

#include "common/util.h"
#include "devmodel/virtio/channels.h"
#include "tests/micro/micro.h"

struct agent {
	struct chardev_backend backend;
	struct micro micro;
	struct virtio_device *channels;
	struct loop_timer timer;
	bool open;
	size_t count;
	char text[64];
};

static size_t agent_output(struct chardev_backend *backend, const uint8_t *data, size_t len)
{
	struct agent *agent = CONTAINER_OF(backend, struct agent, backend);

	cr_assert(agent->count + len <= sizeof(agent->text));
	memcpy(agent->text + agent->count, data, len);
	agent->count += len;
	return len;
}

static void agent_readable(struct chardev_backend *backend)
{
	(void)backend;
}

static void agent_opened(struct chardev_backend *backend, bool open)
{
	CONTAINER_OF(backend, struct agent, backend)->open = open;
}

static void agent_asks(struct loop_timer *timer)
{
	struct agent *agent = CONTAINER_OF(timer, struct agent, timer);
	struct chardev_frontend *frontend = virtio_channels_frontend(agent->channels, 0);

	cr_assert(agent->open);
	cr_assert_eq(frontend->input(frontend, (const uint8_t *)"ping", 4), 4);
}

static void *ask_when_ready(void *argument)
{
	struct agent *agent = argument;

	micro_wait_reports(&agent->micro, 1);
	loop_timer_set(&agent->timer, 1, 0);
	return NULL;
}

MICRO_TEST(virtio_channels, a_port_is_found_by_its_name_and_echoes)
{
	struct agent agent = {.backend = {agent_output, agent_readable}};
	const struct virtio_channel channel = {NAME, &agent.backend, agent_opened};
	pthread_t thread;
	struct error err;

	micro_create(&agent.micro, 1);
	agent.channels = virtio_channels_create(&channel, 1, &agent.micro.memory, &agent.micro.loop, &err);
	cr_assert_not_null(agent.channels, "%s", err.text);
	virtio_channels_set_open(agent.channels, 0, true);
	micro_virtio_device(&agent.micro, agent.channels);
	cr_assert_eq(loop_timer_init(&agent.micro.loop, &agent.timer, agent_asks), 0);
	thread = micro_thread(ask_when_ready, &agent);
	micro_expect(&agent.micro, "answers_as_an_agent", 0);
	pthread_join(thread, NULL);
	cr_assert_eq(agent.count, 4);
	cr_assert_eq(memcmp(agent.text, "ping", 4), 0);
	loop_timer_close(&agent.micro.loop, &agent.timer);
	virtio_device_destroy(agent.channels);
	micro_destroy(&agent.micro);
}
#endif
