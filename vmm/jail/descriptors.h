/* Which descriptors a fresh process keeps of what it inherited. */
#pragma once

#include "common/error.h"

#define DESCRIPTORS_MAX 256

/* Closes everything but `keep` (in any order; negative ones are none) and standard error; standard input and
 * output become /dev/null. */
int descriptors_keep(const int *keep, unsigned count, struct error *err);
