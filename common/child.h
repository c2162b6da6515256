/*
 * A program that is run beside this one: with all signals as they are by default and none blocked, no
 * descriptor but its first three and those that are named, and this process' environment. Files in memory
 * take the place of pipes, so that neither side waits for the other.
 *
 * Descriptors stay the caller's. Any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct child {
	const char *path; /* a name without a slash is looked for in PATH */
	const char *const *argv;
	int input; /* -1: /dev/null, for the others, too */
	int output;
	int errors;
	const int *more; /* the descriptors that it finds from 3 on; each is open and above where it goes */
	unsigned more_count;
	bool session; /* one of its own: it hears nothing of our terminal */
};

/* 0, or a negative errno; -ENOENT: there is no such program. Whoever started it waits for its end. */
int child_spawn(const struct child *child, pid_t *pid);

/* The path of a program that is installed beside this one, whose file may have been replaced since: its folder
 * stays. Where it is not there, its name alone. path holds PATH_MAX bytes. */
void child_path_beside(const char *program, char *path);

/* Files in memory: one that holds these bytes, and one for as many at most: what does not fit is an error of
 * the child's, not the host's memory. A descriptor or a negative errno. */
int child_input(const void *bytes, size_t size);
int child_output(size_t size);
