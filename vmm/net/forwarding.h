/*
 * The kernel's forwarding of IPv4 packets, which a host usually has switched off: switched on while a network
 * needs it, and everything put back to what it was when none does any more.
 *
 * What it was is kept in a file (`record`) that is written before anything changes, so that whoever comes
 * after a crash can put it back. Where forwarding is on already there is nothing to do, nothing to put back,
 * and no file.
 */
#pragma once

#include "common/error.h"

int forwarding_enable(const char *record, struct error *err);
int forwarding_restore(const char *record, struct error *err);
