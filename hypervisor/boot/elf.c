#include "hypervisor/boot/elf.h"

#include <byteswap.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <xen/elfnote.h>

#include "common/util.h"
#include "hypervisor/x86_64/layout.h"

#define XEN_NOTE_NAME "Xen"
#define PAGE_SIZE     4096ULL

/* The file, as far as it is at hand: elf_flat_address sees only the head of it. */
struct elf_file {
	const char *name;
	const uint8_t *data;
	uint64_t available;
	uint64_t size;
};

bool elf_probe(const uint8_t *data, size_t size)
{
	return size >= SELFMAG && !memcmp(data, ELFMAG, SELFMAG);
}

static bool range_inside(uint64_t offset, uint64_t size, uint64_t whole)
{
	return offset <= whole && size <= whole - offset;
}

static const char *machine_name(uint16_t machine)
{
	static const struct {
		uint16_t machine;
		const char *name;
	} names[] = {
		{EM_386, "32-bit x86"}, {EM_AARCH64, "aarch64"}, {EM_ARM, "arm"},   {EM_RISCV, "riscv"},
		{EM_PPC64, "ppc64"},    {EM_PPC, "ppc"},         {EM_S390, "s390"}, {EM_MIPS, "mips"},
		{EM_IA_64, "ia64"},     {EM_SPARCV9, "sparc64"}, {EM_68K, "m68k"},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		if (names[i].machine == machine)
			return names[i].name;
	}
	return "an unknown architecture";
}

static const char *type_name(uint16_t type)
{
	switch (type) {
	case ET_REL:
		return "an object file";
	case ET_DYN:
		return "a shared object";
	case ET_CORE:
		return "a core dump";
	default:
		return "of an unknown type";
	}
}

static int check_target(const struct elf_file *file, const Elf64_Ehdr *header, struct error *err)
{
	bool big_endian = header->e_ident[EI_DATA] == ELFDATA2MSB;
	uint16_t machine = big_endian ? bswap_16(header->e_machine) : header->e_machine;

	if (machine != EM_X86_64)
		return error_set(err, -EINVAL, "kernel %s: is for %s, this host runs x86-64 kernels",
				 file->name, machine_name(machine));
	if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB)
		return error_set(err, -EINVAL,
				 "kernel %s: is no 64-bit little-endian ELF file as x86-64 kernels are",
				 file->name);
	if (header->e_type != ET_EXEC)
		return error_set(err, -EINVAL,
				 "kernel %s: is %s, not an executable kernel; use the vmlinux file",
				 file->name, type_name(header->e_type));
	return 0;
}

static int read_header(const struct elf_file *file, Elf64_Ehdr *header, struct error *err)
{
	uint64_t table_size;
	int code;

	if (!elf_probe(file->data, file->available))
		return error_set(err, -EINVAL, "kernel %s: is no ELF file", file->name);
	if (file->available < sizeof(*header))
		return error_set(err, -EINVAL, "kernel %s: ends inside its ELF header", file->name);
	memcpy(header, file->data, sizeof(*header));
	code = check_target(file, header, err);
	if (code)
		return code;
	if (header->e_phentsize != sizeof(Elf64_Phdr) || header->e_phnum == 0 || header->e_phnum == PN_XNUM)
		return error_set(err, -EINVAL, "kernel %s: has no usable table of program headers",
				 file->name);
	table_size = (uint64_t)header->e_phnum * sizeof(Elf64_Phdr);
	if (!range_inside(header->e_phoff, table_size, file->available))
		return error_set(err, -EINVAL,
				 "kernel %s: its program headers lie behind the end of the file", file->name);
	return 0;
}

static Elf64_Phdr program_header(const struct elf_file *file, const Elf64_Ehdr *header, unsigned index)
{
	Elf64_Phdr program;

	memcpy(&program, file->data + header->e_phoff + index * sizeof(program), sizeof(program));
	return program;
}

static int check_segment(const struct elf_file *file, const struct elf_kernel *kernel,
			 const struct elf_segment *new, unsigned index, struct error *err)
{
	uint64_t end;

	if (!range_inside(new->offset, new->file_size, file->size))
		return error_set(err, -EINVAL, "kernel %s: segment %u lies behind the end of the file",
				 file->name, index);
	if (new->file_size > new->memory_size)
		return error_set(err, -EINVAL, "kernel %s: segment %u is larger in the file than in memory",
				 file->name, index);
	if (__builtin_add_overflow(new->address, new->memory_size, &end) || new->address < LAYOUT_KERNEL)
		return error_set(
			err, -EINVAL,
			"kernel %s: segment %u wants the addresses %#llx + %#llx, kernels go above 1 MiB",
			file->name, index, (unsigned long long)new->address,
			(unsigned long long)new->memory_size);
	for (unsigned i = 0; i < kernel->count; i++) {
		const struct elf_segment *other = &kernel->segments[i];

		if (new->address < other->address + other->memory_size && other->address < end)
			return error_set(err, -EINVAL, "kernel %s: segment %u overlaps another in memory",
					 file->name, index);
	}
	return 0;
}

/* Keeps the order by file offset. */
static void insert_segment(struct elf_kernel *kernel, const struct elf_segment *new)
{
	unsigned i = kernel->count++;

	for (; i && kernel->segments[i - 1].offset > new->offset; i--)
		kernel->segments[i] = kernel->segments[i - 1];
	kernel->segments[i] = *new;
	kernel->end = MAX(kernel->end, new->address + new->memory_size);
}

static int read_segments(const struct elf_file *file, const Elf64_Ehdr *header, struct elf_kernel *kernel,
			 struct error *err)
{
	*kernel = (struct elf_kernel){.entry = header->e_entry};
	for (unsigned i = 0; i < header->e_phnum; i++) {
		Elf64_Phdr program = program_header(file, header, i);
		struct elf_segment segment = {
			.offset = program.p_offset,
			.file_size = program.p_filesz,
			.address = program.p_paddr,
			.memory_size = program.p_memsz,
		};
		int code;

		if (program.p_type != PT_LOAD || program.p_memsz == 0)
			continue;
		if (kernel->count == ELF_SEGMENTS_MAX)
			return error_set(err, -EINVAL, "kernel %s: has more than %d segments", file->name,
					 ELF_SEGMENTS_MAX);
		code = check_segment(file, kernel, &segment, i, err);
		if (code)
			return code;
		insert_segment(kernel, &segment);
	}
	if (kernel->count == 0)
		return error_set(err, -EINVAL, "kernel %s: has nothing to load", file->name);
	return 0;
}

/* The number a Xen note holds: 4 or 8 bytes (xen/elfnote.h). */
static int note_number(const uint8_t *bytes, uint32_t size, uint64_t *number)
{
	*number = 0;
	if (size != sizeof(uint32_t) && size != sizeof(uint64_t))
		return -EINVAL;
	memcpy(number, bytes, size);
	return 0;
}

/* Looks through one PT_NOTE segment; *entry stays when the note is not there. -EINVAL: the notes are damaged.
 */
static int find_pvh_note(const uint8_t *notes, uint64_t size, uint64_t alignment, uint64_t *entry)
{
	uint64_t at = 0;

	while (range_inside(at, sizeof(Elf64_Nhdr), size)) {
		uint64_t name_at = at + sizeof(Elf64_Nhdr);
		uint64_t description_at;
		Elf64_Nhdr note;

		memcpy(&note, notes + at, sizeof(note));
		description_at = ALIGN_UP(name_at + note.n_namesz, alignment);
		if (!range_inside(description_at, note.n_descsz, size))
			return -EINVAL;
		if (note.n_type == XEN_ELFNOTE_PHYS32_ENTRY && note.n_namesz == sizeof(XEN_NOTE_NAME) &&
		    !memcmp(notes + name_at, XEN_NOTE_NAME, sizeof(XEN_NOTE_NAME)))
			return note_number(notes + description_at, note.n_descsz, entry);
		at = ALIGN_UP(description_at + note.n_descsz, alignment);
	}
	return 0;
}

static int read_notes(const struct elf_file *file, const Elf64_Ehdr *header, struct elf_kernel *kernel,
		      struct error *err)
{
	for (unsigned i = 0; i < header->e_phnum; i++) {
		Elf64_Phdr program = program_header(file, header, i);

		if (program.p_type != PT_NOTE)
			continue;
		if (!range_inside(program.p_offset, program.p_filesz, file->size) ||
		    find_pvh_note(file->data + program.p_offset, program.p_filesz,
				  program.p_align == 8 ? 8 : 4, &kernel->pvh_entry))
			return error_set(err, -EINVAL, "kernel %s: its ELF notes are damaged", file->name);
	}
	return 0;
}

static bool is_loaded(const struct elf_kernel *kernel, uint64_t address)
{
	for (unsigned i = 0; i < kernel->count; i++) {
		const struct elf_segment *segment = &kernel->segments[i];

		if (address >= segment->address && address - segment->address < segment->file_size)
			return true;
	}
	return false;
}

int elf_parse(const char *name, const uint8_t *data, size_t size, struct elf_kernel *kernel,
	      struct error *err)
{
	const struct elf_file file = {.name = name, .data = data, .available = size, .size = size};
	Elf64_Ehdr header;
	int code;

	code = read_header(&file, &header, err);
	if (!code)
		code = read_segments(&file, &header, kernel, err);
	if (!code)
		code = read_notes(&file, &header, kernel, err);
	if (code)
		return code;
	if (!is_loaded(kernel, kernel->entry))
		return error_set(err, -EINVAL, "kernel %s: its entry point %#llx lies in no segment", name,
				 (unsigned long long)kernel->entry);
	if (kernel->pvh_entry && (kernel->pvh_entry > UINT32_MAX || !is_loaded(kernel, kernel->pvh_entry)))
		return error_set(err, -EINVAL, "kernel %s: its PVH entry point %#llx lies in no segment",
				 name, (unsigned long long)kernel->pvh_entry);
	return 0;
}

/*
 * Zeroes guest memory. Whole pages are given back to the memfd instead of written: they read as zero, and a
 * page that nobody touched yet stays that way, which makes a kernel's bss free.
 */
static void zero_range(const struct guest_memory *memory, uint64_t address, uint64_t size)
{
	uint64_t start = ALIGN_UP(address, PAGE_SIZE);
	uint64_t end = ALIGN_DOWN(address + size, PAGE_SIZE);
	const struct guest_memory_region *region = memory->regions;
	uint8_t *place = guest_memory_at(memory, address, size);

	while (address - region->base >= region->size)
		region++;
	if (memory->fd < 0 || start >= end ||
	    fallocate(memory->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		      (off_t)(region->fd_offset + (start - region->base)), (off_t)(end - start))) {
		memset(place, 0, size);
		return;
	}
	memset(place, 0, start - address);
	memset(place + (end - address), 0, address + size - end);
}

static uint8_t *segment_place(const struct guest_memory *memory, const struct elf_segment *segment)
{
	return guest_memory_at(memory, segment->address, segment->file_size);
}

/* Copies all segments. When data lies in guest memory (elf_flat_address) all that move go the same way, and
 * are taken in the order that overwrites none before it has moved. */
static void copy_segments(const struct guest_memory *memory, const uint8_t *data,
			  const struct elf_kernel *kernel)
{
	bool upward = false;

	for (unsigned i = 0; i < kernel->count; i++)
		upward |= segment_place(memory, &kernel->segments[i]) > data + kernel->segments[i].offset;
	for (unsigned i = 0; i < kernel->count; i++) {
		const struct elf_segment *segment = &kernel->segments[upward ? kernel->count - 1 - i : i];
		uint8_t *place = segment_place(memory, segment);

		if (place != data + segment->offset)
			memmove(place, data + segment->offset, segment->file_size);
	}
}

int elf_load(const struct guest_memory *memory, const char *name, const uint8_t *data,
	     const struct elf_kernel *kernel, struct error *err)
{
	for (unsigned i = 0; i < kernel->count; i++) {
		const struct elf_segment *segment = &kernel->segments[i];

		if (!guest_memory_at(memory, segment->address, segment->memory_size))
			return error_set(err, -ENOMEM,
					 "kernel %s: needs guest memory up to %llu MiB, the guest has %llu "
					 "MiB; give it "
					 "more",
					 name, (unsigned long long)(kernel->end >> 20) + 1,
					 (unsigned long long)(guest_memory_size(memory) >> 20));
	}
	copy_segments(memory, data, kernel);
	for (unsigned i = 0; i < kernel->count; i++) {
		const struct elf_segment *segment = &kernel->segments[i];

		if (segment->memory_size > segment->file_size)
			zero_range(memory, segment->address + segment->file_size,
				   segment->memory_size - segment->file_size);
	}
	return 0;
}

bool elf_flat_address(const uint8_t *head, size_t head_size, uint64_t file_size, uint64_t *address)
{
	const struct elf_file file = {.name = "", .data = head, .available = head_size, .size = file_size};
	const struct elf_segment *first;
	struct elf_kernel kernel;
	uint64_t file_end = 0;
	bool up = false, down = false;
	Elf64_Ehdr header;

	if (read_header(&file, &header, NULL) || read_segments(&file, &header, &kernel, NULL))
		return false;
	first = &kernel.segments[0];
	if (first->address < first->offset || first->address - first->offset < LAYOUT_KERNEL)
		return false;
	*address = first->address - first->offset;
	for (unsigned i = 0; i < kernel.count; i++) {
		const struct elf_segment *segment = &kernel.segments[i];

		if (segment->offset < file_end) /* shares bytes with the one before it */
			return false;
		file_end = segment->offset + segment->file_size;
		up |= segment->address > *address + segment->offset;
		down |= segment->address < *address + segment->offset;
	}
	return !(up && down);
}
