/*
 * tar(1), which packs and unpacks what `rastos-vmm cp` moves: GNU's or busybox', as a process with a pipe.
 *
 * One that unpacks reads what a guest, an enemy, has packed. It runs in the sandbox of vmm/storage/program.h,
 * which can make no device and write nowhere but in its folder, whatever tar itself makes of names that lead
 * elsewhere. Owners are the user, whatever the archive says. What it has made is looked at by unpacked.h
 * before anybody uses it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/error.h"

struct archive {
	pid_t pid;
	bool unpacks;
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
