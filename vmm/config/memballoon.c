#include "vmm/config/memballoon.h"

#define STATS_PERIOD_MAX 3600

static int read_object(const struct json_place *root, struct memballoon_definition *memballoon)
{
	static const char *const keys[] = {"autodeflate", "free_page_reporting", "stats_period", NULL};
	uint64_t period = 0;
	struct json_place place;
	int code = json_object(root, "memballoon", &place);

	if (code < 0 || (code = json_keys(&place, keys)) < 0 ||
	    (code = json_bool(&place, "autodeflate", &memballoon->autodeflate)) < 0 ||
	    (code = json_bool(&place, "free_page_reporting", &memballoon->free_page_reporting)) < 0 ||
	    (code = json_uint(&place, "stats_period", 0, STATS_PERIOD_MAX, &period)) < 0)
		return code;
	memballoon->stats_period = (unsigned)period;
	return 0;
}

static int read_current(const struct json_place *root, uint64_t memory_mib,
			struct memballoon_definition *memballoon)
{
	int code = json_uint(root, "current_memory_mib", WANTS_MEMORY_MIN, WANTS_MEMORY_MAX,
			     &memballoon->current_mib);

	if (code < 0 || !memballoon->current_mib)
		return code;
	if (!memory_mib)
		return json_error(root, "current_memory_mib", "needs memory_mib: what is the most?");
	if (memballoon->current_mib > memory_mib)
		return json_error(root, "current_memory_mib", "is more than memory_mib");
	if (memballoon->current_mib < memory_mib && !memballoon->present)
		return json_error(root, "current_memory_mib",
				  "needs memballoon: only a balloon holds the rest");
	return 0;
}

int memballoon_definition_read(const struct json_place *root, const struct guest_wants *wants,
			       struct memballoon_definition *memballoon)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(root->object, "memballoon");
	int code = 0;

	if (cJSON_IsObject(item))
		code = read_object(root, memballoon);
	else if (item && !cJSON_IsBool(item))
		return json_error(root, "memballoon", "must be true, false or an object: { ... }");
	memballoon->present = cJSON_IsObject(item) || cJSON_IsTrue(item);
	if (code == 0 && memballoon->present && wants->pages != PAGES_NORMAL)
		return json_error(root, "memballoon",
				  "and memory_backing.hugepages exclude each other: huge pages are reserved");
	return code == 0 ? read_current(root, wants->memory_mib, memballoon) : code;
}
