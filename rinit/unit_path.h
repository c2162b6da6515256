/*
 * Where unit files lie (systemd.unit(5), "Unit File Load Path"): /etc/rinit, then systemd's folders; the
 * first one that has a name wins. The folders' names are read once, the files only when they are asked for.
 * Links that lead to another name make an alias, links to /dev/null and empty files a mask.
 */
#pragma once

#include <limits.h>

#include "rinit/unit.h"

#define UNIT_FOLDERS_MAX 8

struct unit_entry {
	char *name;
	unsigned char folder;
	bool link;
};

struct unit_paths {
	char folders[UNIT_FOLDERS_MAX][PATH_MAX];
	bool rinits[UNIT_FOLDERS_MAX]; /* what is in it is enabled */
	bool vendors[UNIT_FOLDERS_MAX];
	size_t folder_count;
	struct unit_entry *entries; /* sorted by name, then folder */
	size_t count;
};

struct unit_found {
	char name[UNIT_NAME_MAX]; /* its own: where links led, with the instance put in */
	char path[PATH_MAX];
	bool masked;
	bool enabled; /* in /etc/rinit */
	bool vendor;  /* in /lib or /usr */
};

/* Reads the folders under root, "" for the system's; those that are not there are left out, and those that
 * are another one by another name (/lib -> usr/lib). 0 or -ENOMEM. */
int unit_paths_open(struct unit_paths *paths, const char *root);
void unit_paths_close(struct unit_paths *paths);

/* 0, -ENOENT, or -ELOOP when links lead in a circle. An instance that has no file has its template's. */
int unit_paths_find(const struct unit_paths *paths, const char *name, struct unit_found *found);

/* The files of the name's drop-in folders, sorted by their names; 0 or -ENOMEM. */
int unit_paths_drop_ins(const struct unit_paths *paths, const char *name, struct string_list *files);

/* Adds the names in NAME.wants or NAME.requires (suffix) to list, which has each of them once; 0 or -ENOMEM.
 */
int unit_paths_needs(const struct unit_paths *paths, const char *name, const char *suffix,
		     struct string_list *list);

/* Calls each for the links of the folders that lead to another name; the folders in their order. */
void unit_paths_aliases(const struct unit_paths *paths,
			void (*each)(void *context, const char *alias, const char *name), void *context);
