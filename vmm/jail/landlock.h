/*
 * Landlock (landlock(7)): everything that this kernel's version of it can forbid, with no exception. Behind
 * the empty root that is a second lock on the same door. Part of jail_close.
 */
#pragma once

#include "common/error.h"

/* Wants no_new_privs. A kernel without Landlock is no error. */
int landlock_forbid_all(struct error *err);
