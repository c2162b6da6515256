/* What a guest process may until its jail is closed, and what it then gives up for good: every capability,
 * and the ways to get one. */
#pragma once

#include "common/error.h"

/* The program that is executed next keeps the capabilities that jail_close needs; all must be held. A
 * negative errno; allocates nothing. Part of jail_spawn. */
int privileges_hand_on(void);
/* No capability in any set, no_new_privs, a session keyring of its own. Part of jail_close. */
int privileges_drop(struct error *err);
/* The same, but for those over files of all users of its namespace, which are root's there: to act as any of
 * them, to give files away, to go where they may not; and to change its root. */
int privileges_keep_owners(struct error *err);
/* no_new_privs alone, which filters want; for a process that stays its user's own. */
int privileges_freeze(struct error *err);
