#include "hypervisor/boot/bzimage.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "hypervisor/boot/elf.h"
#include "hypervisor/boot/linux64.h"
#include "hypervisor/x86_64/layout.h"

/* boot.rst, "The Real-Mode Kernel Header" */
#define SETUP_HEADER_OFFSET 0x1f1
#define SETUP_JUMP_OFFSET                                                                                    \
	0x200 /* a short jump over the header: its second byte says where the header ends                    \
	       */
#define SETUP_JUMP_SIZE     2
#define SETUP_SECTS_DEFAULT 4 /* what 0 means */
#define SECTOR_SIZE         512U
#define SYSSIZE_UNIT        16U
#define PROTOCOL_PAYLOAD    0x0208 /* payload_offset, payload_length */
#define PROTOCOL_64BIT      0x020c /* xloadflags */

/* The size of the unpacked kernel, the last four bytes of a payload whatever its compression. */
#define PAYLOAD_SIZE_FIELD sizeof(uint32_t)

bool bzimage_probe(const uint8_t *data, size_t size)
{
	uint16_t boot_flag;
	uint32_t magic;

	if (size < sizeof(struct setup_header) + SETUP_HEADER_OFFSET)
		return false;
	memcpy(&boot_flag, data + offsetof(struct boot_params, hdr.boot_flag), sizeof(boot_flag));
	memcpy(&magic, data + offsetof(struct boot_params, hdr.header), sizeof(magic));
	return le16toh(boot_flag) == LINUX64_BOOT_FLAG && le32toh(magic) == LINUX64_SETUP_MAGIC;
}

/* Takes the setup header, as long as the file says it is. */
static void read_setup(const uint8_t *data, struct setup_header *setup)
{
	size_t end = SETUP_JUMP_OFFSET + SETUP_JUMP_SIZE + data[SETUP_JUMP_OFFSET + 1];

	memset(setup, 0, sizeof(*setup));
	memcpy(setup, data + SETUP_HEADER_OFFSET, MIN(end - SETUP_HEADER_OFFSET, sizeof(*setup)));
}

static int find_kernel(const char *name, const uint8_t *data, size_t size, struct bzimage *image,
		       struct error *err)
{
	size_t sectors = image->setup.setup_sects ? image->setup.setup_sects : SETUP_SECTS_DEFAULT;
	size_t setup_size = (sectors + 1) * SECTOR_SIZE;
	size_t kernel_size = (size_t)image->setup.syssize * SYSSIZE_UNIT;

	if (setup_size >= size || kernel_size > size - setup_size)
		return error_set(err, -EINVAL, "kernel %s: is truncated: %zu bytes of %zu are there", name,
				 size, setup_size + kernel_size);
	image->kernel = data + setup_size;
	image->kernel_size = kernel_size;
	return 0;
}

static int find_payload(const char *name, struct bzimage *image, struct error *err)
{
	size_t offset = image->setup.payload_offset;
	size_t length = image->setup.payload_length;

	if (offset > image->kernel_size || length > image->kernel_size - offset ||
	    length < 2 * PAYLOAD_SIZE_FIELD)
		return error_set(err, -EINVAL, "kernel %s: its compressed part lies outside of the file",
				 name);
	image->payload = image->kernel + offset;
	image->payload_size = length;
	image->decompressor = decompressor_find(image->payload, length);
	return 0;
}

int bzimage_parse(const char *name, const uint8_t *data, size_t size, struct bzimage *image,
		  struct error *err)
{
	int code;

	if (!bzimage_probe(data, size))
		return error_set(err, -EINVAL, "kernel %s: is no bzImage", name);
	read_setup(data, &image->setup);
	if (image->setup.version < PROTOCOL_PAYLOAD)
		return error_set(err, -EINVAL,
				 "kernel %s: speaks boot protocol %u.%02u; 2.08 (Linux 2.6.26) and newer can "
				 "be booted",
				 name, image->setup.version >> 8, image->setup.version & 0xffU);
	if (!(image->setup.loadflags & LOADED_HIGH))
		return error_set(err, -EINVAL, "kernel %s: is a zImage, loaded below 1 MiB; build a bzImage",
				 name);
	code = find_kernel(name, data, size, image, err);
	return code ? code : find_payload(name, image, err);
}

static size_t unpacked_size(const struct bzimage *image)
{
	uint32_t size;

	memcpy(&size, image->payload + image->payload_size - PAYLOAD_SIZE_FIELD, sizeof(size));
	return le32toh(size);
}

/* Where to unpack to: the right place in guest memory, or NULL. */
static uint8_t *find_flat_place(const struct guest_memory *memory, const struct bzimage *image,
				size_t stream_size, size_t size)
{
	uint8_t head[ELF_HEAD_SIZE];
	size_t head_size = MIN(sizeof(head), size);
	uint64_t address;

	if (decompress_head(image->decompressor, image->payload, stream_size, head, head_size) ||
	    !elf_flat_address(head, head_size, size, &address))
		return NULL;
	return guest_memory_at(memory, address, size);
}

int bzimage_unpack(const struct guest_memory *memory, const char *name, const struct bzimage *image,
		   struct bzimage_vmlinux *vmlinux, struct error *err)
{
	size_t stream_size = image->payload_size - image->decompressor->trailer_size;
	size_t size = unpacked_size(image);
	uint8_t *place;
	int code;

	*vmlinux = (struct bzimage_vmlinux){.size = size};
	if (size > guest_memory_size(memory))
		return error_set(
			err, -ENOMEM,
			"kernel %s: unpacks to %zu MiB, the guest has %llu MiB of memory; give it more", name,
			size >> 20, (unsigned long long)(guest_memory_size(memory) >> 20));
	place = find_flat_place(memory, image, stream_size, size);
	if (!place)
		place = vmlinux->buffer = malloc(size + 1); /* malloc(0) may be NULL */
	if (!place)
		return error_set(err, -ENOMEM, "kernel %s: no memory on this host to unpack %zu MiB", name,
				 size >> 20);
	vmlinux->data = place;
	code = decompress_whole(image->decompressor, image->payload, stream_size, place, size);
	if (code == 0)
		return 0;
	bzimage_vmlinux_close(vmlinux);
	if (code == -ENOMEM)
		return error_set(err, -ENOMEM, "kernel %s: no memory on this host to undo its %s compression",
				 name, image->decompressor->name);
	if (code == -ENOPKG)
		return error_set(err, -ENOPKG, "kernel %s: its %s compression needs the library %s", name,
				 image->decompressor->name, image->decompressor->library);
	return error_set(err, -EINVAL, "kernel %s: its %s-compressed part is damaged", name,
			 image->decompressor->name);
}

void bzimage_vmlinux_close(struct bzimage_vmlinux *vmlinux)
{
	free(vmlinux->buffer);
	*vmlinux = (struct bzimage_vmlinux){0};
}

int bzimage_load(const struct guest_memory *memory, const char *name, const struct bzimage *image,
		 uint64_t *entry, uint64_t *end, struct error *err)
{
	uint64_t address = image->setup.pref_address;
	uint64_t needed = MAX((uint64_t)image->setup.init_size, (uint64_t)image->kernel_size);
	uint8_t *place = guest_memory_at(memory, address, needed);

	if (image->setup.version < PROTOCOL_64BIT || !(image->setup.xloadflags & XLF_KERNEL_64) ||
	    image->kernel_size <= LINUX64_ENTRY_OFFSET)
		return error_set(err, -EINVAL,
				 "kernel %s: has no 64-bit entry; this host runs x86-64 kernels", name);
	if (address < LAYOUT_KERNEL)
		return error_set(err, -EINVAL, "kernel %s: wants to run at %#llx, kernels go above 1 MiB",
				 name, (unsigned long long)address);
	if (!place)
		return error_set(err, -ENOMEM,
				 "kernel %s: needs %llu MiB of guest memory from %#llx on, the guest has "
				 "%llu MiB; give "
				 "it more",
				 name, (unsigned long long)(needed >> 20), (unsigned long long)address,
				 (unsigned long long)(guest_memory_size(memory) >> 20));
	memcpy(place, image->kernel, image->kernel_size);
	*entry = address + LINUX64_ENTRY_OFFSET;
	*end = address + needed;
	return 0;
}
