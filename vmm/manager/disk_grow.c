#include "vmm/manager/disk_grow.h"

#include <errno.h>
#include <string.h>

#include "common/log.h"
#include "vmm/manager/guest_hotplug.h"
#include "vmm/storage/pool.h"

#define DIRECT_BLOCK 4096 /* bytes: at most, of storage without the page cache */

/* What is done for each guest that runs with the disk; index: its place among the guest's. */
typedef int (*guest_step)(struct managed_guest *guest, unsigned index, uint64_t size, struct error *err);

/* How many there are, or what the first one refused. */
static int each_guest(struct manager *manager, const char *image, uint64_t size, guest_step step,
		      struct error *err)
{
	int count = 0;
	int code = 0;

	for (unsigned i = 0; i < manager->guest_count; i++) {
		struct managed_guest *guest = manager->guests[i];
		const struct guest_definition *definition = guest->definition;

		for (unsigned j = 0; guest_alive(guest) && j < definition->disk_count && code == 0; j++) {
			if (!definition->disks[j].image || strcmp(definition->disks[j].image, image) != 0)
				continue;
			code = step(guest, j, size, err);
			count++;
		}
	}
	return code < 0 ? code : count;
}

static int step_check(struct managed_guest *guest, unsigned index, uint64_t size, struct error *err)
{
	const struct disk_definition *disk = &guest->definition->disks[index];
	unsigned block = disk->logical_block;

	if (disk_definition_has_backend(disk))
		return error_set(
			err, -EBUSY,
			"disk %s: guest %s has another program serve it, which cannot be told; end the "
			"guest first",
			disk->image, guest->definition->name);
	if (!block && disk_definition_direct(disk))
		block = DIRECT_BLOCK;
	if (block && size % block)
		return error_set(err, -EINVAL,
				 "disk %s: %llu bytes are not whole blocks of %u, which guest %s has of it",
				 disk->image, (unsigned long long)size, block, guest->definition->name);
	return guest_raise_file_limit(guest, size, err);
}

static int step_tell(struct managed_guest *guest, unsigned index, uint64_t size, struct error *err)
{
	struct error why;

	(void)err;
	/* The file has grown by now: a guest that does not hear of it sees it when it starts next. */
	if (guest_hotplug_resize(guest, index, size, &why) < 0)
		log_warning("%s", why.text);
	else
		events_add(guest->manager->events, "disk-resized", guest->definition->name,
			   guest->definition->disks[index].image);
	return 0;
}

int disk_grow(struct manager *manager, const char *image, uint64_t size, struct error *err)
{
	struct pool pool;
	int code = pool_size_check(size, err);

	if (code == 0)
		code = each_guest(manager, image, size, step_check, err);
	if (code <= 0)
		return code;
	code = pool_open(manager->settings, false, &pool, err);
	if (code < 0)
		return code;
	code = pool_grow_used(&pool, image, size, err);
	pool_close(&pool);
	return code < 0 ? code : each_guest(manager, image, size, step_tell, err);
}
