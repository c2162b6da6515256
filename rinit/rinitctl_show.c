/* What rinitctl shows of units: their files, and their states in the words of systemctl(1). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "rinit/client.h"
#include "rinit/control.h"
#include "rinit/credentials.h"
#include "rinit/file.h"
#include "rinit/generate.h"
#include "rinit/pattern.h"
#include "rinit/plan.h"
#include "rinit/rinitctl_files.h"
#include "rinit/unit_builtin.h"

#define NOT_ACTIVE 3 /* of is-active, as systemctl(1) has it */

static void warning_ignore(void *context, const char *sentence)
{
	(void)context;
	(void)sentence;
}

struct enabled_search {
	const char *name;
	bool found;
};

static void alias_seen(void *context, const char *alias, const char *name)
{
	struct enabled_search *search = context;

	(void)alias;
	search->found |= !strcmp(name, search->name);
}

/* Is it in any of the folders NAME.wants and NAME.requires? */
static bool is_needed(const struct unit_paths *paths, const char *name)
{
	for (size_t i = 0; i < paths->count; i++) {
		const char *entry = paths->entries[i].name, *dot = strrchr(entry, '.');
		char path[PATH_MAX];
		struct stat status;

		if (!dot || (strcmp(dot, ".wants") != 0 && strcmp(dot, ".requires") != 0) ||
		    paths->vendors[paths->entries[i].folder])
			continue;
		snprintf(path, sizeof(path), "%s/%s/%s", paths->folders[paths->entries[i].folder], entry,
			 name);
		if (!lstat(path, &status))
			return true;
	}
	return false;
}

static const char *enabled_state(const struct file_options *options, const struct unit_found *found)
{
	struct enabled_search search = {.name = found->name};
	struct unit_config config;
	bool installs, also;

	if (found->masked)
		return "masked";
	if (found->enabled ||
	    (is_needed(&options->paths, found->name) && !path_is_in(found->path, GENERATED_FOLDER)))
		return "enabled";
	if (path_is_in(found->path, GENERATED_FOLDER))
		return "generated";
	if (path_is_in(found->path, GENERATED_LATE_FOLDER))
		return "disabled";
	installs = install_read(found, &config);
	also = config.also.count;
	if (config.alias.count)
		unit_paths_aliases(&options->paths, alias_seen, &search);
	unit_config_clear(&config);
	return search.found ? "enabled" : installs ? "disabled" : also ? "indirect" : "static";
}

int command_is_enabled(struct file_options *options, const char *name)
{
	struct unit_found found;
	const char *state;

	if (unit_paths_find(&options->paths, name, &found)) {
		if (unit_is_builtin(name))
			state = "static";
		else
			return options->quiet
				       ? CONTROL_FAILED
				       : complain(CONTROL_FAILED, "%s: there is no such unit file", name);
	} else {
		state = enabled_state(options, &found);
	}
	state_show(options, state);
	return strcmp(state, "disabled") && strcmp(state, "masked") ? CONTROL_DONE : CONTROL_FAILED;
}

/* What systemctl calls our states. */
static const char *const states[][3] = {
	{"running", "active", "running"},
	{"active", "active", "exited"},
	{"reloading", "reloading", "reload"},
	{"waiting", "activating", "waiting"},
	{"start-pre", "activating", "start-pre"},
	{"starting", "activating", "start"},
	{"start-post", "activating", "start-post"},
	{"restarting", "activating", "auto-restart"},
	{"stop", "deactivating", "stop"},
	{"stopping", "deactivating", "stop-sigterm"},
	{"aborting", "deactivating", "stop-watchdog"},
	{"killing", "deactivating", "stop-sigkill"},
	{"stop-post", "deactivating", "stop-post"},
	{"failed", "failed", "failed"},
	{"inactive", "inactive", "dead"},
};

static const char *const *state_words(const char *state, size_t length)
{
	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		if (strlen(states[i][0]) == length && !strncmp(states[i][0], state, length))
			return states[i];
	return states[ARRAY_SIZE(states) - 1];
}

/* The unit's status, to be freed: lines of Key=Value; NULL when there is no such unit, or no rinit. */
static char *status_of(const char *name)
{
	struct error err;
	char *text = NULL;

	if (!client_ask("status", name, &text, &err))
		return text;
	free(text);
	return NULL;
}

/* A line of the status; "" without it. */
static void status_value(const char *status, const char *key, char *value, size_t size)
{
	size_t length = strlen(key);

	*value = '\0';
	for (const char *line = status; line && *line; line += strcspn(line, "\n"), line += *line == '\n')
		if (!strncmp(line, key, length) && line[length] == '=')
			snprintf(value, size, "%.*s", (int)strcspn(line + length + 1, "\n"),
				 line + length + 1);
}

static const char *const *state_of(const char *status)
{
	char state[64];

	status_value(status, "State", state, sizeof(state));
	return state_words(state, strcspn(state, " "));
}

static const char *active_state(const char *name)
{
	AUTO_FREE char *status = status_of(name);

	return state_of(status)[1];
}

int command_is_active(struct file_options *options, const char *name)
{
	const char *state = active_state(name);

	state_show(options, state);
	return strcmp(state, "active") && strcmp(state, "reloading") ? NOT_ACTIVE : CONTROL_DONE;
}

int command_is_failed(struct file_options *options, const char *name)
{
	const char *state = active_state(name);

	state_show(options, state);
	return strcmp(state, "failed") ? CONTROL_FAILED : CONTROL_DONE;
}

static int file_show(struct file_options *options, const char *path)
{
	AUTO_FREE char *text = NULL;
	size_t length;
	int rc = file_load(path, UNIT_FILE_MAX, &text, &length);

	if (rc)
		return complain(CONTROL_FAILED, "%s: cannot read: %s", path, strerror(-rc));
	if (options->json)
		return string_list_add(&options->files, path) || string_list_add(&options->files, text)
			       ? CONTROL_FAILED
			       : CONTROL_DONE;
	printf("# %s\n", path);
	fwrite(text, 1, length, stdout);
	if (length && text[length - 1] != '\n')
		putchar('\n');
	return CONTROL_DONE;
}

static void builtin_or_masked(struct file_options *options, const char *what, bool masked)
{
	if (options->json)
		options->state = masked ? "masked" : "builtin";
	else
		printf(masked ? "# %s\n# is masked\n" : "# %s is built into rinit\n", what);
}

int command_cat(struct file_options *options, const char *name)
{
	struct string_list files = {0};
	struct unit_found found = {0};
	int code = CONTROL_DONE, rc = unit_paths_find(&options->paths, name, &found);

	if (rc && !unit_is_builtin(name))
		return complain(CONTROL_NO_UNIT, "%s: there is no such unit file", name);
	unit_paths_drop_ins(&options->paths, rc || !*found.name ? name : found.name, &files);
	if (found.masked || !*found.path)
		builtin_or_masked(options, found.masked ? found.path : name, found.masked);
	else
		code = file_show(options, found.path);
	for (size_t i = 0; i < files.count; i++)
		code = MAX(code, file_show(options, files.items[i]));
	string_list_clear(&files);
	return code;
}

/* ---- check ---- */

struct check {
	struct file_options *options;
	const char *path;
	unsigned int count; /* of warnings */
};

static void warning_show(void *context, const char *sentence)
{
	struct check *check = context;

	check->count++;
	if (check->options->json)
		string_list_add(&check->options->warnings, sentence);
	else
		fprintf(stderr, "%s\n", sentence);
}

/* What would be found missing when it starts. */
static void programs_check(struct check *check, const struct unit_config *config)
{
	static const char *const keys[COMMAND_KINDS] = {
		[COMMAND_CONDITION] = "ExecCondition", [COMMAND_PRE] = "ExecStartPre",
		[COMMAND_START] = "ExecStart",         [COMMAND_POST] = "ExecStartPost",
		[COMMAND_RELOAD] = "ExecReload",       [COMMAND_STOP] = "ExecStop",
		[COMMAND_STOP_POST] = "ExecStopPost",
	};

	for (size_t kind = 0; kind < COMMAND_KINDS; kind++)
		for (size_t i = 0; i < config->service.commands[kind].count; i++) {
			const struct command *command = &config->service.commands[kind].items[i];
			char sentence[PATH_MAX * 2];

			if (*command->program != '/' || command->ignore_failure ||
			    !access(command->program, X_OK))
				continue;
			snprintf(sentence, sizeof(sentence), "%s: %s=: %s is not there or can't be run",
				 check->path, keys[kind], command->program);
			warning_show(check, sentence);
		}
}

static void user_check(struct check *check, const struct unit_config *config)
{
	struct credentials credentials;
	char sentence[PATH_MAX * 2];

	if (credentials_read(&config->service, &credentials) != -ENOENT)
		return;
	snprintf(sentence, sizeof(sentence),
		 "%s: User=%s or one of its groups is not in /etc/passwd or /etc/group", check->path,
		 config->service.user ? config->service.user : "");
	warning_show(check, sentence);
}

/* A path is that file alone; a name is the unit with its drop-ins. */
int command_check(struct file_options *options, const char *argument)
{
	const char *slash = strrchr(argument, '/'), *name = slash ? slash + 1 : argument;
	struct string_list files = {0};
	struct unit_config config;
	struct unit_found found = {0};
	struct check check = {.options = options, .path = found.path};
	const struct unit_warnings warnings = {.context = &check, .warn = warning_show};
	const char *dot = strrchr(name, '.');
	int rc;

	snprintf(found.path, sizeof(found.path), "%s", argument);
	if (!slash && unit_paths_find(&options->paths, argument, &found))
		return complain(CONTROL_NO_UNIT, "%s: there is no such unit file", argument);
	if (found.masked)
		return complain(CONTROL_FAILED, "%s: is masked (%s)", argument, found.path);
	if (dot && words_have(" timer path slice scope device automount ", dot + 1))
		return complain(CONTROL_FAILED, "%s: rinit does not run units of this kind", found.path);
	if (!slash)
		unit_paths_drop_ins(&options->paths, found.name, &files);
	unit_config_init(&config, slash ? name : found.name);
	rc = unit_files_read(&config, found.path, &files, &warnings);
	if (!rc && config.kind == UNIT_SERVICE) {
		if (!config.service.root)
			programs_check(&check, &config);
		user_check(&check, &config);
	}
	unit_config_clear(&config);
	string_list_clear(&files);
	return rc || check.count ? CONTROL_FAILED : CONTROL_DONE;
}

/* ---- systemctl's show ---- */

struct shown {
	struct unit_paths *paths;
	char name[UNIT_NAME_MAX];
	struct unit_found found;
	bool is_there, builtin;
	char *status; /* NULL: not loaded */
	struct unit_config config;
};

static const char properties[] =
	"Id\0Names\0Description\0LoadState\0ActiveState\0SubState\0FragmentPath\0DropInPaths\0UnitFileState\0"
	"MainPID\0NRestarts\0StatusText\0CanReload\0CanIsolate\0Triggers\0SourcePath\0";

static bool is(const char *property, const char *name)
{
	return !strcmp(property, name);
}

/* What the file was made of, for those that have been. */
static void source_path_get(const char *path, char *text)
{
	static const char key[] = "\nSourcePath=";
	AUTO_FREE char *file = NULL;
	const char *source;
	size_t length;

	if (*path && !file_load(path, UNIT_FILE_MAX, &file, &length) && (source = strstr(file, key)))
		snprintf(text, PATH_MAX, "%.*s", (int)strcspn(source + strlen(key), "\n"),
			 source + strlen(key));
}

static const char *load_state(const struct shown *shown)
{
	return shown->found.masked                                  ? "masked"
	       : shown->is_there || shown->builtin || shown->status ? "loaded"
								    : "not-found";
}

static void drop_ins_list(const struct shown *shown, char *text)
{
	struct string_list files = {0};
	size_t used = 0;

	*text = '\0';
	unit_paths_drop_ins(shown->paths, shown->name, &files);
	for (size_t i = 0; i < files.count && used < PATH_MAX; i++)
		used += (size_t)snprintf(text + used, PATH_MAX - used, "%s%s", i ? " " : "", files.items[i]);
	string_list_clear(&files);
}

/* text has room for PATH_MAX; false: that property is not known. */
static bool property_get(const struct shown *shown, const char *property, char *text)
{
	const struct file_options options = {.root = "", .paths = *shown->paths};
	const struct unit_config *config = &shown->config;
	const char *const *state = state_of(shown->status);

	*text = '\0';
	if (is(property, "Id") || is(property, "Names"))
		snprintf(text, PATH_MAX, "%s", shown->name);
	else if (is(property, "Description"))
		snprintf(text, PATH_MAX, "%s", config->description ? config->description : shown->name);
	else if (is(property, "LoadState"))
		strcpy(text, load_state(shown));
	else if (is(property, "ActiveState"))
		strcpy(text, state[1]);
	else if (is(property, "SubState"))
		strcpy(text, state[2]);
	else if (is(property, "FragmentPath"))
		snprintf(text, PATH_MAX, "%s", shown->found.path);
	else if (is(property, "DropInPaths"))
		drop_ins_list(shown, text);
	else if (is(property, "UnitFileState")) {
		if (shown->builtin || shown->is_there)
			strcpy(text, shown->builtin ? "static" : enabled_state(&options, &shown->found));
	} else if (is(property, "MainPID") || is(property, "NRestarts")) {
		status_value(shown->status, is(property, "MainPID") ? "Process" : "Restarts", text, PATH_MAX);
		if (!*text)
			strcpy(text, "0");
	} else if (is(property, "StatusText"))
		status_value(shown->status, "Status", text, PATH_MAX);
	else if (is(property, "CanReload"))
		strcpy(text, config->service.commands[COMMAND_RELOAD].count ? "yes" : "no");
	else if (is(property, "CanIsolate"))
		strcpy(text, config->allow_isolate ? "yes" : "no");
	else if (is(property, "Triggers")) {
		if (config->kind == UNIT_SOCKET && config->socket.service)
			snprintf(text, PATH_MAX, "%s", config->socket.service);
		else if (config->kind == UNIT_SOCKET)
			snprintf(text, PATH_MAX, "%.*s.service", (int)strlen(shown->name) - 7, shown->name);
	} else if (is(property, "SourcePath"))
		source_path_get(shown->found.path, text);
	else
		return false;
	return true;
}

static void property_show(const struct shown *shown, const char *property, bool value)
{
	char text[PATH_MAX];

	if (property_get(shown, property, text))
		printf("%s%s%s\n", value ? "" : property, value ? "" : "=", text);
}

static void shown_read(struct shown *shown, struct unit_paths *paths, const char *unit)
{
	const struct unit_warnings warnings = {.warn = warning_ignore};
	struct string_list files = {0};

	*shown = (struct shown){.paths = paths};
	name_complete(unit, shown->name);
	shown->is_there = !unit_paths_find(paths, shown->name, &shown->found);
	if (*shown->found.name)
		strcpy(shown->name, shown->found.name);
	shown->builtin = !*shown->found.path && unit_is_builtin(shown->name);
	shown->status = status_of(shown->name);
	unit_config_init(&shown->config, shown->name);
	unit_paths_drop_ins(paths, shown->name, &files);
	if (shown->is_there && !shown->found.masked)
		unit_files_read(&shown->config, *shown->found.path ? shown->found.path : NULL, &files,
				&warnings);
	else if (shown->builtin)
		unit_builtin_fill(&shown->config);
	string_list_clear(&files);
}

static void shown_clear(struct shown *shown)
{
	unit_config_clear(&shown->config);
	free(shown->status);
}

static void unit_show(struct unit_paths *paths, const char *unit, const char *wanted, bool value)
{
	static struct shown shown;

	shown_read(&shown, paths, unit);
	if (!wanted)
		for (const char *word = properties; *word; word += strlen(word) + 1)
			property_show(&shown, word, value);
	while (wanted && *wanted) {
		char property[64];

		snprintf(property, sizeof(property), "%.*s", (int)strcspn(wanted, ","), wanted);
		property_show(&shown, property, value);
		wanted += strcspn(wanted, ",");
		wanted += *wanted == ',';
	}
	shown_clear(&shown);
}

bool unit_can_reload(const char *name)
{
	static struct unit_paths paths;
	static struct shown shown;
	bool can;

	if (unit_paths_open(&paths, ""))
		return false;
	shown_read(&shown, &paths, name);
	can = shown.config.service.commands[COMMAND_RELOAD].count > 0;
	shown_clear(&shown);
	unit_paths_close(&paths);
	return can;
}

int files_show(const char *wanted, bool value, char **units, int count)
{
	static struct unit_paths paths;

	if (!count) { /* of the manager */
		if (!wanted || strstr(wanted, "Version"))
			printf("%s" RASTOS_VERSION "\n", value ? "" : "Version=");
		if (!wanted || strstr(wanted, "SystemState"))
			printf("%s%s\n", value ? "" : "SystemState=", system_state());
		return CONTROL_DONE;
	}
	if (unit_paths_open(&paths, ""))
		return complain(CONTROL_FAILED, "out of memory");
	for (int i = 0; i < count; i++) {
		if (i)
			putchar('\n');
		unit_show(&paths, units[i], wanted, value);
	}
	unit_paths_close(&paths);
	return CONTROL_DONE;
}

const char *system_state(void)
{
	static const char *const words[][2] = {
		{"running", "running"}, {"starting", "starting"}, {"stopping", "stopping"}};
	AUTO_FREE char *status = NULL, *list = NULL;
	struct error err;

	if (client_ask("status", "", &status, &err) || !status)
		return "offline";
	if (!client_ask("list", "", &list, &err) && list && strstr(list, "\tfailed\t") &&
	    !strncmp(status, "State=running", 13))
		return "degraded";
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strncmp(status, "State=", 6) && !strncmp(status + 6, words[i][0], strlen(words[i][0])))
			return words[i][1];
	return "maintenance"; /* a shell, and nothing else */
}

int unit_status(const char *name, bool quiet)
{
	char full[UNIT_NAME_MAX];
	const char *active;

	name_complete(name, full);
	active = active_state(full);
	if (!strcmp(active, "inactive")) {
		static struct unit_paths paths;
		struct unit_found found;
		bool none;

		if (unit_paths_open(&paths, ""))
			return CONTROL_FAILED;
		none = unit_paths_find(&paths, full, &found) && !unit_is_builtin(full);
		unit_paths_close(&paths);
		if (none && !quiet)
			fprintf(stderr, "Unit %s could not be found.\n", full);
		return none ? 4 : NOT_ACTIVE;
	}
	return !strcmp(active, "active") || !strcmp(active, "reloading") ? CONTROL_DONE : NOT_ACTIVE;
}

/* ---- systemctl's lists ---- */

static bool is_one_of(const char *name, char **patterns, int count)
{
	for (int i = 0; i < count; i++) {
		char full[UNIT_NAME_MAX];

		name_complete(patterns[i], full);
		if (pattern_matches(patterns[i], name) || !strcmp(full, name))
			return true;
	}
	return !count;
}

/* Is word in the list, which has commas between? */
static bool comma_list_has(const char *list, const char *word)
{
	size_t length = strlen(word);

	for (; list; list = strchr(list, ',') ? strchr(list, ',') + 1 : NULL)
		if (!strncmp(list, word, length) && (!list[length] || list[length] == ','))
			return true;
	return false;
}

static bool is_of_type(const char *name, const char *types)
{
	const char *dot = strrchr(name, '.');

	return dot && (!types || comma_list_has(types, dot + 1));
}

int units_list(const struct list_filter *filter, char **patterns, int count)
{
	AUTO_FREE char *text = NULL;
	struct error err;
	int shown = 0, code = client_ask("list", "", &text, &err);

	if (!text || code)
		return complain(code, "%s", text ? text : err.text);
	if (!filter->no_legend)
		printf("  %-32s %-6s %-12s %-14s %s\n", "UNIT", "LOAD", "ACTIVE", "SUB", "DESCRIPTION");
	for (char *name = strtok(text, "\n"); name; name = strtok(NULL, "\n")) {
		char *state = strchr(name, '\t'), *pid = state ? strchr(state + 1, '\t') : NULL,
		     *description = pid ? strchr(pid + 1, '\t') : NULL;
		const char *const *words;

		if (!description)
			continue;
		*state++ = *pid++ = *description++ = '\0';
		words = state_words(state, strlen(state));
		if (!is_of_type(name, filter->types) || !is_one_of(name, patterns, count) ||
		    (filter->states ? !comma_list_has(filter->states, words[1]) &&
					      !comma_list_has(filter->states, words[2])
				    : !filter->all && !count && !strcmp(words[1], "inactive")) ||
		    (filter->jobs && !comma_list_has("activating,deactivating", words[1])))
			continue;
		printf("  %-32s loaded %-12s %-14s %s\n", name, words[1], words[2], description);
		shown++;
	}
	if (!filter->no_legend)
		printf("\n%d units listed.\n", shown);
	return CONTROL_DONE;
}

int files_list(const struct list_filter *filter, char **patterns, int count)
{
	static struct file_options options = {.root = ""};
	const char *last = "";

	if (unit_paths_open(&options.paths, ""))
		return complain(CONTROL_FAILED, "out of memory");
	for (size_t i = 0; i < options.paths.count; i++) {
		const char *name = options.paths.entries[i].name, *state;
		struct unit_found found;

		if (!unit_name_is_valid(name) || !strcmp(name, last) || !is_of_type(name, filter->types) ||
		    !is_one_of(name, patterns, count) || unit_paths_find(&options.paths, name, &found))
			continue;
		last = name;
		state = strcmp(found.name, name) ? "alias" : enabled_state(&options, &found);
		if (!filter->states || comma_list_has(filter->states, state))
			printf("%-40s %s\n", name, state);
	}
	unit_paths_close(&options.paths);
	return CONTROL_DONE;
}

#define DEPTH_MAX 16

struct tree {
	const struct plan *plan;
	bool reverse, plain;
	bool *seen; /* shown already */
};

static bool needs(const struct plan_unit *unit, size_t index)
{
	for (size_t i = 0; i < unit->require_count; i++)
		if (unit->requires[i] == index)
			return true;
	for (size_t i = 0; i < unit->want_count; i++)
		if (unit->wants[i] == index)
			return true;
	return false;
}

static void tree_show(const struct tree *tree, size_t index, int depth)
{
	const struct plan *plan = tree->plan;

	printf("%*s%s\n", tree->plain ? !!depth * 2 : depth * 2, "", plan->units[index].name);
	if (tree->seen[index] || depth == DEPTH_MAX)
		return;
	tree->seen[index] = true;
	for (size_t i = 0; i < plan->count; i++)
		if (i != index &&
		    (tree->reverse ? needs(&plan->units[i], index) : needs(&plan->units[index], i)) &&
		    !(tree->plain && tree->seen[i]))
			tree_show(tree, i, depth + 1);
}

int dependencies_list(const char *name, bool reverse, bool plain)
{
	AUTO_FREE char *text = NULL;
	const struct plan_unit *unit;
	struct plan plan;
	struct error err;
	int code = client_ask("plan", "", &text, &err);

	if (!text || code)
		return complain(code, "%s", text ? text : err.text);
	if (plan_parse(&plan, text))
		return complain(CONTROL_FAILED, "rinit's answer is not what was expected");
	unit = *name ? plan_find(&plan, name) : plan.default_target;
	if (unit) {
		AUTO_FREE bool *seen = calloc(plan.count, sizeof(*seen));
		const struct tree tree = {&plan, reverse, plain, seen};

		if (seen)
			tree_show(&tree, (size_t)(unit - plan.units), 0);
	}
	plan_clear(&plan);
	return unit ? CONTROL_DONE : complain(CONTROL_NO_UNIT, "%s: there is no such unit", name);
}
