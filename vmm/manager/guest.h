/*
 * One guest under the manager: its definition, its state (life.h) and its process.
 *
 *      guest.c          what happens to it: the operations, the stages of a shutdown, its restarts
 *      guest_make.c     how it comes and goes, and its definitions
 *      guest_adopt.c    how the next manager takes it over
 *      guest_start.c    the process: what it gets, and its start
 *      guest_process.c  its messages, its end, how the next manager finds it
 *      guest_ended.c    what became of it, and whether it starts again
 *      guest_words.c    what it says, read with distrust
 *      guest_vcpus.c    vCPUs that come and go while it runs
 *      guest_hotplug.c  devices that come and go while it runs
 *      guest_coming.c   what one that comes needs
 *      guest_cards.c    what its network cards have carried
 *      guest_display.c  its display: where it is, and that it is there
 *      guest_errors.c   what it writes to its standard error
 *      guest_jail.c     its user id, its cgroup, its vsock broker
 *      memory_share.c   how much of its memory it has, while it runs
 *      record.h         what survives the manager
 *
 * Loop thread only. Operations return 0, or a negative errno and one sentence; -EALREADY, -ENOTCONN and
 * -EBUSY mean that the guest's state refuses it.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>
#include <sys/un.h>

#include "common/error.h"
#include "common/loop.h"
#include "vmm/config/definition.h"
#include "vmm/guest/boot_report.h"
#include "vmm/guest/machine.h"
#include "vmm/manager/guest_cards.h"
#include "vmm/manager/guest_errors.h"
#include "vmm/manager/guest_words.h"
#include "vmm/manager/life.h"
#include "vmm/manager/memory_share.h"
#include "vmm/manager/record.h"
#include "vmm/guest/disk_backend.h"
#include "vmm/net/passt.h"

#define GUEST_DOWN_SECONDS 30            /* how long a guest may take to shut down before it is stopped */
#define GUEST_STOP_NS      5000000000ULL /* how long its process may then take to end before it is killed */

#define GUEST_LISTEN_NAME "process.sock" /* in its folder */

struct manager;
struct guest_start;  /* guest_start.c */
struct guest_coming; /* guest_coming.c */

/* How far a shutdown has gone; each stage is given its time, then comes the next. */
enum stop_stage {
	STOP_POWER_BUTTON,
	STOP_CTRL_ALT_DEL, /* for guests that do not listen to the button */
	STOP_MACHINE,      /* the guest process ends the guest */
	STOP_PROCESS,      /* SIGKILL */
};

/* How much its process said since when: manager_hears. */
struct guest_talk {
	uint64_t since_ns; /* CLOCK_MONOTONIC */
	unsigned count;
};

/* A device that is to come or to go (guest_hotplug.h). */
struct hotplug_change {
	char id[DEFINITION_NAME_MAX + 1];
	bool removes;
	bool is_disk;                     /* else a network card */
	bool adjusts;                     /* it stays, and only its live keys are other ones (devices.h) */
	unsigned index;                   /* of one that comes: its place in `running` */
	struct guest_definition *running; /* what the guest then runs with */
	struct guest_definition *next;    /* and from its next start on */
	uint64_t number;                  /* 0: none is under way */
};

/* How many vCPUs are to be there (guest_vcpus.h). */
struct vcpus_change {
	uint64_t number; /* 0: none is under way */
	uint64_t last, ended;
	unsigned wanted;
	int code;         /* how the last one ended, */
	struct error why; /* and why */
};

struct managed_guest {
	struct manager *manager;
	struct guest_definition *definition;
	char *file;   /* the definition's path; NULL: it is on the disk no more */
	char *folder; /* its runtime folder */
	enum life_state state;
	bool holds;             /* waiting: for others (order.c), not for a delay */
	uint64_t memory_due_ns; /* CLOCK_MONOTONIC: it waits no longer for memory that others have; 0: not for
				   that */
	bool visited;           /* it is being started with those it depends on */
	bool recorded;          /* a former manager left a record */
	bool promised;          /* it left the promise to start this one, which waits for nothing else */
	struct guest_record record;
	struct guest_definition *fresh; /* defined anew while it ran: from its next start on; NULL: none */

	/* Its process: */
	struct loop_source process; /* pidfd */
	struct loop_source control; /* our end of the control socket; -1: it hung up */
	struct loop_source broker;  /* our end of its vsock broker; -1: none */
	struct guest_talk talk;     /* on the control socket */
	struct guest_talk asks;     /* of the broker */
	struct guest_talk mutters;  /* on its standard error, which is ... */
	struct guest_errors errors; /* ... our end of this pipe */
	struct passt passt[DEFINITION_NETWORKS_MAX];
	struct disk_backend backends[GUEST_BACKENDS_MAX];
	bool leaving;                    /* it has none, and backends of its last run are about to end */
	struct guest_start *start;       /* it has none yet, and waits for what it needs; NULL: it does not */
	bool adopting;                   /* found, and not heard of yet */
	bool told_paused;                /* so it said last */
	char told_halted[GUEST_WHY_MAX]; /* the same: which disk's error paused it; "": none */
	bool halted;                     /* and that is why it is LIFE_PAUSED */
	struct loop_timer deadline;      /* of a shutdown, or before a restart */
	int start_code;                  /* how its last start went: 0, or a negative errno (why) */
	uint64_t start_began_ns;         /* CLOCK_MONOTONIC */
	uint64_t start_cost_ns;          /* how long its last start took until there was a process */
	enum stop_stage stop_stage;
	uint64_t stop_share_ns; /* time for each of the stages that ask */

	struct memory_share share;
	struct boot_report report;
	char status[GUEST_STATUS_MAX]; /* STATUS= of its init */
	struct machine_counters counters;
	bool counters_asked; /* and not yet told */
	struct guest_devices devices;
	uint32_t channels_open; /* a bit a channel: a program of the guest is there */
	bool told_display;      /* its process says that its screen is shown */
	bool display_due;       /* it is to be shown again when this expires: */
	struct loop_timer display_again;
	uint64_t display_wait_ns; /* the next time; 0: it has not ended lately */
	uint64_t display_started_ns;
	struct hotplug_change change;
	struct guest_coming *coming; /* what its device needs is opened; NULL: it is not */
	struct vcpus_change vcpus_change;
	struct loop_timer ask_again;   /* the guest, to let the device go */
	unsigned asked;                /* times */
	uint64_t change_last, changed; /* the number of the newest change, and of the last that has ended, */
	int change_code;               /* how, */
	struct error change_why;       /* and why */
	char cards[DEFINITION_NETWORKS_MAX]
		  [DEFINITION_NAME_MAX + 1];          /* the ids of its network cards; "": none */
	struct guest_card interfaces[DEFINITION_NETWORKS_MAX]; /* theirs */
	char refused_device[DEFINITION_NAME_MAX + 1]; /* the one that its process refused last, */
	char refused_why[GUEST_WHY_MAX];              /* and why */
	enum machine_end end;                         /* of the last run */
	char why[GUEST_WHY_MAX]; /* of the last end; what it waits for; "" while all is well */
	char *console_tail;      /* last lines of a run that ended badly */
};

/* Takes definition and file (NULL: none) over on success. */
int guest_create(struct manager *manager, struct guest_definition *definition, char *file,
		 struct managed_guest **guest, struct error *err);
/* Removes its runtime folder: it is forgotten. */
void guest_remove_folder(const struct managed_guest *guest);
void guest_destroy(struct managed_guest *guest); /* its process goes on if it has one; NULL is allowed */

/* A new definition for it, with its sockets' paths (guest_give_socket_paths): at once while it is off, else
 * from its next start on. Takes definition over. */
void guest_redefine(struct managed_guest *guest, struct guest_definition *definition);

bool guest_alive(const struct managed_guest *guest);  /* it has a process */
bool guest_active(const struct managed_guest *guest); /* or what it needs for one is being made ready */
bool guest_ready(const struct managed_guest *guest);  /* running or paused */

/* What manager.c calls when it is the guest's turn; operations go through manager.h. */
int guest_start(struct managed_guest *guest, struct error *err);
/* It shall start when others let it: why tells whom it waits for, and for what. */
int guest_hold(struct managed_guest *guest, const char *why, struct error *err);
void guest_hold_over(struct managed_guest *guest);
/* Whom it waits for will not come. */
void guest_hold_fail(struct managed_guest *guest, const char *why);

/* Presses the power button, after half of timeout_s Ctrl-Alt-Del; after timeout_s the guest is stopped. */
int guest_shutdown(struct managed_guest *guest, unsigned timeout_s, struct error *err);
int guest_reboot(struct managed_guest *guest, unsigned timeout_s, struct error *err);
int guest_kill(struct managed_guest *guest, struct error *err);
int guest_pause(struct managed_guest *guest, struct error *err);
int guest_resume(struct managed_guest *guest, struct error *err);
/* Hands a client's socket to the guest's console, or to this channel of its (NULL: the console); the
 * descriptor is still the caller's to close. fd -1: only whether it would be done. */
int guest_console(struct managed_guest *guest, const char *channel, int fd, struct error *err);
/* The size of the terminal that the console is on. -EOPNOTSUPP: it is a serial line, which has none. */
int guest_resize_console(struct managed_guest *guest, unsigned columns, unsigned rows, struct error *err);
/* As guest_console, for a picture of its display (vmm/guest/screenshot.h): -EOPNOTSUPP: it has none. */
int guest_screenshot(struct managed_guest *guest, int fd, struct error *err);
/* Presses these keys at once (evdev's codes), and lets them go after so many milliseconds. -EOPNOTSUPP: it has
 * no keyboard. */
int guest_send_key(struct managed_guest *guest, const uint16_t *keys, unsigned count, unsigned hold_ms,
		   struct error *err);
/* As guest_console, for a vsock port of the guest: the client is told "OK N\n", or sees the end. fd -1: only whether
 * it would be done; a guest that is paused, or has no such device, is not asked. */
int guest_vsock(struct managed_guest *guest, uint32_t port, int fd, struct error *err);

/* --- Between these files --- */

void guest_deadline_expired(struct loop_timer *timer);
/* An event of its life (life.h) that no state refuses. */
void guest_happened(struct managed_guest *guest, enum life_event event);
/* Puts what is promised on record; that it could not be is said in the log. */
void guest_remember(struct managed_guest *guest, enum guest_goal goal);
/* The definition that waited for its next start. */
void guest_use_fresh(struct managed_guest *guest);
/* Notes the plan's numbers in the record; guest_remember_numbers writes it, too: they changed while it runs.
 */
void guest_note_numbers(struct managed_guest *guest);
void guest_remember_numbers(struct managed_guest *guest);
/* What only the manager can give a definition: places for its vsock socket and its channels'. -ENOMEM. */
int guest_give_socket_paths(const struct managed_guest *guest, struct guest_definition *definition);

/* Opens what the guest needs and starts its process, which does nothing before it hears that it is on record:
 * guest_process_go. A manager that is killed in between takes it along.
 * -EINPROGRESS: what it needs is not there yet (guest_process_waits_for); guest_started is called then. */
int guest_process_start(struct managed_guest *guest, struct error *err);
const char *guest_process_waits_for(const struct managed_guest *guest);
/* It is not to start after all. */
void guest_process_start_cancel(struct managed_guest *guest);
/* What its start waits for is something else by now. */
void guest_waits(struct managed_guest *guest);
/* Its start is over: 0, or why it failed. */
void guest_started(struct managed_guest *guest, int code, struct error *err);
int guest_process_go(struct managed_guest *guest, struct error *err);
/* In place of guest_process_go: it is to be gone. */
void guest_process_abandon(struct managed_guest *guest);
/* Finds the process that a former manager started, if it still runs. -ESRCH: it has ended. One that runs and
 * does not listen is found; why tells. */
int guest_process_find(struct managed_guest *guest, struct error *err);
/* Sends {"op":op}, with a descriptor unless fd is -1; a message with up to GUEST_MESSAGE_FDS; or, the last
 * one, one with a port too. */
int guest_process_tell(struct managed_guest *guest, const char *op, int fd, struct error *err);
int guest_process_say(struct managed_guest *guest, const cJSON *message, const int *fds, unsigned count,
		      struct error *err);
int guest_process_connect(struct managed_guest *guest, uint32_t port, int fd, struct error *err);
/* Where it listens for the next manager. */
int guest_process_address(const struct managed_guest *guest, struct sockaddr_un *address, struct error *err);
/* Watches it for its end by its pidfd (negative: why there is none), and listens to it over fd; both are
 * taken over. */
int guest_process_watch(struct managed_guest *guest, int pidfd, struct error *err);
int guest_process_hear(struct managed_guest *guest, int fd, struct error *err);
void guest_process_kill(struct managed_guest *guest);
/* A child of ours has ended: one of its helpers? */
void guest_process_reap(struct managed_guest *guest);
/* Its process has ended: lets go of it and of its helpers. */
void guest_process_forget(struct managed_guest *guest);
/* The daemons of its disks are to end, and have this time for it; its user and cgroup are free when they
 * have. */
void guest_process_leave(struct managed_guest *guest, unsigned patience_ms);
void guest_process_hurry(struct managed_guest *guest); /* those whose time is over */
/* They have ended: a start that waited for that goes on. */
void guest_process_left(struct managed_guest *guest);
/* Lets go of a process that goes on. */
void guest_process_release(struct managed_guest *guest);
/* What it left when it ended: fills end, why, console_tail and report; *registers is freed by the caller. */
void guest_process_last_words(struct managed_guest *guest, char **registers);

/* Its process told something new: the report, its status, or that it paused. */
void guest_heard(struct managed_guest *guest);
/* Its watchdog expired, and it still runs. */
void guest_watchdog_expired(struct managed_guest *guest);
/* Its process is gone; signal: what killed it, 0 if nothing did or nobody knows. */
void guest_process_ended(struct managed_guest *guest, int signal);
/* Follows the record that a former manager left; called once, before anything else. */
void guest_adopt(struct managed_guest *guest);
