/*
 * What the manager gives a guest's process beside the guest's resources: a user of its own, a cgroup, and a
 * broker for its vsock connections (vmm/jail/jail.h, vmm/jail/cgroup.h, vmm/guest/vsock_broker.h).
 *
 * User and cgroup are in the guest's record, so that the next manager gives neither to another guest, and
 * removes the cgroup when the guest ends. Loop thread only.
 */
#pragma once

#include "vmm/jail/jail.h"
#include "vmm/manager/guest.h"

/* Takes a user id and makes a cgroup; *jail is then ready for jail_spawn, jail->cgroup_fd the caller's to
 * close. */
int guest_jail_open(struct managed_guest *guest, struct jail_config *jail, struct error *err);
/* Sets the limits of its cgroup by a definition and its placement, which may have changed while it runs. */
int guest_jail_limit(struct managed_guest *guest, const struct guest_definition *definition,
		     struct error *err);
/* Its process has ended, or did not start. */
void guest_jail_close(struct managed_guest *guest);

/* A fresh broker, which the loop answers from now on; *theirs is for the guest process, and the caller's to
 * close. */
int guest_broker_open(struct managed_guest *guest, int *theirs, struct error *err);
void guest_broker_close(struct managed_guest *guest);
