/*
 * JSON that is made when there is no memory. cJSON leaves out what it cannot allocate, and only the caller of
 * each single call could see it. So its allocations are watched, and what was made is looked at once, where
 * it leaves the process:
 *
 *      json_memory_missed();           forget what was before
 *      ... cJSON_Add... as many as there are
 *      if (json_memory_missed())       a part of it may be missing: it must not be sent, nor written
 *
 * That goes for text that does not parse, too: it may be well.
 *
 * json_memory_watch is called once, before any JSON is made. What was missed is counted for each thread by
 * itself.
 */
#pragma once

#include <stdbool.h>

void json_memory_watch(void);
/* Whether memory was missing since this thread asked last. */
bool json_memory_missed(void);
