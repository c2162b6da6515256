/* In a guest: says what comes from its input devices, a line an event: "input NAME: TYPE CODE VALUE"; first
 * "device NAME" of each. */
#include <err.h>
#include <fcntl.h>
#include <linux/input.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define DEVICES_MAX 16

static char names[DEVICES_MAX][64];
static struct pollfd devices[DEVICES_MAX];

static unsigned open_devices(void)
{
	unsigned count = 0;

	for (unsigned i = 0; i < DEVICES_MAX; i++) {
		char path[32];
		int fd;

		snprintf(path, sizeof(path), "/dev/input/event%u", i);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || ioctl(fd, EVIOCGNAME(sizeof(names[count])), names[count]) < 0)
			continue;
		devices[count++] = (struct pollfd){.fd = fd, .events = POLLIN};
	}
	return count;
}

static void say(unsigned device)
{
	struct input_event event;

	if (read(devices[device].fd, &event, sizeof(event)) != sizeof(event))
		errx(1, "%s is gone", names[device]);
	if (event.type != EV_SYN)
		printf("input %s: %u %u %d\n", names[device], event.type, event.code, event.value);
}

int main(void)
{
	unsigned count = open_devices();

	for (unsigned i = 0; i < count; i++)
		printf("device %s\n", names[i]);
	fflush(stdout);
	while (poll(devices, count, -1) >= 0) {
		for (unsigned i = 0; i < count; i++) {
			if (devices[i].revents)
				say(i);
		}
		fflush(stdout);
	}
	err(1, "poll");
}
