/*
 * The manager: what `rastos-vmm up` is. It reads the mode and the definitions, opens what each guest needs,
 * starts one guest process a guest, and keeps watch. It never touches a guest's memory or devices: that is
 * the guest process's.
 *
 *      manager --fork--> guest process        resources as open descriptors, then messages
 * (vmm/guest/process.h)
 *              <--control socket, pidfd--     boot report, status, the end
 *
 * States of a guest:
 *
 *      off --start--> starting --READY=1--> running --shutdown--> stopping --end--> off
 *                        |                     |
 *                        +------- end ---------+--> off, failed, or started again (on_poweroff, on_reboot,
 * on_crash)
 *
 * One thread. The operations below are what every way in calls: the control socket now, others later. They
 * return 0 or a negative errno with a sentence; what takes long is watched through `changed`.
 */
#pragma once

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <sys/types.h>

#include "common/error.h"
#include "common/loop.h"
#include "vmm/config/definition.h"
#include "vmm/config/mode.h"
#include "vmm/config/settings.h"
#include "vmm/guest/boot_report.h"
#include "vmm/guest/machine.h"
#include "vmm/net/passt.h"

#define MANAGER_GUESTS_MAX   32
#define MANAGER_DOWN_SECONDS 30            /* how long a guest may take to shut down before it is stopped */
#define MANAGER_STOP_NS      5000000000ULL /* how long its process may then take to end before it is killed */
#define MANAGER_RESTART_NS   1000000000ULL /* before a crashed guest starts again */

enum guest_state {
	GUEST_OFF,
	GUEST_STARTING,
	GUEST_RUNNING,
	GUEST_STOPPING,
	GUEST_FAILED,
};

/* How far a shutdown has gone; each stage is given its time, then comes the next. */
enum stop_stage {
	STOP_POWER_BUTTON,
	STOP_CTRL_ALT_DEL, /* for guests that do not listen to the button */
	STOP_MACHINE,      /* the guest process ends the guest */
	STOP_PROCESS,      /* SIGKILL */
};

struct manager;

struct managed_guest {
	struct manager *manager;
	struct guest_definition *definition;
	char *folder; /* its runtime folder */
	enum guest_state state;
	pid_t pid;
	struct loop_source process; /* pidfd */
	struct loop_source control; /* our end of the control socket */
	struct passt passt[DEFINITION_NETWORKS_MAX];
	struct loop_timer deadline; /* of a shutdown, or before a restart */
	uint64_t started_ns;        /* CLOCK_MONOTONIC */
	enum stop_stage stop_stage;
	uint64_t stop_share_ns; /* time for each of the stages that ask */
	bool restart_asked;     /* reboot: start again whatever the end */
	struct boot_report report;
	char status[256];     /* STATUS= of its init */
	enum machine_end end; /* of the last run */
	char why[512];        /* of the last end; "" while all is well */
	char *console_tail;   /* last lines of a run that ended badly */
};

struct manager {
	struct settings *settings;
	enum mode mode;
	struct loop *loop;
	unsigned guest_count;
	struct managed_guest guests[MANAGER_GUESTS_MAX];
	bool going_down;
	/* Called after any change that somebody may wait for. */
	void (*changed)(void *owner);
	void *changed_owner;
	/* Called in a fresh guest process to close what is not the guest's. */
	void (*forked)(void *owner);
	void *forked_owner;
};

/* Reads mode and definitions; nothing is started. mode_word: NULL to read the mode file. settings stay the
 * caller's. */
int manager_open(struct manager *manager, struct settings *settings, const char *mode_word, struct loop *loop,
		 struct error *err);
void manager_close(struct manager *manager); /* guests must be off */

/* Starts all guests of the mode, the server guest first; stops at the first that cannot start. */
int manager_start_all(struct manager *manager, struct error *err);

struct managed_guest *manager_find(struct manager *manager, const char *name);
const char *guest_state_name(enum guest_state state);
bool manager_all_off(const struct manager *manager);

int manager_start(struct managed_guest *guest, struct error *err);
/* Presses the power button, after half of timeout_s Ctrl-Alt-Del; after timeout_s the guest is stopped. */
int manager_shutdown(struct managed_guest *guest, unsigned timeout_s, struct error *err);
int manager_reboot(struct managed_guest *guest, unsigned timeout_s, struct error *err);
int manager_kill(struct managed_guest *guest, struct error *err);
/* Hands a client's socket to the guest's console; the descriptor is still the caller's to close. */
int manager_console(struct managed_guest *guest, int fd, struct error *err);
/* Shuts all guests down; manager_all_off tells when that is done. */
void manager_down(struct manager *manager, unsigned timeout_s, bool force);

/* One guest as JSON, for lists. */
cJSON *manager_describe(const struct managed_guest *guest);
