/*
 * What a guest's process says: its messages to the manager and its last words (vmm/guest/process.h), read by
 * one who does not trust it. Its guest may have taken it over: whatever the bytes are, what comes out is
 * bounded, is about that guest only, and its texts are UTF-8 that does nothing to a terminal. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "vmm/guest/boot_report.h"
#include "vmm/guest/counters.h"
#include "vmm/guest/machine.h"

#define GUEST_STATUS_MAX 256
#define GUEST_WHY_MAX    512

enum guest_message_kind {
	GUEST_SAYS_NOTHING, /* that could be understood */
	GUEST_SAYS_STATE,
	GUEST_SAYS_COUNTERS,
	GUEST_SAYS_WATCHDOG, /* expired */
	GUEST_SAYS_VCPUS,    /* a change of them is over */
	GUEST_SAYS_NO,       /* to a device that was to come or go */
};

#define GUEST_DEVICES_MAX (DEFINITION_DISKS_MAX + DEFINITION_NETWORKS_MAX)

/* Its disks and network cards, as its process tells. */
struct guest_devices {
	bool told; /* false: they do not come and go */
	unsigned count;
	struct guest_device {
		char id[DEFINITION_NAME_MAX + 1];
		bool leaving; /* the guest was asked to let it go */
	} list[GUEST_DEVICES_MAX];
};

struct guest_message {
	enum guest_message_kind kind;
	/* Its state: */
	struct boot_report report;
	char status[GUEST_STATUS_MAX];
	bool paused;
	char halted[GUEST_WHY_MAX]; /* paused by a disk's error: which; else "" */
	struct guest_devices devices;
	uint32_t channels_open; /* a bit a channel */
	bool display;           /* its screen is shown */
	bool memory_driver;     /* the guest has a driver that changes how much memory it has, */
	uint64_t memory_bytes;  /* and has so much, as it says */
	unsigned vcpus;         /* that are there; 0: they do not come and go, or nonsense */
	/* What it refused: the device, and one sentence; or why its vCPUs are not as many as was asked. */
	char device[DEFINITION_NAME_MAX + 1];
	char why[GUEST_WHY_MAX];
	/* Its counters: */
	struct machine_counters counters;
};

struct guest_last_words {
	enum machine_end end; /* MACHINE_RUNNING: none that could be understood; the rest is then empty */
	char why[GUEST_WHY_MAX];
	struct boot_report report;
	char *registers; /* NULL when there is no memory for them */
	char *console;
};

/* guest: its name. */
void guest_message_parse(const char *text, size_t len, const char *guest, struct guest_message *message);
void guest_last_words_parse(const char *text, const char *guest, struct guest_last_words *words);
void guest_last_words_free(struct guest_last_words *words);
