/* Resource limits of a guest process (setrlimit(2)), which it cannot raise again. Part of jail_close. */
#pragma once

#include "vmm/jail/jail.h"

int limits_set(const struct jail_limits *limits, struct error *err);
