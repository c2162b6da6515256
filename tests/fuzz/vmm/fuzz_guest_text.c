/* A guest's bytes for a terminal: whatever they are, no control character but \n, \r and \t comes through. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/cli/table.h"
#include "vmm/cli/visible.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *text, size_t len, const char *allowed)
{
	for (size_t i = 0; i < len; i++) {
		uint8_t byte = (uint8_t)text[i];

		if ((byte < ' ' && !strchr(allowed, byte)) || byte == 0x7f)
			abort();
		/* U+0080 to U+009f */
		if (byte == 0xc2 && i + 1 < len && (uint8_t)text[i + 1] < 0xa0)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct visible visible;
	char *text = malloc(size + 1);
	char *shown = NULL;
	char *clean;
	size_t len = 0;
	FILE *file = open_memstream(&shown, &len);

	setenv("LC_ALL", "C.UTF-8", 1);
	memcpy(text, data, size);
	text[size] = '\0';
	clean = table_printable(text);
	check(clean, strlen(clean), "");
	visible_start(&visible, true);
	visible_write(&visible, text, file);
	fclose(file);
	check(shown, len, "\n\r\t");
	free(clean);
	free(shown);
	free(text);
	return 0;
}
