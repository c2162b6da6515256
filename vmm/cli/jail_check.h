/*
 * Whether this host gives a guest process its jail: a process that goes into one and ends. It executes this
 * program as a guest process does, with a command that is not for people.
 */
#pragma once

#include "common/error.h"
#include "vmm/config/settings.h"
#include "vmm/exit_code.h"

#define JAIL_CHECK_COMMAND "jail-check"

int jail_check(const struct settings *settings, struct error *err);
/* In the jail. */
enum exit_code command_jail_check(void);
