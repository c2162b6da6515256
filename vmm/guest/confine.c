#include "vmm/guest/confine.h"

#include <stdlib.h>
#include <time.h>

#include "common/log.h"
#include "common/util.h"
#include "vmm/guest/machine.h"
#include "vmm/jail/jail.h"
#include "vmm/jail/landlock.h"
#include "vmm/jail/privileges.h"

/* The largest file that it writes: a disk, its memory, a picture of its displays. */
static uint64_t largest_file(const struct guest_process_config *config)
{
	const struct guest_definition *definition = config->definition;
	uint64_t memory_mib = definition->memory_mib + memory_devices_size(&definition->memory_devices);
	uint64_t largest = MAX(MIB(memory_mib), KIB(definition->video.vram_kib));

	for (unsigned i = 0; i < config->definition->disk_count; i++)
		largest = MAX(largest, config->resources->disks[i].size);
	return largest;
}

/* The child that verifies the boot image needs its memory and a pipe; the image may be an attack. */
static int verifier_of_jail(struct error *err)
{
	int code = privileges_drop(err);

	return code < 0 ? code : landlock_forbid_all(err);
}

static int verifier_of_user(struct error *err)
{
	int code = privileges_freeze(err);

	return code < 0 ? code : landlock_forbid_all(err);
}

int (*confine_verifier(const struct guest_process_config *config))(struct error *err)
{
	switch (config->confinement) {
	case GUEST_JAILED:
		return verifier_of_jail;
	case GUEST_OF_USER:
		return verifier_of_user;
	default:
		return NULL;
	}
}

/* Threads that serve network cards: the kernel's, which it may count as this process', or ours. */
static unsigned card_threads(const struct guest_process_config *config)
{
	unsigned count = 0;

	for (unsigned i = 0; i < config->definition->network_count; i++) {
		const struct card_fds *fds = &config->resources->networks[i].fds;
		unsigned queues = card_fds_count(fds);

		count += fds->vhost[0] >= 0 || !queues ? queues : queues - 1;
	}
	return count;
}

int confine_process(const struct guest_process_config *config, struct error *err)
{
	struct jail_limits limits = {
		.name = config->definition->name,
		.threads = machine_threads(config->definition) + card_threads(config),
		.locked = machine_locked_memory(config->definition),
		.files = GUEST_FILES,
		.file_size = largest_file(config),
	};

	tzset(); /* gmtime_r(3), for the RTC, would read /etc/localtime when it is first called */
	if (config->confinement == GUEST_JAILED)
		return jail_close(&limits, err);
	return config->confinement == GUEST_OF_USER ? privileges_freeze(err) : 0;
}

/* Its filter is the first thing that a thread gets; without it, it must not go on. */
void confine_thread(const struct guest_process_config *config, enum filter_kind kind)
{
	struct error err;

	if (config->confinement == GUEST_UNCONFINED ||
	    (kind == FILTER_MAIN && config->confinement == GUEST_OF_USER)) /* it may have to start anew */
		return;
	if (filter_install(kind, &err) < 0) {
		log_error("guest %s: %s", config->definition->name, err.text);
		abort();
	}
}
