#include "rinit/unit_builtin.h"

#include <errno.h>
#include <string.h>

#include "common/util.h"
#include "rinit/ini.h"
#include "rinit/pattern.h"

/* Those that come after or want others. */
static const struct {
	const char *name;
	const char *after, *wants; /* words */
} targets[] = {
	{"sysinit", "local-fs.target swap.target", "local-fs.target swap.target"},
	{"basic", "sysinit.target sockets.target paths.target slices.target",
	 "sysinit.target sockets.target paths.target slices.target timers.target"},
	{"network", "network-pre.target", ""},
	{"network-online", "network.target", ""},
	{"multi-user", "basic.target", "basic.target network.target getty.target remote-fs.target"},
	{"graphical", "multi-user.target display-manager.service",
	 "multi-user.target display-manager.service"},
	{"local-fs", "local-fs-pre.target", ""},
	{"remote-fs", "remote-fs-pre.target", ""},
	{"umount", "shutdown.target", ""},
	{"final", "shutdown.target umount.target", ""},
};

static const char plain_targets[] =
	" local-fs-pre remote-fs-pre swap sockets paths slices timers getty getty-pre nss-lookup nss-user-lookup"
	" time-set time-sync network-pre rpcbind cryptsetup cryptsetup-pre remote-cryptsetup integritysetup"
	" veritysetup shutdown reboot poweroff halt kexec rescue emergency sleep suspend hibernate hybrid-sleep"
	" printer sound bluetooth smartcard usb-gadget machines first-boot-complete boot-complete"
	" system-update system-update-pre initrd-root-fs initrd-switch-root ";

/* Of "NAME.target": how long NAME is; 0 when it's no target. */
static size_t target_length(const char *name)
{
	size_t length = strlen(name);

	return length > 7 && !strcmp(name + length - 7, ".target") ? length - 7 : 0;
}

static int row_find(const char *name, size_t length)
{
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++)
		if (strlen(targets[i].name) == length && !strncmp(targets[i].name, name, length))
			return (int)i;
	return -1;
}

bool unit_is_builtin(const char *name)
{
	size_t length = target_length(name);

	if (!length || length >= UNIT_NAME_MAX)
		return false;
	for (const char *at = plain_targets; (at = strchr(at, ' ')) && *++at;)
		if (!strncmp(at, name, length) && at[length] == ' ')
			return true;
	return row_find(name, length) >= 0;
}

int words_add(struct string_list *list, const char *words)
{
	char word[UNIT_NAME_MAX];

	while (word_split(&words, word, sizeof(word)) > 0)
		if (!string_list_has(list, word) && string_list_add(list, word))
			return -ENOMEM;
	return 0;
}

int unit_builtin_fill(struct unit_config *config)
{
	int row = row_find(config->name, target_length(config->name));

	config->allow_isolate =
		!strcmp(config->name, "multi-user.target") || !strcmp(config->name, "graphical.target") ||
		!strcmp(config->name, "rescue.target") || !strcmp(config->name, "emergency.target");
	if (row < 0)
		return 0;
	return words_add(&config->after, targets[row].after) || words_add(&config->wants, targets[row].wants)
		       ? -ENOMEM
		       : 0;
}

bool unit_is_rinits_work(const char *name)
{
	/* Daemons that stand on their own, though they come with systemd. */
	static const char *const kept[] = {
		"systemd-udev*",      "systemd-networkd*", "systemd-resolved*",  "systemd-timesyncd*",
		"systemd-hostnamed*", "systemd-localed*",  "systemd-timedated*",
	};
	static const char *const left[] = {
		"systemd-*",
		"getty@*.service",
		"serial-getty@*.service",
		"console-getty.service",
		"container-getty@*.service",
		"autovt@*.service",
		"kmod-static-nodes.service",
		"user@*.service",
		"user-runtime-dir@*.service",
		"initrd-*",
		"dev-hugepages.mount",
		"dev-mqueue.mount",
		"sys-*.mount",
		"proc-sys-fs-binfmt_misc.*",
		"tmp.mount",
		"rescue.service",
		"emergency.service",
		"-.mount",
		"*.slice",
		"ldconfig.service",
		"quotaon.service",
		"debug-shell.service",
		"getty-static.service",
	};

	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		if (pattern_matches(kept[i], name))
			return false;
	for (size_t i = 0; i < ARRAY_SIZE(left); i++)
		if (pattern_matches(left[i], name))
			return true;
	return false;
}
