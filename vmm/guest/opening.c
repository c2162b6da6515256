#include "vmm/guest/opening.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/util.h"
#include "vmm/guest/display_start.h"
#include "vmm/guest/filesystem_backend.h"
#include "vmm/storage/image_lock.h"

#define LOOK_MS     20
#define DAEMON_NAME 96
/* A daemon whose guest has just ended puts away what it has, and then lets go of its files. */
#define DAEMON_PATIENCE_MS 2000

enum { DONE = 1000 }; /* of opening->step */

/* --- What is waited for --- */

/* Not yet: what for, and when it is to be looked at in any case. */
static int not_yet(struct guest_opening *opening, uint64_t until_ms, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int not_yet(struct guest_opening *opening, uint64_t until_ms, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(opening->waits_for, sizeof(opening->waits_for), format, args);
	va_end(args);
	opening->until_ms = opening->until_ms ? MIN(opening->until_ms, until_ms) : until_ms;
	return -EAGAIN;
}

static int watch(struct guest_opening *opening, int fd, struct error *err)
{
	struct epoll_event event = {.events = EPOLLIN};

	if (opening->epoll < 0)
		opening->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (opening->epoll < 0 || epoll_ctl(opening->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		return error_set(err, -errno, "guest %s: cannot watch what it waits for: %m",
				 opening->definition->name);
	return 0;
}

/* Before it is closed, or given away. */
static void unwatch(const struct guest_opening *opening, int fd)
{
	if (opening->epoll >= 0 && fd >= 0)
		epoll_ctl(opening->epoll, EPOLL_CTL_DEL, fd, NULL);
}

/* A lock that is somebody else's may be so for a moment only. */
static int busy(struct guest_opening *opening, const struct disk_definition *disk, unsigned patience_ms)
{
	uint64_t now = monotonic_ms();

	if (!opening->busy_since_ms)
		opening->busy_since_ms = now;
	if (now - opening->busy_since_ms >= patience_ms)
		return -EBUSY;
	return not_yet(opening, now + LOOK_MS, "waits for disk %s, which is in use",
		       disk_definition_name(disk));
}

static void next_disk(struct guest_opening *opening)
{
	opening->next++;
	opening->busy_since_ms = 0;
}

/* --- The steps --- */

static int step_host(struct guest_opening *opening, struct error *err)
{
	return resources_open_host(opening->definition, opening->settings, opening->resources, err);
}

static int step_disks(struct guest_opening *opening, struct error *err)
{
	const struct guest_definition *definition = opening->definition;

	while (opening->next < definition->disk_count) {
		const struct disk_definition *disk = &definition->disks[opening->next];
		int code = resources_open_disk(disk, opening->settings,
					       &opening->resources->disks[opening->next], err);

		if (code == -EBUSY)
			code = busy(opening, disk, IMAGE_LOCK_PATIENCE_MS);
		if (code < 0)
			return code;
		next_disk(opening);
	}
	return 0;
}

static int step_kernel_begin(struct guest_opening *opening, struct error *err)
{
	const struct guest_definition *definition = opening->definition;
	struct disk_boot_source source;
	char about[DISK_BOOT_NAME_MAX];
	int code;

	if (definition->kernel_disk == DEFINITION_NO_DISK)
		return 0;
	resources_kernel_source(definition, opening->resources, about, &source);
	code = disk_boot_begin(&opening->boot, &source, err);
	return code < 0 ? code : watch(opening, opening->boot.channel, err);
}

static int step_kernel(struct guest_opening *opening, struct error *err)
{
	const struct guest_definition *definition = opening->definition;
	struct disk_boot_source source;
	char about[DISK_BOOT_NAME_MAX];
	int code;

	if (definition->kernel_disk == DEFINITION_NO_DISK)
		return 0;
	resources_kernel_source(definition, opening->resources, about, &source);
	code = disk_boot_heard(&opening->boot, about, &opening->resources->disk_boot, err);
	if (code == -EAGAIN)
		return not_yet(opening, opening->boot.until_ms, "waits for the kernel of %s to be read",
			       about);
	return code < 0 ? code : resources_take_kernel(definition, opening->resources, about, err);
}

static int step_direct(struct guest_opening *opening, struct error *err)
{
	const struct guest_definition *definition = opening->definition;
	int code = 0;

	for (unsigned i = 0; i < definition->disk_count && code == 0; i++)
		code = disk_definition_has_backend(&definition->disks[i])
			       ? 0
			       : disk_open_direct(&definition->disks[i], &opening->resources->disks[i], err);
	return code;
}

static int step_cards(struct guest_opening *opening, struct error *err)
{
	const struct guest_definition *definition = opening->definition;
	int code = 0;

	for (unsigned i = 0; i < definition->network_count && code == 0; i++) {
		struct network_resource *card = &opening->resources->networks[i];

		code = network_open(definition->name, i, &definition->networks[i], opening->networks, card,
				    err);
		if (code >= 0)
			code = card->start.word < 0 ? 0 : watch(opening, card->start.word, err);
	}
	return code;
}

static int step_daemons(struct guest_opening *opening, struct error *err)
{
	const struct guest_definition *definition = opening->definition;

	while (opening->next < definition->disk_count) {
		const struct disk_definition *disk = &definition->disks[opening->next];
		int channel = -1, code = 0;

		if (disk_definition_has_backend(disk))
			code = channel = disk_backend_begin(&opening->resources->backends[opening->next],
							    disk, opening->settings, &opening->place, err);
		if (code == -EBUSY)
			code = busy(opening, disk, DAEMON_PATIENCE_MS);
		if (code < 0)
			return code;
		if (channel >= 0) {
			opening->resources->disks[opening->next].fd = channel;
			code = watch(opening, channel, err);
			if (code < 0)
				return code;
		}
		next_disk(opening);
	}
	return 0;
}

/* It says by itself when it is ready, and nobody waits for it. */
static int step_display(struct guest_opening *opening, struct error *err)
{
	struct guest_resources *resources = opening->resources;

	if (!opening->definition->graphics.present)
		return 0;
	resources->display_fd =
		display_start(&resources->backends[GUEST_BACKEND_DISPLAY], opening->definition,
			      &opening->place, &resources->display_port, err);
	return MIN(resources->display_fd, 0);
}

static int step_filesystems(struct guest_opening *opening, struct error *err)
{
	const struct guest_definition *definition = opening->definition;
	int code = 0;

	for (unsigned i = 0; i < definition->filesystems.count && code == 0; i++) {
		struct disk_backend *backend = &opening->resources->backends[DEFINITION_DISKS_MAX + i];
		int channel = filesystem_backend_begin(backend, &definition->filesystems.list[i],
						       opening->settings, &opening->place, err);

		opening->resources->filesystem_fds[i] = channel;
		code = channel < 0 ? channel : watch(opening, channel, err);
	}
	return code;
}

/* The first word of the daemon of a disk, or behind those of a filesystem. It stays there, for the guest's
 * process. */
static int daemon_heard(struct guest_opening *opening, unsigned index, struct error *err)
{
	const struct guest_definition *definition = opening->definition;
	struct guest_resources *resources = opening->resources;
	struct disk_backend *backend = &resources->backends[index];
	bool is_disk = index < DEFINITION_DISKS_MAX;
	char name[DAEMON_NAME];
	int channel, code;

	if (backend->pid <= 0 || index == GUEST_BACKEND_DISPLAY)
		return 0;
	channel = is_disk ? resources->disks[index].fd
			  : resources->filesystem_fds[index - DEFINITION_DISKS_MAX];
	snprintf(name, sizeof(name), "%s %s", is_disk ? "disk" : "filesystem",
		 is_disk ? disk_definition_name(&definition->disks[index])
			 : definition->filesystems.list[index - DEFINITION_DISKS_MAX].tag);
	code = disk_backend_heard(backend, channel, name, err);
	if (code == 0)
		unwatch(opening, channel);
	return code == -EAGAIN
		       ? not_yet(opening, backend->until_ms, "waits for the storage daemon of %s", name)
		       : code;
}

/* The first words of all that were begun, in whatever order they come. */
static int words_heard(struct guest_opening *opening, struct error *err)
{
	const struct guest_definition *definition = opening->definition;
	struct guest_resources *resources = opening->resources;
	int waits = 0;

	for (unsigned i = 0; i < definition->network_count; i++) {
		struct network_resource *card = &resources->networks[i];
		int code = passt_heard(&card->passt, &card->start, definition->name, err);

		if (code == -EAGAIN)
			waits = not_yet(opening, card->start.until_ms, "waits for passt");
		else if (code < 0)
			return code;
	}
	for (unsigned i = 0; i < GUEST_BACKENDS_MAX; i++) {
		int code = daemon_heard(opening, i, err);

		if (code == -EAGAIN)
			waits = code;
		else if (code < 0)
			return code;
	}
	return waits;
}

static int step_sockets(struct guest_opening *opening, struct error *err)
{
	return resources_open_sockets(opening->definition, opening->resources, err);
}

typedef int step_function(struct guest_opening *opening, struct error *err);

static step_function *const steps[] = {
	step_host,    step_disks,   step_kernel_begin, step_kernel, step_direct,  step_cards,
	step_daemons, step_display, step_filesystems,  words_heard, step_sockets,
};

/* --- All of it --- */

void guest_opening_begin(struct guest_opening *opening, const struct guest_definition *definition,
			 const struct settings *settings, struct networks *networks,
			 const struct disk_backend_place *place, struct guest_resources *resources)
{
	*opening = (struct guest_opening){
		.definition = definition,
		.settings = settings,
		.networks = networks,
		.place = *place,
		.resources = resources,
		.boot.channel = -1,
		.epoll = -1,
	};
	guest_resources_init(resources);
}

int guest_opening_go_on(struct guest_opening *opening, struct error *err)
{
	opening->until_ms = 0;
	while (opening->step < ARRAY_SIZE(steps)) {
		int code = steps[opening->step](opening, err);

		if (code < 0)
			return code;
		opening->step++;
		opening->next = 0;
	}
	opening->step = DONE;
	return 0;
}

int guest_opening_wait(struct guest_opening *opening, struct error *err)
{
	int code;

	while ((code = guest_opening_go_on(opening, err)) == -EAGAIN) {
		struct pollfd wait = {.fd = opening->busy_since_ms ? -1 : opening->epoll, .events = POLLIN};
		uint64_t now = monotonic_ms();

		poll(&wait, 1, now < opening->until_ms ? (int)(opening->until_ms - now) : 0);
	}
	return code;
}

void guest_opening_end(struct guest_opening *opening)
{
	if (!opening->resources)
		return;
	disk_boot_stop(&opening->boot);
	cleanup_close(&opening->epoll);
	opening->epoll = -1;
	if (opening->step != DONE) {
		/* No guest has written to them: there is nothing to be put away. */
		for (unsigned i = 0; i < GUEST_BACKENDS_MAX; i++)
			disk_backend_kill(&opening->resources->backends[i]);
		guest_resources_close(opening->resources);
	}
	opening->resources = NULL;
}
