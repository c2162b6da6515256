/*
 * A disk or network card that comes while a guest runs (guest_hotplug.h): what it needs is opened, which may
 * have to be waited for (a disk's daemon, passt, somebody who is about to let go of an image), and is then
 * handed to the guest's process. The loop goes on meanwhile. One at a time in a guest. Loop thread only.
 */
#pragma once

#include "vmm/manager/guest.h"

/* change->running stays until it is over. 0: the guest's process has it. -EINPROGRESS: not yet;
 * guest_hotplug_opened is called. Else one sentence, and nothing has come. */
int guest_coming_begin(struct managed_guest *guest, const struct hotplug_change *change, struct error *err);
/* It is not to come any more; also when none comes. */
void guest_coming_cancel(struct managed_guest *guest);
