/*
 * Units that are there without a file: the targets of systemd.special(7) that Debian's services order
 * themselves around. And those of systemd's own units that are not run, since rinit itself does what they do.
 */
#pragma once

#include "rinit/unit.h"

/* Is it one of the targets? Then files in /lib for it are not read. */
bool unit_is_builtin(const char *name);
/* Adds those of the words that list does not have; 0 or -ENOMEM. */
int words_add(struct string_list *list, const char *words);
/* Puts a built-in target's order and needs into config; 0 or -ENOMEM. */
int unit_builtin_fill(struct unit_config *config);

/* Does rinit do what this unit of systemd's does (logins, journal, tmpfiles ...)? Then nothing is lost
 * without. */
bool unit_is_rinits_work(const char *name);
