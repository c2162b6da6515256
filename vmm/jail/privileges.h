/* What a guest process gives up for good: every capability, and the ways to get one. Part of jail_close. */
#pragma once

#include "common/error.h"

/* No capability in any set, no_new_privs, a session keyring of its own. */
int privileges_drop(struct error *err);
/* no_new_privs alone, which filters want; for a process that stays its user's own. */
int privileges_freeze(struct error *err);
