/*
 * What udhcpc runs at every event, in C: rinit itself, by the name that DHCP_HELPER_PATH's last part is. It
 * runs beside PID 1, with the event as its argument and the lease in the environment, as busybox documents
 * it.
 */
#pragma once

#define DHCP_HELPER_NAME  "dhcp"
#define DHCP_HELPER_PATH  "/run/rinit/" DHCP_HELPER_NAME
#define DHCP_DNS_VARIABLE "RINIT_DNS" /* servers by configuration: they win over the lease's */

/* Makes the link to this program. */
void dhcp_helper_link(void);
/* The helper's main(): the exit status. */
int dhcp_main(int argc, char **argv);
