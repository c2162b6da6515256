/*
 * A guest process from the inside, for the files that it is made of (process.h is for everybody else):
 *
 *      process.c          the whole: how it starts and ends, and what the guest, its terminal and signals ask
 *      process_manager.c  the connection with the manager, which comes and goes, and what it is told
 *      process_asked.c    what the manager asks
 *      process_watchdog.c what follows when its watchdog expired
 *      process_display.c  its display and input: viewers, screenshots, keys
 *      process_pause.c    the guest is paused, by the manager or by a disk that failed, and goes on
 *
 * All of it runs on the thread of the loop.
 */
#pragma once

#include <cjson/cJSON.h>

#include "common/loop.h"
#include "hypervisor/kvm/vcpu.h"
#include "vmm/guest/console_hub.h"
#include "vmm/guest/process.h"

#define STATUS_MAX 256

struct guest_process {
	const struct guest_process_config *config;
	struct loop loop;
	struct console_hub *console;
	struct console_log *console_log; /* NULL: none */
	char *last_words;                /* memory of a file; NULL: none */
	struct notify *notify;
	struct machine *machine;
	struct display_link *display; /* NULL: it has no display */
	struct screenshot *screenshot; /* that is being taken, or NULL */
	struct loop_timer key_timer;   /* when keys that the manager pressed are let go: */
	uint16_t keys[PROCESS_KEYS_MAX];
	unsigned key_count;
	struct loop_source control;  /* the manager; -1: none is there now */
	struct loop_source listener; /* for the next one */
	int spare; /* the former one's socket, so that a descriptor is free for the next; -1 */
	struct loop_source signals;
	int broker; /* vsock_broker.h; -1: none */
	uint32_t broker_number;
	int more[GUEST_MESSAGE_FDS -
		 1]; /* descriptors of the message that is carried out, behind its first */
	unsigned more_count;
	bool untold; /* the manager does not know the present state */
	bool paused;
	char halted[sizeof(struct error)]; /* why it was paused by us; "" when the manager did, or it runs */
	struct loop_timer retry;           /* of what halted it, where nobody resumes it */
	uint64_t retry_ns;
	uint64_t watchdog_told_ns; /* CLOCK_MONOTONIC; when the manager last heard that it expired */
	char status[STATUS_MAX];
	bool asked_to_stop; /* the power button was pressed by the terminal's user or a signal */
	enum machine_end end;
	struct error *why;
	char registers[VCPU_STATE_TEXT_MAX];
};

/* The present one, at its start. */
int process_watch_manager(struct guest_process *process, struct error *err);
/* The manager is told. */
void process_state_changed(struct guest_process *process);
/* The same from within a device, whose locks are held: as soon as they are not. */
void process_state_changes(struct guest_process *process);
/* {"event":event}: not told where nobody listens now. */
void process_tell_event(const struct guest_process *process, const char *event);
/* What it asks; fd: came with the message, or -1; taken over. */
void process_asked(struct guest_process *process, const cJSON *message, int fd);

void process_pause(struct guest_process *process, bool paused);
/* `vcpus_set` of machine.h */
void process_vcpus_set(void *owner, const char *why);
/* `watchdog_expired` of machine.h */
void process_watchdog_expired(void *owner);
/* `halted` of machine.h */
void process_halted(void *owner, const char *why);

/* --- process_display.c --- */

/* Before the machine; and after it. */
int process_display_make(struct guest_process *process, struct error *err);
void process_display_close(struct guest_process *process);
/* `leds` of machine.h */
void process_leds_changed(void *owner, uint32_t leds);
/* What the manager asks (process_asked.c). */
void process_take_display(struct guest_process *process, const cJSON *message, int fd);
void process_take_screenshot(struct guest_process *process, const cJSON *message, int fd);
void process_send_key(struct guest_process *process, const cJSON *message, int fd);
