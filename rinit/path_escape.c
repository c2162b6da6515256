#include "rinit/path_escape.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool stands_for_itself(const char *path, const char *at)
{
	return isalnum((unsigned char)*at) || *at == ':' || *at == '_' || (*at == '.' && at != path);
}

int path_to_unit_name(const char *path, const char *suffix, char *name, size_t size)
{
	size_t used = 0;

	while (*path == '/')
		path++;
	if (!*path && size)
		name[used++] = '-';
	for (const char *at = path; *at; at++) {
		if (used + 5 > size)
			return -ENAMETOOLONG;
		if (*at != '/' && !stands_for_itself(path, at))
			used += (size_t)sprintf(name + used, "\\x%02x", (unsigned char)*at);
		else if (*at != '/')
			name[used++] = *at;
		else if (at[1] && at[1] != '/') /* several in a row are one, and none at the end counts */
			name[used++] = '-';
	}
	if (used + strlen(suffix) >= size)
		return -ENAMETOOLONG;
	strcpy(name + used, suffix);
	return 0;
}
