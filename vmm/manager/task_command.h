/*
 * A command of this program in a process of its own: this binary again (/proc/self/exe, also when the file
 * was replaced meanwhile), with the manager's pool. It ends with the manager, by whatever death, and Ctrl-C
 * in the manager's terminal is not its. Of the manager's descriptors it has what it is given, and no other.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "vmm/config/settings.h"

#define TASK_ARGUMENTS_MAX 16

/* arguments end with NULL: "disk", "clone", ... input stays the caller's; -1: none. errors_too: its standard
 * error goes where its output does. Its process id, its pidfd, and where its output is read, which does not
 * block us and does block it; or a negative errno. */
pid_t task_command_start(const struct settings *settings, const char *const *arguments, int input,
			 bool errors_too, int *pidfd, int *output);
/* Of one that nobody is going to watch: kills it and waits for its end. */
void task_command_end(pid_t pid);
