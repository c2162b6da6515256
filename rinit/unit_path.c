#include "rinit/unit_path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/util.h"
#include "rinit/file.h"
#include "rinit/generate.h"
#include "rinit/specifier.h"
#include "rinit/unit_builtin.h"

#define LINKS_MAX 8 /* on the way from one name to the last */

static const struct {
	const char *path;
	bool rinits, vendors;
} folders[UNIT_FOLDERS_MAX] = {
	{"/etc/rinit", true, false},
	{"/etc/systemd/system", false, false},
	{"/run/systemd/system", false, false},
	{GENERATED_FOLDER, false, false},
	{"/usr/local/lib/systemd/system", false, false},
	{"/lib/systemd/system", false, true},
	{"/usr/lib/systemd/system", false, true},
	{GENERATED_LATE_FOLDER, false, false},
};

/* ---- the folders' names ---- */

static int entry_add(struct unit_paths *paths, const char *name, unsigned char folder, bool link)
{
	struct unit_entry *entries = paths->entries;

	if (!(paths->count & (paths->count - 1))) { /* as big as the next power of two */
		entries = realloc(entries, MAX(paths->count * 2, (size_t)1) * sizeof(*entries));
		if (!entries)
			return -ENOMEM;
		paths->entries = entries;
	}
	entries[paths->count] = (struct unit_entry){.name = strdup(name), .folder = folder, .link = link};
	return entries[paths->count].name ? (paths->count++, 0) : -ENOMEM;
}

static int folder_read(struct unit_paths *paths, unsigned char folder)
{
	DIR *stream = opendir(paths->folders[folder]);
	const struct dirent *entry;
	int rc = 0;

	while (stream && !rc && (entry = readdir(stream))) {
		struct stat status;
		bool link = entry->d_type == DT_LNK;

		if (entry->d_name[0] == '.')
			continue;
		if (entry->d_type == DT_UNKNOWN &&
		    !fstatat(dirfd(stream), entry->d_name, &status, AT_SYMLINK_NOFOLLOW))
			link = S_ISLNK(status.st_mode);
		rc = entry_add(paths, entry->d_name, folder, link);
	}
	if (stream)
		closedir(stream);
	return rc;
}

static int entry_compare(const void *left, const void *right)
{
	const struct unit_entry *a = left, *b = right;
	int order = strcmp(a->name, b->name);

	return order ? order : (int)a->folder - (int)b->folder;
}

int unit_paths_open(struct unit_paths *paths, const char *root)
{
	struct stat seen[UNIT_FOLDERS_MAX];
	int rc = 0;

	memset(paths, 0, sizeof(*paths));
	for (size_t i = 0; i < UNIT_FOLDERS_MAX && !rc; i++) {
		size_t at = paths->folder_count, same = 0;

		if ((size_t)snprintf(paths->folders[at], PATH_MAX, "%s%s", root, folders[i].path) >=
			    PATH_MAX ||
		    stat(paths->folders[at], &seen[at]))
			continue;
		while (seen[same].st_ino != seen[at].st_ino || seen[same].st_dev != seen[at].st_dev)
			same++;
		if (same < at)
			continue;
		paths->rinits[at] = folders[i].rinits;
		paths->vendors[at] = folders[i].vendors;
		paths->folder_count++;
		rc = folder_read(paths, (unsigned char)at);
	}
	if (paths->count)
		qsort(paths->entries, paths->count, sizeof(*paths->entries), entry_compare);
	return rc;
}

void unit_paths_close(struct unit_paths *paths)
{
	for (size_t i = 0; i < paths->count; i++)
		free(paths->entries[i].name);
	free(paths->entries);
	paths->entries = NULL;
	paths->count = 0;
}

/* The first folder's entry by that name; the others' follow it. NULL when there is none. */
static const struct unit_entry *entry_find(const struct unit_paths *paths, const char *name)
{
	size_t low = 0, high = paths->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(paths->entries[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < paths->count && !strcmp(paths->entries[low].name, name) ? &paths->entries[low] : NULL;
}

/* The next folder's entry by the same name. */
static const struct unit_entry *entry_next(const struct unit_paths *paths, const struct unit_entry *entry)
{
	const struct unit_entry *next = entry + 1;

	return next < paths->entries + paths->count && !strcmp(next->name, entry->name) ? next : NULL;
}

static void entry_path(const struct unit_paths *paths, const struct unit_entry *entry, char path[PATH_MAX])
{
	if (snprintf(path, PATH_MAX, "%s/%s", paths->folders[entry->folder], entry->name) >= PATH_MAX)
		path[0] = '\0';
}

/* ---- one unit's file ---- */

/* What the link says; its last part, the name it leads to. false when it can't be read. */
static bool link_read(const char *path, char target[PATH_MAX], const char **name)
{
	ssize_t length = readlink(path, target, PATH_MAX - 1);
	const char *slash;

	if (length <= 0)
		return false;
	target[length] = '\0';
	slash = strrchr(target, '/');
	*name = slash ? slash + 1 : target;
	return true;
}

static bool is_template(const char *name)
{
	const char *instance;

	return unit_name_instance(name, &instance) == 0;
}

static int find(const struct unit_paths *paths, const char *name, struct unit_found *found, int depth);

/* The link leads to other, another name than its own. */
static int find_alias(const struct unit_paths *paths, const char *name, const char *other,
		      struct unit_found *found, int depth)
{
	char instance[UNIT_NAME_MAX];
	const char *part;
	int length = unit_name_instance(name, &part), rc;

	if (length > 0 && is_template(other)) {
		if (!unit_name_instantiate(other, part, (size_t)length, instance, sizeof(instance)))
			return -ENOENT;
		if (!strcmp(instance, name))
			return -ENOENT; /* a@b -> a@: no alias, but where its file is */
		other = instance;
	}
	rc = find(paths, other, found, depth + 1);
	if (rc == -ENOENT && unit_is_builtin(other)) {
		*found = (struct unit_found){0};
		snprintf(found->name, sizeof(found->name), "%s", other);
		return 0;
	}
	return rc;
}

static bool is_mask(const char *path)
{
	struct stat status;

	return !stat(path, &status) &&
	       (S_ISCHR(status.st_mode) || (S_ISREG(status.st_mode) && !status.st_size));
}

static int found_set(const struct unit_paths *paths, const char *name, const struct unit_entry *entry,
		     struct unit_found *found)
{
	if ((size_t)snprintf(found->name, sizeof(found->name), "%s", name) >= sizeof(found->name))
		return -ENOENT;
	entry_path(paths, entry, found->path);
	found->masked = is_mask(found->path);
	found->enabled = paths->rinits[entry->folder];
	found->vendor = paths->vendors[entry->folder];
	return 0;
}

static int find_exactly(const struct unit_paths *paths, const char *name, struct unit_found *found, int depth)
{
	const struct unit_entry *entry = entry_find(paths, name);

	for (; entry; entry = entry_next(paths, entry)) {
		char path[PATH_MAX], target[PATH_MAX];
		const char *other;
		int rc = -ENOENT;

		entry_path(paths, entry, path);
		if (entry->link && !is_mask(path) && link_read(path, target, &other) &&
		    strcmp(other, name) != 0)
			rc = find_alias(paths, name, other, found, depth);
		if (rc != -ENOENT)
			return rc;
		if (!access(path, F_OK)) /* else a link to nothing */
			return found_set(paths, name, entry, found);
	}
	return -ENOENT;
}

static int find(const struct unit_paths *paths, const char *name, struct unit_found *found, int depth)
{
	char template_name[UNIT_NAME_MAX], own[UNIT_NAME_MAX];
	const char *instance;
	int rc, length;

	if (depth > LINKS_MAX)
		return -ELOOP;
	rc = find_exactly(paths, name, found, depth);
	if (rc != -ENOENT || !unit_name_template(name, template_name, sizeof(template_name)))
		return rc;
	rc = find_exactly(paths, template_name, found, depth);
	length = unit_name_instance(name, &instance);
	if (rc)
		return rc;
	if (!unit_name_instantiate(found->name, instance, (size_t)length, own, sizeof(own)))
		return -ENOENT;
	strcpy(found->name, own);
	return 0;
}

int unit_paths_find(const struct unit_paths *paths, const char *name, struct unit_found *found)
{
	return find(paths, name, found, 0);
}

/* ---- drop-ins and needs ---- */

static const char *base_name(const char *path)
{
	return strrchr(path, '/') + 1;
}

struct collect {
	struct string_list *files;
	int rc;
};

/* The first by its name wins. */
static void drop_in_found(void *context, const char *path)
{
	struct collect *collect = context;

	for (size_t i = 0; i < collect->files->count; i++)
		if (!strcmp(base_name(collect->files->items[i]), base_name(path)))
			return;
	if (!collect->rc)
		collect->rc = string_list_add(collect->files, path);
}

static void drop_ins_of(const struct unit_paths *paths, const char *name, struct collect *collect)
{
	char folder[UNIT_NAME_MAX + 8], path[PATH_MAX];
	const struct unit_entry *entry;

	snprintf(folder, sizeof(folder), "%s.d", name);
	for (entry = entry_find(paths, folder); entry; entry = entry_next(paths, entry)) {
		entry_path(paths, entry, path);
		file_each(path, ".conf", drop_in_found, collect);
	}
}

static int by_base_name(const void *left, const void *right)
{
	return strcmp(base_name(*(char *const *)left), base_name(*(char *const *)right));
}

/* a-b-c.service has those of a-b-.service and a-.service too. */
static void drop_ins_of_prefixes(const struct unit_paths *paths, const char *name, struct collect *collect)
{
	const char *dot = strrchr(name, '.');
	char prefix[UNIT_NAME_MAX];

	for (const char *dash = dot; dash && dash > name; dash--) {
		if (dash[-1] != '-' || dash == dot)
			continue;
		snprintf(prefix, sizeof(prefix), "%.*s%s", (int)(dash - name), name, dot);
		drop_ins_of(paths, prefix, collect);
	}
}

int unit_paths_drop_ins(const struct unit_paths *paths, const char *name, struct string_list *files)
{
	struct collect collect = {.files = files};
	const char *dot = strrchr(name, '.');
	char template_name[UNIT_NAME_MAX];

	drop_ins_of(paths, name, &collect);
	if (unit_name_template(name, template_name, sizeof(template_name)))
		drop_ins_of(paths, template_name, &collect);
	drop_ins_of_prefixes(paths, name, &collect);
	if (dot)
		drop_ins_of(paths, dot + 1, &collect);
	if (files->count)
		qsort(files->items, files->count, sizeof(*files->items), by_base_name);
	return collect.rc;
}

/* A link in an earlier folder to /dev/null takes the name away from the later ones. */
static int needs_of_folder(const char *path, struct string_list *list, struct string_list *masked)
{
	struct dirent **names = NULL;
	int count = scandir(path, &names, NULL, alphasort), rc = 0;

	for (int i = 0; i < count; i++) {
		const char *name = names[i]->d_name;
		char link[PATH_MAX], target[16] = "";

		snprintf(link, sizeof(link), "%s/%s", path, name);
		if (name[0] == '.' || rc || string_list_has(list, name) || string_list_has(masked, name))
			;
		else if (readlink(link, target, sizeof(target) - 1) > 0 && !strcmp(target, "/dev/null"))
			rc = string_list_add(masked, name);
		else
			rc = string_list_add(list, name);
		free(names[i]);
	}
	free(names);
	return rc;
}

int unit_paths_needs(const struct unit_paths *paths, const char *name, const char *suffix,
		     struct string_list *list)
{
	char folder[UNIT_NAME_MAX + 16], path[PATH_MAX];
	struct string_list masked = {0};
	const struct unit_entry *entry;
	int rc = 0;

	snprintf(folder, sizeof(folder), "%s%s", name, suffix);
	for (entry = entry_find(paths, folder); entry && !rc; entry = entry_next(paths, entry)) {
		entry_path(paths, entry, path);
		rc = needs_of_folder(path, list, &masked);
	}
	string_list_clear(&masked);
	return rc;
}

void unit_paths_aliases(const struct unit_paths *paths,
			void (*each)(void *context, const char *alias, const char *name), void *context)
{
	for (size_t folder = 0; folder < paths->folder_count; folder++)
		for (size_t i = 0; i < paths->count; i++) {
			const struct unit_entry *entry = &paths->entries[i];
			char path[PATH_MAX], target[PATH_MAX];
			const char *name;

			if (entry->folder != folder || !entry->link)
				continue;
			entry_path(paths, entry, path);
			if (link_read(path, target, &name) && strcmp(name, entry->name) != 0 &&
			    strcmp(target, "/dev/null") != 0)
				each(context, entry->name, name);
		}
}
