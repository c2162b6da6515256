#include "vmm/config/json_memory.h"

#include <cjson/cJSON.h>
#include <stdlib.h>

/* cJSON's allocator is told nothing but a size. */
static _Thread_local bool missed;

static void *allocate(size_t size)
{
	void *memory = malloc(size);

	missed = missed || !memory;
	return memory;
}

void json_memory_watch(void)
{
	cJSON_Hooks hooks = {.malloc_fn = allocate, .free_fn = free};

	cJSON_InitHooks(&hooks);
}

bool json_memory_missed(void)
{
	bool result = missed;

	missed = false;
	return result;
}
