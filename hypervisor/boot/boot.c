#include "hypervisor/boot/boot.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "hypervisor/boot/bzimage.h"
#include "hypervisor/boot/cmdline.h"
#include "hypervisor/boot/elf.h"
#include "hypervisor/boot/initrd.h"
#include "hypervisor/boot/linux64.h"
#include "hypervisor/boot/pvh.h"
#include "hypervisor/x86_64/layout.h"

/* A kernel that lies in guest memory: how to enter it and what it lets us do. */
struct loaded_kernel {
	enum boot_protocol protocol;
	enum boot_entry_mode mode;
	uint64_t entry;
	uint64_t end;         /* first byte behind it */
	uint64_t initrd_max;  /* highest address of an initrd's byte */
	uint32_t cmdline_max; /* longest command line */
	bool has_setup;
	struct setup_header setup; /* came with it */
};

/* Where uncompressed kernels of other architectures have their magic number. */
#define IMAGE_MAGIC_OFFSET 56
#define IMAGE_MAGIC_SIZE   4

/* Which of an ELF kernel's two entries; AUTO prefers PVH: it starts in the fewest instructions. */
static int choose_entry(const struct boot_source *source, const struct elf_kernel *elf,
			struct loaded_kernel *loaded, struct error *err)
{
	if (source->protocol == BOOT_PROTOCOL_PVH && !elf->pvh_entry)
		return error_set(
			err, -EINVAL,
			"kernel %s: has no PVH entry (it was built without CONFIG_PVH); use protocol auto",
			source->name);
	if (source->protocol != BOOT_PROTOCOL_LINUX64 && elf->pvh_entry) {
		loaded->protocol = BOOT_PROTOCOL_PVH;
		loaded->mode = BOOT_ENTRY_PVH;
		loaded->entry = elf->pvh_entry;
	} else {
		loaded->protocol = BOOT_PROTOCOL_LINUX64;
		loaded->mode = BOOT_ENTRY_LONG;
		loaded->entry = elf->entry;
	}
	return 0;
}

static int load_elf(const struct guest_memory *memory, const struct boot_source *source, const uint8_t *data,
		    size_t size, struct loaded_kernel *loaded, struct error *err)
{
	struct elf_kernel elf;
	int code;

	code = elf_parse(source->name, data, size, &elf, err);
	if (!code)
		code = choose_entry(source, &elf, loaded, err);
	if (!code)
		code = elf_load(memory, source->name, data, &elf, err);
	if (!code)
		loaded->end = elf.end;
	return code;
}

static int load_vmlinux(const struct guest_memory *memory, const struct boot_source *source,
			struct loaded_kernel *loaded, struct error *err)
{
	if (source->protocol == BOOT_PROTOCOL_BZIMAGE)
		return error_set(err, -EINVAL, "kernel %s: is a vmlinux, not a bzImage; use protocol auto",
				 source->name);
	loaded->initrd_max = INITRD_ADDRESS_MAX;
	loaded->cmdline_max = CMDLINE_MAX_ELF;
	return load_elf(memory, source, source->kernel, source->kernel_size, loaded, err);
}

/* The vmlinux inside a bzImage. */
static int load_unpacked(const struct guest_memory *memory, const struct boot_source *source,
			 const struct bzimage *image, struct loaded_kernel *loaded, struct error *err)
{
	struct bzimage_vmlinux vmlinux;
	int code;

	code = bzimage_unpack(memory, source->name, image, &vmlinux, err);
	if (code)
		return code;
	code = load_elf(memory, source, vmlinux.data, vmlinux.size, loaded, err);
	bzimage_vmlinux_close(&vmlinux);
	return code;
}

static int load_bzimage(const struct guest_memory *memory, const struct boot_source *source,
			struct loaded_kernel *loaded, struct error *err)
{
	struct bzimage image;
	int code;

	code = bzimage_parse(source->name, source->kernel, source->kernel_size, &image, err);
	if (code)
		return code;
	loaded->has_setup = true;
	loaded->setup = image.setup;
	loaded->initrd_max = image.setup.initrd_addr_max;
	loaded->cmdline_max = image.setup.cmdline_size;
	if (image.decompressor && source->protocol != BOOT_PROTOCOL_BZIMAGE)
		return load_unpacked(memory, source, &image, loaded, err);
	if (source->protocol == BOOT_PROTOCOL_PVH || source->protocol == BOOT_PROTOCOL_LINUX64)
		return error_set(err, -EINVAL,
				 "kernel %s: its compression is none of gzip, xz, lzma, zstd and lz4; use "
				 "protocol auto",
				 source->name);
	loaded->protocol = BOOT_PROTOCOL_BZIMAGE;
	loaded->mode = BOOT_ENTRY_LONG;
	return bzimage_load(memory, source->name, &image, &loaded->entry, &loaded->end, err);
}

/* The architecture whose uncompressed Image this is, or NULL (Linux Documentation/arm64/booting.rst,
 * riscv/boot-image- header.rst): a likely mistake, worth a sentence of its own. */
static const char *foreign_architecture(const uint8_t *data, size_t size)
{
	if (size < IMAGE_MAGIC_OFFSET + IMAGE_MAGIC_SIZE)
		return NULL;
	if (!memcmp(data + IMAGE_MAGIC_OFFSET, "ARM\x64", IMAGE_MAGIC_SIZE))
		return "aarch64";
	if (!memcmp(data + IMAGE_MAGIC_OFFSET, "RSC\x05", IMAGE_MAGIC_SIZE))
		return "riscv";
	return NULL;
}

static int load_kernel(const struct guest_memory *memory, const struct boot_source *source,
		       struct loaded_kernel *loaded, struct error *err)
{
	const char *foreign = foreign_architecture(source->kernel, source->kernel_size);

	if (elf_probe(source->kernel, source->kernel_size))
		return load_vmlinux(memory, source, loaded, err);
	if (bzimage_probe(source->kernel, source->kernel_size))
		return load_bzimage(memory, source, loaded, err);
	if (foreign)
		return error_set(err, -EINVAL, "kernel %s: is for %s, this host runs x86-64 kernels",
				 source->name, foreign);
	return error_set(err, -EINVAL, "kernel %s: is neither a vmlinux nor a bzImage", source->name);
}

/* Puts initrd, command line and the structure that points to them into guest memory. */
static int hand_over(const struct guest_memory *memory, const struct boot_source *source,
		     const struct loaded_kernel *loaded, const struct e820_map *map, struct error *err)
{
	struct boot_handover handover = {
		.cmdline = LAYOUT_CMDLINE,
		.cmdline_max = loaded->cmdline_max,
		.initrd_size = source->initrd ? source->initrd_size : 0,
		.acpi_rsdp = source->acpi_rsdp,
		.map = map,
	};
	int code;

	code = cmdline_load(memory, source->name, source->cmdline ? source->cmdline : "", loaded->cmdline_max,
			    err);
	if (!code && handover.initrd_size)
		code = initrd_load(memory, source->name, source->initrd, handover.initrd_size, loaded->end,
				   loaded->initrd_max, &handover.initrd, err);
	if (code)
		return code;
	if (loaded->mode == BOOT_ENTRY_PVH)
		return pvh_write(memory, &handover, err);
	return linux64_write(memory, loaded->has_setup ? &loaded->setup : NULL, &handover, err);
}

int boot_prepare(const struct boot_source *source, struct error *err)
{
	struct bzimage image;
	struct error unfit; /* boot_load will say it */

	if (source->protocol == BOOT_PROTOCOL_BZIMAGE ||
	    !bzimage_probe(source->kernel, source->kernel_size) ||
	    bzimage_parse(source->name, source->kernel, source->kernel_size, &image, &unfit) < 0 ||
	    !image.decompressor || decompressor_load(image.decompressor) == 0)
		return 0;
	return error_set(
		err, -ENOPKG,
		"kernel %s: its %s compression needs the library %s (Debian package %s); or use protocol "
		"bzimage, with which the guest unpacks it",
		source->name, image.decompressor->name, image.decompressor->library,
		image.decompressor->package);
}

int boot_load(const struct guest_memory *memory, const struct boot_source *source, struct boot_entry *entry,
	      struct error *err)
{
	struct loaded_kernel loaded = {0};
	struct e820_map map;
	int code;

	code = e820_build(memory, &map, err);
	if (!code)
		code = load_kernel(memory, source, &loaded, err);
	if (!code)
		code = hand_over(memory, source, &loaded, &map, err);
	if (code)
		return code;
	*entry = (struct boot_entry){
		.mode = loaded.mode,
		.rip = loaded.entry,
		.info = LAYOUT_BOOT_PARAMS,
		.stack = LAYOUT_BOOT_STACK,
		.protocol = loaded.protocol,
	};
	return 0;
}
