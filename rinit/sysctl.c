#include "rinit/sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "rinit/conf_files.h"
#include "rinit/file.h"

#define PROC_SYS    "/proc/sys/"
#define SYSCTL_CONF "/etc/sysctl.conf"
#define LINE_LIMIT  4096

static const char *const folders[] = {"/etc/sysctl.d",     "/run/sysctl.d", "/usr/local/lib/sysctl.d",
				      "/usr/lib/sysctl.d", "/lib/sysctl.d", NULL};

/* ---- lines ---- */

/*
 * sysctl(8): in a name that begins a.b the dots are slashes and the slashes dots (net.ipv4.conf.eth0/1.x);
 * one that begins a/b is a path as it is.
 */
static bool key_to_path(const char *key, char *path)
{
	const char *first = strpbrk(key, "./");
	bool swap = first && *first == '.';
	char *at = path;

	if (!*key || strlen(key) >= SYSCTL_PATH_MAX || *key == '/' || *key == '.')
		return false;
	for (; *key; key++)
		*at++ = !swap ? *key : *key == '.' ? '/' : *key == '/' ? '.' : *key;
	*at = '\0';
	return !strstr(path, "/../") && strncmp(path, "../", 3) != 0;
}

static void blanks_remove(char **text)
{
	size_t length;

	*text += strspn(*text, " \t\r");
	length = strlen(*text);
	while (length && strchr(" \t\r", (*text)[length - 1]))
		(*text)[--length] = '\0';
}

static void line_parse(char *line, unsigned int number, const struct sysctl_reader *reader)
{
	struct sysctl_setting setting = {.line = number};
	char *value;

	blanks_remove(&line);
	if (!*line || *line == '#' || *line == ';')
		return;
	setting.ignore_failure = *line == '-';
	line += setting.ignore_failure;
	value = strchr(line, '=');
	if (value)
		*value++ = '\0';
	blanks_remove(&line);
	if (value)
		blanks_remove(&value);
	setting.value = value;
	if (!value && !setting.ignore_failure)
		reader->fault(reader->context, number, "is not name = value");
	else if (!key_to_path(line, setting.path))
		reader->fault(reader->context, number, "has no usable name");
	else
		reader->setting(reader->context, &setting);
}

void sysctl_parse(const char *text, size_t length, const struct sysctl_reader *reader)
{
	const char *end = text + length;
	char line[LINE_LIMIT];

	for (unsigned int number = 1; text < end; number++) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t size = (size_t)((newline ? newline : end) - text);

		if (size >= sizeof(line) || memchr(text, '\0', size)) {
			reader->fault(reader->context, number, "is too long or holds a zero byte");
		} else {
			memcpy(line, text, size);
			line[size] = '\0';
			line_parse(line, number, reader);
		}
		text += size + 1;
	}
}

/* ---- all files ---- */

struct entry {
	char *path, *value, *from; /* from: FILE:LINE */
	bool ignore_failure, pattern;
};

static struct entry *entries;
static size_t entry_count;

static void fault(void *context, unsigned int line, const char *why)
{
	fprintf(stderr, "<4>%s:%u: this line %s and has no effect\n", (const char *)context, line, why);
}

static void entry_add(void *context, const struct sysctl_setting *setting)
{
	struct entry *more = realloc(entries, (entry_count + 1) * sizeof(*more));
	char from[512];

	snprintf(from, sizeof(from), "%s:%u", (const char *)context, setting->line);
	if (!more)
		return;
	entries = more;
	entries[entry_count++] = (struct entry){.path = strdup(setting->path),
						.value = setting->value ? strdup(setting->value) : NULL,
						.from = strdup(from),
						.ignore_failure = setting->ignore_failure,
						.pattern = strpbrk(setting->path, "*?[") != NULL};
}

static void file_read_one(void *context, const char *path, const char *text, size_t length)
{
	(void)context;
	sysctl_parse(text, length,
		     &(struct sysctl_reader){.context = (void *)path, .setting = entry_add, .fault = fault});
}

static void setting_write(const struct entry *entry, const char *path)
{
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);

	if ((fd < 0 || write_all(fd, entry->value, strlen(entry->value))) && !entry->ignore_failure)
		fprintf(stderr, "<4>%s: cannot set %s to \"%s\": %m\n", entry->from, path + strlen(PROC_SYS),
			entry->value);
}

/* A name that a line sets, or excludes, for itself is not a pattern's. */
static bool is_set_by_name(const char *path)
{
	for (size_t i = 0; i < entry_count; i++)
		if (!entries[i].pattern && !strcmp(entries[i].path, path))
			return true;
	return false;
}

static void pattern_write(const struct entry *entry)
{
	char path[SYSCTL_PATH_MAX + sizeof(PROC_SYS)];
	glob_t found = {0};

	snprintf(path, sizeof(path), PROC_SYS "%s", entry->path);
	if (!glob(path, 0, NULL, &found))
		for (size_t i = 0; i < found.gl_pathc; i++)
			if (!is_set_by_name(found.gl_pathv[i] + strlen(PROC_SYS)))
				setting_write(entry, found.gl_pathv[i]);
	globfree(&found);
}

bool sysctl_is_configured(void)
{
	return !access(SYSCTL_CONF, R_OK) || conf_files_exist(folders, ".conf");
}

int sysctl_main(int argc, char **argv)
{
	AUTO_FREE char *text = NULL;
	char path[SYSCTL_PATH_MAX + sizeof(PROC_SYS)];
	size_t length;

	(void)argc;
	(void)argv;
	conf_files_each(folders, ".conf", file_read_one, NULL);
	if (!file_load(SYSCTL_CONF, 65536, &text, &length))
		file_read_one(NULL, SYSCTL_CONF, text, length);
	for (size_t i = 0; i < entry_count; i++)
		if (entries[i].pattern && entries[i].value)
			pattern_write(&entries[i]);
	for (size_t i = 0; i < entry_count; i++) {
		snprintf(path, sizeof(path), PROC_SYS "%s", entries[i].path);
		if (!entries[i].pattern && entries[i].value)
			setting_write(&entries[i], path);
	}
	return 0; /* a setting that this kernel does not have fails nobody's boot */
}
