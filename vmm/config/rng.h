/*
 * A guest's entropy device, as its definition has it: "rng" (docs/configuration.md). The words are libvirt's
 * (format domain, "Random number generator device"): at most `bytes` in each `period`. Part of definition.h.
 */
#pragma once

#include "common/rate_limiter.h"
#include "vmm/config/json.h"

struct rng_definition {
	bool present;
	struct rate rate; /* bytes; of zeros: no limit */
};

/* "rng": true, false or an object. */
int rng_definition_read(const struct json_place *root, struct rng_definition *rng);
