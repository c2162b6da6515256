/*
 * qcow2 by qemu-img. The header (QEMU docs/interop/qcow2.txt) is looked at before QEMU opens the file: an
 * image may name further files, which QEMU would then open too.
 */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "vmm/storage/import.h"
#include "vmm/storage/program.h"

#define VERSION_OFFSET      4
#define BACKING_OFFSET      8
#define SIZE_OFFSET         24
#define CRYPT_OFFSET        32
#define INCOMPATIBLE_OFFSET 72 /* version 3 on */
#define HEADER_SIZE         80
#define EXTERNAL_DATA       (UINT64_C(1) << 2)
#define CONVERT_MEMORY_MAX  GIB(4)
#define OUTPUT_TAIL         32

static uint32_t read_u32(const uint8_t *header, size_t offset)
{
	uint32_t value;

	memcpy(&value, header + offset, sizeof(value));
	return be32toh(value);
}

static uint64_t read_u64(const uint8_t *header, size_t offset)
{
	uint64_t value;

	memcpy(&value, header + offset, sizeof(value));
	return be64toh(value);
}

static int check_header(const struct import_job *job, uint64_t *size, struct error *err)
{
	uint8_t header[HEADER_SIZE];
	uint32_t version;

	if (pread(job->source, header, sizeof(header), 0) != sizeof(header) ||
	    memcmp(header, "QFI\xfb", 4) != 0)
		return error_set(err, -EINVAL, "%s: is not a qcow2 image", job->about);
	version = read_u32(header, VERSION_OFFSET);
	*size = read_u64(header, SIZE_OFFSET);
	if (version != 2 && version != 3)
		return error_set(err, -EOPNOTSUPP, "%s: is qcow2 of version %u, 2 and 3 are known",
				 job->about, version);
	if (read_u64(header, BACKING_OFFSET) ||
	    (version >= 3 && read_u64(header, INCOMPATIBLE_OFFSET) & EXTERNAL_DATA))
		return error_set(
			err, -EOPNOTSUPP,
			"%s: needs another file (a backing or data file); `qemu-img convert -O qcow2` puts "
			"both into one image",
			job->about);
	if (read_u32(header, CRYPT_OFFSET))
		return error_set(err, -EOPNOTSUPP, "%s: is encrypted", job->about);
	if (*size == 0 || *size > POOL_SIZE_MAX)
		return error_set(err, -EINVAL,
				 "%s: says that it has %llu bytes, from 1 byte to 64 TiB are possible",
				 job->about, (unsigned long long)*size);
	return 0;
}

struct conversion {
	int output;
	uint64_t size; /* bytes of the image that it makes */
};

/* qemu-img -p prints "    (12.34/100%)", each over the last. */
static bool converted_bytes(const struct program *program, uint64_t *done, uint64_t *total)
{
	const struct conversion *conversion = program->context;
	char tail[OUTPUT_TAIL + 1] = "";
	off_t end = lseek(conversion->output, 0, SEEK_CUR);
	off_t from = MAX(end - OUTPUT_TAIL, (off_t)0);
	const char *open;
	double percent;

	if (end <= 0 || pread(conversion->output, tail, (size_t)(end - from), from) <= 0)
		return false;
	open = strrchr(tail, '(');
	if (!open || sscanf(open, "(%lf/100%%)", &percent) != 1 || !(percent >= 0 && percent <= 100))
		return false;
	*total = conversion->size;
	*done = (uint64_t)(percent / 100 * (double)conversion->size);
	return true;
}

static int convert(const struct import_job *job, uint64_t size, int output, struct error *err)
{
	const char *const argv[] = {"qemu-img", "convert", "-p",           "-f",        "qcow2",
				    "-O",       "raw",     PROGRAM_SOURCE, DRAFT_IMAGE, NULL};
	struct conversion conversion = {output, size};
	struct program program = program_of(argv, "qemu-utils", job->about);

	program.output = output;
	program.folder = job->draft->folder;
	program.source = job->source;
	program.memory_max = CONVERT_MEMORY_MAX;
	program.file_max = ALIGN_UP(size, UINT64_C(512));
	program.progress = job->import->progress;
	program.step = "converting";
	program.bytes = converted_bytes;
	program.context = &conversion;
	return program_run(&program, err);
}

int import_qcow2(const struct import_job *job, struct error *err)
{
	AUTO_FCLOSE FILE *output = tmpfile();
	uint64_t size = 0;
	int code = check_header(job, &size, err);

	if (code == 0 && !output)
		code = error_set(err, -errno, "%s: cannot make a temporary file: %m", job->about);
	return code < 0 ? code : convert(job, size, fileno(output), err);
}
