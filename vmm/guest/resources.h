/*
 * Everything a guest process needs from the host, opened before the guest runs: /dev/kvm, files, keys, disks
 * with their locks, network devices, sockets. The manager opens them (it may), the guest process uses them
 * (it may open nothing).
 *
 * Every refusal that depends on the host comes from here: a file that is missing, a disk that is in use or of
 * odd size, a TAP that does not exist, too little memory. They are opened step by step (opening.h);
 * guest_resources_close releases what was not taken over.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "hypervisor/boot/fit.h"
#include "vmm/config/definition.h"
#include "vmm/config/settings.h"
#include "vmm/guest/disk_backend.h"
#include "vmm/guest/disk_open.h"
#include "vmm/net/card_fds.h"
#include "vmm/net/passt.h"
#include "vmm/storage/boot_from_disk.h"

/* A file that is open, and then mapped read-only, private. */
struct file_map {
	const char *path; /* the definition's, or disk_boot's */
	int fd;           /* -1: none, or it is mapped */
	const uint8_t *data;
	size_t size;
};

struct network_resource {
	struct card_fds fds; /* empty once a device took them over */
	struct passt passt;
	struct passt_start start; /* of a passt that is not ready yet */
};

struct networks;

struct guest_resources {
	struct file_map image; /* boot image, or the kernel */
	struct file_map initrd;
	struct disk_boot disk_boot; /* its names, when the kernel was found on a disk */
	char *cmdline;              /* of a kernel that was found on a disk */
	unsigned key_count;
	struct fit_key keys[SETTINGS_KEYS_MAX];
	struct disk_resource disks[DEFINITION_DISKS_MAX];
	struct disk_backend backends[GUEST_BACKENDS_MAX];
	int display_fd;        /* the channel to rastos-display; -1: none, or it was taken over */
	uint16_t display_port; /* where viewers come to; 0: no port */
	int filesystem_fds[FILESYSTEMS_MAX]; /* channels to their daemons; -1: none, or a device took it over */
	struct network_resource networks[DEFINITION_NETWORKS_MAX];
	int vsock_listen_fd;
	int channel_fds[CHANNELS_MAX]; /* listening; -1: none, or a channel took it over */
	int kvm_fd;                    /* of KVM_DEVICE; -1 once the machine took it over */
};

/* With nothing in it. */
void guest_resources_init(struct guest_resources *resources);
/* One card, as the guest's `index`, but for passt, which is begun (passt.h, network->start); all in network
 * is the caller's. */
int network_open(const char *guest, unsigned index, const struct network_definition *definition,
		 struct networks *networks, struct network_resource *network, struct error *err);
/* In the guest process: image and initrd, from their descriptors, into its memory. */
int guest_resources_map(const struct guest_definition *definition, struct guest_resources *resources,
			struct error *err);
/* Closes what no device took over; ends passt and disks' daemons where their pid still stands. */
void guest_resources_close(struct guest_resources *resources);
/* Kernel and initrd are in guest memory: their copies here are no longer needed. */
void guest_resources_drop_boot_files(struct guest_resources *resources);

/* --- The steps of an opening (opening.h) --- */

/* /dev/kvm and boot files, once there is memory enough. */
int resources_open_host(const struct guest_definition *definition, const struct settings *settings,
			struct guest_resources *resources, struct error *err);
/* -EBUSY: disk_open.h. One that has a daemon gets it later. */
int resources_open_disk(const struct disk_definition *definition, const struct settings *settings,
			struct disk_resource *disk, struct error *err);
/* Where the kernel of a guest that has it on a disk is to be found; and what was found, in disk_boot. */
void resources_kernel_source(const struct guest_definition *definition,
			     const struct guest_resources *resources, char about[DISK_BOOT_NAME_MAX],
			     struct disk_boot_source *source);
int resources_take_kernel(const struct guest_definition *definition, struct guest_resources *resources,
			  const char *about, struct error *err);
int resources_open_sockets(const struct guest_definition *definition, struct guest_resources *resources,
			   struct error *err);
