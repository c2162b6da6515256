/* The same operation on each of several guests, for commands that take any number of them. */
#pragma once

#include "vmm/cli/cli.h"

/*
 * Asks for op on all guests (ends with NULL), a handful at a time, so that those who take long do it
 * together; members go into each request and stay the caller's (NULL: none). A guest that cannot is said, and
 * the others' turn comes all the same; the first failure's code is returned.
 */
enum exit_code guests_do(const struct cli *cli, const char *op, char *const *guests, const cJSON *members);
