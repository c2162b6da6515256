/*
 * The opening of all that a guest needs from the host (resources.h), step by step, by somebody who has other
 * things to do: the manager's loop starts other guests meanwhile, and answers everybody.
 *
 *      memory, /dev/kvm, boot files -> disks -> kernel on a disk -> network cards -> disks' daemons
 *                                       |             |                  |               |
 *                                   their locks    a child             passt       their first words
 *
 * What takes time is done by other processes, and is begun before it is waited for: passt and all daemons
 * start side by side. Nobody waits in here, but guest_opening_wait.
 *
 *      guest_opening_begin(&opening, ...);
 *      while ((code = guest_opening_go_on(&opening, err)) == -EAGAIN)
 *              ... until opening.epoll is readable, or it is until_ms ...
 *      guest_opening_end(&opening);
 *
 * A further kind of process beside a guest is a step that begins it, and a line in words_heard.
 */
#pragma once

#include <stdint.h>

#include "common/error.h"
#include "vmm/guest/resources.h"
#include "vmm/storage/disk_boot_child.h"

#define OPENING_WAITS_MAX 160

struct networks;

struct guest_opening {
	const struct guest_definition *definition;
	const struct settings *settings;
	struct networks *networks;
	struct disk_backend_place place;
	struct guest_resources *resources;
	unsigned step;
	unsigned next;          /* disk or card of this step */
	uint64_t busy_since_ms; /* somebody else has the disk; 0: nobody */
	struct disk_boot_child boot;
	int epoll;                         /* what is waited for; -1: nothing was yet */
	uint64_t until_ms;                 /* CLOCK_MONOTONIC: look again by then */
	char waits_for[OPENING_WAITS_MAX]; /* after -EAGAIN: "waits for the storage daemon of disk data" */
};

/* definition, settings, networks and resources outlive the opening. networks: the manager's, into which cards
 * are plugged, or NULL: a guest with such a card is refused. What was plugged in before a failure is
 * unplugged by networks_detach. place->cgroup_fd stays the caller's. */
void guest_opening_begin(struct guest_opening *opening, const struct guest_definition *definition,
			 const struct settings *settings, struct networks *networks,
			 const struct disk_backend_place *place, struct guest_resources *resources);
/* 0: resources has everything, and is the caller's to close. -EAGAIN: not yet. Another negative errno: one
 * sentence. */
int guest_opening_go_on(struct guest_opening *opening, struct error *err);
/* For who has nothing else to do: goes on until it is not -EAGAIN. */
int guest_opening_wait(struct guest_opening *opening, struct error *err);
/* Done with it; what was opened by one that failed, or is not wanted any more, is closed. It waits for
 * daemons that it kills, unless somebody has taken them out of resources. */
void guest_opening_end(struct guest_opening *opening);
