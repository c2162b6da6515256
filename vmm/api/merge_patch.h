/* application/merge-patch+json (RFC 7396): a document like the one to change, of what is to be other; null:
 * to be gone. */
#pragma once

#include <cjson/cJSON.h>

#define MERGE_PATCH_MEMBERS_MAX 512 /* of one object; looking them up costs their square */

/* Changes target, an object, as patch, an object, wants it. -E2BIG, -ENOMEM: it is half done. */
int merge_patch(cJSON *target, const cJSON *patch);
