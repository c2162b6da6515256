#include "hypervisor/boot/boot.h"

#include <asm/bootparam.h>
#include <errno.h>
#include <stdlib.h>
#include <xen/arch-x86/hvm/start_info.h>

#include "tests/unit/boot/guest_ram.h"
#include "tests/unit/boot/kernel_files.h"
#include "tests/unit/boot/packers.h"

#define RSDP 0xe0000

static struct boot_source source_of(const void *kernel, size_t size)
{
	return (struct boot_source){
		.name = "kernel",
		.kernel = kernel,
		.kernel_size = size,
		.cmdline = "console=ttyS0",
		.acpi_rsdp = RSDP,
	};
}

static struct bzimage_file make_bzimage(const struct packer *packer)
{
	struct bzimage_file file;
	struct vmlinux kernel;
	struct packed packed;

	vmlinux_init(&kernel);
	packed = packed_kernel(packer, (uint8_t *)&kernel, sizeof(kernel));
	file = bzimage_file_make(packed.bytes, packed.size);
	free(packed.bytes);
	return file;
}

static void assert_load_refused(const struct guest_memory *memory, const struct boot_source *source, int code,
				const char *sentence)
{
	struct boot_entry entry;
	struct error err;

	assert_refused(boot_load(memory, source, &entry, &err), code, err, sentence);
}

static void assert_entry(const struct boot_entry *entry, enum boot_protocol protocol,
			 enum boot_entry_mode mode, uint64_t rip)
{
	cr_assert_eq(entry->protocol, protocol);
	cr_assert_eq(entry->mode, mode);
	cr_assert_eq(entry->rip, rip);
	cr_assert_eq(entry->info, LAYOUT_BOOT_PARAMS);
	cr_assert_eq(entry->stack, LAYOUT_BOOT_STACK);
}

Test(boot, kernel_with_the_note_starts_by_pvh)
{
	struct guest_memory memory = guest_ram_create(MIB(32));
	struct boot_source source;
	struct boot_entry entry;
	struct vmlinux kernel;

	vmlinux_init(&kernel);
	source = source_of(&kernel, sizeof(kernel));
	cr_assert_eq(boot_load(&memory, &source, &entry, NULL), 0);
	assert_entry(&entry, BOOT_PROTOCOL_PVH, BOOT_ENTRY_PVH, VMLINUX_PVH_ENTRY);
	guest_ram_destroy(&memory);
}

Test(boot, kernel_without_the_note_starts_by_the_64_bit_protocol)
{
	struct guest_memory memory = guest_ram_create(MIB(32));
	struct boot_source source;
	struct boot_entry entry;
	struct vmlinux kernel;

	vmlinux_init(&kernel);
	kernel.program[VMLINUX_NOTE].p_type = PT_NULL;
	source = source_of(&kernel, sizeof(kernel));
	cr_assert_eq(boot_load(&memory, &source, &entry, NULL), 0);
	assert_entry(&entry, BOOT_PROTOCOL_LINUX64, BOOT_ENTRY_LONG, VMLINUX_ENTRY);
	source.protocol = BOOT_PROTOCOL_PVH;
	assert_load_refused(
		&memory, &source, -EINVAL,
		"kernel kernel: has no PVH entry (it was built without CONFIG_PVH); use protocol auto");
	guest_ram_destroy(&memory);
}

Test(boot, start_info_tells_a_pvh_kernel_everything)
{
	struct guest_memory memory = guest_ram_create(MIB(32));
	const struct hvm_memmap_table_entry *ranges;
	const struct hvm_modlist_entry *module;
	const struct hvm_start_info *info;
	static uint8_t initrd[5000];
	struct boot_source source;
	struct boot_entry entry;
	struct vmlinux kernel;

	vmlinux_init(&kernel);
	memset(initrd, 0xab, sizeof(initrd));
	source = source_of(&kernel, sizeof(kernel));
	source.initrd = initrd;
	source.initrd_size = sizeof(initrd);
	cr_assert_eq(boot_load(&memory, &source, &entry, NULL), 0);

	info = guest_memory_at(&memory, entry.info, sizeof(*info));
	cr_assert_eq(info->magic, XEN_HVM_START_MAGIC_VALUE);
	cr_assert_eq(info->version, 1);
	cr_assert_eq(info->flags, 0);
	cr_assert_eq(info->rsdp_paddr, RSDP);
	cr_assert_str_eq(guest_memory_at(&memory, info->cmdline_paddr, 64), "console=ttyS0");
	cr_assert_eq(info->nr_modules, 1);
	module = guest_memory_at(&memory, info->modlist_paddr, sizeof(*module));
	cr_assert_eq(module->size, sizeof(initrd));
	cr_assert_arr_eq(guest_memory_at(&memory, module->paddr, sizeof(initrd)), initrd, sizeof(initrd));
	cr_assert_eq(info->memmap_entries, 4);
	ranges = guest_memory_at(&memory, info->memmap_paddr, 4 * sizeof(*ranges));
	cr_assert_eq(ranges[0].type, XEN_HVM_MEMMAP_TYPE_RAM);
	cr_assert_eq(ranges[2].addr, LAYOUT_ACPI);
	cr_assert_eq(ranges[2].type, XEN_HVM_MEMMAP_TYPE_RESERVED);
	cr_assert_eq(ranges[3].addr + ranges[3].size, MIB(32));
	guest_ram_destroy(&memory);
}

Test(boot, start_info_without_an_initrd_has_no_module)
{
	struct guest_memory memory = guest_ram_create(MIB(32));
	const struct hvm_start_info *info;
	struct boot_source source;
	struct boot_entry entry;
	struct vmlinux kernel;

	vmlinux_init(&kernel);
	source = source_of(&kernel, sizeof(kernel));
	source.cmdline = NULL;
	cr_assert_eq(boot_load(&memory, &source, &entry, NULL), 0);
	info = guest_memory_at(&memory, entry.info, sizeof(*info));
	cr_assert_eq(info->nr_modules, 0);
	cr_assert_eq(info->modlist_paddr, 0);
	cr_assert_str_eq(guest_memory_at(&memory, info->cmdline_paddr, 1), "");
	guest_ram_destroy(&memory);
}

Test(boot, boot_params_tell_a_linux_kernel_everything)
{
	struct guest_memory memory = guest_ram_create(GIB(4));
	const struct boot_params *params;
	static uint8_t initrd[5000];
	struct boot_source source;
	struct boot_entry entry;
	struct vmlinux kernel;

	vmlinux_init(&kernel);
	memset(initrd, 0xab, sizeof(initrd));
	source = source_of(&kernel, sizeof(kernel));
	source.protocol = BOOT_PROTOCOL_LINUX64;
	source.initrd = initrd;
	source.initrd_size = sizeof(initrd);
	cr_assert_eq(boot_load(&memory, &source, &entry, NULL), 0);
	assert_entry(&entry, BOOT_PROTOCOL_LINUX64, BOOT_ENTRY_LONG, VMLINUX_ENTRY);

	params = guest_memory_at(&memory, entry.info, sizeof(*params));
	cr_assert_eq(params->hdr.boot_flag, 0xaa55);
	cr_assert_eq(params->hdr.header, 0x53726448);
	cr_assert_eq(params->hdr.type_of_loader, 0xff);
	cr_assert(params->hdr.loadflags & LOADED_HIGH);
	cr_assert_eq(params->sentinel, 0);
	cr_assert_eq(params->acpi_rsdp_addr, RSDP);
	cr_assert_str_eq(guest_memory_at(&memory, params->hdr.cmd_line_ptr, 64), "console=ttyS0");
	cr_assert_eq(params->hdr.ramdisk_size, sizeof(initrd));
	cr_assert_arr_eq(guest_memory_at(&memory, params->hdr.ramdisk_image, sizeof(initrd)), initrd,
			 sizeof(initrd));
	cr_assert_eq(params->e820_entries, 5);
	cr_assert_eq(params->e820_table[4].addr, GIB(4));
	cr_assert_eq(params->e820_table[4].size, GIB(1));
	guest_ram_destroy(&memory);
}

Test(boot, initrd_lies_page_aligned_at_the_end_of_low_memory)
{
	struct guest_memory memory = guest_ram_create(GIB(4));
	const struct boot_params *params;
	static uint8_t initrd[4097];
	struct boot_source source;
	struct boot_entry entry;
	struct vmlinux kernel;

	vmlinux_init(&kernel);
	source = source_of(&kernel, sizeof(kernel));
	source.protocol = BOOT_PROTOCOL_LINUX64;
	source.initrd = initrd;
	source.initrd_size = sizeof(initrd);
	cr_assert_eq(boot_load(&memory, &source, &entry, NULL), 0);
	params = guest_memory_at(&memory, entry.info, sizeof(*params));
	cr_assert_eq(params->hdr.ramdisk_image, LAYOUT_LOW_RAM_END - 8192);
	guest_ram_destroy(&memory);
}

Test(boot, initrd_of_a_bzimage_lies_where_its_kernel_can_read_it)
{
	struct guest_memory memory = guest_ram_create(GIB(3));
	struct bzimage_file file = make_bzimage(&packers[4]);
	struct boot_source source = source_of(file.bytes, file.size);
	const struct boot_params *params;
	static uint8_t initrd[4096];
	struct boot_entry entry;

	source.protocol = BOOT_PROTOCOL_LINUX64;
	source.initrd = initrd;
	source.initrd_size = sizeof(initrd);
	cr_assert_eq(boot_load(&memory, &source, &entry, NULL), 0);
	params = guest_memory_at(&memory, entry.info, sizeof(*params));
	cr_assert_eq(params->hdr.ramdisk_image, 0x7ffff000);
	free(file.bytes);
	guest_ram_destroy(&memory);
}

Test(boot, initrd_that_does_not_fit_is_refused)
{
	struct guest_memory memory = guest_ram_create(VMLINUX_END + 8192);
	uint8_t *initrd = calloc(1, MIB(17));
	struct boot_source source;
	struct boot_entry entry;
	struct vmlinux kernel;

	vmlinux_init(&kernel);
	source = source_of(&kernel, sizeof(kernel));
	source.initrd = initrd;
	source.initrd_size = 8192;
	cr_assert_eq(boot_load(&memory, &source, &entry, NULL), 0);
	source.initrd_size = 8193;
	assert_load_refused(
		&memory, &source, -ENOMEM,
		"kernel kernel: its initrd of 8 KiB does not fit into guest memory of 16 MiB beside the "
		"kernel; give the guest more memory");
	source.initrd_size = MIB(17);
	assert_load_refused(
		&memory, &source, -ENOMEM,
		"kernel kernel: its initrd of 17408 KiB does not fit into guest memory of 16 MiB beside the "
		"kernel; give the guest more memory");
	free(initrd);
	guest_ram_destroy(&memory);
}

Test(boot, command_line_too_long_for_the_kernel_is_refused)
{
	struct guest_memory memory = guest_ram_create(MIB(32));
	struct bzimage_file file = make_bzimage(&packers[0]);
	struct boot_source source;
	struct boot_entry entry;
	struct vmlinux kernel;
	char cmdline[2049];

	memset(cmdline, 'x', 2048);
	cmdline[2048] = '\0';
	vmlinux_init(&kernel);
	source = source_of(&kernel, sizeof(kernel));
	source.cmdline = cmdline;
	assert_load_refused(
		&memory, &source, -E2BIG,
		"kernel kernel: the command line has 2048 bytes, this kernel takes at most 2047; shorten it");
	cmdline[2047] = '\0';
	cr_assert_eq(boot_load(&memory, &source, &entry, NULL), 0);

	bzimage_file_setup(&file)->cmdline_size = 100;
	source = source_of(file.bytes, file.size);
	source.cmdline = cmdline;
	assert_load_refused(
		&memory, &source, -E2BIG,
		"kernel kernel: the command line has 2047 bytes, this kernel takes at most 100; shorten it");
	free(file.bytes);
	guest_ram_destroy(&memory);
}

Test(boot, bzimage_of_every_compression_starts_like_its_vmlinux)
{
	struct vmlinux kernel;

	vmlinux_init(&kernel);
	for (unsigned i = 0; i < PACKERS_COUNT; i++) {
		struct guest_memory memory = guest_ram_create(MIB(32));
		struct bzimage_file file = make_bzimage(&packers[i]);
		struct boot_source source = source_of(file.bytes, file.size);
		struct boot_entry entry;
		const uint8_t *rest;

		cr_assert_eq(boot_load(&memory, &source, &entry, NULL), 0);
		assert_entry(&entry, BOOT_PROTOCOL_PVH, BOOT_ENTRY_PVH, VMLINUX_PVH_ENTRY);
		cr_assert_arr_eq(guest_memory_at(&memory, VMLINUX_TEXT_ADDRESS, VMLINUX_TEXT_SIZE),
				 (uint8_t *)&kernel + VMLINUX_TEXT_OFFSET, VMLINUX_TEXT_SIZE);
		cr_assert_arr_eq(guest_memory_at(&memory, VMLINUX_DATA_ADDRESS, VMLINUX_DATA_SIZE),
				 kernel.data, VMLINUX_DATA_SIZE);
		rest = guest_memory_at(&memory, VMLINUX_DATA_ADDRESS + VMLINUX_DATA_SIZE, MIB(1));
		for (size_t at = 0; at < VMLINUX_DATA_MEMORY - VMLINUX_DATA_SIZE; at++)
			cr_assert_eq(rest[at], 0, "%s byte %zu", packers[i].name, at);
		free(file.bytes);
		guest_ram_destroy(&memory);
	}
}

Test(boot, bzimage_unpacks_itself_when_asked)
{
	struct guest_memory memory = guest_ram_create(MIB(32));
	struct bzimage_file file = make_bzimage(&packers[0]);
	struct boot_source source = source_of(file.bytes, file.size);
	const struct boot_params *params;
	struct boot_entry entry;

	source.protocol = BOOT_PROTOCOL_BZIMAGE;
	cr_assert_eq(boot_load(&memory, &source, &entry, NULL), 0);
	assert_entry(&entry, BOOT_PROTOCOL_BZIMAGE, BOOT_ENTRY_LONG, BZIMAGE_PREF_ADDRESS + 0x200);
	params = guest_memory_at(&memory, entry.info, sizeof(*params));
	cr_assert_eq(params->hdr.init_size, BZIMAGE_INIT_SIZE, "the kernel's own header is handed over");
	free(file.bytes);
	guest_ram_destroy(&memory);
}

Test(boot, bzimage_of_unknown_compression_unpacks_itself)
{
	struct guest_memory memory = guest_ram_create(MIB(32));
	struct bzimage_file file = bzimage_file_make((const uint8_t *)"BZh91AY&SY and more", 19);
	struct boot_source source = source_of(file.bytes, file.size);
	struct boot_entry entry;

	cr_assert_eq(boot_load(&memory, &source, &entry, NULL), 0);
	assert_entry(&entry, BOOT_PROTOCOL_BZIMAGE, BOOT_ENTRY_LONG, BZIMAGE_PREF_ADDRESS + 0x200);
	source.protocol = BOOT_PROTOCOL_PVH;
	assert_load_refused(
		&memory, &source, -EINVAL,
		"kernel kernel: its compression is none of gzip, xz, lzma, zstd and lz4; use protocol auto");
	free(file.bytes);
	guest_ram_destroy(&memory);
}

Test(boot, vmlinux_does_not_unpack_itself)
{
	struct guest_memory memory = guest_ram_create(MIB(32));
	struct boot_source source;
	struct vmlinux kernel;

	vmlinux_init(&kernel);
	source = source_of(&kernel, sizeof(kernel));
	source.protocol = BOOT_PROTOCOL_BZIMAGE;
	assert_load_refused(&memory, &source, -EINVAL,
			    "kernel kernel: is a vmlinux, not a bzImage; use protocol auto");
	guest_ram_destroy(&memory);
}

Test(boot, kernel_for_32_bits_in_a_bzimage_is_refused_by_name)
{
	struct guest_memory memory = guest_ram_create(MIB(32));
	struct bzimage_file file;
	struct boot_source source;
	struct vmlinux kernel;
	struct packed packed;

	vmlinux_init(&kernel);
	kernel.header.e_machine = EM_386;
	packed = packed_kernel(&packers[1], (uint8_t *)&kernel, sizeof(kernel));
	file = bzimage_file_make(packed.bytes, packed.size);
	source = source_of(file.bytes, file.size);
	assert_load_refused(&memory, &source, -EINVAL,
			    "kernel kernel: is for 32-bit x86, this host runs x86-64 kernels");
	free(packed.bytes);
	free(file.bytes);
	guest_ram_destroy(&memory);
}

Test(boot, images_of_other_architectures_are_refused_by_name)
{
	struct guest_memory memory = guest_ram_create(MIB(32));
	uint8_t image[64] = {0};
	struct boot_source source = source_of(image, sizeof(image));

	memcpy(image + 56, "ARM\x64", 4);
	assert_load_refused(&memory, &source, -EINVAL,
			    "kernel kernel: is for aarch64, this host runs x86-64 kernels");
	memcpy(image + 56, "RSC\x05", 4);
	assert_load_refused(&memory, &source, -EINVAL,
			    "kernel kernel: is for riscv, this host runs x86-64 kernels");
	guest_ram_destroy(&memory);
}

Test(boot, what_is_no_kernel_is_refused)
{
	static const char sentence[] = "kernel kernel: is neither a vmlinux nor a bzImage";
	struct guest_memory memory = guest_ram_create(MIB(32));
	struct boot_source source = source_of("#!/bin/sh\n", 10);

	assert_load_refused(&memory, &source, -EINVAL, sentence);
	source.kernel_size = 0;
	assert_load_refused(&memory, &source, -EINVAL, sentence);
	guest_ram_destroy(&memory);
}

Test(boot, kernel_too_big_for_the_guest_is_refused)
{
	struct guest_memory memory = guest_ram_create(MIB(8));
	struct guest_memory tiny = guest_ram_create(KIB(512));
	struct boot_source source;
	struct vmlinux kernel;

	vmlinux_init(&kernel);
	source = source_of(&kernel, sizeof(kernel));
	assert_load_refused(
		&memory, &source, -ENOMEM,
		"kernel kernel: needs guest memory up to 17 MiB, the guest has 8 MiB; give it more");
	assert_load_refused(&tiny, &source, -ENOMEM, "guest memory: 512 KiB are too few to boot a kernel");
	guest_ram_destroy(&memory);
	guest_ram_destroy(&tiny);
}
