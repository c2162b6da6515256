/* The host's files: any text in them gives a list of CPUs or memory that is within its bounds, or nothing.
 * The first byte chooses which parser reads the rest. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/config/cpu_set.h"
#include "vmm/plan/inventory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_cpu_set(const char *text)
{
	struct cpu_set set, again;
	char written[CPU_SET_TEXT_MAX];

	if (cpu_set_parse(text, &set) < 0)
		return;
	cpu_set_format(&set, written);
	if (cpu_set_parse(written, &again) < 0 || !cpu_set_equal(&set, &again))
		abort();
}

static void fuzz_meminfo(const char *text)
{
	uint64_t mib = 0;

	if (inventory_parse_meminfo(text, "MemTotal", &mib) == 0 && mib > 1ULL << 30)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (size == 0)
		return 0;
	text = malloc(size);
	if (!text)
		abort();
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	if (data[0] == 'm')
		fuzz_meminfo(text);
	else
		fuzz_cpu_set(text);
	free(text);
	return 0;
}
