/*
 * rinitctl by the name of systemctl: what Debian's maintainer scripts, init-system-helpers and people say,
 * with systemctl(1)'s exit statuses. What rinit has no like of is refused with one sentence.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "rinit/control.h"
#include "rinit/ini.h"
#include "rinit/rinitctl.h"

#define NOT_INSTALLED 5 /* of start and the like, when there is no such unit */

struct systemctl {
	rinitctl_run *run;
	bool no_block, quiet, now, value, plain, reverse, runtime, version, help;
	struct list_filter filter;
	const char *signal, *whom, *lines, *root, *preset_mode;
	char properties[1024];
	const char *verb;
	char **units;
	int count;
};

static int refuse(const char *format, ...) __attribute__((format(printf, 1, 2)));

static int refuse(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("systemctl: ", stderr);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return CONTROL_FAILED;
}

/* ---- what rinit's codes are here ---- */

static int status_of(int code)
{
	return code == CONTROL_NO_UNIT ? NOT_INSTALLED : code == CONTROL_DONE ? 0 : CONTROL_FAILED;
}

/* One of rinitctl's commands, with the options that it knows in front. */
static int run(const struct systemctl *ctl, const char *verb, bool with_no_block)
{
	static char no_block[] = "--no-block", quiet[] = "--quiet", now[] = "--now", runtime[] = "--runtime";
	AUTO_FREE char **words = calloc((size_t)ctl->count + 8, sizeof(*words));
	char root[1024], mode[64];
	int count = 0;

	if (!words)
		return CONTROL_FAILED;
	if (with_no_block) {
		if (ctl->no_block)
			words[count++] = no_block;
	} else {
		snprintf(root, sizeof(root), "--root=%s", ctl->root ? ctl->root : "");
		snprintf(mode, sizeof(mode), "--preset-mode=%s", ctl->preset_mode ? ctl->preset_mode : "");
		if (ctl->root)
			words[count++] = root;
		if (ctl->preset_mode)
			words[count++] = mode;
		if (ctl->quiet)
			words[count++] = quiet;
		if (ctl->now)
			words[count++] = now;
		if (ctl->runtime)
			words[count++] = runtime;
	}
	for (int i = 0; i < ctl->count; i++)
		words[count++] = ctl->units[i];
	return ctl->run(verb, words, count, false);
}

/* ---- verbs that are more than another name ---- */

static bool is_up(const char *unit)
{
	return unit_status(unit, true) == CONTROL_DONE;
}

static bool can_reload(const char *unit)
{
	return unit_can_reload(unit);
}

/* try-...: only those that are up; ...reload...: those that can be reloaded are. */
static int restart_each(struct systemctl *ctl, bool only_up, bool reload)
{
	const struct systemctl all = *ctl;
	int code = CONTROL_DONE;

	for (int i = 0; i < all.count; i++) {
		bool up = is_up(all.units[i]);
		int one;

		if (only_up && !up)
			continue;
		ctl->units = all.units + i;
		ctl->count = 1;
		one = status_of(
			run(ctl, reload && up && can_reload(all.units[i]) ? "reload" : "restart", true));
		code = one ? one : code;
	}
	return code;
}

static int verb_try_restart(struct systemctl *ctl)
{
	return restart_each(ctl, true, false);
}

static int verb_reload_or_restart(struct systemctl *ctl)
{
	return restart_each(ctl, false, true);
}

static int verb_try_reload_or_restart(struct systemctl *ctl)
{
	return restart_each(ctl, true, true);
}

static int verb_status(struct systemctl *ctl)
{
	const struct systemctl all = *ctl;
	int code = CONTROL_DONE;

	if (!all.count)
		return run(ctl, "status", true);
	for (int i = 0; i < all.count; i++) {
		char *log[] = {(char[]){"-n"}, (char *)(all.lines ? all.lines : "10"), all.units[i]};
		int one = unit_status(all.units[i], false);

		code = one ? one : code;
		if (one == 4)
			continue;
		ctl->units = all.units + i;
		ctl->count = 1;
		ctl->no_block = false;
		if (!run(ctl, "status", true) && strcmp(log[1], "0") != 0) {
			fflush(stdout);
			ctl->run("log", log, 3, false);
		}
	}
	return code;
}

static int verb_kill(struct systemctl *ctl)
{
	AUTO_FREE char **words = calloc((size_t)ctl->count + 4, sizeof(*words));
	char whom[64];
	int count = 0;

	if (!words)
		return CONTROL_FAILED;
	snprintf(whom, sizeof(whom), "--kill-whom=%s", ctl->whom ? ctl->whom : "all");
	words[count++] = (char[]){"-s"};
	words[count++] = (char *)(ctl->signal ? ctl->signal : "SIGTERM");
	words[count++] = whom;
	for (int i = 0; i < ctl->count; i++)
		words[count++] = ctl->units[i];
	return status_of(ctl->run("kill", words, count, false));
}

static int verb_show(struct systemctl *ctl)
{
	return files_show(*ctl->properties ? ctl->properties : NULL, ctl->value, ctl->units, ctl->count);
}

static int verb_is_active(struct systemctl *ctl)
{
	return run(ctl, "is-active", false);
}

static int verb_is_failed(struct systemctl *ctl)
{
	return run(ctl, "is-failed", false);
}

static int verb_is_enabled(struct systemctl *ctl)
{
	return run(ctl, "is-enabled", false);
}

static int verb_is_system_running(struct systemctl *ctl)
{
	const char *state = system_state();

	if (!ctl->quiet)
		puts(state);
	return strcmp(state, "running") ? CONTROL_FAILED : CONTROL_DONE;
}

static int verb_list_units(struct systemctl *ctl)
{
	return units_list(&ctl->filter, ctl->units, ctl->count);
}

static int verb_list_jobs(struct systemctl *ctl)
{
	ctl->filter.jobs = true;
	return units_list(&ctl->filter, ctl->units, ctl->count);
}

static int verb_list_sockets(struct systemctl *ctl)
{
	ctl->filter.types = "socket";
	return units_list(&ctl->filter, ctl->units, ctl->count);
}

static int verb_list_unit_files(struct systemctl *ctl)
{
	return files_list(&ctl->filter, ctl->units, ctl->count);
}

static int verb_list_dependencies(struct systemctl *ctl)
{
	return dependencies_list(ctl->count ? *ctl->units : "", ctl->reverse, ctl->plain);
}

static int isolate(struct systemctl *ctl, const char *target)
{
	ctl->units = (char *[]){(char *)target};
	ctl->count = 1;
	return status_of(run(ctl, "isolate", true));
}

static int verb_default(struct systemctl *ctl)
{
	return isolate(ctl, "default.target");
}

static int verb_rescue(struct systemctl *ctl)
{
	return isolate(ctl, "rescue.target");
}

/* ---- the table ---- */

enum {
	TO_RINIT, /* rinitctl's command of this name */
	TO_FILES, /* the same; it takes other options */
	BY_ITSELF,
	REFUSED, /* with the sentence */
};

static const struct verb {
	const char *verb;
	int kind;
	const char *ours; /* NULL: the same; or why not */
	int (*run)(struct systemctl *ctl);
} verbs[] = {
	{"start", TO_RINIT, NULL, NULL},
	{"stop", TO_RINIT, NULL, NULL},
	{"restart", TO_RINIT, NULL, NULL},
	{"reload", TO_RINIT, NULL, NULL},
	{"isolate", TO_RINIT, NULL, NULL},
	{"reset-failed", TO_RINIT, NULL, NULL},
	{"daemon-reload", TO_RINIT, NULL, NULL},
	{"daemon-reexec", TO_RINIT, "daemon-reload", NULL}, /* a static program needs no more */
	{"poweroff", TO_RINIT, NULL, NULL},
	{"reboot", TO_RINIT, NULL, NULL},
	{"halt", TO_RINIT, NULL, NULL},
	{"enable", TO_FILES, NULL, NULL},
	{"disable", TO_FILES, NULL, NULL},
	{"reenable", TO_FILES, NULL, NULL},
	{"preset", TO_FILES, NULL, NULL},
	{"preset-all", TO_FILES, NULL, NULL},
	{"mask", TO_FILES, NULL, NULL},
	{"unmask", TO_FILES, NULL, NULL},
	{"link", TO_FILES, NULL, NULL},
	{"add-wants", TO_FILES, NULL, NULL},
	{"add-requires", TO_FILES, NULL, NULL},
	{"get-default", TO_FILES, NULL, NULL},
	{"set-default", TO_FILES, NULL, NULL},
	{"cat", TO_FILES, NULL, NULL},
	{"is-enabled", BY_ITSELF, NULL, verb_is_enabled},
	{"is-active", BY_ITSELF, NULL, verb_is_active},
	{"is-failed", BY_ITSELF, NULL, verb_is_failed},
	{"is-system-running", BY_ITSELF, NULL, verb_is_system_running},
	{"status", BY_ITSELF, NULL, verb_status},
	{"show", BY_ITSELF, NULL, verb_show},
	{"kill", BY_ITSELF, NULL, verb_kill},
	{"try-restart", BY_ITSELF, NULL, verb_try_restart},
	{"condrestart", BY_ITSELF, NULL, verb_try_restart},
	{"reload-or-restart", BY_ITSELF, NULL, verb_reload_or_restart},
	{"try-reload-or-restart", BY_ITSELF, NULL, verb_try_reload_or_restart},
	{"reload-or-try-restart", BY_ITSELF, NULL, verb_try_reload_or_restart},
	{"condreload", BY_ITSELF, NULL, verb_try_reload_or_restart},
	{"force-reload", BY_ITSELF, NULL, verb_try_reload_or_restart},
	{"list-units", BY_ITSELF, NULL, verb_list_units},
	{"list-sockets", BY_ITSELF, NULL, verb_list_sockets},
	{"list-jobs", BY_ITSELF, NULL, verb_list_jobs},
	{"list-unit-files", BY_ITSELF, NULL, verb_list_unit_files},
	{"list-dependencies", BY_ITSELF, NULL, verb_list_dependencies},
	{"default", BY_ITSELF, NULL, verb_default},
	{"rescue", BY_ITSELF, NULL, verb_rescue},
	{"list-timers", REFUSED, "rinit runs no timers", NULL},
	{"edit", REFUSED, "write a file in /etc/systemd/system/UNIT.d/, then daemon-reload", NULL},
	{"revert", REFUSED, "remove the files in /etc/systemd/system yourself, then daemon-reload", NULL},
	{"set-property", REFUSED, "write it to a file in /etc/systemd/system/UNIT.d/, then daemon-reload",
	 NULL},
	{"set-environment", REFUSED, "services have the environment of their files only", NULL},
	{"unset-environment", REFUSED, "services have the environment of their files only", NULL},
	{"import-environment", REFUSED, "services have the environment of their files only", NULL},
	{"show-environment", REFUSED, "services have the environment of their files only", NULL},
	{"emergency", REFUSED, "start the machine with the word single on the kernel's command line", NULL},
	{"suspend", REFUSED, "rinit does not put machines to sleep", NULL},
	{"hibernate", REFUSED, "rinit does not put machines to sleep", NULL},
	{"hybrid-sleep", REFUSED, "rinit does not put machines to sleep", NULL},
	{"kexec", REFUSED, "rinit boots no other kernel by itself", NULL},
	{"soft-reboot", REFUSED, "rinit has no such thing; reboot", NULL},
	{"switch-root", REFUSED, "rinit leaves its initrd by itself", NULL},
	{"exit", REFUSED, "the first process ends by poweroff", NULL},
};

/* ---- options ---- */

/* No terminal is paged, nobody is asked for a password, names are never cut. */
static const char plain_options[] =
	" --system --no-reload --no-pager --no-ask-password --no-wall --full -l --force -f"
	" --show-types --job-mode=replace ";

/* -p X, -pX, --property X, --property=X: the value, at moved on to it; NULL when word is another option. */
static const char *option_value(const char *brief, const char *full, int argc, char **argv, int *at)
{
	const char *word = argv[*at];
	size_t length = strlen(full);

	if (!strncmp(word, full, length) && word[length] == '=')
		return word + length + 1;
	if (*brief && !strncmp(word, brief, 2) && word[1] != '-' && word[2])
		return word + 2;
	if (((!*brief || strcmp(word, brief) != 0) && strcmp(word, full) != 0) || *at + 1 >= argc)
		return NULL;
	return argv[++*at];
}

static bool flag_read(struct systemctl *ctl, const char *word)
{
	const struct {
		const char *words;
		bool *flag;
	} flags[] = {
		{" --no-block ", &ctl->no_block}, {" --quiet -q ", &ctl->quiet},
		{" --now ", &ctl->now},           {" --value ", &ctl->value},
		{" --all -a ", &ctl->filter.all}, {" --no-legend ", &ctl->filter.no_legend},
		{" --plain ", &ctl->plain},       {" --reverse ", &ctl->reverse},
		{" --runtime ", &ctl->runtime},   {" --version ", &ctl->version},
		{" --help -h ", &ctl->help},
	};

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (words_have(flags[i].words, word))
			return *flags[i].flag = true;
	return false;
}

static bool value_read(struct systemctl *ctl, int argc, char **argv, int *at)
{
	const struct {
		const char *brief, *full;
		const char **value;
	} options[] = {
		{"-t", "--type", &ctl->filter.types}, {"", "--state", &ctl->filter.states},
		{"-s", "--signal", &ctl->signal},     {"", "--kill-who", &ctl->whom},
		{"", "--kill-whom", &ctl->whom},      {"-n", "--lines", &ctl->lines},
		{"", "--root", &ctl->root},           {"", "--preset-mode", &ctl->preset_mode},
	};
	const char *value = option_value("-p", "--property", argc, argv, at);
	size_t used = strlen(ctl->properties);

	if (value) {
		snprintf(ctl->properties + used, sizeof(ctl->properties) - used, "%s%s", used ? "," : "",
			 value);
		return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if ((value = option_value(options[i].brief, options[i].full, argc, argv, at))) {
			*options[i].value = value;
			return true;
		}
	return false;
}

/* Takes the option at `at`; says why not. */
static bool option_read(struct systemctl *ctl, int argc, char **argv, int *at)
{
	const char *word = argv[*at];

	if (!strcmp(word, "-P") && *at + 1 < argc) { /* -p and --value */
		ctl->value = true;
		argv[*at] = (char[]){"-p"};
		return value_read(ctl, argc, argv, at);
	}
	if (!strcmp(word, "--failed")) {
		ctl->filter.states = "failed";
		return true;
	}
	if (flag_read(ctl, word) || words_have(plain_options, word) || value_read(ctl, argc, argv, at))
		return true;
	if (words_have(" --user --global -M --machine -H --host ", word) ||
	    !strncmp(word, "--machine=", 10) || !strncmp(word, "--host=", 7))
		refuse("%s: rinit manages this system, and nobody else's services", word);
	else
		refuse("the option \"%s\" is not known to rinit", word);
	return false;
}

static int verb_run(struct systemctl *ctl)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		const struct verb *verb = &verbs[i];
		const char *ours = verb->ours ? verb->ours : verb->verb;

		if (strcmp(verb->verb, ctl->verb) != 0)
			continue;
		if (verb->kind == REFUSED)
			return refuse("%s: %s", verb->verb, verb->ours);
		if (verb->kind == BY_ITSELF)
			return verb->run(ctl);
		return verb->kind == TO_FILES ? MIN(run(ctl, ours, false), CONTROL_FAILED)
					      : status_of(run(ctl, ours, true));
	}
	return refuse("%s: rinit does not know this command", ctl->verb);
}

int systemctl_main(int argc, char **argv, rinitctl_run *command_run)
{
	AUTO_FREE char **units = calloc((size_t)argc + 1, sizeof(*units));
	struct systemctl ctl = {.run = command_run, .units = units};
	bool ended = false;

	if (!units)
		return CONTROL_FAILED;
	for (int i = 0; i < argc; i++) {
		if (!ended && !strcmp(argv[i], "--"))
			ended = true;
		else if (!ended && *argv[i] == '-' && argv[i][1]) {
			if (!option_read(&ctl, argc, argv, &i))
				return CONTROL_FAILED;
		} else if (!ctl.verb)
			ctl.verb = argv[i];
		else
			units[ctl.count++] = argv[i];
	}
	if (ctl.version)
		return puts("rinit " RASTOS_VERSION ", as systemctl"), CONTROL_DONE;
	if (ctl.help) {
		puts("systemctl [OPTIONS...] COMMAND ...: rinit's, see rinitctl(1). Commands:");
		for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
			if (verbs[i].kind != REFUSED)
				printf("  %s\n", verbs[i].verb);
		return CONTROL_DONE;
	}
	if (!ctl.verb)
		ctl.verb = "list-units";
	return verb_run(&ctl);
}
