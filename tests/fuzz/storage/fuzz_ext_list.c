/* What debugfs lists of a hostile file system: names that are handed out can be put into a request. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/storage/ext_files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(void *owner, const struct ext_entry *entry)
{
	(void)owner;
	if (!entry->name[0] || strlen(entry->name) >= EXT_NAME_MAX || strpbrk(entry->name, "/ \"'\n\t\033"))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	memcpy(text, data, size);
	text[size] = '\0';
	ext_list_parse(text, check, NULL);
	free(text);
	return 0;
}
