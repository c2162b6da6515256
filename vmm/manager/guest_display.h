/*
 * A guest's display, as its manager sees it: where viewers find it, and that there is something for them to
 * find. What shows it (vmm/guest/display_start.h) is started with the guest, and again when the guest's
 * process says that it has ended: after a second, then ever later, at the same port. The guest goes on.
 *
 * Loop thread only.
 */
#pragma once

#include "vmm/manager/guest.h"

/* Its process has told its state: `told_display` may be another one. */
void guest_display_heard(struct managed_guest *guest);
/* Its process has ended. */
void guest_display_end(struct managed_guest *guest);
/* "display": the URI, while there is somebody who answers. */
void guest_display_describe(const struct managed_guest *guest, cJSON *json);
