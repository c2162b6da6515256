/* /etc/passwd and /etc/group as files alone: no name service, whose libraries do not belong here. For
 * helpers. */
#pragma once

#include <stdbool.h>

#define PASSWD_FILE "/etc/passwd"
#define GROUP_FILE  "/etc/group"

/* Pure: the number in the third field of name's line. */
bool account_find(const char *text, const char *name, unsigned int *id);
/* A name of the file, or a number. */
bool account_id(const char *path, const char *name, unsigned int *id);
