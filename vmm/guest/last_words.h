/*
 * What a guest process says when it ends, for whichever manager is there then: one JSON object in a file of
 * fixed size (fixed_file.h), with zeroes behind it.
 *
 *      {"end":"powered-off","why":"...","registers":"...","console":"last lines","report":"..."}
 *
 * The manager reads it with distrust (vmm/manager/guest_words.h).
 */
#pragma once

#include <cjson/cJSON.h>

#include "common/error.h"

#define LAST_WORDS_NAME "end.json"
#define LAST_WORDS_SIZE 65536

/* In the guest process. memory: the file's, LAST_WORDS_SIZE bytes. -E2BIG, -ENOMEM, -ENOSPC. */
int last_words_write(char *memory, const cJSON *words);
/* In the manager. The text is the caller's to free. -ENOENT, -ENOMEM. */
int last_words_read(const char *path, char **text);
