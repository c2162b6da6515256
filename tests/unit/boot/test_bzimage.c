#include "hypervisor/boot/bzimage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/boot/guest_ram.h"
#include "tests/unit/boot/kernel_files.h"
#include "tests/unit/boot/packers.h"

/* A bzImage around a vmlinux. */
static struct bzimage_file make_file(const struct packer *packer, const struct vmlinux *kernel)
{
	struct packed packed = packed_kernel(packer, (const uint8_t *)kernel, sizeof(*kernel));
	struct bzimage_file file = bzimage_file_make(packed.bytes, packed.size);

	free(packed.bytes);
	return file;
}

static struct bzimage_file make_default(void)
{
	struct vmlinux kernel;

	vmlinux_init(&kernel);
	return make_file(&packers[0], &kernel);
}

static int parse(const struct bzimage_file *file, struct bzimage *image, struct error *err)
{
	return bzimage_parse("bzImage", file->bytes, file->size, image, err);
}

static void assert_parse_refused(const struct bzimage_file *file, const char *sentence)
{
	struct bzimage image;
	struct error err;

	assert_refused(parse(file, &image, &err), -EINVAL, err, sentence);
}

Test(bzimage, parts_are_found)
{
	struct bzimage_file file = make_default();
	struct bzimage image;

	cr_assert(bzimage_probe(file.bytes, file.size));
	cr_assert_eq(parse(&file, &image, NULL), 0);
	cr_assert_eq(image.kernel, file.bytes + BZIMAGE_SETUP_SIZE);
	cr_assert_eq(image.kernel_size, file.size - BZIMAGE_SETUP_SIZE);
	cr_assert_eq(image.payload, image.kernel + BZIMAGE_PAYLOAD_OFFSET);
	cr_assert_eq(image.payload_size, bzimage_file_setup(&file)->payload_length);
	cr_assert_str_eq(image.decompressor->name, "gzip");
	free(file.bytes);
}

Test(bzimage, setup_header_ends_where_the_file_says)
{
	struct bzimage_file file = make_default();
	struct setup_header *setup = bzimage_file_setup(&file);
	struct bzimage image;

	setup->jump = 0xeb | (offsetof(struct boot_params, hdr.init_size) - 0x202) << 8;
	cr_assert_eq(parse(&file, &image, NULL), 0);
	cr_assert_eq(image.setup.pref_address, BZIMAGE_PREF_ADDRESS);
	cr_assert_eq(image.setup.init_size, 0);
	free(file.bytes);
}

Test(bzimage, bytes_behind_the_kernel_are_left_alone)
{
	struct bzimage_file file = make_default();
	struct bzimage image;

	file.bytes = realloc(file.bytes, file.size + 1000); /* a signature for secure boot */
	cr_assert_eq(bzimage_parse("bzImage", file.bytes, file.size + 1000, &image, NULL), 0);
	cr_assert_eq(image.kernel_size, file.size - BZIMAGE_SETUP_SIZE);
	free(file.bytes);
}

Test(bzimage, other_files_are_no_bzimage)
{
	struct bzimage_file file = make_default();

	bzimage_file_setup(&file)->header = 0;
	cr_assert_not(bzimage_probe(file.bytes, file.size));
	assert_parse_refused(&file, "kernel bzImage: is no bzImage");
	free(file.bytes);
}

Test(bzimage, old_protocols_are_refused)
{
	struct bzimage_file file = make_default();

	bzimage_file_setup(&file)->version = 0x0204;
	assert_parse_refused(
		&file,
		"kernel bzImage: speaks boot protocol 2.04; 2.08 (Linux 2.6.26) and newer can be booted");
	free(file.bytes);
}

Test(bzimage, zimage_is_refused)
{
	struct bzimage_file file = make_default();

	bzimage_file_setup(&file)->loadflags = 0;
	assert_parse_refused(&file, "kernel bzImage: is a zImage, loaded below 1 MiB; build a bzImage");
	free(file.bytes);
}

Test(bzimage, every_truncation_is_refused)
{
	struct bzimage_file file = make_default();
	struct bzimage image;
	struct error err;

	for (size_t size = 0; size < file.size; size++) {
		uint8_t *part = malloc(size);

		memcpy(part, file.bytes, size);
		err.text[0] = '\0';
		cr_assert_eq(bzimage_parse("bzImage", part, size, &image, &err), -EINVAL, "%zu bytes", size);
		cr_assert_neq(err.text[0], '\0');
		free(part);
	}
	file.size = 4096;
	bzimage_file_setup(&file)->syssize = 0x10000;
	assert_parse_refused(&file, "kernel bzImage: is truncated: 4096 bytes of 1051136 are there");
	free(file.bytes);
}

Test(bzimage, payload_outside_of_the_file_is_refused)
{
	static const char sentence[] = "kernel bzImage: its compressed part lies outside of the file";
	struct bzimage_file file = make_default();
	struct setup_header *setup = bzimage_file_setup(&file);

	setup->payload_length = file.size;
	assert_parse_refused(&file, sentence);
	setup->payload_length = 0xffffffff;
	assert_parse_refused(&file, sentence);
	setup->payload_offset = 0xffffffff;
	assert_parse_refused(&file, sentence);
	setup->payload_offset = 0;
	setup->payload_length = 3;
	assert_parse_refused(&file, sentence);
	free(file.bytes);
}

Test(bzimage, every_flipped_bit_in_the_header_is_survived)
{
	struct guest_memory memory = guest_ram_create(MIB(32));
	struct bzimage_file file = make_default();

	for (size_t bit = 0x1f1 * 8; bit < (0x1f1 + sizeof(struct setup_header)) * 8; bit++) {
		struct bzimage_vmlinux vmlinux;
		struct error err = {0};
		struct bzimage image;
		uint64_t entry, end;

		file.bytes[bit / 8] ^= 1 << bit % 8;
		if (parse(&file, &image, &err) == 0) {
			bzimage_load(&memory, "bzImage", &image, &entry, &end, NULL);
			if (image.decompressor &&
			    bzimage_unpack(&memory, "bzImage", &image, &vmlinux, &err) == 0)
				bzimage_vmlinux_close(&vmlinux);
		} else {
			cr_assert_neq(err.text[0], '\0');
		}
		file.bytes[bit / 8] ^= 1 << bit % 8;
	}
	free(file.bytes);
	guest_ram_destroy(&memory);
}

Test(bzimage, every_compression_is_unpacked_into_its_place)
{
	struct guest_memory memory = guest_ram_create(MIB(32));
	struct vmlinux kernel;

	vmlinux_init(&kernel);
	for (unsigned i = 0; i < PACKERS_COUNT; i++) {
		struct bzimage_file file = make_file(&packers[i], &kernel);
		struct bzimage_vmlinux vmlinux;
		struct bzimage image;

		cr_assert_eq(parse(&file, &image, NULL), 0);
		cr_assert_eq(bzimage_unpack(&memory, "bzImage", &image, &vmlinux, NULL), 0, "%s",
			     packers[i].name);
		cr_assert_eq(vmlinux.size, sizeof(kernel));
		cr_assert_arr_eq(vmlinux.data, (uint8_t *)&kernel, sizeof(kernel));
		cr_assert_null(vmlinux.buffer);
		cr_assert_eq(vmlinux.data,
			     guest_memory_at(&memory, VMLINUX_TEXT_ADDRESS - VMLINUX_TEXT_OFFSET, 1));
		bzimage_vmlinux_close(&vmlinux);
		memset(guest_memory_at(&memory, MIB(15), MIB(2)), 0, MIB(2));
		free(file.bytes);
	}
	guest_ram_destroy(&memory);
}

Test(bzimage, what_has_no_place_in_guest_memory_is_unpacked_into_a_buffer)
{
	struct guest_memory memory = guest_ram_create(MIB(16));
	struct bzimage_vmlinux vmlinux;
	struct bzimage_file file;
	struct bzimage image;
	struct vmlinux kernel;

	vmlinux_init(&kernel);
	kernel.program[VMLINUX_TEXT].p_paddr = LAYOUT_KERNEL;
	kernel.program[VMLINUX_DATA].p_paddr = LAYOUT_KERNEL + VMLINUX_TEXT_SIZE;
	file = make_file(&packers[3], &kernel);
	cr_assert_eq(parse(&file, &image, NULL), 0);
	cr_assert_eq(bzimage_unpack(&memory, "bzImage", &image, &vmlinux, NULL), 0);
	cr_assert_not_null(vmlinux.buffer);
	cr_assert_arr_eq(vmlinux.data, (uint8_t *)&kernel, sizeof(kernel));
	bzimage_vmlinux_close(&vmlinux);
	free(file.bytes);
	guest_ram_destroy(&memory);
}

static void assert_unpack_refused(const struct bzimage_file *file, int code, const char *sentence)
{
	struct guest_memory memory = guest_ram_create(MIB(32));
	struct bzimage_vmlinux vmlinux;
	struct bzimage image;
	struct error err;

	cr_assert_eq(parse(file, &image, NULL), 0);
	assert_refused(bzimage_unpack(&memory, "bzImage", &image, &vmlinux, &err), code, err, sentence);
	cr_assert_null(vmlinux.buffer);
	guest_ram_destroy(&memory);
}

/* The size that the payload's last four bytes promise. */
static void set_unpacked_size(struct bzimage_file *file, uint32_t size)
{
	size_t end = BZIMAGE_SETUP_SIZE + BZIMAGE_PAYLOAD_OFFSET + bzimage_file_setup(file)->payload_length;

	memcpy(file->bytes + end - sizeof(size), &size, sizeof(size));
}

Test(bzimage, kernel_that_unpacks_to_more_than_guest_memory_is_refused)
{
	struct bzimage_file file = make_default();

	set_unpacked_size(&file, 0xfff00000);
	assert_unpack_refused(
		&file, -ENOMEM,
		"kernel bzImage: unpacks to 4095 MiB, the guest has 32 MiB of memory; give it more");
	free(file.bytes);
}

Test(bzimage, kernel_that_unpacks_to_another_size_than_it_says_is_refused)
{
	struct vmlinux kernel;

	vmlinux_init(&kernel);
	for (unsigned i = 0; i < PACKERS_COUNT; i++) {
		struct bzimage_file file = make_file(&packers[i], &kernel);
		char sentence[128];

		snprintf(sentence, sizeof(sentence), "kernel bzImage: its %s-compressed part is damaged",
			 packers[i].name);
		set_unpacked_size(&file, sizeof(kernel) - 1);
		assert_unpack_refused(&file, -EINVAL, sentence);
		set_unpacked_size(&file, MIB(31));
		assert_unpack_refused(&file, -EINVAL, sentence);
		set_unpacked_size(&file, 0);
		assert_unpack_refused(&file, -EINVAL, sentence);
		free(file.bytes);
	}
}

Test(bzimage, damaged_payload_is_refused)
{
	struct bzimage_file file = make_default();

	file.bytes[BZIMAGE_SETUP_SIZE + BZIMAGE_PAYLOAD_OFFSET + 100] ^= 0x10;
	assert_unpack_refused(&file, -EINVAL, "kernel bzImage: its gzip-compressed part is damaged");
	free(file.bytes);
}

Test(bzimage, unknown_compression_has_no_decompressor)
{
	struct bzimage_file file = bzimage_file_make((const uint8_t *)"BZh91AY&SY and more", 19);
	struct bzimage image;

	cr_assert_eq(parse(&file, &image, NULL), 0);
	cr_assert_null(image.decompressor);
	free(file.bytes);
}

Test(bzimage, protected_mode_part_is_loaded_where_it_prefers)
{
	struct guest_memory memory = guest_ram_create(MIB(32));
	struct bzimage_file file = make_default();
	struct bzimage image;
	uint64_t entry, end;

	cr_assert_eq(parse(&file, &image, NULL), 0);
	cr_assert_eq(bzimage_load(&memory, "bzImage", &image, &entry, &end, NULL), 0);
	cr_assert_eq(entry, BZIMAGE_PREF_ADDRESS + 0x200);
	cr_assert_eq(end, BZIMAGE_PREF_ADDRESS + BZIMAGE_INIT_SIZE);
	cr_assert_arr_eq(guest_memory_at(&memory, BZIMAGE_PREF_ADDRESS, image.kernel_size), image.kernel,
			 image.kernel_size);
	free(file.bytes);
	guest_ram_destroy(&memory);
}

static void assert_load_refused(const struct bzimage_file *file, int code, const char *sentence)
{
	struct guest_memory memory = guest_ram_create(MIB(32));
	struct bzimage image;
	uint64_t entry, end;
	struct error err;

	cr_assert_eq(parse(file, &image, NULL), 0);
	assert_refused(bzimage_load(&memory, "bzImage", &image, &entry, &end, &err), code, err, sentence);
	guest_ram_destroy(&memory);
}

Test(bzimage, kernel_for_32_bits_cannot_unpack_itself)
{
	struct bzimage_file file = make_default();

	bzimage_file_setup(&file)->xloadflags = 0;
	assert_load_refused(&file, -EINVAL,
			    "kernel bzImage: has no 64-bit entry; this host runs x86-64 kernels");
	free(file.bytes);
}

Test(bzimage, kernel_without_room_to_unpack_itself_is_refused)
{
	struct bzimage_file file = make_default();
	struct setup_header *setup = bzimage_file_setup(&file);

	setup->init_size = MIB(17);
	assert_load_refused(
		&file, -ENOMEM,
		"kernel bzImage: needs 17 MiB of guest memory from 0x1000000 on, the guest has 32 MiB; "
		"give it more");
	setup->init_size = BZIMAGE_INIT_SIZE;
	setup->pref_address = UINT64_MAX - 4096;
	assert_load_refused(
		&file, -ENOMEM,
		"kernel bzImage: needs 2 MiB of guest memory from 0xffffffffffffefff on, the guest has 32 "
		"MiB; give it more");
	setup->pref_address = 0;
	assert_load_refused(&file, -EINVAL, "kernel bzImage: wants to run at 0, kernels go above 1 MiB");
	free(file.bytes);
}
