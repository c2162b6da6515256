/*
 * The kernel's command line: put together from parts, measured against the kernel's limit, written into guest
 * memory (Linux Documentation/admin-guide/kernel-parameters.rst; the limit: Documentation/x86/boot.rst,
 * cmdline_size).
 *
 * A command line is words separated by blanks, where double quotes hold blanks together. A word "--" ends the
 * kernel's part: what follows goes to init, so parameters are always added before it.
 *
 *     struct cmdline line;
 *     cmdline_init(&line);
 *     code = cmdline_append(&line, guest->cmdline, err) ?: cmdline_append(&line, "console=ttyS0", err);
 *
 * A failed append changes nothing. Lengths are bytes without the final NUL. No locking: one thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/guest_memory.h"

/* Room for a command line of ours; more than any x86 kernel takes. */
#define CMDLINE_CAPACITY 4096

/* The longest that a kernel takes which does not say: x86's COMMAND_LINE_SIZE less the NUL. */
#define CMDLINE_MAX_ELF 2047

struct cmdline {
	size_t length;
	char text[CMDLINE_CAPACITY]; /* always NUL-terminated */
};

void cmdline_init(struct cmdline *cmdline);

/* Adds parameters, a blank before them, in front of "--" if there is one. NULL and "" add nothing.
 * -E2BIG: they do not fit. */
int cmdline_append(struct cmdline *cmdline, const char *parameters, struct error *err);

/* Writes text and its NUL at LAYOUT_CMDLINE. -E2BIG: longer than max or than the room there; -ENOMEM: no
 * memory there. kernel is the kernel's name, for the error. */
int cmdline_load(const struct guest_memory *memory, const char *kernel, const char *text, size_t max,
		 struct error *err);
