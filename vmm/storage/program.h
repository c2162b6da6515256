/*
 * Runs a well-kept program (tar, mkfs.ext4, qemu-img, debugfs ...) on what may be hostile: an archive, a
 * disk.
 *
 * The program gets as little as it needs. It runs in namespaces of its own, with no capability outside of
 * them: it sees and signals no other process, has no network and no sockets, nor any other system call that
 * reaches beyond files (sandbox_filter_make.c); no new privileges; limits (core, files, memory, time). Where
 * the kernel has Landlock, it may write to its folder only and read that, the system's programs and
 * libraries, and what is named. No shell is involved. It ends with its parent.
 *
 *      descriptor 0   input    or /dev/null
 *                 1   output   or thrown away
 *                 2   kept: the last line is the reason when it fails
 *                 3   extra    where it is given, e.g. /proc/self/fd/3 as a file's name
 *
 * The namespace has root's id and, with `many_owners`, others: as root all, else what /etc/subuid grants the
 * user. Without it files that the program makes belong to the caller. Run by root, a program without a
 * folder that only reads `extra` is nobody instead; the file's group or owner, where nobody may not read it.
 *
 * program_run blocks; it forks, so that in a process with threads only one may be in it while descriptors
 * without O_CLOEXEC are being made. 0, or a negative errno and one sentence: -ENOENT not installed (the
 * sentence names the package), -ETIMEDOUT, -EIO it failed.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "vmm/storage/progress.h"

#define PROGRAM_READABLE_MAX 4
#define PROGRAM_MESSAGES_MAX 65536

struct program {
	const char *const *argv;                    /* ends with NULL; argv[0] is looked for in PATH */
	const char *package;                        /* the Debian package that has it */
	const char *about;                          /* what errors begin with: "disk web" */
	int input, output, extra;                   /* -1: none */
	int folder;                                 /* where it runs and may write; -1: nowhere */
	const char *readable[PROGRAM_READABLE_MAX]; /* what else it may read, with all that is below */
	bool many_owners;
	int success_max;      /* the largest exit status that means success */
	unsigned seconds;     /* 0: no limit */
	uint64_t deadline_ms; /* as program_now_ms; 0: none */
	uint64_t memory_max;  /* bytes of address space; 0: no limit */
	uint64_t file_max;    /* bytes of one file it writes; 0: no limit */
	/* What is told while it runs. percent is asked for the share that is done; NULL: not known. */
	struct progress *progress;
	const char *step;
	int (*percent)(const struct program *program);
	const void *context; /* percent's */
};

/* A program with no descriptors. */
struct program program_of(const char *const *argv, const char *package, const char *about);
int program_run(const struct program *program, struct error *err);
/* The same, its output kept as text of less than PROGRAM_MESSAGES_MAX bytes; the caller frees it. */
int program_read(const struct program *program, char **text, struct error *err);
