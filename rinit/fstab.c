#include "rinit/fstab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"

#define FIELDS 6

/* ---- lines ---- */

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* \040 and the like, as getmntent(3) writes what would end a field. A NUL so written would end the text. */
static void field_unescape(char *field)
{
	char *to = field;

	for (const char *from = field; *from; to++) {
		int value = 0;

		if (*from == '\\' && is_octal(from[1]) && is_octal(from[2]) && is_octal(from[3]))
			value = (from[1] - '0') * 64 + (from[2] - '0') * 8 + from[3] - '0';
		*to = value > 0 && value < 256 ? (char)value : *from;
		from += value > 0 && value < 256 ? 4 : 1;
	}
	*to = '\0';
}

/* UUID="x": fstab(5) allows quotes around a tag's value. */
static void tag_unquote(char *what)
{
	char *quote = strchr(what, '=');
	size_t length;

	if (!quote || what[0] == '/' || quote[1] != '"')
		return;
	length = strlen(quote + 2);
	memmove(quote + 1, quote + 2, length + 1);
	if (length && quote[length] == '"')
		quote[length] = '\0';
}

/* In place: no // and no / at the end. False for a path that is not absolute or leads upwards. */
static bool path_tidy(char *path)
{
	char *to = path;

	if (*path != '/')
		return false;
	for (const char *from = path; *from;) {
		size_t length = strcspn(from + 1, "/");

		if (length == 2 && !strncmp(from + 1, "..", 2))
			return false;
		if (length && !(length == 1 && from[1] == '.')) {
			memmove(to, from, length + 1);
			to += length + 1;
		}
		from += length + 1;
	}
	if (to == path)
		*to++ = '/';
	*to = '\0';
	return true;
}

bool fstab_is_swap(const struct fstab_entry *entry)
{
	return !strcmp(entry->type, "swap");
}

static const char *fields_split(char *line, char **fields, size_t *count)
{
	char *at = line;

	for (*count = 0;;) {
		at += strspn(at, " \t\r");
		if (!*at || (*at == '#' && (!*count || *count == FIELDS)))
			return NULL;
		if (*count == FIELDS)
			return "has more than six fields";
		fields[(*count)++] = at;
		at += strcspn(at, " \t\r");
		if (*at)
			*at++ = '\0';
	}
}

bool fstab_number(const char *text, unsigned int *number)
{
	char *end;

	*number = (unsigned int)strtoul(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end && strlen(text) < 9;
}

/* Why the line is no entry, or NULL; an empty one has no fields. */
static const char *line_parse(char *line, struct fstab_entry *entry, size_t *count)
{
	char *fields[FIELDS] = {0};
	const char *why = fields_split(line, fields, count);
	unsigned int dump;

	if (why || !*count)
		return why;
	if (*count < 3)
		return "has fewer than three fields";
	for (size_t i = 0; i < *count; i++)
		field_unescape(fields[i]);
	tag_unquote(fields[0]);
	*entry = (struct fstab_entry){.line = entry->line,
				      .what = fields[0],
				      .where = fields[1],
				      .type = fields[2],
				      .options = *count > 3 ? fields[3] : "defaults"};
	if ((*count > 4 && !fstab_number(fields[4], &dump)) ||
	    (*count > 5 && !fstab_number(fields[5], &entry->pass)))
		return "has no number where dump and pass belong";
	if (fstab_is_swap(entry))
		entry->where = "none";
	else if (!path_tidy(fields[1]))
		return "has no absolute path, free of .., as its mount point";
	if (!*entry->what)
		return "names nothing to mount";
	return NULL;
}

static void line_read(const char *text, size_t length, unsigned int number, const struct fstab_reader *reader)
{
	struct fstab_entry entry = {.line = number};
	char line[FSTAB_LINE_MAX];
	const char *why;
	size_t count = 0;

	if (length >= sizeof(line)) {
		reader->fault(reader->context, number, "is too long");
		return;
	}
	memcpy(line, text, length);
	line[length] = '\0';
	why = strlen(line) != length ? "holds a zero byte" : line_parse(line, &entry, &count);
	if (why)
		reader->fault(reader->context, number, why);
	else if (count)
		reader->entry(reader->context, &entry);
}

void fstab_parse(const char *text, size_t length, const struct fstab_reader *reader)
{
	const char *end = text + length;

	for (unsigned int number = 1; text < end; number++) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t line = (size_t)((newline ? newline : end) - text);

		line_read(text, line, number, reader);
		text += line + 1;
	}
}

void fstab_parse_parameter(const char *value, const struct fstab_reader *reader)
{
	char text[FSTAB_LINE_MAX];
	char *rest = text;
	struct fstab_entry entry = {0};
	char *where, *type;

	if (strlen(value) >= sizeof(text)) {
		reader->fault(reader->context, 0, "is too long");
		return;
	}
	strcpy(text, value);
	entry.what = strsep(&rest, ":");
	where = strsep(&rest, ":");
	type = strsep(&rest, ":");
	entry.type = type && *type ? type : "auto";
	entry.options = rest && *rest ? rest : "defaults";
	entry.where = where;
	if (!*entry.what)
		reader->fault(reader->context, 0, "names nothing to mount");
	else if (!where || !path_tidy(where))
		reader->fault(reader->context, 0, "has no absolute path, free of .., as its mount point");
	else
		reader->entry(reader->context, &entry);
}

/* ---- options ---- */

const char *fstab_option_next(const char *options, char *option, size_t size)
{
	size_t length = 0;
	bool quoted = false;

	if (!options || !*options)
		return NULL;
	for (; options[length] && (quoted || options[length] != ','); length++)
		quoted ^= options[length] == '"'; /* SELinux contexts hold commas */
	snprintf(option, size, "%.*s", (int)length, options);
	return options + length + (options[length] == ',');
}

const char *fstab_option_value(const char *option, const char *name)
{
	size_t length = strlen(name);

	return !strncmp(option, name, length) && option[length] == '=' ? option + length + 1 : NULL;
}

void fstab_option_each(const char *options, const char *name, void *context,
		       void (*each)(void *context, const char *value))
{
	char option[FSTAB_LINE_MAX];

	while ((options = fstab_option_next(options, option, sizeof(option))))
		if (fstab_option_value(option, name))
			each(context, fstab_option_value(option, name));
}

bool fstab_option_has(const char *options, const char *name)
{
	char option[FSTAB_LINE_MAX];

	while ((options = fstab_option_next(options, option, sizeof(option))))
		if (!strcmp(option, name))
			return true;
	return false;
}

bool fstab_type_needs_network(const char *type)
{
	static const char *const types[] = {"nfs",        "nfs4",   "cifs",      "smb3",         "sshfs",
					    "fuse.sshfs", "ceph",   "glusterfs", "fuse.gluster", "gfs2",
					    "ocfs2",      "lustre", "davfs",     "afs",          "ncpfs"};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (!strcmp(types[i], type))
			return true;
	return false;
}
