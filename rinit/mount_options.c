#include "rinit/mount_options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/swap.h>

#include "common/util.h"
#include "rinit/fstab.h"
#include "rinit/ini.h"

#define DEFAULT_TIMEOUT_MS 90000

#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256 /* since Linux 5.10 */
#endif

struct option_flag {
	const char *name;
	unsigned long set, clear;
};

static const struct option_flag option_flags[] = {
	{"ro", MS_RDONLY, 0},
	{"rw", 0, MS_RDONLY},
	{"nosuid", MS_NOSUID, 0},
	{"suid", 0, MS_NOSUID},
	{"nodev", MS_NODEV, 0},
	{"dev", 0, MS_NODEV},
	{"noexec", MS_NOEXEC, 0},
	{"exec", 0, MS_NOEXEC},
	{"sync", MS_SYNCHRONOUS, 0},
	{"async", 0, MS_SYNCHRONOUS},
	{"dirsync", MS_DIRSYNC, 0},
	{"noatime", MS_NOATIME, MS_RELATIME | MS_STRICTATIME},
	{"atime", 0, MS_NOATIME},
	{"nodiratime", MS_NODIRATIME, 0},
	{"diratime", 0, MS_NODIRATIME},
	{"relatime", MS_RELATIME, MS_NOATIME | MS_STRICTATIME},
	{"norelatime", 0, MS_RELATIME},
	{"strictatime", MS_STRICTATIME, MS_NOATIME | MS_RELATIME},
	{"lazytime", MS_LAZYTIME, 0},
	{"nolazytime", 0, MS_LAZYTIME},
	{"mand", MS_MANDLOCK, 0},
	{"nomand", 0, MS_MANDLOCK},
	{"silent", MS_SILENT, 0},
	{"iversion", MS_I_VERSION, 0},
	{"nosymfollow", MS_NOSYMFOLLOW, 0},
	{"remount", MS_REMOUNT, 0},
	{"bind", MS_BIND, 0},
	{"rbind", MS_BIND | MS_REC, 0},
	/* user mounts: mount(8) implies these, for root's mounts too */
	{"user", MS_NOSUID | MS_NODEV | MS_NOEXEC, 0},
	{"users", MS_NOSUID | MS_NODEV | MS_NOEXEC, 0},
	{"owner", MS_NOSUID | MS_NODEV, 0},
	{"group", MS_NOSUID | MS_NODEV, 0},
	/* for mount(8) alone, or the default */
	{"defaults", 0, 0},
	{"auto", 0, 0},
	{"fail", 0, 0},
	{"nouser", 0, 0},
	{"", 0, 0},
};

static const struct option_flag propagations[] = {
	{"shared", MS_SHARED, 0},         {"rshared", MS_SHARED | MS_REC, 0},
	{"slave", MS_SLAVE, 0},           {"rslave", MS_SLAVE | MS_REC, 0},
	{"private", MS_PRIVATE, 0},       {"rprivate", MS_PRIVATE | MS_REC, 0},
	{"unbindable", MS_UNBINDABLE, 0}, {"runbindable", MS_UNBINDABLE | MS_REC, 0},
};

static const struct option_flag *flag_find(const struct option_flag *flags, size_t count, const char *option)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(flags[i].name, option))
			return &flags[i];
	return NULL;
}

static int option_append(char *list, const char *option)
{
	size_t used = strlen(list);

	if (used + strlen(option) + 2 > MOUNT_DATA_MAX)
		return -E2BIG;
	sprintf(list + used, "%s%s", used ? "," : "", option);
	return 0;
}

static bool timeout_read(const char *option, const char *name, uint64_t *ms)
{
	const char *value = fstab_option_value(option, name);

	if (!value || parse_timespan(value, ms))
		return false;
	if (!*ms)
		*ms = TIMESPAN_INFINITY; /* as systemd.mount(5) has it */
	return true;
}

static bool option_is_switch(struct mount_options *parsed, const char *option)
{
	const struct {
		const char *name;
		bool *value;
	} switches[] = {
		{"noauto", &parsed->noauto},
		{"nofail", &parsed->nofail},
		{"_netdev", &parsed->network},
		{"x-rinit.no-wait", &parsed->no_wait},
		{"x-systemd.rw-only", &parsed->read_write_only},
	};

	for (size_t i = 0; i < ARRAY_SIZE(switches); i++)
		if (!strcmp(switches[i].name, option)) {
			*switches[i].value = true;
			return true;
		}
	if (fstab_option_value(option, MOUNT_OPTION_PASS))
		return fstab_number(fstab_option_value(option, MOUNT_OPTION_PASS), &parsed->pass);
	return timeout_read(option, "x-systemd.device-timeout", &parsed->device_timeout_ms) ||
	       timeout_read(option, "x-systemd.mount-timeout", &parsed->mount_timeout_ms);
}

/* Those that generate_fstab.c makes keys and links of. */
static bool option_is_order(const char *option)
{
	static const char *const names[] = {"x-systemd.after",           "x-systemd.before",
					    "x-systemd.requires",        "x-systemd.requires-mounts-for",
					    "x-systemd.wanted-by",       "x-systemd.required-by",
					    "x-systemd.wants-mounts-for"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (fstab_option_value(option, names[i]))
			return true;
	return false;
}

/* swapon(8)'s own. */
static bool option_is_swap(struct mount_options *parsed, const char *option)
{
	const char *priority = fstab_option_value(option, "pri");
	unsigned int number;

	if (!strcmp(option, "sw")) /* fstab(5): nothing more than that it is swap */
		return true;
	if (priority && fstab_number(priority, &number) && number <= SWAP_FLAG_PRIO_MASK)
		parsed->swap_priority = (int)number;
	else if (!strcmp(option, "discard"))
		parsed->swap_discard = SWAP_FLAG_DISCARD;
	else if (!strcmp(option, "discard=once"))
		parsed->swap_discard = SWAP_FLAG_DISCARD | 0x20000; /* SWAP_FLAG_DISCARD_ONCE, _PAGES */
	else if (!strcmp(option, "discard=pages"))
		parsed->swap_discard = SWAP_FLAG_DISCARD | 0x40000;
	else
		return false;
	return true;
}

static int option_read(struct mount_options *parsed, const char *option, bool swap, bool *known)
{
	const struct option_flag *flag = flag_find(option_flags, ARRAY_SIZE(option_flags), option);
	const struct option_flag *way = flag_find(propagations, ARRAY_SIZE(propagations), option);
	bool for_others = !strncmp(option, "x-", 2) || !strncmp(option, "X-", 2) ||
			  fstab_option_value(option, "comment");
	int rc;

	if (option_is_switch(parsed, option) || option_is_order(option) ||
	    (swap && option_is_swap(parsed, option)))
		return 0;
	*known = !swap || flag || for_others;
	if (for_others) {
		*known = !strncmp(option, "X-mount.mkdir", 13) || /* which is always done */
			 (strncmp(option, "x-systemd.", 10) != 0 && strncmp(option, "X-mount.", 8) != 0);
		return 0;
	}
	if (way) {
		parsed->propagation = way->set;
		return 0;
	}
	if (!strcmp(option, "loop")) {
		parsed->loop = true;
		return option_append(parsed->helper, option);
	}
	if (flag)
		parsed->flags = (parsed->flags & ~flag->clear) | flag->set;
	if (flag && !flag->set && !flag->clear)
		return 0;
	rc = flag ? 0 : option_append(parsed->data, option);
	return rc ? rc : option_append(parsed->helper, option);
}

int mount_options_parse(struct mount_options *parsed, const char *options, const char *type, void *context,
			void (*unknown)(void *context, const char *option))
{
	char option[FSTAB_LINE_MAX];
	int rc = 0;

	*parsed = (struct mount_options){.network = fstab_type_needs_network(type),
					 .swap_priority = -1,
					 .device_timeout_ms = DEFAULT_TIMEOUT_MS,
					 .mount_timeout_ms = DEFAULT_TIMEOUT_MS};
	while (!rc && (options = fstab_option_next(options, option, sizeof(option)))) {
		bool known = true;

		rc = option_read(parsed, option, !strcmp(type, "swap"), &known);
		if (!known && unknown)
			unknown(context, option);
	}
	return rc;
}
