/*
 * Everything a guest process needs from the host, opened before the guest runs: /dev/kvm, files, keys, disks
 * with their locks, network devices, sockets. The manager opens them (it may), the guest process uses them
 * (it may open nothing).
 *
 * Every refusal that depends on the host comes from here: a file that is missing, a disk that is in use or of
 * odd size, a TAP that does not exist, too little memory. guest_resources_close releases what was not taken
 * over.
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
/* networks: the manager's, into which cards are plugged, or NULL: a guest with such a card is refused. What
 * was plugged in before a failure is unplugged by networks_detach. */
int guest_resources_open(const struct guest_definition *definition, const struct settings *settings,
			 struct networks *networks, struct guest_resources *resources, struct error *err);
/* The daemons of the disks that need one, which guest_resources_open leaves out; once it is known where they run. */
int guest_resources_open_backends(const struct guest_definition *definition, const struct settings *settings,
				  const struct disk_backend_place *place, struct guest_resources *resources,
				  struct error *err);
/* One card, as the guest's `index`; network->fds and passt are the caller's. */
int network_open(const char *guest, unsigned index, const struct network_definition *definition,
		 struct networks *networks, struct network_resource *network, struct error *err);
/* In the guest process: image and initrd, from their descriptors, into its memory. */
int guest_resources_map(const struct guest_definition *definition, struct guest_resources *resources,
			struct error *err);
/* Closes what no device took over; ends passt and disks' daemons where their pid still stands. */
void guest_resources_close(struct guest_resources *resources);
/* Kernel and initrd are in guest memory: their copies here are no longer needed. */
void guest_resources_drop_boot_files(struct guest_resources *resources);
