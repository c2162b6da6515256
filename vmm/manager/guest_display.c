#include "vmm/manager/guest_display.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"
#include "vmm/guest/display_start.h"
#include "vmm/manager/manager.h"

#define FIRST_NS 1000000000ULL
#define LAST_NS  (60 * FIRST_NS)

static void time_is_up(struct loop_timer *timer);

static void start_later(struct managed_guest *guest)
{
	uint64_t now = monotonic_ns();
	uint64_t wait = FIRST_NS;

	if (guest->display_again.source.fd < 0 &&
	    loop_timer_init(guest->manager->loop, &guest->display_again, time_is_up) < 0)
		return; /* its process tells again */
	if (guest->display_wait_ns && now - guest->display_started_ns < LAST_NS + guest->display_wait_ns)
		wait = MIN(2 * guest->display_wait_ns, LAST_NS);
	guest->display_wait_ns = wait;
	guest->display_due = loop_timer_set(&guest->display_again, wait, 0) == 0;
}

void guest_display_heard(struct managed_guest *guest)
{
	if (!guest->definition->graphics.present || guest->told_display || guest->display_due)
		return;
	log_warning("guest %s: nobody shows its screen any more; it is opened again",
		    guest->definition->name);
	start_later(guest);
}

static int start(struct managed_guest *guest, struct error *err)
{
	const char *cgroup = guest->record.cgroup;
	AUTO_CLOSE int cgroup_fd = cgroup ? open(cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	const struct disk_backend_place place = {
		.jail = guest->manager->settings->jail,
		.cgroup_fd = cgroup_fd,
		.id_slot = guest->record.id_slot,
	};
	struct disk_backend *backend = &guest->backends[GUEST_BACKEND_DISPLAY];
	AUTO_CLOSE int channel = -1;

	guest->display_started_ns = monotonic_ns();
	disk_backend_kill(backend);
	channel = display_start(backend, guest->definition, &place, &guest->record.display_port, err);
	return channel < 0 ? channel : guest_process_tell(guest, "display", channel, err);
}

static void time_is_up(struct loop_timer *timer)
{
	struct managed_guest *guest = CONTAINER_OF(timer, struct managed_guest, display_again);
	struct error err;

	guest->display_due = false;
	if (!guest_alive(guest) || guest->told_display)
		return;
	if (start(guest, &err) == 0)
		return;
	log_warning("%s", err.text);
	start_later(guest);
}

void guest_display_end(struct managed_guest *guest)
{
	if (guest->display_again.source.fd >= 0)
		loop_timer_clear(&guest->display_again);
	display_forget(&guest->definition->graphics);
	guest->display_due = guest->told_display = false;
	guest->display_wait_ns = 0;
	guest->record.display_port = 0;
}

void guest_display_describe(const struct managed_guest *guest, cJSON *json)
{
	char uri[DISPLAY_URI_MAX];

	if (!guest_alive(guest) || !guest->told_display)
		return;
	display_uri(&guest->definition->graphics, guest->record.display_port, uri);
	cJSON_AddStringToObject(json, "display", uri);
}
