/* The parts of rinitctl. Each returns what it exits with (control.h). */
#pragma once

#include <limits.h>
#include <stdbool.h>

/* What is done with unit files: enable, disable, mask, unmask, is-enabled, cat, check; and is-active,
 * is-failed. */
int files_command(const char *verb, char **arguments, int count);

/* systemctl's show: the property (NULL: all that are known here), with its name unless value. */
int files_show(const char *property, bool value, char **units, int count);
/* Every unit file and whether it is enabled; of one type ("service") unless NULL. */
int files_list(const char *type);

/* Unit files of fstab and init.d are written anew, where a rinit runs that will read them. */
void files_generate(void);

/* The script in /etc/init.d that the unit is made of, without its folder; false when there is none. */
bool initd_script(const char *unit, char script[NAME_MAX + 1]);
/* Links it into the runlevels, or marks it there as not to be started. */
int initd_enable(const char *script, bool enable);

/* systemctl(1) as Debian's maintainer scripts and people spell it; run does rinitctl's commands. */
int systemctl_main(int argc, char **argv,
		   int (*run)(const char *verb, char **arguments, int count, bool json));
