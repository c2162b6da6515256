/*
 * What a guest's process writes to its standard error: a pipe, whose lines go into the manager's log, each
 * with the guest's name before it.
 *
 * The guest may have taken its process over. It writes at the pace of log_limited (common/log.h): what is too
 * much is left out, and told so; nothing but that guest is named at the beginning of a line, and a line is
 * bounded. The pipe never blocks: while no manager reads, words are lost. The next manager gives the process
 * a pipe of its own. Loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"
#include "common/log.h"
#include "common/loop.h"

#define GUEST_ERROR_MAX 400 /* bytes of a line; what is longer is cut */

struct managed_guest;

/* In struct managed_guest. */
struct guest_errors {
	struct loop_source source; /* our end of the pipe; -1: none */
	struct log_limit limit;
	size_t used;
	char line[GUEST_ERROR_MAX + 1];
};

/* A fresh pipe, which the loop reads from now on; *theirs is for the guest process, and the caller's to
 * close. */
int guest_errors_open(struct managed_guest *guest, int *theirs, struct error *err);
/* Says what came and was not read yet. */
void guest_errors_close(struct managed_guest *guest);
/* Reads again, after manager_hears. */
void guest_errors_resume(struct managed_guest *guest);
