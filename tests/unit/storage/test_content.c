/* What a file holds, by its first bytes. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm/storage/content.h"

static int file_with(uint64_t offset, const void *bytes, size_t size)
{
	int fd = memfd_create("content", 0);

	cr_assert_eq(ftruncate(fd, 1 << 20), 0);
	cr_assert_eq(pwrite(fd, bytes, size, (off_t)offset), (ssize_t)size);
	return fd;
}

static enum content probe(uint64_t offset, const void *bytes, size_t size)
{
	int fd = file_with(offset, bytes, size);
	enum content content = content_probe(fd, 0);

	close(fd);
	return content;
}

Test(content, formats_are_known_by_their_magic)
{
	cr_assert_eq(probe(0, "QFI\xfb", 4), CONTENT_QCOW2);
	cr_assert_eq(probe(512, "EFI PART", 8), CONTENT_GPT);
	cr_assert_eq(probe(510, "\x55\xaa", 2), CONTENT_MBR);
	cr_assert_eq(probe(1080, "\x53\xef", 2), CONTENT_EXT);
	cr_assert_eq(probe(0, "XFSB", 4), CONTENT_XFS);
	cr_assert_eq(probe(257, "ustar", 5), CONTENT_TAR);
	cr_assert_eq(probe(0, "\x1f\x8b\x08", 3), CONTENT_GZIP);
	cr_assert_eq(probe(0, "\xd0\x0d\xfe\xed", 4), CONTENT_FIT);
	cr_assert_eq(probe(0, "\xd0\x0d\xfe", 3), CONTENT_UNKNOWN);
	cr_assert_eq(probe(0, "\177ELF", 4), CONTENT_ELF);
	cr_assert_eq(probe(0, "hello", 5), CONTENT_UNKNOWN);
	cr_assert_eq(probe(0, "", 0), CONTENT_EMPTY);
}

Test(content, kernel_that_bears_an_mbr_signature_is_a_kernel)
{
	int fd = file_with(510, "\x55\xaa", 2);

	cr_assert_eq(pwrite(fd, "HdrS", 4, 0x202), 4);
	cr_assert_eq(content_probe(fd, 0), CONTENT_BZIMAGE);
	close(fd);
}

Test(content, partition_is_probed_at_its_offset)
{
	int fd = file_with(65536 + 1080, "\x53\xef", 2);

	cr_assert_eq(content_probe(fd, 65536), CONTENT_EXT);
	cr_assert_neq(content_probe(fd, 0), CONTENT_EXT);
	close(fd);
}

Test(content, short_file_is_no_format)
{
	int fd = memfd_create("short", 0);

	cr_assert_eq(content_probe(fd, 0), CONTENT_EMPTY);
	cr_assert_eq(write(fd, "Q", 1), 1);
	cr_assert_eq(content_probe(fd, 0), CONTENT_EMPTY);
	close(fd);
}

Test(content, uuid_of_ext4)
{
	static const uint8_t uuid[16] = {0x52, 0x61, 0x73, 0x4f, 0x53, 0x52, 0x4f, 0x4f,
					 0x54, 0x53, 0x53, 0x54, 0x4f, 0x43, 0x4b, 0x01};
	char text[CONTENT_UUID_TEXT];
	int fd = file_with(1080, "\x53\xef", 2);

	cr_assert_not(content_ext_uuid(fd, 0, text), "none is all zeros");
	cr_assert_eq(pwrite(fd, uuid, sizeof(uuid), 1024 + 0x68), (ssize_t)sizeof(uuid));
	cr_assert(content_ext_uuid(fd, 0, text));
	cr_assert_str_eq(text, "5261734f-5352-4f4f-5453-53544f434b01");
	close(fd);
}
