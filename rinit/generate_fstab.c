/* /etc/fstab, and what the kernel's command line adds to it, as .mount and .swap units
 * (systemd-fstab-generator(8)). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "rinit/cmdline.h"
#include "rinit/file.h"
#include "rinit/fstab.h"
#include "rinit/generate.h"
#include "rinit/mount_options.h"
#include "rinit/path_escape.h"
#include "rinit/runtime.h"
#include "rinit/unit_path.h"

#define FSTAB     "/etc/fstab"
#define CMDLINE   "/proc/cmdline"
#define FSTAB_MAX 65536

struct fstab_units {
	const struct generator *generator;
	struct string_list first; /* the names of those with pass 1 */
	bool look_only;           /* this time for these alone */
};

/* One line's unit, while it is written. */
struct line_unit {
	const struct generator *generator;
	const struct fstab_entry *entry;
	char name[UNIT_NAME_MAX];
	struct mount_options options;
	FILE *stream;
	const char *why; /* it can't be used */
};

/* Line 0: it is of the kernel's command line. */
static const char *place_name(unsigned int line, char name[64])
{
	if (line)
		snprintf(name, 64, FSTAB ":%u", line);
	else
		snprintf(name, 64, "kernel parameter " FSTAB_KERNEL_PARAMETER);
	return name;
}

static void fault(void *context, unsigned int line, const char *why)
{
	const struct fstab_units *units = context;
	char place[64];

	if (!units->look_only)
		generator_warn(units->generator, "%s: %s %s and has no effect", place_name(line, place),
			       line ? "this line" : "it", why);
}

/* Where udev would link to it: so does systemd name the units of swap. */
static void device_path(const char *what, char *path, size_t size)
{
	static const char *const tags[][2] = {
		{"UUID=", "/dev/disk/by-uuid/"},
		{"LABEL=", "/dev/disk/by-label/"},
		{"PARTUUID=", "/dev/disk/by-partuuid/"},
		{"PARTLABEL=", "/dev/disk/by-partlabel/"},
	};

	snprintf(path, size, "%s", what);
	for (size_t i = 0; i < ARRAY_SIZE(tags); i++)
		if (!strncmp(what, tags[i][0], strlen(tags[i][0])))
			snprintf(path, size, "%s%s", tags[i][1], what + strlen(tags[i][0]));
}

static int unit_name(const struct fstab_entry *entry, char name[UNIT_NAME_MAX])
{
	char path[FSTAB_LINE_MAX];

	if (!fstab_is_swap(entry))
		return path_to_unit_name(entry->where, ".mount", name, UNIT_NAME_MAX);
	device_path(entry->what, path, sizeof(path));
	return path_to_unit_name(path, ".swap", name, UNIT_NAME_MAX);
}

/* ---- keys ---- */

static void write_or_fail(struct line_unit *unit, bool written)
{
	if (!written && !unit->why)
		unit->why = "has control characters, or blanks or \\ at the end of a field,";
}

/* A unit's name, or a path that has one (systemd.mount(5), x-systemd.requires=). */
static void unit_key(struct line_unit *unit, const char *key, const char *value)
{
	char name[UNIT_NAME_MAX];

	if (*value == '/' &&
	    !path_to_unit_name(value, strncmp(value, "/dev/", 5) ? ".mount" : ".device", name, sizeof(name)))
		value = name;
	write_or_fail(unit, key_write_name(unit->stream, key, value));
}

static void on_after(void *context, const char *value)
{
	unit_key(context, "After", value);
}

static void on_before(void *context, const char *value)
{
	unit_key(context, "Before", value);
}

static void on_requires(void *context, const char *value)
{
	unit_key(context, "After", value);
	unit_key(context, "Requires", value);
}

static void on_requires_mounts(void *context, const char *value)
{
	struct line_unit *unit = context;

	write_or_fail(unit, key_write_word(unit->stream, "RequiresMountsFor", value));
}

static void on_wants_mounts(void *context, const char *value)
{
	struct line_unit *unit = context;

	write_or_fail(unit, key_write_word(unit->stream, "WantsMountsFor", value));
}

static void order_write(struct line_unit *unit, const struct string_list *first)
{
	static const struct {
		const char *option;
		void (*each)(void *context, const char *value);
	} orders[] = {{"x-systemd.after", on_after},
		      {"x-systemd.before", on_before},
		      {"x-systemd.requires", on_requires},
		      {"x-systemd.requires-mounts-for", on_requires_mounts},
		      {"x-systemd.wants-mounts-for", on_wants_mounts}};
	const char *options = unit->entry->options;

	for (size_t i = 0; i < ARRAY_SIZE(orders); i++)
		fstab_option_each(options, orders[i].option, unit, orders[i].each);
	if (unit->options.network)
		fputs("After=local-fs.target\n", unit->stream);
	if (unit->options.no_wait)
		fputs("After=modules.target\n", unit->stream);
	for (size_t i = 0; unit->entry->pass > 1 && i < first->count; i++)
		key_write_name(unit->stream, "After", first->items[i]);
}

/* What becomes of noauto and nofail is seen where it is linked; an automount that is left out shall hold up
 * nobody. */
static void options_write(struct line_unit *unit, bool lazily)
{
	char pass[32] = "", text[2 * FSTAB_LINE_MAX];

	if (unit->entry->pass)
		snprintf(pass, sizeof(pass), "," MOUNT_OPTION_PASS "=%u", unit->entry->pass);
	snprintf(text, sizeof(text), "%s%s%s", unit->entry->options, lazily ? ",nofail" : "", pass);
	write_or_fail(unit, key_write(unit->stream, "Options", text));
}

static void unit_write(struct line_unit *unit, const struct string_list *first, bool lazily)
{
	const struct fstab_entry *entry = unit->entry;
	bool swap = fstab_is_swap(entry);
	char text[2 * FSTAB_LINE_MAX];

	snprintf(text, sizeof(text), swap ? "swap on %s" : "%s from %s", swap ? entry->what : entry->where,
		 entry->what);
	fprintf(unit->stream, "[Unit]\nSourcePath=%s\n", entry->line ? FSTAB : CMDLINE);
	key_write(unit->stream, "Description", text);
	order_write(unit, first);
	fprintf(unit->stream, "\n[%s]\n", swap ? "Swap" : "Mount");
	if (swap) {
		device_path(entry->what, text, sizeof(text));
		write_or_fail(unit, key_write(unit->stream, "What", text));
	} else {
		write_or_fail(unit, key_write(unit->stream, "What", entry->what) &&
					    key_write(unit->stream, "Where", entry->where) &&
					    key_write(unit->stream, "Type", entry->type));
	}
	options_write(unit, lazily);
}

/* ---- links ---- */

struct link {
	const struct line_unit *unit;
	const char *suffix;
	bool made;
};

static void on_wanted_by(void *context, const char *value)
{
	struct link *link = context;

	generator_link(link->unit->generator, value, link->suffix, link->unit->name);
	link->made = true;
}

/* local-fs.target would fail for want of it. */
static bool is_masked(const struct line_unit *unit)
{
	struct unit_found found;

	return !unit_paths_find(unit->generator->paths, unit->name, &found) && found.masked;
}

static void unit_link(const struct line_unit *unit, bool lazily)
{
	struct link wants = {.unit = unit, .suffix = "wants"},
		    requires = {.unit = unit, .suffix = "requires"};
	bool swap = fstab_is_swap(unit->entry);

	if (is_masked(unit))
		return;
	fstab_option_each(unit->entry->options, "x-systemd.wanted-by", &wants, on_wanted_by);
	fstab_option_each(unit->entry->options, "x-systemd.required-by", &requires, on_wanted_by);
	if (wants.made || requires.made || (unit->options.noauto && !lazily))
		return;
	generator_link(unit->generator,
		       swap                    ? "swap.target"
		       : unit->options.network ? "remote-fs.target"
					       : "local-fs.target",
		       swap || lazily || unit->options.nofail ? "wants" : "requires", unit->name);
}

/* ---- lines ---- */

static void option_unknown(void *context, const char *option)
{
	const struct line_unit *unit = context;

	char place[64];

	generator_warn(unit->generator, "%s: option %s is not known here and has no effect%s",
		       place_name(unit->entry->line, place), option,
		       !strcmp(option, "x-systemd.automount") ? ": it is mounted at boot" : "");
}

static const char *entry_write(const struct fstab_units *units, const struct fstab_entry *entry)
{
	static struct line_unit unit; /* its options are large */
	AUTO_FREE char *text = NULL;
	size_t length;
	/* With noauto it would have been mounted on first use only. */
	bool lazily = fstab_option_has(entry->options, "x-systemd.automount") &&
		      fstab_option_has(entry->options, "noauto");
	int rc;

	unit = (struct line_unit){.generator = units->generator, .entry = entry};
	if (unit_name(entry, unit.name))
		return "has too long a path";
	if (mount_options_parse(&unit.options, entry->options, entry->type, &unit, option_unknown))
		return "has too many options";
	unit.stream = open_memstream(&text, &length);
	if (!unit.stream)
		return strerror(errno);
	unit_write(&unit, &units->first, lazily);
	if (fclose(unit.stream))
		return strerror(errno);
	rc = unit.why ? 0 : generator_write(units->generator, unit.name, text);
	if (!rc && !unit.why)
		unit_link(&unit, lazily);
	return rc == -EEXIST ? "is about what has a line already" : rc ? strerror(-rc) : unit.why;
}

static void on_entry(void *context, const struct fstab_entry *entry)
{
	struct fstab_units *units = context;
	char name[UNIT_NAME_MAX];
	const char *why;

	if (!strcmp(entry->type, "ignore"))
		return;
	if (units->look_only) {
		if (entry->pass == 1 && !unit_name(entry, name))
			string_list_add(&units->first, name);
		return;
	}
	why = entry_write(units, entry);
	if (why)
		fault(units, entry->line, why);
}

static void on_parameter(void *context, const char *value)
{
	struct fstab_units *units = context;
	const struct fstab_reader reader = {.context = units, .entry = on_entry, .fault = fault};

	fstab_parse_parameter(value, &reader);
}

/* A container's is its host's. */
static void read_parameters(struct fstab_units *units)
{
	char path[PATH_MAX], cmdline[CMDLINE_MAX] = "";

	snprintf(path, sizeof(path), "%s" CMDLINE, units->generator->root);
	if (!*units->generator->root && runtime_is_container())
		return;
	file_read_line(path, cmdline, sizeof(cmdline));
	cmdline_each(cmdline, FSTAB_KERNEL_PARAMETER, units, on_parameter);
}

void generate_fstab(const struct generator *generator)
{
	struct fstab_units units = {.generator = generator, .look_only = true};
	const struct fstab_reader reader = {.context = &units, .entry = on_entry, .fault = fault};
	AUTO_FREE char *text = NULL;
	char path[PATH_MAX];
	size_t length;
	int rc;

	snprintf(path, sizeof(path), "%s" FSTAB, generator->root);
	rc = file_load(path, FSTAB_MAX, &text, &length);
	if (rc && rc != -ENOENT)
		generator_warn(generator, FSTAB ": cannot read: %s: only the root file system is mounted",
			       strerror(-rc));
	if (!rc)
		fstab_parse(text, length, &reader);
	units.look_only = false;
	if (!rc)
		fstab_parse(text, length, &reader);
	read_parameters(&units);
	string_list_clear(&units.first);
}
