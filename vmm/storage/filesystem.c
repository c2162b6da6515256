#include "vmm/storage/filesystem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/util.h"

#define LABEL_MAX       16
#define INODES_RESERVE  1024
#define BYTES_PER_INODE KIB(16) /* mke2fs.conf(5) */
#define BLOCK           KIB(4)

/* What is in a folder, as du(1) counts it. */
struct tree_size {
	unsigned long long kib;
	unsigned long long inodes;
};

/* As programs see it. */
static const char *source_name(const struct filesystem_source *source)
{
	return source->folder < 0 ? source->name : PROGRAM_SOURCE;
}

static int measure_one(const struct draft *draft, const struct filesystem_source *source, const char *option,
		       unsigned long long *number, struct error *err)
{
	const char *const argv[] = {"du", "-s", "-x", option, "--", source_name(source), NULL};
	struct program program = program_of(argv, "coreutils", source->about);
	AUTO_FREE char *text = NULL;
	int code;

	program.folder = draft->folder;
	program.source = source->folder;
	program.owners = source->owners;
	code = program_read(&program, &text, err);
	if (code == 0 && sscanf(text, "%llu", number) != 1)
		code = error_set(err, -EIO, "%s: du does not say how large it is", source->about);
	return code;
}

static uint64_t filesystem_size(const struct filesystem_source *source, const struct tree_size *tree)
{
	uint64_t wanted = MAX(tree->kib * 2 * 1024, FILESYSTEM_SIZE_MIN);

	return ALIGN_UP(source->size ? source->size : wanted, BLOCK);
}

/* mkfs.ext4 writes little but what it copies, and is not done before it has ended. */
struct copying {
	int folder;
	uint64_t bytes;
};

static bool copied_bytes(const struct program *program, uint64_t *done, uint64_t *total)
{
	const struct copying *copying = program->context;
	struct stat status;

	if (copying->bytes == 0 || fstatat(copying->folder, DRAFT_IMAGE, &status, 0) < 0)
		return false;
	*total = copying->bytes;
	*done = MIN((uint64_t)status.st_blocks * 512, *total - (*total + 99) / 100);
	return true;
}

static int make(const struct draft *draft, const struct filesystem_source *source, uint64_t size,
		const struct tree_size *tree, struct progress *progress, struct error *err)
{
	struct copying copying = {.folder = draft->folder, .bytes = tree->kib * 1024};
	char label[LABEL_MAX + 1], inodes[24], blocks[24];
	const char *const argv[] = {
		"mkfs.ext4",
		"-q",
		"-F",
		"-m",
		"0",
		"-b",
		"4096",
		"-L",
		label,
		"-N",
		inodes,
		"-E",
		"assume_storage_prezeroed=1,root_owner=0:0",
		"-d",
		source_name(source),
		DRAFT_IMAGE,
		blocks,
		NULL,
	};
	struct program program = program_of(argv, "e2fsprogs", source->about);

	snprintf(label, sizeof(label), "%s", source->label);
	snprintf(inodes, sizeof(inodes), "%llu",
		 MAX(tree->inodes * 5 / 4 + INODES_RESERVE, (unsigned long long)(size / BYTES_PER_INODE)));
	snprintf(blocks, sizeof(blocks), "%llu", (unsigned long long)(size / BLOCK));
	program.folder = draft->folder;
	program.source = source->folder;
	program.owners = source->owners;
	program.file_max = size;
	program.progress = progress;
	program.step = "making the file system";
	program.bytes = copied_bytes;
	program.context = &copying;
	return program_run(&program, err);
}

int filesystem_make(const struct draft *draft, const struct filesystem_source *source,
		    struct progress *progress, struct error *err)
{
	AUTO_CLOSE int image = -1;
	struct tree_size tree = {0};
	uint64_t size;
	int code = measure_one(draft, source, "-k", &tree.kib, err);

	if (code == 0)
		code = measure_one(draft, source, "--inodes", &tree.inodes, err);
	if (code < 0)
		return code;
	size = filesystem_size(source, &tree);
	if (tree.kib * 1024 > size)
		return error_set(err, -ENOSPC, "%s: %llu MiB are to go into %llu MiB; give it a larger size",
				 source->about, tree.kib / 1024, (unsigned long long)(size >> 20));
	code = draft_image(draft, size, &image, err);
	return code < 0 ? code : make(draft, source, size, &tree, progress, err);
}

static int grow_step(const struct draft *draft, const char *const *argv, const char *about, const char *step,
		     int success_max, struct progress *progress, struct error *err)
{
	struct program program = program_of(argv, "e2fsprogs", about);

	program.folder = draft->folder;
	program.success_max = success_max;
	program.progress = progress;
	program.step = step;
	return program_run(&program, err);
}

int filesystem_grow(const struct draft *draft, const char *name, struct progress *progress, struct error *err)
{
	static const char *const check[] = {"e2fsck", "-f", "-p", DRAFT_IMAGE, NULL};
	static const char *const grow[] = {"resize2fs", DRAFT_IMAGE, NULL};
	char about[DEFINITION_NAME_MAX + sizeof("disk ")];
	int code;

	snprintf(about, sizeof(about), "disk %s", name);
	/* 1: errors were corrected; e2fsck(8). */
	code = grow_step(draft, check, about, "checking the file system", 1, progress, err);
	return code < 0 ? code : grow_step(draft, grow, about, "growing the file system", 0, progress, err);
}
