#include "vmm/manager/guest_jail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/util.h"
#include "vmm/guest/disk_backend.h"
#include "vmm/guest/display_start.h"
#include "vmm/guest/machine.h"
#include "vmm/guest/vsock_broker.h"
#include "vmm/manager/manager.h"

#define PROCESSES_MORE                                                                                       \
	2 /* beside the machine's threads: the first one, and the child that verifies the image */
#define PROCESSES_KVM 2  /* threads that KVM may start in a guest's process */
#define REQUESTS_MAX  64 /* of one guest's broker, in a moment (manager_hears) */

/* --- User and cgroup --- */

/* Root gives each guest a user of its own; another user has only himself. */
static int take_user(struct managed_guest *guest, struct jail_config *jail, struct error *err)
{
	struct manager *manager = guest->manager;
	int used[MANAGER_GUESTS_MAX];
	int place;

	if (!jail->on || geteuid() != 0)
		return 0;
	for (unsigned i = 0; i < manager->guest_count; i++)
		used[i] = manager->guests[i]->record.id_slot;
	place = guest_ids_take(&manager->settings->guest_ids, used, manager->guest_count, err);
	if (place < 0)
		return error_prefix(err, place, "guest %s", guest->definition->name);
	guest->record.id_slot = place;
	jail->uid = jail->gid = manager->settings->guest_ids.first + (uint32_t)place;
	return 0;
}

/* A guest's limits; what they point to. */
struct limits {
	struct cgroup_limits limits;
	char cpus[CPU_SET_TEXT_MAX];
	char mems[CPU_SET_TEXT_MAX];
};

/* Threads that serve network cards: the kernel's, which count as the guest's, or its process' own. */
static unsigned card_threads(const struct guest_definition *definition)
{
	unsigned count = 0;

	for (unsigned i = 0; i < definition->network_count; i++) {
		const struct network_definition *card = &definition->networks[i];
		bool vhost = network_definition_is_tap(card) && card->vhost != NETWORK_VHOST_NEVER;

		count += vhost ? card->queues : card->queues - 1;
	}
	return count;
}

/* Less by what it has given back, more by what was plugged in. */
static uint64_t memory_limit(const struct managed_guest *guest, const struct guest_definition *definition)
{
	uint64_t ram = definition->memory_mib;
	uint64_t given = guest->share.given_mib ? guest->share.given_mib : ram;

	return cgroup_memory_for(MIB(MAX(ram, given))) - MIB(MAX(ram, given) - given) +
	       disk_backend_memory(definition) + display_memory(definition) + KIB(definition->video.vram_kib);
}

static void make_limits(const struct managed_guest *guest, const struct guest_definition *definition,
			struct limits *made)
{
	const struct guest_placement *placement = &definition->placement;

	made->limits = (struct cgroup_limits){
		.memory_bytes = memory_limit(guest, definition),
		.pids = machine_threads(definition) + card_threads(definition) +
			disk_backend_processes(definition) + display_processes(definition) + PROCESSES_MORE +
			PROCESSES_KVM,
		.cpu_weight = placement->weight,
		.quota_us = definition->wants.quota_us,
		.period_us = definition->wants.period_us,
	};
	if (!cpu_set_empty(&placement->cpus))
		made->limits.cpus = cpu_set_format(&placement->cpus, made->cpus);
	if (!cpu_set_empty(&placement->nodes) && placement->numa_mode == NUMA_STRICT)
		made->limits.mems = cpu_set_format(&placement->nodes, made->mems);
}

int guest_jail_limit(struct managed_guest *guest, const struct guest_definition *definition,
		     struct error *err)
{
	struct limits made;

	if (!guest->record.cgroup)
		return 0;
	make_limits(guest, definition, &made);
	return cgroup_limit(&guest->manager->cgroups, guest->record.cgroup, &made.limits, err);
}

static int make_cgroup(struct managed_guest *guest, struct jail_config *jail, struct error *err)
{
	const struct guest_definition *definition = guest->definition;
	struct limits made;
	struct cgroup cgroup;
	int code;

	if (definition->wants.quota_us && !cgroups_limit_time(&guest->manager->cgroups))
		return error_set(
			err, -EOPNOTSUPP,
			"guest %s: cpus.global_quota: this manager has no control groups with the cpu controller",
			definition->name);
	make_limits(guest, definition, &made);
	code = cgroup_create(&guest->manager->cgroups, definition->name, &made.limits, &cgroup, err);

	if (code < 0)
		return code;
	guest->record.cgroup = cgroup.path;
	jail->cgroup_fd = cgroup.fd;
	return 0;
}

int guest_jail_open(struct managed_guest *guest, struct jail_config *jail, struct error *err)
{
	int code;

	*jail = (struct jail_config){
		.name = guest->definition->name,
		.on = guest->manager->settings->jail,
		.uid = geteuid(),
		.gid = getegid(),
		.cgroup_fd = -1,
	};
	guest_jail_close(guest);
	code = take_user(guest, jail, err);
	if (code == 0)
		code = make_cgroup(guest, jail, err);
	if (code < 0)
		guest_jail_close(guest);
	return code;
}

void guest_jail_close(struct managed_guest *guest)
{
	AUTO_FREE char *cgroup = TAKE_PTR(guest->record.cgroup);
	struct error err;

	guest->record.id_slot = -1;
	if (cgroup_remove(cgroup, &err) < 0)
		log_warning("guest %s: %s", guest->definition->name, err.text);
}

/* --- vsock --- */

static void broker_ready(struct loop_source *source, uint32_t events)
{
	struct managed_guest *guest = CONTAINER_OF(source, struct managed_guest, broker);
	int code = 0;

	while (code == 0 &&
	       (events & EPOLLHUP || manager_hears(guest->manager, source, &guest->asks, REQUESTS_MAX)))
		code = vsock_broker_answer(source->fd, guest->definition->vsock_path);
	if (code < 0 && code != -EAGAIN)
		guest_broker_close(guest); /* the process has ended, or wants no more */
}

int guest_broker_open(struct managed_guest *guest, int *theirs, struct error *err)
{
	int ends[2];
	int code;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return error_set(err, -errno, "guest %s: cannot make its vsock broker: %m",
				 guest->definition->name);
	guest_broker_close(guest);
	guest->broker = (struct loop_source){.fd = ends[0], .events = EPOLLIN, .ready = broker_ready};
	code = loop_add(guest->manager->loop, &guest->broker);
	if (code < 0) {
		close(ends[1]);
		cleanup_close(&guest->broker.fd);
		guest->broker.fd = -1;
		return error_set(err, code, "guest %s: cannot watch its vsock broker: %s",
				 guest->definition->name, strerror(-code));
	}
	*theirs = ends[1];
	return 0;
}

void guest_broker_close(struct managed_guest *guest)
{
	if (guest->broker.fd < 0)
		return;
	loop_remove(guest->manager->loop, &guest->broker);
	close(guest->broker.fd);
	guest->broker.fd = -1;
}
