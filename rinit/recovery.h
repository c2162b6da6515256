/*
 * When PID 1 itself crashes: instead of the kernel's panic it executes itself anew, which gives the fault's
 * process a clean memory and keeps its children, and the new one offers an emergency shell. If even that
 * crashes, a shell is started with the bare minimum, and what is left of PID 1 only reaps.
 */
#pragma once

#include <stdbool.h>

#define RECOVERY_ARGUMENT "--crashed="

/* Catches the signals of a fault. again: this program is the one that was executed after a fault. */
void recovery_arm(bool again);
/* The signal's name when these are the arguments of a program executed after a fault, NULL otherwise. */
const char *recovery_reason(char *const *argv);
