#include "hypervisor/boot/elf.h"

#include <byteswap.h>
#include <errno.h>
#include <stdlib.h>

#include "tests/unit/boot/guest_ram.h"
#include "tests/unit/boot/kernel_files.h"

static int parse(const struct vmlinux *file, struct elf_kernel *kernel, struct error *err)
{
	return elf_parse("vmlinux", (const uint8_t *)file, sizeof(*file), kernel, err);
}

static void assert_parse_refused(const struct vmlinux *file, const char *sentence)
{
	struct elf_kernel kernel;
	struct error err;

	assert_refused(parse(file, &kernel, &err), -EINVAL, err, sentence);
}

Test(elf, headers_are_read)
{
	struct elf_kernel kernel;
	struct vmlinux file;

	vmlinux_init(&file);
	cr_assert_eq(parse(&file, &kernel, NULL), 0);
	cr_assert_eq(kernel.entry, VMLINUX_ENTRY);
	cr_assert_eq(kernel.pvh_entry, VMLINUX_PVH_ENTRY);
	cr_assert_eq(kernel.end, VMLINUX_END);
	cr_assert_eq(kernel.count, 2);
}

Test(elf, segments_land_at_their_physical_addresses)
{
	struct guest_memory memory = guest_ram_create(MIB(32));
	struct elf_kernel kernel;
	struct vmlinux file;

	vmlinux_init(&file);
	cr_assert_eq(parse(&file, &kernel, NULL), 0);
	cr_assert_eq(elf_load(&memory, "vmlinux", (uint8_t *)&file, &kernel, NULL), 0);
	cr_assert_arr_eq(guest_memory_at(&memory, VMLINUX_TEXT_ADDRESS, VMLINUX_TEXT_SIZE),
			 (uint8_t *)&file + VMLINUX_TEXT_OFFSET, VMLINUX_TEXT_SIZE);
	cr_assert_arr_eq(guest_memory_at(&memory, VMLINUX_DATA_ADDRESS, VMLINUX_DATA_SIZE),
			 (uint8_t *)&file + VMLINUX_DATA_OFFSET, VMLINUX_DATA_SIZE);
	guest_ram_destroy(&memory);
}

static void assert_rest_is_zeroed(int fd)
{
	struct guest_memory memory = guest_ram_create(MIB(32));
	struct elf_kernel kernel;
	struct vmlinux file;
	const uint8_t *rest;

	vmlinux_init(&file);
	if (fd < 0)
		memory.fd = -1;
	memset(guest_memory_at(&memory, 0, MIB(32)), 0xff, MIB(32));
	cr_assert_eq(parse(&file, &kernel, NULL), 0);
	cr_assert_eq(elf_load(&memory, "vmlinux", (uint8_t *)&file, &kernel, NULL), 0);
	rest = guest_memory_at(&memory, VMLINUX_DATA_ADDRESS + VMLINUX_DATA_SIZE, MIB(1));
	for (size_t i = 0; i < VMLINUX_DATA_MEMORY - VMLINUX_DATA_SIZE; i++)
		cr_assert_eq(rest[i], 0, "byte %zu", i);
	cr_assert_eq(rest[VMLINUX_DATA_MEMORY - VMLINUX_DATA_SIZE], 0xff,
		     "the byte behind the kernel changed");
	cr_assert_eq(rest[-1], file.data[VMLINUX_DATA_SIZE - 1]);
}

Test(elf, rest_of_a_segment_is_zeroed_over_what_was_there)
{
	assert_rest_is_zeroed(0);
}

Test(elf, rest_is_zeroed_in_memory_without_a_memfd)
{
	assert_rest_is_zeroed(-1);
}

Test(elf, pvh_note_may_hold_4_bytes)
{
	struct elf_kernel kernel;
	struct vmlinux file;

	vmlinux_init(&file);
	file.note.header.n_descsz = 4;
	file.program[VMLINUX_NOTE].p_filesz -= 4;
	cr_assert_eq(parse(&file, &kernel, NULL), 0);
	cr_assert_eq(kernel.pvh_entry, VMLINUX_PVH_ENTRY);
}

Test(elf, note_of_another_vendor_is_no_pvh_entry)
{
	struct elf_kernel kernel;
	struct vmlinux file;

	vmlinux_init(&file);
	memcpy(file.note.name, "GNU", 4);
	cr_assert_eq(parse(&file, &kernel, NULL), 0);
	cr_assert_eq(kernel.pvh_entry, 0);
}

Test(elf, pvh_note_is_found_behind_others)
{
	struct {
		Elf64_Nhdr header;
		char name[8];        /* 5 bytes, padded */
		char description[4]; /* 3 bytes, padded */
		struct vmlinux_note note;
	} notes = {
		.header = {.n_namesz = 5, .n_descsz = 3, .n_type = 1}, .name = "Lots", .description = "no"};
	struct elf_kernel kernel;
	struct vmlinux file;

	vmlinux_init(&file);
	memcpy(&notes.note, &file.note, sizeof(file.note));
	memcpy(file.text + 256, &notes, sizeof(notes));
	memset(&file.note, 0, sizeof(file.note));
	file.program[VMLINUX_NOTE].p_offset = VMLINUX_TEXT_OFFSET + 256;
	file.program[VMLINUX_NOTE].p_filesz = 12 + 8 + 4 + sizeof(file.note);
	cr_assert_eq(parse(&file, &kernel, NULL), 0);
	cr_assert_eq(kernel.pvh_entry, VMLINUX_PVH_ENTRY);
}

Test(elf, kernel_of_another_architecture_is_refused_by_name)
{
	struct vmlinux file;

	vmlinux_init(&file);
	file.header.e_machine = EM_AARCH64;
	assert_parse_refused(&file, "kernel vmlinux: is for aarch64, this host runs x86-64 kernels");
	file.header.e_machine = EM_386;
	file.header.e_ident[EI_CLASS] = ELFCLASS32;
	assert_parse_refused(&file, "kernel vmlinux: is for 32-bit x86, this host runs x86-64 kernels");
	file.header.e_machine = bswap_16(EM_S390);
	file.header.e_ident[EI_DATA] = ELFDATA2MSB;
	assert_parse_refused(&file, "kernel vmlinux: is for s390, this host runs x86-64 kernels");
	file.header.e_machine = 0x7777;
	assert_parse_refused(&file,
			     "kernel vmlinux: is for an unknown architecture, this host runs x86-64 kernels");
}

Test(elf, other_classes_and_types_are_refused)
{
	struct vmlinux file;

	vmlinux_init(&file);
	file.header.e_ident[EI_CLASS] = ELFCLASS32;
	assert_parse_refused(&file,
			     "kernel vmlinux: is no 64-bit little-endian ELF file as x86-64 kernels are");
	vmlinux_init(&file);
	file.header.e_type = ET_DYN;
	assert_parse_refused(
		&file, "kernel vmlinux: is a shared object, not an executable kernel; use the vmlinux file");
	file.header.e_type = ET_REL;
	assert_parse_refused(
		&file, "kernel vmlinux: is an object file, not an executable kernel; use the vmlinux file");
}

Test(elf, anything_else_is_no_elf_file)
{
	struct vmlinux file;

	vmlinux_init(&file);
	file.header.e_ident[0] = 'M';
	assert_parse_refused(&file, "kernel vmlinux: is no ELF file");
}

Test(elf, unusable_program_headers_are_refused)
{
	static const char no_table[] = "kernel vmlinux: has no usable table of program headers";
	static const char outside[] = "kernel vmlinux: its program headers lie behind the end of the file";
	struct vmlinux file;

	vmlinux_init(&file);
	file.header.e_phentsize = 32;
	assert_parse_refused(&file, no_table);
	vmlinux_init(&file);
	file.header.e_phnum = 0;
	assert_parse_refused(&file, no_table);
	file.header.e_phnum = PN_XNUM;
	assert_parse_refused(&file, no_table);
	file.header.e_phnum = 1000;
	assert_parse_refused(&file, outside);
	vmlinux_init(&file);
	file.header.e_phoff = UINT64_MAX - 8;
	assert_parse_refused(&file, outside);
}

Test(elf, segment_behind_the_end_of_the_file_is_refused)
{
	static const char sentence[] = "kernel vmlinux: segment 1 lies behind the end of the file";
	struct vmlinux file;

	vmlinux_init(&file);
	file.program[VMLINUX_DATA].p_filesz++;
	assert_parse_refused(&file, sentence);
	vmlinux_init(&file);
	file.program[VMLINUX_DATA].p_offset = UINT64_MAX;
	assert_parse_refused(&file, sentence);
}

Test(elf, segment_larger_in_the_file_than_in_memory_is_refused)
{
	struct vmlinux file;

	vmlinux_init(&file);
	file.program[VMLINUX_DATA].p_memsz = VMLINUX_DATA_SIZE - 1;
	assert_parse_refused(&file, "kernel vmlinux: segment 1 is larger in the file than in memory");
}

Test(elf, segment_that_wraps_around_or_lies_low_is_refused)
{
	struct vmlinux file;

	vmlinux_init(&file);
	file.program[VMLINUX_DATA].p_paddr = 0xfffffffffffff000;
	assert_parse_refused(
		&file, "kernel vmlinux: segment 1 wants the addresses 0xfffffffffffff000 + 0x5000, kernels "
		       "go above 1 MiB");
	file.program[VMLINUX_DATA].p_paddr = LAYOUT_BOOT_PARAMS;
	assert_parse_refused(
		&file,
		"kernel vmlinux: segment 1 wants the addresses 0x7000 + 0x5000, kernels go above 1 MiB");
}

Test(elf, overlapping_segments_are_refused)
{
	struct vmlinux file;

	vmlinux_init(&file);
	file.program[VMLINUX_DATA].p_paddr = VMLINUX_TEXT_ADDRESS + VMLINUX_TEXT_SIZE - 1;
	assert_parse_refused(&file, "kernel vmlinux: segment 1 overlaps another in memory");
	file.program[VMLINUX_DATA].p_paddr = VMLINUX_TEXT_ADDRESS - VMLINUX_DATA_MEMORY + 1;
	assert_parse_refused(&file, "kernel vmlinux: segment 1 overlaps another in memory");
}

Test(elf, more_segments_than_any_kernel_has_are_refused)
{
	struct vmlinux file;

	vmlinux_init(&file);
	file.header.e_phnum = ELF_SEGMENTS_MAX + 1;
	for (unsigned i = 0; i <= ELF_SEGMENTS_MAX; i++) {
		file.program[i] = file.program[VMLINUX_TEXT];
		file.program[i].p_paddr = VMLINUX_TEXT_ADDRESS + i * VMLINUX_TEXT_SIZE;
	}
	assert_parse_refused(&file, "kernel vmlinux: has more than 32 segments");
	file.header.e_phnum = ELF_SEGMENTS_MAX;
	cr_assert_eq(parse(&file, &(struct elf_kernel){0}, NULL), 0);
}

Test(elf, file_with_nothing_to_load_is_refused)
{
	struct vmlinux file;

	vmlinux_init(&file);
	file.program[VMLINUX_TEXT].p_type = PT_NULL;
	file.program[VMLINUX_DATA].p_memsz = 0;
	file.program[VMLINUX_DATA].p_filesz = 0;
	assert_parse_refused(&file, "kernel vmlinux: has nothing to load");
}

Test(elf, entry_outside_the_kernel_is_refused)
{
	struct vmlinux file;

	vmlinux_init(&file);
	file.header.e_entry = VMLINUX_END;
	assert_parse_refused(&file, "kernel vmlinux: its entry point 0x1008000 lies in no segment");
	vmlinux_init(&file);
	file.note.entry = 0x10;
	assert_parse_refused(&file, "kernel vmlinux: its PVH entry point 0x10 lies in no segment");
}

Test(elf, damaged_notes_are_refused)
{
	static const char sentence[] = "kernel vmlinux: its ELF notes are damaged";
	struct vmlinux file;

	vmlinux_init(&file);
	file.note.header.n_descsz = 0xffffffff;
	assert_parse_refused(&file, sentence);
	vmlinux_init(&file);
	file.note.header.n_namesz = 0xffffffff;
	assert_parse_refused(&file, sentence);
	vmlinux_init(&file);
	file.note.header.n_descsz = 2;
	assert_parse_refused(&file, sentence);
	vmlinux_init(&file);
	file.program[VMLINUX_NOTE].p_offset = sizeof(file) - 4;
	assert_parse_refused(&file, sentence);
}

Test(elf, every_truncation_is_refused)
{
	struct elf_kernel kernel;
	struct vmlinux file;
	struct error err;

	vmlinux_init(&file);
	for (size_t size = 0; size < sizeof(file); size++) {
		uint8_t *part = malloc(size); /* of this size, so that a sanitizer sees any read behind it */

		memcpy(part, &file, size);
		err.text[0] = '\0';
		cr_assert_eq(elf_parse("vmlinux", part, size, &kernel, &err), -EINVAL, "%zu bytes", size);
		cr_assert_neq(err.text[0], '\0');
		free(part);
	}
}

Test(elf, every_flipped_bit_in_the_headers_is_survived)
{
	struct guest_memory memory = guest_ram_create(MIB(32));
	const size_t headers = sizeof(Elf64_Ehdr) + VMLINUX_PROGRAMS * sizeof(Elf64_Phdr);
	struct elf_kernel kernel;
	struct vmlinux file;

	for (size_t bit = 0; bit < headers * 8; bit++) {
		struct error err = {0};
		uint64_t address;

		vmlinux_init(&file);
		((uint8_t *)&file)[bit / 8] ^= 1 << bit % 8;
		elf_flat_address((uint8_t *)&file, ELF_HEAD_SIZE, sizeof(file), &address);
		if (parse(&file, &kernel, &err) ||
		    elf_load(&memory, "vmlinux", (uint8_t *)&file, &kernel, &err))
			cr_assert_neq(err.text[0], '\0', "bit %zu", bit);
	}
	guest_ram_destroy(&memory);
}

Test(elf, kernel_larger_than_guest_memory_is_refused)
{
	struct guest_memory memory = guest_ram_create(VMLINUX_END - 1);
	struct elf_kernel kernel;
	struct vmlinux file;
	struct error err;

	vmlinux_init(&file);
	cr_assert_eq(parse(&file, &kernel, NULL), 0);
	assert_refused(elf_load(&memory, "vmlinux", (uint8_t *)&file, &kernel, &err), -ENOMEM, err,
		       "kernel vmlinux: needs guest memory up to 17 MiB, the guest has 16 MiB; give it more");
	guest_ram_destroy(&memory);
}

/* Puts the whole file where elf_flat_address says, loads it from there and looks whether all is in place. */
static void assert_loads_flat(struct vmlinux *file)
{
	struct guest_memory memory = guest_ram_create(MIB(32));
	struct elf_kernel kernel;
	uint64_t address;
	uint8_t *place;

	cr_assert(elf_flat_address((uint8_t *)file, ELF_HEAD_SIZE, sizeof(*file), &address));
	cr_assert_eq(address, VMLINUX_TEXT_ADDRESS - VMLINUX_TEXT_OFFSET);
	place = guest_memory_at(&memory, address, sizeof(*file));
	memcpy(place, file, sizeof(*file));
	cr_assert_eq(elf_parse("vmlinux", place, sizeof(*file), &kernel, NULL), 0);
	cr_assert_eq(elf_load(&memory, "vmlinux", place, &kernel, NULL), 0);
	for (unsigned i = 0; i < file->header.e_phnum; i++) {
		const Elf64_Phdr *program = &file->program[i];

		if (program->p_type == PT_LOAD)
			cr_assert_arr_eq(guest_memory_at(&memory, program->p_paddr, program->p_filesz),
					 (uint8_t *)file + program->p_offset, program->p_filesz);
	}
	guest_ram_destroy(&memory);
}

Test(elf, flat_file_is_moved_up_without_loss)
{
	struct vmlinux file;

	vmlinux_init(&file);
	assert_loads_flat(&file);
}

/* Three segments that follow each other in the file; the last two overlap their own old places. */
static void split_data(struct vmlinux *file, int64_t distance)
{
	file->program[VMLINUX_TEXT].p_filesz = 0x800;
	file->program[VMLINUX_TEXT].p_memsz = 0x800;
	file->program[VMLINUX_NOTE] = file->program[VMLINUX_TEXT];
	file->program[VMLINUX_NOTE].p_offset = VMLINUX_DATA_OFFSET - 0x400;
	file->program[VMLINUX_NOTE].p_paddr = VMLINUX_TEXT_ADDRESS + 0xc00 + distance;
	file->program[VMLINUX_NOTE].p_filesz = 0x400;
	file->program[VMLINUX_NOTE].p_memsz = 0x400;
	file->program[VMLINUX_DATA].p_paddr = VMLINUX_TEXT_ADDRESS + 0x1000 + distance;
	file->program[VMLINUX_DATA].p_memsz = VMLINUX_DATA_SIZE;
}

Test(elf, flat_file_whose_segments_overlap_their_old_places_is_moved_without_loss)
{
	struct vmlinux file;

	vmlinux_init(&file);
	split_data(&file, 0x100);
	assert_loads_flat(&file);
	vmlinux_init(&file);
	split_data(&file, -0x100);
	assert_loads_flat(&file);
}

Test(elf, flat_file_with_a_still_segment_behind_a_moved_one_is_moved_without_loss)
{
	struct vmlinux file;

	vmlinux_init(&file);
	split_data(&file, 0x100);
	file.program[VMLINUX_NOTE].p_memsz = file.program[VMLINUX_NOTE].p_filesz = 0x200;
	file.program[VMLINUX_DATA].p_paddr = VMLINUX_TEXT_ADDRESS + 0x1000;
	assert_loads_flat(&file);
}

static void assert_not_flat(const struct vmlinux *file)
{
	uint64_t address;

	cr_assert_not(elf_flat_address((const uint8_t *)file, ELF_HEAD_SIZE, sizeof(*file), &address));
}

Test(elf, files_that_cannot_be_moved_in_place_are_not_flat)
{
	struct vmlinux file;

	vmlinux_init(&file);
	split_data(&file, 0x100);
	file.program[VMLINUX_NOTE].p_paddr -= 0x200; /* down, the next one up */
	assert_not_flat(&file);

	vmlinux_init(&file);
	file.program[VMLINUX_DATA].p_offset -= 0x100; /* bytes used twice */
	assert_not_flat(&file);

	vmlinux_init(&file);
	file.program[VMLINUX_TEXT].p_paddr = LAYOUT_KERNEL; /* the headers would lie below 1 MiB */
	assert_not_flat(&file);

	vmlinux_init(&file);
	file.header.e_machine = EM_AARCH64;
	assert_not_flat(&file);
}

Test(elf, headers_behind_the_head_are_not_flat)
{
	struct vmlinux file;
	uint64_t address;

	vmlinux_init(&file);
	cr_assert_not(elf_flat_address((uint8_t *)&file, sizeof(Elf64_Ehdr) + 10, sizeof(file), &address));
}
