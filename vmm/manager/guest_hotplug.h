/*
 * Disks and network cards that come and go while a guest runs. The manager opens what a new one needs and
 * hands it to the guest's process (vmm/guest/process.h), whose word tells when it is there or has gone; only
 * then the change is one of the guest's definition. A guest that is to let a device go may take its time, or
 * do it never. Part of guest.c.
 *
 * A network card's link and bandwidth and a disk's limits change at once, whatever the guest does, and in any
 * guest.
 *
 * One change is under way in a guest at a time; a device that is waited for to go makes way for the next
 * change. Only guests on a PCI bus take part (guest->devices.told). Loop thread only.
 */
#pragma once

#include "vmm/manager/guest.h"

/* Begins it; its definitions are taken over on success. The number by which guest_hotplug_outcome knows it,
 * from 1 on, or a negative errno: -EOPNOTSUPP: devices do not come and go in this guest; -EBUSY: another
 * change is under way. */
int64_t guest_hotplug_change(struct managed_guest *guest, const struct hotplug_change *change,
			     struct error *err);
/* -EINPROGRESS: it is under way. 0: it was done. Else a negative errno with a sentence: -ECANCELED: another
 * change took its place. */
int guest_hotplug_outcome(const struct managed_guest *guest, uint64_t number, struct error *err);

/* The limit on its process' files allows one of so many bytes from now on. */
int guest_raise_file_limit(const struct managed_guest *guest, uint64_t size, struct error *err);
/* Tells it that the file of its disk has grown to so many bytes. */
int guest_hotplug_resize(struct managed_guest *guest, unsigned index, uint64_t size, struct error *err);

/* --- Called by the guest's other files --- */

/* What a device that comes needs is there, and its process has it (0); or there is no such thing. */
void guest_hotplug_opened(struct managed_guest *guest, int code, const struct error *why);
/* A message to its process about a device; and a device in the JSON of a definition. */
cJSON *guest_hotplug_message(const char *op, const char *id);
const cJSON *guest_hotplug_item(const struct guest_definition *definition, const char *array, unsigned index);
/* Takes the message. */
int guest_hotplug_send(struct managed_guest *guest, cJSON *message, const int *fds, unsigned count,
		       struct error *err);
void guest_hotplug_drop_card(struct managed_guest *guest, unsigned card);

/* Its process started, or was found: its cards are those of its definition. */
void guest_hotplug_begin(struct managed_guest *guest);
/* The same of a process that a former manager started: each card has the place that its record says, for
 * those that left have left holes. */
void guest_hotplug_adopt(struct managed_guest *guest);
/* Its process told its devices, or refused one. */
void guest_hotplug_heard(struct managed_guest *guest);
void guest_hotplug_ask_again(struct loop_timer *timer);
/* Its process has ended. */
void guest_hotplug_end(struct managed_guest *guest);
