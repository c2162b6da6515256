/*
 * What rinitctl changes by itself, with rinit running or not (systemctl(1), "Unit File Commands"): links in
 * /etc/systemd/system, as the [Install] section says. Then rinit is told to look again.
 */
#include "rinit/rinitctl_files.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "rinit/client.h"
#include "rinit/conf_files.h"
#include "rinit/control.h"
#include "rinit/file.h"
#include "rinit/pattern.h"
#include "rinit/generate.h"
#include "rinit/runtime.h"
#include "rinit/specifier.h"
#include "rinit/text.h"
#include "rinit/unit_builtin.h"

#define ALSO_DEPTH   8
#define DROP_INS_MAX 64

static struct string_list complaints; /* of one unit, with --json */
static bool complaints_are_kept;

int complain(int code, const char *format, ...)
{
	char sentence[2 * PATH_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	if (complaints_are_kept)
		string_list_add(&complaints, sentence);
	else
		fprintf(stderr, "rinitctl: %s\n", sentence);
	return code;
}

void state_show(struct file_options *options, const char *state)
{
	if (options->json)
		options->state = state;
	else if (!options->quiet)
		puts(state);
}

static void list_json(const char **comma, const char *key, const struct string_list *list)
{
	if (!list->count)
		return;
	printf("%s\"%s\":[", *comma, key);
	for (size_t i = 0; i < list->count; i++) {
		fputs(i ? "," : "", stdout);
		json_string(stdout, list->items[i]);
	}
	putchar(']');
	*comma = ",";
}

/* What was gathered about the unit, as an object; then it is forgotten. */
static void answer_json(struct file_options *options, const char *unit, int code)
{
	const char *comma = "{";

	if (*unit)
		json_field(stdout, &comma, "unit", unit);
	json_number(stdout, &comma, "code", code);
	if (options->state)
		json_field(stdout, &comma, "state", options->state);
	list_json(&comma, "changes", &options->changes);
	list_json(&comma, "warnings", &options->warnings);
	if (options->files.count)
		printf("%s\"files\":[", comma);
	for (size_t i = 0; i + 1 < options->files.count; i += 2) {
		const char *inner = i ? ",{" : "{";

		json_field(stdout, &inner, "path", options->files.items[i]);
		json_field(stdout, &inner, "text", options->files.items[i + 1]);
		putchar('}');
	}
	if (options->files.count)
		putchar(']');
	if (complaints.count)
		json_field(stdout, &comma, "error", complaints.items[0]);
	puts("}");
	options->state = NULL;
	string_list_clear(&options->changes);
	string_list_clear(&options->warnings);
	string_list_clear(&options->files);
	string_list_clear(&complaints);
}

/* A change, or one word less. */
static void change_show(struct file_options *options, const char *format, const char *path, const char *to)
{
	char text[2 * PATH_MAX];

	snprintf(text, sizeof(text), format, path, to);
	if (options->json)
		string_list_add(&options->changes, text);
	else if (!options->quiet)
		puts(text);
}

static void warning_ignore(void *context, const char *sentence)
{
	(void)context;
	(void)sentence;
}

void name_complete(const char *short_name, char name[UNIT_NAME_MAX])
{
	snprintf(name, UNIT_NAME_MAX, "%s%s", short_name, strchr(short_name, '.') ? "" : ".service");
}

/* ---- reading ---- */

int unit_files_read(struct unit_config *config, const char *path, const struct string_list *files,
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
		rc = file_load(from, UNIT_FILE_MAX, &texts[count].text, &texts[count].length);
		if (rc)
			complain(0, "%s: cannot read: %s", from, strerror(-rc));
		count += !rc;
	}
	if (!rc && count) {
		rc = unit_parse_texts(config, texts, count, warnings, &err);
		if (rc)
			warnings->warn(warnings->context, err.text);
	}
	for (size_t i = 0; i < count; i++)
		free(texts[i].text);
	return rc;
}

bool install_read(const struct unit_found *found, struct unit_config *config)
{
	const struct unit_warnings warnings = {.warn = warning_ignore};

	unit_config_init(config, found->name);
	unit_files_read(config, found->path, NULL, &warnings);
	return config->wanted_by.count || config->required_by.count || config->alias.count;
}

/* ---- links ---- */

/* The file as seen from within the root. */
static const char *inside(const struct file_options *options, const char *path)
{
	size_t length = strlen(options->root);

	return strncmp(path, options->root, length) ? path : path + length;
}

static int link_make(struct file_options *options, const char *path, const char *to)
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
	change_show(options, "%s -> %s", path, to);
	return CONTROL_DONE;
}

/* With what is above it; who makes links in it says what is wrong. */
static void folder_make(const char *folder)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s", folder);
	for (char *slash = path + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
		*slash = '\0';
		mkdir(path, 0755);
	}
	mkdir(path, 0755);
}

static int need_link(struct file_options *options, const char *file, const char *name, const char *target,
		     const char *suffix)
{
	char folder[PATH_MAX / 2], path[PATH_MAX];

	snprintf(folder, sizeof(folder), "%s/%s%s", options->links, target, suffix);
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	folder_make(folder);
	return link_make(options, path, inside(options, file));
}

static int needs_link(struct file_options *options, const struct unit_found *found, const char *name,
		      const struct string_list *targets, const char *suffix)
{
	int code = CONTROL_DONE;

	for (size_t i = 0; i < targets->count; i++)
		code = MAX(code, need_link(options, found->path, name, targets->items[i], suffix));
	return code;
}

/* A link in the folder itself. */
static int name_link(struct file_options *options, const char *name, const char *to)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", options->links, name);
	folder_make(options->links);
	return link_make(options, path, to);
}

/* ---- enable, disable ---- */

bool path_is_in(const char *path, const char *folder)
{
	size_t length = strlen(folder);

	return !strncmp(path, folder, length) && path[length] == '/';
}

/* Is the unit, found with rc, one of an init script? Before rinit runs nobody has made a file of it. */
static bool is_of_initd(const struct file_options *options, const struct unit_found *found, int rc,
			const char *name, char script[NAME_MAX + 1])
{
	return !*options->root && (rc == -ENOENT || path_is_in(found->path, GENERATED_LATE_FOLDER)) &&
	       initd_script(rc ? name : found->name, script);
}

/* update-rc.d, which has made the links already, asks for units only. */
static int initd_enable_unless_told(const char *script, bool yes)
{
	return getenv("SYSTEMCTL_SKIP_SYSV") ? CONTROL_DONE : initd_enable(script, yes);
}

static int enable(struct file_options *options, const char *name, int depth)
{
	struct unit_config config;
	struct unit_found found = {0};
	char own[UNIT_NAME_MAX], script[NAME_MAX + 1];
	const char *instance;
	int code = CONTROL_DONE, rc = unit_paths_find(&options->paths, name, &found);

	if (is_of_initd(options, &found, rc, name, script))
		return initd_enable_unless_told(script, true);
	if (rc || !*found.path)
		return complain(CONTROL_NO_UNIT, "%s: there is no such unit file", name);
	if (path_is_in(found.path, GENERATED_FOLDER))
		return complain(CONTROL_FAILED, "%s: is made of /etc/fstab: what mounts it is written there",
				name);
	if (found.masked)
		return complain(CONTROL_FAILED, "%s: is masked", name);
	if (found.enabled)
		return options->quiet ? CONTROL_DONE
				      : complain(CONTROL_DONE, "%s: is enabled by being in /etc/rinit", name);
	if (!install_read(&found, &config) && !config.also.count && !options->quiet)
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
	code = MAX(needs_link(options, &found, own, &config.wanted_by, ".wants"),
		   needs_link(options, &found, own, &config.required_by, ".requires"));
	for (size_t i = 0; i < config.alias.count; i++)
		if (strcmp(config.alias.items[i], found.name) != 0)
			code = MAX(code,
				   name_link(options, config.alias.items[i], inside(options, found.path)));
	for (size_t i = 0; i < config.also.count && depth < ALSO_DEPTH; i++)
		if (strcmp(config.also.items[i], name) != 0)
			code = MAX(code, enable(options, config.also.items[i], depth + 1));
	unit_config_clear(&config);
	return code;
}

static int command_enable(struct file_options *options, const char *name)
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

static int link_remove(struct file_options *options, const char *path)
{
	if (unlink(path))
		return complain(CONTROL_FAILED, "%s: cannot remove: %s", path, strerror(errno));
	change_show(options, "removed %s", path, NULL);
	return CONTROL_DONE;
}

static int links_remove(struct file_options *options, const char *folder, const char *name, bool needs)
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
			code = MAX(code, links_remove(options, path, name, true));
			rmdir(path); /* when it is empty now */
		} else if (link_is_of(path, entry->d_name, name, needs)) {
			code = MAX(code, link_remove(options, path));
		}
	}
	if (stream)
		closedir(stream);
	return code;
}

static int disable(struct file_options *options, const char *name, int depth)
{
	struct unit_found found = {0};
	struct unit_config config;
	char script[NAME_MAX + 1];
	int rc = unit_paths_find(&options->paths, name, &found), code;

	if (is_of_initd(options, &found, rc, name, script))
		return initd_enable_unless_told(script, false);
	if (!rc && found.enabled)
		return complain(CONTROL_FAILED,
				"%s: is enabled by being there: remove it or move it to /etc/systemd/system",
				found.path);
	code = links_remove(options, options->links, rc || !*found.name ? name : found.name, false);
	if (rc || found.masked)
		return code;
	install_read(&found, &config);
	for (size_t i = 0; i < config.also.count && depth < ALSO_DEPTH; i++)
		if (strcmp(config.also.items[i], name) != 0)
			code = MAX(code, disable(options, config.also.items[i], depth + 1));
	unit_config_clear(&config);
	return code;
}

static int command_disable(struct file_options *options, const char *name)
{
	return disable(options, name, 0);
}

static int command_reenable(struct file_options *options, const char *name)
{
	struct unit_found found;

	if (!unit_paths_find(&options->paths, name, &found) && !found.enabled)
		links_remove(options, options->links, found.name, false);
	return enable(options, name, 0);
}

/* ---- presets (systemd.preset(5)) ---- */

struct preset {
	const char *name;
	char decision[8]; /* of the first line that fits; without one: enable */
};

static void preset_read(void *context, const char *path, const char *text, size_t length)
{
	struct preset *preset = context;
	const char *end = text + length;

	(void)path;
	while (text < end && !*preset->decision) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		char line[512], verb[sizeof(preset->decision)], pattern[256];
		const char *at = line;

		stop = stop ? stop : end;
		snprintf(line, sizeof(line), "%.*s", (int)(stop - text), text);
		if (word_split(&at, verb, sizeof(verb)) > 0 && *verb != '#' && *verb != ';' &&
		    word_split(&at, pattern, sizeof(pattern)) > 0 && pattern_matches(pattern, preset->name))
			strcpy(preset->decision, verb);
		text = stop + 1;
	}
}

static int command_preset(struct file_options *options, const char *name)
{
	static const char *const folders[] = {"/etc/systemd/system-preset", "/run/systemd/system-preset",
					      "/usr/local/lib/systemd/system-preset",
					      "/usr/lib/systemd/system-preset", "/lib/systemd/system-preset"};
	struct preset preset = {.name = name};
	char paths[ARRAY_SIZE(folders)][PATH_MAX];
	const char *list[ARRAY_SIZE(folders) + 1] = {NULL};

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		snprintf(paths[i], sizeof(paths[i]), "%s%s", options->root, folders[i]);
		list[i] = paths[i];
	}
	conf_files_each(list, ".preset", preset_read, &preset);
	if (!strcmp(preset.decision, "disable"))
		return options->disables ? disable(options, name, 0) : CONTROL_DONE;
	if (!strcmp(preset.decision, "ignore") || !options->enables)
		return CONTROL_DONE;
	return enable(options, name, 0);
}

static int preset_all(struct file_options *options)
{
	int code = CONTROL_DONE;

	options->quiet = true; /* not a word about those that have no [Install] */
	for (size_t i = 0; i < options->paths.count; i++) {
		const char *name = options->paths.entries[i].name;
		struct unit_config config;
		struct unit_found found;
		bool installs;

		if ((i && !strcmp(name, options->paths.entries[i - 1].name)) || !unit_name_is_valid(name) ||
		    unit_paths_find(&options->paths, name, &found) || found.masked || found.enabled ||
		    strcmp(found.name, name) != 0 || (strchr(name, '@') && strstr(name, "@.")))
			continue;
		installs = install_read(&found, &config);
		unit_config_clear(&config);
		if (installs)
			code = MAX(code, command_preset(options, name));
	}
	return code;
}

/* ---- mask, and single links ---- */

static int command_mask(struct file_options *options, const char *name)
{
	struct unit_found found;
	char path[PATH_MAX], there[PATH_MAX] = "";
	struct stat status;

	if (!unit_paths_find(&options->paths, name, &found) && found.enabled)
		return complain(CONTROL_FAILED, "%s: a file in /etc/rinit comes before a mask: remove it",
				found.path);
	snprintf(path, sizeof(path), "%s/%s", options->links, name);
	if (readlink(path, there, sizeof(there) - 1) > 0)
		unlink(path);
	else if (!lstat(path, &status))
		return complain(CONTROL_FAILED, "%s: is a file of its own: remove it to mask the unit", path);
	return name_link(options, name, "/dev/null");
}

static int command_unmask(struct file_options *options, const char *name)
{
	char path[PATH_MAX], there[PATH_MAX] = "";

	snprintf(path, sizeof(path), "%s/%s", options->links, name);
	if (readlink(path, there, sizeof(there) - 1) <= 0 || strcmp(there, "/dev/null") != 0)
		return CONTROL_DONE; /* as it shall be */
	return link_remove(options, path);
}

/* A unit file from anywhere gets its name. */
static int command_link(struct file_options *options, const char *path)
{
	const char *name = strrchr(path, '/');

	if (*path != '/' || !unit_name_is_valid(name + 1))
		return complain(CONTROL_USAGE, "%s: is not the whole path of a unit file", path);
	return name_link(options, name + 1, path);
}

static int add_need(struct file_options *options, const char *name, const char *suffix)
{
	struct unit_found found;

	if (unit_paths_find(&options->paths, name, &found) || !*found.path)
		return complain(CONTROL_NO_UNIT, "%s: there is no such unit file", name);
	return need_link(options, found.path, name, options->target, suffix);
}

static int command_add_wants(struct file_options *options, const char *name)
{
	return add_need(options, name, ".wants");
}

static int command_add_requires(struct file_options *options, const char *name)
{
	return add_need(options, name, ".requires");
}

/* ---- the default target ---- */

static enum runtime_mode mode_of(const struct file_options *options, char path[PATH_MAX])
{
	enum runtime_mode mode = MODE_NONE;
	struct error err;

	snprintf(path, PATH_MAX, "%s/etc/rastos/mode", options->root);
	mode_read(path, &mode, &err);
	return mode;
}

static int command_get_default(struct file_options *options, const char *name)
{
	static struct unit_found found;
	char path[PATH_MAX];
	enum runtime_mode mode = mode_of(options, path);

	(void)name;
	if (mode == MODE_NONE && !unit_paths_find(&options->paths, "default.target", &found))
		state_show(options, found.name);
	else
		state_show(options, mode == MODE_DESKTOP ? "graphical.target" : "multi-user.target");
	return CONTROL_DONE;
}

static int command_set_default(struct file_options *options, const char *name)
{
	char path[PATH_MAX], to[PATH_MAX];
	struct unit_found found = {0};

	if (unit_paths_find(&options->paths, name, &found) && !unit_is_builtin(name))
		return complain(CONTROL_NO_UNIT, "%s: there is no such unit", name);
	if (!strstr(name, ".target"))
		return complain(CONTROL_USAGE, "%s: is not a target", name);
	snprintf(to, sizeof(to), "%s%s", *found.path ? inside(options, found.path) : "/lib/systemd/system/",
		 *found.path ? "" : name);
	snprintf(path, sizeof(path), "%s/default.target", options->links);
	unlink(path);
	if (mode_of(options, path) != MODE_NONE)
		complain(CONTROL_DONE, "%s decides as long as it is there", path);
	return name_link(options, "default.target", to);
}

/* ---- the commands ---- */

enum {
	CHANGES = 1, /* rinit is to look again */
	RAW = 2,     /* the argument may be a path */
	ANY = 4,     /* is-active: one of them is enough */
	NONE = 8,    /* it takes no unit */
	TARGET = 16, /* the first one is a target, for the others */
};

static const struct {
	const char *verb;
	int (*run)(struct file_options *options, const char *name);
	unsigned int flags;
	const char *now; /* what --now does beside it */
} commands[] = {
	{"enable", command_enable, CHANGES, "start"},
	{"disable", command_disable, CHANGES, "stop"},
	{"reenable", command_reenable, CHANGES, "start"},
	{"preset", command_preset, CHANGES, NULL},
	{"preset-all", NULL, CHANGES | NONE, NULL},
	{"mask", command_mask, CHANGES, "stop"},
	{"unmask", command_unmask, CHANGES, "start"},
	{"link", command_link, CHANGES | RAW, NULL},
	{"add-wants", command_add_wants, CHANGES | TARGET, NULL},
	{"add-requires", command_add_requires, CHANGES | TARGET, NULL},
	{"get-default", command_get_default, NONE, NULL},
	{"set-default", command_set_default, CHANGES, NULL},
	{"is-enabled", command_is_enabled, ANY, NULL},
	{"is-active", command_is_active, ANY, NULL},
	{"is-failed", command_is_failed, ANY, NULL},
	{"cat", command_cat, 0, NULL},
	{"check", command_check, RAW, NULL},
};

/* Without a rinit that runs there is nobody to tell, as in a chroot that is being installed. */
static int tell_rinit(const char *verb, const char *argument)
{
	AUTO_FREE char *text = NULL;
	struct error err;
	int code = client_ask(verb, argument, &text, &err);

	if (!code || !text)
		return CONTROL_DONE;
	fprintf(stderr, "rinitctl: %s", text);
	return code;
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

/* False when it isn't one of these. */
static bool option_take(size_t command, struct file_options *options, const char *word)
{
	bool preset = !strncmp(commands[command].verb, "preset", 6);

	if (!strcmp(word, "--quiet") || !strcmp(word, "-q"))
		options->quiet = true;
	else if (!strcmp(word, "--now") && commands[command].now)
		options->now = true;
	else if (!strncmp(word, "--root=", 7))
		options->root = strcmp(word + 7, "/") ? word + 7 : "";
	else if (!strcmp(word, "--runtime"))
		options->runtime = true;
	else if (preset && !strncmp(word, "--preset-mode=", 14)) {
		options->enables = strcmp(word + 14, "disable-only") != 0;
		options->disables = strcmp(word + 14, "enable-only") != 0;
	} else
		return !strcmp(word, "--no-block"); /* it never does */
	return true;
}

static int run(size_t command, struct file_options *options, char **arguments, int count)
{
	unsigned int flags = commands[command].flags;
	int code = CONTROL_DONE, least = INT_MAX;

	for (int i = 0; i < count; i++) {
		char name[UNIT_NAME_MAX];
		int one;

		name_complete(arguments[i], name);
		if (!(flags & RAW) && strchr(name, '/'))
			return complain(CONTROL_USAGE, "%s: is not a unit's name", name);
		one = commands[command].run(options,
					    (flags & RAW) && strchr(arguments[i], '/') ? arguments[i] : name);
		code = MAX(code, one);
		least = MIN(least, one);
		if (options->json)
			answer_json(options, flags & RAW && strchr(arguments[i], '/') ? arguments[i] : name,
				    one);
	}
	return flags & ANY ? least : code;
}

static int run_with_paths(size_t command, struct file_options *options, char **arguments, int count)
{
	unsigned int flags = commands[command].flags;
	int code;

	if ((size_t)snprintf(options->links, sizeof(options->links), "%s/%s/systemd/system", options->root,
			     options->runtime ? "run" : "etc") >= sizeof(options->links))
		return complain(CONTROL_USAGE, "--root=: the path is too long");
	if (unit_paths_open(&options->paths, options->root))
		return complain(CONTROL_FAILED, "out of memory");
	if (flags & TARGET) {
		options->target = *arguments++;
		count--;
	}
	code = !(flags & NONE)         ? run(command, options, arguments, count)
	       : commands[command].run ? commands[command].run(options, "")
				       : preset_all(options);
	if (options->json && flags & NONE)
		answer_json(options, "", code);
	unit_paths_close(&options->paths);
	if ((flags & CHANGES) && !*options->root) {
		files_generate();
		tell_rinit("daemon-reload", "");
		for (int i = 0; i < count && options->now && !code; i++)
			code = tell_rinit(commands[command].now, arguments[i]);
	}
	return code;
}

int files_command(const char *verb, char **arguments, int count, bool json)
{
	static struct file_options options;
	size_t command = 0;
	int least;

	while (command < ARRAY_SIZE(commands) && strcmp(commands[command].verb, verb) != 0)
		command++;
	if (command == ARRAY_SIZE(commands))
		return complain(CONTROL_USAGE, "unknown command \"%s\"; see rinitctl --help", verb);
	options = (struct file_options){.root = "", .enables = true, .disables = true, .json = json};
	complaints_are_kept = json;
	for (; count && **arguments == '-'; arguments++, count--)
		if (!option_take(command, &options, *arguments))
			return complain(CONTROL_USAGE, "unknown option \"%s\"; see rinitctl --help",
					*arguments);
	least = commands[command].flags & NONE ? 0 : commands[command].flags & TARGET ? 2 : 1;
	if (count < least)
		return complain(CONTROL_USAGE, "%s which unit? see rinitctl --help", verb);
	if (commands[command].flags & NONE && count)
		return complain(CONTROL_USAGE, "unexpected \"%s\"; see rinitctl --help", *arguments);
	return run_with_paths(command, &options, arguments, count);
}
