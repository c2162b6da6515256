/*
 * A guest's definition: what a guest is made of, read from JSON (docs/guest-definition.md,
 * docs/guest.schema.json).
 *
 * Reading is strict: an unknown key is an error that names the nearest known one, a value of the wrong type
 * or range an error that names its place ("server.json: disks[1].path: ..."). Paths are made absolute against
 * the file's folder. definition_free releases all of it; a definition never changes once read, so threads may
 * share it.
 */
#pragma once

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "hypervisor/boot/boot.h"
#include "hypervisor/x86_64/topology.h"
#include "vmm/config/about.h"
#include "vmm/config/channel.h"
#include "vmm/config/cpu_features.h"
#include "vmm/config/disk.h"
#include "vmm/config/filesystem.h"
#include "vmm/config/graphics.h"
#include "vmm/config/input.h"
#include "vmm/config/memballoon.h"
#include "vmm/config/memory_devices.h"
#include "vmm/config/network_card.h"
#include "vmm/config/rng.h"
#include "vmm/config/video.h"
#include "vmm/config/wants.h"
#include "vmm/config/watchdog.h"

#define DEFINITION_NAME_MAX       63
#define DEFINITION_VCPUS_MAX      WANTS_VCPUS_MAX
#define DEFINITION_MEMORY_MIN     WANTS_MEMORY_MIN
#define DEFINITION_MEMORY_MAX     WANTS_MEMORY_MAX
#define DEFINITION_VCPUS          1   /* of a guest that says nothing and has no plan */
#define DEFINITION_MEMORY_MIB     512 /* the same */
#define DEFINITION_DISKS_MAX      16
#define DEFINITION_NETWORKS_MAX   6
#define DEFINITION_DEVICE_ID_MAX  20
#define DEFINITION_FILE_MAX       (1U << 20) /* bytes of JSON */
#define DEFINITION_CID_DEFAULT    3
#define DEFINITION_NO_DISK        UINT32_MAX
#define DEFINITION_DEPENDS_MAX    16
#define DEFINITION_ADJUSTMENT_MAX 3155760000LL /* seconds: a century */

enum guest_role {
	GUEST_ROLE_SERVER,  /* at most one a host; gets what the others leave */
	GUEST_ROLE_DESKTOP, /* in desktop mode only */
	GUEST_ROLE_GUEST,   /* in any mode, with the numbers of its definition */
};

/* What follows when a guest ends by itself; libvirt's names. */
enum guest_action {
	GUEST_ACTION_DESTROY, /* it stays off */
	GUEST_ACTION_RESTART,
};

enum guest_console {
	GUEST_CONSOLE_SERIAL,
	GUEST_CONSOLE_VIRTIO,
};

/* What the guest's clock (devmodel/rtc.h) shows when the guest starts. Linux takes the time from kvm-clock,
 * which is UTC whatever this says. */
struct guest_clock {
	bool local;         /* the host's time zone, as it is then; else UTC */
	int64_t adjustment; /* seconds more */
};

/* How the guest finds its virtio devices. */
enum guest_transport {
	GUEST_TRANSPORT_MMIO, /* each at an address that ACPI names; the quickest */
	GUEST_TRANSPORT_PCI,  /* on a PCI bus; any kernel has the driver, and devices come and go */
};

/* What tells that a guest is ready. */
enum guest_ready {
	GUEST_READY_NOTIFY,  /* READY=1 from its init */
	GUEST_READY_STARTED, /* nothing: it is ready once its vCPUs run */
};

struct guest_definition {
	cJSON *json; /* what it was read from, with absolute paths; NULL: made by definition_new alone */
	char *name;
	char uuid[UUID_TEXT_SIZE]; /* small letters; "": none */
	enum guest_role role;

	/* Either a signed boot image ... */
	char *image;
	char *configuration; /* of the image; NULL: its default */
	bool allow_unsigned; /* only ever set by --allow-unsigned, never by a file */
	/* ... or a bare kernel ... */
	char *kernel;
	char *initrd;
	/* ... or the kernel that one of the disks has in its /boot: the index of the disk, or
	 * DEFINITION_NO_DISK. */
	unsigned kernel_disk;
	char *cmdline; /* with a kernel of a disk: what is added to its own */
	enum boot_protocol protocol;

	/* What the file says of CPUs and memory, and what holds: without a plan the numbers that are said or
	 * their defaults, with one what plan_apply_definition (vmm/plan/apply.h) writes before the guest
	 * starts. */
	struct guest_wants wants;
	unsigned current_vcpus; /* at each start; wants.current_vcpus: now. 0: all are there, and stay */
	struct cpu_topology topology;
	uint64_t memory_mib;
	struct guest_placement placement;
	unsigned disk_count;
	struct disk_definition disks[DEFINITION_DISKS_MAX];
	unsigned network_count;
	struct network_definition networks[DEFINITION_NETWORKS_MAX];
	struct cpu_features cpu_features;
	struct guest_clock clock;
	struct rng_definition rng;
	struct channel_definitions channels;
	struct filesystem_definitions filesystems;
	struct memballoon_definition memballoon;
	struct memory_devices memory_devices;
	struct watchdog_definition watchdog;
	struct video_definition video;
	struct graphics_definition graphics;
	struct input_definitions inputs;
	uint64_t vsock_cid; /* 0: no vsock device */
	char *vsock_path;   /* unix socket for host programs; NULL: only READY is listened to */
	enum guest_console console;
	enum guest_transport transport;
	enum guest_action on_poweroff;
	enum guest_action on_reboot;
	enum guest_action on_crash;
	enum guest_ready ready;
	bool autostart; /* by `up` */
	unsigned depends_count;
	char *depends_on[DEFINITION_DEPENDS_MAX]; /* guests that must be ready before this one starts */
};

/* A definition with every default and nothing to boot; name is copied. NULL when out of memory. */
struct guest_definition *definition_new(const char *name);
void definition_free(struct guest_definition *definition); /* NULL is allowed */

/* Reads and checks a file. */
int definition_read(const char *path, struct guest_definition **definition, struct error *err);
/* Reads and checks text; source names it in errors, folder is what relative paths are relative to. */
int definition_parse(const char *source, const char *folder, const char *text,
		     struct guest_definition **definition, struct error *err);
/* The UUID of a guest that has none: this one, "": a new one; in its document too. */
int definition_give_uuid(struct guest_definition *definition, const char *uuid, struct error *err);
/* A guest's name: letters, digits, '-', '_' and '.', starting with a letter or digit. */
bool definition_name_valid(const char *name);
/* What a device is called for who manages the guest: its id, or disk0, net1 ...: its kind and index, written
 * into buffer, which holds DEFINITION_DEVICE_ID_MAX bytes and a 0. */
const char *definition_disk_id(const struct guest_definition *definition, unsigned index, char *buffer);
const char *definition_network_id(const struct guest_definition *definition, unsigned index, char *buffer);
const char *guest_role_name(enum guest_role role);
