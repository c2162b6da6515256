#include "hypervisor/boot/decompress.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/util.h"
#include "tests/unit/boot/packers.h"

/* More than one of lz4's blocks, and machine-code-like enough to be compressed by all. */
#define SAMPLE_SIZE (MIB(8) + KIB(100) + 17)

static uint8_t *make_sample(size_t size)
{
	uint8_t *sample = malloc(size);
	uint32_t state = 1;

	cr_assert_not_null(sample);
	for (size_t i = 0; i < size; i++) {
		state = state * 1664525 + 1013904223;
		sample[i] = i % 16 < 12 ? (uint8_t)(i >> 4) : (uint8_t)(state >> 29);
	}
	return sample;
}

/* Memory whose next page cannot be touched, so that a byte written too far ends the test. */
static uint8_t *make_guarded(size_t size)
{
	size_t pages = ALIGN_UP(size, (size_t)getpagesize());
	uint8_t *base =
		mmap(NULL, pages + getpagesize(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	cr_assert_neq(base, MAP_FAILED);
	cr_assert_eq(mprotect(base + pages, getpagesize(), PROT_NONE), 0);
	return base + pages - size;
}

Test(decompress, each_format_is_known_by_its_magic)
{
	for (unsigned i = 0; i < PACKERS_COUNT; i++) {
		struct packed packed = packers[i].pack((const uint8_t *)"kernel", 6);
		const struct decompressor *found = decompressor_find(packed.bytes, packed.size);

		cr_assert_not_null(found, "%s", packers[i].name);
		cr_assert_str_eq(found->name, packers[i].name);
		cr_assert_eq(found->trailer_size, packers[i].trailer_size);
		free(packed.bytes);
	}
}

Test(decompress, unknown_and_short_data_is_no_format)
{
	cr_assert_null(decompressor_find((const uint8_t *)"BZh91AY&SY", 10));
	cr_assert_null(decompressor_find((const uint8_t *)"\xfd"
							  "7zXZ",
					 5));
	cr_assert_null(decompressor_find(NULL, 0));
}

Test(decompress, whole_streams_come_back)
{
	uint8_t *sample = make_sample(SAMPLE_SIZE);
	uint8_t *out = make_guarded(SAMPLE_SIZE);

	for (unsigned i = 0; i < PACKERS_COUNT; i++) {
		struct packed packed = packers[i].pack(sample, SAMPLE_SIZE);
		const struct decompressor *found = decompressor_find(packed.bytes, packed.size);

		memset(out, 0, SAMPLE_SIZE);
		cr_assert_eq(decompress_whole(found, packed.bytes, packed.size, out, SAMPLE_SIZE), 0, "%s",
			     found->name);
		cr_assert_eq(memcmp(out, sample, SAMPLE_SIZE), 0, "%s", found->name);
		free(packed.bytes);
	}
	free(sample);
}

Test(decompress, head_is_the_start_and_nothing_more)
{
	uint8_t *sample = make_sample(SAMPLE_SIZE);
	uint8_t *out = make_guarded(4096);

	for (unsigned i = 0; i < PACKERS_COUNT; i++) {
		struct packed packed = packers[i].pack(sample, SAMPLE_SIZE);
		const struct decompressor *found = decompressor_find(packed.bytes, packed.size);

		memset(out, 0, 4096);
		cr_assert_eq(decompress_head(found, packed.bytes, packed.size, out, 4096), 0, "%s",
			     found->name);
		cr_assert_arr_eq(out, sample, 4096, "%s", found->name);
		free(packed.bytes);
	}
	free(sample);
}

Test(decompress, another_length_than_expected_is_damage)
{
	uint8_t *sample = make_sample(KIB(64));
	uint8_t *out = malloc(KIB(128));

	for (unsigned i = 0; i < PACKERS_COUNT; i++) {
		struct packed packed = packers[i].pack(sample, KIB(64));
		const struct decompressor *found = decompressor_find(packed.bytes, packed.size);

		cr_assert_eq(decompress_whole(found, packed.bytes, packed.size, out, KIB(64) - 1), -EBADMSG,
			     "%s", found->name);
		cr_assert_eq(decompress_whole(found, packed.bytes, packed.size, out, KIB(64) + 1), -EBADMSG,
			     "%s", found->name);
		cr_assert_eq(decompress_whole(found, packed.bytes, packed.size, out, 0), -EBADMSG, "%s",
			     found->name);
		cr_assert_eq(decompress_head(found, packed.bytes, packed.size, out, KIB(64) + 1), -EBADMSG,
			     "%s", found->name);
		free(packed.bytes);
	}
	free(out);
	free(sample);
}

Test(decompress, every_truncation_is_damage)
{
	uint8_t *sample = make_sample(KIB(2));
	uint8_t *out = make_guarded(KIB(2));

	for (unsigned i = 0; i < PACKERS_COUNT; i++) {
		struct packed packed = packers[i].pack(sample, KIB(2));
		const struct decompressor *found = decompressor_find(packed.bytes, packed.size);

		for (size_t size = found->magic_size; size < packed.size; size++) {
			uint8_t *part = make_guarded(size);

			memcpy(part, packed.bytes, size);
			cr_assert_eq(decompress_whole(found, part, size, out, KIB(2)), -EBADMSG, "%s at %zu",
				     found->name, size);
			munmap((void *)ALIGN_DOWN((uintptr_t)part, getpagesize()), size + getpagesize());
		}
		free(packed.bytes);
	}
	free(sample);
}

/* Of these, gzip, xz and zstd carry a checksum; all must keep to their memory. */
Test(decompress, flipped_bits_are_damage_where_there_is_a_checksum)
{
	uint8_t *sample = make_sample(KIB(2));
	uint8_t *out = make_guarded(KIB(2));

	for (unsigned i = 0; i < PACKERS_COUNT; i++) {
		struct packed packed = packers[i].pack(sample, KIB(2));
		const struct decompressor *found = decompressor_find(packed.bytes, packed.size);
		bool checked = packers[i].pack != packers[2].pack && packers[i].pack != packers[4].pack;

		for (size_t bit = found->magic_size * 8; bit < packed.size * 8; bit += 3) {
			packed.bytes[bit / 8] ^= 1 << bit % 8;
			if (decompress_whole(found, packed.bytes, packed.size, out, KIB(2)) == 0 && checked)
				cr_assert_eq(memcmp(out, sample, KIB(2)), 0, "%s bit %zu", found->name, bit);
			packed.bytes[bit / 8] ^= 1 << bit % 8;
		}
		free(packed.bytes);
	}
	free(sample);
}

/* "xz --lzma2=dict=1GiB": a decoder that does as the stream says would allocate all of it. */
Test(decompress, decoder_that_wants_too_much_memory_is_refused)
{
	uint8_t alone[] = {0x5d, 0,    0,    0,    0x40, 0xff, 0xff, 0xff, 0xff,
			   0xff, 0xff, 0xff, 0xff, 0,    0,    0,    0,    0};
	uint8_t out[16];

	cr_assert_eq(decompress_whole(decompressor_find(alone, sizeof(alone)), alone, sizeof(alone), out,
				      sizeof(out)),
		     -ENOMEM);
}
