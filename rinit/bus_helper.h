/*
 * Beside PID 1: asks the system's D-Bus who owns the names that services of Type=dbus shall own, and tells
 * PID 1 (control.h, "bus"). There is one, once there is such a service.
 *
 * It asks PID 1 for the names when it starts and at each SIGURG. When the bus goes away it comes back as soon
 * as the bus does, and tells of everything anew.
 */
#pragma once

#define BUS_HELPER_NAME "rinit-bus"
#define BUS_SOCKET_PATH "/run/dbus/system_bus_socket"

int bus_helper_main(int argc, char **argv);
