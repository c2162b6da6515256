/*
 * The manager: what `rastos-vmm up` is. It reads the mode and the definitions, gives each guest what it
 * needs, starts one guest process a guest, and keeps watch. It never touches a guest's memory or devices:
 * that is the guest process's.
 *
 *      control.c      clients: lines of JSON over sockets
 *      operations.c   what they can ask for (request.h), and what they wait for
 *      manager.c      the set of guests
 *      order.c        in which order they start and end
 *      mode_change.c  from one mode to the other
 *      takeover.c     those that a former manager left
 *      guest.c        one guest and its process (guest.h)
 *      store.c        definitions on the disk
 *      task.c         what takes long, and can be watched and cancelled
 *
 * It may be killed at any instant: what it promised is in the guests' records (record.h), their processes go
 * on, and the next manager takes them over.
 *
 * One thread. Operations return 0 or a negative errno with a sentence; what takes long is watched through
 * `changed`.
 */
#pragma once

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <sys/types.h>

#include "common/error.h"
#include "common/loop.h"
#include "vmm/config/mode.h"
#include "vmm/config/settings.h"
#include "vmm/jail/cgroup.h"
#include "vmm/manager/events.h"
#include "vmm/manager/guest.h"
#include "vmm/manager/local_socket.h"
#include "vmm/manager/task.h"
#include "vmm/net/networks.h"

#define MANAGER_GUESTS_MAX 256

struct inventory;
struct task_processes;

struct manager {
	struct settings *settings;
	enum mode mode;
	struct loop *loop;
	uint64_t started_ns; /* CLOCK_MONOTONIC */
	unsigned guest_count;
	struct managed_guest *guests[MANAGER_GUESTS_MAX]; /* in the order of their start */
	struct events *events;
	struct cgroups cgroups;
	struct tasks tasks;
	struct task_processes *task_processes;
	struct local_group local_group; /* who may connect, beside root */
	struct networks *networks;      /* what guests' cards are plugged into */
	struct inventory *host;         /* as it was when last a plan was made; division.c */
	struct loop_timer memory_timer; /* then guests that give memory back are asked how far they are */
	struct loop_timer hush;         /* then those who talked too much are heard again */
	struct loop_timer leaving;      /* then daemons whose time is over are ended */
	bool going_down;
	uint64_t down_deadline_ns; /* CLOCK_MONOTONIC */
	/* Called after any change that somebody may wait for. */
	void (*changed)(void *owner);
	void *changed_owner;
};

/* Reads mode and definitions, and takes over guests of a former manager; no other is started. mode_word: NULL
 * to read the mode file. settings stay the caller's. */
int manager_open(struct manager *manager, struct settings *settings, const char *mode_word, struct loop *loop,
		 struct error *err);
/* Guests that run go on. */
void manager_close(struct manager *manager);

/* Starts the guests of the mode that start by themselves, each after those it depends on; goes on with what a
 * former manager left. One that cannot start holds up nobody else:
 * the first such is returned, others are in the log. */
int manager_start_all(struct manager *manager, struct error *err);

struct managed_guest *manager_find(struct manager *manager, const char *name);
bool manager_all_off(const struct manager *manager);

/* Starts a guest, and before it those it depends on. */
int manager_start(struct managed_guest *guest, struct error *err);

/* Adds a guest, or gives one that exists a new definition, which counts from its next start on. definition is
 * taken over on success. On the disk when this returns. -EEXIST: replace is false, and the name is taken. */
int manager_define(struct manager *manager, struct guest_definition *definition, bool replace,
		   struct error *err);
/* Forgets a guest that is off; -EBUSY when it is not, or when others depend on it. */
int manager_undefine(struct managed_guest *guest, struct error *err);

/* Changes the mode, in its file too: guests that the new mode does not run are shut down within timeout_s,
 * those that start by themselves in it start, the others move. -EALREADY: it is the mode. */
int manager_set_mode(struct manager *manager, const char *word, unsigned timeout_s, struct error *err);

/* Shuts all guests down, those that others depend on last, within timeout_s altogether; manager_all_off tells
 * when that is done. */
void manager_down(struct manager *manager, unsigned timeout_s, bool force);
/* Whom a shutdown waits for: "web, db"; "" when nobody. */
void manager_down_waits(const struct manager *manager, char *text, size_t size);
/* After a `down`: nothing was promised any more. */
void manager_forget(struct manager *manager);

/* One guest as JSON, for lists. */
cJSON *manager_describe(const struct managed_guest *guest);

/* --- Between manager.c, order.c and takeover.c --- */

/* Adds a guest; definition and file (NULL: none) are taken over on success. */
int manager_add(struct manager *manager, struct guest_definition *definition, char *file, struct error *err);
/* Takes over what a former manager left. */
void manager_take_over(struct manager *manager);
/* Whether the guest's definition names that guest. */
bool manager_depends_on(const struct managed_guest *guest, const char *name);

/* A child of the manager's process has ended. */
void manager_reap(struct manager *manager);

/* --- Called by the guests --- */

/* Counts what a guest's process says: false when that is more than `most` in a moment. For the rest of it the
 * source is not listened to, so that no guest can keep the manager busy. */
bool manager_hears(struct manager *manager, struct loop_source *source, struct guest_talk *talk,
		   unsigned most);
/* The same, as there is no memory for what it says. */
void manager_hush(struct manager *manager, struct loop_source *source);

void manager_guest_changed(struct managed_guest *guest); /* its state */
void manager_guest_due(struct managed_guest *guest);     /* its delay is over */
void manager_guest_leaves(struct managed_guest *guest);  /* guest->leaving */
void manager_memory_given(struct manager *manager);      /* one has given memory back */
void manager_changed(struct manager *manager);           /* anything else */
