/* The parts of rinitctl. Each returns what it exits with (control.h) unless it says so. */
#pragma once

#include <limits.h>
#include <stdbool.h>

typedef int rinitctl_run(const char *verb, char **arguments, int count, bool json);

/* What is done with unit files: enable, disable, mask, preset and so on, and is-enabled, is-active,
 * is-failed, cat, check. */
int files_command(const char *verb, char **arguments, int count);

/* ---- rinitctl_show.c, in the words of systemctl(1) ---- */

struct list_filter {
	const char *types, *states; /* commas between; NULL: all */
	bool all, no_legend;
	bool jobs; /* only what is on its way up or down */
};

/* systemctl's show: the properties (commas between; NULL: all that are known here), with their names unless
 * value. */
int files_show(const char *properties, bool value, char **units, int count);
/* Every unit file and whether it is enabled; the units; names may be patterns. */
int files_list(const struct list_filter *filter, char **patterns, int count);
int units_list(const struct list_filter *filter, char **patterns, int count);
/* What the unit wants and requires, all the way; or who wants and requires it. "": the default target. */
int dependencies_list(const char *name, bool reverse, bool plain);
/* Has it an ExecReload=? */
bool unit_can_reload(const char *name);
/* running, degraded, starting, stopping, maintenance, offline */
const char *system_state(void);
/* Its state as an exit status of systemctl(1): 0 up, 3 down, 4 there is no such unit, which is said unless
 * quiet. */
int unit_status(const char *name, bool quiet);

/* ---- other faces ---- */

/* Unit files of fstab and init.d are written anew, where a rinit runs that will read them. */
void files_generate(void);

/* The script in /etc/init.d that the unit is made of, without its folder; false when there is none. */
bool initd_script(const char *unit, char script[NAME_MAX + 1]);
/* Links it into the runlevels, or marks it there as not to be started. */
int initd_enable(const char *script, bool enable);

/* systemctl(1) as Debian's maintainer scripts and people spell it; run does rinitctl's commands. */
int systemctl_main(int argc, char **argv, rinitctl_run *run);
/* telinit, init, runlevel, service, shutdown, wall: true when name is one of them. */
bool sysv_main(const char *name, int argc, char **argv, rinitctl_run *run, int *status);
/* To everybody's terminal, as wall(1). */
void wall(const char *text);
