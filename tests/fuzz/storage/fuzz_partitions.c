/* What sfdisk prints of a hostile disk: every partition that is handed out lies on the disk. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/storage/partitions.h"

#define DISK_SIZE (UINT64_C(1) << 30)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct partition list[PARTITIONS_MAX];
	struct error err = {0};
	char *text = malloc(size + 1);
	unsigned count = 0;

	memcpy(text, data, size);
	text[size] = '\0';
	if (partitions_parse("fuzz", text, DISK_SIZE, list, &count, &err) < 0) {
		if (!err.text[0])
			abort();
		count = 0;
	}
	for (unsigned i = 0; i < count; i++) {
		if (list[i].start > DISK_SIZE || list[i].size > DISK_SIZE - list[i].start ||
		    strspn(list[i].uuid, "0123456789abcdef-") != strlen(list[i].uuid))
			abort();
	}
	free(text);
	return 0;
}
