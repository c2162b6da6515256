/*
 * A guest process: one guest from its definition to its end.
 *
 * It runs either inside `rastos-vmm run`, on the user's terminal, or for the manager, to which it talks over
 * a control socket (SOCK_SEQPACKET, one JSON object a message):
 *
 *      manager -> guest   {"op":"press-power"}  {"op":"ctrl-alt-del"}  {"op":"stop"}  {"op":"pause"}
 *                         {"op":"resume"}  {"op":"counters"}  {"op":"state"}
 *                         {"op":"console"} with a client's descriptor (SCM_RIGHTS); with "channel":"NAME"
 *                         it is for that channel for agents
 *                         {"op":"console-resize","columns":132,"rows":43}: of the console's terminal
 *                         {"op":"display"} with the channel to a new rastos-display (display_start.h)
 *                         {"op":"screenshot"} with a client's descriptor, which gets the picture
 *                         {"op":"send-key","keys":[29,56,111],"hold_ms":100}: evdev's codes
 *                         {"op":"memory-set","memory_mib":256}: so much the balloon is to leave the guest
 *                         {"op":"vcpus-set","vcpus":2}: so many of its vCPUs are to be there (machine_cpus.h)
 *                         {"op":"broker"} with the other end of the manager's vsock broker (vsock_broker.h)
 *                         {"op":"errors"} with the other end of the manager's pipe for its standard error
 *                         {"op":"vsock","port":9998} with one too: it is connected to that port of the guest
 *      guest -> manager   {"event":"state","report":"...","status":"...","paused":false}
 *                         on connection, when asked for it, and whenever one of them changed: the boot
 * report (as text), STATUS= of the guest's init; "halted":"why" too while a disk's error has paused it;
 *                         "display":true whether rastos-display runs, of a guest with graphics;
 *                         "channels":[false] whether a program of the guest has each of them open;
 *                         "memory":{"driver":true,"bytes":N} what the guest has of its memory where that can
 *                         change, and whether its driver for that is there
 *                         "vcpus":2 how many are there, where they come and go
 *                         {"event":"vcpus-set","vcpus":2,"why":""} when that is over; why: "", or one sentence
 *                         {"event":"watchdog"} it expired, and the guest is still there
 *                         {"event":"counters","counters":{...}} when asked for them (counters.h)
 *
 * Devices that come and go while the guest runs (transport pci only):
 *
 *      manager -> guest   {"op":"device-add","device":"ID","kind":"disk","definition":{...},"size":BYTES}
 * with the open and locked disk; {...,"kind":"network","definition":{...},"vhost":true} with the TAP, one
 * descriptor a queue, and then as many of /dev/vhost-net, or with passt's socket. definition is what the
 * guest's has in "disks" or "networks", with its MAC address. Where the disk is larger than RLIMIT_FSIZE of
 * this process, the manager raises that first (prlimit(2)).
 *                         {"op":"device-remove","device":"ID"} asks the guest to let it go; asked again, it
 * is asked again. ID is the definition's id, "diskN" or "netN" where that has none. guest -> manager
 * "devices":[{"device":"ID","kind":"disk","slot":3,"leaving":false}] in each state event, disks and networks
 * only: one that was added is there, one that went is not (only then its descriptor is closed and may its
 * image be given to others)
 *                         {"event":"device-refused","device":"ID","why":"one sentence"} instead
 *
 * With any transport:
 *
 *      manager -> guest   {"op":"device-link","device":"ID","up":false} pulls a network card's cable
 *                         {"op":"device-bandwidth","device":"ID","definition":{...}} gives it that card's
 * rates
 *                         {"op":"device-resize","device":"ID","size":BYTES}: the disk's file has grown
 *                         {"op":"device-limit","device":"ID","definition":{...}}: the disk's limits are now
 * those of this definition
 *
 * It outlives the manager: when that hangs up, the guest goes on, and the next manager connects to the
 * listening socket that the first one left it. The newest connection is the manager's. A manager that does
 * not read is not waited for.
 *
 * A reset ends the process too: whoever started it starts a fresh one, so nothing survives a reboot but the
 * disks. Its last words (last_words.h) are there for whichever manager is there then.
 */
#pragma once

#include <stdbool.h>

#include "common/error.h"
#include "vmm/guest/boot_report.h"
#include "vmm/guest/machine.h"
#include "vmm/guest/resources.h"

#define GUEST_FILES       8192 /* descriptors: each vsock connection takes one */
#define GUEST_MESSAGE_MAX 32768
#define PROCESS_KEYS_MAX  16 /* keys that are pressed at once */
#define GUEST_MESSAGE_FDS (2 * CARD_QUEUES_MAX) /* descriptors with one message */

/* How the process keeps a guest that took it over from doing harm (vmm/jail/jail.h). */
enum guest_confinement {
	GUEST_OF_USER, /* the user's own process: no_new_privs, and filters for all threads but the first */
	GUEST_JAILED,  /* a process of jail_spawn: the jail is closed once the boot image is verified */
	GUEST_UNCONFINED, /* the manager's child, with the jail turned off by name */
};

struct guest_process_config {
	const struct guest_definition *definition;
	struct guest_resources *resources; /* descriptors are taken over */
	struct boot_recorder *recorder;    /* started by the caller */
	int control_fd;                    /* -1: no manager; taken over */
	int listen_fd;                     /* where the next manager connects; -1: none; taken over */
	int last_words_fd;                 /* -1: none; taken over (last_words.h) */
	int console_log_fd;                /* -1: none; taken over (console_log.h) */
	int broker_fd;                     /* -1: none; taken over (vsock_broker.h) */
	enum guest_confinement confinement;
	bool terminal; /* standard input and output are the console; SIGINT and SIGTERM shut down */
};

/* Blocks until the guest ended; why holds one sentence unless it powered off or was reset. */
enum machine_end guest_process_run(const struct guest_process_config *config, struct error *why);
