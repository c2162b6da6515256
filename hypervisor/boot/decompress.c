#include "hypervisor/boot/decompress.h"

#include <dlfcn.h>
#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <lz4.h>
#include <lzma.h>
#include <stdbool.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "common/util.h"

/* The most that a decoder of xz or lzma may allocate; the kernel packs with a dictionary of 32 MiB. */
#define LZMA_MEMORY_MAX MIB(160)

#define LZ4_MAGIC_SIZE     4
#define LZ4_BLOCK_SIZE     MIB(8) /* of a legacy frame, unpacked */
#define ZLIB_GZIP_WRAPPER  16     /* added to windowBits: gzip header and trailer expected (zlib.h) */
#define KERNEL_SIZE_APPEND 4      /* size_append of the kernel's scripts/Makefile.lib */

/* --- Their libraries --- */

struct library_function {
	const char *name;
	void **pointer;
};

/* A library that is loaded already is found by its name, wherever its file has gone. It stays: closing it
 * and loading it again would cost more than the little that it keeps. */
static int library_find(const char *soname, const struct library_function *functions, size_t count)
{
	void *library = dlopen(soname, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	int code = library ? 0 : -ENOPKG;

	for (size_t i = 0; i < count && code == 0; i++) {
		*functions[i].pointer = dlsym(library, functions[i].name);
		if (!*functions[i].pointer)
			code = -ENOPKG;
	}
	if (library)
		dlclose(library);
	return code;
}

#define LZMA_LIBRARY "liblzma.so.5"
#define ZSTD_LIBRARY "libzstd.so.1"
#define LZ4_LIBRARY  "liblz4.so.1"

#define LZMA_FUNCTIONS(X) X(lzma_stream_decoder) X(lzma_alone_decoder) X(lzma_code) X(lzma_end)
#define ZSTD_FUNCTIONS(X)                                                                                    \
	X(ZSTD_createDCtx) X(ZSTD_freeDCtx) X(ZSTD_decompressDCtx) X(ZSTD_decompressStream) X(ZSTD_isError)
#define LZ4_FUNCTIONS(X) X(LZ4_compressBound) X(LZ4_decompress_safe) X(LZ4_decompress_safe_partial)

#define POINTER(function)          __typeof__(function) *function;
#define NAME_AND_POINTER(function) {#function, (void **)&library->function},
/* clang-format off */
struct lzma_library { LZMA_FUNCTIONS(POINTER) };
struct zstd_library { ZSTD_FUNCTIONS(POINTER) };
struct lz4_library { LZ4_FUNCTIONS(POINTER) };
/* clang-format on */

static int lzma_library_find(struct lzma_library *library)
{
	const struct library_function functions[] = {LZMA_FUNCTIONS(NAME_AND_POINTER)};

	return library_find(LZMA_LIBRARY, functions, ARRAY_SIZE(functions));
}

static int zstd_library_find(struct zstd_library *library)
{
	const struct library_function functions[] = {ZSTD_FUNCTIONS(NAME_AND_POINTER)};

	return library_find(ZSTD_LIBRARY, functions, ARRAY_SIZE(functions));
}

static int lz4_library_find(struct lz4_library *library)
{
	const struct library_function functions[] = {LZ4_FUNCTIONS(NAME_AND_POINTER)};

	return library_find(LZ4_LIBRARY, functions, ARRAY_SIZE(functions));
}

/* --- The decoders --- */

static int gzip_run(const struct decompression *job)
{
	z_stream stream = {
		.next_in = (uint8_t *)job->data, /* zlib only reads it */
		.avail_in = (uInt)MIN(job->size, (size_t)UINT_MAX),
		.next_out = job->out,
		.avail_out = (uInt)MIN(job->out_size, (size_t)UINT_MAX),
	};
	bool full;
	int state;

	if (inflateInit2(&stream, MAX_WBITS + ZLIB_GZIP_WRAPPER) != Z_OK)
		return -ENOMEM;
	state = inflate(&stream, Z_FINISH);
	full = stream.total_out == job->out_size;
	inflateEnd(&stream);
	if (state == Z_MEM_ERROR)
		return -ENOMEM;
	return full && (state == Z_STREAM_END || !job->whole) ? 0 : -EBADMSG;
}

/* Runs a liblzma decoder that has been set up, and ends it. */
static int lzma_stream_run(const struct lzma_library *library, lzma_stream *stream,
			   const struct decompression *job)
{
	lzma_ret state;
	bool full;

	stream->next_in = job->data;
	stream->avail_in = job->size;
	stream->next_out = job->out;
	stream->avail_out = job->out_size;
	do { /* also with the output full: the checksum stands behind the last byte */
		state = library->lzma_code(stream, LZMA_FINISH);
	} while (state == LZMA_OK && (job->whole || stream->avail_out));
	full = stream->avail_out == 0;
	library->lzma_end(stream);
	if (state == LZMA_MEM_ERROR || state == LZMA_MEMLIMIT_ERROR)
		return -ENOMEM;
	return full && (state == LZMA_STREAM_END || !job->whole) ? 0 : -EBADMSG;
}

static int xz_run(const struct decompression *job)
{
	lzma_stream stream = LZMA_STREAM_INIT;
	struct lzma_library library;
	int code = lzma_library_find(&library);

	if (code < 0)
		return code;
	if (library.lzma_stream_decoder(&stream, LZMA_MEMORY_MAX, 0) != LZMA_OK)
		return -ENOMEM;
	return lzma_stream_run(&library, &stream, job);
}

static int lzma_run(const struct decompression *job)
{
	lzma_stream stream = LZMA_STREAM_INIT;
	struct lzma_library library;
	int code = lzma_library_find(&library);

	if (code < 0)
		return code;
	if (library.lzma_alone_decoder(&stream, LZMA_MEMORY_MAX) != LZMA_OK)
		return -ENOMEM;
	return lzma_stream_run(&library, &stream, job);
}

/* By the streaming interface, which stops where the output is full. */
static bool zstd_fill(const struct zstd_library *library, ZSTD_DCtx *context, const struct decompression *job)
{
	ZSTD_inBuffer input = {.src = job->data, .size = job->size};
	ZSTD_outBuffer output = {.dst = job->out, .size = job->out_size};
	size_t state;

	do {
		state = library->ZSTD_decompressStream(context, &output, &input);
	} while (!library->ZSTD_isError(state) && state != 0 && output.pos < output.size &&
		 input.pos < input.size);
	return output.pos == output.size;
}

/* The whole in one call: nothing is kept in a window and copied out of it, as streaming would. */
static int zstd_run(const struct decompression *job)
{
	struct zstd_library library;
	int code = zstd_library_find(&library);
	ZSTD_DCtx *context;
	bool full;

	if (code < 0)
		return code;
	context = library.ZSTD_createDCtx();
	if (!context)
		return -ENOMEM;
	if (job->whole) /* an error's code is larger than any size */
		full = library.ZSTD_decompressDCtx(context, job->out, job->out_size, job->data, job->size) ==
		       job->out_size;
	else
		full = zstd_fill(&library, context, job);
	library.ZSTD_freeDCtx(context);
	return full ? 0 : -EBADMSG;
}

/* One block at *at of the input, *done of the output; moves both on. */
static int lz4_block(const struct lz4_library *library, const struct decompression *job, size_t *at,
		     size_t *done)
{
	const char *block = (const char *)job->data + *at + sizeof(uint32_t);
	char *out = (char *)job->out + *done;
	int room = (int)MIN(job->out_size - *done, (size_t)LZ4_BLOCK_SIZE);
	uint32_t size;
	int written;

	if (job->size - *at < sizeof(size))
		return -EBADMSG;
	memcpy(&size, job->data + *at, sizeof(size));
	size = le32toh(size);
	*at += sizeof(size);
	if (size > job->size - *at || size > (uint32_t)library->LZ4_compressBound(LZ4_BLOCK_SIZE))
		return -EBADMSG;
	if (job->whole)
		written = library->LZ4_decompress_safe(block, out, (int)size, room);
	else
		written = library->LZ4_decompress_safe_partial(block, out, (int)size, room, room);
	if (written <= 0)
		return -EBADMSG;
	*at += size;
	*done += (size_t)written;
	return 0;
}

static int lz4_run(const struct decompression *job)
{
	struct lz4_library library;
	size_t at = LZ4_MAGIC_SIZE;
	size_t done = 0;
	int code = lz4_library_find(&library);

	if (code < 0)
		return code;
	while (done < job->out_size) {
		if (lz4_block(&library, job, &at, &done))
			return -EBADMSG;
	}
	return at == job->size || !job->whole ? 0 : -EBADMSG;
}

/* clang-format off */
static const struct decompressor decompressors[] = {
	{"gzip", {0x1f, 0x8b, 0x08}, 3, 0, NULL, NULL, gzip_run}, /* its own trailer ends with the size */
	{"xz", {0xfd, '7', 'z', 'X', 'Z', 0x00}, 6, KERNEL_SIZE_APPEND, LZMA_LIBRARY, "liblzma5", xz_run},
	{"lzma", {0x5d, 0x00, 0x00}, 3, KERNEL_SIZE_APPEND, LZMA_LIBRARY, "liblzma5", lzma_run},
	{"zstd", {0x28, 0xb5, 0x2f, 0xfd}, 4, KERNEL_SIZE_APPEND, ZSTD_LIBRARY, "libzstd1", zstd_run},
	{"lz4", {0x02, 0x21, 0x4c, 0x18}, 4, KERNEL_SIZE_APPEND, LZ4_LIBRARY, "liblz4-1", lz4_run},
};
/* clang-format on */

const struct decompressor *decompressor_find(const uint8_t *data, size_t size)
{
	for (unsigned i = 0; i < ARRAY_SIZE(decompressors); i++) {
		const struct decompressor *candidate = &decompressors[i];

		if (size >= candidate->magic_size && !memcmp(data, candidate->magic, candidate->magic_size))
			return candidate;
	}
	return NULL;
}

int decompressor_load(const struct decompressor *decompressor)
{
	return decompressor->library ? library_find(decompressor->library, NULL, 0) : 0;
}

int decompress_head(const struct decompressor *decompressor, const uint8_t *data, size_t size, uint8_t *out,
		    size_t out_size)
{
	return decompressor->run(&(struct decompression){
		.data = data, .size = size, .out = out, .out_size = out_size, .whole = false});
}

int decompress_whole(const struct decompressor *decompressor, const uint8_t *data, size_t size, uint8_t *out,
		     size_t out_size)
{
	return decompressor->run(&(struct decompression){
		.data = data, .size = size, .out = out, .out_size = out_size, .whole = true});
}
