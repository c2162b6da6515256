/*
 * The start of rastos-display for a guest with "graphics" (vmm/display/main.c): its socket is opened here,
 * where that is allowed; what the guest's process gets is the channel. It is the caller's child, in the
 * guest's cgroup, and ends with the guest's process (disk_backend.h). When it dies before, the screen is
 * closed, and it may be started again.
 */
#pragma once

#include "vmm/guest/disk_backend.h"

#define DISPLAY_URI_MAX 160

/*
 * Starts it and returns the guest's end of the channel, at once: it says itself when it is ready. *port: the
 * one that it is to have (it had it before), 0 the definition's or the first that is free; the one that it
 * has, 0 with a unix socket. A negative errno, and one sentence: a port or socket in use, a password that
 * cannot be read, the program missing.
 */
int display_start(struct disk_backend *backend, const struct guest_definition *definition,
		  const struct disk_backend_place *place, uint16_t *port, struct error *err);
/* Where viewers go: "vnc://127.0.0.1:5900", "vnc+unix:///run/...". */
void display_uri(const struct graphics_definition *graphics, uint16_t port, char uri[DISPLAY_URI_MAX]);
/* It has ended for good: its socket's name goes. */
void display_forget(const struct graphics_definition *graphics);
/* Bytes and processes that it may take beside what the guest may. */
uint64_t display_memory(const struct guest_definition *definition);
unsigned display_processes(const struct guest_definition *definition);
