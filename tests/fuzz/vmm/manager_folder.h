/*
 * The folder of a manager that a fuzzer asks, of the process's own: mode, settings with every folder in it,
 * and a guest "web" whose kernel is not there, so that no start gets as far as a process. It is removed when
 * the process ends. What cannot be made ends the process.
 */
#pragma once

/* more: further members of vmm.json, each with a comma before it; "": none. The path of vmm.json. */
const char *manager_folder_make(const char *more);
/* Where it is, and another file in it. */
const char *manager_folder(void);
void manager_folder_write(const char *name, const char *text);
