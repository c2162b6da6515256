#include "rinit/early.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "rinit/clock.h"
#include "rinit/cmdline.h"
#include "rinit/conf_files.h"
#include "rinit/fstab.h"
#include "rinit/generate.h"
#include "rinit/hosts.h"
#include "rinit/ini.h"
#include "rinit/helper.h"
#include "rinit/log.h"
#include "rinit/machine_id.h"
#include "rinit/random_seed.h"
#include "rinit/sysctl.h"

#define GENERATOR_STOP_MS 2000
#define GENERATOR_MAX_MS  10000 /* it only reads and writes some small files */

static struct unit *target_add(struct manager *manager, const char *name, const char *const *after)
{
	struct unit *unit = manager_add_target(manager, name, false);

	for (; unit && *after; after++)
		string_list_add(&unit->config.after, *after);
	return unit;
}

void early_targets_add(struct manager *manager)
{
	struct unit *sysinit;

	manager_add_target(manager, "modules.target", true);
	target_add(manager, "local-fs.target", (const char *const[]){NULL});
	target_add(manager, "swap.target", (const char *const[]){NULL});
	target_add(manager, "remote-fs.target", (const char *const[]){NULL});
	target_add(manager, "terminals.target", (const char *const[]){"modules.target", NULL});
	target_add(manager, "logger.target",
		   (const char *const[]){"terminals.target", "local-fs.target", NULL});
	sysinit = target_add(manager, "sysinit.target",
			     (const char *const[]){"logger.target", "swap.target", NULL});
	if (sysinit)
		string_list_add(&sysinit->config.requires, "local-fs.target");
}

static struct unit *job_add(struct manager *manager, const char *name, const char *description,
			    const char *helper, const char *argument, const char *const *after)
{
	struct unit *unit = manager_add_service(manager, name, description);

	if (!unit)
		return NULL;
	unit->config.service.type = TYPE_ONESHOT;
	unit->config.service.remain_after_exit = true;
	unit->config.default_dependencies = false;
	string_list_add(&unit->config.before, "sysinit.target");
	for (; *after; after++)
		string_list_add(&unit->config.after, *after);
	if (service_config_command(&unit->config.service, HELPER_PROGRAM,
				   (const char *[]){helper, argument, NULL}, false))
		log_warning("%s: out of memory", name);
	return unit;
}

/* rinit.WHAT=yes or no on the command line; without, machines do it and containers do not. */
static bool shall(const char *what, const char *cmdline, bool container)
{
	char value[8];
	bool yes = !container;

	if (cmdline_get(cmdline, what, value, sizeof(value)) && parse_bool(value, &yes))
		log_warning("kernel parameter %s=%s: neither yes nor no", what, value);
	return yes;
}

struct unit *early_generator_add(struct manager *manager, const char *cmdline, bool container)
{
	bool fstab = shall("rinit.fstab", cmdline, container) &&
		     (!access("/etc/fstab", F_OK) || cmdline_has(cmdline, FSTAB_KERNEL_PARAMETER));
	struct unit *unit = NULL;

	if (fstab || !access("/etc/init.d", F_OK))
		unit = job_add(manager, "generator.service", "unit files of fstab and init.d",
			       GENERATE_HELPER_NAME, fstab ? "fstab" : NULL, (const char *const[]){NULL});
	if (unit) {
		unit->config.boot = BOOT_ON_DEMAND; /* not once more, when it has failed */
		unit->config.service.start_timeout_ms = GENERATOR_MAX_MS;
		unit->config.service.stop_timeout_ms = GENERATOR_STOP_MS;
	}
	return unit;
}

void early_jobs_add(struct manager *manager, const struct config *config, const char *cmdline, bool container)
{
	const char *setup = container ? "container" : config->credit_seed ? "credit" : "machine";

	if (!container || machine_id_is_missing() || hosts_is_missing())
		job_add(manager, "setup.service", "machine id, hosts, clock and random seed",
			SETUP_HELPER_NAME, setup, (const char *const[]){"local-fs.target", NULL});
	if (shall("rinit.sysctl", cmdline, container) && sysctl_is_configured())
		job_add(manager, "sysctl.service", "kernel settings of sysctl.d", SYSCTL_HELPER_NAME, NULL,
			(const char *const[]){"modules.target", "-.mount", NULL});
	if (conf_files_exist(tmpfiles_folders, ".conf"))
		job_add(manager, "tmpfiles.service", "files and folders of tmpfiles.d", TMPFILES_HELPER_NAME,
			NULL, (const char *const[]){"local-fs.target", "setup.service", NULL});
}

void early_clock(void)
{
	clock_not_before_build();
}

void early_save(void)
{
	random_seed_save(true);
	clock_save();
}
