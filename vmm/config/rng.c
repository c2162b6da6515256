#include "vmm/config/rng.h"

#define PERIOD_MS     1000
#define PERIOD_MAX_MS 3600000
#define MS_PER_SECOND 1000

/* What is less than a byte a second would be none. */
static int read_rate(const struct json_place *rng, struct rate *rate)
{
	static const char *const keys[] = {"bytes", "period", NULL};
	uint64_t bytes = 0, period = PERIOD_MS;
	struct json_place place;
	int code = json_object(rng, "rate", &place);

	if (code < 0 || !place.object)
		return code;
	if ((code = json_keys(&place, keys)) < 0 ||
	    (code = json_uint(&place, "bytes", 1, UINT32_MAX, &bytes)) < 0 ||
	    (code = json_uint(&place, "period", 1, PERIOD_MAX_MS, &period)) < 0)
		return code;
	if (!bytes)
		return json_error(&place, "bytes", "is missing: how many in each period?");
	*rate = (struct rate){.rate = bytes * MS_PER_SECOND / period, .burst = bytes};
	if (rate->rate == 0 || rate->rate > RATE_MAX)
		return json_error(&place, "bytes", "must be from 1 to %llu a second",
				  (unsigned long long)RATE_MAX);
	return 0;
}

int rng_definition_read(const struct json_place *root, struct rng_definition *rng)
{
	static const char *const keys[] = {"rate", NULL};
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(root->object, "rng");
	struct json_place place;
	int code;

	if (!item)
		return 0;
	if (cJSON_IsBool(item)) {
		rng->present = cJSON_IsTrue(item);
		return 0;
	}
	if (!cJSON_IsObject(item))
		return json_error(root, "rng", "must be true, false or an object: { ... }");
	rng->present = true;
	code = json_object(root, "rng", &place);
	if (code == 0)
		code = json_keys(&place, keys);
	if (code == 0 && !cJSON_HasObjectItem(item, "rate"))
		code = json_error(&place, "rate", "is missing; without one: true");
	return code == 0 ? read_rate(&place, &rng->rate) : code;
}
