/* Which descriptors the program that a fresh process executes finds open. */
#pragma once

/*
 * Makes `keep` the descriptors 0, 1, 2, ... of the program that is executed next, in their order; the same
 * one may come twice. private[] are kept until then and no longer, and their new numbers written there.
 * Everything else is closed, whatever its flags. A negative errno, and nothing is to be relied on. Allocates
 * nothing: a process that was just cloned may call it.
 */
int descriptors_place(const int *keep, unsigned count, int *private, unsigned private_count);
