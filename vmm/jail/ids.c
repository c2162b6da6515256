#include "vmm/jail/ids.h"

#include <errno.h>
#include <stdbool.h>

int guest_ids_check(const struct guest_ids *ids, struct error *err)
{
	uint64_t last = (uint64_t)ids->first + ids->count - 1;

	if (ids->count == 0)
		return error_set(err, -EINVAL, "count must be at least 1");
	if (ids->first == 0)
		return error_set(err, -EINVAL, "first must not be 0, which is root");
	if (ids->count > GUEST_IDS_MAX)
		return error_set(err, -EINVAL, "count must be at most %u", GUEST_IDS_MAX);
	if (last >= UINT32_MAX)
		return error_set(err, -EINVAL, "first and count go beyond the last user id, %u",
				 UINT32_MAX - 1);
	return 0;
}

static bool is_used(uint32_t place, const int *used, unsigned used_count)
{
	for (unsigned i = 0; i < used_count; i++) {
		if (used[i] >= 0 && (uint32_t)used[i] == place)
			return true;
	}
	return false;
}

int guest_ids_take(const struct guest_ids *ids, const int *used, unsigned used_count, struct error *err)
{
	for (uint32_t place = 0; place < ids->count; place++) {
		if (!is_used(place, used, used_count))
			return (int)place;
	}
	return error_set(
		err, -ENOSPC,
		"all %u user ids for guests (from %u on) are in use; a larger \"guest_ids\" in vmm.json "
		"has more",
		ids->count, ids->first);
}
