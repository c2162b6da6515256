/*
 * Runs a well-kept program (tar, mkfs.ext4, qemu-img, debugfs ...) on what may be hostile: an archive, a
 * disk.
 *
 * The program gets as little as it needs. It runs in namespaces of its own, with no capability outside of
 * them: it sees and signals no other process, has no network and no sockets, nor any other system call that
 * reaches beyond files (sandbox_filter_make.c); no new privileges; limits (core, files, memory, time). Of the
 * file system it sees the system's programs and libraries, what it may read as PROGRAM_SOURCE, and its
 * folder, where it runs, and may write (sandbox_root.h); where the kernel has Landlock, that says so once
 * more. No shell is involved. It ends with its parent.
 *
 *      descriptor 0   input    or /dev/null
 *                 1   output   or thrown away
 *                 2   kept: the last line is the reason when it fails
 *
 * In its namespace it is root. Outside, run by root, it is a user that nobody else is, or, to read its
 * source, nobody or the source's group or owner; the folder and root's files right in it become that user's,
 * and stay it. Run by a user it is that user; with PROGRAM_OWNERS_MANY it has the ids of /etc/subuid, too.
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

#define PROGRAM_SOURCE       "/source"
#define PROGRAM_MESSAGES_MAX 65536

/* Whom files that it makes can belong to. */
enum program_owners {
	PROGRAM_OWNER_ONE,
	PROGRAM_OWNERS_MANY, /* ids from 0 on, which outside are others */
	PROGRAM_OWNERS_REAL, /* as root: the host's own, to read or remove what anybody has made; else as ONE
			      */
};

struct program {
	const char *const *argv; /* ends with NULL; argv[0] is looked for in PATH */
	const char *package;     /* the Debian package that has it */
	const char *about;       /* what errors begin with: "disk web" */
	int input, output;       /* -1: none */
	int source;              /* a file, a folder or a disk; -1: none */
	int folder;              /* -1: none */
	enum program_owners owners;
	int success_max;      /* the largest exit status that means success */
	unsigned seconds;     /* 0: no limit */
	uint64_t deadline_ms; /* as program_now_ms; 0: none */
	uint64_t memory_max;  /* bytes of address space; 0: no limit */
	uint64_t file_max;    /* bytes of one file it writes; 0: no limit */
	/* What is told while it runs. bytes is asked how many are done, of how many (not 0); false, or NULL:
	 * not known. */
	struct progress *progress;
	const char *step;
	bool (*bytes)(const struct program *program, uint64_t *done, uint64_t *total);
	const void *context; /* bytes' */
};

/* A program with no descriptors. */
struct program program_of(const char *const *argv, const char *package, const char *about);
int program_run(const struct program *program, struct error *err);
/* The same, its output kept as text of less than PROGRAM_MESSAGES_MAX bytes; the caller frees it. */
int program_read(const struct program *program, char **text, struct error *err);
