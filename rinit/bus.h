/*
 * Type=dbus: a service is up when its BusName= is owned on the system's bus, and no longer when the name has
 * no owner any more (systemd.service(5)). A helper watches the bus (bus_helper.h). A part of the manager.
 */
#pragma once

#include <stdio.h>

#include "rinit/manager.h"

/* A service that shall own a name has started. */
void bus_watch(struct manager *manager);
/* What the helper asks for: a line for each name. */
void bus_names_print(const struct manager *manager, FILE *stream);
/* What the helper tells: "NAME PID"; PID 0 nobody, -1 somebody. 0 or -EINVAL */
int bus_name_owned(struct manager *manager, const char *text);
