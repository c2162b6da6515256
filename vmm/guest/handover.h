/*
 * What a manager hands to the guest process that it starts: descriptors, under numbers from 0 on, and memory
 * that nobody can change any more (memfd_create(2), all seals) with two lines of JSON.
 *
 *      0, 1    /dev/null
 *      2       standard error: a pipe to the manager, or what the caller gives
 *      3       that memory
 *      4...    the guest's, in the order of those that the first line says are there
 *
 *      {"jail":true,"started_ns":123,
 *       "numbers":{"memory_mib":512,...},       the plan's (vmm/plan/report.h)
 *       "cmdline":"...","kernel":"...",
 *       "keys":[{"name":"...","path":"...","text":"..."}],
 *       "disks":[1048576],                      their sizes
 *       "descriptors":"++-+"}                   for each that a guest can have: whether it is there
 *      {...}                                    the guest's definition
 *
 * (Numbers are what cJSON takes longest for, some thousands of instructions each.)
 *
 * Both ends are the same program, the one that the manager executes. What is read is checked all the same:
 * whoever calls the command by hand gets a sentence.
 */
#pragma once

#include <stdint.h>

#include "common/error.h"
#include "vmm/guest/process.h"

#define GUEST_PROCESS_COMMAND "guest-process"

#define HANDOVER_MEMORY_FD 3
#define HANDOVER_FIRST_FD  4
/* descriptors of a guest */
#define HANDOVER_GUEST_MAX                                                                                   \
	(10 + CHANNELS_MAX + FILESYSTEMS_MAX + DEFINITION_DISKS_MAX + DEFINITION_NETWORKS_MAX * 2 * CARD_QUEUES_MAX)

/* The manager's side. */
struct handover {
	int null_fd;
	int memory;
	int descriptors[HANDOVER_FIRST_FD + HANDOVER_GUEST_MAX]; /* by their numbers in the guest process */
	unsigned count;
};

/* config's descriptors and resources stay the caller's; what it says of a terminal and a recorder does not
 * count. started_ns: when the start began, CLOCK_MONOTONIC. */
int handover_make(const struct guest_process_config *config, int error_fd, uint64_t started_ns,
		  struct handover *handover, struct error *err);
void handover_close(struct handover *handover);

/* The guest process' side. */
struct handed_over {
	struct guest_process_config config; /* its recorder is NULL */
	struct guest_definition *definition;
	struct guest_resources resources;
	uint64_t started_ns;
};

/* Takes what this process was started with. handed must stay where it is. -EINVAL: it was not started by a
 * manager.
 */
int handover_take(struct handed_over *handed, struct error *err);
/* What was not taken over from it. */
void handed_over_free(struct handed_over *handed);
