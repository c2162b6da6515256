#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
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
	"--system", "--no-reload", "--no-pager", "--no-legend", "--no-ask-password", "--no-wall",
	"--full",   "-l",          "--all",      "-a",          "--force",           "-f",
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

int systemctl_main(int argc, char **argv,
		   int (*run)(const char *verb, char **arguments, int count, bool json))
{
	static char no_block[] = "--no-block", quiet[] = "--quiet", now[] = "--now";
	char **arguments = calloc((size_t)argc + 4, sizeof(*arguments)), **units = arguments + 3;
	bool wants_no_block = false, wants_quiet = false, wants_now = false, ended = false;
	const char *verb = NULL;
	int count = 0, code;

	if (!arguments)
		return CONTROL_FAILED;
	for (int i = 0; i < argc; i++) {
		bool plain = false;

		for (size_t o = 0; o < ARRAY_SIZE(plain_options); o++)
			plain |= !strcmp(argv[i], plain_options[o]);
		if (!ended && !strcmp(argv[i], "--"))
			ended = true;
		else if (!ended && !strcmp(argv[i], no_block))
			wants_no_block = true;
		else if (!ended && (!strcmp(argv[i], quiet) || !strcmp(argv[i], "-q")))
			wants_quiet = true;
		else if (!ended && !strcmp(argv[i], now))
			wants_now = true;
		else if (!ended && *argv[i] == '-' && !plain) {
			fprintf(stderr, "systemctl: the option \"%s\" is not known to rinit\n", argv[i]);
			free(arguments);
			return CONTROL_USAGE;
		} else if (!ended && plain)
			continue;
		else if (!verb)
			verb = argv[i];
		else
			units[count++] = argv[i];
	}
	if (!verb)
		verb = "list";
	if (wants_now && count)
		*--units = now, count++;
	if (wants_quiet && !strncmp(verb, "is-", 3))
		*--units = quiet, count++;
	if (wants_no_block && count && strncmp(verb, "is-", 3) != 0)
		*--units = no_block, count++;
	code = run_verb(verb, units, count, run);
	free(arguments);
	return code;
}
