/*
 * tar(1), which packs and unpacks what `rastos-vmm cp` moves: GNU's or busybox', as a process with a pipe.
 *
 * One that unpacks reads what a guest, an enemy, has packed. Beside what tar itself does about names that
 * lead out of its folder, the kernel lets it write nowhere else, and make nothing but files, folders and
 * links (Landlock, where the kernel has it), and it runs with no_new_privs. Owners are the user's, whatever
 * the archive says. What it has made is looked at by unpacked.h before anybody uses it.
 */
#pragma once

#include <sys/types.h>

#include "common/error.h"

struct archive {
	pid_t pid;
	int fd; /* write the archive here, or read it from here; the caller may close it and set it to -1 */
	int errors; /* what it prints on standard error, of which it keeps no more than a pipe holds */
};

/* Packs name ("." for all) in folder. 0, or a negative errno and a sentence. */
int archive_pack(const char *folder, const char *name, struct archive *archive, struct error *err);
int archive_unpack(const char *folder, struct archive *archive, struct error *err);
/* Closes fd, waits for its end: 0, or -EIO and the first thing it said. */
int archive_finish(struct archive *archive, struct error *err);
/* Ends it; what it did is of no interest any more. */
void archive_cancel(struct archive *archive);

/* Copies the first line of text, with ? for what is no printable ASCII, so that it cannot tell a terminal
 * what to do. */
void printable_line(const char *text, char *line, size_t size);
