/* clang-format off */
/*
 * What can be asked of the manager, once for every way in (the control socket now, others later). A request
 * is a JSON object:
 *
 *      op                members                         result
 *      list                                              {"mode","guests":[...]}
 *      plan                                              the plan (vmm/plan/report.h)
 *      mode              mode, wait, timeout_s           {"mode"}; with a mode: changes it
 *      info              guest                           one guest, its definition included
 *      define            definition, folder, replace     the guest
 *      undefine          guest
 *      start             guest, wait, timeout_s          with wait: the boot report
 *      shutdown          guest, wait, timeout_s
 *      reboot            guest, wait, timeout_s          with wait: the boot report
 *      kill              guest, wait
 *      pause, resume     guest
 *      boot-report       guest, wait, timeout_s          the report (vmm/guest/boot_report.h)
 *      console           guest, channel                  the connection becomes the console's bytes, or those of that
 *                                                        channel for agents
 *      console-resize    guest, columns, rows            of the terminal that its console is on
 *      screenshot        guest                           the connection becomes a picture of its display, as PPM
 *      send-key          guest, keys, hold_ms            presses keys, as ["KEY_LEFTCTRL","KEY_C"], all at once
 *      vsock-connect     guest, port                     the connection becomes one to that vsock port of the
 *                                                        guest: first "OK N\n", or its end when nobody listens
 *                                                        there
 *      memory-set        guest, memory_mib               so much memory is its own while it runs: of its RAM the
 *                                                        balloon holds the rest, what is more is plugged in
 *      vcpus-set         guest, vcpus                    {"vcpus"}: so many of its vCPUs are there while it runs; the
 *                                                        answer comes when its kernel has taken or given them
 *      logs              guest, lines or from            a piece of its console's log (logs.h)
 *      stats             guest (may be absent)           [what it costs...] (stats.h), of those that run
 *      crashes           guest (may be absent), newest   [crash report...] (crash.h): the newest 100 in short,
 *                                                        or the newest in full
 *      events            since, follow                   [event...] (events.h); with follow: each as it
 *                                                        happens, for ever
 *      down              timeout_s, force, poweroff, keep_guests
 *
 *      network-list                                      {"networks":[...]} (vmm/net/networks.h)
 *      network-info      network                         one network
 *      network-define    definition, replace             the network
 *      network-undefine  network
 *
 *      host                                              what the host has, and who we are (host_operations.c)
 *      metrics                                           a string: Prometheus text (metrics.h)
 *
 *      task-list         state (may be absent)           {"tasks":[task...]} (task.h), the newest first
 *      task-info         task                            one task
 *      task-cancel       task                            the task; it is "cancelled" soon
 *
 *      pool-info                                         {"folder","capacity","free","disks"}; bytes
 *      disk-list                                         {"disks":[disk...]} (disk_operations.c)
 *      disk-info         disk                            one disk
 *      disk-create       disk, size                      the disk, as of all that follow; an empty one
 *      disk-import       disk, source, format, size, tag  made from a file or folder of the host: an absolute path
 *      disk-clone        disk, source, overlay           a new disk, as the one named source is; overlay: on top of it
 *      disk-resize       disk, size                      larger, with the file system in it; one that guests run
 *                                                        with grows under them (disk_grow.h)
 *      disk-delete       disk
 *
 *      image-build       kernel, initrd, cmdline, description, key, name, output
 *      image-sign        image, key, name, output
 *      image-verify      image, key (an array), configuration
 *      image-inspect     image                           what `rastos-vmm image VERB --json` prints; paths are absolute
 *
 *      exec              guest, command, input, encoding, environment, user, folder, timeout_s
 *                                                        how the command ended and what it printed
 *                                                        (exec_operation.h). A command at a terminal, or with
 *                                                        more input: vsock-connect to port 9998, and then
 *                                                        common/exec_wire.h
 *
 *      device-list       guest                           {"devices":[device...]} (devices.h)
 *      device-info       guest, device                   one device
 *      device-add        guest, device, kind, definition, next_start, timeout_s
 *                                                        the device of that id, which is made or changed; kind: disk
 *                                                        or network; definition: an item of the guest's "disks" or
 *                                                        "networks", whose id may stand for device; of a network
 *                                                        card of a guest that runs, "link" and "bandwidth" may
 *                                                        change, of a disk "iotune"
 *      device-remove     guest, device, next_start, timeout_s
 *
 * Long ones (disk-create, -import, -clone, -resize, -delete; image-*; start, shutdown, reboot, kill, boot-report, mode, device-add, -remove, as with "wait") take
 * "task":true beside: then the answer is a task, at once, and its result or refusal is what the answer would
 * have been; what is refused at once is no task. Without it those on disks are tasks too, and are answered when
 * the task has ended; one that hangs up meanwhile ends none.
 *
 * A member that is not known, or of the wrong type, is an error that names it. Whoever asks embeds a struct
 * call, which stays until it was answered or cancelled; `wait` answers come later. Loop thread only.
 */
/* clang-format on */
#pragma once

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "common/error.h"
#include "common/loop.h"
#include "vmm/exit_code.h"
#include "vmm/manager/manager.h"

#define CALL_STREAM_LATER (-2)

struct call;
struct capture;

/* How the one who asks is answered. Only handed_over may free the call. */
struct call_peer {
	/* The answer; result (may be NULL) is taken over. */
	void (*done)(struct call *call, cJSON *result);
	/* The refusal: code is the command's exit code; call->error tells more. details (may be NULL) is
	 * taken over. */
	void (*failed)(struct call *call, enum exit_code code, const char *text, cJSON *details);
	/* Before the answer: what it waits for. */
	void (*progress)(struct call *call, const char *text);
	/* One of an endless answer; json is taken over. */
	void (*item)(struct call *call, cJSON *json);
	/* The peer's socket, to become a stream after an answer; -1: this peer's cannot; CALL_STREAM_LATER:
	 * it can once it was told so: the operation only says whether it would do it, and is called again. */
	int (*stream)(struct call *call);
	/* The socket was handed to a guest process: the peer's part is over. */
	void (*handed_over)(struct call *call);
};

/* What a call waits for. */
enum call_wait {
	CALL_ANSWERED, /* nothing */
	CALL_STARTED,  /* it has a process, or could not have one */
	CALL_READY,
	CALL_REBOOTED, /* ready, and started after `change` */
	CALL_OFF,
	CALL_DOWN,
	CALL_EVENTS,
	CALL_STATS,
	CALL_MODE,
	CALL_TASK,
	CALL_EXEC,
	CALL_METRICS,
	CALL_DEVICES,
	CALL_DEVICE_CHANGE,
	CALL_VCPUS,
};

struct call {
	const struct call_peer *peer;
	/* Of a refusal, the reason where it is one of these: -EINVAL a member is wrong, -ENODATA no such
	 * guest, -ENOENT nothing else of that name, -EEXIST the name is taken, -EBUSY in use, -ENOSPC; 0 or
	 * another errno: see the exit code. */
	int error;
	char pointer[sizeof(((struct error *)0)->pointer)]; /* and where in the request (RFC 6901), or "" */
	/* Private: */
	struct operations *operations;
	struct call *next;
	enum call_wait wait;
	struct managed_guest *guest;
	struct loop_timer deadline;
	uint64_t last_event;
	uint64_t task;
	uint64_t change; /* of a device, of vCPUs; of a guest that reboots, when it had started (CLOCK_MONOTONIC) */
	char device[DEFINITION_DEVICE_ID_MAX + 1];
	struct capture *exec; /* the command in a guest; NULL: none */
	bool base64;          /* its output is to be */
	char said[256];       /* the last progress */
	uint64_t said_ns;     /* and when; CLOCK_MONOTONIC */
};

struct operations {
	struct manager *manager;
	struct call *waiting;
	uint64_t requests; /* so far */
	unsigned execs;    /* commands that run in guests */
	bool poweroff, keep_guests, down_told;
	bool looking, look_again; /* at those that wait */
	/* The guests are off after a "down", or left alone; poweroff says whether the host is to follow.
	 * Called before those who wait for it are answered. */
	void (*down)(void *owner, bool poweroff);
	void *owner;
};

/* Sets manager->changed. */
void operations_init(struct operations *operations, struct manager *manager,
		     void (*down)(void *owner, bool poweroff), void *owner);

int call_init(struct call *call, struct operations *operations, const struct call_peer *peer);
void call_close(struct call *call); /* cancels what it waits for */

/* Carries the request out. A call that still waits for something waits no longer. request stays the caller's.
 */
void call_begin(struct call *call, const cJSON *request);
