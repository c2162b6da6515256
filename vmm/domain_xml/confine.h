/*
 * Closes rastos-domain-xml in, before it reads a byte of what it is given: it may end up being somebody
 * else's.
 *
 *      confine_begin   no new privileges; limits; of all files it may only read libvirt's schemas (Landlock,
 * where the kernel has it); it ends with its parent confine_end     when the schemas have been read: it may
 * read, write, take memory and end (seccomp), and no more; any other system call ends it
 *
 * seccomp(2), landlock(7), prctl(2).
 */
#pragma once

#include "common/error.h"

int confine_begin(struct error *err);
int confine_end(struct error *err);
