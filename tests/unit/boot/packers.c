#include "tests/unit/boot/packers.h"

#include <criterion/criterion.h>
#include <lz4.h>
#include <lzma.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "common/util.h"

#define DICTIONARY MIB(32) /* of the kernel's xz_wrap.sh */

static struct packed room_for(size_t size)
{
	struct packed packed = {.size = size + size / 8 + KIB(64)};

	packed.bytes = malloc(packed.size);
	cr_assert_not_null(packed.bytes);
	return packed;
}

static struct packed pack_gzip(const uint8_t *data, size_t size)
{
	struct packed packed = room_for(size);
	z_stream stream = {.next_in = (uint8_t *)data,
			   .avail_in = size,
			   .next_out = packed.bytes,
			   .avail_out = packed.size};

	deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, MAX_WBITS + 16, 9, Z_DEFAULT_STRATEGY);
	cr_assert_eq(deflate(&stream, Z_FINISH), Z_STREAM_END);
	packed.size = stream.total_out;
	deflateEnd(&stream);
	return packed;
}

static struct packed pack_xz(const uint8_t *data, size_t size)
{
	struct packed packed = room_for(size);
	lzma_options_lzma options;
	lzma_filter filters[] = {{.id = LZMA_FILTER_X86},
				 {.id = LZMA_FILTER_LZMA2, .options = &options},
				 {.id = LZMA_VLI_UNKNOWN}};
	size_t used = 0;

	lzma_lzma_preset(&options, 0);
	options.dict_size = DICTIONARY;
	cr_assert_eq(lzma_stream_buffer_encode(filters, LZMA_CHECK_CRC32, NULL, data, size, packed.bytes,
					       &used, packed.size),
		     LZMA_OK);
	packed.size = used;
	return packed;
}

static struct packed pack_lzma(const uint8_t *data, size_t size)
{
	struct packed packed = room_for(size);
	lzma_stream stream = LZMA_STREAM_INIT;
	lzma_options_lzma options;

	lzma_lzma_preset(&options, 0);
	cr_assert_eq(lzma_alone_encoder(&stream, &options), LZMA_OK);
	stream.next_in = data;
	stream.avail_in = size;
	stream.next_out = packed.bytes;
	stream.avail_out = packed.size;
	cr_assert_eq(lzma_code(&stream, LZMA_FINISH), LZMA_STREAM_END);
	packed.size = stream.total_out;
	lzma_end(&stream);
	return packed;
}

/* Like "cat | zstd": the frame does not know how much will come. */
static struct packed pack_zstd(const uint8_t *data, size_t size)
{
	struct packed packed = room_for(size);
	ZSTD_CCtx *context = ZSTD_createCCtx();

	ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
	ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
	packed.size = ZSTD_compress2(context, packed.bytes, packed.size, data, size);
	cr_assert_not(ZSTD_isError(packed.size));
	ZSTD_freeCCtx(context);
	return packed;
}

static struct packed pack_lz4(const uint8_t *data, size_t size)
{
	static const uint8_t magic[] = {0x02, 0x21, 0x4c, 0x18};
	struct packed packed = room_for(size);
	size_t at = sizeof(magic);

	memcpy(packed.bytes, magic, sizeof(magic));
	for (size_t done = 0; done < size; done += MIB(8)) {
		uint32_t block;

		block = LZ4_compress_default((const char *)data + done,
					     (char *)packed.bytes + at + sizeof(block),
					     MIN(size - done, MIB(8)), packed.size - at - sizeof(block));
		cr_assert_neq(block, 0);
		memcpy(packed.bytes + at, &block, sizeof(block));
		at += sizeof(block) + block;
	}
	packed.size = at;
	return packed;
}

const struct packer packers[PACKERS_COUNT] = {
	{"gzip", 0, pack_gzip}, {"xz", 4, pack_xz},   {"lzma", 4, pack_lzma},
	{"zstd", 4, pack_zstd}, {"lz4", 4, pack_lz4},
};

struct packed packed_kernel(const struct packer *packer, const uint8_t *data, size_t size)
{
	struct packed packed = packer->pack(data, size);
	uint32_t unpacked = size;

	memcpy(packed.bytes + packed.size, &unpacked, packer->trailer_size); /* room_for left room */
	packed.size += packer->trailer_size;
	return packed;
}
