/* /etc/resolv.conf (resolv.conf(5)). */
#pragma once

#include <stddef.h>

/*
 * Writes the servers, and a search domain unless NULL. Where /etc can't be written to, the file is
 * /run/rinit/resolv.conf, which /etc/resolv.conf may be a link to. 0 or negative errno, then it was logged.
 */
int resolver_write(const char *const *servers, size_t count, const char *domain);
