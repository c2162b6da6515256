/*
 * rinitctl by names of older inits: telinit, init and runlevel (their levels are targets), service, shutdown
 * and wall, as far as people and Debian's maintainer scripts use them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "rinit/client.h"
#include "rinit/control.h"
#include "rinit/ini.h"
#include "rinit/rinitctl.h"

static int usage(const char *sentence)
{
	fprintf(stderr, "%s; see rinitctl(1)\n", sentence);
	return CONTROL_USAGE;
}

/* ---- telinit, runlevel ---- */

static int telinit_main(int argc, char **argv, rinitctl_run *run)
{
	static const struct {
		const char *levels;
		const char *verb, *target;
	} table[] = {
		{"0", "poweroff", NULL},
		{"6", "reboot", NULL},
		{"1sS", "isolate", "rescue.target"},
		{"234", "isolate", "multi-user.target"},
		{"5", "isolate", "graphical.target"},
		{"qQuU", "daemon-reload", NULL}, /* its program needs no other way to be new */
	};
	const char *level = argc == 2 ? argv[1] : "";

	for (size_t i = 0; i < ARRAY_SIZE(table) && *level && !level[1]; i++)
		if (strchr(table[i].levels, *level)) {
			char *target = (char *)table[i].target;

			return run(table[i].verb, &target, target != NULL, false);
		}
	return usage(
		"telinit: which level? 0 power off, 1 single user, 2 to 4 multi-user, 5 graphical, 6 reboot,"
		" q and u read unit files again");
}

/* runlevel(8): the one before, which is not kept, and this one. */
static int runlevel_main(void)
{
	const char *state = system_state();
	char level = '\0';

	if (!strcmp(state, "maintenance"))
		level = 'S';
	else if (!strcmp(state, "running") || !strcmp(state, "degraded") || !strcmp(state, "starting"))
		level = unit_status("graphical.target", true) ? '3' : '5';
	if (!level) {
		puts("unknown");
		return CONTROL_FAILED;
	}
	printf("N %c\n", level);
	return CONTROL_DONE;
}

/* ---- service ---- */

static int status_all(void)
{
	AUTO_FREE char *text = NULL;
	struct error err;
	int code = client_ask("list", "", &text, &err);

	if (!text || code) {
		fprintf(stderr, "service: %s\n", text ? text : err.text);
		return code;
	}
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		char *tab = strchr(line, '\t'), *suffix = strstr(line, ".service\t");
		bool up = tab && (!strncmp(tab + 1, "running", 7) || !strncmp(tab + 1, "active", 6) ||
				  !strncmp(tab + 1, "reloading", 9));

		if (suffix)
			printf(" [ %c ]  %.*s\n", up ? '+' : '-', (int)(suffix - line), line);
	}
	return CONTROL_DONE;
}

/* Start and stop are for the service's socket too: who stops it does not want it back with the next client.
 */
static void socket_too(const char *name, const char *action, rinitctl_run *run)
{
	char socket[256], *units[] = {socket};

	snprintf(socket, sizeof(socket), "%s.socket", name);
	if (unit_status(socket, true) != 4)
		run(action, units, 1, false);
}

static int service_main(int argc, char **argv, rinitctl_run *run)
{
	static const char actions[] = " start stop restart status reload try-restart force-reload ";
	const char *action = argc > 2 ? argv[2] : "";
	char name[200], unit[256], script[256];
	char restart[] = "restart", *words[] = {(char *)action, unit, NULL};
	size_t length;

	if (argc == 2 && !strcmp(argv[1], "--status-all"))
		return status_all();
	if (argc < 3 || *argv[1] == '-' || strchr(argv[1], '/'))
		return usage("service: NAME start|stop|restart|reload|status ..., or --status-all");
	length = strlen(argv[1]);
	length -= length > 3 && !strcmp(argv[1] + length - 3, ".sh") ? 3 : 0;
	snprintf(name, sizeof(name), "%.*s", (int)length, argv[1]);
	snprintf(unit, sizeof(unit), "%s%s", name, strchr(name, '.') ? "" : ".service");
	if (!strcmp(action, "--full-restart"))
		words[0] = restart;
	else if (!strcmp(action, "force-stop"))
		return systemctl_main(3, (char *[]){"--signal=KILL", "kill", unit}, run);
	else if (!words_have(actions, action)) { /* what only its script knows */
		snprintf(script, sizeof(script), "/etc/init.d/%s", argv[1]);
		execv(script, (char **)(argv + 1));
		fprintf(stderr, "service: %s: rinit does not know this, and %s cannot be run\n", action,
			script);
		return CONTROL_FAILED;
	}
	if (!strcmp(action, "start") || !strcmp(action, "stop"))
		socket_too(name, action, run);
	return systemctl_main(2, words, run);
}

/* ---- shutdown, wall ---- */

/* "now", "+MINUTES", "HH:MM": in how many seconds; -1: none of these. */
static long seconds_until(const char *text)
{
	char *end;
	long hours, minutes;
	time_t now = time(NULL);
	struct tm then;

	if (!strcmp(text, "now"))
		return 0;
	minutes = strtol(text + (*text == '+'), &end, 10);
	if (end > text && !*end && minutes >= 0 && minutes <= 525600)
		return minutes * 60;
	hours = minutes;
	if (end == text || *end != ':' || hours < 0 || hours > 23)
		return -1;
	text = end + 1;
	minutes = strtol(text, &end, 10);
	if (end != text + 2 || *end || minutes < 0 || minutes > 59)
		return -1;
	then = *localtime(&now);
	hours = (hours - then.tm_hour) * 3600 + (minutes - then.tm_min) * 60 - then.tm_sec;
	return hours < 0 ? hours + 24 * 3600 : hours;
}

struct shutdown_options {
	const char *verb;
	bool cancel, only_wall, silent;
	long seconds;
	char message[1024];
};

/* False when it is none. */
static bool shutdown_option(struct shutdown_options *options, const char *word)
{
	static const struct {
		const char *words, *verb;
	} verbs[] = {
		{" -h -P --poweroff ", "poweroff"}, {" -r --reboot ", "reboot"}, {" -H --halt ", "halt"}};

	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (words_have(verbs[i].words, word)) {
			options->verb = verbs[i].verb;
			return true;
		}
	options->cancel |= !strcmp(word, "-c");
	options->only_wall |= !strcmp(word, "-k");
	options->silent |= !strcmp(word, "--no-wall");
	return words_have(" -c -k --no-wall ", word);
}

static int shutdown_read(struct shutdown_options *options, int argc, char **argv)
{
	bool time_seen = false;
	size_t used = 0;

	for (int i = 1; i < argc; i++) {
		if (*argv[i] == '-' && !time_seen) {
			if (!shutdown_option(options, argv[i]))
				return usage("shutdown: only -h, -P, -r, -H, -k, -c and --no-wall are known");
		} else if (!time_seen && !options->cancel) {
			time_seen = true;
			options->seconds = seconds_until(argv[i]);
			if (options->seconds < 0)
				return usage("shutdown: when? now, +MINUTES or HH:MM");
		} else if (used < sizeof(options->message)) {
			time_seen = true;
			used += (size_t)snprintf(options->message + used, sizeof(options->message) - used,
						 "%s%s", used ? " " : "", argv[i]);
		}
	}
	return CONTROL_DONE;
}

static void shutdown_tell(const struct shutdown_options *options)
{
	char text[1400], when[64] = "now";

	if (options->silent)
		return;
	if (options->seconds)
		snprintf(when, sizeof(when), "in %ld minutes", (options->seconds + 59) / 60);
	if (options->cancel)
		snprintf(text, sizeof(text), "The shutdown was cancelled.\r\n%s", options->message);
	else
		snprintf(text, sizeof(text), "The system is going to %s %s.\r\n%s",
			 strcmp(options->verb, "poweroff") ? options->verb : "power off", when,
			 options->message);
	wall(text);
}

static int shutdown_main(int argc, char **argv)
{
	struct shutdown_options options = {.verb = "poweroff", .seconds = 60};
	AUTO_FREE char *text = NULL;
	char argument[32] = "";
	struct error err;
	int code = shutdown_read(&options, argc, argv);

	if (code)
		return code;
	if (options.only_wall) {
		shutdown_tell(&options);
		return CONTROL_DONE;
	}
	if (options.seconds && !options.cancel)
		snprintf(argument, sizeof(argument), "+%ld", options.seconds);
	if (!options.seconds)
		shutdown_tell(&options); /* while there are terminals */
	code = client_ask(options.cancel ? "cancel" : options.verb, argument, &text, &err);
	if (code)
		fprintf(stderr, "shutdown: %s%s", text ? text : err.text, text ? "" : "\n");
	else if (options.seconds || options.cancel)
		shutdown_tell(&options);
	return code;
}

static int wall_main(int argc, char **argv)
{
	char text[1400] = "";
	size_t used = 0;

	for (int i = 1; i < argc && used < sizeof(text); i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", i > 1 ? " " : "", argv[i]);
	if (argc == 1)
		used = fread(text, 1, sizeof(text) - 1, stdin);
	for (size_t i = 0; i < MIN(used, sizeof(text) - 1); i++)
		if ((unsigned char)text[i] < ' ' && text[i] != '\n' && text[i] != '\t')
			text[i] = '?'; /* no terminal is told what to do by a stranger */
	if (geteuid())
		return usage("wall: only root may write to everybody's terminal");
	wall(text);
	return CONTROL_DONE;
}

bool sysv_main(const char *name, int argc, char **argv, rinitctl_run *run, int *status)
{
	if (!strcmp(name, "telinit") || !strcmp(name, "init"))
		*status = telinit_main(argc, argv, run);
	else if (!strcmp(name, "runlevel"))
		*status = runlevel_main();
	else if (!strcmp(name, "service"))
		*status = service_main(argc, argv, run);
	else if (!strcmp(name, "shutdown"))
		*status = shutdown_main(argc, argv);
	else if (!strcmp(name, "wall"))
		*status = wall_main(argc, argv);
	else
		return false;
	return true;
}
