/* /etc/hosts: made with this machine's own names when there is none. For a helper. */
#pragma once

#include <stdbool.h>

bool hosts_is_missing(void);
void hosts_setup(void);
