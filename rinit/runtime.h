/*
 * What this system runs on, and what for.
 *
 * container: not the machine's first PID namespace (its inode number is a constant of the kernel,
 * PROC_PID_INIT_INO), or the environment variable container=, /run/.containerenv or /.dockerenv say so.
 * rastos: the ACPI tables' OEM id is RASTOS, or the device tree is compatible with "rastos,vmm". native:
 * everything else, other hypervisors included.
 */
#pragma once

#include <stdbool.h>

#include "common/error.h"

enum runtime_kind {
	RUNTIME_NATIVE,
	RUNTIME_RASTOS,
	RUNTIME_CONTAINER,
};

enum runtime_mode {
	MODE_NONE, /* no /etc/rastos/mode: as server */
	MODE_SERVER,
	MODE_DESKTOP,
};

/* Needs /proc; container= is looked for in the environment. */
bool runtime_is_container(void);
/* Needs /sys. */
bool runtime_is_rastos(void);
/* Tells rastos-vmm that user space started: 0x41 on the debug port, the mark of its boot report. Needs root.
 */
void runtime_mark_start(void);
const char *runtime_name(enum runtime_kind kind);

/* 0; or an error that names the file and the words it may hold, then mode is MODE_NONE. */
int mode_read(const char *path, enum runtime_mode *mode, struct error *err);
const char *mode_name(enum runtime_mode mode); /* "server" where there is none */
