/*
 * What a guest boots: found in its boot image, which is verified here, or its bare kernel.
 *
 * Comes before the guest process closes its jail, since it needs a library from the file system and a child
 * process (hypervisor/boot/fit.h). The caller has no other threads yet.
 */
#pragma once

#include "common/error.h"
#include "hypervisor/boot/boot.h"
#include "vmm/config/definition.h"
#include "vmm/guest/boot_report.h"
#include "vmm/guest/resources.h"

/* The command line says where the guest is to mount filesystems that say it (systemd.mount-extra=).
 *
 * confine: of the child that verifies, as fit_open_apart has it; may be NULL. source points into resources,
 * until guest_resources_drop_boot_files. Errors are those of fit_open. */
int boot_files_find(const struct guest_definition *definition, struct guest_resources *resources,
		    int (*confine)(struct error *err), struct boot_recorder *recorder,
		    struct boot_source *source, struct error *err);
