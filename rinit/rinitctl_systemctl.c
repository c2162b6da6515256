#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "rinit/client.h"
#include "rinit/control.h"
#include "rinit/rinitctl.h"

/* Its verbs and ours; NULL: there is nothing to do, and that is fine. */
static const struct {
	const char *verb, *ours;
	bool if_active; /* only for units that are up */
} verbs[] = {
	{"try-restart", "restart", true},
	{"condrestart", "restart", true},
	{"try-reload-or-restart", "restart", true},
	{"force-reload", "restart", true},
	{"reload-or-restart", "restart", false},
	{"daemon-reexec", "daemon-reload", false},
	{"preset", "enable", false}, /* Debian's preset enables everything */
	{"reenable", "enable", false},
	{"list-units", "list", false},
	{"reset-failed", NULL, false},
	{"preset-all", NULL, false},
};

static const char *const plain_options[] = {
	"--system",  "--no-reload", "--no-pager", "--no-legend", "--no-ask-password",
	"--no-wall", "--full",      "-l",         "--all",       "-a",
	"--force",   "-f",          "--root=/",
};

static bool is_active(char *unit)
{
	char *arguments[] = {(char[]){"--quiet"}, unit};

	return files_command("is-active", arguments, 2) == CONTROL_DONE;
}

static int run_verb(const char *verb, char **units, int count,
		    int (*run)(const char *verb, char **arguments, int count, bool json))
{
	bool if_active = false;
	int kept = 0;

	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (!strcmp(verbs[i].verb, verb)) {
			if (!verbs[i].ours)
				return CONTROL_DONE;
			if_active = verbs[i].if_active;
			verb = verbs[i].ours;
			break;
		}
	for (int i = 0; i < count; i++)
		if (!if_active || *units[i] == '-' || is_active(units[i]))
			units[kept++] = units[i];
	if (if_active && kept == (kept && *units[0] == '-'))
		return CONTROL_DONE;
	return run(verb, units, kept, false);
}

static int is_system_running(bool quiet)
{
	static const char *const words[] = {"running", "starting", "stopping"};
	AUTO_FREE char *text = NULL;
	struct error err;
	const char *state = "offline";

	if (!client_ask("status", "", &text, &err) && text)
		for (size_t i = 0; i < ARRAY_SIZE(words); i++)
			if (!strncmp(text, "State=", 6) && !strncmp(text + 6, words[i], strlen(words[i])))
				state = words[i];
	if (!quiet)
		puts(state);
	return strcmp(state, "running") ? CONTROL_FAILED : CONTROL_DONE;
}

struct systemctl {
	bool no_block, quiet, now, value;
	const char *property, *type;
	const char *verb;
	char **units;
	int count;
};

static bool is_plain_option(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(plain_options); i++)
		if (!strcmp(word, plain_options[i]))
			return true;
	return false;
}

/* -p X, --property X, --property=X: the value, at moved on to it; NULL when word is another option. */
static const char *option_value(const char *brief, const char *full, int argc, char **argv, int *at)
{
	const char *word = argv[*at];
	size_t length = strlen(full);

	if (!strncmp(word, full, length) && word[length] == '=')
		return word + length + 1;
	if ((strcmp(word, brief) != 0 && strcmp(word, full) != 0) || *at + 1 >= argc)
		return NULL;
	return argv[++*at];
}

/* Takes the option at `at`; false when it isn't known. */
static bool option_read(struct systemctl *ctl, int argc, char **argv, int *at)
{
	const char *word = argv[*at], *value;

	if (!strcmp(word, "--no-block"))
		ctl->no_block = true;
	else if (!strcmp(word, "--quiet") || !strcmp(word, "-q"))
		ctl->quiet = true;
	else if (!strcmp(word, "--now"))
		ctl->now = true;
	else if (!strcmp(word, "--value"))
		ctl->value = true;
	else if ((value = option_value("-p", "--property", argc, argv, at)))
		ctl->property = value;
	else if ((value = option_value("-t", "--type", argc, argv, at)))
		ctl->type = value;
	else
		return is_plain_option(word);
	return true;
}

/* The options that rinitctl's command takes go in front of the units, where there is room for them. */
static int systemctl_run(struct systemctl *ctl,
			 int (*run)(const char *verb, char **arguments, int count, bool json))
{
	static char no_block[] = "--no-block", quiet[] = "--quiet", now[] = "--now";
	bool asks = !strncmp(ctl->verb, "is-", 3);

	if (!strcmp(ctl->verb, "show"))
		return files_show(ctl->property, ctl->value, ctl->units, ctl->count);
	if (!strcmp(ctl->verb, "list-unit-files"))
		return files_list(ctl->type);
	if (!strcmp(ctl->verb, "is-system-running"))
		return is_system_running(ctl->quiet);
	if (!strcmp(ctl->verb, "list-units"))
		ctl->count = 0; /* rinitctl lists them all */
	if (ctl->now && ctl->count)
		*--ctl->units = now, ctl->count++;
	if (ctl->quiet && asks)
		*--ctl->units = quiet, ctl->count++;
	if (ctl->no_block && ctl->count && !asks)
		*--ctl->units = no_block, ctl->count++;
	return run_verb(ctl->verb, ctl->units, ctl->count, run);
}

int systemctl_main(int argc, char **argv,
		   int (*run)(const char *verb, char **arguments, int count, bool json))
{
	AUTO_FREE char **arguments = calloc((size_t)argc + 4, sizeof(*arguments));
	struct systemctl ctl = {.verb = NULL};
	bool ended = false;

	if (!arguments)
		return CONTROL_FAILED;
	ctl.units = arguments + 3;
	for (int i = 0; i < argc; i++) {
		if (!ended && !strcmp(argv[i], "--")) {
			ended = true;
		} else if (!ended && *argv[i] == '-') {
			if (!option_read(&ctl, argc, argv, &i)) {
				fprintf(stderr, "systemctl: the option \"%s\" is not known to rinit\n",
					argv[i]);
				return CONTROL_USAGE;
			}
		} else if (!ctl.verb) {
			ctl.verb = argv[i];
		} else {
			ctl.units[ctl.count++] = argv[i];
		}
	}
	if (!ctl.verb)
		ctl.verb = "list";
	return systemctl_run(&ctl, run);
}
