/*
 * A bzImage from nowhere. The first byte of the input is the protocol asked for; what follows is the file.
 * The payload's magic number picks the decompressor, so that each is reached from its seed.
 */
#include <stdbool.h>

#include "hypervisor/boot/boot.h"
#include "tests/fuzz/boot/fuzz_ram.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct guest_memory *memory = fuzz_ram();
	struct error err = {0};
	struct boot_entry entry;
	struct boot_source source = {.name = "fuzz", .cmdline = "quiet"};

	if (size == 0)
		return 0;
	source.protocol = data[0] % (BOOT_PROTOCOL_BZIMAGE + 1);
	source.kernel = data + 1;
	source.kernel_size = size - 1;
	if (boot_load(memory, &source, &entry, &err))
		require(err.text[0]);
	else
		require(guest_memory_at(memory, entry.rip, 1));
	return 0;
}
