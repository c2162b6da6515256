/*
 * Early user space: what is done once the root file system is there and before sysinit.target, as units of
 * the boot, so that each has a name in the log and in `rinitctl list` and all run beside each other where the
 * order allows it. Each runs a helper (helper.h), never in PID 1.
 *
 *      generator.service     writes the unit files of /etc/fstab and /etc/init.d (generate.h), before all
 * else modules.target        the kernel modules known so far are loaded local-fs.target, swap.target,
 * remote-fs.target setup.service         machine id, /etc/hosts, clock, random seed sysctl.service
 * sysctl.d(5), after the modules tmpfiles.service      tmpfiles.d(5), after local-fs.target and setup.service
 *      sysinit.target        comes after all of these but remote-fs.target
 *
 * What a container's host owns is not touched in one: neither fstab nor sysctl, clock or seed;
 * rinit.fstab=yes and rinit.sysctl=yes on the command line do it nevertheless, and =no keeps it from a
 * machine.
 */
#pragma once

#include <stdbool.h>

#include "rinit/config.h"
#include "rinit/manager.h"

/* Writes unit files, when there is something to write them of; NULL: there is not. To be started and waited
 * for before the jobs are added. */
struct unit *early_generator_add(struct manager *manager, const char *cmdline, bool container);
/* The targets; held: modules.target, which manager_reached must be told of. */
void early_targets_add(struct manager *manager);
/* The jobs; after the targets, before the order is resolved. */
void early_jobs_add(struct manager *manager, const struct config *config, const char *cmdline,
		    bool container);
/* In PID 1 before anything else has a look at the clock: it never shows a time before this program was built.
 */
void early_clock(void);
/* At the end, when no process is left and file systems are still mounted. */
void early_save(void);
