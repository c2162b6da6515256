/*
 * Runs the command of an `rastos-vmm exec` (common/exec_wire.h) as the user and in the folder that it names,
 * with pipes or a terminal of its own. For the helper beside PID 1.
 */
#pragma once

#include "common/exec_wire.h"

struct exec_command {
	pid_t pid;  /* of its session and group too */
	int input;  /* writes to its standard input; -1: it has none */
	int output; /* reads what it prints; the same terminal as input when it has one */
	int error;  /* -1: goes where its output goes */
};

/*
 * 0, and descriptors that do not block, the caller's to close. Otherwise a negative errno, and *failure says
 * what went wrong and how the command's exit status shows it.
 */
int exec_command_start(const struct exec_request *request, struct exec_command *command,
		       struct exec_exit *failure);
void exec_command_window(const struct exec_command *command, uint16_t rows, uint16_t columns);
