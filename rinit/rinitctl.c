/* rinitctl: asks the rinit that is PID 1. By its other names (poweroff, reboot, halt, shutdown, systemctl) it
 * does what they say. What it does with unit files by itself is in rinitctl_files.c. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "rinit/client.h"
#include "rinit/control.h"
#include "rinit/rinitctl.h"
#include "rinit/helper.h"
#include "rinit/ini.h"
#include "rinit/explain.h"
#include "rinit/log_view.h"
#include "rinit/loop.h"
#include "rinit/text.h"

#define NOTIFY_TIMEOUT_MS 5000

static const char help[] =
	"rinitctl [--json] COMMAND            talks to rinit, the first process\n"
	"\n"
	"  list [--failed] [--state=S,S...]   the units and what they are doing\n"
	"  status [UNIT]                      of the system, or of one unit\n"
	"  start|stop|restart|reload [--no-block] UNIT...\n"
	"  kill [-s SIGNAL] [--kill-whom=all|main|control] UNIT...\n"
	"  reset-failed [UNIT...]             forgets that they, or any, have failed\n"
	"  isolate TARGET                     starts it and stops what it does not need\n"
	"  enable|disable|reenable|preset [--now] UNIT...\n"
	"                                     whether the boot starts it, as its [Install] section says\n"
	"  mask|unmask [--now] UNIT...        whether anything may start it\n"
	"  is-active|is-failed|is-enabled [--quiet] UNIT...\n"
	"  get-default, set-default TARGET    where the boot goes to\n"
	"  cat UNIT...                        its file and its drop-ins\n"
	"  check UNIT|FILE...                 what is wrong with a unit's file\n"
	"  daemon-reload                      reads unit files again; what runs goes on\n"
	"  log [UNIT|rinit] [-f] [-n COUNT]   the newest lines; -f: and those that come\n"
	"  why UNIT                           why it waits, does not run, or was started\n"
	"  blame                              what services took to start, slowest first\n"
	"  chart [--svg FILE]                 the boot over time, with the critical path\n"
	"  graph [--dot | --svg FILE]         the units and their order\n"
	"  notify LINE...                     from within a service: READY=1, STATUS=text\n"
	"  poweroff|reboot|halt [-f|+SECONDS]  in order; -f: at once, nothing is stopped\n"
	"\n"
	"--json     everything as JSON; --help; --version\n"
	"UNIT is a name such as sshd.service, or sshd for short.\n"
	"Exit status: 0 done, 1 failed, 2 usage, 3 no such unit, 4 refused, 5 timed out.\n"
	"By the names of poweroff, reboot, halt, shutdown, telinit, runlevel, service, wall and systemctl\n"
	"it does what they do.\n";

static int usage(const char *format, const char *what)
{
	fprintf(stderr, format, what);
	fputs("; see rinitctl --help\n", stderr);
	return CONTROL_USAGE;
}

/* ---- what is shown ---- */

#define LIST_COLUMNS 4

/* Splits a line at its tabs; the last column has the rest. */
static void columns_split(char *line, char *columns[LIST_COLUMNS])
{
	for (int i = 0; i < LIST_COLUMNS; i++) {
		char *tab = i + 1 < LIST_COLUMNS ? strchr(line, '\t') : NULL;

		columns[i] = line;
		line = tab ? tab + 1 : line + strlen(line);
		if (tab)
			*tab = '\0';
	}
}

static void list_line(char *const columns[LIST_COLUMNS], bool json, bool first)
{
	static const char *const keys[LIST_COLUMNS] = {"name", "state", "pid", "description"};

	if (!json) {
		printf("%-28s %-11s %7s  %s\n", columns[0], columns[1],
		       strcmp(columns[2], "0") ? columns[2] : "-", columns[3]);
		return;
	}
	printf("%s{", first ? "" : ",\n ");
	for (int i = 0; i < LIST_COLUMNS; i++) {
		printf("%s\"%s\":", i ? "," : "", keys[i]);
		if (i == 2)
			fputs(columns[i], stdout);
		else
			json_string(stdout, columns[i]);
	}
	putchar('}');
}

static void show_list(char *text, bool json)
{
	bool first = true;

	if (json)
		putchar('[');
	else
		printf("%-28s %-11s %7s  %s\n", "UNIT", "STATE", "PROCESS", "DESCRIPTION");
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		char *columns[LIST_COLUMNS];

		columns_split(line, columns);
		list_line(columns, json, first);
		first = false;
	}
	if (json)
		puts("]");
}

/* A key that comes again in the next line makes a list. */
static void status_line_json(const char *key, const char *value, const char *previous)
{
	static const char lists[] = "WaitsFor";
	bool list = !strcmp(key, lists), again = list && !strcmp(previous, lists);

	if (*previous && !again)
		fputs(!strcmp(previous, lists) ? "]," : ",", stdout);
	if (again) {
		putchar(',');
	} else {
		json_string(stdout, key);
		fputs(list ? ":[" : ":", stdout);
	}
	json_string(stdout, value);
}

/* "6276.798 s" after the machine's start is an answer for programs; people want to know how long ago that
 * was. */
static void status_line_text(const char *key, const char *value)
{
	double ago = (double)clock_ms() / 1000 - strtod(value, NULL);

	if (strcmp(key, "Since") != 0)
		printf("%12s: %s\n", key, value);
	else if (ago < 60)
		printf("%12s: %.1f s ago\n", key, ago);
	else
		printf("%12s: %d h %02d min %02d s ago\n", key, (int)ago / 3600, (int)ago / 60 % 60,
		       (int)ago % 60);
}

static void show_status(char *text, bool json)
{
	const char *previous = "";

	if (json)
		putchar('{');
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		char *value = strchr(line, '=');

		if (value)
			*value++ = '\0';
		else
			value = line + strlen(line);
		if (json)
			status_line_json(line, value, previous);
		else
			status_line_text(line, value);
		previous = line;
	}
	if (json)
		puts(!strcmp(previous, "WaitsFor") ? "]}" : "}");
}

static void show_text(char *text, bool json)
{
	fputs(json ? "{\"code\":0}\n" : text, stdout);
}

/* ---- commands ---- */

/* Says why there is no answer, or no good one. */
static void show_failure(const char *sentence, int code, bool json)
{
	const char *comma = "{";
	size_t length = strcspn(sentence, "\n");
	char line[512];

	snprintf(line, sizeof(line), "%.*s", (int)length, sentence);
	if (!json) {
		fprintf(stderr, "rinitctl: %s\n", line);
		return;
	}
	json_field(stdout, &comma, "error", line);
	json_number(stdout, &comma, "code", code);
	puts("}");
}

static int command_show(const char *verb, const char *argument, bool json, void (*show)(char *, bool))
{
	AUTO_FREE char *text = NULL;
	struct error err;
	int code = client_ask(verb, argument, &text, &err);

	if (!text || code)
		show_failure(text ? text : err.text, code, json);
	else
		show(text, json);
	return code;
}

/* Is the word one of the list, which has commas between? */
static bool list_has(const char *list, const char *word)
{
	size_t length = strlen(word);

	for (; list; list = strchr(list, ',') ? strchr(list, ',') + 1 : NULL)
		if (!strncmp(list, word, length) && (!list[length] || list[length] == ','))
			return true;
	return false;
}

/* Leaves only lines whose second column is one of the states. */
static void list_filter(char *text, const char *states)
{
	char *kept = text;

	for (char *line = text, *next; *line; line = next) {
		size_t length = strcspn(line, "\n");
		char *tab = memchr(line, '\t', length);
		char state[32] = "";

		next = line + length + (line[length] == '\n');
		if (tab)
			snprintf(state, sizeof(state), "%.*s", (int)strcspn(tab + 1, "\t\n"), tab + 1);
		if (!list_has(states, state))
			continue;
		memmove(kept, line, (size_t)(next - line));
		kept += next - line;
	}
	*kept = '\0';
}

static int command_list(char **options, int count, bool json)
{
	AUTO_FREE char *text = NULL;
	const char *states = NULL;
	struct error err;
	int code;

	for (int i = 0; i < count; i++) {
		if (!strcmp(options[i], "--failed"))
			states = "failed";
		else if (!strncmp(options[i], "--state=", 8))
			states = options[i] + 8;
		else
			return usage("rinitctl: unexpected \"%s\"", options[i]);
	}
	code = client_ask("list", "", &text, &err);
	if (!text || code) {
		show_failure(text ? text : err.text, code, json);
		return code;
	}
	if (states)
		list_filter(text, states);
	show_list(text, json);
	return code;
}

/* One unit's change, for --json. */
static int command_unit_json(const char *verb, const char *argument, const char *unit)
{
	AUTO_FREE char *text = NULL;
	const char *comma = "{";
	struct error err;
	int code = client_ask(verb, argument, &text, &err);

	if (text)
		text[strcspn(text, "\n")] = '\0';
	json_field(stdout, &comma, "unit", unit);
	json_number(stdout, &comma, "code", code);
	if (code)
		json_field(stdout, &comma, "error", text ? text : err.text);
	puts("}");
	return code;
}

static int command_units(const char *verb, char **units, int count, bool json)
{
	bool at_once = count && !strcmp(units[0], "--no-block");
	int code = CONTROL_DONE;

	if (count == at_once)
		return usage("rinitctl: %s which unit?", verb);
	for (int i = at_once; i < count; i++) {
		char argument[CONTROL_REQUEST_MAX];
		int one;

		if (*units[i] == '-')
			return usage("rinitctl: unknown option \"%s\"", units[i]);
		snprintf(argument, sizeof(argument), "%s%s", at_once ? "-" : "", units[i]);
		one = json ? command_unit_json(verb, argument, units[i])
			   : command_show(verb, argument, false, show_text);
		if (one)
			code = one;
	}
	return code;
}

/* -s SIGNAL, --kill-whom=all|main|control, the units. */
static int command_kill(char **arguments, int count, bool json)
{
	int number = SIGTERM, code = CONTROL_DONE, at = 0;
	char whom = 'a';

	for (; at < count && *arguments[at] == '-'; at++) {
		const char *word = arguments[at];

		if (!strcmp(word, "-s") && at + 1 < count) {
			if (parse_signal(arguments[++at], &number))
				return usage("rinitctl: kill: there is no signal \"%s\"", arguments[at]);
		} else if (!strncmp(word, "--kill-whom=", 12) && words_have(" all main control ", word + 12))
			whom = word[12];
		else
			return usage("rinitctl: unknown option \"%s\"", word);
	}
	if (at == count)
		return usage("rinitctl: %s which unit?", "kill");
	for (; at < count; at++) {
		char argument[CONTROL_REQUEST_MAX];
		int one;

		snprintf(argument, sizeof(argument), "%c%d %s", whom, number, arguments[at]);
		one = json ? command_unit_json("kill", argument, arguments[at])
			   : command_show("kill", argument, false, show_text);
		code = one ? one : code;
	}
	return code;
}

/* Nothing is stopped, nothing unmounted: for when that does not work any more. */
static int force(const char *verb)
{
	unsigned int command = !strcmp(verb, "reboot") ? RB_AUTOBOOT
			       : !strcmp(verb, "halt") ? RB_HALT_SYSTEM
						       : RB_POWER_OFF;

	sync();
	if (reboot((int)command))
		fprintf(stderr, "rinitctl: cannot %s: %s\n", verb, strerror(errno));
	return CONTROL_FAILED;
}

static int command_shutdown(const char *verb, char **options, int count, bool json)
{
	if (count && (!strcmp(options[0], "-f") || !strcmp(options[0], "--force")))
		return force(verb);
	if (count > 1 || (count && (*options[0] != '+' || !options[0][1] ||
				    options[0][1 + strspn(options[0] + 1, "0123456789")])))
		return usage("rinitctl: unexpected \"%s\"", options[count - 1]);
	return command_show(verb, count ? options[0] : "", json, show_text);
}

/* Sends lines and, where fd isn't negative, the descriptor. */
static int notify_send(int to, const struct sockaddr_un *address, char *text, int fd)
{
	union {
		struct cmsghdr header; /* aligns it */
		char space[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec part = {.iov_base = text, .iov_len = strlen(text)};
	struct msghdr message = {.msg_name = (void *)address,
				 .msg_namelen = sizeof(*address),
				 .msg_iov = &part,
				 .msg_iovlen = 1};

	if (fd >= 0) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	}
	return sendmsg(to, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/*
 * rinit looks up who sent a message, so we must not end before it has read it: sd_notify_barrier(3) has the
 * trick, a pipe whose other end rinit closes.
 */
static int notify_barrier(int to, const struct sockaddr_un *address)
{
	char text[] = "BARRIER=1";
	int ends[2], rc;
	struct pollfd closed;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	rc = notify_send(to, address, text, ends[1]);
	close(ends[1]);
	closed = (struct pollfd){.fd = ends[0]};
	if (!rc && poll(&closed, 1, NOTIFY_TIMEOUT_MS) == 0)
		rc = -ETIMEDOUT;
	close(ends[0]);
	return rc;
}

static int command_notify(char **lines, int count)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *path = getenv("NOTIFY_SOCKET");
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char text[2048] = "";
	size_t used = 0;
	int rc;

	if (!count)
		return usage("rinitctl: %s what?", "notify");
	if (!path || strlen(path) >= sizeof(address.sun_path))
		return usage("rinitctl: notify: %s",
			     "NOTIFY_SOCKET is not set: this is no service of Type=notify");
	strcpy(address.sun_path, path);
	for (int i = 0; i < count && used < sizeof(text); i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s\n", lines[i]);
	if (used >= sizeof(text))
		return usage("rinitctl: notify: %s", "too long");
	rc = fd < 0 ? -errno : notify_send(fd, &address, text, -1);
	if (!rc)
		rc = notify_barrier(fd, &address);
	if (rc)
		fprintf(stderr, "rinitctl: cannot notify %s: %s\n", path, strerror(-rc));
	return rc == -ETIMEDOUT ? CONTROL_TIMED_OUT : rc ? CONTROL_FAILED : CONTROL_DONE;
}

static int one_argument(const char *verb, char **arguments, int count, bool json, void (*show)(char *, bool))
{
	if (count > 1)
		return usage("rinitctl: unexpected \"%s\"", arguments[1]);
	return command_show(verb, count ? arguments[0] : "", json, show);
}

static int command_run(const char *verb, char **arguments, int count, bool json)
{
	if (!strcmp(verb, "list") || (!strcmp(verb, "status") && count && *arguments[0] == '-'))
		return command_list(arguments, count, json);
	if (!strcmp(verb, "status"))
		return one_argument(verb, arguments, count, json, show_status);
	if (!strcmp(verb, "log"))
		return log_view_main(arguments, count, json);
	if (explain_knows(verb))
		return explain_main(verb, arguments, count, json);
	if (!strcmp(verb, "start") || !strcmp(verb, "stop") || !strcmp(verb, "restart") ||
	    !strcmp(verb, "reload"))
		return command_units(verb, arguments, count, json);
	if (!strcmp(verb, "notify"))
		return command_notify(arguments, count);
	if (!strcmp(verb, "poweroff") || !strcmp(verb, "reboot") || !strcmp(verb, "halt"))
		return command_shutdown(verb, arguments, count, json);
	if (!strcmp(verb, "isolate"))
		return command_units(verb, arguments, count, json);
	if (!strcmp(verb, "kill"))
		return command_kill(arguments, count, json);
	if (!strcmp(verb, "reset-failed") && count)
		return command_units(verb, arguments, count, json);
	if (!strcmp(verb, "daemon-reload") || !strcmp(verb, "reset-failed")) {
		if (*verb == 'd')
			files_generate();
		return command_show(verb, "", json, show_text);
	}
	return files_command(verb, arguments, count, json);
}

/* --json may stand anywhere but in what notify passes on. */
static bool json_take(int *argc, char **argv)
{
	int kept = 1;
	bool json = false;

	for (int i = 1; i < *argc; i++) {
		if (!strcmp(argv[i], "--json") && (kept < 2 || strcmp(argv[1], "notify") != 0))
			json = true;
		else
			argv[kept++] = argv[i];
	}
	*argc = MIN(kept, *argc);
	argv[*argc] = NULL;
	return json;
}

int main(int argc, char **argv)
{
	static const char *const other_names[] = {"poweroff", "reboot", "halt"};
	const char *slash = argc ? strrchr(argv[0], '/') : NULL;
	const char *name = !argc ? "rinitctl" : slash ? slash + 1 : argv[0];
	bool json;
	int status;

	if (helper_main(name, argc, argv, &status))
		return status;
	if (argc > 1 && !strcmp(argv[1], "--help")) {
		fputs(help, stdout);
		return CONTROL_DONE;
	}
	if (argc > 1 && !strcmp(argv[1], "--version")) {
		puts("rinitctl " RASTOS_VERSION);
		return CONTROL_DONE;
	}
	for (size_t i = 0; i < ARRAY_SIZE(other_names); i++)
		if (!strcmp(name, other_names[i]))
			return command_shutdown(name, argv + 1, argc - 1, false);
	if (sysv_main(name, argc, argv, command_run, &status))
		return status;
	if (!strcmp(name, "systemctl"))
		return systemctl_main(argc - 1, argv + 1, command_run);
	json = json_take(&argc, argv);
	if (argc < 2)
		return usage("rinitctl: %s", "what shall it do?");
	return command_run(argv[1], argv + 2, argc - 2, json);
}
