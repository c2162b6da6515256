/* Command lines put together from the input's lines: always terminated, never longer than they may be, never
 * shorter than before. */
#include <stdbool.h>
#include <string.h>

#include "hypervisor/boot/cmdline.h"
#include "tests/fuzz/boot/fuzz_ram.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	struct cmdline line;
	char *rest = text;
	char *part;

	cmdline_init(&line);
	while ((part = strsep(&rest, "\n"))) {
		size_t before = line.length;
		struct error err = {0};

		if (cmdline_append(&line, part, &err)) {
			require(err.text[0]);
			require(line.length == before);
		} else {
			require(line.length >= before + strlen(part));
		}
		require(line.length < CMDLINE_CAPACITY);
		require(strlen(line.text) == line.length);
	}
	if (cmdline_load(fuzz_ram(), "fuzz", line.text, CMDLINE_MAX_ELF, NULL) == 0)
		require(line.length <= CMDLINE_MAX_ELF);
	free(text);
	return 0;
}
