/*
 * Images of the pool as JSON, for whoever shows them:
 *
 *      {"name":"web","size":...,"allocated":...,"content":"ext4","in_use":true,"modified":...,"path":"..."}
 *
 * Sizes are in bytes, `modified` in seconds since 1970.
 */
#pragma once

#include <cjson/cJSON.h>

#include "vmm/storage/pool.h"

/* NULL when out of memory. */
cJSON *pool_image_to_json(const struct pool *pool, const struct pool_image *image);
