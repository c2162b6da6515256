/*
 * What guests printed on their consoles, in pieces that fit a line of the control
 * protocol:
 *
 *      {"text":"...","next":8192,"more":true}
 *
 * `text` is what the guest printed, zeroes left out, and U+FFFD for what is not UTF-8; then `base64` has the
 * bytes as they are. A letter is not divided among two pieces. Who asks again from `next` on gets what
 * follows; `more` says that it is there already. Places count all that the guest ever printed; what is from a
 * place that the log has no more, or not yet, begins with the oldest that it has (vmm/guest/console_log.h).
 * Loop thread only.
 */
#pragma once

#include <cjson/cJSON.h>
#include <stdint.h>

#include "common/error.h"

#define LOGS_PIECE 8192 /* bytes; control characters are six in JSON */

/* A piece from byte `from` on; a log that is not there is empty. */
int logs_read(const char *folder, uint64_t from, cJSON **piece, struct error *err);
/* Where the newest `lines` lines begin. */
int logs_find(const char *folder, uint64_t lines, uint64_t *from, struct error *err);
