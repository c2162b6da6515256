#include "rinit/credentials.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "rinit/file.h"

#define NAMES_FILE_MAX (1024 * 1024)

/* The field'th of the line's fields between colons, and its length. */
static const char *field_of(const char *line, int field, size_t *length)
{
	while (field-- && *line && *line != '\n') {
		line += strcspn(line, ":\n");
		line += *line == ':';
	}
	*length = strcspn(line, ":\n");
	return line;
}

static bool field_is(const char *line, int field, const char *text)
{
	size_t length;
	const char *at = field_of(line, field, &length);

	return strlen(text) == length && !strncmp(at, text, length);
}

static void field_copy(const char *line, int field, char *text, size_t size)
{
	size_t length;
	const char *at = field_of(line, field, &length);

	snprintf(text, size, "%.*s", (int)length, at);
}

static bool field_number(const char *line, int field, uint32_t *number)
{
	size_t length;
	const char *at = field_of(line, field, &length);
	char *end;
	unsigned long value = strtoul(at, &end, 10);

	*number = (uint32_t)value;
	return length && *at >= '0' && *at <= '9' && end == at + length && value < UINT32_MAX;
}

static const char *line_next(const char *line)
{
	line += strcspn(line, "\n");
	return line + (*line == '\n');
}

/* The line whose name, or whose number, is this; NULL. */
static const char *line_find(const char *text, const char *name)
{
	for (const char *line = text; *line; line = line_next(line))
		if (*name && (field_is(line, 0, name) || field_is(line, 2, name)))
			return line;
	return NULL;
}

static bool list_has(const char *list, size_t length, const char *name)
{
	size_t wanted = strlen(name);

	while (length) {
		size_t part = strcspn(list, ",:\n");

		if (part == wanted && !strncmp(list, name, part))
			return true;
		part += part < length;
		list += part;
		length -= part;
	}
	return false;
}

static int group_number(const char *group, const char *name, gid_t *gid)
{
	const char *line = line_find(group, name);

	return field_number(line ? line : name, line ? 2 : 0, gid) ? 0 : -ENOENT;
}

static void group_add(struct credentials *credentials, gid_t gid)
{
	if (credentials->group_count < CREDENTIAL_GROUPS_MAX)
		credentials->groups[credentials->group_count++] = gid;
}

static int user_find(const char *passwd, const char *name, struct credentials *credentials)
{
	const char *line = line_find(passwd, name);

	if (!line) {
		credentials->gid = 0;
		return field_number(name, 0, &credentials->uid) ? 0 : -ENOENT;
	}
	field_copy(line, 0, credentials->name, sizeof(credentials->name));
	field_copy(line, 5, credentials->home, sizeof(credentials->home));
	field_copy(line, 6, credentials->shell, sizeof(credentials->shell));
	return field_number(line, 2, &credentials->uid) && field_number(line, 3, &credentials->gid) ? 0
												    : -EINVAL;
}

int credentials_find(const char *passwd, const char *group, const struct service_config *config,
		     struct credentials *credentials)
{
	int rc;
	gid_t gid;

	*credentials = (struct credentials){0};
	rc = user_find(passwd, config->user ? config->user : "0", credentials);
	if (!rc && config->group)
		rc = group_number(group, config->group, &credentials->gid);
	if (!rc)
		group_add(credentials, credentials->gid);
	for (const char *line = group; config->user && *line; line = line_next(line)) {
		size_t length;
		const char *members = field_of(line, 3, &length);

		if (*credentials->name && list_has(members, length, credentials->name) &&
		    field_number(line, 2, &gid))
			group_add(credentials, gid);
	}
	for (size_t i = 0; !rc && i < config->groups.count; i++) {
		rc = group_number(group, config->groups.items[i], &gid);
		group_add(credentials, gid);
	}
	return rc;
}

int credentials_read(const struct service_config *config, struct credentials *credentials)
{
	AUTO_FREE char *passwd = NULL;
	AUTO_FREE char *group = NULL;
	size_t length;

	file_load("/etc/passwd", NAMES_FILE_MAX, &passwd, &length);
	file_load("/etc/group", NAMES_FILE_MAX, &group, &length);
	return credentials_find(passwd ? passwd : "", group ? group : "", config, credentials);
}
