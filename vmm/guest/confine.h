/*
 * The steps by which a guest process gives up what its guest does not need (vmm/jail/jail.h), in the order of
 * its start:
 *
 *      confine_verifier       of the child that verifies the boot image
 *      confine_process        the jail closes
 *      confine_thread         each thread's filter of system calls; the first thread's at last
 *
 * A process that is not jailed takes fewer of them; config->confinement says which.
 */
#pragma once

#include "common/error.h"
#include "vmm/guest/process.h"
#include "vmm/jail/filter.h"

/* For boot_files_find; NULL: nothing is to be done. */
int (*confine_verifier(const struct guest_process_config *config))(struct error *err);
int confine_process(const struct guest_process_config *config, struct error *err);
/* Ends the process when the thread cannot be confined. */
void confine_thread(const struct guest_process_config *config, enum filter_kind kind);
