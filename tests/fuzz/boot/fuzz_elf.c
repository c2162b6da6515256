/* An ELF file from nowhere: parsed, then booted in every way; and placed flat, as if it came out of a
 * bzImage. */
#include <stdbool.h>
#include <string.h>

#include "hypervisor/boot/boot.h"
#include "hypervisor/boot/elf.h"
#include "tests/fuzz/boot/fuzz_ram.h"

/* After a flat load every segment must be what it is after a load from a buffer. */
static void compare_flat(const struct guest_memory *memory, const uint8_t *data, size_t size)
{
	struct elf_kernel kernel;
	uint64_t address;
	uint8_t *place;

	if (elf_parse("fuzz", data, size, &kernel, NULL) ||
	    !elf_flat_address(data, MIN(size, (size_t)ELF_HEAD_SIZE), size, &address))
		return;
	place = guest_memory_at(memory, address, size);
	if (!place)
		return;
	memcpy(place, data, size);
	if (elf_load(memory, "fuzz", place, &kernel, NULL))
		return;
	for (unsigned i = 0; i < kernel.count; i++) {
		const struct elf_segment *segment = &kernel.segments[i];

		require(!memcmp(guest_memory_at(memory, segment->address, segment->memory_size),
				data + segment->offset, segment->file_size));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct guest_memory *memory = fuzz_ram();

	for (int protocol = BOOT_PROTOCOL_AUTO; protocol <= BOOT_PROTOCOL_BZIMAGE; protocol++) {
		struct boot_source source = {
			.name = "fuzz",
			.kernel = data,
			.kernel_size = size,
			.initrd = data,
			.initrd_size = size,
			.cmdline = "quiet",
			.protocol = protocol,
		};
		struct error err = {0};
		struct boot_entry entry;

		if (boot_load(memory, &source, &entry, &err))
			require(err.text[0]);
		else
			require(guest_memory_at(memory, entry.rip, 1));
	}
	compare_flat(memory, data, size);
	return 0;
}
