/*
 * What rinitctl does with unit files by itself, with rinit running or not (systemctl(1), "Unit File
 * Commands"): links in /etc/systemd/system, as the [Install] section says. Then rinit is told to look again.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "rinit/client.h"
#include "rinit/control.h"
#include "rinit/file.h"
#include "rinit/generate.h"
#include "rinit/rinitctl.h"
#include "rinit/specifier.h"
#include "rinit/unit_builtin.h"
#include "rinit/unit_path.h"

#define LINK_FOLDER  "/etc/systemd/system"
#define FILE_MAX     (256 * 1024)
#define ALSO_DEPTH   8
#define NOT_ACTIVE   3 /* of is-active, as systemctl(1) has it */
#define DROP_INS_MAX 64

struct options {
	bool quiet, now;
	struct unit_paths paths;
};

static int complain(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int complain(int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("rinitctl: ", stderr);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return code;
}

static void warning_print(void *context, const char *sentence)
{
	++*(unsigned int *)context;
	fprintf(stderr, "%s\n", sentence);
}

static void warning_ignore(void *context, const char *sentence)
{
	(void)context;
	(void)sentence;
}

/* "a" is short for "a.service". */
static void name_complete(const char *short_name, char name[UNIT_NAME_MAX])
{
	snprintf(name, UNIT_NAME_MAX, "%s%s", short_name, strchr(short_name, '.') ? "" : ".service");
}

/* ---- reading ---- */

/* The file at path, unless NULL, and the drop-ins, unless files is NULL. */
static int config_read(struct unit_config *config, const char *path, const struct string_list *files,
		       const struct unit_warnings *warnings)
{
	struct unit_text texts[DROP_INS_MAX] = {0};
	struct error err;
	size_t count = 0;
	int rc = 0;

	for (size_t i = 0; i <= (files ? files->count : 0) && count < DROP_INS_MAX && !rc; i++) {
		char *from = i ? files->items[i - 1] : (char *)path;

		if (!from)
			continue;
		texts[count].path = from;
		rc = file_load(from, FILE_MAX, &texts[count].text, &texts[count].length);
		if (rc)
			complain(0, "%s: cannot read: %s", from, strerror(-rc));
		count += !rc;
	}
	if (!rc && count)
		rc = unit_parse_texts(config, texts, count, warnings, &err);
	if (rc && count)
		warnings->warn(warnings->context, err.text);
	for (size_t i = 0; i < count; i++)
		free(texts[i].text);
	return rc;
}

/* Only [Install] matters: what else is wrong with the file is not said here. */
static int install_read(const struct unit_found *found, struct unit_config *config)
{
	const struct unit_warnings warnings = {.warn = warning_ignore};

	unit_config_init(config, found->name);
	config_read(config, found->path, NULL, &warnings);
	return config->wanted_by.count || config->required_by.count || config->alias.count;
}

/* ---- links ---- */

static int link_make(const char *path, const char *to)
{
	char there[PATH_MAX] = "";

	if (readlink(path, there, sizeof(there) - 1) > 0 && !strcmp(there, to))
		return CONTROL_DONE;
	if (*there && strcmp(there, "/dev/null") != 0)
		return complain(CONTROL_FAILED, "%s: is a link to %s already: that is left as it is", path,
				there);
	if (*there || symlink(to, path))
		return complain(CONTROL_FAILED, "%s: cannot make the link: %s", path,
				*there ? "it is masked" : strerror(errno));
	printf("%s -> %s\n", path, to);
	return CONTROL_DONE;
}

static void folder_make(const char *folder)
{
	mkdir("/etc/systemd", 0755);
	mkdir(LINK_FOLDER, 0755);
	mkdir(folder, 0755);
}

static int needs_link(const struct unit_found *found, const char *name, const struct string_list *targets,
		      const char *suffix)
{
	int code = CONTROL_DONE;

	for (size_t i = 0; i < targets->count; i++) {
		char folder[PATH_MAX / 2], path[PATH_MAX];

		snprintf(folder, sizeof(folder), LINK_FOLDER "/%s%s", targets->items[i], suffix);
		snprintf(path, sizeof(path), "%s/%s", folder, name);
		folder_make(folder);
		code = MAX(code, link_make(path, found->path));
	}
	return code;
}

static bool is_below(const char *path, const char *folder)
{
	size_t length = strlen(folder);

	return !strncmp(path, folder, length) && path[length] == '/';
}

/* Is the unit, found with rc, one of an init script? Before rinit runs nobody has made a file of it. */
static bool is_of_initd(const struct unit_found *found, int rc, const char *name, char script[NAME_MAX + 1])
{
	return (rc == -ENOENT || is_below(found->path, GENERATED_LATE_FOLDER)) &&
	       initd_script(rc ? name : found->name, script);
}

/* update-rc.d, which has made the links already, asks for units only. */
static int initd_enable_unless_told(const char *script, bool yes)
{
	return getenv("SYSTEMCTL_SKIP_SYSV") ? CONTROL_DONE : initd_enable(script, yes);
}

static int enable(struct options *options, const char *name, int depth)
{
	struct unit_config config;
	struct unit_found found = {0};
	char own[UNIT_NAME_MAX], script[NAME_MAX + 1];
	const char *instance;
	int code = CONTROL_DONE, rc;

	rc = unit_paths_find(&options->paths, name, &found);
	if (is_of_initd(&found, rc, name, script))
		return initd_enable_unless_told(script, true);
	if (rc || !*found.path)
		return complain(CONTROL_NO_UNIT, "%s: there is no such unit file", name);
	if (is_below(found.path, GENERATED_FOLDER))
		return complain(CONTROL_FAILED, "%s: is made of /etc/fstab: what mounts it is written there",
				name);
	if (found.masked)
		return complain(CONTROL_FAILED, "%s: is masked", name);
	if (found.enabled)
		return options->quiet ? CONTROL_DONE
				      : complain(CONTROL_DONE, "%s: is enabled by being in /etc/rinit", name);
	if (!install_read(&found, &config) && !config.also.count)
		complain(CONTROL_DONE, "%s: has no [Install] section: it starts when another unit wants it",
			 name);
	strcpy(own, found.name);
	if (!unit_name_instance(found.name, &instance) && config.default_instance)
		unit_name_instantiate(found.name, config.default_instance, strlen(config.default_instance),
				      own, sizeof(own));
	if (!unit_name_instance(own, &instance) && (config.wanted_by.count || config.required_by.count)) {
		unit_config_clear(&config);
		return complain(CONTROL_FAILED, "%s: is a template: it needs an instance", name);
	}
	code = MAX(needs_link(&found, own, &config.wanted_by, ".wants"),
		   needs_link(&found, own, &config.required_by, ".requires"));
	for (size_t i = 0; i < config.alias.count; i++) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), LINK_FOLDER "/%s", config.alias.items[i]);
		folder_make(LINK_FOLDER);
		if (strcmp(config.alias.items[i], found.name) != 0)
			code = MAX(code, link_make(path, found.path));
	}
	for (size_t i = 0; i < config.also.count && depth < ALSO_DEPTH; i++)
		if (strcmp(config.also.items[i], name) != 0)
			code = MAX(code, enable(options, config.also.items[i], depth + 1));
	unit_config_clear(&config);
	return code;
}

static int command_enable(struct options *options, const char *name)
{
	return enable(options, name, 0);
}

/* Is this link, in the folder, one that enabling name has made? An alias leads to name, a need has its name.
 */
static bool link_is_of(const char *path, const char *entry, const char *name, bool needs)
{
	char target[PATH_MAX] = "", template_name[UNIT_NAME_MAX];
	const char *base;

	if (readlink(path, target, sizeof(target) - 1) <= 0 || !strcmp(target, "/dev/null"))
		return false;
	base = strrchr(target, '/') ? strrchr(target, '/') + 1 : target;
	if (needs)
		return !strcmp(entry, name) ||
		       (unit_name_template(entry, template_name, sizeof(template_name)) &&
			!strcmp(template_name, name));
	return !strcmp(base, name) && strcmp(entry, name) != 0;
}

static int links_remove(const char *folder, const char *name, bool needs)
{
	DIR *stream = opendir(folder);
	const struct dirent *entry;
	int code = CONTROL_DONE;

	while (stream && (entry = readdir(stream))) {
		size_t length = strlen(entry->d_name);
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (!needs && ((length > 6 && !strcmp(entry->d_name + length - 6, ".wants")) ||
			       (length > 9 && !strcmp(entry->d_name + length - 9, ".requires")))) {
			code = MAX(code, links_remove(path, name, true));
			rmdir(path); /* when it is empty now */
		} else if (link_is_of(path, entry->d_name, name, needs)) {
			if (unlink(path))
				code = complain(CONTROL_FAILED, "%s: cannot remove: %s", path,
						strerror(errno));
			else
				printf("removed %s\n", path);
		}
	}
	if (stream)
		closedir(stream);
	return code;
}

static int command_disable(struct options *options, const char *name)
{
	struct unit_found found = {0};
	int rc = unit_paths_find(&options->paths, name, &found);
	char script[NAME_MAX + 1];

	if (is_of_initd(&found, rc, name, script))
		return initd_enable_unless_told(script, false);
	if (!rc && found.enabled)
		return complain(CONTROL_FAILED,
				"%s: is enabled by being there: remove it or move it to " LINK_FOLDER,
				found.path);
	return links_remove(LINK_FOLDER, rc || !*found.name ? name : found.name, false);
}

static int command_mask(struct options *options, const char *name)
{
	struct unit_found found;
	char path[PATH_MAX], there[PATH_MAX] = "";
	struct stat status;

	if (!unit_paths_find(&options->paths, name, &found) && found.enabled)
		return complain(CONTROL_FAILED, "%s: a file in /etc/rinit comes before a mask: remove it",
				found.path);
	snprintf(path, sizeof(path), LINK_FOLDER "/%s", name);
	folder_make(LINK_FOLDER);
	if (readlink(path, there, sizeof(there) - 1) > 0)
		unlink(path);
	else if (!lstat(path, &status))
		return complain(CONTROL_FAILED, "%s: is a file of its own: remove it to mask the unit", path);
	return link_make(path, "/dev/null");
}

static int command_unmask(struct options *options, const char *name)
{
	char path[PATH_MAX], there[PATH_MAX] = "";

	(void)options;
	snprintf(path, sizeof(path), LINK_FOLDER "/%s", name);
	if (readlink(path, there, sizeof(there) - 1) <= 0 || strcmp(there, "/dev/null") != 0)
		return CONTROL_DONE; /* as it shall be */
	if (unlink(path))
		return complain(CONTROL_FAILED, "%s: cannot remove: %s", path, strerror(errno));
	printf("removed %s\n", path);
	return CONTROL_DONE;
}

/* ---- questions ---- */

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

static const char *enabled_state(const struct options *options, const struct unit_found *found)
{
	struct enabled_search search = {.name = found->name};
	struct unit_config config;
	bool installs, also;

	if (found->masked)
		return "masked";
	if (found->enabled ||
	    (is_needed(&options->paths, found->name) && !is_below(found->path, GENERATED_FOLDER)))
		return "enabled";
	if (is_below(found->path, GENERATED_FOLDER))
		return "generated";
	if (is_below(found->path, GENERATED_LATE_FOLDER))
		return "disabled";
	installs = install_read(found, &config);
	also = config.also.count;
	if (config.alias.count)
		unit_paths_aliases(&options->paths, alias_seen, &search);
	unit_config_clear(&config);
	return search.found ? "enabled" : installs ? "disabled" : also ? "indirect" : "static";
}

static int command_is_enabled(struct options *options, const char *name)
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
	if (!options->quiet)
		puts(state);
	return strcmp(state, "disabled") && strcmp(state, "masked") ? CONTROL_DONE : CONTROL_FAILED;
}

/* What systemctl calls our states. */
static const char *active_state(const char *name)
{
	static const char *const states[][2] = {
		{"running", "active"},       {"active", "active"},         {"waiting", "activating"},
		{"starting", "activating"},  {"restarting", "activating"}, {"stopping", "deactivating"},
		{"killing", "deactivating"}, {"failed", "failed"},
	};
	AUTO_FREE char *text = NULL;
	struct error err;
	const char *state;

	if (client_ask("status", name, &text, &err) || !text || !(state = strstr(text, "State=")))
		return "inactive";
	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		if (!strncmp(state + 6, states[i][0], strlen(states[i][0])))
			return states[i][1];
	return "inactive";
}

static int command_is_active(struct options *options, const char *name)
{
	const char *state = active_state(name);

	if (!options->quiet)
		puts(state);
	return strcmp(state, "active") ? NOT_ACTIVE : CONTROL_DONE;
}

static int command_is_failed(struct options *options, const char *name)
{
	const char *state = active_state(name);

	if (!options->quiet)
		puts(state);
	return strcmp(state, "failed") ? CONTROL_FAILED : CONTROL_DONE;
}

static int file_print(const char *path)
{
	AUTO_FREE char *text = NULL;
	size_t length;
	int rc = file_load(path, FILE_MAX, &text, &length);

	if (rc)
		return complain(CONTROL_FAILED, "%s: cannot read: %s", path, strerror(-rc));
	printf("# %s\n", path);
	fwrite(text, 1, length, stdout);
	if (length && text[length - 1] != '\n')
		putchar('\n');
	return CONTROL_DONE;
}

static int command_cat(struct options *options, const char *name)
{
	struct string_list files = {0};
	struct unit_found found = {0};
	int code = CONTROL_DONE, rc = unit_paths_find(&options->paths, name, &found);

	if (rc && !unit_is_builtin(name))
		return complain(CONTROL_NO_UNIT, "%s: there is no such unit file", name);
	unit_paths_drop_ins(&options->paths, rc || !*found.name ? name : found.name, &files);
	if (found.masked)
		printf("# %s\n# is masked\n", found.path);
	else if (*found.path)
		code = file_print(found.path);
	else
		printf("# %s is built into rinit\n", name);
	for (size_t i = 0; i < files.count; i++)
		code = MAX(code, file_print(files.items[i]));
	string_list_clear(&files);
	return code;
}

/* A path is that file alone; a name is the unit with its drop-ins. */
static int command_check(struct options *options, const char *argument)
{
	const char *slash = strrchr(argument, '/');
	unsigned int warned = 0;
	const struct unit_warnings warnings = {.context = &warned, .warn = warning_print};
	struct string_list files = {0};
	struct unit_config config;
	struct unit_found found = {0};
	int rc;

	snprintf(found.path, sizeof(found.path), "%s", argument);
	if (!slash && unit_paths_find(&options->paths, argument, &found))
		return complain(CONTROL_NO_UNIT, "%s: there is no such unit file", argument);
	if (found.masked)
		return complain(CONTROL_FAILED, "%s: is masked (%s)", argument, found.path);
	if (!slash)
		unit_paths_drop_ins(&options->paths, found.name, &files);
	unit_config_init(&config, slash ? slash + 1 : found.name);
	rc = config_read(&config, found.path, &files, &warnings);
	unit_config_clear(&config);
	string_list_clear(&files);
	return rc || warned ? CONTROL_FAILED : CONTROL_DONE;
}

/* What a unit of this name is, for systemctl show; text has room for PATH_MAX. */
static void property_get(const struct unit_paths *paths, const char *name, const char *property, char *text)
{
	const struct options options = {.paths = *paths};
	struct unit_found found = {0};
	int rc = unit_paths_find(paths, name, &found);
	bool builtin = !*found.path && unit_is_builtin(name);
	AUTO_FREE char *file = NULL;
	const char *source;
	size_t length;

	*text = '\0';
	if (!strcmp(property, "Id"))
		snprintf(text, PATH_MAX, "%s", rc ? name : found.name);
	else if (!strcmp(property, "LoadState"))
		strcpy(text, found.masked ? "masked" : rc && !builtin ? "not-found" : "loaded");
	else if (!strcmp(property, "ActiveState"))
		strcpy(text, active_state(name));
	else if (!strcmp(property, "FragmentPath"))
		snprintf(text, PATH_MAX, "%s", found.path);
	else if (!strcmp(property, "UnitFileState") && (!rc || builtin))
		strcpy(text, builtin ? "static" : enabled_state(&options, &found));
	else if (!strcmp(property, "SourcePath") && !rc && !file_load(found.path, FILE_MAX, &file, &length) &&
		 (source = strstr(file, "\nSourcePath=")))
		snprintf(text, PATH_MAX, "%.*s", (int)strcspn(source + 12, "\n"), source + 12);
	else if (!strcmp(property, "CanReload"))
		strcpy(text, !rc && !file_load(found.path, FILE_MAX, &file, &length) &&
					     strstr(file, "\nExecReload=")
				     ? "yes"
				     : "no");
}

int files_show(const char *property, bool value, char **units, int count)
{
	static const char *const all[] = {"Id",         "LoadState",     "ActiveState", "FragmentPath",
					  "SourcePath", "UnitFileState", "CanReload"};
	static struct unit_paths paths;

	if (unit_paths_open(&paths, ""))
		return complain(CONTROL_FAILED, "out of memory");
	for (int i = 0; i < count; i++)
		for (size_t p = 0; p < (property ? 1 : ARRAY_SIZE(all)); p++) {
			const char *key = property ? property : all[p];
			char name[UNIT_NAME_MAX], text[PATH_MAX];

			name_complete(units[i], name);
			property_get(&paths, name, key, text);
			printf("%s%s%s\n", value ? "" : key, value ? "" : "=", text);
		}
	unit_paths_close(&paths);
	return CONTROL_DONE;
}

int files_list(const char *type)
{
	static struct options options;
	const char *last = "";

	if (unit_paths_open(&options.paths, ""))
		return complain(CONTROL_FAILED, "out of memory");
	for (size_t i = 0; i < options.paths.count; i++) {
		const char *name = options.paths.entries[i].name, *dot = strrchr(name, '.');
		struct unit_found found;

		if (!dot || !strcmp(name, last) || (type && strcmp(dot + 1, type) != 0) ||
		    !strcmp(dot, ".d") || !strcmp(dot, ".wants") || !strcmp(dot, ".requires") ||
		    unit_paths_find(&options.paths, name, &found))
			continue;
		printf("%-40s %s\n", name,
		       strcmp(found.name, name) ? "alias" : enabled_state(&options, &found));
		last = name;
	}
	unit_paths_close(&options.paths);
	return CONTROL_DONE;
}

static const struct {
	const char *verb;
	int (*run)(struct options *options, const char *name);
	bool changes;    /* rinit is to look again */
	bool raw;        /* the argument may be a path */
	bool any;        /* is-active: one of them is enough */
	const char *now; /* what --now does beside it */
} commands[] = {
	{"enable", command_enable, true, false, false, "start"},
	{"disable", command_disable, true, false, false, "stop"},
	{"mask", command_mask, true, false, false, "stop"},
	{"unmask", command_unmask, true, false, false, "start"},
	{"is-enabled", command_is_enabled, false, false, true, NULL},
	{"is-active", command_is_active, false, false, true, NULL},
	{"is-failed", command_is_failed, false, false, true, NULL},
	{"cat", command_cat, false, false, false, NULL},
	{"check", command_check, false, true, false, NULL},
};

/* Without a rinit that runs there is nobody to tell, as in a chroot that is being installed. */
static void tell_rinit(const char *verb, const char *argument)
{
	AUTO_FREE char *text = NULL;
	struct error err;

	if (client_ask(verb, argument, &text, &err) && text)
		fprintf(stderr, "rinitctl: %s", text);
}

static void generate_warn(const char *sentence)
{
	fprintf(stderr, "rinitctl: %s\n", sentence);
}

void files_generate(void)
{
	if (!geteuid() && !access(CONTROL_SOCKET_PATH, F_OK))
		generate_again(generate_warn);
}

static int run(size_t command, struct options *options, char **arguments, int count)
{
	int code = CONTROL_DONE, least = INT_MAX, from = 0;

	while (from < count && *arguments[from] == '-') {
		if (!strcmp(arguments[from], "--quiet") || !strcmp(arguments[from], "-q"))
			options->quiet = true;
		else if (!strcmp(arguments[from], "--now") && commands[command].now)
			options->now = true;
		else if (strcmp(arguments[from], "--no-block") != 0)
			return complain(CONTROL_USAGE, "unknown option \"%s\"; see rinitctl --help",
					arguments[from]);
		from++;
	}
	if (from == count)
		return complain(CONTROL_USAGE, "%s which unit? see rinitctl --help", commands[command].verb);
	for (int i = from; i < count; i++) {
		char name[UNIT_NAME_MAX];
		int one;

		name_complete(arguments[i], name);
		if (!commands[command].raw && strchr(name, '/'))
			return complain(CONTROL_USAGE, "%s: is not a unit's name", name);
		one = commands[command].run(
			options, commands[command].raw && strchr(arguments[i], '/') ? arguments[i] : name);
		code = MAX(code, one);
		least = MIN(least, one);
	}
	if (commands[command].changes) {
		files_generate();
		tell_rinit("daemon-reload", "");
	}
	for (int i = from; i < count && options->now && !code; i++)
		tell_rinit(commands[command].now, arguments[i]);
	return commands[command].any ? least : code;
}

int files_command(const char *verb, char **arguments, int count)
{
	static struct options options;
	int code;

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(commands[i].verb, verb) != 0)
			continue;
		options = (struct options){0};
		if (unit_paths_open(&options.paths, ""))
			return complain(CONTROL_FAILED, "out of memory");
		code = run(i, &options, arguments, count);
		unit_paths_close(&options.paths);
		return code;
	}
	return complain(CONTROL_USAGE, "unknown command \"%s\"; see rinitctl --help", verb);
}
