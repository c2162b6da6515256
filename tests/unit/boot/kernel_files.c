#include "tests/unit/boot/kernel_files.h"

#include <stdlib.h>
#include <string.h>
#include <xen/elfnote.h>

#include "common/util.h"
#include "hypervisor/boot/linux64.h"

_Static_assert(offsetof(struct vmlinux, text) == VMLINUX_TEXT_OFFSET, "file layout");
_Static_assert(offsetof(struct vmlinux, note) == VMLINUX_NOTE_OFFSET, "file layout");
_Static_assert(offsetof(struct vmlinux, data) == VMLINUX_DATA_OFFSET, "file layout");

void vmlinux_init(struct vmlinux *kernel)
{
	memset(kernel, 0, sizeof(*kernel));
	kernel->header = (Elf64_Ehdr){
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
		.e_type = ET_EXEC,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_entry = VMLINUX_ENTRY,
		.e_phoff = offsetof(struct vmlinux, program),
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = VMLINUX_PROGRAMS,
	};
	kernel->program[VMLINUX_TEXT] = (Elf64_Phdr){
		.p_type = PT_LOAD,
		.p_offset = VMLINUX_TEXT_OFFSET,
		.p_paddr = VMLINUX_TEXT_ADDRESS,
		.p_vaddr = 0xffffffff81000000,
		.p_filesz = VMLINUX_TEXT_SIZE,
		.p_memsz = VMLINUX_TEXT_SIZE,
	};
	kernel->program[VMLINUX_DATA] = (Elf64_Phdr){
		.p_type = PT_LOAD,
		.p_offset = VMLINUX_DATA_OFFSET,
		.p_paddr = VMLINUX_DATA_ADDRESS,
		.p_filesz = VMLINUX_DATA_SIZE,
		.p_memsz = VMLINUX_DATA_MEMORY,
	};
	kernel->program[VMLINUX_NOTE] = (Elf64_Phdr){
		.p_type = PT_NOTE,
		.p_offset = VMLINUX_NOTE_OFFSET,
		.p_filesz = sizeof(struct vmlinux_note),
		.p_align = 4,
	};
	for (size_t i = VMLINUX_TEXT_OFFSET; i < sizeof(*kernel); i++)
		((uint8_t *)kernel)[i] = (uint8_t)(1 + i % 251);
	kernel->note = (struct vmlinux_note){
		.header = {.n_namesz = 4, .n_descsz = 8, .n_type = XEN_ELFNOTE_PHYS32_ENTRY},
		.name = "Xen",
		.entry = VMLINUX_PVH_ENTRY,
	};
}

struct bzimage_file bzimage_file_make(const uint8_t *payload, size_t payload_size)
{
	size_t kernel_size = ALIGN_UP(BZIMAGE_PAYLOAD_OFFSET + payload_size, 16);
	struct bzimage_file file = {.size = BZIMAGE_SETUP_SIZE + kernel_size};
	struct setup_header *setup;

	file.bytes = calloc(1, file.size);
	setup = bzimage_file_setup(&file);
	*setup = (struct setup_header){
		.setup_sects = BZIMAGE_SETUP_SIZE / 512 - 1,
		.syssize = kernel_size / 16,
		.boot_flag = LINUX64_BOOT_FLAG,
		.jump = 0xeb | (0x1f1 + sizeof(*setup) - 0x202) << 8,
		.header = LINUX64_SETUP_MAGIC,
		.version = 0x020f,
		.loadflags = LOADED_HIGH,
		.initrd_addr_max = 0x7fffffff,
		.kernel_alignment = 0x200000,
		.relocatable_kernel = 1,
		.xloadflags = XLF_KERNEL_64,
		.cmdline_size = 2047,
		.payload_offset = BZIMAGE_PAYLOAD_OFFSET,
		.payload_length = payload_size,
		.pref_address = BZIMAGE_PREF_ADDRESS,
		.init_size = BZIMAGE_INIT_SIZE,
	};
	memset(file.bytes + BZIMAGE_SETUP_SIZE, BZIMAGE_STUB, BZIMAGE_PAYLOAD_OFFSET);
	memcpy(file.bytes + BZIMAGE_SETUP_SIZE + BZIMAGE_PAYLOAD_OFFSET, payload, payload_size);
	return file;
}

struct setup_header *bzimage_file_setup(const struct bzimage_file *file)
{
	return (struct setup_header *)(file->bytes + offsetof(struct boot_params, hdr));
}
